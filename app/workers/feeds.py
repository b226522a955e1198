"""The chore that tells of new needs to whoever saved a search for them."""

from uuid import UUID

from app.domain.feeds.alerts import match_new_needs, tell_due
from app.infra.database import transaction
from app.infra.runtime import Runtime


async def send_alerts(runtime: Runtime) -> int:
    """Find what is new for whom, then write the letters whose hour has come, in short steps."""
    done = 0
    while True:
        async with transaction(runtime.sessions) as session:
            looked_at = await match_new_needs(session)
        done += looked_at
        if not looked_at:
            break
    after: UUID | None = None
    while True:
        async with transaction(runtime.sessions) as session:
            told, after = await tell_due(session, after)
        done += told
        if after is None:
            return done

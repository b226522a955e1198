"""The chore that writes digests at people's hours."""

from uuid import UUID

from app.domain.notifications.digests import write_digests as write_slice
from app.infra.database import transaction
from app.infra.runtime import Runtime


async def write_digests(runtime: Runtime) -> int:
    """Write every digest whose hour has come, a slice of people a transaction."""
    written = 0
    after: UUID | None = None
    while True:
        async with transaction(runtime.sessions) as session:
            some, after = await write_slice(session, after)
        written += some
        if after is None:
            return written

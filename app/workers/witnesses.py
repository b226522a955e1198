"""The chore of witnesses: hold our log against what others hold of it, and have it signed."""

from app.domain.witnesses import queries
from app.federation.witnesses.offering import ask_first, offer_due
from app.federation.witnesses.outside import look_outside, write_outside
from app.infra.database import transaction
from app.infra.runtime import Runtime


async def may_append(runtime: Runtime) -> bool:
    """Whether the log may grow; whoever lets things into it asks here before.

    The file outside the database is looked at each time, witnesses once in the life of a process:
    a database is restored while nothing runs.
    """
    await look_outside(runtime)
    await ask_first(runtime)
    async with transaction(runtime.sessions) as session:
        return not await queries.is_read_only(session)


async def offer_checkpoints(runtime: Runtime) -> int:
    """Offer the newest checkpoint to witnesses; answers how many signed."""
    if not await may_append(runtime):
        return 0
    await write_outside(runtime)
    return await offer_due(runtime)

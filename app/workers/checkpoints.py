"""The chore of the log: places for what came into the books, and a signed state of it all."""

from app.domain.checkpoints import actions
from app.domain.checkpoints.signing import open_signer
from app.federation.witnesses.our_log import current_name
from app.infra.database import transaction
from app.infra.runtime import Runtime
from app.workers.witnesses import may_append


async def keep_log(runtime: Runtime) -> int:
    """Take up what waits and sign when that is due; answers how many leaves came."""
    if not await may_append(runtime):
        return 0
    taken = 0
    while True:
        async with transaction(runtime.sessions) as session:
            more = await actions.take_up(session)
        if not more:
            break
        taken += more
    async with transaction(runtime.sessions) as session:
        if await actions.is_due(session):
            signer = await open_signer(session, runtime.origin, runtime.data_dir)
            name = await current_name(session, runtime)
            await actions.make_checkpoint(session, name, signer.sign)
    return taken

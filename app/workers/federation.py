"""The chores of the peer edge: apply what came in, send what waits."""

import asyncio
from uuid import UUID

from app.federation import agreements, inbox, outbox, sync
from app.federation.delivery import deliver_due
from app.federation.inbox import Progress
from app.federation.peers import clocks, rotation
from app.federation.peers.queries import active_peers
from app.infra.database import transaction
from app.infra.runtime import Runtime

LANES_MAX = 4
_GREETED = "federation.greeted"


async def deliver_messages(runtime: Runtime) -> int:
    """Write what peers are to be told and send what waits for them; answers how much was done."""

    async def write_mail() -> int:
        written = 0
        while True:
            async with transaction(runtime.sessions) as session:
                noted = await outbox.tell_peers(session, runtime)
            written += noted
            if noted < outbox.BATCH_MAX:
                return written

    done = await deliver_due(runtime, write_mail)
    async with transaction(runtime.sessions) as session:
        return done + await agreements.settle_refused(session)


async def look_after_keys(runtime: Runtime) -> int:
    """Bring our keys forward, and lanes back to the clock; answers how many steps were taken."""
    async with transaction(runtime.sessions) as session:
        await clocks.heal_lanes(session)
        return await rotation.turn_keys(session, runtime)


async def process_inbox(runtime: Runtime) -> int:
    """Apply what peers sent, each peer's in its order; answers how much was applied."""
    async with transaction(runtime.sessions) as session:
        await inbox.purge(session)
        with_mail = set(await inbox.peers_with_mail(session))
        to_ask = set(await sync.silent_peers(session))
        if _GREETED not in runtime.shared:
            # Reading every peer's log once also tells them all that we are back.
            to_ask |= {peer.id for peer in await active_peers(session)}
    runtime.shared[_GREETED] = True
    places = asyncio.Semaphore(LANES_MAX)

    async def run(peer_id: UUID) -> int:
        async with places:
            return await _catch_up(runtime, peer_id, ask=peer_id in to_ask)

    return sum(await asyncio.gather(*(run(peer_id) for peer_id in with_mail | to_ask)))


async def _catch_up(runtime: Runtime, peer_id: UUID, *, ask: bool) -> int:
    applied, more, gap = 0, True, ask
    while more:
        async with transaction(runtime.sessions) as session:
            progress: Progress = await inbox.process(session, runtime, peer_id)
        applied += progress.applied
        more, gap = progress.more, gap or progress.gap
    if gap:
        applied += await sync.pull(runtime, peer_id)
    return applied

"""The chores of the peer edge: apply what came in, send what waits."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from app.federation import agreements, inbox, outbox, retention, sync
from app.federation.delivery import deliver_due
from app.federation.peers import clocks, rotation
from app.federation.peers.introductions import describe, peers_to_describe
from app.federation.peers.queries import active_peers
from app.federation.peers.stewarding import LaneMarks, lanes_now, wake_lanes
from app.federation.peers.trouble import tell_of_trouble
from app.federation.peers.wishes import seek
from app.federation.repair import due_for_repair, repair
from app.infra import clock
from app.infra.database import transaction
from app.infra.runtime import Runtime
from app.models.administration import Job, JobState

LANES_MAX = 4
WATCH_SECONDS = 0.5
DESCRIBED_AT_ONCE = 8
DESCRIBED_AGAIN_AFTER = timedelta(days=1)
Progress = Callable[[int, int], Awaitable[None]]
_GREETED = "federation.greeted"
_log = structlog.get_logger(__name__)


async def deliver_messages(runtime: Runtime) -> int:
    """Write what peers are to be told and send what waits for them; answers how much was done."""
    checked = 1
    while checked:
        async with transaction(runtime.sessions) as session:
            checked = await outbox.check_told(session, runtime)

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
        with_mail = set(await inbox.peers_with_mail(session))
        to_ask = set(await sync.silent_peers(session)) | set(await due_for_repair(session))
        if _GREETED not in runtime.shared:
            # Reading every peer's log once also tells them all that we are back.
            to_ask |= {peer.id for peer in await active_peers(session)}
    runtime.shared[_GREETED] = True
    places = asyncio.Semaphore(LANES_MAX)

    async def run(peer_id: UUID) -> int:
        async with places:
            return await _catch_up(runtime, peer_id, ask=peer_id in to_ask)

    return sum(await asyncio.gather(*(_apart(peer_id, run) for peer_id in with_mail | to_ask)))


async def _apart(peer_id: UUID, run: Callable[[UUID], Awaitable[int]]) -> int:
    """Do something for a peer; a fault that nobody foresaw must not end the others' round."""
    try:
        return await run(peer_id)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this peer's
        _log.error("peer failed", peer=str(peer_id), error=type(error).__name__)
        return 0


async def look_after_peers(runtime: Runtime) -> int:
    """Ask those whom stewards wait for, and tell stewards what they must hear of."""
    answered = await seek(runtime)
    async with transaction(runtime.sessions) as session:
        return answered + await tell_of_trouble(session)


async def describe_peers(runtime: Runtime) -> int:
    """Read once a day what peers say of themselves; answers 0, for there is never more to do."""
    async with transaction(runtime.sessions) as session:
        before = clock.now() - DESCRIBED_AGAIN_AFTER
        peers = {
            peer.id: peer for peer in await peers_to_describe(session, before, DESCRIBED_AT_ONCE)
        }

    async def read(peer_id: UUID) -> int:
        await describe(runtime, peers[peer_id])
        return 0

    await asyncio.gather(*(_apart(peer_id, read) for peer_id in peers))
    return 0


async def sync_peer(
    runtime: Runtime, job: Job, progress: Progress
) -> tuple[JobState, Mapping[str, Any], list[dict[str, Any]]]:
    """Bring both sides in step because a steward asked; says in numbers what went each way."""
    peer_id = UUID(job.parameters["peer_id"])
    async with transaction(runtime.sessions) as session:
        begun = await wake_lanes(session, peer_id)
    watching = asyncio.create_task(_watch(runtime, peer_id, begun, progress))
    try:
        await deliver_messages(runtime)
        await _catch_up(runtime, peer_id, ask=True)
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
    async with transaction(runtime.sessions) as session:
        now = await lanes_now(session, peer_id)
    sent, taken = now.done_since(begun)
    result = {"sent": sent, "taken": taken, "waiting": now.waiting, "total": sent + taken}
    if now.failing:
        return JobState.FAILED, {**result, "code": "peer_sync_failed"}, []
    return JobState.DONE, result, []


async def _watch(runtime: Runtime, peer_id: UUID, begun: LaneMarks, progress: Progress) -> None:
    """Say how far a sync is while it runs."""
    while True:
        await asyncio.sleep(WATCH_SECONDS)
        async with transaction(runtime.sessions) as session:
            now = await lanes_now(session, peer_id)
        done = sum(now.done_since(begun))
        await progress(done, done + now.waiting)


async def tidy_peers(runtime: Runtime) -> int:
    """Forget what has been kept long enough."""
    async with transaction(runtime.sessions) as session:
        await retention.purge(session)
    async with transaction(runtime.sessions) as session:
        await retention.prune_logs(session)
    return 0


async def _catch_up(runtime: Runtime, peer_id: UUID, *, ask: bool) -> int:
    """Apply what is here, read what is missing, and mend what still differs."""
    applied, gap = await _apply(runtime, peer_id)
    if not gap and not ask and not await _has_news(runtime, peer_id):
        return applied
    applied += await sync.pull(runtime, peer_id)
    applied += (await _apply(runtime, peer_id))[0]
    async with transaction(runtime.sessions) as session:
        due = await due_for_repair(session, peer_id)
    if due:
        mended = await repair(runtime, peer_id)
        applied += mended.read + mended.removed
    return applied


async def _has_news(runtime: Runtime, peer_id: UUID) -> bool:
    async with transaction(runtime.sessions) as session:
        news, due = await sync.silent_peers(session), await due_for_repair(session, peer_id)
    return peer_id in news or peer_id in due


async def _apply(runtime: Runtime, peer_id: UUID) -> tuple[int, bool]:
    applied, more, gap = 0, True, False
    while more:
        async with transaction(runtime.sessions) as session:
            found: inbox.Progress = await inbox.process(session, runtime, peer_id)
        applied += found.applied
        more, gap = found.more, gap or found.gap
    return applied, gap

"""Messages from peers: stored durably when they arrive, applied in order afterwards.

receive() runs inside the request and only proves, checks and stores: a peer gets its answer
in milliseconds and may forget the message. process() runs in a worker, in the order of the
peer's sequence; a message has its effect and its mark in one transaction, so exactly once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import or_, union, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.federation import verification
from app.federation.entries import Entry, Step
from app.federation.peers.lanes import note_tally, take_up_epoch
from app.federation.peers.queries import lock_peer
from app.federation.registry import entry_for, load_together, remember_unusable
from app.federation.rules import MISMATCHES_UNTIL_REPAIR, Holding, Look, Tally, look, object_hash
from app.federation.verification import Received, VerifiedMessage, verify_message
from app.federation.wire.problems import ID_REUSE, RefusedError
from app.infra import clock
from app.infra.runtime import Runtime
from app.infra.strict_json import parse_json
from app.models.federation import (
    IncomingMessage,
    IncomingState,
    Peer,
    PeerInbox,
    PeerOutbox,
    PeerTally,
)

PROCESS_JOB = "process_inbox"
BATCH_MAX = 200
ATTEMPTS_MAX = 5
HEARD_AGAIN_AFTER = timedelta(seconds=60)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Progress:
    """How far a peer's lane came: whether messages are missing, and whether more wait."""

    applied: int = 0
    gap: bool = False
    more: bool = False


async def receive(session: AsyncSession, runtime: Runtime, received: Received) -> bool:
    """Prove and store one message; answers False for one that we have already.

    Raises RefusedError, and then nothing is stored.
    """
    verified = await verify_message(session, runtime, received)
    at = Step(session, runtime, verified.peer, verified.epoch)
    entry = await entry_for(at, verified.content.activity)
    if verified.peer.state not in entry.states:
        raise RefusedError(verification.problem_of_state(verified.peer.state))
    await entry.check(at, verified, entry.read(verified.content.activity))
    stored = await store(session, verified)
    if not stored and entry.repeatable:
        await _apply_again(session, verified)
    await _heard_from(session, verified)
    await note_tally(session, verified.peer.id, verified.tally, verified.epoch)
    return stored


async def store(session: AsyncSession, verified: VerifiedMessage) -> bool:
    """Write a verified message once; the same id with another content is refused."""
    return not await store_all(session, [(verified, "")])


async def store_all(
    session: AsyncSession, messages: Sequence[tuple[VerifiedMessage, str]]
) -> list[VerifiedMessage]:
    """Write verified messages once each, in one statement; answers those that were known.

    A message comes with the code of the refusal that it is kept under, or an empty text.
    """
    written = await session.execute(
        insert(IncomingMessage)
        .values([_row(verified, refused_as) for verified, refused_as in messages])
        .on_conflict_do_nothing()
        .returning(col(IncomingMessage.activity_id))
    )
    new = set(written.scalars())
    known = [verified for verified, _ in messages if verified.content.activity_id not in new]
    for verified in known:
        await _recognise(session, verified)
    return known


def _row(verified: VerifiedMessage, refused_as: str) -> dict[str, object]:
    return {
        "peer_id": verified.peer.id,
        "activity_id": verified.content.activity_id,
        "activity_type": verified.content.activity_type,
        "body": verified.content.body,
        "body_hash": verified.content.body_hash,
        "epoch": verified.epoch,
        "seq": verified.seq,
        "state": IncomingState.REFUSED if refused_as else IncomingState.RECEIVED,
        "code": refused_as,
        "attempts": 0,
        "received_at": clock.now(),
    }


async def _recognise(session: AsyncSession, verified: VerifiedMessage) -> None:
    """Make sure that a known id has the content it had before."""
    known = select(IncomingMessage.body_hash).where(
        IncomingMessage.peer_id == verified.peer.id,
        IncomingMessage.activity_id == verified.content.activity_id,
    )
    if (await session.exec(known)).one() != verified.content.body_hash:
        raise RefusedError(ID_REUSE)
    if verified.seq is not None:
        await _number_anew(session, verified)


async def _apply_again(session: AsyncSession, verified: VerifiedMessage) -> None:
    await session.execute(
        update(IncomingMessage)
        .where(
            col(IncomingMessage.peer_id) == verified.peer.id,
            col(IncomingMessage.activity_id) == verified.content.activity_id,
        )
        .values(state=IncomingState.RECEIVED, attempts=0)
    )


async def _number_anew(session: AsyncSession, verified: VerifiedMessage) -> None:
    """Give a message that we have the number it has by now: its sender was restored."""
    await session.execute(
        update(IncomingMessage)
        .where(
            col(IncomingMessage.peer_id) == verified.peer.id,
            col(IncomingMessage.activity_id) == verified.content.activity_id,
            or_(
                col(IncomingMessage.epoch) != verified.epoch,
                col(IncomingMessage.seq).is_distinct_from(verified.seq),
            ),
        )
        .values(epoch=verified.epoch, seq=verified.seq)
    )


async def _heard_from(session: AsyncSession, verified: VerifiedMessage) -> None:
    """Note that a peer lives: what waits for it is tried at once, and its sequence is taken up."""
    now, peer_id = clock.now(), verified.peer.id
    await session.execute(
        update(PeerOutbox)
        .where(col(PeerOutbox.peer_id) == peer_id, col(PeerOutbox.failures) > 0)
        .values(failures=0, next_attempt_at=now)
    )
    await session.execute(
        update(PeerInbox)
        .where(
            col(PeerInbox.peer_id) == peer_id,
            or_(
                col(PeerInbox.last_message_at).is_(None),
                col(PeerInbox.last_message_at) < now - HEARD_AGAIN_AFTER,
                col(PeerInbox.pull_after) > now,
                col(PeerInbox.clock_offset_seconds).is_not(None),
            ),
        )
        .values(last_message_at=now, pull_failures=0, pull_after=now, clock_offset_seconds=None)
    )
    if verified.seq is not None:
        await take_up_epoch(session, peer_id, verified.epoch)


async def peers_with_mail(session: AsyncSession) -> Sequence[UUID]:
    """List the peers of whom messages wait to be applied, or what they told to be compared."""
    waiting = select(IncomingMessage.peer_id).where(IncomingMessage.state == IncomingState.RECEIVED)
    said = union(waiting, select(PeerTally.peer_id))
    return list((await session.execute(said)).scalars())


async def process(session: AsyncSession, runtime: Runtime, peer_id: UUID) -> Progress:
    """Apply what waits of one peer, in order, up to a gap; one worker at a time per peer."""
    lane = (
        await session.exec(
            select(PeerInbox).where(PeerInbox.peer_id == peer_id).with_for_update(skip_locked=True)
        )
    ).first()
    if lane is None:
        return Progress()
    peer = await lock_peer(session, peer_id)
    waiting = await _waiting(session, peer_id)
    settled = await _settled_after(session, lane)
    ready, gap = _in_order(lane, waiting, settled)
    if not await _apply_together(session, runtime, peer, ready):
        ready = await _apply_one_by_one(session, runtime, peer, ready)
    settled |= {message.seq for message in ready if message.seq is not None}
    lane.applied_seq = _walk(lane.applied_seq, settled)
    # Before a gap nothing more can be done, however much waits behind it.
    more = len(waiting) == BATCH_MAX and not gap
    if not more:
        await _compare(session, lane)
    return Progress(len(ready), gap=gap, more=more)


async def _compare(session: AsyncSession, lane: PeerInbox) -> None:
    """Hold what the peer says we should have of it against what we have, once."""
    said = await session.get(PeerTally, lane.peer_id, with_for_update=True)
    if said is None:
        return
    tally = Tally(said.seq, Holding(said.count, said.digest), said.epoch)
    found = look(lane.epoch, lane.applied_seq, Holding(lane.held_count, lane.held_digest), tally)
    if found is Look.BEHIND:
        return  # its messages are on their way
    await session.delete(said)
    if found is Look.SAME:
        lane.mismatches = 0
    elif found is Look.DIFFERENT:
        lane.mismatches += 1
        lane.manifest_due = lane.manifest_due or lane.mismatches >= MISMATCHES_UNTIL_REPAIR
    else:
        # Reading its log after the number that we have shows the peer what it has forgotten.
        lane.news_due = True


def _in_order(
    lane: PeerInbox, waiting: Sequence[IncomingMessage], settled: set[int]
) -> tuple[list[IncomingMessage], bool]:
    """Choose what can be applied now: up to the first number that is missing."""
    ready: list[IncomingMessage] = []
    reached = set(settled)
    for message in waiting:
        if message.seq is not None and message.epoch != lane.epoch:
            _mark(message, IncomingState.IGNORED, "older-epoch")
            continue
        if message.seq is not None:
            if message.seq > _walk(lane.applied_seq, reached) + 1:
                return ready, True
            reached.add(message.seq)
        ready.append(message)
    return ready, False


async def _apply_together(
    session: AsyncSession, runtime: Runtime, peer: Peer, ready: Sequence[IncomingMessage]
) -> bool:
    """Apply a batch in one savepoint with few statements; answers False if any of it fails."""
    changed = []
    try:
        async with session.begin_nested():
            read = [await _read(session, runtime, peer, message) for message in ready]
            # Held here, so that the session still has them when each message asks.
            at_hand = await load_together(session, peer, [(at.epoch, *rest) for at, *rest in read])
            for at, entry, document in read:
                changed.append(await entry.apply(at, document))
            await session.flush()  # what fails must fail inside the savepoint
            del at_hand
    except Exception as error:  # noqa: BLE001 - whichever message it is, is found one by one
        _log.info("batch failed", error=type(error).__name__)
        await _read_anew(session, ready[0].peer_id)
        return False
    for message, effect in zip(ready, changed, strict=True):
        _mark(message, IncomingState.APPLIED if effect else IncomingState.IGNORED, "")
    return True


async def _apply_one_by_one(
    session: AsyncSession, runtime: Runtime, peer: Peer, ready: Sequence[IncomingMessage]
) -> list[IncomingMessage]:
    """Apply messages each in its savepoint; answers those that are settled, in order."""
    done = []
    for message in ready:
        if not await _settle(session, runtime, peer, message):
            break
        done.append(message)
    return done


def _walk(applied_seq: int, settled: set[int]) -> int:
    """Go forward over the numbers that are settled, up to the first that is not."""
    while applied_seq + 1 in settled:
        applied_seq += 1
    return applied_seq


async def _settled_after(session: AsyncSession, lane: PeerInbox) -> set[int]:
    """Find numbers that need no more work: refused, or known under an older number."""
    statement = select(col(IncomingMessage.seq)).where(
        col(IncomingMessage.peer_id) == lane.peer_id,
        col(IncomingMessage.epoch) == lane.epoch,
        col(IncomingMessage.seq) > lane.applied_seq,
        col(IncomingMessage.state) != IncomingState.RECEIVED,
    )
    return {seq for seq in (await session.exec(statement)).all() if seq is not None}


async def _waiting(session: AsyncSession, peer_id: UUID) -> Sequence[IncomingMessage]:
    statement = (
        select(IncomingMessage)
        .where(IncomingMessage.peer_id == peer_id, IncomingMessage.state == IncomingState.RECEIVED)
        .order_by(col(IncomingMessage.seq).nulls_first(), col(IncomingMessage.id))
        .limit(BATCH_MAX)
    )
    return (await session.exec(statement)).all()


async def _settle(
    session: AsyncSession, runtime: Runtime, peer: Peer, message: IncomingMessage
) -> bool:
    """Apply one message in a savepoint; answers False when it must be tried again later."""
    message.attempts += 1
    try:
        async with session.begin_nested():
            at, entry, document = await _read(session, runtime, peer, message)
            changed = await entry.apply(at, document)
        _mark(message, IncomingState.APPLIED if changed else IncomingState.IGNORED, "")
    except RefusedError as error:
        await _read_anew(session, message.peer_id)
        _mark(message, IncomingState.REFUSED, error.problem.code)
        await _remember(session, runtime, peer, message)
    except Exception as error:  # noqa: BLE001 - one poisonous message must not stop the lane
        await _read_anew(session, message.peer_id)
        _log.error("message failed", error=type(error).__name__, attempt=message.attempts)
        if message.attempts < ATTEMPTS_MAX:
            return False
        _mark(message, IncomingState.PARKED, "failed")
        await _remember(session, runtime, peer, message)
    return True


async def _read_anew(session: AsyncSession, peer_id: UUID) -> None:
    """Read again what the message had begun to change before the savepoint took it back."""
    await session.get(Peer, peer_id, populate_existing=True)
    await session.get(PeerInbox, peer_id, populate_existing=True)


async def _read(
    session: AsyncSession, runtime: Runtime, peer: Peer, message: IncomingMessage
) -> tuple[Step, Entry, Any]:
    activity = parse_json(message.body)
    at = Step(session, runtime, peer, message.epoch, object_hash(activity))
    entry = await entry_for(at, activity)
    if at.peer.state not in entry.states:
        # Blocked or suspended since it arrived: what was queued is dropped.
        raise RefusedError(verification.problem_of_state(at.peer.state))
    return at, entry, entry.read(activity)


async def _remember(
    session: AsyncSession, runtime: Runtime, peer: Peer, message: IncomingMessage
) -> None:
    """Remember the content of what we could not take."""
    activity = parse_json(message.body)
    at = Step(session, runtime, peer, message.epoch, object_hash(activity))
    await remember_unusable(at, activity)


def _mark(message: IncomingMessage, state: IncomingState, code: str) -> None:
    message.state, message.code, message.done_at = state, code, clock.now()

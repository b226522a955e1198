"""Our log asks its witnesses to sign what it became, and learns from them if it was rewound.

Every active peer is a witness. A witness that refuses is asked what it holds; if our own key has
signed that and our log does not contain it, our ledger stops (our_log.check_held).
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.checkpoints import queries as checkpoints
from app.domain.witnesses import actions, queries
from app.domain.witnesses.rules import NO_TREE, Tree, host_of, witness_of
from app.federation.peers.identity import our_identity
from app.federation.peers.keyring import accepted_keys
from app.federation.peers.reading import ReadError
from app.federation.wire.checkpoints import (
    AddCheckpoint,
    ForkDeclaration,
    HeldTree,
    LogIntroduction,
)
from app.federation.witnesses.calling import Line
from app.federation.witnesses.our_log import (
    OurCheckpoint,
    check_held,
    newest_of_ours,
    note_keys,
    our_root_at,
    read_held,
)
from app.federation.witnesses.signing import signed_at
from app.infra import clock
from app.infra.database import transaction
from app.infra.http_client import Answer
from app.infra.notes import (
    Note,
    NoteRefusedError,
    NoteSignature,
    SignatureKind,
    check,
    read_key,
    read_note,
)
from app.infra.runtime import Runtime
from app.models.federation import Peer, PeerState
from app.models.witnesses import WitnessLane

ASKED_AT_ONCE = 8
TRIES = 3
AGAIN_AFTER_SECONDS = (60, 120, 300, 900, 3600, 21_600)
SIGNED_AGAIN_AFTER = timedelta(days=1)
ASKED = "witnesses.asked"
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Work:
    """What there is to do with one witness, read in one transaction."""

    line: Line
    newest: OurCheckpoint
    introduction: LogIntroduction
    lane: WitnessLane

    @property
    def told(self) -> list[str]:
        """What a witness must have been told before it can sign."""
        return [self.introduction.origin, *self.introduction.keys]


async def offer_due(runtime: Runtime) -> int:
    """Offer our newest checkpoint to every witness that has not signed it; answers how many did."""
    async with transaction(runtime.sessions) as session:
        if await queries.is_read_only(session):
            return 0
        peer_ids = await _due(session)
    places = asyncio.Semaphore(ASKED_AT_ONCE)

    async def offer(peer_id: UUID) -> bool:
        async with places:
            return await _offer_safely(runtime, peer_id)

    return sum(await asyncio.gather(*(offer(peer_id) for peer_id in peer_ids)))


async def _due(session: AsyncSession) -> Sequence[UUID]:
    newest = await newest_of_ours(session)
    if newest is None:
        return []
    now = clock.now()
    known = select(col(WitnessLane.peer_id))
    new = select(Peer.id).where(Peer.state == PeerState.ACTIVE, col(Peer.id).not_in(known))
    for peer_id in (await session.exec(new)).all():
        lane = {"peer_id": peer_id, "keys": [], "told": [], "held_origin": "", "held_size": 0}
        fresh = insert(WitnessLane).values(**lane, failures=0, last_failure="", next_try_at=now)
        await session.execute(fresh.on_conflict_do_nothing())
    statement = (
        select(WitnessLane)
        .join(Peer, col(Peer.id) == col(WitnessLane.peer_id))
        .where(Peer.state == PeerState.ACTIVE, WitnessLane.next_try_at <= now)
    )
    return [
        lane.peer_id
        for lane in await session.exec(statement)
        if (lane.held_origin, lane.held_size) != (newest.origin, newest.tree.size) or lane.failures
    ]


async def _offer_safely(runtime: Runtime, peer_id: UUID) -> bool:
    """Offer to one witness; its fault is written down and stops no other's round."""
    try:
        return await _offer(runtime, peer_id)
    except ReadError as error:
        await _rest(runtime, peer_id, str(error))
    except Exception as error:  # noqa: BLE001 - one witness must not stop the others
        _log.error("offer failed", peer=str(peer_id), error=type(error).__name__)
        await _rest(runtime, peer_id, type(error).__name__)
    return False


async def _offer(runtime: Runtime, peer_id: UUID) -> bool:
    for _ in range(TRIES):
        async with transaction(runtime.sessions) as session:
            work = await _work_with(session, runtime, peer_id)
        if work is None:
            return False
        if work.lane.told != work.told or not work.lane.keys:
            await _introduce(runtime, work)
            continue
        async with transaction(runtime.sessions) as session:
            proof = await checkpoints.consistency(
                session, min(work.lane.held_size, work.newest.tree.size), work.newest.tree.size
            )
        asked = AddCheckpoint(work.lane.held_size, proof, work.newest.note)
        if await _settle(runtime, work, await work.line.offer(asked)):
            return True
        async with transaction(runtime.sessions) as session:
            if await queries.is_read_only(session):
                return False
    raise ReadError("no agreement on where the proof begins")


async def _work_with(session: AsyncSession, runtime: Runtime, peer_id: UUID) -> Work | None:
    peer = await session.get(Peer, peer_id)
    newest = await newest_of_ours(session)
    lane = await session.get(WitnessLane, peer_id, populate_existing=True)
    if peer is None or peer.state != PeerState.ACTIVE or newest is None or lane is None:
        return None
    ours = await our_identity(session, runtime, peer_id)
    line = Line(runtime, ours, peer, await accepted_keys(session, peer_id))
    return Work(line, newest, await _introduction(session, line, newest), lane)


async def _introduction(
    session: AsyncSession, line: Line, newest: OurCheckpoint
) -> LogIntroduction:
    keys = tuple(key.written() for key in await note_keys(session, line.runtime))
    last = await queries.last_fork(session)
    if last is None or last.fork.origin != newest.origin:
        return LogIntroduction(origin=newest.origin, keys=keys)
    continues, tree = await _parted(session, line.peer, last.fork.continues)
    fork = ForkDeclaration(
        continues=continues,
        parted=HeldTree(size=tree.size, root=tree.root.hex()),
        abandoned=HeldTree(size=last.fork.abandoned_size, root=last.fork.abandoned_root.hex()),
        declared=last.fork.declared_at,
        reason=last.reason,
    )
    return LogIntroduction(origin=newest.origin, keys=keys, fork=fork)


async def _parted(session: AsyncSession, peer: Peer, continues: str) -> tuple[str, Tree]:
    """Return the newest tree that this witness signed and that our log still contains."""
    witness = witness_of(host_of(peer.origin))
    return await newest_contained(session, await queries.signed_trees(session, witness), continues)


async def newest_contained(
    session: AsyncSession, signed: Sequence[tuple[str, Tree]], otherwise: str
) -> tuple[str, Tree]:
    """Return the largest signed tree that our log contains; they are sorted, largest first.

    A log that contains a tree contains all smaller ones of the same history: halving finds it.
    """
    low, high = 0, len(signed)
    while low < high:
        middle = (low + high) // 2
        tree = signed[middle][1]
        if (await our_root_at(session, tree.size))[1] == tree.root:
            high = middle
        else:
            low = middle + 1
    return signed[low] if low < len(signed) else (otherwise, NO_TREE)


async def _introduce(runtime: Runtime, work: Work) -> None:
    said = await work.line.introduce(work.introduction)
    name = witness_of(host_of(work.line.peer.origin))
    try:
        keys = [read_key(text) for text in said.keys]
    except NoteRefusedError as error:
        raise ReadError("keys that cannot be read") from error
    if any((key.name, key.kind) != (name, SignatureKind.COSIGNATURE) for key in keys):
        raise ReadError("keys of another witness")
    async with transaction(runtime.sessions) as session:
        lane = await session.get_one(WitnessLane, work.lane.peer_id, with_for_update=True)
        lane.keys, lane.told = list(said.keys), work.told
        lane.held_origin, lane.held_size = work.newest.origin, said.size


async def _settle(runtime: Runtime, work: Work, answer: Answer) -> bool:
    """Act by a witness's answer; True when it signed."""
    if answer.status == 200:
        await _keep(runtime, work, answer.body)
        return True
    if answer.status == 404:
        # It knows nothing of our log any more: it is told again.
        async with transaction(runtime.sessions) as session:
            lane = await session.get_one(WitnessLane, work.lane.peer_id, with_for_update=True)
            lane.told = []
        return False
    if answer.status not in {409, 422}:
        raise ReadError(f"status {answer.status}", answer.status)
    await ask(runtime, work.line)
    text = answer.body.decode("ascii", "replace").strip()
    if not text.isdigit() or len(text) > 16:
        raise ReadError("no size of a log")
    async with transaction(runtime.sessions) as session:
        lane = await session.get_one(WitnessLane, work.lane.peer_id, with_for_update=True)
        lane.held_size = int(text)
        if lane.held_size > work.newest.tree.size and not await queries.is_read_only(session):
            # A larger tree than ours that it cannot show: its word alone stops nothing.
            lane.held_size = work.lane.held_size
            raise ReadError("holds more than it can show")
    return False


async def _keep(runtime: Runtime, work: Work, body: bytes) -> None:
    """Keep the line that a witness signed, if one of its keys signed this very checkpoint."""
    text = work.newest.note.text
    try:
        lines = read_note(text.encode() + b"\n" + body).signatures
    except NoteRefusedError as error:
        raise ReadError("no signature line") from error
    for key in map(read_key, work.lane.keys):
        mine = [line for line in lines if (line.name, line.key_id) == (key.name, key.key_id)]
        seconds = _time_of(text, mine, key.written())
        if seconds is None:
            continue
        async with transaction(runtime.sessions) as session:
            about = (work.newest.origin, work.newest.tree)
            await actions.keep_cosignature(
                session, key, about, mine[0].written(), signed_at(seconds)
            )
            lane = await session.get_one(WitnessLane, work.lane.peer_id, with_for_update=True)
            lane.held_origin, lane.held_size = work.newest.origin, work.newest.tree.size
            lane.failures, lane.last_failure = 0, ""
            lane.next_try_at = clock.now()
        return
    async with transaction(runtime.sessions) as session:
        lane = await session.get_one(WitnessLane, work.lane.peer_id, with_for_update=True)
        lane.keys = []  # it may have another key by now: it is asked for it
    raise ReadError("signed by no key that it told us of")


def _time_of(text: str, lines: Sequence[NoteSignature], key: str) -> int | None:
    if not lines:
        return None
    try:
        return check(Note(text, tuple(lines)), read_key(key))
    except NoteRefusedError:
        return None


async def _rest(runtime: Runtime, peer_id: UUID, why: str) -> None:
    async with transaction(runtime.sessions) as session:
        lane = await session.get(WitnessLane, peer_id, with_for_update=True)
        if lane is not None:
            step = min(lane.failures, len(AGAIN_AFTER_SECONDS) - 1)
            lane.next_try_at = clock.now() + timedelta(seconds=AGAIN_AFTER_SECONDS[step])
            lane.failures, lane.last_failure = lane.failures + 1, why[:60]
    _log.warning("no signature of a witness", peer=str(peer_id), error=why[:200])


async def ask(runtime: Runtime, line: Line) -> bool:
    """Ask a witness what it holds of our log, and act by it; answers whether it holds anything."""
    body = await line.newest_held(host_of(runtime.origin))
    if body is None:
        return False
    async with transaction(runtime.sessions) as session:
        source = witness_of(host_of(line.peer.origin))
        held = await read_held(session, runtime, source, body)
        if held is None:
            raise ReadError("holds what we never signed")
        await check_held(session, runtime, held)
    return True


async def ask_all(runtime: Runtime) -> int:
    """Ask every witness what it holds of our log; answers how many hold something."""
    async with transaction(runtime.sessions) as session:
        peers = await queries.active_witnesses(session)
        ours = await our_identity(session, runtime) if peers else None
    if ours is None:
        return 0
    places = asyncio.Semaphore(ASKED_AT_ONCE)

    async def of(peer: Peer) -> bool:
        async with places:
            try:
                return await ask(runtime, Line(runtime, ours, peer, {}))
            except ReadError as error:
                _log.info("witness not asked", peer=peer.origin, error=str(error)[:200])
                return False

    return sum(await asyncio.gather(*(of(peer) for peer in peers)))


async def ask_first(runtime: Runtime) -> None:
    """Before this process lets anything into the log: ask what others hold, once."""
    if ASKED not in runtime.shared:
        await ask_all(runtime)
        runtime.shared[ASKED] = True

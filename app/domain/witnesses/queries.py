"""Reading what others hold of our log, what we hold of theirs, and whether our ledger may grow."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.witnesses.rules import NO_TREE, Tree
from app.infra.notes import Checkpoint
from app.models.federation import Peer, PeerState
from app.models.witnesses import (
    Contradiction,
    Cosignature,
    ForkReason,
    LedgerFreeze,
    PublicFork,
    WitnessedCheckpoint,
    WitnessedLog,
    WitnessLane,
)

CONTRADICTIONS_SHOWN = 20


@dataclass(frozen=True)
class Fork:
    """A public fork with what its steward wrote, unless that was erased."""

    fork: PublicFork
    reason: str


@dataclass(frozen=True)
class LedgerStanding:
    """Whether the ledger may grow; if not, the proofs against it, the newest tree first."""

    freezes: Sequence[LedgerFreeze] = ()
    forks: Sequence[Fork] = ()

    @property
    def read_only(self) -> bool:
        """Whether nothing new enters."""
        return bool(self.freezes)

    @property
    def since(self) -> datetime | None:
        """Since when nothing new enters."""
        return min((freeze.noticed_at for freeze in self.freezes), default=None)


@dataclass(frozen=True)
class WitnessView:
    """A witness of our log: the newest of it that it signed, and how it goes."""

    name: str
    origin: str
    size: int
    signed_at: datetime
    public_key: bytes
    lane: WitnessLane | None = None


@dataclass(frozen=True)
class WatchedLog:
    """A log of a peer that we watch, with what in it contradicted itself."""

    log: WitnessedLog
    peer: Peer
    contradictions: Sequence[Contradiction] = field(default_factory=tuple)


async def is_read_only(session: AsyncSession) -> bool:
    """Whether nothing new may enter the log."""
    statement = select(LedgerFreeze.id).where(col(LedgerFreeze.fork_id).is_(None)).limit(1)
    return (await session.exec(statement)).first() is not None


async def standing_of(session: AsyncSession) -> LedgerStanding:
    """Return whether the ledger may grow, and every fork that was ever declared."""
    freezes = await session.exec(
        select(LedgerFreeze)
        .where(col(LedgerFreeze.fork_id).is_(None))
        .order_by(col(LedgerFreeze.size).desc(), col(LedgerFreeze.noticed_at))
    )
    forks = await session.exec(
        select(PublicFork, ForkReason.text)
        .join(ForkReason, col(ForkReason.fork_id) == col(PublicFork.id), isouter=True)
        .order_by(col(PublicFork.number).desc())
    )
    return LedgerStanding(freezes.all(), [Fork(fork, text or "") for fork, text in forks])


async def last_fork_number(session: AsyncSession) -> int:
    """Return the number of the last public fork of this instance's log; 0 without any."""
    statement = select(func.coalesce(func.max(PublicFork.number), 0))
    return (await session.exec(statement)).one()


async def last_fork(session: AsyncSession) -> Fork | None:
    """Return the last public fork of this instance's log."""
    return next(iter((await standing_of(session)).forks), None)


async def witnesses_of_ours(session: AsyncSession) -> Sequence[WitnessView]:
    """List who signed our log, each with the newest that it signed, the freshest first."""
    last = select(func.max(Cosignature.id)).group_by(col(Cosignature.witness))
    newest = select(Cosignature).where(col(Cosignature.id).in_(last))
    lanes = await session.exec(
        select(Peer.origin, WitnessLane).where(col(Peer.id) == col(WitnessLane.peer_id))
    )
    by_host = {origin.partition("://")[2]: lane for origin, lane in lanes}
    views = [
        WitnessView(
            row.witness, row.origin, row.size, row.signed_at, row.public_key,
            by_host.get(row.witness.rpartition("/")[0]),
        )
        for row in await session.exec(newest)
    ]  # fmt: skip
    return sorted(views, key=lambda view: view.signed_at, reverse=True)


async def lines_under(session: AsyncSession, origin: str, size: int) -> Sequence[str]:
    """Return the lines that witnesses signed under a checkpoint of ours."""
    statement = (
        select(Cosignature.line)
        .where(Cosignature.origin == origin, Cosignature.size == size)
        .order_by(col(Cosignature.id))
    )
    return (await session.exec(statement)).all()


async def cosigned_states(session: AsyncSession) -> dict[str, list[str]]:
    """Return every state of ours that a witness signed, as it is written, with the lines."""
    found: dict[str, list[str]] = {}
    rows = await session.exec(select(Cosignature).order_by(col(Cosignature.id)))
    for row in rows:
        state = Checkpoint(row.origin, row.size, row.root).written()
        found.setdefault(state, []).append(row.line)
    return found


async def signed_trees(
    session: AsyncSession, witness: str | None = None
) -> Sequence[tuple[str, Tree]]:
    """Return what was signed of our log, as our own database knows, the largest tree first."""
    statement = select(Cosignature.origin, Cosignature.size, Cosignature.root).distinct()
    if witness is not None:
        statement = statement.where(Cosignature.witness == witness)
    rows = await session.exec(statement.order_by(col(Cosignature.size).desc()))
    return [(origin, Tree(size, root)) for origin, size, root in rows]


async def watched_logs(session: AsyncSession, peer_id: UUID | None = None) -> Sequence[WatchedLog]:
    """List the logs of peers that we watch, or of one peer."""
    statement = select(WitnessedLog, Peer).join(Peer, col(Peer.id) == col(WitnessedLog.peer_id))
    if peer_id is not None:
        statement = statement.where(col(Peer.id) == peer_id)
    rows = (await session.exec(statement.order_by(col(Peer.origin), WitnessedLog.origin))).all()
    wrong: dict[str, list[Contradiction]] = {}
    found = select(Contradiction).order_by(col(Contradiction.noticed_at).desc())
    for each in await session.exec(found.limit(CONTRADICTIONS_SHOWN)):
        wrong.setdefault(each.origin, []).append(each)
    return [WatchedLog(log, peer, wrong.get(log.origin, ())) for log, peer in rows]


async def watched_log(session: AsyncSession, origin: str) -> WitnessedLog | None:
    """Return what we last saw of a log of a peer."""
    return await session.get(WitnessedLog, origin)


async def newest_signed_of(session: AsyncSession, host: str) -> WitnessedLog | None:
    """Return the log of an instance that we signed last."""
    statement = (
        select(WitnessedLog)
        .join(Peer, col(Peer.id) == col(WitnessedLog.peer_id))
        .where(
            col(Peer.origin).in_((f"https://{host}", f"http://{host}")),
            col(WitnessedLog.signed_at).is_not(None),
        )
        .order_by(col(WitnessedLog.signed_at).desc())
        .limit(1)
    )
    return (await session.exec(statement)).first()


async def root_signed(session: AsyncSession, origin: str, size: int) -> bytes | None:
    """Return the root that we signed for a size of a log."""
    statement = select(WitnessedCheckpoint.root).where(
        WitnessedCheckpoint.origin == origin, WitnessedCheckpoint.size == size
    )
    return (await session.exec(statement)).first()


async def note_signed(session: AsyncSession, origin: str, size: int) -> str:
    """Return the checkpoint that we signed for a size of a log."""
    statement = select(WitnessedCheckpoint.note).where(
        WitnessedCheckpoint.origin == origin, WitnessedCheckpoint.size == size
    )
    return (await session.exec(statement)).first() or ""


def seen_in(log: WitnessedLog | None) -> Tree:
    """Return the tree that a log stood at when we last saw it."""
    return NO_TREE if log is None else Tree(log.size, log.root)


async def active_witnesses(session: AsyncSession) -> Sequence[Peer]:
    """List the peers that may witness our log: all that we exchange with."""
    statement = select(Peer).where(Peer.state == PeerState.ACTIVE).order_by(col(Peer.origin))
    return (await session.exec(statement)).all()


async def standing_for(session: AsyncSession, actor: Actor) -> LedgerStanding:
    """Return the standing to a steward, who decides what becomes of a ledger that is read-only."""
    actor.require_steward()
    return await standing_of(session)

"""Giving things their place in the log, and signing its state.

Whoever writes into a book leaves a row in `log_pending` in the same transaction and waits for
nobody. One after the other, under one lock, leaves get places without a gap.
"""

from collections.abc import Callable, Sequence

import structlog
from sqlalchemy import delete, func, insert, text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.checkpoints import queries
from app.domain.checkpoints.bodies import LOADERS, Body, bodies_of
from app.domain.checkpoints.rules import is_checkpoint_due, leaf_data
from app.infra import clock, merkle, notes
from app.infra.notes import Note, NoteSignature
from app.models.checkpoints import Checkpoint, LogLeaf, LogNode
from app.models.ledger import LogKind, LogPending

# "tlog": no other lock of the database has this number.
LOG_LOCK = 0x746C6F67
BATCH = 500
# What people wait to see outside: a period that is closed, and a public fork.
SIGNED_AT_ONCE = (LogKind.LOCK.value, LogKind.FORK.value)
Signer = Callable[[str], NoteSignature]
_log = structlog.get_logger("app.checkpoints")


async def take_up(session: AsyncSession) -> int:
    """Give what waits its place in the log; answers how many leaves there are more."""
    await lock_log(session)
    waiting = await _waiting(session)
    if not waiting:
        return 0
    bodies = await _bodies(session, waiting)
    found = [row for row in waiting if (row.kind, row.subject) in bodies]
    if len(found) < len(waiting):
        _log.error("what waits for the log is not in the book", count=len(waiting) - len(found))
    if found:
        await _append(session, [(row, bodies[row.kind, row.subject]) for row in found])
        done = delete(LogPending).where(col(LogPending.id).in_([row.id for row in found]))
        await session.execute(done)
    return len(found)


async def lock_log(session: AsyncSession) -> None:
    """Keep everybody else from the log until this transaction ends."""
    await session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOG_LOCK})


async def _waiting(session: AsyncSession) -> Sequence[LogPending]:
    statement = (
        select(LogPending)
        .where(col(LogPending.kind).in_(LOADERS))
        # A fork before all else: nothing is signed under the old name once it is declared.
        .order_by(col(LogPending.kind) != LogKind.FORK.value, col(LogPending.id))
        .limit(BATCH)
    )
    return (await session.exec(statement)).all()


async def _bodies(
    session: AsyncSession, waiting: Sequence[LogPending]
) -> dict[tuple[LogKind, object], Body]:
    found: dict[tuple[LogKind, object], Body] = {}
    for kind in LOADERS:
        subjects = [row.subject for row in waiting if row.kind == kind]
        made = await bodies_of(session, kind, subjects)
        found |= {(kind, subject): body for subject, body in made.items()}
    return found


async def _append(session: AsyncSession, things: Sequence[tuple[LogPending, Body]]) -> None:
    size = await queries.log_size(session)
    frontier = await queries.frontier(session, size)
    now = clock.now()
    datas = [
        leaf_data(body.book_id, position, body.canonical())
        for position, (_, body) in enumerate(things, start=size)
    ]
    leaves = [
        {
            "position": size + at,
            "kind": row.kind.value,
            "subject": row.subject,
            "book_id": body.book_id,
            "data": data,
            "taken_up_at": now,
        }
        for at, ((row, body), data) in enumerate(zip(things, datas, strict=True))
    ]
    await session.execute(insert(LogLeaf), leaves)
    hashes = [merkle.leaf_hash(data) for data in datas]
    nodes = merkle.grown(size, frontier, hashes)
    if nodes:
        rows = [{"level": n.level, "index": n.index, "hash": value} for n, value in nodes]
        await session.execute(insert(LogNode), rows)


async def is_due(session: AsyncSession) -> bool:
    """Whether the state is to be signed now: after a lock at once, else every ten minutes."""
    last = await queries.newest_checkpoint(session)
    signed = last.size if last else 0
    fresh = await queries.log_size(session) - signed
    locks = await _locks_from(session, signed)
    made_at = last.made_at if last else None
    return is_checkpoint_due(clock.now(), made_at, fresh=fresh, locks=locks)


async def make_checkpoint(session: AsyncSession, origin: str, sign: Signer) -> Checkpoint | None:
    """Sign the state of the log; nothing where nothing came since the last time."""
    await lock_log(session)
    size = await queries.log_size(session)
    last = await queries.newest_checkpoint(session)
    if size == (last.size if last else 0):
        return None
    root = await queries.root_at(session, size)
    body = notes.Checkpoint(origin, size, root).written()
    note = Note(body, (sign(body),)).written()
    checkpoint = Checkpoint(size=size, root=root, note=note, made_at=clock.now())
    session.add(checkpoint)
    await session.flush()
    return checkpoint


async def _locks_from(session: AsyncSession, position: int) -> int:
    statement = (
        select(func.count())
        .select_from(LogLeaf)
        .where(col(LogLeaf.position) >= position, col(LogLeaf.kind).in_(SIGNED_AT_ONCE))
    )
    return (await session.exec(statement)).one()

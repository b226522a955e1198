"""Signing what peers' logs became, keeping what they sign of ours, stopping and forking our own."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import SYSTEM, Actor
from app.domain.activity.actions import record
from app.domain.witnesses import errors, queries
from app.domain.witnesses.rules import (
    NO_TREE,
    REASON_CHARACTERS_MIN,
    SALT_BYTES,
    Answer,
    Tree,
    answer_to,
    forks_of,
    log_after,
    reason_hash,
)
from app.infra import clock, ids
from app.infra.notes import NoteKey
from app.models.ledger import LogKind, LogPending
from app.models.witnesses import (
    Contradiction,
    Cosignature,
    ForkReason,
    FreezeReason,
    LedgerFreeze,
    PublicFork,
    WitnessedCheckpoint,
    WitnessedLog,
)

FILE = "file"


@dataclass(frozen=True)
class Offered:
    """A checkpoint that a peer's log has signed, and what should prove it."""

    origin: str
    tree: Tree
    old_size: int
    proof: Sequence[bytes]
    note: str


@dataclass(frozen=True)
class Held:
    """A checkpoint of ours as somebody outside holds it; our own signature was found on it."""

    source: str
    origin: str
    tree: Tree
    note: str


@dataclass(frozen=True)
class Parting:
    """How a peer's log goes on after a public fork: from which tree of the log before."""

    continues: str
    tree: Tree
    reason: str


async def weigh(
    session: AsyncSession, peer_id: UUID, offered: Offered
) -> tuple[Answer, WitnessedLog]:
    """Decide about a checkpoint under the lock of its log; what contradicts is kept and told."""
    log = await _lock_log(session, offered.origin)
    before = await queries.root_signed(session, offered.origin, offered.tree.size)
    seen = queries.seen_in(log)
    answer = answer_to(seen, offered.tree, offered.old_size, offered.proof, before)
    if answer in {Answer.CONTRADICTS, Answer.UNPROVEN}:
        held = await queries.note_signed(session, offered.origin, offered.tree.size) or log.note
        await _note_contradiction(session, peer_id, offered, held)
    return answer, log


async def _lock_log(session: AsyncSession, origin: str) -> WitnessedLog:
    """Hold a log's row, so that two checkpoints of it are never weighed at once."""
    found = select(WitnessedLog).where(WitnessedLog.origin == origin).with_for_update()
    log = (await session.exec(found.execution_options(populate_existing=True))).first()
    if log is None:
        raise errors.no_such_log()
    return log


async def meet_log(
    session: AsyncSession, peer_id: UUID, origin: str, keys: Sequence[str], parting: Parting | None
) -> WitnessedLog:
    """Take up a log of a peer, or the keys that it has by now.

    After a public fork its log goes on under another name from a tree that we signed. Refused when
    we never signed that tree: then nothing would tie the new log to the old one.
    """
    known = await session.get(WitnessedLog, origin, with_for_update=True)
    if known is not None:
        known.keys = list(keys)
        session.add(known)
        return known
    log = WitnessedLog(origin=origin, peer_id=peer_id, root=NO_TREE.root, keys=list(keys))
    if parting is not None:
        await _check_parting(session, parting)
        log.size, log.root, log.reason = parting.tree.size, parting.tree.root, parting.reason
        log.continues, log.parted_at_size = parting.continues, parting.tree.size
        record(session, SYSTEM, "witness.fork_declared", peer_id, origin=origin)
    session.add(log)
    await session.flush()
    return log


async def _check_parting(session: AsyncSession, parting: Parting) -> None:
    if parting.tree == NO_TREE:
        return
    signed = await queries.root_signed(session, parting.continues, parting.tree.size)
    before = await queries.watched_log(session, parting.continues)
    stood = before is not None and queries.seen_in(before) == parting.tree
    if signed != parting.tree.root and not stood:
        raise errors.no_such_log()


async def _note_contradiction(
    session: AsyncSession, peer_id: UUID, offered: Offered, held: str
) -> None:
    """Keep both checkpoints and tell the stewards, once."""
    row = {
        "id": ids.private_id(),
        "peer_id": peer_id,
        "origin": offered.origin,
        "size": offered.tree.size,
        "root": offered.tree.root,
        "shown_note": offered.note,
        "held_note": held,
        "noticed_at": clock.now(),
    }
    statement = insert(Contradiction).values(**row).on_conflict_do_nothing()
    new = await session.execute(statement.returning(col(Contradiction.id)))
    if new.first() is not None:
        record(session, SYSTEM, "witness.contradiction", peer_id, size=offered.tree.size)


async def sign_log(
    session: AsyncSession, log: WitnessedLog, tree: Tree, note: str, at: datetime
) -> None:
    """Note that we signed this tree of a log; it is in the database before the answer leaves."""
    log.size, log.root, log.note, log.signed_at = tree.size, tree.root, note, at
    session.add(log)
    row = {
        "origin": log.origin,
        "size": tree.size,
        "root": tree.root,
        "note": note,
        "signed_at": at,
    }
    # The same tree signed again says the same.
    await session.execute(insert(WitnessedCheckpoint).values(**row).on_conflict_do_nothing())


async def keep_cosignature(
    session: AsyncSession, key: NoteKey, about: tuple[str, Tree], line: str, at: datetime
) -> None:
    """Keep what a witness signed of a checkpoint of ours; it was checked by the caller."""
    origin, tree = about
    row = {
        "origin": origin,
        "size": tree.size,
        "root": tree.root,
        "witness": key.name,
        "public_key": key.public_key,
        "line": line,
        "signed_at": at,
        "received_at": clock.now(),
    }
    await session.execute(insert(Cosignature).values(**row).on_conflict_do_nothing())


async def freeze(session: AsyncSession, held: Held, reason: FreezeReason, our_size: int) -> bool:
    """Let nothing more into our log, for what somebody holds; answers whether that is new."""
    was_read_only = await queries.is_read_only(session)
    row = {
        "id": ids.private_id(),
        "reason": reason,
        "source": held.source,
        "origin": held.origin,
        "size": held.tree.size,
        "root": held.tree.root,
        "note": held.note,
        "our_size": our_size,
        "noticed_at": clock.now(),
    }
    statement = insert(LedgerFreeze).values(**row).on_conflict_do_nothing()
    new = (await session.execute(statement.returning(col(LedgerFreeze.id)))).scalar()
    if new is not None and not was_read_only:
        record(session, SYSTEM, "ledger.frozen", new, source=held.source, size=held.tree.size)
    return new is not None


async def declare_fork(
    session: AsyncSession, actor: Actor, looked_at: Tree, reason: str, common: Tree
) -> PublicFork:
    """Let the ledger go on from what it is now, publicly, under the next name of its log.

    `looked_at` is the tree that the steward was told others hold; `common` the newest of those
    that our log still contains. The fork is a leaf of the log, as everything in it.
    """
    account_id = actor.require_session()
    actor.require_steward()
    words = reason.strip()
    if len(words) < REASON_CHARACTERS_MIN:
        raise errors.reason_too_short(REASON_CHARACTERS_MIN)
    open_rows = select(LedgerFreeze).where(col(LedgerFreeze.fork_id).is_(None))
    freezes = (await session.exec(open_rows.with_for_update())).all()
    if not freezes:
        raise errors.not_read_only()
    newest = max(freezes, key=lambda each: each.size)
    if looked_at != Tree(newest.size, newest.root):
        raise errors.other_tree()
    host, salt = newest.origin.partition("/")[0], secrets.token_bytes(SALT_BYTES)
    before = await queries.last_fork_number(session)
    # A name that was ever used is not used again, also when the fork of that name is lost here.
    number = max([before, *(forks_of(host, each.origin) for each in freezes)]) + 1
    fork = PublicFork(
        id=ids.private_id(),
        number=number,
        continues=log_after(host, before),
        origin=log_after(host, number),
        common_size=common.size,
        common_root=common.root,
        abandoned_size=newest.size,
        abandoned_root=newest.root,
        declared_by=account_id,
        reason_hash=reason_hash(salt, words),
    )
    session.add(fork)
    await session.flush()
    session.add(ForkReason(fork_id=fork.id, text=words, salt=salt))
    # With this the database lets things into the log again, this fork first.
    mine = update(LedgerFreeze).where(col(LedgerFreeze.id).in_([each.id for each in freezes]))
    await session.execute(mine.values(fork_id=fork.id))
    session.add(LogPending(kind=LogKind.FORK, subject=fork.id))
    record(session, actor, "ledger.forked", fork.id, number=number)
    await session.flush()
    return fork

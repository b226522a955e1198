"""Corrections: an entry is never changed. Another one takes it back, and what is true follows.

In a locked period nothing is touched: the entries of a correction count in the open one (R8).
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.activity.actions import record
from app.domain.claims import queries as claim_queries
from app.domain.claims.actions import apply_move
from app.domain.claims.days import days_of_entry, lock_days, room_for
from app.domain.claims.queries import ClaimView
from app.domain.claims.rules import CONTESTED, verdict_of
from app.domain.ledger import errors, queries
from app.domain.ledger.actions import Ruling, conclude, logged_minutes
from app.domain.ledger.keeping import book_to_keep, folded, lock_book, same_person, workers_named
from app.domain.ledger.posting import NewEntry, hold, post_entry
from app.domain.ledger.rules import Side, contribution_sides, opposite
from app.errors import AppError
from app.models.claims import ClaimState
from app.models.disputes import Dispute, DisputeResolution
from app.models.ledger import (
    MINUTE,
    Book,
    CorrectionFields,
    Entry,
    EntryKind,
    LedgerAccount,
    LedgerAccountKind,
    Posting,
    WorkStream,
)

# Whoever disputes an entry takes the same lock (migration 0032).
LOCK_ENTRY = text("SELECT pg_advisory_xact_lock(hashtextextended(:entry_id, 5))")
# What people wrote down. Other entries follow from rulings, decisions and closed periods, and are
# mended where they come from.
CORRECTABLE = frozenset(
    {
        EntryKind.CONTRIBUTION,
        EntryKind.CORRECTION,
        EntryKind.OPENING,
        EntryKind.SLIP,
        EntryKind.RECEIPT,
    }
)


@dataclass(frozen=True)
class Work:
    """The work that an entry says: whose, how long, in which stream."""

    entry: Entry
    worker: UUID
    minutes: int
    stream: WorkStream


async def correct_entry(
    session: AsyncSession, actor: Actor, entry_id: UUID, said: CorrectionFields
) -> list[Entry]:
    """Say how long the work of an entry really was; the rest may be somebody else's.

    Returns the entries that follow: what takes the old one back, what is true of it, and what
    belongs to the other worker.
    """
    account_id = actor.require_session()
    book, work = await _work_to_correct(session, actor, entry_id)
    if said.minutes >= work.minutes:
        raise errors.correction_minutes(work.minutes)
    other = await _other_worker(session, book, said)
    own = await same_person(session, account_id, [work.worker, *([other] if other else [])])
    if other in own or (said.minutes and work.worker in own):
        raise errors.correction_own()
    # A claim is locked before anybody's days and the balances that it moves, as everywhere.
    claim = await _claim_to_correct(session, actor, work)
    await _check_days(session, work, other, work.minutes - said.minutes)
    await _hold(session, book, work, other)
    if claim is not None:
        posted = await _reduce_claim(session, actor, claim, said)
    else:
        posted = await _reduce(session, actor, book, work, said)
    if other is not None:
        posted.append(await _give(session, actor, book, work, said, other))
    record(
        session,
        actor,
        "entry.corrected",
        entry_id,
        book_id=str(book.id),
        organisation_id=str(book.organisation_id),
        tell=sorted({str(person) for person in (work.worker, other) if person is not None}),
    )
    return posted


async def work_of_entry(session: AsyncSession, actor: Actor, entry_id: UUID) -> tuple[Book, Work]:
    """Return the work of an entry to those who keep its book, where it can be corrected."""
    entry = await session.get(Entry, await _id_of(session, entry_id))
    if entry is None:
        raise errors.entry_not_found()
    book = await book_to_keep(session, actor, entry.book_id)
    if entry.kind not in CORRECTABLE:
        raise errors.entry_stays("entry_not_correctable")
    if await _is_corrected(session, entry_id):
        raise errors.entry_stays("entry_corrected")
    if await _is_disputed(session, entry_id):
        raise errors.entry_stays("entry_disputed")
    statement = select(LedgerAccount, Posting.amount).where(
        Posting.entry_id == entry_id,
        Posting.account_id == LedgerAccount.id,
        Posting.unit == MINUTE,
        LedgerAccount.kind == LedgerAccountKind.WORKER,
    )
    row = (await session.exec(statement)).first()
    if row is None or row[1] < 1 or row[0].stream is None:
        raise errors.entry_stays("entry_not_correctable")
    return book, Work(entry, row[0].holder_id, row[1], row[0].stream)


async def may_be_corrected(session: AsyncSession, actor: Actor, entry_id: UUID) -> bool:
    """Say whether a way to correct an entry should be shown to somebody who reads it."""
    try:
        await work_of_entry(session, actor, entry_id)
    except AppError:
        return False
    return True


async def _work_to_correct(
    session: AsyncSession, actor: Actor, entry_id: UUID
) -> tuple[Book, Work]:
    """As `work_of_entry`, with the book locked: an entry is corrected once."""
    book, _ = await work_of_entry(session, actor, entry_id)
    await lock_book(session, book.id)
    await session.execute(LOCK_ENTRY, {"entry_id": str(entry_id)})
    return await work_of_entry(session, actor, entry_id)


async def _id_of(session: AsyncSession, entry_id: UUID) -> int | None:
    statement = select(Entry.id).where(Entry.entry_id == entry_id)
    return (await session.exec(statement)).first() or 0


async def _is_corrected(session: AsyncSession, entry_id: UUID) -> bool:
    statement = select(Entry.id).where(col(Entry.corrects) == entry_id)
    return (await session.exec(statement)).first() is not None


async def _is_disputed(session: AsyncSession, entry_id: UUID) -> bool:
    """Say whether an entry is in dispute, or stands by a ruling that changed it."""
    statement = select(Dispute.id).where(
        Dispute.entry_id == entry_id,
        or_(col(Dispute.final_at).is_(None), col(Dispute.resolution) != DisputeResolution.UPHELD),
    )
    return (await session.exec(statement)).first() is not None


async def _other_worker(session: AsyncSession, book: Book, said: CorrectionFields) -> UUID | None:
    if said.worker is None:
        return None
    found = await workers_named(session, book, [said.worker])
    other = found.get(folded(said.worker))
    if other is None:
        raise errors.correction_worker()
    return other


async def _check_days(session: AsyncSession, work: Work, other: UUID | None, minutes: int) -> None:
    """Work keeps its days when it becomes somebody else's: 24 hours each, as everybody's."""
    if other is None:
        return
    await lock_days(session, {work.worker, other})
    found = await days_of_entry(session, work.entry)
    if found is None:
        return
    _, days = found
    if await room_for(session, other, None, days, minutes) < minutes:
        raise errors.correction_day()


async def _hold(session: AsyncSession, book: Book, work: Work, other: UUID | None) -> None:
    people = [work.worker, *([other] if other else [])]
    sides: list[Side] = []
    for person in people:
        sides += contribution_sides(person, book.organisation_id, 1, work.stream)
    await hold(session, book.id, sides)


async def _reduce(
    session: AsyncSession, actor: Actor, book: Book, work: Work, said: CorrectionFields
) -> list[Entry]:
    """Take the entry back; what is true of it follows."""
    account_id = actor.signed_in()
    back = NewEntry(
        EntryKind.CORRECTION,
        work.entry.worked_on,
        account_id,
        corrects=work.entry.entry_id,
        note=said.reason,
    )
    lines = opposite(await queries.lines_of(session, work.entry.entry_id))
    taken_back = await post_entry(session, actor, book.id, back, lines)
    if not said.minutes:
        return [taken_back]
    anew = NewEntry(
        EntryKind.CORRECTION,
        work.entry.worked_on,
        account_id,
        corrects=taken_back.entry_id,
        receipt_id=work.entry.receipt_id,
        note=said.reason,
    )
    sides = contribution_sides(work.worker, book.organisation_id, said.minutes, work.stream)
    return [taken_back, await post_entry(session, actor, book.id, anew, sides)]


async def _claim_to_correct(session: AsyncSession, actor: Actor, work: Work) -> ClaimView | None:
    """Return the locked claim that an entry stands on; it is moved by its other side."""
    if work.entry.claim_id is None:
        return None
    view = await claim_queries.lock_claim_for(session, actor, work.entry.claim_id)
    if view.claim.state in CONTESTED:
        raise errors.entry_stays("entry_contested")
    if view.claim.account_id == actor.account_id:
        raise errors.correction_own()
    return view


async def _reduce_claim(
    session: AsyncSession, actor: Actor, view: ClaimView, said: CorrectionFields
) -> list[Entry]:
    """Move the claim with its hours: its receipt, its worker and its other instance follow it."""
    logged = await logged_minutes(session, view.claim.id)
    await apply_move(session, actor, view, ClaimState.DISPUTED, said.reason)
    ruling = Ruling(verdict_of(said.minutes, logged), actor.signed_in())
    standing = await conclude(session, actor, view, ruling)
    return [standing] if standing is not None else []


async def _give(
    session: AsyncSession,
    actor: Actor,
    book: Book,
    work: Work,
    said: CorrectionFields,
    other: UUID,
) -> Entry:
    """Credit the rest to whose it is: an entry of its own that names the one that it stands on."""
    given = NewEntry(
        EntryKind.CORRECTION,
        work.entry.worked_on,
        actor.signed_in(),
        note=said.reason,
        links=(work.entry.entry_id,),
    )
    sides = contribution_sides(
        other, book.organisation_id, work.minutes - said.minutes, work.stream
    )
    return await post_entry(session, actor, book.id, given, sides)

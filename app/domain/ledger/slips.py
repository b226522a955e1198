"""Paper slips: a list of them enters a book whole or not at all (R15: never by the worker)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func
from sqlalchemy import select as core_select
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor, Scope
from app.domain.activity.actions import record
from app.domain.claims.days import lock_days, work_of
from app.domain.claims.laying import Days, Work
from app.domain.claims.rules import MINUTES_A_DAY
from app.domain.ledger import errors
from app.domain.ledger.keeping import (
    book_to_keep,
    folded,
    lock_book,
    same_person,
    workers_named,
)
from app.domain.ledger.posting import NewEntry, hold, post_entry
from app.domain.ledger.rules import contribution_sides
from app.domain.ledger.slip_files import COLUMNS, HalfSlip, SaidSlips
from app.errors import FieldError
from app.infra import clock, ids
from app.models.ledger import (
    Book,
    Entry,
    EntryKind,
    EntryNote,
    LedgerAccount,
    LedgerAccountKind,
    Posting,
    SlipFields,
    WorkStream,
)

# Slips found in a drawer; older work is part of the opening.
OLDEST = timedelta(days=3 * 366)
Slip = tuple[UUID, date, int, WorkStream, str]
Numbered = tuple[int, FieldError]


@dataclass(frozen=True)
class Batch:
    """Slips that were entered together."""

    batch_id: UUID
    entries: Sequence[Entry]

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.entries)


async def write_slips(
    session: AsyncSession, actor: Actor, book_id: UUID, slips: SaidSlips
) -> Batch:
    """Enter a list of slips; one that does not hold keeps all of them out, each with its why."""
    recorder = actor.require(Scope.CLAIMS_WRITE)
    book = await book_to_keep(session, actor, book_id)
    # One list after the other: what one enters, the next one's checks see.
    await lock_book(session, book_id)
    people = await workers_named(session, book, [s.worker for s in slips if s.worker])
    await lock_days(session, set(people.values()))
    own = await same_person(session, recorder, set(people.values()))
    told = [
        (number, slip, people[folded(slip.worker)])
        for number, slip in enumerate(slips)
        if isinstance(slip, SlipFields) and folded(slip.worker) in people
    ]
    faults = [*_faults_of_lines(slips, people, own), *await _faults_of_book(session, book, told)]
    if faults:
        raise errors.slips_refused([fault for _, fault in sorted(faults, key=_as_written)])
    return await _enter(session, actor, book, [(slip, worker) for _, slip, worker in told])


def _as_written(found: Numbered) -> tuple[int, int]:
    number, fault = found
    return number, COLUMNS.index(fault.pointer.rpartition("/")[2])


async def _enter(
    session: AsyncSession, actor: Actor, book: Book, told: Sequence[tuple[SlipFields, UUID]]
) -> Batch:
    recorder = actor.signed_in()
    batch_id = ids.private_id()
    sides = [
        contribution_sides(worker, book.organisation_id, slip.minutes, slip.stream)
        for slip, worker in told
    ]
    await hold(session, book.id, [side for pair in sides for side in pair])
    entries = []
    for (slip, _), pair in zip(told, sides, strict=True):
        new = NewEntry(EntryKind.SLIP, slip.worked_on, recorder, batch_id=batch_id, note=slip.note)
        entries.append(await post_entry(session, actor, book.id, new, pair))
    workers = {worker for _, worker in told}
    record(
        session,
        actor,
        "book.slips_written",
        book.id,
        organisation_id=str(book.organisation_id),
        tell=sorted(str(worker) for worker in workers),
    )
    return Batch(batch_id, entries)


def _faults_of_lines(
    slips: SaidSlips, people: Mapping[str, UUID], own: set[UUID]
) -> list[Numbered]:
    """Return what is wrong with each slip by itself, with its number."""
    faults: list[Numbered] = []
    for number, slip in enumerate(slips):
        if isinstance(slip, HalfSlip):
            faults += [(number, fault) for fault in slip.faults]
        worker, place = people.get(folded(slip.worker)), f"/slips/{number}"
        if worker is None and slip.worker:
            faults.append((number, FieldError(f"{place}/worker", "slip_worker_unknown")))
        elif worker in own:
            faults.append((number, FieldError(f"{place}/worker", "slip_own")))
        if day := _fault_of_day(slip.worked_on):
            faults.append((number, FieldError(f"{place}/worked_on", day)))
    return faults


def _fault_of_day(day: date | None) -> str:
    today = clock.today()
    if day is None:
        return ""
    # Where it is tomorrow already, the day that we are in has not begun to end.
    if day > today + timedelta(days=1):
        return "slip_in_future"
    return "slip_too_old" if day < today - OLDEST else ""


async def _faults_of_book(
    session: AsyncSession, book: Book, told: Sequence[tuple[int, SlipFields, UUID]]
) -> list[Numbered]:
    """Return what is wrong beside what stands: the same slip again, a day of more than 24 hours."""
    workers = {worker for _, _, worker in told}
    days = {slip.worked_on for _, slip, _ in told}
    standing = await _slips_of(session, book.id, workers, days)
    works = await work_of(session, workers, days) if days else {}
    laid = {worker: Days.of(works.get(worker, {}).values()) for worker in workers}
    seen: defaultdict[Slip, int] = defaultdict(int, standing)
    faults: list[Numbered] = []
    for number, slip, worker in told:
        said = (worker, slip.worked_on, slip.minutes, slip.stream, slip.note)
        work = Work({slip.worked_on: MINUTES_A_DAY}, slip.minutes)
        fits = laid[worker].room(work) == slip.minutes
        laid[worker].add(work)
        if seen[said]:
            faults.append((number, FieldError(f"/slips/{number}/note", "slip_again")))
        elif not fits:
            faults.append((number, FieldError(f"/slips/{number}/minutes", "slip_day_full")))
        seen[said] += 1
    return faults


async def _slips_of(
    session: AsyncSession, book_id: UUID, workers: set[UUID], days: set[date]
) -> dict[Slip, int]:
    """Count the slips that stand in the book, by all that they say; not those taken back."""
    corrected = select(Entry.corrects).where(
        Entry.book_id == book_id, col(Entry.corrects).is_not(None)
    )
    columns: list[Any] = [
        LedgerAccount.holder_id,
        Entry.worked_on,
        Posting.amount,
        LedgerAccount.stream,
        func.coalesce(EntryNote.text, ""),
    ]
    statement = (
        core_select(*columns, func.count())
        .select_from(Entry)
        .join(Posting, col(Posting.entry_id) == col(Entry.entry_id))
        .join(LedgerAccount, col(LedgerAccount.id) == col(Posting.account_id))
        .outerjoin(EntryNote, col(EntryNote.entry_id) == col(Entry.entry_id))
        .where(
            col(LedgerAccount.book_id) == book_id,
            col(LedgerAccount.kind) == LedgerAccountKind.WORKER,
            col(LedgerAccount.holder_id).in_(workers),
            col(Entry.worked_on).in_(days),
            col(Entry.kind) == EntryKind.SLIP,
            col(Entry.entry_id).not_in(corrected),
        )
        .group_by(*columns)
    )
    return {tuple(row[:5]): row[5] for row in await session.execute(statement)}

"""Everything that is read of disputes about entries."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import col, func, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor, Denied, Scope
from app.domain.claims.days import Origin, days_of_entry, lock_days, work_of
from app.domain.claims.laying import Days, Work
from app.domain.disputes import errors
from app.domain.disputes.policy import may_open
from app.domain.disputes.rules import (
    DISPUTABLE,
    CaseSide,
    Matter,
    Room,
    most_minutes,
    reappeal_until,
)
from app.domain.ledger.booking import is_settled
from app.domain.ledger.keeping import same_person
from app.domain.ledger.people import names_in
from app.domain.ledger.policy import may_keep_book, may_read_book
from app.domain.ledger.statuses import worker_owners_at
from app.domain.ledger.uniqueness import books_with
from app.domain.organisations.queries import membership
from app.errors import NotFoundError
from app.infra import clock
from app.infra.pagination import Page, cut_page, decode_cursor, encode_cursor
from app.models.disputes import Dispute, DisputeSeat, DisputeState, JudgeState
from app.models.ledger import (
    MINUTE,
    Book,
    Entry,
    EntryKind,
    LedgerAccount,
    LedgerAccountKind,
    Posting,
    WorkStream,
)
from app.models.organisations import MemberRole, Membership, Organisation
from app.models.receipts import Receipt

WORKER = LedgerAccountKind.WORKER


@dataclass(frozen=True)
class Case:
    """A dispute as somebody stands to it; `seat` is their own, `seats` are all.

    `began` says whether it was their side that disputed the entry.
    """

    dispute: Dispute
    entry: Entry
    stream: WorkStream
    organisation: Organisation
    sides: frozenset[CaseSide]
    began: bool
    seat: DisputeSeat | None
    seats: Sequence[DisputeSeat]
    most: int


async def get_case_for(session: AsyncSession, actor: Actor, dispute_id: UUID) -> Case:
    """Return a dispute to its sides, its judges and those who read the book; to others none."""
    account_id = actor.require(Scope.LEDGER_READ)
    dispute = await session.get(Dispute, dispute_id)
    if dispute is None:
        raise errors.dispute_not_found()
    return await case_of(session, dispute, account_id)


async def lock_case_for(session: AsyncSession, actor: Actor, dispute_id: UUID) -> Case:
    """As `get_case_for`, holding the dispute's row until the end of the transaction."""
    account_id = None if actor.system else actor.require(Scope.CLAIMS_WRITE)
    dispute = await session.get(Dispute, dispute_id, with_for_update=True, populate_existing=True)
    if dispute is None:
        raise errors.dispute_not_found()
    # Whoever ends another dispute, or writes a slip, has the same day to share.
    await lock_days(session, {dispute.worker_id})
    return await case_of(session, dispute, account_id)


async def case_of(session: AsyncSession, dispute: Dispute, account_id: UUID | None) -> Case:
    """Gather a dispute as somebody may see it; the system (None) sees each."""
    entry = await entry_by_id(session, dispute.entry_id)
    book = await session.get_one(Book, dispute.book_id)
    organisation = await session.get_one(Organisation, book.organisation_id)
    seats = await seats_of(session, dispute.id)
    seat = next((one for one in seats if one.account_id == account_id), None)
    own = await membership(session, organisation.id, account_id)
    sides = await _sides_of(session, dispute, entry, organisation.id, account_id)
    sits = seat is not None and seat.state in {JudgeState.DRAWN, JudgeState.DECIDED}
    reads = not isinstance(may_read_book(own), Denied)
    if account_id is not None and not (sides or sits or reads):
        raise errors.dispute_not_found()
    worker_account, _ = await sides_of_entry(session, entry.entry_id) or (None, None)
    return Case(
        dispute=dispute,
        entry=entry,
        stream=_stream_in(worker_account),
        organisation=organisation,
        sides=sides,
        began=await _began(session, dispute, sides, account_id),
        seat=seat if sits else None,
        seats=seats,
        most=most_minutes(dispute, await _room(session, dispute, entry)),
    )


async def _room(session: AsyncSession, dispute: Dispute, entry: Entry) -> Room:
    """Return how many minutes an entry's work may have: what its days still have room for."""
    found = await days_of_entry(session, entry)
    if found is None:
        return Room()
    origin, days = found
    if dispute.takes and await _stands_elsewhere(session, origin, entry):
        return Room(day=0)
    # What is in question is in suspense, or where a ruling put it: a part of its days in both.
    own = (dispute.final_minutes or 0) if dispute.state == DisputeState.CLOSED else dispute.minutes
    works = (await work_of(session, {dispute.worker_id}, days)).get(dispute.worker_id, {})
    rest = max(0, works[origin].minutes - own) if origin in works else 0
    others = Days.of(work for where, work in works.items() if where != origin)
    if origin.claim_id is None and origin.receipt_id is None:
        others.add(Work(days, rest))
        rest = 0
    day = max(0, others.room(Work(days, sum(days.values()))) - rest)
    logged = day if entry.claim_id is not None else 0
    return Room(logged=logged, day=day, slip=entry.kind == EntryKind.SLIP)


async def _stands_elsewhere(session: AsyncSession, origin: Origin, entry: Entry) -> bool:
    """Say whether another book took the receipt of an entry in, once this one had let it go."""
    if origin.receipt_id is None:
        return False
    receipt = await session.get_one(Receipt, origin.receipt_id)
    return bool(await books_with(session, receipt.url) - {entry.book_id})


def _stream_in(account: LedgerAccount | None) -> WorkStream:
    if account is None or account.stream is None:
        raise errors.undisputable("dispute_not_disputable")
    return account.stream


async def _sides_of(
    session: AsyncSession,
    dispute: Dispute,
    entry: Entry,
    organisation_id: UUID,
    account_id: UUID | None,
) -> frozenset[CaseSide]:
    if account_id is None:
        return frozenset()
    if account_id == dispute.worker_id:
        return frozenset({CaseSide.WORKER})
    answering = await answering_for_book(session, dispute, entry, organisation_id)
    return frozenset({CaseSide.BOOK}) if account_id in answering else frozenset()


async def _began(
    session: AsyncSession,
    dispute: Dispute,
    sides: frozenset[CaseSide],
    account_id: UUID | None,
) -> bool:
    if await same_person(session, dispute.worker_id, [dispute.opened_by]):
        return CaseSide.WORKER in sides or account_id == dispute.opened_by
    return CaseSide.BOOK in sides


async def answering_for_book(
    session: AsyncSession, dispute: Dispute, entry: Entry, organisation_id: UUID
) -> set[UUID]:
    """Return who speaks for the book: who disputes it, or who wrote the entry down.

    They do as long as they are what they were then: worker-owners who dispute, and keepers who
    wrote, or members who confirmed a claim. Whoever is that no more speaks for nobody but
    themselves, and the organisation's owners answer. No other account of the worker's ever does:
    what is disputed from one, the worker disputes (R15).
    """
    members = select(Membership).where(Membership.organisation_id == organisation_id)
    found = (await session.exec(members)).all()
    asked = {dispute.opened_by, *(one.account_id for one in found)}
    worker = await same_person(session, dispute.worker_id, asked)
    here = {one.account_id: one for one in found if one.account_id not in worker}
    if dispute.opened_by not in worker:
        began = here.get(dispute.opened_by)
        speaker = dispute.opened_by if began is not None and began.worker_owner else None
    else:
        wrote = here.get(entry.recorded_by)
        speaks = may_keep_book(wrote) if entry.claim_id is None else wrote is not None
        speaker = entry.recorded_by if speaks else None
    if speaker is not None:
        return {speaker}
    return {one.account_id for one in here.values() if one.role == MemberRole.OWNER}


async def entry_by_id(session: AsyncSession, entry_id: UUID) -> Entry:
    """Return an entry that is there."""
    return (await session.exec(select(Entry).where(Entry.entry_id == entry_id))).one()


async def entry_for(
    session: AsyncSession, actor: Actor, entry_id: UUID
) -> tuple[Entry, Book, Membership | None]:
    """Return an entry with its book to the worker concerned and to those who read the book."""
    account_id = actor.require(Scope.LEDGER_READ)
    statement = select(Entry, Book).where(Entry.entry_id == entry_id, Book.id == Entry.book_id)
    row = (await session.exec(statement)).first()
    if row is None:
        raise errors.dispute_entry_not_found()
    entry, book = row
    own = await membership(session, book.organisation_id, account_id)
    sides = await sides_of_entry(session, entry_id)
    is_worker = sides is not None and sides[0].holder_id == account_id
    if not is_worker and isinstance(may_read_book(own), Denied):
        raise errors.dispute_entry_not_found()
    return entry, book, own


async def sides_of_entry(
    session: AsyncSession, entry_id: UUID
) -> tuple[LedgerAccount, LedgerAccount] | None:
    """Return the worker's account of an entry and the other one, where it has just these two."""
    statement = (
        select(LedgerAccount)
        .where(Posting.entry_id == entry_id, Posting.account_id == LedgerAccount.id)
        .where(Posting.unit == MINUTE)
    )
    accounts = (await session.exec(statement)).all()
    workers = [account for account in accounts if account.kind == WORKER]
    others = [account for account in accounts if account.kind != WORKER]
    if len(workers) != 1 or len(others) != 1:
        return None
    return workers[0], others[0]


async def matter_of(session: AsyncSession, entry: Entry) -> Matter | None:
    """Return what of an entry stands and may be disputed, after all that was ruled about it."""
    sides = await sides_of_entry(session, entry.entry_id)
    if entry.kind not in DISPUTABLE or sides is None:
        return None
    worker, other = sides
    about = select(Dispute.id).where(Dispute.entry_id == entry.entry_id)
    chain = or_(col(Entry.entry_id) == entry.entry_id, col(Entry.dispute_id).in_(about))
    statement = (
        select(func.sum(Posting.amount))
        .where(Posting.entry_id == Entry.entry_id, Posting.account_id == worker.id, chain)
        .where(Posting.unit == MINUTE)
    )
    total = int((await session.exec(statement)).one() or 0)
    own = await session.get(Posting, (entry.entry_id, worker.id, MINUTE))
    takes = own is not None and own.amount < 0
    minutes = -total if takes else total
    return Matter(worker.id, other.id, minutes, takes) if minutes > 0 else None


async def may_be_disputed(session: AsyncSession, actor: Actor, entry_id: UUID) -> bool:
    """Say whether a way to dispute an entry should be shown to somebody who reads it."""
    try:
        entry, book, own = await entry_for(session, actor, entry_id)
    except NotFoundError:  # whose money it moves may read it and disputes nothing
        return False
    sides = await sides_of_entry(session, entry_id)
    is_worker = sides is not None and sides[0].holder_id == actor.account_id
    if book.ownership_since is None or isinstance(may_open(own, is_worker=is_worker), Denied):
        return False
    settled = await is_settled(session, book.id, entry.booked_on)
    if settled or await is_corrected(session, entry_id):
        return False
    return await matter_of(session, entry) is not None


async def is_corrected(session: AsyncSession, entry_id: UUID) -> bool:
    """Say whether a later entry took this one back."""
    statement = select(Entry.id).where(Entry.corrects == entry_id)
    return (await session.exec(statement)).first() is not None


async def disputes_of_entry(session: AsyncSession, entry_id: UUID) -> Sequence[Dispute]:
    """Return all disputes that there were about an entry, the oldest first."""
    statement = select(Dispute).where(Dispute.entry_id == entry_id).order_by(col(Dispute.opened_at))
    return (await session.exec(statement)).all()


async def seats_of(session: AsyncSession, dispute_id: UUID) -> Sequence[DisputeSeat]:
    """Return all seats of a panel, in the order in which they were given."""
    statement = (
        select(DisputeSeat)
        .where(DisputeSeat.dispute_id == dispute_id)
        .order_by(col(DisputeSeat.number))
    )
    return (await session.exec(statement)).all()


async def disputes_of_book(
    session: AsyncSession, actor: Actor, book: Book, limit: int, cursor: str | None
) -> Page[Case]:
    """Return a book's disputes, newest first; the caller has found that the asker reads it."""
    statement = select(Dispute).where(Dispute.book_id == book.id)
    if cursor is not None:
        (last,) = decode_cursor(cursor, 1)
        before = select(Dispute.opened_at, Dispute.id).where(col(Dispute.id) == _uuid(last))
        found = (await session.exec(before)).first()
        if found is None:
            raise errors.cursor_invalid()
        statement = statement.where(
            or_(
                col(Dispute.opened_at) < found[0],
                (col(Dispute.opened_at) == found[0]) & (col(Dispute.id) < found[1]),
            )
        )
    statement = statement.order_by(col(Dispute.opened_at).desc(), col(Dispute.id).desc())
    rows = (await session.exec(statement.limit(limit + 1))).all()
    page = cut_page(rows, limit, lambda row: encode_cursor(row.id))
    cases = [await case_of(session, row, actor.account_id) for row in page.items]
    return Page(cases, page.next_cursor)


def _uuid(text: str | None) -> UUID:
    try:
        return UUID(text or "")
    except ValueError:
        raise errors.cursor_invalid() from None


async def worker_owners_of(session: AsyncSession, book_id: UUID) -> set[UUID]:
    """Return who is a worker-owner of a book today."""
    return set(await worker_owners_at(session, book_id, clock.today()))


async def disputes_due(session: AsyncSession) -> Sequence[UUID]:
    """Return disputes that the clock may have to move on: everything that is not final."""
    statement = (
        select(Dispute.id)
        .where(col(Dispute.final_at).is_(None), col(Dispute.state) != DisputeState.ASSEMBLY)
        .order_by(col(Dispute.opened_at), col(Dispute.id))
    )
    return (await session.exec(statement)).all()


def is_past_appeal(dispute: Dispute) -> bool:
    """Say whether a closed dispute can be appealed no more."""
    until = reappeal_until(dispute)
    return dispute.state == DisputeState.CLOSED and (until is None or clock.now() >= until)


async def names_of(session: AsyncSession, actor: Actor, case: Case) -> dict[UUID, str]:
    """Return the names by which a reader knows the people of a case."""
    dispute = case.dispute
    people = {dispute.worker_id, dispute.opened_by, case.entry.recorded_by, dispute.named_id}
    people |= {dispute.assembly_asked_by, *(seat.account_id for seat in case.seats)}
    named = [person for person in people if person is not None]
    return await names_in(session, dispute.book_id, named, actor.account_id)

"""Reading a book's figures: who may see which, what stands on its accounts, what came when."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Date, Select, and_, cast, func, or_
from sqlalchemy import select as core_select
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor, Denied
from app.domain.ledger import errors as ledger_errors
from app.domain.ledger.people import names_in
from app.domain.ledger.policy import may_read_book
from app.domain.ledger.statuses import statuses_of
from app.domain.organisations.queries import membership
from app.domain.statements import errors
from app.domain.statements.policy import may_read_figures
from app.domain.statements.rules import Contributions, months_of, months_until
from app.infra import clock
from app.models.ledger import (
    MINUTE,
    Balance,
    Book,
    BookStatus,
    Entry,
    EntryKind,
    LedgerAccount,
    LedgerAccountKind,
    Posting,
    WorkStream,
)
from app.models.organisations import Membership, Organisation


@dataclass(frozen=True)
class Holding:
    """What stands on one account, in minutes or minor units."""

    kind: LedgerAccountKind
    holder_id: UUID
    stream: WorkStream | None
    unit: str
    amount: int


@dataclass(frozen=True)
class Sight:
    """A book, who looks at it, and whether they may see all of it or only their own part."""

    book: Book
    organisation: Organisation
    account_id: UUID
    whole: bool

    def shows(self, holder_id: UUID) -> bool:
        """Say whether somebody's figures are shown to who looks."""
        return self.whole or holder_id == self.account_id


async def get_sight_for(
    session: AsyncSession, actor: Actor, book_id: UUID, holder_id: UUID | None = None
) -> Sight:
    """Return a book to those who may read it, or somebody's part of it; strangers learn nothing."""
    account_id = actor.signed_in()
    book = await session.get(Book, book_id)
    if book is None:
        raise ledger_errors.book_not_found()
    own = await membership(session, book.organisation_id, account_id)
    working = select(LedgerAccount.id).where(
        LedgerAccount.book_id == book.id, LedgerAccount.holder_id == account_id
    )
    works_here = (await session.exec(working.limit(1))).first() is not None
    # Who just began has nothing in the book yet, and reads that.
    works_here = works_here or bool(await statuses_of(session, book.id, account_id))
    decision = may_read_figures(own, own=holder_id == account_id, works_here=works_here)
    if isinstance(decision, Denied):
        if decision.code == "book_not_found":
            raise ledger_errors.book_not_found()
        raise errors.statement_forbidden()
    organisation = await session.get_one(Organisation, book.organisation_id)
    whole = not isinstance(may_read_book(own), Denied)
    return Sight(book, organisation, account_id, whole)


async def books_of(session: AsyncSession, actor: Actor) -> Sequence[tuple[Book, Organisation]]:
    """List the books that somebody may read, all of them or their own part, by organisation."""
    account_id = actor.signed_in()
    worked = select(LedgerAccount.book_id).where(LedgerAccount.holder_id == account_id)
    named = select(BookStatus.book_id).where(BookStatus.account_id == account_id)
    own = {*(await session.exec(worked)).all(), *(await session.exec(named)).all()}
    statement = (
        core_select(Book, Organisation, Membership)
        .join(Organisation, col(Book.organisation_id) == col(Organisation.id))
        .outerjoin(
            Membership,
            and_(
                col(Membership.organisation_id) == col(Organisation.id),
                col(Membership.account_id) == account_id,
            ),
        )
        .where(or_(col(Book.id).in_(own), col(Membership.account_id).is_not(None)))
        .order_by(col(Organisation.name), col(Book.id))
    )
    return [
        (book, organisation)
        for book, organisation, member in await session.execute(statement)
        if book.id in own or not isinstance(may_read_book(member), Denied)
    ]


async def contributions(
    session: AsyncSession, sight: Sight, holder_id: UUID | None, months: int
) -> Contributions:
    """Return what was given in each of the last months, by stream: of one worker, or of all.

    What was there before the book is no work of the month in which it was written down.
    """
    shown = months_until(clock.today(), months)
    month = cast(func.date_trunc("month", Entry.booked_on), Date)
    given = _given(sight, holder_id, month).where(
        col(Entry.kind) != EntryKind.OPENING, col(Entry.booked_on) >= shown[0]
    )
    rows = [
        (first, WorkStream(stream), int(n)) for first, stream, n in await session.execute(given)
    ]
    opening = dict.fromkeys(WorkStream, 0)
    before = _given(sight, holder_id).where(col(Entry.kind) == EntryKind.OPENING)
    for stream, minutes in await session.execute(before):
        opening[WorkStream(stream)] += int(minutes)
    found = {(first, stream): minutes for first, stream, minutes in rows}
    return Contributions(months_of(shown, found), opening)


def _given(sight: Sight, holder_id: UUID | None, *by: Any) -> Select[Any]:
    """Add up workers' minutes by stream, and by what else is asked for."""
    statement = (
        core_select(*by, col(LedgerAccount.stream), func.sum(Posting.amount))
        .join(Entry, col(Entry.entry_id) == col(Posting.entry_id))
        .join(LedgerAccount, col(LedgerAccount.id) == col(Posting.account_id))
        .where(
            col(Entry.book_id) == sight.book.id,
            col(LedgerAccount.kind) == LedgerAccountKind.WORKER,
            col(Posting.unit) == MINUTE,
        )
        .group_by(*by, col(LedgerAccount.stream))
    )
    if holder_id is not None:
        statement = statement.where(col(LedgerAccount.holder_id) == holder_id)
    return statement


async def holdings(
    session: AsyncSession, book_id: UUID, holder_id: UUID | None = None
) -> list[Holding]:
    """Return what stands on the accounts of a book, or of one holder in it, from the balances."""
    statement = (
        core_select(
            col(LedgerAccount.kind),
            col(LedgerAccount.holder_id),
            col(LedgerAccount.stream),
            col(Balance.unit),
            col(Balance.amount),
        )
        .join(Balance, col(Balance.account_id) == col(LedgerAccount.id))
        .where(col(LedgerAccount.book_id) == book_id)
        .order_by(col(LedgerAccount.holder_id), col(LedgerAccount.kind), col(LedgerAccount.stream))
    )
    if holder_id is not None:
        statement = statement.where(col(LedgerAccount.holder_id) == holder_id)
    return [
        Holding(LedgerAccountKind(kind), holder, WorkStream(stream) if stream else None, unit, n)
        for kind, holder, stream, unit, n in await session.execute(statement)
    ]


async def book_sums(session: AsyncSession, book_id: UUID) -> dict[str, int]:
    """Add up every line of a book by unit: zero each, or the book is broken."""
    statement = (
        select(Posting.unit, func.sum(Posting.amount))
        .where(Posting.account_id == LedgerAccount.id, LedgerAccount.book_id == book_id)
        .group_by(col(Posting.unit))
    )
    return {unit: int(total) for unit, total in (await session.exec(statement)).all()}


async def names_of(session: AsyncSession, sight: Sight, holders: Iterable[UUID]) -> dict[UUID, str]:
    """Return what people are called in a book, as the one who looks at it sees them."""
    return await names_in(session, sight.book.id, holders, sight.account_id)

"""Reading exits: what is left on the account of somebody who left, and the instalments."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, func
from sqlmodel import col, exists, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor, Denied
from app.domain.governance import queries
from app.domain.governance.persons import is_own
from app.domain.governance.policy import Place, may_pay
from app.domain.governance.rules import instalment
from app.domain.identity import queries as identity
from app.errors import NotFoundError
from app.models.governance import Exit, ExitPayout
from app.models.ledger import (
    Balance,
    Book,
    Entry,
    LedgerAccount,
    LedgerAccountKind,
    Posting,
)
from app.models.periods import Period, PeriodState

CAPITAL, OUTSIDE = LedgerAccountKind.CAPITAL, LedgerAccountKind.OUTSIDE


@dataclass(frozen=True)
class PayoutView:
    """One instalment: when it is due, and what was paid, if it was."""

    number: int
    due_on: date
    paid_on: date | None
    amount: int
    entry_id: UUID | None


@dataclass(frozen=True)
class ExitView:
    """Somebody's exit, what is left on their account, and the instalments.

    Instalments are those that were paid, and while something is left also those to come.
    """

    exit: Exit
    handle: str
    display_name: str
    currency: str
    capital: int
    payouts: Sequence[PayoutView]
    may_pay: bool
    # Work of theirs stands after the last locked period: its closing may still add something.
    more_may_come: bool
    # When the first instalment of what is added would be due.
    due_then: date | None

    @property
    def next_due(self) -> PayoutView | None:
        """Return the instalment that comes next."""
        return next((one for one in self.payouts if one.paid_on is None), None)

    @property
    def next_amount(self) -> int:
        """Return what it comes to if nothing is added until then."""
        left = sum(one.paid_on is None for one in self.payouts)
        return instalment(self.capital, max(left, 1))


async def capital_of(session: AsyncSession, book: Book, account_id: UUID) -> int:
    """Return what stands on somebody's account, in minor units."""
    statement = select(Balance.amount).where(
        Balance.account_id == LedgerAccount.id,
        Balance.unit == book.currency,
        LedgerAccount.book_id == book.id,
        LedgerAccount.kind == CAPITAL,
        LedgerAccount.holder_id == account_id,
    )
    return (await session.exec(statement)).first() or 0


def uncounted(row: type[Exit] | Exit) -> ColumnElement[bool]:
    """Say, in SQL, whether minutes of theirs stand after the last locked period of the book."""
    last = (
        select(func.max(Period.ends_on))
        .where(Period.book_id == row.book_id, Period.state == PeriodState.LOCKED)
        .scalar_subquery()
    )
    kinds = (LedgerAccountKind.WORKER, LedgerAccountKind.SUSPENSE)
    return exists().where(
        col(Posting.entry_id) == col(Entry.entry_id),
        col(Posting.account_id) == col(LedgerAccount.id),
        col(LedgerAccount.book_id) == row.book_id,
        col(LedgerAccount.holder_id) == row.account_id,
        col(LedgerAccount.kind).in_(kinds),
        col(Entry.booked_on) > func.coalesce(last, date.min),
    )


def something_left() -> ColumnElement[bool]:
    """Say, in SQL, whether an exit's account in its book is above zero."""
    return (
        exists()
        .where(
            col(Balance.account_id) == col(LedgerAccount.id),
            col(Balance.amount) > 0,
            col(Balance.unit) == col(Book.currency),
            col(Book.id) == col(LedgerAccount.book_id),
            col(LedgerAccount.book_id) == col(Exit.book_id),
            col(LedgerAccount.kind) == CAPITAL,
            col(LedgerAccount.holder_id) == col(Exit.account_id),
        )
        .correlate(Exit)
    )


async def more_may_come(session: AsyncSession, row: Exit) -> bool:
    """Say whether a period that is not locked yet may still add to somebody's account."""
    return bool((await session.exec(select(uncounted(row)))).one())


async def exits_to_close(session: AsyncSession, limit: int = 50) -> Sequence[UUID]:
    """Return open exits of which nothing is left to pay, and to which nothing is added any more."""
    statement = (
        select(Exit.id)
        .where(col(Exit.closed_at).is_(None), ~something_left(), ~uncounted(Exit).correlate(Exit))
        .order_by(col(Exit.opened_at))
        .limit(limit)
    )
    return (await session.exec(statement)).all()


async def exits_of(session: AsyncSession, actor: Actor, book_id: UUID) -> Sequence[ExitView]:
    """List exits, those that are open first: all to the lead, one's own to who left."""
    place = await queries.get_place(session, actor, book_id)
    statement = (
        select(Exit)
        .where(Exit.book_id == book_id)
        .order_by(col(Exit.closed_at).desc().nulls_first(), col(Exit.opened_at).desc())
        .limit(100)
    )
    if not place.lead:
        statement = statement.where(Exit.account_id == place.account_id)
    return [await view_of(session, place, row) for row in (await session.exec(statement)).all()]


async def get_exit_for(session: AsyncSession, actor: Actor, exit_id: UUID) -> ExitView:
    """Return an exit to who left, and to those who look after the book."""
    row = await session.get(Exit, exit_id)
    if row is None:
        raise NotFoundError("exit_not_found")
    place = await queries.place_or(session, actor, row.book_id, "exit_not_found")
    if not place.lead and place.account_id != row.account_id:
        raise NotFoundError("exit_not_found")
    return await view_of(session, place, row)


async def payouts_of(session: AsyncSession, exit_id: UUID) -> Sequence[ExitPayout]:
    """Return the instalments of an exit, in their order."""
    statement = (
        select(ExitPayout).where(ExitPayout.exit_id == exit_id).order_by(col(ExitPayout.number))
    )
    return (await session.exec(statement)).all()


async def view_of(session: AsyncSession, place: Place, row: Exit) -> ExitView:
    """Whoever is paid is called by their name here: somebody has to pay them."""
    book = place.book
    paid = select(Posting.entry_id, Posting.amount).where(
        Posting.entry_id == ExitPayout.entry_id,
        ExitPayout.exit_id == row.id,
        Posting.account_id == LedgerAccount.id,
        LedgerAccount.kind == OUTSIDE,
    )
    amounts = dict((await session.exec(paid)).all())
    account = (await identity.accounts_by_id(session, [row.account_id])).get(row.account_id)
    capital = await capital_of(session, book, row.account_id)
    payouts = await payouts_of(session, row.id)
    waiting = [one for one in payouts if one.paid_at is None]
    payer = may_pay(place, own=await is_own(session, place, row.account_id))
    return ExitView(
        exit=row,
        handle=account.handle if account else "",
        display_name=account.display_name if account else "",
        currency=book.currency,
        capital=capital,
        payouts=[
            PayoutView(
                one.number,
                one.due_on,
                one.paid_at.date() if one.paid_at else None,
                amounts.get(one.entry_id, 0) if one.entry_id else 0,
                one.entry_id,
            )
            for one in payouts
            if (one.entry_id if one.paid_at else capital > 0)
        ],
        may_pay=row.closed_at is None and not isinstance(payer, Denied),
        more_may_come=row.closed_at is None and await more_may_come(session, row),
        due_then=waiting[0].due_on if waiting else None,
    )

"""Reading periods, their lines, objections and signatures."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from app.domain.access import Actor, Denied
from app.domain.ledger.people import names_in
from app.domain.ledger.policy import may_read_book
from app.domain.ledger.queries import get_book_for
from app.domain.organisations.queries import membership
from app.domain.periods import errors
from app.domain.periods.policy import may_see
from app.domain.periods.rules import OPEN_TO_SIGN, first_days, usual_end
from app.domain.policies.queries import first_ruled_day
from app.errors import InvalidError
from app.infra import clock
from app.infra.pagination import Page, cut_page, decode_cursor, encode_cursor
from app.models.ledger import Book, Entry, EntryKind
from app.models.organisations import Membership, Organisation
from app.models.periods import (
    Period,
    PeriodLine,
    PeriodLock,
    PeriodObjection,
    PeriodSignature,
    PeriodState,
)

NUMBER_DIGITS = 9


@dataclass(frozen=True)
class PeriodView:
    """A period, who looks at it, and whether they may see all of it or only their own line."""

    period: Period
    book: Book
    organisation: Organisation
    account_id: UUID
    whole: bool
    signer: bool


@dataclass(frozen=True)
class Named:
    """Something somebody did, with the name they are shown by."""

    account_id: UUID
    name: str


@dataclass(frozen=True)
class SignatureView(Named):
    """A signature under the draft that stands."""

    signature: PeriodSignature


@dataclass(frozen=True)
class ObjectionView(Named):
    """An objection, and who answered it."""

    objection: PeriodObjection
    answered_by: str


@dataclass(frozen=True)
class LineView(Named):
    """A worker's line."""

    line: PeriodLine


async def get_period_for(session: AsyncSession, actor: Actor, period_id: UUID) -> PeriodView:
    """Return a period to those who keep its book, and to whoever has a line in it."""
    account_id = actor.signed_in()
    period = await session.get(Period, period_id)
    if period is None:
        raise errors.missing()
    book = await session.get_one(Book, period.book_id)
    own = await membership(session, book.organisation_id, account_id)
    line = await session.get(PeriodLine, (period_id, account_id))
    decision = may_see(own, has_line=line is not None)
    if isinstance(decision, Denied):
        missing = decision.code == "period_not_found"
        raise errors.missing() if missing else errors.forbidden(decision.code)
    organisation = await session.get_one(Organisation, book.organisation_id)
    return PeriodView(
        period, book, organisation, account_id, _whole(own), own is not None and own.worker_owner
    )


def _whole(own: Membership | None) -> bool:
    return not isinstance(may_read_book(own), Denied)


async def get_whole_period_for(session: AsyncSession, actor: Actor, period_id: UUID) -> PeriodView:
    """Return a period to those who keep its book alone."""
    view = await get_period_for(session, actor, period_id)
    if not view.whole:
        raise errors.forbidden("period_forbidden")
    return view


async def lock_period(session: AsyncSession, period_id: UUID) -> Period:
    """Return a period that nobody else moves until this transaction ends."""
    period = await session.get(Period, period_id, with_for_update=True, populate_existing=True)
    if period is None:
        raise errors.missing()
    return period


async def periods_of(
    session: AsyncSession, actor: Actor, book_id: UUID, limit: int, cursor: str | None = None
) -> Page[Period]:
    """List a book's periods, the newest first."""
    book = await get_book_for(session, actor, book_id)
    statement = select(Period).where(Period.book_id == book.id)
    if cursor is not None:
        (last,) = decode_cursor(cursor, 1)
        if last is None or not (last.isascii() and last.isdigit()) or len(last) > NUMBER_DIGITS:
            raise InvalidError("cursor_invalid")
        statement = statement.where(col(Period.number) < int(last))
    rows = await session.exec(statement.order_by(col(Period.number).desc()).limit(limit + 1))
    return cut_page(rows.all(), limit, lambda period: encode_cursor(period.number))


async def all_periods(session: AsyncSession, book_id: UUID) -> Sequence[Period]:
    """Return a book's periods in their order."""
    statement = select(Period).where(Period.book_id == book_id).order_by(col(Period.number))
    return (await session.exec(statement)).all()


async def last_period(session: AsyncSession, book_id: UUID) -> Period | None:
    """Return a book's newest period."""
    statement = select(Period).where(Period.book_id == book_id)
    return (await session.exec(statement.order_by(col(Period.number).desc()).limit(1))).first()


async def opening_day(session: AsyncSession, book_id: UUID) -> date | None:
    """Return the day of a book's opening, where it has one."""
    statement = (
        select(col(Entry.worked_on))
        .where(Entry.book_id == book_id, Entry.kind == EntryKind.OPENING)
        .order_by(col(Entry.worked_on).desc())
        .limit(1)
    )
    return (await session.exec(statement)).first()


async def previous_of(session: AsyncSession, period: Period) -> Period | None:
    """Return the period before."""
    statement = select(Period).where(
        Period.book_id == period.book_id, Period.number == period.number - 1
    )
    return (await session.exec(statement)).first()


@dataclass(frozen=True)
class ProposedDays:
    """The days that a form for the next period proposes."""

    first: date
    last: date


async def proposed_days(session: AsyncSession, book: Book) -> ProposedDays | None:
    """Propose days for the next period; None while no rules hold on the day on which it begins.

    The first one begins with the first rules, or as early as it may.
    """
    since = await first_ruled_day(session, book.id)
    if since is None:
        return None
    last = await last_period(session, book.id)
    if last is None:
        began = (book.ownership_since or clock.now()).date()
        opened_on = await opening_day(session, book.id)
        first = max(since, first_days(began, opened_on, clock.today())[0])
    else:
        first = last.ends_on + timedelta(days=1)
    return ProposedDays(first, usual_end(first)) if since <= first else None


async def unruled_day(session: AsyncSession, book_id: UUID) -> date | None:
    """Return the first day of a period that waits for rules; None where none does."""
    since = await first_ruled_day(session, book_id)
    statement = select(func.min(Period.starts_on)).where(Period.book_id == book_id)
    first: date | None = (await session.exec(statement)).one()
    return first if first is not None and (since is None or first < since) else None


async def waiting_periods(session: AsyncSession) -> Sequence[UUID]:
    """Return the periods that wait for us: to be drawn up, drawn up anew, or locked."""
    changed = col(Period.entries_drawn).is_distinct_from(_entries_in(Period).scalar_subquery())
    statement = (
        select(Period.id)
        .where(
            (col(Period.state) == PeriodState.FROZEN)
            | ((col(Period.state) == PeriodState.SIGNED) & col(Period.locks_at).is_not(None))
            | (col(Period.state).in_(OPEN_TO_SIGN) & changed)
        )
        .order_by(col(Period.id))
    )
    return (await session.exec(statement)).all()


async def is_changed(session: AsyncSession, period: Period) -> bool:
    """Say whether entries came to a period since its draft."""
    return (await session.exec(_entries_in(period))).one() != period.entries_drawn


def _entries_in(period: Period | type[Period]) -> SelectOfScalar[int]:
    return (
        select(func.count())
        .select_from(Entry)
        .where(
            col(Entry.book_id) == period.book_id,
            col(Entry.booked_on).between(period.starts_on, period.ends_on),
        )
    )


async def lines_of(
    session: AsyncSession, view: PeriodView, limit: int, cursor: str | None = None
) -> Page[LineView]:
    """List the lines of a period that who looks may see, by account."""
    statement = select(PeriodLine).where(PeriodLine.period_id == view.period.id)
    if not view.whole:
        statement = statement.where(PeriodLine.account_id == view.account_id)
    if cursor is not None:
        (last,) = decode_cursor(cursor, 1)
        try:
            statement = statement.where(col(PeriodLine.account_id) > UUID(last or ""))
        except ValueError:
            raise InvalidError("cursor_invalid") from None
    rows = await session.exec(statement.order_by(col(PeriodLine.account_id)).limit(limit + 1))
    lines = rows.all()
    names = await _names(session, view, [line.account_id for line in lines])
    found = [LineView(line.account_id, names[line.account_id], line) for line in lines]
    return cut_page(found, limit, lambda each: encode_cursor(each.account_id))


async def all_lines(session: AsyncSession, period_id: UUID) -> Sequence[PeriodLine]:
    """Return all lines of a period."""
    return (await session.exec(select(PeriodLine).where(PeriodLine.period_id == period_id))).all()


async def objections_to(session: AsyncSession, period: Period) -> Sequence[PeriodObjection]:
    """Return what was objected to the draft that stands, and to those before it."""
    statement = select(PeriodObjection).where(PeriodObjection.period_id == period.id)
    statement = statement.order_by(col(PeriodObjection.raised_at), col(PeriodObjection.id))
    return (await session.exec(statement)).all()


async def objections_for(session: AsyncSession, view: PeriodView) -> list[ObjectionView]:
    """Return the objections that who looks may read: all, or their own."""
    rows = [
        row
        for row in await objections_to(session, view.period)
        if view.whole or row.account_id == view.account_id
    ]
    people = [each for row in rows for each in (row.account_id, row.answered_by) if each]
    names = await _names(session, view, people)
    return [
        ObjectionView(
            row.account_id,
            names[row.account_id],
            row,
            names[row.answered_by] if row.answered_by else "",
        )
        for row in rows
    ]


async def signatures_of(session: AsyncSession, period: Period) -> Sequence[PeriodSignature]:
    """Return who signed the draft that stands."""
    statement = select(PeriodSignature).where(
        PeriodSignature.period_id == period.id,
        PeriodSignature.draft == period.draft,
        PeriodSignature.outcome_hash == period.outcome_hash,
    )
    statement = statement.order_by(col(PeriodSignature.signed_at), col(PeriodSignature.account_id))
    return (await session.exec(statement)).all()


async def signatures_for(session: AsyncSession, view: PeriodView) -> list[SignatureView]:
    """Return who signed, by name."""
    rows = await signatures_of(session, view.period)
    names = await _names(session, view, [row.account_id for row in rows])
    return [SignatureView(row.account_id, names[row.account_id], row) for row in rows]


async def _names(session: AsyncSession, view: PeriodView, ids: Iterable[UUID]) -> dict[UUID, str]:
    return await names_in(session, view.book.id, ids, view.account_id)


async def lock_of(session: AsyncSession, period_id: UUID) -> PeriodLock | None:
    """Return a period's lock."""
    return await session.get(PeriodLock, period_id)


async def keepers_of(session: AsyncSession, organisation_id: UUID) -> list[UUID]:
    """Return who keeps an organisation's book."""
    rows = await session.exec(
        select(Membership).where(Membership.organisation_id == organisation_id)
    )
    return sorted(row.account_id for row in rows if _whole(row))

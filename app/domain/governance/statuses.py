"""Writing what somebody is to a co-operative. Nothing else writes it, and it is only added to.

The first worker-owners are named once, by those who switched worker ownership on. From then on
somebody begins on probation, becomes a worker-owner by decision, and leaves by an exit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlmodel import col, func, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor, enforce
from app.domain.activity.actions import record
from app.domain.governance import errors, persons, queries
from app.domain.governance.policy import may_lead
from app.domain.identity import queries as identity
from app.domain.ledger.booking import booking_day
from app.domain.ledger.statuses import status_at, statuses_of
from app.domain.organisations.queries import membership
from app.errors import ConflictError
from app.infra import clock, ids
from app.models.governance import Exit
from app.models.ledger import Book, BookStatus, BookStatusKind, LogKind, LogPending
from app.models.organisations import Membership
from app.models.periods import CLOSED_STATES, Period

LATEST = date.max
# A beginning that was forgotten is written down within a month; months cannot be made up (R10).
PROBATION_BACK = timedelta(days=31)


@dataclass(frozen=True)
class NewStatus:
    """What somebody becomes, from which day on, and by which decision."""

    account_id: UUID
    status: BookStatusKind
    since: date
    decision_id: UUID | None = None


async def name_founders(
    session: AsyncSession, actor: Actor, book_id: UUID, account_ids: Sequence[UUID], since: date
) -> None:
    """Name the first worker-owners, all of them at once; everybody after them is admitted."""
    actor.require_session()
    place = await queries.get_place(session, actor, book_id)
    enforce(may_lead(place))
    book = await queries.lock_book(session, book_id)
    owner = BookStatusKind.WORKER_OWNER
    if any(row.status == owner for row in await statuses_of(session, book_id)):
        raise ConflictError("founders_named")
    # Who was ticked as one before, and is not named now, was never one in the book.
    await session.execute(
        update(Membership)
        .where(col(Membership.organisation_id) == book.organisation_id)
        .values(worker_owner=False)
    )
    for account_id in dict.fromkeys(account_ids):
        await _require_member(session, book, account_id, "/account_ids")
        await set_status(session, actor, book, NewStatus(account_id, owner, since))


async def begin_probation(
    session: AsyncSession, actor: Actor, book_id: UUID, handle: str, since: date
) -> BookStatus:
    """Write down since when a member works towards becoming a worker-owner.

    Whoever comes back does so once what they left with is paid. Nobody begins before the book did,
    or longer ago than a month.
    """
    actor.require_session()
    place = await queries.get_place(session, actor, book_id)
    enforce(may_lead(place))
    book = await queries.lock_book(session, book_id)
    _check_beginning(book, since)
    account = await identity.account_by_handle(session, handle)
    account_id = account.id if account else ids.private_id()
    await _require_member(session, book, account_id, "/handle")
    before = await status_at(session, book_id, account_id, LATEST)
    if before is not None and before.status == BookStatusKind.WORKER_OWNER:
        raise ConflictError("status_same")
    waiting = select(Exit.id).where(
        Exit.book_id == book_id, Exit.account_id == account_id, col(Exit.closed_at).is_(None)
    )
    if (await session.exec(waiting)).first() is not None:
        raise ConflictError("exit_open")
    new = NewStatus(account_id, BookStatusKind.PROBATIONARY, since)
    return await set_status(session, actor, book, new)


def _check_beginning(book: Book, since: date) -> None:
    first = _first_beginning(book)
    if since < first:
        raise errors.invalid("status_too_early", "/since", first=first.isoformat())


def _first_beginning(book: Book) -> date:
    began = (book.ownership_since or clock.now()).date()
    return max(began, clock.today() - PROBATION_BACK)


async def earliest_beginning(session: AsyncSession, book: Book) -> date:
    """Return the first day on which somebody's probation may begin: after all closed periods."""
    last = await session.exec(
        select(func.max(Period.ends_on)).where(
            Period.book_id == book.id, col(Period.state).in_(CLOSED_STATES)
        )
    )
    closed: date | None = last.one()
    first = _first_beginning(book)
    return first if closed is None else max(first, closed + timedelta(days=1))


async def _lies_in_closed_period(session: AsyncSession, book_id: UUID, day: date) -> bool:
    """Say whether a day is in a period that is closed or about to be, or before one."""
    await booking_day(session, book_id, day)  # first: it holds the periods still
    statement = select(Period.id).where(
        Period.book_id == book_id,
        col(Period.state).in_(CLOSED_STATES),
        Period.ends_on >= day,
    )
    return (await session.exec(statement.limit(1))).first() is not None


async def _require_member(
    session: AsyncSession, book: Book, account_id: UUID, pointer: str
) -> None:
    if await membership(session, book.organisation_id, account_id) is None:
        raise errors.invalid("status_not_member", pointer)


async def set_status(session: AsyncSession, actor: Actor, book: Book, new: NewStatus) -> BookStatus:
    """Add what somebody is from a day on, in a locked book; their membership follows.

    It begins after what holds already, and never in a period that is closed: what a statement
    was made of stays as it was.
    """
    if new.since > clock.today():
        raise errors.invalid("status_future", "/since")
    if await _lies_in_closed_period(session, book.id, new.since):
        raise ConflictError("status_period_closed")
    before = await status_at(session, book.id, new.account_id, LATEST)
    if before is not None and before.status == new.status:
        raise ConflictError("status_same")
    if before is not None and before.since > new.since:
        raise ConflictError("status_out_of_order", since=before.since.isoformat())
    if new.status != BookStatusKind.LEFT:
        await persons.check_standing(session, book.id, new.account_id)
    row = BookStatus(
        status_id=ids.private_id(),
        book_id=book.id,
        account_id=new.account_id,
        status=new.status,
        since=new.since,
        decision_id=new.decision_id,
        recorded_by=actor.account_id,
    )
    session.add(row)
    session.add(LogPending(kind=LogKind.STATUS, subject=row.status_id))
    member = await membership(session, book.organisation_id, new.account_id)
    if member is not None:
        member.worker_owner = new.status == BookStatusKind.WORKER_OWNER
    await session.flush()  # whoever is asked next sees it
    record(
        session,
        actor,
        f"book.{new.status.value}",
        book.id,
        book_id=str(book.id),
        organisation_id=str(book.organisation_id),
        since=new.since.isoformat(),
        tell=str(new.account_id),
    )
    return row

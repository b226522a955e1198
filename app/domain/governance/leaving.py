"""Leaving a co-operative (R14): what is under way is handed back, what is theirs is paid out.

What somebody did stays in the book, under a pseudonym. Their account is paid in instalments, each
the same part of what is left then, so that what a period still adds to it is paid as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor, enforce
from app.domain.activity.actions import record
from app.domain.claims.actions import move_claim
from app.domain.claims.queries import get_claim_for
from app.domain.claims.rules import possible_moves
from app.domain.governance import errors, queries
from app.domain.governance.exits import (
    CAPITAL,
    OUTSIDE,
    ExitView,
    capital_of,
    get_exit_for,
    more_may_come,
    payouts_of,
    view_of,
)
from app.domain.governance.persons import is_own
from app.domain.governance.policy import Place, may_pay
from app.domain.governance.rules import add_months, instalment
from app.domain.governance.statuses import NewStatus, set_status
from app.domain.ledger.booking import booking_day
from app.domain.ledger.posting import NewEntry, post_entry
from app.domain.ledger.rules import Side
from app.domain.ledger.statuses import worker_owners_at
from app.errors import ConflictError, NotFoundError
from app.infra import clock, ids
from app.models.claims import Claim, ClaimState
from app.models.governance import AdmissionAsk, Conversion, Exit, ExitPayout
from app.models.ledger import (
    Book,
    BookStatusKind,
    Entry,
    EntryKind,
)
from app.models.needs import Need

USUAL_INSTALMENTS = 12
USUAL_INTERVAL = 1
INSTALMENTS_MAX = 120
INTERVAL_MAX = 24
FIRST_DUE_MAX = timedelta(days=366 * 2)


@dataclass(frozen=True)
class Schedule:
    """How what is somebody's is paid out."""

    instalments: int
    interval_months: int
    first_due_on: date


async def leave(session: AsyncSession, actor: Actor, book_id: UUID) -> Exit:
    """Leave a co-operative, as oneself; what waits for an answer of others goes on."""
    account_id = actor.require_session()
    place = await queries.get_place(session, actor, book_id)
    book = await queries.lock_book(session, book_id)
    place = await queries.place_of(session, book, account_id)
    if place.kind not in {BookStatusKind.PROBATIONARY, BookStatusKind.WORKER_OWNER}:
        raise NotFoundError("not_in_book")
    if await _open_exit_of(session, book_id, account_id) is not None:
        raise ConflictError("exit_open")
    owners = await worker_owners_at(session, book_id, clock.today())
    if list(owners) == [account_id]:
        raise ConflictError("exit_last_owner")
    await _hand_back(session, actor, book)
    await _close_asks(session, book_id, account_id)
    left = NewStatus(account_id, BookStatusKind.LEFT, clock.today())
    await set_status(session, actor, book, left)
    schedule = Schedule(
        USUAL_INSTALMENTS, USUAL_INTERVAL, add_months(clock.today(), USUAL_INTERVAL)
    )
    row = Exit(
        id=ids.private_id(),
        book_id=book_id,
        account_id=account_id,
        left_on=clock.today(),
        opened_at=clock.now(),
        instalments=schedule.instalments,
        interval_months=schedule.interval_months,
        first_due_on=schedule.first_due_on,
    )
    session.add(row)
    await session.flush()  # the instalments refer to it
    session.add_all(_rows(row.id, schedule))
    await session.flush()
    _record(session, actor, row, book, "exit.opened", [one for one in owners if one != account_id])
    return row


async def _hand_back(session: AsyncSession, actor: Actor, book: Book) -> None:
    """Withdraw one's claims on needs of this organisation that wait for one's own next step.

    Work that was handed in stays, so that it is confirmed; what is disputed, people decide.
    """
    statement = (
        select(Claim.id)
        .where(
            Claim.account_id == actor.account_id,
            Claim.need_id == Need.id,
            Need.organisation_id == book.organisation_id,
            col(Claim.state).in_(
                (
                    ClaimState.APPLIED,
                    ClaimState.ACCEPTED,
                    ClaimState.ACTIVE,
                    ClaimState.CHANGES_REQUESTED,
                )
            ),
        )
        .order_by(col(Claim.need_id), col(Claim.id))
    )
    for claim_id in (await session.exec(statement)).all():
        view = await get_claim_for(session, actor, claim_id)
        if ClaimState.WITHDRAWN in possible_moves(view.claim, view.sides, clock.now()):
            await move_claim(session, actor, claim_id, ClaimState.WITHDRAWN, "")


async def _close_asks(session: AsyncSession, book_id: UUID, account_id: UUID) -> None:
    for table in (AdmissionAsk, Conversion):
        statement = select(table).where(
            table.book_id == book_id,
            table.account_id == account_id,
            col(table.closed_at).is_(None),
        )
        for row in await session.exec(statement):
            row.closed_at = clock.now()


def _rows(exit_id: UUID, schedule: Schedule) -> list[ExitPayout]:
    return [
        ExitPayout(
            exit_id=exit_id,
            number=number + 1,
            due_on=add_months(schedule.first_due_on, number * schedule.interval_months),
        )
        for number in range(schedule.instalments)
    ]


async def set_schedule(
    session: AsyncSession, actor: Actor, exit_id: UUID, schedule: Schedule
) -> ExitView:
    """Agree on other instalments, as long as none was paid."""
    row, place = await _lock_to_pay(session, actor, exit_id)
    if not 1 <= schedule.instalments <= INSTALMENTS_MAX:
        raise errors.invalid("exit_schedule", "/instalments")
    if not 1 <= schedule.interval_months <= INTERVAL_MAX:
        raise errors.invalid("exit_schedule", "/interval_months")
    if not row.left_on <= schedule.first_due_on <= row.left_on + FIRST_DUE_MAX:
        raise errors.invalid("exit_schedule", "/first_due_on")
    before = await payouts_of(session, exit_id)
    if any(one.paid_at is not None for one in before):
        raise ConflictError("exit_paying")
    for one in before:
        await session.delete(one)
    await session.flush()
    row.instalments, row.interval_months = schedule.instalments, schedule.interval_months
    row.first_due_on = schedule.first_due_on
    session.add_all(_rows(exit_id, schedule))
    await session.flush()
    _record(session, actor, row, place.book, "exit.scheduled", [row.account_id])
    return await view_of(session, place, row)


async def pay(session: AsyncSession, actor: Actor, exit_id: UUID, *, day: date) -> ExitView:
    """Write down that the next instalment was paid: an entry from their account to the outside.

    What reached the account after the last one is paid at once. Nothing of a negative account.
    """
    row, place = await _lock_to_pay(session, actor, exit_id)
    if row.closed_at is not None:
        raise ConflictError("payout_done")
    if not row.left_on <= day <= clock.today():
        raise errors.invalid("payout_day", "/paid_on")
    # No period closes between this look at the account and the entry.
    booked = await booking_day(session, row.book_id, day)
    capital = await capital_of(session, place.book, row.account_id)
    if capital <= 0:
        raise ConflictError("payout_done")
    waiting = [one for one in await payouts_of(session, exit_id) if one.paid_at is None]
    payout = waiting[0] if waiting else await _one_more(session, row)
    if payout.due_on > clock.today():
        raise ConflictError("payout_not_due", due=payout.due_on.isoformat())
    amount = instalment(capital, max(len(waiting), 1))
    entry = await _post(session, actor, row, place.book, (amount, day, booked))
    payout.entry_id = entry.entry_id
    payout.paid_at, payout.paid_by = clock.now(), actor.signed_in()
    await session.flush()
    _record(session, actor, row, place.book, "exit.paid", [row.account_id])
    await _close_when_done(session, row, place.book)
    return await view_of(session, place, row)


async def _one_more(session: AsyncSession, row: Exit) -> ExitPayout:
    count = len(await payouts_of(session, row.id))
    payout = ExitPayout(exit_id=row.id, number=count + 1, due_on=clock.today())
    session.add(payout)
    return payout


async def _post(
    session: AsyncSession, actor: Actor, row: Exit, book: Book, money: tuple[int, date, date]
) -> Entry:
    """Post what was paid, on which day, and the day on which that counts."""
    amount, day, booked = money
    new = NewEntry(EntryKind.PAYOUT, day, actor.signed_in(), batch_id=row.id, booked_on=booked)
    sides = [
        Side(CAPITAL, row.account_id, None, book.currency, -amount),
        Side(OUTSIDE, book.organisation_id, None, book.currency, amount),
    ]
    return await post_entry(session, actor, book.id, new, sides)


async def close_exit(session: AsyncSession, actor: Actor, exit_id: UUID) -> ExitView:
    """End an exit by hand: nothing is left on the account, and every instalment is paid.

    Where some wait, nothing may come any more that they would pay.
    """
    row, place = await _lock_to_pay(session, actor, exit_id)
    waiting = any(one.paid_at is None for one in await payouts_of(session, exit_id))
    more = waiting and await more_may_come(session, row)
    if more or await capital_of(session, place.book, row.account_id) > 0:
        raise ConflictError("exit_unpaid")
    row.closed_at = row.closed_at or clock.now()
    await session.flush()
    return await view_of(session, place, row)


async def turn_exit(session: AsyncSession, exit_id: UUID) -> int:
    """Close an exit to which nothing can be added any more; safe to run twice."""
    row = await session.get_one(Exit, exit_id)
    book = await queries.lock_book(session, row.book_id)
    await session.refresh(row)
    return int(row.closed_at is None and await _close_when_done(session, row, book))


async def _close_when_done(session: AsyncSession, row: Exit, book: Book) -> bool:
    """Close an exit of which nothing is left, once all their work is in locked periods."""
    if await capital_of(session, book, row.account_id) > 0 or await more_may_come(session, row):
        return False
    row.closed_at = clock.now()
    await session.flush()
    return True


async def _lock_to_pay(session: AsyncSession, actor: Actor, exit_id: UUID) -> tuple[Exit, Place]:
    actor.require_session()
    seen = await get_exit_for(session, actor, exit_id)
    place = await queries.get_place(session, actor, seen.exit.book_id)
    enforce(may_pay(place, own=await is_own(session, place, seen.exit.account_id)))
    await queries.lock_book(session, seen.exit.book_id)
    row = await session.get_one(Exit, exit_id, populate_existing=True)
    return row, place


async def _open_exit_of(session: AsyncSession, book_id: UUID, account_id: UUID) -> Exit | None:
    statement = select(Exit).where(
        Exit.book_id == book_id, Exit.account_id == account_id, col(Exit.closed_at).is_(None)
    )
    return (await session.exec(statement)).first()


def _record(
    session: AsyncSession, actor: Actor, row: Exit, book: Book, verb: str, told: Sequence[UUID]
) -> None:
    record(
        session,
        actor,
        verb,
        row.id,
        book_id=str(book.id),
        organisation_id=str(book.organisation_id),
        tell=sorted(str(one) for one in told),
    )

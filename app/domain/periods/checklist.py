"""What is looked at before a period is frozen: what is missing, and what wants a second look."""

from sqlalchemy import exists, func, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.claims.rules import CONFIRMABLE, CONTESTED
from app.domain.periods import queries
from app.domain.periods.rules import Check, CheckItem
from app.domain.policies.facts import minutes_between
from app.domain.policies.queries import policy_on
from app.infra import clock
from app.models.claims import Claim, ClaimState, WorkLog
from app.models.ledger import Balance, Book, LedgerAccount, LedgerAccountKind
from app.models.needs import Need
from app.models.periods import Period, PeriodState


async def checklist(session: AsyncSession, period: Period, book: Book) -> list[CheckItem]:
    """Return everything that is looked at, what is needed first."""
    previous = await queries.previous_of(session, period)
    policy = await policy_on(session, book.id, period.starts_on)
    waiting = await _claims(session, period, book, CONFIRMABLE - CONTESTED)
    contested = await _claims(session, period, book, CONTESTED)
    suspended = await _suspended(session, book)
    unknown = await _without_status(session, period)
    before = previous is None or previous.state == PeriodState.LOCKED
    return [
        CheckItem(Check.OVER, clock.today() > period.ends_on),
        CheckItem(Check.PREVIOUS, before),
        CheckItem(Check.POLICY, policy is not None),
        CheckItem(Check.SURPLUS, period.surplus is not None),
        CheckItem(Check.CLAIMS, waiting == 0, waiting),
        CheckItem(Check.DISPUTES, contested + suspended == 0, contested + suspended),
        CheckItem(Check.STATUSES, unknown == 0, unknown),
    ]


async def _claims(
    session: AsyncSession, period: Period, book: Book, states: frozenset[ClaimState]
) -> int:
    """Count claims in some states with work on days of the period."""
    worked = exists().where(
        col(WorkLog.claim_id) == col(Claim.id),
        col(WorkLog.worked_on) >= period.starts_on,
        col(WorkLog.worked_on) <= period.ends_on,
    )
    statement = (
        select(func.count())
        .select_from(Claim)
        .where(
            Claim.need_id == Need.id,
            Need.organisation_id == book.organisation_id,
            col(Claim.state).in_(states),
            worked,
        )
    )
    return (await session.exec(statement)).one()


async def _suspended(session: AsyncSession, book: Book) -> int:
    """Count people with minutes in suspense."""
    statement = select(func.count(func.distinct(LedgerAccount.holder_id))).where(
        LedgerAccount.book_id == book.id,
        LedgerAccount.kind == LedgerAccountKind.SUSPENSE,
        Balance.account_id == LedgerAccount.id,
        or_(col(Balance.amount) < 0, col(Balance.amount) > 0),
    )
    return (await session.exec(statement)).one()


async def _without_status(session: AsyncSession, period: Period) -> int:
    """Count people of whose work the book does not know what they were on its day."""
    minutes = await minutes_between(session, period.book_id, period.starts_on, period.ends_on)
    return sum(
        any(status is None and given for (status, _), given in of_worker.items())
        for of_worker in minutes.values()
    )

"""What overtakes a vote: it is about something that is over before all have voted.

A dispute ends by agreement, an ask is taken back, somebody leaves, the day of new rules comes. Then
nobody is asked any longer. A gift that is in dispute meanwhile is not over: it may stand again.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, Date, cast, or_
from sqlmodel import col, exists, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.ledger.statuses import status_at
from app.domain.policies.actions import check_day
from app.errors import AppError
from app.infra import clock
from app.models.disputes import Dispute, DisputeState, ResolvedBy
from app.models.governance import (
    AdmissionAsk,
    Conversion,
    Decision,
    DecisionOutcome,
    DecisionSubject,
)
from app.models.ledger import BookStatusKind
from app.models.periods import Period

AGREED = "overtaken_agreed"
WITHDRAWN = "overtaken_withdrawn"
LEFT = "overtaken_left"
RULES = "overtaken_rules"
OVERTAKEN = frozenset({AGREED, WITHDRAWN, LEFT, RULES})


async def overtaken_by(session: AsyncSession, decision: Decision) -> str | None:
    """Return why nothing is left to decide, as a code; None while there is something."""
    return await _OVER[decision.subject](session, decision)


async def _dispute(session: AsyncSession, decision: Decision) -> str | None:
    dispute = await session.get(Dispute, decision.subject_id, populate_existing=True)
    if dispute is None or dispute.state == DisputeState.ASSEMBLY:
        return None
    return WITHDRAWN if dispute.resolved_by == ResolvedBy.WITHDRAWAL else AGREED


async def _admission(session: AsyncSession, decision: Decision) -> str | None:
    ask = await session.get(AdmissionAsk, decision.subject_id, populate_existing=True)
    return await _closed(session, ask) if ask else None


async def _conversion(session: AsyncSession, decision: Decision) -> str | None:
    row = await session.get(Conversion, decision.subject_id, populate_existing=True)
    return await _closed(session, row) if row else None


async def _closed(session: AsyncSession, row: AdmissionAsk | Conversion) -> str | None:
    if row.closed_at is None:
        return None
    status = await status_at(session, row.book_id, row.account_id, clock.today())
    return LEFT if status and status.status == BookStatusKind.LEFT else WITHDRAWN


async def _rules(session: AsyncSession, decision: Decision) -> str | None:
    try:
        await check_day(session, decision.book_id, date.fromisoformat(decision.terms["valid_from"]))
    except AppError:
        return RULES
    return None


_OVER: Mapping[DecisionSubject, Callable[[AsyncSession, Decision], Awaitable[str | None]]] = {
    DecisionSubject.POLICY: _rules,
    DecisionSubject.ADMISSION: _admission,
    DecisionSubject.CONVERSION: _conversion,
    DecisionSubject.APPEAL: _dispute,
}


def may_be_over() -> ColumnElement[bool]:
    """Say, in SQL, which open decisions may be overtaken; `overtaken_by` says whether they are."""
    subject = col(Decision.subject_id)
    valid_from = cast(col(Decision.terms)["valid_from"].astext, Date)
    today = clock.today()
    begun = exists().where(
        col(Period.book_id) == col(Decision.book_id),
        col(Period.starts_on) <= today,
        col(Period.ends_on) >= valid_from,
    )
    return or_(
        exists().where(col(Dispute.id) == subject, col(Dispute.state) != DisputeState.ASSEMBLY),
        exists().where(col(AdmissionAsk.id) == subject, col(AdmissionAsk.closed_at).is_not(None)),
        exists().where(col(Conversion.id) == subject, col(Conversion.closed_at).is_not(None)),
        (col(Decision.subject) == DecisionSubject.POLICY) & ((valid_from <= today) | begun),
    )


async def overtaken_decisions(
    session: AsyncSession, book_id: UUID | None = None, limit: int = 50
) -> Sequence[UUID]:
    """Return open decisions that are overtaken, of one book or of all."""
    statement = (
        select(Decision)
        .outerjoin(DecisionOutcome, col(DecisionOutcome.decision_id) == col(Decision.id))
        .where(col(DecisionOutcome.decision_id).is_(None), may_be_over())
        .order_by(col(Decision.ends_at))
    )
    if book_id is not None:
        statement = statement.where(Decision.book_id == book_id)
    rows = (await session.exec(statement.limit(500))).all()
    over = [one.id for one in rows if await overtaken_by(session, one) is not None]
    return over[:limit]

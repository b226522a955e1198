"""What a decision does once it is closed, in the transaction that closes it."""

from collections.abc import Awaitable, Callable, Mapping
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import SYSTEM
from app.domain.disputes.actions import rule_of_assembly
from app.domain.governance import queries
from app.domain.governance.conversions import recognise
from app.domain.governance.statuses import NewStatus, set_status
from app.domain.policies.actions import adopt_draft, release_draft
from app.errors import ConflictError
from app.infra import clock
from app.models.governance import AdmissionAsk, Conversion, Decision, DecisionSubject
from app.models.ledger import BookStatusKind


async def carry_out(session: AsyncSession, decision: Decision, *, passed: bool) -> None:
    """Do what was decided; also where it was decided not to, something may be over by it."""
    await _EFFECTS[decision.subject](session, decision, passed)


async def let_go(session: AsyncSession, decision: Decision) -> None:
    """Free what a vote held still that nobody takes any longer; the rest is over by itself."""
    if decision.subject == DecisionSubject.POLICY:
        await release_draft(session, decision.subject_id)


async def _admit(session: AsyncSession, decision: Decision, passed: bool) -> None:
    """Take somebody in from today on, unless they left or took it back meanwhile."""
    ask = await session.get(AdmissionAsk, decision.subject_id)
    if ask is None or ask.closed_at is not None:
        raise ConflictError("admission_not_found")
    ask.closed_at = clock.now()
    if not passed:
        return
    book = await queries.lock_book(session, decision.book_id)
    place = await queries.place_of(session, book, ask.account_id)
    if place.kind is not BookStatusKind.PROBATIONARY or place.membership is None:
        raise ConflictError("standing_missing")
    new = NewStatus(
        UUID(decision.terms["account_id"]),
        BookStatusKind.WORKER_OWNER,
        clock.today(),
        decision.id,
    )
    await set_status(session, SYSTEM, book, new)


async def _convert(session: AsyncSession, decision: Decision, passed: bool) -> None:
    """Recognise gifts; after a no the same gifts may be asked about again."""
    if passed:
        await recognise(session, SYSTEM, decision)
    else:
        conversion = await session.get_one(Conversion, decision.subject_id)
        conversion.closed_at = conversion.closed_at or clock.now()


async def _adopt(session: AsyncSession, decision: Decision, passed: bool) -> None:
    """Let a draft hold from its day on, or give it back to whoever wrote it."""
    if passed:
        await adopt_draft(session, SYSTEM, decision.subject_id)
    else:
        await release_draft(session, decision.subject_id)


async def _rule(session: AsyncSession, decision: Decision, passed: bool) -> None:
    """End a dispute as the assembly said; a no lets stand what stood before it."""
    minutes = decision.terms["minutes"] if passed else None
    await rule_of_assembly(
        session, SYSTEM, decision.subject_id, minutes, decision.id, decision.opened_by
    )


_EFFECTS: Mapping[DecisionSubject, Callable[[AsyncSession, Decision, bool], Awaitable[None]]] = {
    DecisionSubject.POLICY: _adopt,
    DecisionSubject.ADMISSION: _admit,
    DecisionSubject.CONVERSION: _convert,
    DecisionSubject.APPEAL: _rule,
}

"""An appeal panel: its members decide, give their seat up, or are named by both sides."""

from uuid import UUID

from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor, Denied, Scope, enforce
from app.domain.disputes import errors, policy, queries, ruling
from app.domain.disputes.actions import check_minutes
from app.domain.disputes.drawing import draw_missing, may_sit, parties_of, seat_of
from app.domain.disputes.queries import Case
from app.domain.disputes.rules import CaseSide, outcome, seats_wanted
from app.domain.disputes.ruling import Ruling, rule
from app.errors import reason_required
from app.infra import clock
from app.models.disputes import Dispute, DisputeSeat, JudgeState, JudgeTier, ResolvedBy
from app.models.identity import Account


async def decide(
    session: AsyncSession, actor: Actor, dispute_id: UUID, minutes: int, reason: str
) -> bool:
    """Decide as one of the three, always with a reason; say whether that closed the dispute."""
    account_id = actor.require(Scope.CLAIMS_WRITE)
    case, seat = await _lock_seat(session, actor, dispute_id)
    check_minutes(case, minutes)
    if not reason:
        raise reason_required()
    seat.state, seat.minutes, seat.reason = JudgeState.DECIDED, minutes, reason
    seat.answered_at = clock.now()
    await session.flush()  # what all decided is counted below
    given = [
        one.minutes or 0
        for one in await queries.seats_of(session, dispute_id)
        if one.state == JudgeState.DECIDED
    ]
    final = outcome(given)
    if final is None:
        return False
    await rule(session, actor, case, Ruling(final, ResolvedBy.PANEL, account_id))
    return True


async def decline(session: AsyncSession, actor: Actor, dispute_id: UUID) -> None:
    """Give one's seat up, for whatever reason; somebody else is drawn."""
    case, seat = await _lock_seat(session, actor, dispute_id)
    seat.state = JudgeState.DECLINED
    seat.minutes, seat.reason, seat.answered_at = None, "", clock.now()
    await session.flush()  # the draw counts the seats
    await draw_missing(session, actor, case)


async def name_judge(session: AsyncSession, actor: Actor, dispute_id: UUID, handle: str) -> Dispute:
    """Say whom one would let judge where too few can be drawn; both the same, and they sit."""
    actor.require(Scope.CLAIMS_WRITE)
    case = await queries.lock_case_for(session, actor, dispute_id)
    dispute = case.dispute
    wanted = seats_wanted([seat.state for seat in case.seats])
    enforce(policy.may_name(dispute, case.sides, wanted))
    person = await _nameable(session, case, handle)
    by_worker = CaseSide.WORKER in case.sides
    if dispute.named_id == person and dispute.named_by_worker is (not by_worker):
        dispute.named_id = dispute.named_by_worker = None
        session.add(seat_of(dispute, person, len(case.seats) + 1, JudgeTier.NAMED))
        ruling.record_dispute(session, actor, case, "dispute.judge_drawn", {person})
    else:
        dispute.named_id, dispute.named_by_worker = person, by_worker
        await ruling.tell(session, actor, case, "dispute.judge_named")
    dispute.version += 1
    return dispute


async def _nameable(session: AsyncSession, case: Case, handle: str) -> UUID:
    statement = select(Account.id).where(func.lower(Account.handle) == handle.strip().lower())
    found = (await session.exec(statement.where(col(Account.silent).is_(False)))).first()
    if found is None:
        raise errors.unnameable("dispute_handle_unknown")
    parties = await parties_of(session, case)
    statement = select(Account.id).where(col(Account.id) == found, *may_sit(parties))
    if found in parties or (await session.exec(statement)).first() is None:
        raise errors.unnameable("dispute_handle_in_case")
    return found


async def _lock_seat(
    session: AsyncSession, actor: Actor, dispute_id: UUID
) -> tuple[Case, DisputeSeat]:
    case = await queries.lock_case_for(session, actor, dispute_id)
    decision = policy.may_judge(case.dispute, case.seat)
    if isinstance(decision, Denied) and not decision.conflict:
        raise errors.judges_only()
    enforce(decision)
    assert case.seat is not None  # noqa: S101 - `may_judge` refuses who has none
    return case, case.seat

"""How a dispute ends: the two sides agree, or a panel decides. Either way people do, never a clock.

What comes of it enters the book by `ledger.actions.conclude`, in the same transaction.
"""

from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor, Scope, enforce
from app.domain.activity.actions import record
from app.domain.claims import errors, panels
from app.domain.claims import queries as claim_queries
from app.domain.claims.days import check_claim
from app.domain.claims.policy import may_offer
from app.domain.claims.queries import ClaimView
from app.domain.claims.rules import Side, verdict_of
from app.domain.ledger.actions import Ruling, check_no_judge, conclude, logged_minutes
from app.infra import clock


async def settle(session: AsyncSession, actor: Actor, claim_id: UUID, minutes: int) -> ClaimView:
    """Say what one would agree to (0: no hours); it holds once both sides said the same."""
    account_id = actor.require(Scope.CLAIMS_WRITE)
    view = await claim_queries.lock_claim_for(session, actor, claim_id)
    claim = view.claim
    enforce(may_offer(claim, view.sides))
    await check_no_judge(session, account_id, claim_id)
    logged = await logged_minutes(session, claim_id)
    if not 0 <= minutes <= logged:
        raise errors.settlement_minutes(logged)
    await check_claim(session, claim, minutes)
    by_worker = Side.WORKER in view.sides
    others = claim.offer_by if claim.offer_by_worker is (not by_worker) else None
    if others is not None and claim.offer_minutes == minutes:
        if by_worker and others not in await claim_queries.members_of(session, view.need):
            raise errors.settlement_offer_gone()
        # A member answers for the entry, whichever side spoke last.
        recorded_by = others if by_worker else account_id
        await conclude(session, actor, view, Ruling(verdict_of(minutes, logged), recorded_by))
        return view
    claim.offer_minutes, claim.offer_by, claim.offer_by_worker = minutes, account_id, by_worker
    claim.updated_at = clock.now()
    claim.version += 1
    told = await claim_queries.members_of(session, view.need) if by_worker else [claim.account_id]
    record(
        session,
        actor,
        "claim.settlement_offered",
        claim.id,
        claim_id=str(claim.id),
        need_id=str(view.need.id),
        organisation_id=str(view.need.organisation_id),
        worker_id=str(claim.account_id),
        minutes=minutes,
        tell=sorted(str(person) for person in told if person != account_id),
    )
    return view


async def decide_panel(
    session: AsyncSession, actor: Actor, panel_id: UUID, minutes: int, reason: str
) -> bool:
    """Decide as a member of a panel (0: rejected); say whether that closed it.

    Two who decide the same close it. Where those who decided differ, one more is drawn.
    """
    account_id = actor.require(Scope.CLAIMS_WRITE)
    seen = await panels.get_panel_for(session, actor, panel_id)
    logged = await logged_minutes(session, seen.claim.id)
    if not 0 <= minutes <= logged:
        raise errors.settlement_minutes(logged)
    await check_claim(session, seen.claim, minutes)
    decided = await panels.decide(session, actor, panel_id, verdict_of(minutes, logged), reason)
    if decided.verdict is None:
        return False
    ruling = Ruling(decided.verdict, account_id, panel=decided.panel)
    await conclude(session, actor, decided.view, ruling)
    return True

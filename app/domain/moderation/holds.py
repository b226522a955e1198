"""Holding a need back: hidden from all but its people, its clocks at rest, until it is let go.

A hold takes nothing from anybody: places stay taken, work that was done can be handed in and
confirmed, and only what would bring somebody new waits.
"""

from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor, Scope
from app.domain.activity.actions import record
from app.domain.claims import actions as claims
from app.domain.claims import queries as claim_queries
from app.domain.claims.clocks import resume_clocks
from app.domain.claims.queries import ClaimView
from app.domain.claims.rules import Side
from app.domain.ledger.actions import close_need_when_done
from app.domain.moderation import errors, queries
from app.domain.needs import actions as needs
from app.domain.needs import queries as need_queries
from app.domain.needs.following import SUSPENDED
from app.domain.needs.holding import end_hold, live_hold
from app.domain.needs.rules import HOLDABLE, deadline_after_hold, possible_transitions
from app.domain.organisations import queries as organisations
from app.domain.organisations.policy import is_refused
from app.errors import ConflictError, ForbiddenError, reason_required, transition_impossible
from app.infra import clock, ids
from app.models.claims import LIVE_STATES, Claim, ClaimState
from app.models.needs import Hold, Need, NeedHistory, NeedState

# Where a claim's worker has the next step; without work on it nothing is lost when it ends.
AT_WORK = frozenset({ClaimState.ACCEPTED, ClaimState.ACTIVE, ClaimState.CHANGES_REQUESTED})
AS_STEWARD = frozenset({Side.ORGANISATION, Side.STEWARD})


async def hold_need(session: AsyncSession, actor: Actor, need_id: UUID, reason: str) -> Hold:
    """Hide a need until its people and the stewards have cleared what is the matter."""
    actor.require_steward()
    if not reason.strip():
        raise reason_required()
    need = await need_queries.lock_need(session, need_id)
    if need.state not in HOLDABLE:
        raise transition_impossible(need.state, NeedState.HELD, possible_transitions(need.state))
    hold = Hold(
        id=ids.private_id(),
        need_id=need.id,
        state_before=need.state,
        reason=reason.strip(),
        held_by=actor.account_id,
        held_at=clock.now(),
    )
    session.add(hold)
    needs.apply_move(session, actor, need, NeedState.HELD, reason.strip())
    record(session, actor, "need.held", need.id, need_id=str(need.id))
    await _tell_workers(session, actor, need, "claim.need_held")
    await session.flush()  # the answer tells of it
    return hold


async def release_need(
    session: AsyncSession, actor: Actor, hold_id: UUID, reason: str, version: int
) -> Hold:
    """Put a need back where it was; every clock goes on where it stood."""
    need, hold = await _lock(session, actor, hold_id, version)
    before, why = hold.state_before, await _reason_before(session, need)
    need.deadline = deadline_after_hold(need.deadline, hold.held_at.date(), clock.today())
    await end_hold(session, actor, need.id, reason)
    if need.organisation_id is not None:
        organisation = await organisations.get_organisation(session, need.organisation_id)
        if before == NeedState.OPEN and is_refused(organisation):
            before, why = NeedState.PAUSED, SUSPENDED  # it rests, as its other needs do
    needs.apply_move(session, actor, need, before, why)
    await resume_clocks(session, need.id)
    record(session, actor, "need.released", need.id, need_id=str(need.id))
    await _tell_workers(session, actor, need, "claim.need_released")
    await session.flush()
    if need.organisation_id is not None:
        await close_need_when_done(session, actor, need)  # its last work may be confirmed by now
    return hold


async def take_down(
    session: AsyncSession, actor: Actor, hold_id: UUID, reason: str, version: int
) -> Hold:
    """End a held need for good. Whoever has logged work is not sent away: that comes first."""
    if not reason.strip():
        raise reason_required()
    need, hold = await _lock(session, actor, hold_id, version)
    if need.organisation_id is None:
        raise ForbiddenError("need_lives_elsewhere")
    for claim in await _live_claims(session, need):
        view = ClaimView(claim, need, AS_STEWARD)
        if claim.state == ClaimState.APPLIED:
            await claims.apply_move(session, actor, view, ClaimState.DECLINED, reason)
        elif claim.state in AT_WORK and not await claim_queries.minutes_logged(session, [claim.id]):
            await claims.apply_move(session, actor, view, ClaimState.RELEASED, reason)
    await session.flush()
    await needs.move_need(session, actor, need.id, NeedState.WITHDRAWN, reason)
    record(session, actor, "need.taken_down", need.id, need_id=str(need.id))
    await session.flush()
    return hold


async def appeal(session: AsyncSession, actor: Actor, hold_id: UUID, words: str) -> Hold:
    """Answer a hold, once, for the need's organisation."""
    actor.require(Scope.NEEDS_WRITE)
    hold, need = await queries.get_hold_for(session, actor, hold_id)
    if await need_queries.need_membership(session, actor, need) is None:
        raise ForbiddenError("membership_required")
    need = await need_queries.lock_need(session, need.id)
    await session.refresh(hold, with_for_update=True)
    if hold.ended_at is not None:
        raise errors.hold_ended(need.state, hold.end_reason)
    if hold.appealed_at is not None:
        raise errors.hold_appealed()
    hold.appeal = words
    hold.appealed_at = clock.now()
    hold.version += 1
    record(session, actor, "need.appealed", need.id, need_id=str(need.id))
    await session.flush()
    return hold


async def _lock(
    session: AsyncSession, actor: Actor, hold_id: UUID, version: int
) -> tuple[Need, Hold]:
    """Lock a held need and its hold; of two stewards the second is told what became of it."""
    actor.require_steward()
    hold, need = await queries.get_hold_for(session, actor, hold_id)
    need = await need_queries.lock_need(session, need.id)
    await session.refresh(hold, with_for_update=True)
    if hold.ended_at is not None:
        raise errors.hold_ended(need.state, hold.end_reason)
    if hold.version != version:
        raise errors.stale(hold.version)
    if need.state != NeedState.HELD:
        raise ConflictError("hold_ended")
    return need, hold


async def _live_claims(session: AsyncSession, need: Need) -> list[Claim]:
    statement = (
        select(Claim)
        .where(Claim.need_id == need.id, col(Claim.state).in_(LIVE_STATES))
        .order_by(col(Claim.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list((await session.exec(statement)).all())


async def _tell_workers(session: AsyncSession, actor: Actor, need: Need, verb: str) -> None:
    """Tell everybody who waits or works; why is between the need's people and the stewards."""
    statement = select(Claim.id).where(
        Claim.need_id == need.id, col(Claim.state).in_(LIVE_STATES)
    )  # fmt: skip
    for claim_id in (await session.exec(statement)).all():
        record(session, actor, verb, claim_id, claim_id=str(claim_id), need_id=str(need.id))


async def _reason_before(session: AsyncSession, need: Need) -> str:
    """Return why a need was where it was before its hold."""
    statement = (
        select(NeedHistory)
        .where(NeedHistory.need_id == need.id, NeedHistory.to_state != NeedState.HELD)
        .order_by(col(NeedHistory.id).desc())
        .limit(1)
    )
    row = (await session.exec(statement)).first()
    return row.reason if row is not None else ""


async def hold_of(session: AsyncSession, need: Need) -> Hold | None:
    """Return the live hold of a need (already let through), for its page."""
    return await live_hold(session, need.id) if need.state == NeedState.HELD else None

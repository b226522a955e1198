"""The clocks of claims: which one runs, and the signs of life that begin it again."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import col, func, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import SYSTEM, Actor, Scope
from app.domain.activity.actions import record
from app.domain.activity.clocks import NOTHING, Taken, steps_taken
from app.domain.claims import queries
from app.domain.claims.queries import ClaimView
from app.domain.claims.rules import Side
from app.domain.letters.actions import issue_link, open_link, revoke_links, use_link
from app.domain.needs.clocks import (
    ANSWER,
    CONFIRM,
    DISPUTE,
    HEARTBEAT,
    START,
    Clock,
    Due,
    Pauses,
    Running,
    next_step,
    past_pauses,
)
from app.domain.needs.holding import pauses_of
from app.domain.organisations.queries import organisations_by_id
from app.errors import ConflictError, ForbiddenError
from app.infra import clock
from app.models.claims import Claim, ClaimState
from app.models.needs import Need, NeedState

HEARTBEAT_LINK = "claim.heartbeat"
HEARTBEAT_LINK_LIFETIME = timedelta(days=14)
# A silent claim in one of these states holds a place that somebody else could fill.
BEATING = tuple(ClaimState(state) for state in sorted(HEARTBEAT.runs_in))


def running_clock(claim: Claim, need: Need, zone: str, pauses: Pauses = ()) -> Running | None:
    """Return the one clock that runs for a claim, if any does.

    While a need is held nobody can do what a clock asks for, except to dispute.
    """
    found = _clock_and_beginning(claim)
    if found is None or (need.state == NeedState.HELD and found[0] is not DISPUTE):
        return None
    return Running(*found, zone, need.clocks, () if found[0] is DISPUTE else pauses)


def _clock_and_beginning(claim: Claim) -> tuple[Clock, datetime] | None:
    begun = claim.accepted_at or claim.created_at
    sign = max(begun, claim.heartbeat_at or begun)
    found: Mapping[ClaimState, tuple[Clock, datetime | None]] = {
        ClaimState.APPLIED: (ANSWER, claim.created_at),
        ClaimState.ACCEPTED: (HEARTBEAT if sign > begun else START, sign),
        ClaimState.ACTIVE: (HEARTBEAT, max(sign, claim.updated_at)),
        ClaimState.CHANGES_REQUESTED: (HEARTBEAT, max(sign, claim.updated_at)),
        ClaimState.SUBMITTED: (CONFIRM, claim.submitted_at or claim.updated_at),
        ClaimState.CONFIRMED: (DISPUTE, claim.confirmed_at),
    }
    runs, since = found.get(claim.state, (START, None))
    return (runs, since) if since is not None else None


def next_of(
    claim: Claim, need: Need, zone: str, taken: Taken = NOTHING, pauses: Pauses = ()
) -> Due | None:
    """Return what the clock of a claim does next."""
    running = running_clock(claim, need, zone, pauses)
    if running is None:
        return None
    return next_step(running, taken.get((running.clock.name, running.since), {}))


async def next_steps(
    session: AsyncSession, rows: Sequence[tuple[Claim, Need]]
) -> Mapping[UUID, Due]:
    """Return what comes next for some claims, by claim."""
    taken = await steps_taken(session, [claim.id for claim, _ in rows])
    pauses = await pauses_of(session, [need.id for _, need in rows])
    ids = [need.organisation_id for _, need in rows if need.organisation_id is not None]
    zones = {i: found.time_zone for i, found in (await organisations_by_id(session, ids)).items()}
    due = {}
    for claim, need in rows:
        if need.origin_url is not None:
            continue  # its owner's clocks run, not ours
        zone = zones.get(need.organisation_id, "UTC") if need.organisation_id else "UTC"
        stood = pauses.get(need.id, ())
        if step := next_of(claim, need, zone, taken.get(claim.id, NOTHING), stood):
            due[claim.id] = step
    return due


async def touch(session: AsyncSession, actor: Actor, claim_id: UUID) -> None:
    """Count a sign of life: a log, a message, a tap of the claim's own worker.

    What anybody else does with the claim keeps nobody's place. A clock that was ahead for a while
    takes nothing back. Locks the claim's row: call it after any lock of the need's.
    """
    statement = (
        update(Claim)
        .where(
            col(Claim.id) == claim_id,
            col(Claim.account_id) == actor.account_id,
            col(Claim.state).in_(BEATING),
        )
        .values(heartbeat_at=func.greatest(col(Claim.heartbeat_at), clock.now()))
    )
    await session.execute(statement.execution_options(synchronize_session=False))


async def heartbeat(session: AsyncSession, actor: Actor, claim_id: UUID) -> ClaimView:
    """Say "I am still on it", with one tap."""
    actor.require(Scope.CLAIMS_WRITE)
    view = await queries.lock_claim_for(session, actor, claim_id)
    if Side.WORKER not in view.sides:
        raise ForbiddenError("only_worker_beats")
    await _beat(session, actor, view)
    return view


async def _beat(session: AsyncSession, actor: Actor, view: ClaimView) -> None:
    if view.claim.state not in BEATING:
        raise ConflictError("claim_not_running")
    await touch(session, actor, view.claim.id)
    await session.refresh(view.claim)
    record(session, actor, "claim.heartbeat", view.claim.id, need_id=str(view.need.id))


async def heartbeat_link(session: AsyncSession, claim_id: UUID) -> str:
    """Return the path of a page on which "I am still on it" needs no sign-in, once.

    For the letter to the claim's worker, and for nobody else.
    """
    token = await issue_link(session, HEARTBEAT_LINK, claim_id, HEARTBEAT_LINK_LIFETIME)
    return f"/still-on-it/{token}"


async def claim_of_link(session: AsyncSession, token: str) -> ClaimView:
    """Return what a mailed link is about, without using it up."""
    claim_id = await open_link(session, HEARTBEAT_LINK, token)
    return await queries.get_claim_for(session, SYSTEM, claim_id)


async def heartbeat_by_link(session: AsyncSession, token: str) -> ClaimView:
    """Count the tap on a mailed link; the other links of the same claim go with it."""
    claim_id = await use_link(session, HEARTBEAT_LINK, token)
    view = await queries.lock_claim_for(session, SYSTEM, claim_id)
    await _beat(session, Actor(account_id=view.claim.account_id), view)
    await revoke_links(session, HEARTBEAT_LINK, claim_id)
    return view


async def oldest_applications(
    session: AsyncSession, need_ids: Collection[UUID]
) -> Mapping[UUID, datetime]:
    """Return since when the first one waits for an answer, by need that has somebody waiting.

    The time in which a need was held counts for nobody.
    """
    if not need_ids:
        return {}
    statement = (
        select(Claim.need_id, func.min(Claim.created_at))
        .where(col(Claim.need_id).in_(need_ids), Claim.state == ClaimState.APPLIED)
        .group_by(col(Claim.need_id))
    )
    found = dict((await session.exec(statement)).all())
    pauses = await pauses_of(session, list(found))
    now = clock.now()
    return {
        need_id: since + (past_pauses(since, now, pauses.get(need_id, ())) - now)
        for need_id, since in found.items()
    }


async def resume_clocks(session: AsyncSession, need_id: UUID) -> None:
    """Let the next sweep look at all claims of a need whose hold is over."""
    statement = update(Claim).where(col(Claim.need_id) == need_id).values(clock_at=clock.now())
    await session.execute(statement.execution_options(synchronize_session=False))

"""Writing claims. Places are decided by one conditional statement under constraints.

Whoever moves an existing claim locks the need's row first and the claim's second, so two
movers wait for one another and never for ever. An instant claim takes its place and writes its
row in a single statement: at READ COMMITTED the `taken < places` is judged again on the newest
row after every wait, so 200 people at once on 3 places are exactly 3.
"""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor, Scope, enforce
from app.domain.activity.actions import record
from app.domain.claims import agreements, days, errors, queries
from app.domain.claims.drawing import begin_panel
from app.domain.claims.policy import has_room, may_claim, within_limits
from app.domain.claims.queries import ClaimView
from app.domain.claims.rules import (
    APPLICATIONS_A_DAY,
    CONTESTED,
    LOGGABLE,
    LOGGED_BEFORE_NEED,
    MINUTES_A_DAY,
    REASON_REQUIRED,
    SCOPING_MINUTES,
    ClaimLimits,
    Side,
    holds_place,
    possible_moves,
)
from app.domain.needs.policy import may_apply_now
from app.domain.needs.queries import get_need_for
from app.domain.needs.rules import is_filled
from app.domain.organisations.blocking import refuse_blocked
from app.errors import (
    ConflictError,
    ForbiddenError,
    reason_required,
    transition_impossible,
)
from app.infra import clock, ids
from app.models.claims import (
    Claim,
    ClaimFields,
    ClaimHistory,
    ClaimKind,
    ClaimState,
    Elsewhere,
    PanelCause,
    WorkLog,
    WorkLogFields,
)
from app.models.needs import Need, NeedState

TAKE_PLACE_AND_CLAIM = text("""
    WITH place AS (
        UPDATE needs SET taken = taken + 1, version = version + 1, updated_at = :now
        WHERE id = :need_id AND state = 'open' AND taken < places
        RETURNING id
    )
    INSERT INTO claims
        (id, need_id, account_id, kind, state, note, accepted_at, created_at, updated_at, version)
    SELECT :id, place.id, :account_id, 'work', 'accepted', :note, :now, :now, :now, 1 FROM place
    RETURNING id
""")
TAKE_PLACE = text("""
    UPDATE needs SET taken = taken + 1, version = version + 1, updated_at = :now
    WHERE id = :need_id AND state IN ('open', 'paused', 'in_progress') AND taken < places
    RETURNING id
""")
FREE_PLACE = text("""
    UPDATE needs SET taken = taken - 1, version = version + 1, updated_at = :now
    WHERE id = :need_id AND taken > 0 RETURNING id
""")
# One worker's requests queue here, so that two at once cannot both be the last one allowed.
LOCK_WORKER = text("SELECT pg_advisory_xact_lock(hashtextextended('claims:' || :account_id, 0))")


DEFAULT_LIMITS = ClaimLimits()


async def submit_claim(
    session: AsyncSession,
    actor: Actor,
    need_id: UUID,
    fields: ClaimFields,
    limits: ClaimLimits = DEFAULT_LIMITS,
    *,
    guest: bool = False,
) -> Claim:
    """Apply to a need, or, where the need is instant, take one of its places at once.

    A scoping session takes no place: it is an hour to find out what the need is. Where the need
    lives on another instance, its owner is asked. A guest's own instance is another one.
    """
    account_id = actor.require(Scope.CLAIMS_WRITE)
    need = await get_need_for(session, actor, need_id)
    await session.execute(LOCK_WORKER, {"account_id": str(account_id)})
    await refuse_blocked(session, need.organisation_id, account_id)
    takes_place = need.instant and fields.kind == ClaimKind.WORK
    if not takes_place:
        # Whoever closes the need looks for claims first: this one must be seen, or see the end.
        await session.refresh(need, with_for_update={"read": True})
    own = (await queries.own_claims(session, account_id, [need.id])).get(need.id)
    enforce(may_claim(actor, need, own.state if own else None, fields.kind))
    if fields.kind == ClaimKind.WORK:
        enforce(may_apply_now(need, clock.now(), for_me=fields.for_me))
    before = await queries.applied_within_day(session, account_id, need.id)
    if before >= APPLICATIONS_A_DAY:
        raise errors.applied_often()
    load = await queries.load_of(session, account_id)
    enforce(within_limits(load, limits, instant=need.instant))
    claim_id = ids.private_id()
    state = ClaimState.ACCEPTED if need.instant else ClaimState.APPLIED
    if takes_place:
        await _claim_at_once(session, need, claim_id, account_id, fields.note)
    else:
        await _claim_without_place(session, need, claim_id, account_id, fields)
    claim = await session.get_one(Claim, claim_id, populate_existing=True)
    if guest:
        claim.elsewhere = Elsewhere.WORKER
    elif need.origin_url is not None:
        await agreements.begin(session, claim, need, share_name=fields.share_name)
    _add_history(session, actor, claim, None, state, "")
    await _record_move(session, actor, claim, need, again=before > 0)
    if takes_place:
        record(session, actor, "need.updated", need.id)
    return claim


async def _claim_at_once(
    session: AsyncSession, need: Need, claim_id: UUID, account_id: UUID, note: str
) -> None:
    values = {
        "id": claim_id,
        "need_id": need.id,
        "account_id": account_id,
        "note": note,
        "now": clock.now(),
    }
    try:
        taken = (await session.execute(TAKE_PLACE_AND_CLAIM, values)).first()
    except IntegrityError:
        raise errors.claim_exists() from None
    if taken is None:
        await session.refresh(need)
        raise _why_no_place(need)
    await session.refresh(need)


async def _claim_without_place(
    session: AsyncSession, need: Need, claim_id: UUID, account_id: UUID, fields: ClaimFields
) -> None:
    """Add the row and flush: the partial unique indexes know of claims that no query has seen."""
    now = clock.now()
    session.add(
        Claim(
            id=claim_id,
            need_id=need.id,
            account_id=account_id,
            kind=fields.kind,
            state=ClaimState.ACCEPTED if need.instant else ClaimState.APPLIED,
            accepted_at=now if need.instant else None,
            note=fields.note,
        )
    )
    try:
        await session.flush()
    except IntegrityError as error:
        if "uq_claims_one_scoping" in str(error.orig):
            raise errors.scoping_taken() from None
        raise errors.claim_exists() from None


def _why_no_place(need: Need) -> ConflictError:
    return errors.need_full(need.places) if need.taken >= need.places else errors.need_not_open()


async def move_claim(
    session: AsyncSession,
    actor: Actor,
    claim_id: UUID,
    to: ClaimState,
    reason: str,
    limits: ClaimLimits = DEFAULT_LIMITS,
) -> ClaimView:
    """Move a claim, as the table allows the side on which the asker stands."""
    actor.require(Scope.CLAIMS_WRITE)
    # What is refused anyway does not queue for the need's row, where others wait for a place.
    before = await queries.get_claim_for(session, actor, claim_id)
    check_move(before, to, reason)
    if to == ClaimState.ACCEPTED:  # before the need's row, as everywhere
        await session.execute(LOCK_WORKER, {"account_id": str(before.claim.account_id)})
    view = await queries.lock_claim_for(session, actor, claim_id)
    check_move(view, to, reason)
    if to == ClaimState.ACCEPTED:
        enforce(has_room(await queries.load_of(session, view.claim.account_id), limits))
        await agreements.check_acceptable(session, view.claim)
    if to == ClaimState.SUBMITTED:
        await _check_logs(session, view.claim)
    if to == ClaimState.DISPUTED and await queries.is_disputed_in_book(session, view.claim):
        raise errors.disputed_in_book()
    await apply_move(session, actor, view, to, reason)
    return view


async def _check_logs(session: AsyncSession, claim: Claim) -> None:
    """Work is handed in with its logs, while their days still have room for it."""
    logged = (await queries.minutes_logged(session, [claim.id])).get(claim.id, 0)
    if not logged:
        raise ConflictError("nothing_logged")
    await days.check_claim(session, claim, logged)


def check_move(view: ClaimView, to: ClaimState, reason: str) -> None:
    """Refuse a move that the table, the time or the need's places do not allow these sides."""
    claim, need = view.claim, view.need
    if to == ClaimState.ACCEPTED and need.state == NeedState.HELD:
        raise ConflictError("need_held")
    possible = possible_moves(claim, view.sides - {Side.LEDGER}, clock.now())
    if to not in possible:
        raise transition_impossible(claim.state, to, possible)
    if to in REASON_REQUIRED and not reason:
        raise reason_required()
    takes = holds_place(claim.kind, to) and not holds_place(claim.kind, claim.state)
    if takes and is_filled(need):
        raise errors.need_full(need.places)


async def apply_move(
    session: AsyncSession,
    actor: Actor,
    view: ClaimView,
    to: ClaimState,
    reason: str = "",
    *,
    cause: PanelCause = PanelCause.DISPUTED,
) -> None:
    """Carry out a checked move of a locked claim: its place, its panel, its history.

    The view comes from `queries.lock_claim_for`; the move was checked by `check_move`, or by the
    ledger. The clocks move with `SYSTEM`. A claim in review by a panel always has one open panel.
    """
    claim, before = view.claim, view.claim.state
    now = clock.now()
    held, holds = holds_place(claim.kind, before), holds_place(claim.kind, to)
    if held != holds and claim.elsewhere != Elsewhere.NEED:  # its owner counts its places
        statement = TAKE_PLACE if holds else FREE_PLACE
        moved = await session.execute(statement, {"need_id": view.need.id, "now": now})
        await session.refresh(view.need)
        if moved.first() is None:
            raise _why_no_place(view.need)
        record(session, actor, "need.updated", view.need.id)
    claim.state = to
    claim.updated_at = now
    claim.version += 1
    if to == ClaimState.ACCEPTED:
        claim.accepted_at = now
    if to == ClaimState.SUBMITTED:
        claim.submitted_at = now
    if to not in CONTESTED:
        claim.offer_minutes = claim.offer_by = claim.offer_by_worker = None
    _add_history(session, actor, claim, before, to, reason)
    await _record_move(session, actor, claim, view.need)
    if before == ClaimState.PANEL_REVIEW:
        await _close_panel(session, claim)
    if to == ClaimState.PANEL_REVIEW:
        await begin_panel(session, actor, view, cause)


async def _close_panel(session: AsyncSession, claim: Claim) -> None:
    panel = await queries.open_panel_of(session, claim.id)
    if panel is not None:
        panel.closed_at = clock.now()


async def _record_move(
    session: AsyncSession, actor: Actor, claim: Claim, need: Need, *, again: bool = False
) -> None:
    """Tell the other side, or both where nobody of them moved it; ids only, no reason.

    `again`: the same person applied to the same need within a day, which was mailed then.
    """
    people = {claim.account_id, *await queries.members_of(session, need)}
    told = people - {actor.account_id}
    if actor.account_id is not None and actor.account_id != claim.account_id:
        told &= {claim.account_id}
    if claim.elsewhere == Elsewhere.WORKER:
        told -= {claim.account_id}  # nobody reads there: their own instance tells them
    record(
        session,
        actor,
        f"claim.{claim.state}",
        claim.id,
        claim_id=str(claim.id),
        need_id=str(need.id),
        organisation_id=str(need.organisation_id) if need.organisation_id else None,
        worker_id=str(claim.account_id),
        kind=claim.kind.value,
        tell=sorted(str(person) for person in told),
        **({"again": True} if again else {}),
    )


async def log_work(
    session: AsyncSession, actor: Actor, claim_id: UUID, fields: WorkLogFields
) -> WorkLog:
    """Log work on one's own claim; the first log also says that work has begun."""
    account_id = actor.require(Scope.CLAIMS_WRITE)
    await session.execute(LOCK_WORKER, {"account_id": str(account_id)})
    view = await queries.lock_claim_for(session, actor, claim_id)
    _check_loggable(view)
    # Somewhere it is tomorrow already: a day's grace spares everyone a zone question.
    if fields.worked_on > clock.today() + timedelta(days=1):
        raise errors.work_in_future()
    if fields.worked_on < view.need.created_at.date() - LOGGED_BEFORE_NEED:
        raise errors.work_before_need()
    if view.claim.kind == ClaimKind.SCOPING:
        await _check_hour(session, claim_id, fields.minutes)
    await _check_day(session, account_id, fields)
    log = WorkLog(id=ids.private_id(), claim_id=claim_id, **fields.model_dump())
    session.add(log)
    view.claim.heartbeat_at = clock.now()
    if view.claim.state != ClaimState.ACTIVE:
        await apply_move(session, actor, view, ClaimState.ACTIVE)
    record(session, actor, "claim.work_logged", claim_id, minutes=fields.minutes)
    return log


async def _check_day(session: AsyncSession, account_id: UUID, fields: WorkLogFields) -> None:
    """A day has 24 hours: all that was logged on it, and beside that what books say of it."""
    await days.lock_days(session, {account_id})
    logged = await queries.minutes_on_day(session, account_id, fields.worked_on)
    left = await days.left_of_day(session, account_id, fields.worked_on)
    left = max(0, min(left, MINUTES_A_DAY - logged))
    if fields.minutes > left:
        raise errors.day_overfull(left)


async def _check_hour(session: AsyncSession, claim_id: UUID, minutes: int) -> None:
    """A scoping session is an hour, not the work itself."""
    logged = (await queries.minutes_logged(session, [claim_id])).get(claim_id, 0)
    if logged + minutes > SCOPING_MINUTES:
        raise errors.scoping_overfull(SCOPING_MINUTES - logged)


async def delete_work_log(
    session: AsyncSession, actor: Actor, claim_id: UUID, log_id: UUID
) -> None:
    """Take back a work log that nobody has confirmed."""
    actor.require(Scope.CLAIMS_WRITE)
    view = await queries.lock_claim_for(session, actor, claim_id)
    _check_loggable(view)
    await session.delete(await queries.get_work_log(session, claim_id, log_id))
    record(session, actor, "claim.work_log_deleted", claim_id)


def _check_loggable(view: ClaimView) -> None:
    if Side.WORKER not in view.sides:
        raise ForbiddenError("only_worker_logs")
    if view.claim.state not in LOGGABLE:
        raise ConflictError("claim_not_loggable")


def _add_history(
    session: AsyncSession,
    actor: Actor,
    claim: Claim,
    before: ClaimState | None,
    to: ClaimState,
    reason: str,
) -> None:
    session.add(
        ClaimHistory(
            claim_id=claim.id,
            account_id=actor.account_id,
            from_state=before,
            to_state=to,
            reason=reason,
            request_id=actor.request_id,
        )
    )

"""Who may do what with a claim. Pure: policies take loaded facts."""

from collections.abc import Set as AbstractSet

from app.domain.access import ALLOWED, Actor, Decision, Denied
from app.domain.claims.rules import CONTESTED, ClaimLimits, Side, WorkerLoad
from app.models.claims import Claim, ClaimKind, ClaimState, Elsewhere, Panel, PanelSeat, SeatState
from app.models.needs import Need, NeedState
from app.models.organisations import Membership


def sides_of(actor: Actor, claim: Claim, membership: Membership | None) -> frozenset[Side]:
    """Say on which side of a claim someone stands.

    A worker who is also a member of the organisation is the worker: nobody accepts, declines
    or confirms their own claim.
    """
    if actor.account_id == claim.account_id:
        return frozenset({Side.WORKER})
    if membership is not None:
        return frozenset({Side.ORGANISATION})
    if actor.acts_as_steward and not actor.system and claim.elsewhere == Elsewhere.NEED:
        return frozenset({Side.STEWARD})  # they see it; its organisation is on another instance
    if actor.acts_as_steward and not actor.system:
        return frozenset({Side.ORGANISATION, Side.STEWARD})
    return frozenset({Side.SYSTEM}) if actor.system else frozenset()


def may_claim(
    actor: Actor, need: Need, own: ClaimState | None, kind: ClaimKind = ClaimKind.WORK
) -> Decision:
    """Say whether someone may apply to a need, and if not, why."""
    if actor.account_id is None:
        return Denied("sign_in_required")
    if own is not None:
        return Denied("claim_exists", conflict=True)
    return _takes_scoping(need) if kind == ClaimKind.SCOPING else _takes_work(need)


def _takes_work(need: Need) -> Decision:
    if need.state != NeedState.OPEN:
        return Denied("need_not_open", conflict=True)
    if need.taken >= need.places:
        return Denied("need_full", conflict=True, params={"places": need.places})
    return ALLOWED


def _takes_scoping(need: Need) -> Decision:
    """Say whether a need wants someone to find out with the organisation what it is."""
    if need.origin_url is not None:
        return Denied("scoping_not_wanted", conflict=True)  # an hour together, on one instance
    if need.skills_unknown and need.state in {NeedState.REVIEW, NeedState.OPEN}:
        return ALLOWED
    return Denied("scoping_not_wanted", conflict=True)


def within_limits(load: WorkerLoad, limits: ClaimLimits, *, instant: bool) -> Decision:
    """Keep one worker from holding what others wait for."""
    if load.live >= limits.live_max(load.confirmed):
        return Denied("claims_limit", conflict=True)
    if not instant and load.pending >= limits.pending:
        return Denied("applications_limit", conflict=True)
    return ALLOWED


def has_room(load: WorkerLoad, limits: ClaimLimits) -> Decision:
    """Say to the organisation whether a worker may take one more on."""
    if load.live >= limits.live_max(load.confirmed):
        return Denied("worker_claims_limit", conflict=True, params={"live": load.live})
    return ALLOWED


def may_decide(seat: PanelSeat | None, panel: Panel) -> Decision:
    """Those who were drawn decide, while the panel is open, and may think again until it closes."""
    if seat is None:
        return Denied("panel_not_found")
    if panel.closed_at is not None:
        return Denied("panel_closed", conflict=True)
    if seat.state not in {SeatState.DRAWN, SeatState.DECIDED}:
        return Denied("seat_given_up", conflict=True)
    return ALLOWED


def may_offer(claim: Claim, sides: AbstractSet[Side]) -> Decision:
    """The two sides of a dispute offer and agree; a steward helps along and agrees to nothing."""
    if Side.STEWARD in sides or not sides & {Side.WORKER, Side.ORGANISATION}:
        return Denied("settlement_parties_only")
    if claim.elsewhere is not None:
        return Denied("settlement_elsewhere", conflict=True)
    if claim.state not in CONTESTED:
        return Denied("settlement_state", conflict=True)
    return ALLOWED

"""Who may do what with a claim. Pure: policies take loaded facts."""

from app.domain.access import ALLOWED, Actor, Decision, Denied
from app.domain.claims.rules import PENDING_MAX, Side, live_claims_max
from app.models.claims import Claim, ClaimState
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
    if actor.acts_as_steward and not actor.system:
        return frozenset({Side.ORGANISATION, Side.STEWARD})
    return frozenset({Side.SYSTEM}) if actor.system else frozenset()


def may_claim(actor: Actor, need: Need, own: ClaimState | None) -> Decision:
    """Say whether someone may apply to a need, and if not, why."""
    if need.origin_url is not None:
        return Denied("answer_at_origin", conflict=True)
    if actor.account_id is None:
        return Denied("sign_in_required")
    if own is not None:
        return Denied("claim_exists", conflict=True)
    if need.state != NeedState.OPEN:
        return Denied("need_not_open", conflict=True)
    if need.taken >= need.places:
        return Denied("need_full", conflict=True, params={"places": need.places})
    return ALLOWED


def within_limits(pending: int, live: int, confirmed: int, *, instant: bool) -> Decision:
    """Keep one worker from holding what others wait for."""
    if live >= live_claims_max(confirmed):
        return Denied("claims_limit", conflict=True)
    if not instant and pending >= PENDING_MAX:
        return Denied("applications_limit", conflict=True)
    return ALLOWED

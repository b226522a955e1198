"""Who may do what with a need. Pure: policies take loaded facts."""

from app.domain.access import ALLOWED, Actor, Decision, Denied
from app.domain.needs.rules import PUBLISHED
from app.models.needs import Audience, Need
from app.models.organisations import Membership, Organisation, OrganisationState


def may_read(actor: Actor, need: Need, membership: Membership | None) -> bool:
    """Published needs are read by their audience; all others by members and stewards."""
    if membership is not None or actor.acts_as_steward:
        return True
    if need.state not in PUBLISHED:
        return False
    return need.audience == Audience.PUBLIC or actor.account_id is not None


def may_write(actor: Actor, need: Need, membership: Membership | None) -> Decision:
    """Members of the organisation write, and stewards."""
    if need.origin_url is not None:
        return Denied("need_lives_elsewhere")
    if membership is not None or actor.acts_as_steward:
        return ALLOWED
    return Denied("membership_required")


def may_publish(organisation: Organisation) -> Decision:
    """Only organisations that a steward has accepted are listed."""
    if organisation.state == OrganisationState.ACCEPTED:
        return ALLOWED
    return Denied("organisation_not_accepted", conflict=True)

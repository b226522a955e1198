"""Who may do what with an organisation: pure, on loaded facts."""

from app.domain.access import Actor
from app.models.organisations import MemberRole, Membership, Organisation, OrganisationState


def acts_as_steward(actor: Actor) -> bool:
    """A steward's token for something else does not see with the steward's eyes."""
    return actor.acts_as_steward


def is_owner(membership: Membership | None) -> bool:
    return membership is not None and membership.role is MemberRole.OWNER


def may_see(actor: Actor, organisation: Organisation, membership: Membership | None) -> bool:
    """Accepted organisations are public; the others are for those concerned and the stewards."""
    if organisation.state is OrganisationState.ACCEPTED or acts_as_steward(actor):
        return True
    created = actor.account_id is not None and organisation.created_by == actor.account_id
    return created or membership is not None


def may_see_members(actor: Actor, membership: Membership | None) -> bool:
    return acts_as_steward(actor) or membership is not None


def may_edit(actor: Actor, membership: Membership | None) -> bool:
    return acts_as_steward(actor) or is_owner(membership)


def may_manage_members(actor: Actor, membership: Membership | None, *, members: int) -> bool:
    """Owners manage members; a steward only where nobody is left (or never was) to do it."""
    return is_owner(membership) or (acts_as_steward(actor) and members == 0)


def may_post_needs(membership: Membership | None, organisation: Organisation) -> bool:
    """Members prepare needs while the stewards decide; a refused organisation does not."""
    return membership is not None and not is_refused(organisation)


def may_publish_needs(organisation: Organisation) -> bool:
    """Only what stewards have accepted is shown to others."""
    return organisation.state is OrganisationState.ACCEPTED


def is_refused(organisation: Organisation) -> bool:
    """The stewards said no, or no longer."""
    return organisation.state in {OrganisationState.DECLINED, OrganisationState.SUSPENDED}


def stays_as_read(actor: Actor, organisation: Organisation) -> bool:
    """Stewards accepted it for what it said of itself, and nobody has vouched for it since."""
    accepted = organisation.state is OrganisationState.ACCEPTED
    return accepted and organisation.vouched_at is None and not acts_as_steward(actor)

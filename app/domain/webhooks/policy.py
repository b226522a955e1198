"""Who may have callbacks: pure, on loaded facts."""

from app.domain.access import ALLOWED, Actor, Decision, Denied
from app.domain.organisations.policy import is_owner, is_refused
from app.models.organisations import Membership, Organisation


def may_see(actor: Actor, own: Membership | None) -> bool:
    """Members know that there are callbacks; a steward sees what the instance calls."""
    return own is not None or actor.acts_as_steward


def may_manage(own: Membership | None, organisation: Organisation) -> Decision:
    """An owner decides where word of the organisation goes; nobody does it in their stead."""
    if not is_owner(own):
        return Denied("organisation_owner_required")
    return (
        Denied("organisation_not_accepted", conflict=True) if is_refused(organisation) else ALLOWED
    )

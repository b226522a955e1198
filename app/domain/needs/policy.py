"""Who may do what with a need. Pure: policies take loaded facts."""

from datetime import datetime

from app.domain.access import ALLOWED, Actor, Decision, Denied
from app.domain.needs.rules import PUBLISHED, possible_transitions, priority_until
from app.models.needs import Audience, Need, NeedState
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


def may_translate(
    actor: Actor, need: Need, membership: Membership | None, *, works: bool
) -> Decision:
    """Members and stewards translate a need, and those who were let in to work on it."""
    if need.origin_url is not None:
        return Denied("need_lives_elsewhere")
    if works or membership is not None or actor.acts_as_steward:
        return ALLOWED
    return Denied("translators_only")


def may_see_contacts(need: Need, *, let_in: bool, writes: bool) -> bool:
    """How to reach an organisation is for those it has let in, unless it says otherwise."""
    return need.contact_public or let_in or writes


def may_apply_now(need: Need, now: datetime, *, for_me: bool) -> Decision:
    """While the priority window is open, those apply who say that the need is for them.

    What they say is looked at here and kept nowhere.
    """
    until = priority_until(need)
    if until is None or now >= until or for_me:
        return ALLOWED
    return Denied("priority_window", conflict=True)


def stands_alone(actor: Actor, organisation: Organisation) -> bool:
    """Say whether what an organisation publishes needs nobody's reading first.

    Somebody vouched for it, or a steward acts; the system on its own has read nothing.
    """
    return organisation.vouched_at is not None or (actor.acts_as_steward and not actor.system)


def moves_for(actor: Actor, need: Need, organisation: Organisation | None) -> list[NeedState]:
    """Return where somebody who answers for a need may move it from here."""
    found = possible_transitions(need.state)
    reads_first = organisation is not None and not stands_alone(actor, organisation)
    if need.state == NeedState.REVIEW and reads_first:
        found.remove(NeedState.OPEN)
    return found


def may_publish(organisation: Organisation) -> Decision:
    """Only organisations that a steward has accepted are listed."""
    if organisation.state == OrganisationState.ACCEPTED:
        return ALLOWED
    return Denied("organisation_not_accepted", conflict=True)

"""Who may do what with an ask. Pure: policies take loaded facts."""

from app.domain.access import ALLOWED, Actor, Decision, Denied, Scope
from app.domain.asks.rules import TEXT_OPEN
from app.models.asks import Ask, AskState


def may_review(actor: Actor) -> Decision:
    """The stewards read and scope what comes in; what is not confirmed yet, nobody."""
    return ALLOWED if actor.acts_as_steward else Denied("steward_required")


def may_change_text(ask: Ask) -> Decision:
    """The text is the asker's until it is a need; then a change is suggested."""
    return ALLOWED if ask.state in TEXT_OPEN else Denied("ask_closed", conflict=True)


def runs_the_need(ask: Ask) -> bool:
    """Say whether the link answers offers and confirms hours.

    Only where the organisation came with the ask: an organisation that was here before has its
    own people, and a link must not speak for them.
    """
    return ask.holder_id is not None and ask.state in {AskState.PUBLISHED, AskState.DONE}


def holder_of(ask: Ask, request_id: str | None) -> Actor | None:
    """Return who the link acts as: an account without a password, for claims and needs only."""
    if not runs_the_need(ask):
        return None
    reach = frozenset({Scope.NEEDS_READ, Scope.NEEDS_WRITE, Scope.CLAIMS_READ, Scope.CLAIMS_WRITE})
    return Actor(
        account_id=ask.holder_id, language=ask.language, scopes=reach, request_id=request_id
    )

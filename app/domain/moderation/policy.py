"""Who may moderate. Pure: policies take loaded facts."""

from app.domain.access import ALLOWED, Actor, Decision, Denied
from app.models.identity import Account


def may_restrict(actor: Actor, account: Account, other_stewards: int) -> Decision:
    """Stewards limit and block anybody but themselves, and never the last one who can act."""
    if account.id == actor.account_id:
        return Denied("oneself", conflict=True)
    if account.steward and other_stewards == 0:
        return Denied("last_steward", conflict=True)
    return ALLOWED

"""Who may read a receipt. Pure: policies take loaded facts."""

from app.domain.access import Actor
from app.models.organisations import Membership
from app.models.receipts import Receipt


def may_read(actor: Actor, receipt: Receipt, membership: Membership | None) -> bool:
    """Say whether a receipt exists for somebody: its worker, and those whose word it is.

    Stewards are no party: a signature makes what is private provable to anybody.
    """
    if actor.account_id is None:
        return False
    return actor.account_id == receipt.account_id or membership is not None

"""Who may read a book and who may confirm. Pure."""

from collections.abc import Set as AbstractSet

from app.domain.access import ALLOWED, Decision, Denied
from app.domain.claims.rules import CONFIRMABLE, Side
from app.models.claims import Claim
from app.models.organisations import MemberRole, Membership


def may_read_book(membership: Membership | None) -> Decision:
    """Worker-owners review the book; an organisation's owners answer for it."""
    if membership is None:
        return Denied("book_not_found")
    if membership.worker_owner or membership.role == MemberRole.OWNER:
        return ALLOWED
    return Denied("book_forbidden")


def may_keep_book(membership: Membership | None) -> bool:
    """Owners and worker-owners keep a book: both read it, both write down and correct."""
    return not isinstance(may_read_book(membership), Denied)


def may_confirm(claim: Claim, sides: AbstractSet[Side]) -> Decision:
    """The organisation's side confirms submitted work; never the worker (R15), nor a steward."""
    if Side.WORKER in sides:
        return Denied("confirmation_own")
    if Side.STEWARD in sides:
        return Denied("confirmation_members_only")
    if claim.state not in CONFIRMABLE:
        return Denied("confirmation_state", conflict=True)
    return ALLOWED

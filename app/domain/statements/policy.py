"""Who may read which figures of a book. Pure."""

from app.domain.access import ALLOWED, Decision, Denied
from app.domain.ledger.policy import may_read_book
from app.models.organisations import Membership


def may_read_figures(membership: Membership | None, *, own: bool, works_here: bool) -> Decision:
    """Worker-owners and owners read all of a book; everybody who works in it their own part."""
    everything = may_read_book(membership)
    if not isinstance(everything, Denied) or (own and works_here):
        return ALLOWED
    if works_here or membership is not None:
        return Denied("statement_forbidden")
    return Denied("book_not_found")

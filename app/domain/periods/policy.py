"""Who may do what with a period. Pure.

Whoever keeps the book prepares its closing; only worker-owners sign it; whoever has a line in it
may see that line and object.
"""

from app.domain.access import ALLOWED, Decision, Denied
from app.domain.ledger.policy import may_read_book
from app.models.ledger import BookStatus, BookStatusKind
from app.models.organisations import Membership


def may_close(own: Membership | None) -> Decision:
    """Those who keep the book open, freeze and reopen its periods, and answer objections."""
    return Denied("period_forbidden") if isinstance(may_read_book(own), Denied) else ALLOWED


def may_sign(own: Membership | None, status: BookStatus | None) -> Decision:
    """Who owns by work signs for it, as the book itself says: whoever checks it later sees that."""
    is_owner = status is not None and status.status == BookStatusKind.WORKER_OWNER
    if own is None or not own.worker_owner or not is_owner:
        return Denied("period_sign_refused")
    return ALLOWED


def may_see(own: Membership | None, *, has_line: bool) -> Decision:
    """Those who keep the book see all of it, whoever has a line in a period their own."""
    decision = may_read_book(own)
    if not isinstance(decision, Denied) or has_line:
        return ALLOWED
    return Denied("period_not_found" if decision.code == "book_not_found" else decision.code)

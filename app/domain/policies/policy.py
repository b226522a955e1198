"""Who may work on the rules of a book. Pure.

Whoever reads the book may draft rules for it; what holds, the worker-owners decide together.
"""

from uuid import UUID

from app.domain.access import ALLOWED, Decision, Denied
from app.models.policies import DraftState


def may_change_draft(author: UUID, state: DraftState, account_id: UUID) -> Decision:
    """A draft is its author's until it is put to the vote; others write one of their own."""
    if author != account_id:
        return Denied("policy_draft_others")
    if state != DraftState.OPEN:
        return Denied("policy_draft_closed", conflict=True)
    return ALLOWED

"""Who may work on the rules of a book. Pure.

Whoever reads the book may draft rules for it; what holds, the worker-owners decide together.
"""

from uuid import UUID

from app.domain.access import ALLOWED, Decision, Denied
from app.models.policies import DraftState, PolicyDraft


def may_change_draft(draft: PolicyDraft, account_id: UUID) -> Decision:
    """A draft is its author's until it is put to the vote; others write one of their own."""
    if draft.created_by != account_id:
        return Denied("policy_draft_others")
    if draft.state != DraftState.OPEN:
        return Denied("policy_draft_closed", conflict=True)
    return ALLOWED

"""Rules of a book and a draft of others, for the table of rights."""

from datetime import date
from typing import Any
from uuid import UUID

from app.domain.policies.document import Policy
from app.infra.database import transaction
from app.infra.ids import private_id
from app.models.policies import AdoptedPolicy, PolicyDraft
from tests.factories.world import Person, World

STALE = {"If-Match": '"999"'}
DRAFT = {"title": "Other rules", "valid_from": "2026-07-01", "document": {}}


async def policy_ids(world: World, book_id: str, author: Person) -> dict[str, str]:
    """Return adopted rules and a worker-owner's draft; decisions have their own routes."""
    document = Policy()
    values: dict[str, Any] = {
        "book_id": UUID(book_id),
        "valid_from": date(2026, 1, 1),
        "document": document.document(),
    }
    policy = AdoptedPolicy(id=private_id(), version=1, document_hash=document.hash(), **values)
    draft = PolicyDraft(id=private_id(), title="Other rules", created_by=UUID(author.id), **values)
    async with transaction(world.runtime.sessions) as session:
        session.add_all([policy, draft])
    return {"policy_id": str(policy.id), "policy_draft_id": str(draft.id)}


def policy_requests() -> dict[str, dict[str, Any]]:
    """Return a request for each route that writes about rules, or asks what they would make."""
    return {
        "POST /books/{book_id}/policy-preview": {"json": {"document": {}}},
        "POST /books/{book_id}/policy-drafts": {
            "json": DRAFT,
            "headers": {"Idempotency-Key": "rules"},
        },
        "PUT /policy-drafts/{policy_draft_id}": {"json": DRAFT, "headers": STALE},
        "DELETE /policy-drafts/{policy_draft_id}": {"headers": STALE},
    }

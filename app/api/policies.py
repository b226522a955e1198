"""The rules of a book: what holds, drafts of others, and what those would have made."""

from uuid import UUID

from fastapi import APIRouter, Request, Response, status

from app.api.dependencies import (
    DEFAULT_LIMIT,
    Cursor,
    Db,
    ExpectedVersion,
    InPerson,
    LedgerReader,
    Limit,
    WithKey,
    set_next_link,
    set_version,
)
from app.api.routing import StrictRoute
from app.api.schemas.base import Listing
from app.api.schemas.policies import (
    PolicyDraftShape,
    PolicyPreviewInput,
    PolicyPreviewShape,
    PolicyShape,
)
from app.domain.policies import actions, previewing, queries
from app.domain.policies.actions import DraftFields

router = APIRouter(route_class=StrictRoute, tags=["policies"])


@router.get("/books/{book_id}/policies", operation_id="list_policies")
async def list_policies(
    book_id: UUID,
    request: Request,
    response: Response,
    actor: LedgerReader,
    db: Db,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Listing[PolicyShape]:
    """List the rules that a book had, has and will have, the last adopted first."""
    page = await queries.policies_of(db, actor, book_id, limit, cursor)
    set_next_link(request, response, page.next_cursor)
    items = [PolicyShape.of(row) for row in page.items]
    return Listing(items=items, next_cursor=page.next_cursor)


@router.get("/policies/{policy_id}", operation_id="get_policy")
async def get_policy(policy_id: UUID, actor: LedgerReader, db: Db) -> PolicyShape:
    """Return rules that were adopted."""
    return PolicyShape.of(await queries.get_policy_for(db, actor, policy_id))


@router.post("/books/{book_id}/policy-preview", operation_id="preview_policy")
async def preview_policy(
    book_id: UUID, body: PolicyPreviewInput, actor: LedgerReader, db: Db
) -> PolicyPreviewShape:
    """Say what rules would have made of some days, beside those that hold; nothing is written."""
    return PolicyPreviewShape.of(await previewing.preview(db, actor, book_id, body.question()))


@router.get("/books/{book_id}/policy-drafts", operation_id="list_policy_drafts")
async def list_drafts(
    book_id: UUID,
    request: Request,
    response: Response,
    actor: LedgerReader,
    db: Db,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Listing[PolicyDraftShape]:
    """List the drafts of a book, newest first."""
    page = await queries.drafts_of(db, actor, book_id, limit, cursor)
    set_next_link(request, response, page.next_cursor)
    items = [PolicyDraftShape.of(draft) for draft in page.items]
    return Listing(items=items, next_cursor=page.next_cursor)


@router.post(
    "/books/{book_id}/policy-drafts",
    status_code=status.HTTP_201_CREATED,
    operation_id="write_policy_draft",
    dependencies=[WithKey],
)
async def write_draft(
    book_id: UUID, body: DraftFields, response: Response, actor: InPerson, db: Db
) -> PolicyDraftShape:
    """Draft rules that one would like to have; a decision of the worker-owners adopts them."""
    row = await actions.write_draft(db, actor, book_id, body)
    response.headers["Location"] = f"/api/v1/policy-drafts/{row.id}"
    set_version(response, row.version)
    return PolicyDraftShape.of(await queries.get_draft_for(db, actor, row.id))


@router.get("/policy-drafts/{policy_draft_id}", operation_id="get_policy_draft")
async def get_draft(
    policy_draft_id: UUID, response: Response, actor: LedgerReader, db: Db
) -> PolicyDraftShape:
    """Return a draft."""
    draft = await queries.get_draft_for(db, actor, policy_draft_id)
    set_version(response, draft.row.version)
    return PolicyDraftShape.of(draft)


@router.put("/policy-drafts/{policy_draft_id}", operation_id="change_policy_draft")
async def change_draft(
    policy_draft_id: UUID,
    body: DraftFields,
    response: Response,
    actor: InPerson,
    db: Db,
    expected: ExpectedVersion,
) -> PolicyDraftShape:
    """Write a draft of one's own anew."""
    row = await actions.change_draft(db, actor, policy_draft_id, body, expected)
    set_version(response, row.version)
    return PolicyDraftShape.of(await queries.get_draft_for(db, actor, policy_draft_id))


@router.delete(
    "/policy-drafts/{policy_draft_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    operation_id="withdraw_policy_draft",
)
async def withdraw_draft(
    policy_draft_id: UUID, actor: InPerson, db: Db, expected: ExpectedVersion
) -> None:
    """Take a draft of one's own back."""
    await actions.withdraw_draft(db, actor, policy_draft_id, expected)

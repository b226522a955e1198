"""The ledger: confirm work, read books and contributions."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response, status

from app.api.dependencies import (
    DEFAULT_LIMIT,
    ClaimsWriter,
    Cursor,
    Db,
    LedgerReader,
    Limit,
    WithKey,
    set_next_link,
    set_version,
)
from app.api.routing import StrictRoute
from app.api.schemas.base import Listing
from app.api.schemas.claims import (
    ClaimShape,
    ConfirmationInput,
    DecisionInput,
    PanelShape,
    SettlementInput,
)
from app.api.schemas.ledger import (
    BookBrief,
    BookShape,
    Confirmed,
    ContributionList,
    ContributionShape,
    EntryShape,
)
from app.api.shapes import claim_shape, panel_shape
from app.domain.claims.panels import get_panel_for
from app.domain.ledger import actions, queries, settling
from app.errors import AppError

router = APIRouter(route_class=StrictRoute, tags=["ledger"])


@router.post(
    "/claims/{claim_id}/confirmation",
    status_code=status.HTTP_201_CREATED,
    operation_id="confirm_contribution",
    dependencies=[WithKey],
)
async def confirm_contribution(
    claim_id: UUID, body: ConfirmationInput, actor: ClaimsWriter, db: Db
) -> Confirmed:
    """Confirm submitted work: the claim and the ledger move together, or not at all."""
    view, _ = await actions.confirm_contribution(db, actor, claim_id, body.minutes, body.stream)
    shape = await claim_shape(db, actor, view.claim, view.need)
    line = await queries.entry_of_claim(db, claim_id)
    if line is None:
        raise AppError("internal", detail="a confirmed claim without its entry")
    return Confirmed(claim=shape, entry=EntryShape.model_validate(line))


@router.post("/claims/{claim_id}/settlement", operation_id="settle_claim")
async def settle_claim(
    claim_id: UUID, body: SettlementInput, response: Response, actor: ClaimsWriter, db: Db
) -> ClaimShape:
    """Say what one would agree to in a dispute; it holds once both sides said the same."""
    view = await settling.settle(db, actor, claim_id, body.minutes)
    set_version(response, view.claim.version)
    return await claim_shape(db, actor, view.claim, view.need)


@router.post("/panels/{panel_id}/decision", operation_id="decide_panel")
async def decide_panel(
    panel_id: UUID, body: DecisionInput, actor: ClaimsWriter, db: Db
) -> PanelShape:
    """Decide as a member of a panel; two who decide the same close it."""
    await settling.decide_panel(db, actor, panel_id, body.minutes, body.reason)
    return await panel_shape(db, await get_panel_for(db, actor, panel_id))


@router.get("/me/contributions", operation_id="list_my_contributions")
async def list_my_contributions(
    request: Request,
    response: Response,
    actor: LedgerReader,
    db: Db,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> ContributionList:
    """List one's own confirmed work, newest first, with the sums over all of it."""
    account_id = actor.signed_in()
    page = await queries.contributions_of(db, account_id, limit, cursor)
    by_stream = await queries.minutes_by_stream(db, account_id)
    set_next_link(request, response, page.next_cursor)
    return ContributionList(
        items=[
            ContributionShape(confirmed_at=line.recorded_at, **_contribution(line))
            for line in page.items
        ],
        next_cursor=page.next_cursor,
        total_minutes=sum(by_stream.values()),
        by_stream=by_stream,
    )


def _contribution(line: queries.EntryLine) -> dict[str, Any]:
    wanted = set(ContributionShape.model_fields) - {"confirmed_at"}
    return {name: value for name, value in asdict(line).items() if name in wanted}


@router.get("/books", operation_id="list_books")
async def list_books(actor: LedgerReader, db: Db) -> Listing[BookBrief]:
    """List the books that one may read."""
    books = await queries.books_of(db, actor)
    items = [BookBrief.model_validate({"id": b.id, "organisation": o}) for b, o in books]
    return Listing(items=items)


@router.get("/books/{book_id}", operation_id="get_book")
async def get_book(book_id: UUID, actor: LedgerReader, db: Db) -> BookShape:
    """Return a book's sums and its workers' shares."""
    view = await queries.book_view(db, actor, book_id)
    return BookShape.model_validate(
        {
            "id": view.book.id,
            "organisation": view.organisation,
            "total_minutes": view.total_minutes,
            "entries": view.entries,
            "workers": view.workers,
            "sums": view.sum_by_unit,
        }
    )


@router.get("/books/{book_id}/entries", operation_id="list_entries")
async def list_entries(
    book_id: UUID,
    request: Request,
    response: Response,
    actor: LedgerReader,
    db: Db,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Listing[EntryShape]:
    """List a book's entries, newest first."""
    page = await queries.entries_of_book(db, actor, book_id, limit, cursor)
    set_next_link(request, response, page.next_cursor)
    items = [EntryShape.model_validate(line) for line in page.items]
    return Listing(items=items, next_cursor=page.next_cursor)

"""The ledger: confirm work, read books and contributions."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response, status
from fastapi.responses import StreamingResponse

from app.api.dependencies import (
    DEFAULT_LIMIT,
    ClaimsWriter,
    Cursor,
    Db,
    InPerson,
    LedgerReader,
    Limit,
    Tools,
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
    CorrectionEntered,
    EntryShape,
    MutualPairShape,
    OpeningConfirmation,
    OpeningShape,
    OwnershipInput,
    ReceiptDecision,
    ReceiptOfferInput,
    ReceiptOfferShape,
    SlipsEntered,
    SlipsInput,
)
from app.api.shapes import claim_shape, panel_shape
from app.domain.claims.panels import get_panel_for
from app.domain.ledger import (
    actions,
    correcting,
    export,
    keeping,
    offers,
    opening,
    pairs,
    queries,
    settling,
    slips,
)
from app.errors import AppError
from app.infra import clock
from app.models.ledger import Book, CorrectionFields, OpeningFields
from app.models.organisations import Organisation

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
    line = await queries.entry_of_claim(db, claim_id, actor.account_id)
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
    return Listing(items=[BookBrief.model_validate(_brief(b, o)) for b, o in books])


def _brief(book: Book, organisation: Organisation) -> dict[str, Any]:
    return {
        "id": book.id,
        "organisation": organisation,
        "ownership_since": book.ownership_since,
        "currency": book.currency,
    }


@router.get("/books/{book_id}", operation_id="get_book")
async def get_book(book_id: UUID, actor: LedgerReader, db: Db) -> BookShape:
    """Return a book's sums and its workers' shares."""
    view = await queries.book_view(db, actor, book_id)
    return BookShape.model_validate(
        {
            **_brief(view.book, view.organisation),
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


@router.get("/books/{book_id}/export", operation_id="export_book")
async def export_book(
    book_id: UUID, actor: LedgerReader, db: Db, tools: Tools
) -> StreamingResponse:
    """Return a whole book as one JSON file that anybody can check offline."""
    book = await queries.get_book_for(db, actor, book_id)
    sent = export.sent_book(tools.sessions, book.id, tools.origin)
    headers = {"Content-Disposition": f'attachment; filename="{export.file_name(clock.today())}"'}
    return StreamingResponse(sent, media_type="application/json", headers=headers)


@router.post(
    "/organisations/{organisation_id}/ownership",
    status_code=status.HTTP_201_CREATED,
    operation_id="start_ownership",
    dependencies=[WithKey],
)
async def start_ownership(
    organisation_id: UUID, body: OwnershipInput, actor: InPerson, db: Db
) -> BookBrief:
    """Let worker-owners keep the organisation's book from now on."""
    book = await keeping.start_ownership(db, actor, organisation_id, body.currency)
    organisation = await db.get_one(Organisation, organisation_id)
    return BookBrief.model_validate(_brief(book, organisation))


@router.post(
    "/books/{book_id}/slips",
    status_code=status.HTTP_201_CREATED,
    operation_id="write_slips",
    dependencies=[WithKey],
)
async def write_slips(book_id: UUID, body: SlipsInput, actor: ClaimsWriter, db: Db) -> SlipsEntered:
    """Enter a list of paper slips, whole or not at all; nobody enters their own."""
    batch = await slips.write_slips(db, actor, book_id, body.slips)
    entry_ids = [entry.entry_id for entry in batch.entries]
    return SlipsEntered(batch_id=batch.batch_id, count=batch.count, entry_ids=entry_ids)


@router.get("/books/{book_id}/opening", operation_id="get_opening")
async def get_opening(book_id: UUID, actor: LedgerReader, db: Db) -> OpeningShape:
    """Return what was there before the book, confirmed or not."""
    return OpeningShape.of(await opening.opening_of(db, actor, book_id))


@router.post(
    "/books/{book_id}/opening",
    status_code=status.HTTP_201_CREATED,
    operation_id="prepare_opening",
    dependencies=[WithKey],
)
async def prepare_opening(
    book_id: UUID, body: OpeningFields, actor: InPerson, db: Db
) -> OpeningShape:
    """Write what was there before the book; it is entered once somebody else confirms it."""
    return OpeningShape.of(await opening.prepare_opening(db, actor, book_id, body))


@router.post(
    "/books/{book_id}/opening/confirmation",
    status_code=status.HTTP_201_CREATED,
    operation_id="confirm_opening",
    dependencies=[WithKey],
)
async def confirm_opening(
    book_id: UUID, body: OpeningConfirmation, actor: InPerson, db: Db
) -> OpeningShape:
    """Enter the opening that one has read; not by whoever wrote it."""
    return OpeningShape.of(await opening.confirm_opening(db, actor, book_id, body.version))


@router.get("/books/{book_id}/receipts", operation_id="list_receipt_offers")
async def list_receipt_offers(
    book_id: UUID, actor: LedgerReader, db: Db
) -> Listing[ReceiptOfferShape]:
    """List the receipts from elsewhere that were offered to a book, those that wait first."""
    found = await offers.offers_to(db, actor, book_id)
    return Listing(items=[ReceiptOfferShape.of(view) for view in found])


@router.post(
    "/books/{book_id}/receipts",
    status_code=status.HTTP_201_CREATED,
    operation_id="offer_receipt",
    dependencies=[WithKey],
)
async def offer_receipt(
    book_id: UUID, body: ReceiptOfferInput, actor: InPerson, db: Db
) -> ReceiptOfferShape:
    """Offer one's own receipt from another instance to the book of one's co-operative."""
    return ReceiptOfferShape.of(await offers.offer_receipt(db, actor, book_id, body.receipt_id))


@router.post("/books/{book_id}/receipts/{receipt_id}/decision", operation_id="decide_receipt")
async def decide_receipt(
    book_id: UUID, receipt_id: UUID, body: ReceiptDecision, actor: InPerson, db: Db
) -> ReceiptOfferShape:
    """Take an offered receipt into the book, or decline it; never one's own."""
    if body.take:
        view, _ = await offers.take_receipt(db, actor, book_id, receipt_id, body.stream)
    else:
        view = await offers.decline_receipt(db, actor, book_id, receipt_id, body.reason or "")
    return ReceiptOfferShape.of(view)


@router.post(
    "/entries/{entry_id}/correction",
    status_code=status.HTTP_201_CREATED,
    operation_id="correct_entry",
    dependencies=[WithKey],
)
async def correct_entry(
    entry_id: UUID, body: CorrectionFields, actor: InPerson, db: Db
) -> CorrectionEntered:
    """Take an entry back and say what is true; the old one stays where it is."""
    posted = await correcting.correct_entry(db, actor, entry_id, body)
    return CorrectionEntered(entry_ids=[entry.entry_id for entry in posted])


@router.get("/books/{book_id}/pairs", operation_id="list_mutual_pairs")
async def list_mutual_pairs(book_id: UUID, actor: LedgerReader, db: Db) -> Listing[MutualPairShape]:
    """List the pairs of people who confirmed each other's work, the most mutual first."""
    found = await pairs.mutual_pairs(db, actor, book_id)
    return Listing(items=[MutualPairShape.model_validate(pair) for pair in found])

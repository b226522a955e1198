"""Receipts: one's own, what they say, whether they hold, and bringing some along."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response, status

from app.api.dependencies import (
    DEFAULT_LIMIT,
    Cursor,
    Db,
    InPerson,
    LedgerReader,
    Limit,
    SignedIn,
    Tools,
    set_next_link,
)
from app.api.errors import language_of
from app.api.routing import StrictRoute
from app.api.schemas.base import Listing
from app.api.schemas.receipts import (
    BroughtShape,
    BundleWish,
    ReceiptCheck,
    ReceiptCodeShape,
    ReceiptImport,
    ReceiptImportResult,
    ReceiptShape,
    ReceiptWhole,
)
from app.domain.receipts import actions, queries
from app.domain.receipts.errors import receipt_refused, receipt_revoked
from app.domain.receipts.rules import sentence_of
from app.errors import InvalidError
from app.federation.receipts import bringing
from app.federation.receipts.bringing import Brought
from app.federation.receipts.reading import ReceiptRefusedError
from app.federation.wire.addresses import AddressError
from app.federation.wire.context import LD_JSON
from app.federation.wire.receipts import OWN_CONTEXT_FILE
from app.infra.canonical import canonical_json
from app.infra.i18n import translate
from app.infra.strict_json import parse_json
from app.models.receipts import ReceiptState

LASTING = {"Cache-Control": "public, max-age=86400", "Access-Control-Allow-Origin": "*"}

router = APIRouter(route_class=StrictRoute, tags=["receipts"])
context_router = APIRouter(route_class=StrictRoute, include_in_schema=False)


@context_router.get("/ns/mutual-aid/v1")
async def get_context() -> Response:
    """Serve the terms of receipts, for readers of JSON-LD: a fixed file, whoever asks."""
    return Response(OWN_CONTEXT_FILE.read_bytes(), media_type=LD_JSON, headers=LASTING)


@router.get("/me/receipts", operation_id="list_my_receipts")
async def list_my_receipts(
    request: Request,
    response: Response,
    actor: LedgerReader,
    db: Db,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Listing[ReceiptShape]:
    """List one's own receipts, newest first."""
    page = await queries.receipts_of(db, actor, limit, cursor)
    set_next_link(request, response, page.next_cursor)
    items = [ReceiptShape.of(receipt) for receipt in page.items]
    return Listing(items=items, next_cursor=page.next_cursor)


@router.post("/me/receipts", operation_id="bring_receipts")
async def bring_receipts(
    body: ReceiptImport, request: Request, actor: InPerson, db: Db, tools: Tools
) -> ReceiptImportResult:
    """Bring receipts from another instance; each is verified, and none becomes hours here."""
    try:
        found = await bringing.bring(db, tools, actor, canonical_json(body.document))
    except ReceiptRefusedError as error:
        raise receipt_refused(error.code, error.detail) from error
    return ReceiptImportResult(items=[_brought(request, each) for each in found])


def _brought(request: Request, brought: Brought) -> BroughtShape:
    code = brought.refused
    return BroughtShape(
        receipt=ReceiptShape.of(brought.receipt) if brought.receipt else None,
        new=brought.new,
        code=code,
        message=translate(language_of(request), sentence_of(code)) if code else "",
    )


@router.post(
    "/me/receipts/codes", status_code=status.HTTP_201_CREATED, operation_id="give_receipt_code"
)
async def give_receipt_code(actor: InPerson, db: Db) -> ReceiptCodeShape:
    """Give a one-time code, to have one's other instance sign whose its receipts are."""
    return ReceiptCodeShape.model_validate(await actions.give_code(db, actor))


@router.post("/me/receipts/bundle", operation_id="make_receipt_bundle")
async def make_receipt_bundle(
    body: BundleWish, actor: InPerson, db: Db, tools: Tools
) -> dict[str, Any]:
    """Return all one's receipts in one signed file; for a code and an instance, if named."""
    try:
        return await bringing.make_bundle(db, tools, actor, body.code, body.reader)
    except AddressError:
        raise InvalidError("receipt_reader_invalid") from None


@router.get("/receipts/{receipt_id}", operation_id="get_receipt")
async def get_receipt(receipt_id: UUID, actor: SignedIn, db: Db) -> ReceiptWhole:
    """Return a receipt to its worker and to members of who confirmed it; 410 once revoked."""
    receipt = await queries.get_receipt_for(db, actor, receipt_id)
    if receipt.state == ReceiptState.REVOKED:
        raise receipt_revoked()
    values = ReceiptShape.values_of(receipt)
    return ReceiptWhole.model_validate({**values, "document": parse_json(receipt.document)})


@router.get("/receipts/{receipt_id}/verification", operation_id="verify_receipt")
async def verify_receipt(
    receipt_id: UUID, request: Request, actor: SignedIn, db: Db, tools: Tools
) -> ReceiptCheck:
    """Look at a receipt anew: its signature, its key, and what its issuer has said since."""
    receipt = await queries.get_receipt_for(db, actor, receipt_id)
    checked = await bringing.check(db, tools, receipt)
    valid = checked.code == ReceiptState.VALID
    message = translate(language_of(request), sentence_of(checked.code))
    return ReceiptCheck(code=checked.code, valid=valid, message=message, at=checked.at)


@router.delete(
    "/receipts/{receipt_id}", status_code=status.HTTP_204_NO_CONTENT, operation_id="forget_receipt"
)
async def forget_receipt(receipt_id: UUID, actor: InPerson, db: Db) -> None:
    """Take back a receipt that one has brought; those from here and from peers stay."""
    await actions.forget(db, actor, receipt_id)

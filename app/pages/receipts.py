"""Receipts as pages: the list, what each says, whether it holds, taking along and bringing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.domain.receipts import actions, queries
from app.domain.receipts.errors import receipt_refused
from app.domain.receipts.rules import Content, content_of, sentence_of
from app.errors import AppError, InvalidError
from app.federation.receipts import bringing
from app.federation.receipts.bringing import Brought
from app.federation.receipts.reading import ReceiptRefusedError
from app.federation.wire.addresses import AddressError
from app.infra.canonical import canonical_json
from app.infra.i18n import translate
from app.infra.runtime import Runtime
from app.models.receipts import Receipt, ReceiptSource
from app.pages.dependencies import Db, PageRoute, Sent, SignedIn, Uploaded, Visit, go
from app.pages.failures import refused
from app.pages.forms import Form, Problem
from app.pages.rendering import render
from app.pages.views import Paging

PER_PAGE = 20
OWN = "/me/receipts"
DOWNLOAD = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}

router = APIRouter(route_class=PageRoute)


@dataclass(frozen=True)
class ReceiptCard:
    """A receipt as its page and the list show it."""

    receipt: Receipt
    said: Content
    host: str
    shown: bool
    here: bool


@router.get(OWN)
async def list_own(request: Request, db: Db, visit: SignedIn) -> Response:
    """Show one's receipts, wherever they come from."""
    return await _render_own(db, visit, Form(), cursor=request.query_params.get("cursor"))


async def _render_own(
    db: Db, visit: Visit, form: Form, *, status: int = 200, cursor: str | None = None, **more: Any
) -> Response:
    page = await queries.receipts_of(db, visit.actor, PER_PAGE, cursor)
    cards = [_card(visit, receipt) for receipt in page.items]
    next_href = f"{OWN}?cursor={page.next_cursor}" if page.next_cursor else None
    return await render(
        visit.page,
        "my_receipts.html",
        status=status,
        form=form,
        receipts=cards,
        own_some=not all(card.shown for card in cards),
        paging=Paging(next_href, OWN if cursor else None),
        **{"code": None, "brought": None, **more},
    )


def _card(visit: Visit, receipt: Receipt) -> ReceiptCard:
    said = content_of(receipt.document)
    host = receipt.issuer.removesuffix("/actor").partition("://")[2]
    here = said.need.startswith(f"{visit.page.origin}/")
    return ReceiptCard(receipt, said, host, receipt.source == ReceiptSource.SHOWN, here)


@router.post(OWN)
async def bring(request: Request, uploaded: Uploaded, db: Db, visit: SignedIn) -> Response:
    """Check a file from elsewhere and keep what holds; nothing of it becomes hours."""
    if uploaded.file is None:
        text = translate(visit.language, "page.receipts.file_missing")
        form = replace(uploaded, problems=[Problem("file", text)])
        return await _render_own(db, visit, form, status=422)
    runtime: Runtime = request.app.state.runtime
    try:
        async with db.begin_nested():
            found = await bringing.bring(db, runtime, visit.actor, uploaded.file.content)
    except ReceiptRefusedError as error:
        shown = refused(uploaded, visit.language, receipt_refused(error.code))
        return await _render_own(db, visit, shown, status=422)
    except AppError as error:
        shown = refused(uploaded, visit.language, error)
        return await _render_own(db, visit, shown, status=error.status)
    return await _render_own(db, visit, Form(), brought=_counts(found))


def _counts(found: Sequence[Brought]) -> dict[str, Any]:
    refused_as = [each.refused for each in found if each.refused]
    return {
        "new": sum(each.new for each in found),
        "known": sum(each.receipt is not None and not each.new for each in found),
        "refused": len(refused_as),
        "reasons": [sentence_of(code) for code in dict.fromkeys(refused_as)],
    }


@router.post("/me/receipts/codes")
async def give_code(db: Db, visit: SignedIn) -> Response:
    """Show a one-time code to carry to one's other instance."""
    given = await actions.give_code(db, visit.actor)
    return await _render_own(db, visit, Form(), code=given.code)


@router.post("/me/receipts/bundle")
async def take_along(request: Request, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Give all receipts in one signed file, for a code of another instance where one is named."""
    runtime: Runtime = request.app.state.runtime
    code, reader = form.value("code").strip()[:200], form.value("reader").strip()[:300]
    try:
        document = await bringing.make_bundle(db, runtime, visit.actor, code, reader)
    except AddressError:
        shown = refused(form, visit.language, InvalidError("receipt_reader_invalid"))
        return await _render_own(db, visit, shown, status=422)
    return _file(canonical_json(document), "receipts")


@router.get("/receipts/{receipt_id:uuid}")
async def show_receipt(receipt_id: UUID, request: Request, db: Db, visit: SignedIn) -> Response:
    """Show what a receipt says, and how it stands when that is asked."""
    receipt = await queries.get_receipt_for(db, visit.actor, receipt_id)
    code = None
    if request.query_params.get("check") == "1":
        checked = await bringing.check(db, request.app.state.runtime, receipt)
        code = checked.code
    newer = None
    if receipt.replaced_by and receipt.account_id == visit.actor.account_id:
        newer = await queries.held_by(db, visit.actor.signed_in(), receipt.replaced_by)
    return await render(
        visit.page,
        "receipt.html",
        card=_card(visit, receipt),
        own=receipt.account_id == visit.actor.account_id,
        newer=newer,
        checked=code,
        sentence=sentence_of(code) if code else "",
    )


@router.get("/receipts/{receipt_id:uuid}/file")
async def download_receipt(receipt_id: UUID, db: Db, visit: SignedIn) -> Response:
    """Give the signed document itself."""
    receipt = await queries.get_receipt_for(db, visit.actor, receipt_id)
    return _file(receipt.document, f"receipt-{receipt.id}")


@router.post("/receipts/{receipt_id:uuid}/remove")
async def remove_receipt(receipt_id: UUID, db: Db, visit: SignedIn) -> Response:
    """Take back a receipt that one has brought."""
    await actions.forget(db, visit.actor, receipt_id)
    return go(OWN, "changed")


def _file(content: bytes, name: str) -> Response:
    named = {**DOWNLOAD, "Content-Disposition": f'attachment; filename="{name}.json"'}
    return Response(content, media_type="application/json", headers=named)

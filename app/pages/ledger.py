"""Keeping a book as pages: its beginning, receipts from elsewhere, corrections, pairs."""

from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.responses import Response

from app.domain.ledger import (
    correcting,
    errors,
    keeping,
    offers,
    pairs,
    queries,
)
from app.domain.ledger.policy import may_keep_book
from app.domain.ledger.rules import CURRENCIES
from app.domain.organisations.queries import get_organisation_for, membership
from app.errors import AppError
from app.models.ledger import CorrectionFields, WorkStream
from app.pages.dependencies import (
    Db,
    PageRoute,
    Sent,
    SignedIn,
    Visit,
    go,
)
from app.pages.failures import invalid, refused
from app.pages.figures import currency_choices, minutes_of
from app.pages.forms import Form
from app.pages.keeping import NOT_SHOWN_AGAIN, keep, values_of
from app.pages.rendering import render

router = APIRouter(route_class=PageRoute)


@router.get("/organisations/{organisation_id:uuid}/ownership")
async def show_ownership(organisation_id: UUID, db: Db, visit: SignedIn) -> Response:
    """Say what it means that worker-owners keep the book, with the button that begins it."""
    return await _render_ownership(db, visit, organisation_id, Form())


async def _render_ownership(
    db: Db, visit: Visit, organisation_id: UUID, form: Form, status: int = 200
) -> Response:
    view = await get_organisation_for(db, visit.actor, organisation_id)
    own = await membership(db, organisation_id, visit.actor.signed_in())
    if not may_keep_book(own):
        raise errors.book_forbidden()
    books = await queries.books_of(db, visit.actor)
    book = next((b for b, o in books if o.id == organisation_id and b.ownership_since), None)
    return await render(
        visit.page,
        "book_ownership.html",
        status=status,
        form=form,
        organisation=view.organisation,
        book=book,
        currencies=currency_choices(visit.language, CURRENCIES),
    )


@router.post("/organisations/{organisation_id:uuid}/ownership")
async def start_ownership(organisation_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Let worker-owners keep the book from now on."""
    try:
        async with db.begin_nested():
            currency = form.value("currency")
            await keeping.start_ownership(db, visit.actor, organisation_id, currency)
    except AppError as error:
        if error.status in NOT_SHOWN_AGAIN:
            raise
        shown = refused(form, visit.language, error)
        return await _render_ownership(db, visit, organisation_id, shown, error.status)
    return go(f"/organisations/{organisation_id}/ownership", "changed")


@router.get("/books/{book_id:uuid}/receipts")
async def show_receipts(book_id: UUID, request: Request, db: Db, visit: SignedIn) -> Response:
    """Show which receipts from elsewhere were offered, and one's own that can be."""
    taken = request.query_params.get("taken", "")
    return await _render_receipts(db, visit, book_id, Form().with_values(taken=taken))


async def _render_receipts(
    db: Db, visit: Visit, book_id: UUID, form: Form, status: int = 200
) -> Response:
    book = await keeping.book_of_members(db, visit.actor, book_id)
    own = await membership(db, book.organisation_id, visit.actor.signed_in())
    offered = await offers.offers_to(db, visit.actor, book_id) if may_keep_book(own) else ()
    return await render(
        visit.page,
        "book_receipts.html",
        status=status,
        form=form,
        offered=offered,
        entries=await offers.entries_of_receipts(db, book_id, [o.receipt.id for o in offered]),
        taken=form.value("taken"),
        keeps=may_keep_book(own),
        offerable=await offers.offerable_by(db, visit.actor, book_id),
        **await values_of(db, visit, book),
    )


@router.post("/books/{book_id:uuid}/receipts")
async def decide_receipt(book_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Offer a receipt, take an offered one in, or decline it."""
    try:
        async with db.begin_nested():
            await _decide(db, visit, book_id, form)
    except (AppError, ValueError) as error:
        if not isinstance(error, AppError) or error.code in {"book_not_found", "book_forbidden"}:
            raise errors.book_not_found() from error
        shown = refused(form, visit.language, error)
        return await _render_receipts(db, visit, book_id, shown, status=error.status)
    if form.value("act") == "take":
        return go(f"/books/{book_id}/receipts?taken={form.value('receipt_id')}")
    offered = form.value("act") == "offer"
    return go(f"/books/{book_id}/receipts", "receipt_offered" if offered else "receipt_declined")


async def _decide(db: Db, visit: Visit, book_id: UUID, form: Form) -> None:
    receipt_id, act = UUID(form.value("receipt_id")), form.value("act")
    if act == "offer":
        await offers.offer_receipt(db, visit.actor, book_id, receipt_id)
    elif act == "take":
        stream = WorkStream(form.value("stream"))
        await offers.take_receipt(db, visit.actor, book_id, receipt_id, stream)
    else:
        reason = form.value("reason").strip()[:1000]
        await offers.decline_receipt(db, visit.actor, book_id, receipt_id, reason)


@router.get("/books/{book_id:uuid}/pairs")
async def show_pairs(book_id: UUID, db: Db, visit: SignedIn) -> Response:
    """Show the pairs of people who confirmed each other's work."""
    kept = await keep(db, visit, book_id)
    found = await pairs.mutual_pairs(db, visit.actor, book_id)
    return await render(visit.page, "book_pairs.html", pairs=found, **kept)


@router.get("/entries/{entry_id:uuid}/correction")
async def begin_correction(entry_id: UUID, db: Db, visit: SignedIn) -> Response:
    """Show the form that takes an entry back and says what is true."""
    return await _render_correction(db, visit, entry_id, Form())


async def _render_correction(
    db: Db, visit: Visit, entry_id: UUID, form: Form, status: int = 200
) -> Response:
    book, work = await correcting.work_of_entry(db, visit.actor, entry_id)
    values = await values_of(db, visit, book)
    return await render(
        visit.page, "entry_correction.html", status=status, form=form, work=work, **values
    )


@router.post("/entries/{entry_id:uuid}/correction")
async def correct_entry(entry_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Correct the entry; what follows stands in the book beside it."""
    try:
        said = CorrectionFields.model_validate(
            {
                "minutes": minutes_of(form, "minutes", visit.language),
                "worker": form.value("worker").strip() or None,
                "reason": form.value("reason"),
            }
        )
        async with db.begin_nested():
            posted = await correcting.correct_entry(db, visit.actor, entry_id, said)
    except ValidationError as error:
        shown = invalid(form, visit.language, error)
        return await _render_correction(db, visit, entry_id, shown, status=422)
    except AppError as error:
        if error.status in {401, 404} or error.code == "book_forbidden":
            raise
        shown = refused(form, visit.language, error)
        return await _render_correction(db, visit, entry_id, shown, status=error.status)
    return go(f"/entries/{posted[-1].entry_id if posted else entry_id}", "entry_corrected")

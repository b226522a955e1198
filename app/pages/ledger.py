"""Keeping a book as pages: slips, the opening, receipts from elsewhere, corrections, pairs."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.responses import Response

from app.domain.ledger import (
    correcting,
    errors,
    keeping,
    offers,
    opening,
    pairs,
    queries,
    slips,
)
from app.domain.ledger.policy import may_keep_book
from app.domain.ledger.rules import CURRENCIES
from app.domain.ledger.slip_files import read_slips, slips_of
from app.domain.organisations.queries import get_organisation_for, membership
from app.errors import AppError, FieldError
from app.infra.i18n import translate
from app.infra.typed import read_minutes
from app.models.ledger import Book, CorrectionFields, OpeningFields, WorkStream
from app.models.organisations import Organisation
from app.pages.dependencies import (
    Db,
    PageRoute,
    Sent,
    SignedIn,
    Uploaded,
    Visit,
    answered_before,
    go,
    keep_answer,
)
from app.pages.failures import choices, invalid, refused
from app.pages.figures import amount_of, minutes_of
from app.pages.forms import Form, Problem
from app.pages.rendering import render

ROWS = 10
PARTS = ("worker", "worked_on", "minutes", "stream", "note")
NOT_SHOWN_AGAIN = frozenset({401, 403, 404})

router = APIRouter(route_class=PageRoute)


async def _keep(db: Db, visit: Visit, book_id: UUID) -> dict[str, Any]:
    """Return what every page of keeping shows; only to those who keep the book."""
    book = await keeping.book_to_keep(db, visit.actor, book_id)
    return await _values(db, visit, book)


async def _values(db: Db, visit: Visit, book: Book) -> dict[str, Any]:
    return {
        "book": book,
        "organisation": await db.get_one(Organisation, book.organisation_id),
        "handles": await keeping.handles_of(db, book),
        "streams": choices(
            visit.language, "ledger.stream", [stream.value for stream in WorkStream]
        ),
        "rows": range(ROWS),
    }


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
        currencies=[(code, code) for code in CURRENCIES],
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


@router.get("/books/{book_id:uuid}/slips")
async def begin_slips(book_id: UUID, db: Db, visit: SignedIn) -> Response:
    """Show the form for a list of paper slips."""
    return await render(
        visit.page, "book_slips.html", form=Form(), **await _keep(db, visit, book_id)
    )


@router.post("/books/{book_id:uuid}/slips")
async def write_slips(book_id: UUID, uploaded: Uploaded, db: Db, visit: SignedIn) -> Response:
    """Enter the slips of the form, or those of a file; whole or not at all."""
    try:
        async with db.begin_nested():
            target = await answered_before(db, visit, uploaded)
            if target is None:
                said = (
                    read_slips(uploaded.file.content)
                    if uploaded.file
                    else _rows(uploaded, visit.language)
                )
                await slips.write_slips(db, visit.actor, book_id, said)
                target = f"/books/{book_id}/slips?notice=changed"
                await keep_answer(db, visit, uploaded, target)
        return go(target)
    except AppError as error:
        if error.status in NOT_SHOWN_AGAIN:
            raise
        shown = _by_row(uploaded, visit.language, error)
        kept = await _keep(db, visit, book_id)
        return await render(visit.page, "book_slips.html", status=error.status, form=shown, **kept)


def _rows(form: Form, language: str) -> list[Any]:
    """Read the rows in which something was written; each keeps its place."""
    said = [
        {part: form.value(f"{part}-{number}").strip() for part in PARTS} for number in range(ROWS)
    ]
    written = [row for row in said if row["worker"] or row["worked_on"] or row["minutes"]]
    if not written:
        raise errors.slips_refused([FieldError("/file", "slips_none")])
    # What stands between two slips was left empty: the numbers of the others stay as they are.
    if len(written) != len(said[: len(written)]) or written != said[: len(written)]:
        raise errors.slips_refused([FieldError("/file", "slips_gap")])
    for row in written:
        minutes = read_minutes(language, row["minutes"], "hours")
        row["minutes"] = "" if minutes is None else f"{minutes} min"
    return slips_of(written)


def _by_row(form: Form, language: str, error: AppError) -> Form:
    """Return the form with each fault beside its row; those of a file name their line."""
    found = []
    for fault in error.errors:
        parts = fault.pointer.strip("/").split("/")
        words = translate(language, f"error.field.{fault.code}", **fault.params)
        if len(parts) == 3:
            number, name = int(parts[1]), parts[2]
            told = translate(language, "page.slips.row", number=number + 1, fault=words)
            place = None if form.file is not None else f"{name}-{number}"
            found.append(Problem(place, told))
        else:
            found.append(Problem(parts[0], words))
    return refused(form, language, error) if not found else Form(form.sent, found)


@router.get("/books/{book_id:uuid}/opening")
async def show_opening(book_id: UUID, db: Db, visit: SignedIn) -> Response:
    """Show what was there before the book, and the form for it while nobody has confirmed it."""
    return await _render_opening(db, visit, book_id, Form())


async def _render_opening(
    db: Db, visit: Visit, book_id: UUID, form: Form, status: int = 200
) -> Response:
    kept = await _keep(db, visit, book_id)
    try:
        view = await opening.opening_of(db, visit.actor, book_id)
    except AppError:
        view = None
    return await render(
        visit.page, "book_opening.html", status=status, form=form, view=view,
        own=view is not None and view.opening.prepared_by == visit.actor.account_id, **kept,
    )  # fmt: skip


@router.post("/books/{book_id:uuid}/opening")
async def write_opening(book_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Keep what was written, or enter what another person wrote."""
    book = await keeping.book_to_keep(db, visit.actor, book_id)
    try:
        async with db.begin_nested():
            if form.value("act") == "confirm":
                version = form.number("version")
                await opening.confirm_opening(db, visit.actor, book_id, version)
            else:
                await opening.prepare_opening(
                    db, visit.actor, book_id, _opening(form, visit.language, book.currency)
                )
    except ValidationError as error:
        return await _render_opening(
            db, visit, book_id, invalid(form, visit.language, error), status=422
        )
    except AppError as error:
        if error.status in {401, 404} or error.code == "book_forbidden":
            raise
        shown = refused(form, visit.language, error)
        return await _render_opening(db, visit, book_id, shown, status=error.status)
    return go(f"/books/{book_id}/opening", "changed")


def _opening(form: Form, language: str, currency: str) -> OpeningFields:
    minutes, capital = [], []
    for number in range(ROWS):
        worker = form.value(f"worker-{number}").strip()
        time, money = form.value(f"minutes-{number}"), form.value(f"capital-{number}")
        if time.strip():
            stream = form.value(f"stream-{number}")
            said = minutes_of(form, f"minutes-{number}", language)
            line = {"worker": worker, "stream": stream, "minutes": said}
            minutes.append(line)
        if money.strip():
            amount = amount_of(form, f"capital-{number}", language, currency)
            capital.append({"worker": worker, "amount": amount})
    return OpeningFields.model_validate(
        {
            "on": form.value("on"),
            "minutes": minutes,
            "capital": capital,
            "reserve": amount_of(form, "reserve", language, currency)
            if form.value("reserve").strip()
            else 0,
        }
    )


@router.get("/books/{book_id:uuid}/receipts")
async def show_receipts(book_id: UUID, db: Db, visit: SignedIn) -> Response:
    """Show which receipts from elsewhere were offered, and one's own that can be."""
    return await _render_receipts(db, visit, book_id, Form())


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
        keeps=may_keep_book(own),
        offerable=await offers.offerable_by(db, visit.actor, book_id),
        **await _values(db, visit, book),
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
    return go(f"/books/{book_id}/receipts", "changed")


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
    kept = await _keep(db, visit, book_id)
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
    values = await _values(db, visit, book)
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
    return go(f"/entries/{posted[-1].entry_id if posted else entry_id}", "changed")

"""Paper slips as a page: a short form that grows, or a table; and what was written by it."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.domain.ledger import batches, errors, slips
from app.domain.ledger.slip_files import SaidSlips, read_slips, slips_of
from app.errors import AppError, FieldError
from app.infra.typed import read_minutes
from app.pages.dependencies import (
    Db,
    PageRoute,
    SignedIn,
    Uploaded,
    Visit,
    answered_before,
    go,
    keep_answer,
)
from app.pages.forms import Form
from app.pages.keeping import NOT_SHOWN_AGAIN, keep, pointers, rows_of, with_row_faults
from app.pages.rendering import render

PARTS = ("worker", "worked_on", "minutes", "stream", "note")

router = APIRouter(route_class=PageRoute)


@router.get("/books/{book_id:uuid}/slips")
async def begin_slips(book_id: UUID, request: Request, db: Db, visit: SignedIn) -> Response:
    """Show the form for a list of paper slips, and what the last list wrote."""
    return await _render(db, visit, book_id, Form(), written=request.query_params.get("batch", ""))


async def _render(
    db: Db, visit: Visit, book_id: UUID, form: Form, *, written: str = "", status: int = 200
) -> Response:
    kept = await keep(db, visit, book_id)
    return await render(
        visit.page,
        "book_slips.html",
        status=status,
        form=form,
        rows=range(rows_of(form)),
        written=await batches.batch_named(db, book_id, written, visit.actor.account_id),
        **kept,
    )


@router.post("/books/{book_id:uuid}/slips")
async def write_slips(book_id: UUID, uploaded: Uploaded, db: Db, visit: SignedIn) -> Response:
    """Enter the slips of the form, or those of a file; whole or not at all."""
    if uploaded.value("act") == "more":
        return await _render(db, visit, book_id, uploaded)
    said = _rows(uploaded, visit.language)
    try:
        async with db.begin_nested():
            target = await answered_before(db, visit, uploaded)
            if target is None:
                batch = await slips.write_slips(db, visit.actor, book_id, _slips(uploaded, said))
                target = f"/books/{book_id}/slips?batch={batch.batch_id}"
                await keep_answer(db, visit, uploaded, target)
        return go(target)
    except AppError as error:
        if error.status in NOT_SHOWN_AGAIN:
            raise
        # The faults of a file have no field here: their sentences name the slip.
        fields = {"/rows": "worker-0"}
        if uploaded.file is None:
            fields |= pointers("slips", said, {part: part for part in PARTS})
        shown = with_row_faults(uploaded, visit.language, error, fields, "page.slips.row")
        return await _render(db, visit, book_id, shown, status=error.status)


def _slips(form: Form, said: Mapping[int, Mapping[str, Any]]) -> SaidSlips:
    if form.file is not None:
        return read_slips(form.file.content)
    if not said:
        raise errors.slips_refused([FieldError("/rows", "slips_none")])
    return slips_of(list(said.values()))


def _rows(form: Form, language: str) -> dict[int, dict[str, Any]]:
    """Read the rows in which something was written, by their number; others are left out."""
    found = {}
    for number in range(rows_of(form)):
        row: dict[str, Any] = {part: form.value(f"{part}-{number}").strip() for part in PARTS}
        if any(row[part] for part in PARTS if part != "stream"):
            row["minutes"] = read_minutes(language, row["minutes"], "hours")
            found[number] = row
    return found

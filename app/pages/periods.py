"""Periods as pages: what there is to do now, the draft and its objections, signatures, the seal."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.responses import Response

from app.domain.ledger.queries import get_book_for
from app.domain.periods import actions, queries
from app.domain.periods.actions import AnswerFields, PeriodChanges, PeriodFields
from app.domain.periods.rules import hears_objections, may_reopen, waits_for_objections
from app.domain.policies.queries import first_ruled_day
from app.errors import AppError, InvalidError
from app.infra import clock
from app.pages.dependencies import Db, PageRoute, Sent, SignedIn, Visit, go
from app.pages.failures import invalid, refused
from app.pages.figures import amount_of, amount_words
from app.pages.forms import Form
from app.pages.period_points import next_of, points_of, takes_signatures
from app.pages.rendering import render
from app.pages.views import Paging

PER_PAGE = 50

router = APIRouter(route_class=PageRoute)


@router.get("/books/{book_id:uuid}/periods")
async def list_periods(book_id: UUID, request: Request, db: Db, visit: SignedIn) -> Response:
    """Show a book's periods, and the form for the next one."""
    return await _render_list(db, visit, book_id, Form(), request.query_params.get("cursor"))


@router.post("/books/{book_id:uuid}/periods")
async def open_period(book_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Open the next period."""
    days = {name: form.value(name) or None for name in ("starts_on", "ends_on")}
    try:
        fields = PeriodFields.model_validate(days)
        async with db.begin_nested():
            period = await actions.open_period(db, visit.actor, book_id, fields)
    except ValidationError as error:
        return await _render_list(db, visit, book_id, invalid(form, visit.language, error))
    except AppError as error:
        return await _render_list(db, visit, book_id, refused(form, visit.language, error))
    return go(f"/periods/{period.id}", "changed")


async def _render_list(
    db: Db, visit: Visit, book_id: UUID, form: Form, cursor: str | None = None
) -> Response:
    book = await get_book_for(db, visit.actor, book_id)
    page = await queries.periods_of(db, visit.actor, book_id, PER_PAGE, cursor)
    path = f"/books/{book_id}/periods"
    following = f"{path}?cursor={page.next_cursor}" if page.next_cursor else None
    days = await queries.proposed_days(db, book)
    since = await first_ruled_day(db, book_id)
    offered = (
        {"starts_on": days.first.isoformat(), "ends_on": days.last.isoformat()} if days else {}
    )
    return await render(
        visit.page,
        "periods.html",
        status=422 if form.problems else 200,
        form=form.with_values(**offered),
        book=book,
        since=since,
        offers=days is not None,
        periods=page.items,
        paging=Paging(following, path if cursor else None),
    )


@router.get("/periods/{period_id:uuid}")
async def show_period(period_id: UUID, request: Request, db: Db, visit: SignedIn) -> Response:
    """Show a period to those who keep its book, and to others their own line."""
    return await _render(db, visit, period_id, Form(), request.query_params.get("cursor"))


@router.post("/periods/{period_id:uuid}/surplus")
async def enter_surplus(period_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Enter what was earned, or lost."""

    async def act() -> None:
        currency = (await queries.get_period_for(db, visit.actor, period_id)).book.currency
        surplus = amount_of(form, "surplus", visit.language, currency)
        changes = PeriodChanges(surplus=surplus)
        version = form.number("version")
        await actions.change_period(db, visit.actor, period_id, changes, version)

    return await _do(db, visit, period_id, form, act)


@router.post("/periods/{period_id:uuid}/freeze")
async def freeze_period(period_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Let no new work in, and have the draft drawn up."""

    async def act() -> None:
        looked = form.value("acknowledged") == "1"
        version = form.number("version")
        await actions.freeze_period(db, visit.actor, period_id, version, acknowledged=looked)

    return await _do(db, visit, period_id, form, act)


@router.post("/periods/{period_id:uuid}/reopen")
async def reopen_period(period_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Take a period back, to put it right."""

    async def act() -> None:
        version, reason = form.number("version"), form.value("reason").strip()[:2000]
        await actions.reopen_period(db, visit.actor, period_id, version, reason)

    return await _do(db, visit, period_id, form, act)


@router.post("/periods/{period_id:uuid}/objections")
async def object_to(period_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Say that a draft is wrong, and why."""

    async def act() -> None:
        text = form.value("text").strip()[:2000]
        if not text:
            raise InvalidError("form_unreadable")
        await actions.object_to(db, visit.actor, period_id, text)

    return await _do(db, visit, period_id, form, act)


@router.post("/periods/{period_id:uuid}/objections/{objection_id:uuid}")
async def answer_objection(
    period_id: UUID, objection_id: UUID, db: Db, visit: SignedIn, form: Sent
) -> Response:
    """Answer somebody's objection."""

    async def act() -> None:
        kept, answer = form.value("kept") == "1", form.value("answer")
        fields = AnswerFields(kept=kept, answer=answer)
        await actions.answer_objection(db, visit.actor, objection_id, fields)

    return await _do(db, visit, period_id, form, act)


@router.post("/periods/{period_id:uuid}/signatures")
async def sign_period(period_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Sign the figures that stand on the page."""

    async def act() -> None:
        try:
            signed = bytes.fromhex(form.value("outcome_hash"))
        except ValueError:
            raise InvalidError("form_unreadable") from None
        await actions.sign_period(db, visit.actor, period_id, signed)

    return await _do(db, visit, period_id, form, act)


async def _do(db: Db, visit: Visit, period_id: UUID, form: Form, act: Any) -> Response:
    """Carry out what a form asks for, and lead back to the page, or say beside it why not."""
    try:
        async with db.begin_nested():
            await act()
    except ValidationError as error:
        return await _render(db, visit, period_id, invalid(form, visit.language, error))
    except AppError as error:
        if error.status in {403, 404}:
            raise
        shown = refused(form, visit.language, error)
        return await _render(db, visit, period_id, shown, status=error.status)
    return go(f"/periods/{period_id}", "changed")


async def _render(
    db: Db,
    visit: Visit,
    period_id: UUID,
    form: Form,
    cursor: str | None = None,
    status: int = 200,
) -> Response:
    view = await queries.get_period_for(db, visit.actor, period_id)
    period = view.period
    await db.refresh(period)  # what a form did in vain is not shown
    lines = await queries.lines_of(db, view, PER_PAGE, cursor)
    objections = await queries.objections_to(db, period)
    path = f"/periods/{period_id}"
    following = f"{path}?cursor={lines.next_cursor}" if lines.next_cursor else None
    now = clock.now()
    waiting = waits_for_objections(period, objections, now)
    signatures = await queries.signatures_for(db, view)
    signed = any(each.account_id == view.account_id for each in signatures)
    return await render(
        visit.page,
        "period.html",
        status=422 if form.problems and status == 200 else status,
        form=form,
        view=view,
        period=period,
        points=await points_of(db, view, visit.language),
        coming=await next_of(db, view, objections, visit.language),
        amount_words=amount_words(visit.language, view.book.currency),
        lines=lines.items,
        paging=Paging(following, path if cursor else None),
        objections=await queries.objections_for(db, view),
        signatures=signatures,
        lock=await queries.lock_of(db, period_id),
        can_object=hears_objections(period, now),
        can_sign=view.signer and not waiting and not signed and takes_signatures(period),
        can_reopen=view.whole and may_reopen(period),
    )

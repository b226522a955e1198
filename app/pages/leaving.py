"""Leaving a co-operative as pages: what it means, and how what is somebody's is paid out."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from app.domain.governance import exits, leaving, queries
from app.domain.governance.leaving import INSTALMENTS_MAX, INTERVAL_MAX, Schedule
from app.errors import AppError
from app.infra import clock
from app.models.ledger import BookStatusKind
from app.pages.dependencies import Db, PageRoute, Sent, SignedIn, Visit, go
from app.pages.failures import refused
from app.pages.forms import Form
from app.pages.rendering import render
from app.pages.standing import day_of

LEAVING = "/books/{book_id:uuid}/leaving"
EXIT = "/exits/{exit_id:uuid}"

router = APIRouter(route_class=PageRoute)


@router.get(LEAVING)
async def show_leaving(book_id: UUID, db: Db, visit: SignedIn) -> Response:
    """Say what leaving means before somebody does."""
    return await _render_leaving(db, visit, book_id, Form())


@router.post(LEAVING)
async def leave(book_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Leave the co-operative oneself."""
    try:
        async with db.begin_nested():
            row = await leaving.leave(db, visit.actor, book_id)
    except AppError as error:
        shown = refused(form, visit.language, error)
        return await _render_leaving(db, visit, book_id, shown, error.status)
    return go(f"/exits/{row.id}", "moved")


@router.get(EXIT)
async def show_exit(exit_id: UUID, db: Db, visit: SignedIn) -> Response:
    """Show an exit and its instalments."""
    return await _render(db, visit, exit_id, Form())


@router.post(f"{EXIT}/schedule")
async def set_schedule(exit_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Agree on other instalments, as long as none was paid."""
    try:
        async with db.begin_nested():
            schedule = Schedule(
                form.number("instalments"),
                form.number("interval_months"),
                day_of(form, "first_due_on"),
            )
            await leaving.set_schedule(db, visit.actor, exit_id, schedule)
    except AppError as error:
        return await _again(db, visit, exit_id, form, error)
    return go(f"/exits/{exit_id}", "changed")


@router.post(f"{EXIT}/payouts")
async def pay(exit_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Write down that the next instalment was paid; the same click twice pays once."""
    try:
        async with db.begin_nested():
            view = await exits.get_exit_for(db, visit.actor, exit_id)
            due = view.next_due
            # Whoever looked at another instalment than the one that is next looks again.
            if form.value("number") == (str(due.number) if due else ""):
                await leaving.pay(db, visit.actor, exit_id, day=day_of(form, "paid_on"))
    except AppError as error:
        return await _again(db, visit, exit_id, form, error)
    return go(f"/exits/{exit_id}", "changed")


@router.post(f"{EXIT}/closing")
async def close_exit(exit_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """End an exit: everything is paid."""
    try:
        async with db.begin_nested():
            await leaving.close_exit(db, visit.actor, exit_id)
    except AppError as error:
        return await _again(db, visit, exit_id, form, error)
    return go(f"/exits/{exit_id}", "changed")


async def _render_leaving(
    db: Db, visit: Visit, book_id: UUID, form: Form, status: int = 200
) -> Response:
    place = await queries.get_place(db, visit.actor, book_id)
    kinds = {BookStatusKind.PROBATIONARY, BookStatusKind.WORKER_OWNER}
    return await render(
        visit.page,
        "book_leaving.html",
        status=status,
        book=place.book,
        here=place.kind in kinds,
        exits=[
            one
            for one in await exits.exits_of(db, visit.actor, book_id)
            if one.exit.account_id == place.account_id
        ],
        capital=await exits.capital_of(db, place.book, place.account_id),
        form=form,
    )


async def _again(db: Db, visit: Visit, exit_id: UUID, form: Form, error: AppError) -> Response:
    shown = refused(form, visit.language, error)
    return await _render(db, visit, exit_id, shown, error.status)


async def _render(db: Db, visit: Visit, exit_id: UUID, form: Form, status: int = 200) -> Response:
    view = await exits.get_exit_for(db, visit.actor, exit_id)
    row, today = view.exit, clock.today()
    return await render(
        visit.page,
        "exit.html",
        status=status,
        view=view,
        own=row.account_id == visit.actor.account_id,
        today=today,
        begun=any(one.paid_on for one in view.payouts),
        most=(INSTALMENTS_MAX, INTERVAL_MAX),
        form=form.with_values(
            instalments=str(row.instalments),
            interval_months=str(row.interval_months),
            first_due_on=row.first_due_on.isoformat(),
            paid_on=today.isoformat(),
        ),
    )

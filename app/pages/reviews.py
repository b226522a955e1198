"""The stewards' desk for what nobody vouched for: read it, publish it, or send it back."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from app.domain.needs import actions, contents, queries, reviewing
from app.domain.needs.attachments import files_on_need
from app.errors import AppError, InvalidError
from app.models.needs import Need, NeedState
from app.pages import text
from app.pages.dependencies import Db, PageRoute, Sent, SignedIn, Visit, go
from app.pages.failures import refused
from app.pages.forms import Form, Problem
from app.pages.presenting import view_of
from app.pages.rendering import render
from app.pages.thread_views import file_view

router = APIRouter(route_class=PageRoute)
SHOWN_MAX = 30
HERE = "/stewardship/reviews"
DECISIONS = (NeedState.OPEN, NeedState.DRAFT)


@router.get(HERE)
async def list_reviews(db: Db, visit: SignedIn) -> Response:
    """Show what waits to be read, the longest wait first."""
    return await _render(db, visit, Form())


async def _render(db: Db, visit: Visit, form: Form, status: int = 200) -> Response:
    waiting = await reviewing.waiting_for_review(db, visit.actor, SHOWN_MAX)
    translations = await contents.translations_of(db, [need.id for need, _ in waiting])
    return await render(
        visit.page,
        "reviews.html",
        status=status,
        form=form,
        waiting=[
            (
                view_of(need, visit.language, for_its_members=True),
                text.markdown(need.body),
                need.version,
                organisation,
                [(row, text.markdown(row.body)) for row in translations.get(need.id, ())],
                [
                    file_view(file, visit.actor.account_id)
                    for file in await files_on_need(db, need.id)
                ],
            )
            for need, organisation in waiting
        ],
    )


@router.post(f"{HERE}/{{need_id:uuid}}")
async def decide(need_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Publish what was read, or send it back with a reason; other words are read again first."""
    visit.actor.require_steward()
    try:
        async with db.begin_nested():
            await _decide(db, visit, need_id, form)
    except AppError as error:
        if error.status in {401, 403, 404}:
            raise
        found = refused(form, visit.language, error)
        # The desk has many forms: what is missing is missing beside the one that was sent.
        placed = [Problem(p.field and f"{p.field}-{need_id}", p.text) for p in found.problems]
        return await _render(db, visit, Form(form.sent, placed), error.status)
    return go(HERE, "moved")


async def _decide(db: Db, visit: Visit, need_id: UUID, form: Form) -> Need:
    to = next((state for state in DECISIONS if state.value == form.value("to")), None)
    if to is None:
        raise InvalidError("form_unreadable")
    need = await queries.get_need_for(db, visit.actor, need_id)
    version = form.number("version")
    return await actions.move_need(db, visit.actor, need.id, to, form.value("reason"), version)

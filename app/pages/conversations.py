"""Threads and files as pages: a claim's messages, a need's questions, forms that bring files."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.responses import Response

from app.domain.claims import attachments, conversation
from app.domain.files import actions as files
from app.domain.files.actions import Place
from app.domain.files.errors import file_missing
from app.domain.files.preparing import prepare_file
from app.domain.files.rules import Limits
from app.domain.needs import questions
from app.domain.needs.attachments import note_new_file, place_on_need
from app.domain.needs.queries import get_need_for
from app.errors import AppError
from app.infra.ids import secret_token
from app.models.files import File
from app.models.threads import MessageFields, ThreadSide, WordsFields
from app.pages.dependencies import (
    Configuration,
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
from app.pages.elsewhere import writing_values
from app.pages.failures import invalid, refused
from app.pages.forms import Form
from app.pages.need_page import render_need
from app.pages.rendering import render
from app.pages.secrets_warning import warned
from app.pages.thread_views import message_views
from app.pages.views import Paging

PER_PAGE = 30

router = APIRouter(route_class=PageRoute)


@router.get("/claims/{claim_id:uuid}/messages")
async def show_messages(claim_id: UUID, request: Request, db: Db, visit: SignedIn) -> Response:
    """Show what the two sides wrote, and note that it was read."""
    return await _messages(db, visit, claim_id, Form(), request.query_params.get("cursor"))


async def _messages(
    db: Db, visit: Visit, claim_id: UUID, form: Form, cursor: str | None = None, status: int = 200
) -> Response:
    found = await conversation.open_conversation(db, visit.actor, claim_id)
    page, marks = await conversation.read_messages(db, found, PER_PAGE, cursor)
    here = f"/claims/{claim_id}/messages"
    if cursor is None and page.items:
        await conversation.mark_read(db, visit.actor, claim_id, page.items[0].id)
    return await render(
        visit.page,
        "messages.html",
        status=status,
        form=form,
        here=here,
        back=f"{_back(found)}#claim-{claim_id}",
        by_link=False,
        need=found.need,
        side=found.side.value,
        messages=await message_views(db, visit.actor, found, page.items, marks),
        **await writing_values(db, found),
        closes_at=found.closes_at,
        key=secret_token(),
        paging=Paging(
            f"{here}?cursor={page.next_cursor}" if page.next_cursor else None,
            here if cursor else None,
        ),
    )


def _back(found: conversation.Conversation) -> str:
    if found.side is ThreadSide.WORKER:
        return "/me/claims"
    if found.side is ThreadSide.ORGANISATION and found.need.organisation_id:
        return f"/organisations/{found.need.organisation_id}/claims"
    return f"/needs/{found.need.id}"


@router.post("/claims/{claim_id:uuid}/messages")
async def post_message(
    claim_id: UUID,
    request: Request,
    uploaded: Uploaded,
    db: Db,
    visit: SignedIn,
    settings: Configuration,
) -> Response:
    """Write a message, with a file where one came."""
    form, here = uploaded, f"/claims/{claim_id}/messages"
    found = warned(visit, form, {"body": form.value("body")}, private=True)
    if found is not None:
        return await _messages(db, visit, claim_id, found, None, 422)
    try:
        async with db.begin_nested():
            if await answered_before(db, visit, form) is None:
                sent = []
                if form.file is not None:
                    place = await attachments.place_on_claim(db, visit.actor, claim_id)
                    sent = [(await _keep(request, db, visit, place, form, settings)).id]
                fields = MessageFields(body=form.value("body"), file_ids=sent)
                await conversation.post_message(db, visit.actor, claim_id, fields)
                await keep_answer(db, visit, form, here)
    except ValidationError as error:
        shown = invalid(form, visit.language, error)
        return await _messages(db, visit, claim_id, shown, None, 422)
    except AppError as error:
        shown = refused(form, visit.language, error)
        return await _messages(db, visit, claim_id, shown, None, error.status)
    return go(f"{here}#write")


async def _keep(
    request: Request, db: Db, visit: Visit, place: Place, form: Form, settings: Configuration
) -> File:
    assert form.file is not None  # noqa: S101 - looked at by both callers
    limits = Limits(
        file=settings.file_max_bytes,
        account=settings.files_account_max_bytes,
        organisation=settings.files_organisation_max_bytes,
        instance=settings.files_instance_max_bytes,
    )
    prepared = await prepare_file(form.file.name, form.file.content, form.value("alt"), limits.file)
    storage = request.app.state.runtime.storage
    file = await files.store_file(db, visit.actor, storage, place, prepared, limits)
    await note_new_file(db, visit.actor, file)
    await db.flush()  # a message names it next
    return file


@router.post("/claims/{claim_id:uuid}/messages/{message_id:uuid}/delete")
async def delete_message(
    claim_id: UUID, message_id: UUID, db: Db, visit: SignedIn, form: Sent
) -> Response:
    """Delete one's own message."""
    try:
        async with db.begin_nested():
            await conversation.delete_message(db, visit.actor, (claim_id, message_id))
    except AppError as error:
        shown = refused(form, visit.language, error)
        return await _messages(db, visit, claim_id, shown, None, error.status)
    return go(f"/claims/{claim_id}/messages#write")


@router.post("/needs/{need_id:uuid}/files")
async def attach_to_need(
    need_id: UUID,
    request: Request,
    uploaded: Uploaded,
    db: Db,
    visit: SignedIn,
    settings: Configuration,
) -> Response:
    """Attach a file to a need of one's organisation."""
    form, here = uploaded, f"/needs/{need_id}#files"
    try:
        async with db.begin_nested():
            place = await place_on_need(db, visit.actor, need_id)
            if form.file is None:
                raise file_missing()
            if await answered_before(db, visit, form) is None:
                await _keep(request, db, visit, place, form, settings)
                await keep_answer(db, visit, form, here)
    except AppError as error:
        return await _need_again(db, visit, need_id, form, error)
    return go(here)


@router.post("/needs/{need_id:uuid}/files/{file_id:uuid}/remove")
async def remove_from_need(
    need_id: UUID, file_id: UUID, db: Db, visit: SignedIn, form: Sent
) -> Response:
    """Remove a file from a need."""
    try:
        async with db.begin_nested():
            await attachments.remove_file(db, visit.actor, file_id)
    except AppError as error:
        return await _need_again(db, visit, need_id, form, error)
    return go(f"/needs/{need_id}#files")


@router.post("/needs/{need_id:uuid}/questions")
async def ask_question(need_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Ask about a need."""
    return await _say(
        db,
        visit,
        need_id,
        form,
        lambda words: questions.ask_question(db, visit.actor, need_id, words),
    )


@router.post("/needs/{need_id:uuid}/questions/{question_id:uuid}/answers")
async def answer_question(
    need_id: UUID, question_id: UUID, db: Db, visit: SignedIn, form: Sent
) -> Response:
    """Answer a question on a need of one's organisation."""
    return await _say(
        db, visit, need_id, form,
        lambda words: questions.answer_question(db, visit.actor, need_id, question_id, words),
    )  # fmt: skip


async def _say(
    db: Db, visit: Visit, need_id: UUID, form: Form, say: Callable[[str], Awaitable[object]]
) -> Response:
    """Say the words of a form on a need once, after a second look at what strangers would read."""
    here = f"/needs/{need_id}#questions"
    found = warned(visit, form, {"body": form.value("body")})
    if found is not None:
        need = await get_need_for(db, visit.actor, need_id)
        return await render_need(db, visit, need, found, 422)
    try:
        words = WordsFields(body=form.value("body"))
        async with db.begin_nested():
            if await answered_before(db, visit, form) is None:
                await say(words.body)
                await keep_answer(db, visit, form, here)
    except ValidationError as error:
        need = await get_need_for(db, visit.actor, need_id)
        return await render_need(db, visit, need, invalid(form, visit.language, error), 422)
    except AppError as error:
        return await _need_again(db, visit, need_id, form, error)
    return go(here)


@router.post("/needs/{need_id:uuid}/questions/{question_id:uuid}/hide")
async def hide_question(
    need_id: UUID, question_id: UUID, db: Db, visit: SignedIn, form: Sent
) -> Response:
    """Take a question or an answer out of public sight."""
    reason = form.value("reason")[:500]
    try:
        async with db.begin_nested():
            await questions.hide_question(db, visit.actor, need_id, question_id, reason)
    except AppError as error:
        return await _need_again(db, visit, need_id, form, error)
    return go(f"/needs/{need_id}#questions")


@router.post("/needs/{need_id:uuid}/questions/{question_id:uuid}/delete")
async def delete_question(
    need_id: UUID, question_id: UUID, db: Db, visit: SignedIn, form: Sent
) -> Response:
    """Delete one's own question or answer."""
    try:
        async with db.begin_nested():
            await questions.delete_question(db, visit.actor, need_id, question_id)
    except AppError as error:
        return await _need_again(db, visit, need_id, form, error)
    return go(f"/needs/{need_id}#questions")


async def _need_again(db: Db, visit: Visit, need_id: UUID, form: Form, error: AppError) -> Response:
    need = await get_need_for(db, visit.actor, need_id)
    return await render_need(db, visit, need, refused(form, visit.language, error), error.status)

"""What the asker and who helps them write to one another, through the mailed link."""

from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.responses import Response

from app.domain.access import Actor
from app.domain.activity import idempotency
from app.domain.asks import queries
from app.domain.asks.policy import holder_of
from app.domain.claims import conversation
from app.domain.claims.conversation import Conversation
from app.errors import AppError, NotFoundError
from app.infra.ids import secret_token
from app.models.threads import MessageFields
from app.pages.asks import render_secret, secret
from app.pages.dependencies import Db, PageRoute, Reader, Sent, Visit, go
from app.pages.elsewhere import writing_values
from app.pages.failures import invalid, refused
from app.pages.forms import Form
from app.pages.secrets_warning import warned
from app.pages.thread_views import message_views
from app.pages.views import Paging

router = APIRouter(route_class=PageRoute)
PER_PAGE = 30
PATH = "/ask/mine/{token}/claims/{claim_id:uuid}/messages"


async def _open(db: Db, token: str, claim_id: UUID, request_id: str) -> tuple[Actor, Conversation]:
    """Return whom the link acts as, and a thread on one of its own needs."""
    ask = await queries.ask_of_link(db, token)
    holder = holder_of(ask, request_id)
    if holder is None:
        raise NotFoundError("claim_not_found")
    found = await conversation.open_conversation(db, holder, claim_id)
    if found.need.id not in {need.id for need in await queries.needs_of(db, ask.id)}:
        raise NotFoundError("claim_not_found")
    return holder, found


@router.get(PATH)
async def show(token: str, claim_id: UUID, request: Request, db: Db, visit: Reader) -> Response:
    """Show what the two wrote, and note that it was read."""
    request_id = request.state.request_id
    holder, found = await _open(db, token, claim_id, request_id)
    cursor = request.query_params.get("cursor")
    return await _render(db, visit, (token, holder, found), Form(), cursor)


async def _render(
    db: Db,
    visit: Visit,
    opened: tuple[str, Actor, Conversation],
    form: Form,
    cursor: str | None = None,
    status: int = 200,
) -> Response:
    token, holder, found = opened
    page, marks = await conversation.read_messages(db, found, PER_PAGE, cursor)
    mine = f"/ask/mine/{token}"
    here = f"{mine}/claims/{found.claim.id}/messages"
    if cursor is None and page.items:
        await conversation.mark_read(db, holder, found.claim.id, page.items[0].id)
    return await render_secret(
        visit,
        "messages.html",
        status=status,
        form=form,
        here=here,
        back=f"{mine}#claim-{found.claim.id}",
        by_link=True,
        need=found.need,
        side=found.side.value,
        messages=await message_views(db, holder, found, page.items, marks),
        **await writing_values(db, found),
        closes_at=found.closes_at,
        key=secret_token(),
        paging=Paging(
            f"{here}?cursor={page.next_cursor}" if page.next_cursor else None,
            here if cursor else None,
        ),
    )


@router.post(PATH)
async def post(
    token: str, claim_id: UUID, request: Request, db: Db, visit: Reader, form: Sent
) -> Response:
    """Write to who helps."""
    request_id = request.state.request_id
    await queries.ask_to_write(db, token)
    opened = (token, *(await _open(db, token, claim_id, request_id)))
    found = warned(visit, form, {"body": form.value("body")}, private=True)
    if found is not None:
        return await _render(db, visit, opened, found, None, 422)
    try:
        async with db.begin_nested():
            fields = MessageFields(body=form.value("body"))
            if await _is_first(db, opened[1], claim_id, form):
                await conversation.post_message(db, opened[1], claim_id, fields)
    except (ValidationError, AppError) as error:
        # The savepoint's end forgot what was read before it.
        opened = (token, *(await _open(db, token, claim_id, request_id)))
        if isinstance(error, AppError):
            shown, status = refused(form, visit.language, error), error.status
        else:
            shown, status = invalid(form, visit.language, error), 422
        return await _render(db, visit, opened, shown, None, status)
    return secret(go(f"/ask/mine/{token}/claims/{claim_id}/messages#write"))


async def _is_first(db: Db, holder: Actor, claim_id: UUID, form: Form) -> bool:
    """Say whether this is no second click; the address, which is a secret, is kept nowhere."""
    scope = f"{holder.account_id} {claim_id}"
    if await idempotency.claim_key(db, scope, form.fingerprint(), b"form") is not None:
        return False
    await idempotency.keep_answer(
        db, scope, form.fingerprint(), idempotency.KeptAnswer(303, {}, b"")
    )
    return True

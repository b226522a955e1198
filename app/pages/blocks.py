"""Blocks as pages: whom an organisation keeps away, of which organisations one hears nothing."""

from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.domain.identity.queries import account_by_handle
from app.domain.organisations import blocking, errors
from app.domain.organisations.queries import get_organisation_for
from app.errors import AppError, InvalidError
from app.pages.dependencies import Db, PageRoute, Sent, SignedIn, Visit, go
from app.pages.failures import refused
from app.pages.forms import Form
from app.pages.rendering import render

router = APIRouter(route_class=PageRoute)
OWN = "/me/blocks"


@router.get(OWN)
async def list_own_blocks(db: Db, visit: SignedIn) -> Response:
    """Show the organisations that one blocked; nobody else sees it."""
    return await _render_own(db, visit, Form())


async def _render_own(db: Db, visit: Visit, form: Form, status: int = 200) -> Response:
    found = await blocking.blocked_organisations(db, visit.actor.signed_in())
    return await render(visit.page, "my_blocks.html", status=status, form=form, blocks=found)


@router.post(OWN)
async def change_own_blocks(db: Db, visit: SignedIn, form: Sent) -> Response:
    """Block an organisation, or hear of it again."""
    undo = form.value("act") == "undo"
    try:
        organisation_id = _id_of(form, "organisation_id")
        deed = blocking.unblock_organisation if undo else blocking.block_organisation
        async with db.begin_nested():
            await deed(db, visit.actor, organisation_id)
    except AppError as error:
        shown = refused(form, visit.language, error)
        return await _render_own(db, visit, shown, error.status)
    return go(OWN, "changed")


@router.get("/organisations/{organisation_id:uuid}/blocks")
async def list_blocks(organisation_id: UUID, request: Request, db: Db, visit: SignedIn) -> Response:
    """Show to its owners whom an organisation blocked."""
    form = Form().with_values(handle=request.query_params.get("handle", "")[:64])
    return await _render(db, visit, organisation_id, form)


async def _render(
    db: Db, visit: Visit, organisation_id: UUID, form: Form, status: int = 200
) -> Response:
    found = await blocking.blocked_people(db, visit.actor, organisation_id)
    view = await get_organisation_for(db, visit.actor, organisation_id)
    return await render(
        visit.page,
        "blocks.html",
        status=status,
        form=form,
        blocks=found,
        organisation=view.organisation,
    )


@router.post("/organisations/{organisation_id:uuid}/blocks")
async def change_blocks(organisation_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Block somebody by their handle, or undo it."""
    try:
        async with db.begin_nested():
            await _change(db, visit, organisation_id, form)
    except AppError as error:
        if error.status in {401, 403, 404}:
            raise
        shown = refused(form, visit.language, error)
        return await _render(db, visit, organisation_id, shown, error.status)
    return go(f"/organisations/{organisation_id}/blocks", "changed")


async def _change(db: Db, visit: Visit, organisation_id: UUID, form: Form) -> None:
    if form.value("act") == "undo":
        account_id = _id_of(form, "account_id")
        return await blocking.unblock_person(db, visit.actor, organisation_id, account_id)
    # Who may not block learns nothing of handles.
    await blocking.blocked_people(db, visit.actor, organisation_id)
    account = await account_by_handle(db, form.value("handle").strip().removeprefix("@"))
    if account is None or account.disabled_at is not None:
        raise errors.member_handle_unknown()
    return await blocking.block_person(db, visit.actor, organisation_id, account.id)


def _id_of(form: Form, name: str) -> UUID:
    try:
        return UUID(form.value(name))
    except ValueError:
        raise InvalidError("form_unreadable") from None

"""Changing what a need says, from the version that the form was made of."""

from uuid import UUID

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.responses import Response

from app.domain.access import enforce
from app.domain.needs import actions, queries
from app.domain.needs.policy import may_write
from app.errors import AppError, InvalidError, StaleError
from app.infra.i18n import translate
from app.models.needs import Need
from app.pages.dependencies import Db, PageRoute, Sent, SignedIn, Visit, go
from app.pages.failures import invalid, refused
from app.pages.forms import Form, Problem
from app.pages.need_form import fields_of, form_of, render_form
from app.pages.secrets_warning import warned

router = APIRouter(route_class=PageRoute)


async def _need_to_change(db: Db, visit: Visit, need_id: UUID) -> Need:
    need = await queries.get_need_for(db, visit.actor, need_id)
    enforce(may_write(visit.actor, need, await queries.need_membership(db, visit.actor, need)))
    return need


@router.get("/needs/{need_id:uuid}/edit")
async def begin(need_id: UUID, db: Db, visit: SignedIn) -> Response:
    """Show the form with what the need says."""
    need = await _need_to_change(db, visit, need_id)
    return await render_form(visit, form_of(need, visit.language), need=need)


@router.post("/needs/{need_id:uuid}/edit")
async def change_need(need_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Save the change; what somebody else changed meanwhile is never overwritten unseen."""
    need = await _need_to_change(db, visit, need_id)
    try:
        fields, version = fields_of(form, visit.language, need), _version(form)
        said, before = {"title": fields.title, "body": fields.body}, f"{need.title}\n{need.body}"
        if (found := warned(visit, form, said, before=before)) is not None:
            return await render_form(visit, found, need=need, status=422)
        async with db.begin_nested():
            await actions.change_need(db, visit.actor, need_id, fields, version)
    except ValidationError as error:
        return await render_form(visit, invalid(form, visit.language, error), need=need, status=422)
    except StaleError as error:
        need = await _need_to_change(db, visit, need_id)
        stale = Problem(None, translate(visit.language, "page.edit.stale"))
        newer = Form({**form.sent, "version": [str(need.version)]}, [stale])
        return await render_form(visit, newer, need=need, status=error.status)
    except AppError as error:
        # The savepoint's end forgot what was read before it.
        need = await _need_to_change(db, visit, need_id)
        shown = refused(form, visit.language, error)
        return await render_form(visit, shown, need=need, status=error.status)
    return go(f"/needs/{need_id}", "changed")


def _version(form: Form) -> int:
    value = form.value("version")
    if not value.isascii() or not value.isdigit() or len(value) > 9:
        raise InvalidError("form_unreadable")
    return int(value)

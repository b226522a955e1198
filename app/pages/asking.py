"""Asking for help: the form that a need is made of."""

from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.responses import Response

from app.domain.needs import actions
from app.domain.needs.policy import stands_alone
from app.domain.organisations import queries as organisations
from app.domain.organisations.policy import may_publish_needs
from app.errors import AppError, InvalidError
from app.infra.ids import secret_token
from app.models.needs import NeedFields, NeedState
from app.pages.dependencies import (
    Db,
    PageRoute,
    Sent,
    SignedIn,
    Visit,
    answered_before,
    go,
    keep_answer,
)
from app.pages.failures import invalid, refused
from app.pages.forms import Form
from app.pages.need_form import fields_of, render_form
from app.pages.secrets_warning import warned

router = APIRouter(route_class=PageRoute)


@router.get("/needs/new")
async def ask(request: Request, visit: SignedIn) -> Response:
    """Show the empty form."""
    form = Form().with_values(
        key=secret_token(),
        organisation_id=request.query_params.get("organisation", ""),
        language=visit.language,
        places="1",
        urgency="normal",
        kind="labour",
        stream="gift",
        audience="public",
        remote="yes",
    )
    return await render_form(visit, form)


@router.post("/needs/new")
async def post_need(db: Db, visit: SignedIn, form: Sent) -> Response:
    """Write the need down, and publish it when asked to and possible."""
    try:
        fields = fields_of(form, visit.language)
        found = warned(visit, form, {"title": fields.title, "body": fields.body})
        if found is not None:
            return await render_form(visit, found, status=422)
        async with db.begin_nested():
            target = await _post(db, visit, form, fields)
    except ValidationError as error:
        return await render_form(visit, invalid(form, visit.language, error), status=422)
    except AppError as error:
        shown = refused(form, visit.language, error)
        return await render_form(visit, shown, status=error.status)
    return go(*target.split(" "))


async def _post(db: Db, visit: Visit, form: Form, fields: NeedFields) -> str:
    """Return where the browser goes and the notice it gets there, the same for a double click."""
    before = await answered_before(db, visit, form)
    if before:
        return before
    organisation_id = _organisation_id(form)
    need = await actions.post_need(db, visit.actor, organisation_id, fields)
    notice = "saved"
    if form.value("act") == "publish":
        await actions.move_need(db, visit.actor, need.id, NeedState.REVIEW, "")
        organisation = await organisations.get_organisation(db, organisation_id)
        notice = "in_review"
        if may_publish_needs(organisation) and stands_alone(visit.actor, organisation):
            await actions.move_need(db, visit.actor, need.id, NeedState.OPEN, "")
            notice = "posted"
    target = f"/needs/{need.id} {notice}"
    await keep_answer(db, visit, form, target)
    return target


def _organisation_id(form: Form) -> UUID:
    try:
        return UUID(form.value("organisation_id"))
    except ValueError:
        raise InvalidError("organisation_not_found") from None

"""Asking for help: the form that a need is made of."""

from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.responses import Response

from app.domain.needs import actions
from app.domain.organisations import queries as organisations
from app.domain.organisations.policy import may_publish_needs
from app.errors import AppError, InvalidError
from app.infra.ids import secret_token
from app.models.needs import NeedFields, NeedKind, NeedState
from app.pages import rendering
from app.pages.catalogue import skill_groups_with
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
from app.pages.failures import choices, invalid, refused
from app.pages.forms import Form, Problem

PLAIN = (
    "title", "body", "language", "kind", "stream", "places", "urgency", "region", "audience",
)  # fmt: skip
AUDIENCES = ("public", "peers", "instance")
POSTING_STATES = frozenset({"accepted", "proposed"})

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
    return await _render(visit, form)


@router.post("/needs/new")
async def post_need(db: Db, visit: SignedIn, form: Sent) -> Response:
    """Write the need down, and publish it when asked to and possible."""
    try:
        fields = fields_of(form)
        async with db.begin_nested():
            target = await _post(db, visit, form, fields)
    except ValidationError as error:
        return await _render(visit, invalid(form, visit.language, error), 422)
    except AppError as error:
        return await _render(visit, refused(form, visit.language, error), error.status)
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
        if may_publish_needs(organisation):
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


def fields_of(form: Form) -> NeedFields:
    """Read the form as a need; raises ValidationError with what is missing."""
    values: dict[str, Any] = {name: form.value(name) for name in PLAIN if form.value(name)}
    values |= {
        "title": form.value("title"),
        "skills": [{"slug": slug} for slug in form.values("skills")],
        "skills_unknown": "yes" in form.values("skills_unknown"),
        "tags": [tag.strip() for tag in form.value("tags").split(",") if tag.strip()],
        "estimate_minutes": _minutes(form.value("hours")),
        "deadline": form.value("deadline") or None,
        "remote": "yes" in form.values("remote"),
        "instant": "yes" in form.values("instant"),
        "link": form.value("link") or None,
        "harm_check": _harm_check(form),
    }
    return NeedFields.model_validate(values)


def _minutes(hours: str) -> int | str | None:
    """Read hours with a point or a comma; what is no number is left for the model to refuse."""
    if not hours.strip():
        return None
    try:
        minutes = Decimal(hours.strip().replace(",", ".")) * 60
        return int(minutes) if minutes.is_finite() else hours
    except InvalidOperation:
        return hours


def _harm_check(form: Form) -> dict[str, str] | None:
    answers = {name: form.value(f"harm_{name}") for name in ("data", "misuse", "avoidable")}
    return answers if any(answers.values()) else None


async def _render(visit: Visit, form: Form, status: int = 200) -> Response:
    language = visit.language
    places = visit.page.viewer.places if visit.page.viewer else ()
    return await rendering.render(
        visit.page,
        "need_form.html",
        status=status,
        form=_with_harm_marks(form),
        organisations=[(str(p.id), p.name) for p in places if p.state in POSTING_STATES],
        languages=[(code, rendering.language_name(code)) for code in visit.page.languages],
        skill_groups=skill_groups_with(language, form.values("skills")),
        kinds=choices(language, "need.kind", [kind.value for kind in NeedKind]),
        streams=choices(language, "need.stream", ("gift", "stipend", "paid")),
        audiences=choices(language, "need.audience", AUDIENCES),
        urgencies=choices(language, "need.urgency", ("low", "normal", "high")),
    )


def _with_harm_marks(form: Form) -> Form:
    """The three questions are one thing to the domain; its fault is shown above them."""
    found = [Problem("skills_unknown", p.text) if p.field == "skills" else p for p in form.problems]
    return Form(form.sent, found)

"""Asking for help without an account: three questions, a look before sending, the mailed link."""

from typing import Any

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.responses import Response

from app.domain.asks import actions, rules
from app.domain.asks.actions import Sender
from app.domain.letters.actions import open_link
from app.errors import AppError
from app.infra import clock
from app.infra.i18n import LANGUAGES, translate
from app.infra.proxies import client_address, networks_of
from app.models.asks import AskFields, AskStart
from app.pages.dependencies import Configuration, Db, PageRoute, Reader, Sent, Visit, go
from app.pages.failures import choices, invalid, refused
from app.pages.forms import Form, Problem
from app.pages.rendering import language_name, render

router = APIRouter(route_class=PageRoute)
ANSWERS = ("stuck", "size", "organisation_name", "language", "address", "signal", "start")
# A field that people do not see; what fills it in is no person, or a browser too eager.
TRAP = "subject_line"
POSTING_STATES = frozenset({"accepted", "proposed"})


def network_of(request: Request, settings: Configuration) -> str | None:
    """Return the network an ask is counted with; None where nobody we trust tells it."""
    direct = request.client.host if request.client else None
    forwarded = request.headers.getlist("x-forwarded-for")
    trusted = networks_of(settings.trusted_proxies)
    return rules.network_of(client_address(direct, forwarded, trusted))


@router.get("/ask")
async def begin(request: Request, db: Db, visit: Reader) -> Response:
    """Show the three questions, with a starting point's words when one was chosen."""
    start = request.query_params.get("start", "")
    form = Form().with_values(language=visit.language)
    if start in set(AskStart):
        form = form.with_values(
            start=start, stuck=translate(visit.language, f"page.asks.start.{start}.text")
        )
    return await _render_form(db, visit, form)


async def _render_form(db: Db, visit: Visit, form: Form, status: int = 200) -> Response:
    seconds = int(clock.now().timestamp())
    stamp = rules.stamp_of(await actions.day_key(db), seconds)
    places = visit.page.viewer.places if visit.page.viewer else ()
    return await render(
        visit.page,
        "ask.html",
        status=status,
        form=form,
        stamp=stamp,
        trap=TRAP,
        starts=choices(visit.language, "page.asks.start", list(AskStart)),
        languages=[(code, language_name(code)) for code in LANGUAGES],
        member=any(place.state in POSTING_STATES for place in places),
    )


@router.post("/ask")
async def ask(
    request: Request, db: Db, visit: Reader, form: Sent, settings: Configuration
) -> Response:
    """Show what would be sent, or send it."""
    if form.value("act") == "edit":
        return await _render_form(db, visit, form)
    if form.value(TRAP):
        emptied = Form({**form.sent, TRAP: [""]}, [_said(visit, "page.asks.trap")])
        return await _render_form(db, visit, emptied, 422)
    try:
        fields = fields_of(form)
    except ValidationError as error:
        return await _render_form(db, visit, invalid(form, visit.language, error), 422)
    in_time = await _open_long_enough(db, form)
    if form.value("act") != "send" or not in_time:
        hasty = form.value("act") == "send"
        problems = [_said(visit, "page.asks.hasty")] if hasty else []
        return await _render_preview(db, visit, Form(form.sent, problems), fields)
    keep = "yes" in form.values("keep")
    try:
        async with db.begin_nested():
            sender = Sender(visit.page.origin, network_of(request, settings), keep_secrets=keep)
            await actions.submit_ask(db, fields, sender)
    except AppError as error:
        shown = refused(form, visit.language, error)
        if error.code == "ask_holds_secrets":
            shown = Form(form.sent, [_said(visit, "error.ask_holds_secrets")])
        return await _render_preview(db, visit, shown, fields, error.status)
    return go("/ask/sent")


def fields_of(form: Form) -> AskFields:
    """Read the three answers; raises ValidationError with what is missing."""
    values: dict[str, Any] = {name: form.value(name).strip() for name in ANSWERS}
    values["signal"] = values["signal"] or None
    values["start"] = values["start"] or None
    return AskFields.model_validate(values)


def _said(visit: Visit, text_id: str) -> Problem:
    return Problem(None, translate(visit.language, text_id))


async def _open_long_enough(db: Db, form: Form) -> bool:
    now = int(clock.now().timestamp())
    return rules.old_enough([await actions.day_key(db)], form.value("stamp"), now)


async def _render_preview(
    db: Db, visit: Visit, form: Form, fields: AskFields, status: int = 200
) -> Response:
    stamp = form.value("stamp")
    if not await _open_long_enough(db, form):
        stamp = rules.stamp_of(await actions.day_key(db), int(clock.now().timestamp()))
    return await render(
        visit.page,
        "ask_preview.html",
        status=status,
        form=form,
        stamp=stamp,
        answers=ANSWERS,
        fields=fields,
        found=[(name, item.kind.value, item.text) for name, item in rules.secrets_in(fields)],
    )


@router.get("/ask/sent")
async def sent(visit: Reader) -> Response:
    """Say what happens now; the same whatever address was written."""
    return await render(visit.page, "ask_sent.html", days=rules.CONFIRM_WITHIN.days)


@router.get("/ask/confirm/{token}")
async def show_confirm(token: str, db: Db, visit: Reader) -> Response:
    """Show the button. Opening the link does nothing: programs that read mail open links too."""
    await open_link(db, rules.CONFIRM, token)
    return await render_secret(visit, "ask_confirm.html", token=token)


@router.post("/ask/confirm/{token}")
async def confirm(
    token: str,
    request: Request,
    db: Db,
    visit: Reader,
    form: Sent,  # noqa: ARG001 - it is read and checked
) -> Response:
    """Put the ask before the stewards and go on to its own page."""
    request_id = request.state.request_id
    mine = await actions.confirm_ask(db, token, visit.page.origin, request_id)
    return secret(go(f"/ask/mine/{mine}", "ask_confirmed"))


async def render_secret(
    visit: Visit, template: str, *, status: int = 200, **values: Any
) -> Response:
    """Answer with a page whose address is a secret: nobody keeps or lists it."""
    return secret(await render(visit.page, template, status=status, **values))


def secret(response: Response) -> Response:
    """Mark an answer whose address is a secret."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response

"""Coming and going: sign in, make an account, sign out, choose a language."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.responses import Response

from app.domain.administration.actions import admit
from app.domain.identity import actions, passwords, queries
from app.errors import AppError, FieldError, ForbiddenError, InvalidError
from app.infra.i18n import LANGUAGES
from app.models.identity import AccountFields
from app.pages.asks import network_of
from app.pages.dependencies import (
    Configuration,
    Db,
    PageRoute,
    Reader,
    Sent,
    SignedIn,
    Visit,
    forget_cookie,
    go,
    language_cookie,
    safe_next,
    session_cookie,
    set_session_cookie,
)
from app.pages.failures import invalid, refused
from app.pages.forms import Form
from app.pages.rendering import language_name, render

router = APIRouter(route_class=PageRoute)
PASSWORD_MAX = 256
TOKEN_MAX = 200


def _next(request: Request, visit: Visit) -> str:
    return safe_next(request.query_params.get("next", "/"), visit.page.origin)


@router.get("/sign-in")
async def show_sign_in(request: Request, db: Db, visit: Reader) -> Response:
    """Show the form; who is signed in already goes on, and so does whoever comes first of all."""
    target = _next(request, visit)
    if await queries.needs_setup(db):
        return go("/setup")
    if visit.page.viewer is not None:
        return go(target)
    return await render(visit.page, "sign_in.html", form=Form(), next=target)


@router.post("/sign-in")
async def sign_in(
    request: Request, db: Db, visit: Reader, form: Sent, settings: Configuration
) -> Response:
    """Open a session. A failed try is counted, so no savepoint here."""
    target = safe_next(form.value("next"), visit.page.origin)
    handle, password = form.value("handle").strip()[:64], form.value("password")[:1024]
    try:
        account = await actions.sign_in(db, handle, password, settings.sign_in_attempts_per_hour)
    except AppError as error:
        shown = refused(form, visit.language, error)
        response: Response = await render(
            visit.page, "sign_in.html", status=error.status, form=shown, next=target
        )
        response.headers.update(error.headers)
        return response
    return await enter(request, db, account.id, go(target, "welcome"))


@router.get("/sign-up")
async def show_sign_up(request: Request, visit: Reader, settings: Configuration) -> Response:
    """Show the form of a new account."""
    form = Form().with_values(language=visit.language)
    return await _render_sign_up(visit, settings, form, _next(request, visit))


@router.post("/sign-up")
async def sign_up(
    request: Request, db: Db, visit: Reader, form: Sent, settings: Configuration
) -> Response:
    """Make an account and sign in."""
    target = safe_next(form.value("next"), visit.page.origin)
    try:
        if not settings.registration_open:
            raise ForbiddenError("registration_closed")
        fields, password = account_of(form)
        async with db.begin_nested():
            await admit(db, network_of(request, settings), settings.registrations_per_network)
            account = await actions.register(db, fields, password, settings.password_min_length)
    except ValidationError as error:
        shown = invalid(form, visit.language, error)
        return await _render_sign_up(visit, settings, shown, target, 422)
    except AppError as error:
        shown = refused(form, visit.language, error)
        return await _render_sign_up(visit, settings, shown, target, error.status)
    return await enter(request, db, account.id, go(target, "welcome"))


def account_of(form: Form) -> tuple[AccountFields, str]:
    """Read who wants an account, and the password, whose strength the domain judges."""
    fields: dict[str, Any] = {
        "handle": form.value("handle").strip(),
        "email": form.value("email").strip() or None,
        "language": form.value("language") or "en",
    }
    password = form.value("password")
    if len(password) > PASSWORD_MAX:
        too_long = FieldError("/password", "string_too_long", {"max_length": PASSWORD_MAX})
        raise InvalidError("validation_failed", errors=[too_long])
    return AccountFields.model_validate(fields), password


async def _render_sign_up(
    visit: Visit, settings: Configuration, form: Form, target: str, status: int = 200
) -> Response:
    return await render(
        visit.page,
        "sign_up.html",
        status=status,
        form=form,
        next=target,
        password_minimum=settings.password_min_length,
        languages=[(code, language_name(code)) for code in LANGUAGES],
    )


async def enter(request: Request, db: Db, account_id: UUID, response: Response) -> Response:
    """Open a session and hand its cookie over with the answer; one held before it is over."""
    settings = request.app.state.settings
    before = request.cookies.get(session_cookie(settings))
    secret = await actions.open_session(db, account_id, instead_of=before)
    set_session_cookie(response, settings, secret)
    # From here on the account's own language counts.
    forget_cookie(response, settings, language_cookie(settings))
    return response


@router.get("/password/{token}")
async def show_password(token: str, db: Db, visit: Reader, settings: Configuration) -> Response:
    """Show the form of whoever got a link because they forgot their password."""
    return await _render_password(db, visit, settings, token, Form())


@router.post("/password/{token}")
async def set_password(
    token: str, db: Db, visit: Reader, form: Sent, settings: Configuration
) -> Response:
    """Choose another password; the next page is where one signs in with it."""
    password, minimum = form.value("password")[:PASSWORD_MAX], settings.password_min_length
    try:
        async with db.begin_nested():
            await passwords.reset_password(db, token[:TOKEN_MAX], password, minimum)
    except InvalidError as error:
        shown = refused(form, visit.language, error)
        return await _render_password(db, visit, settings, token, shown, error.status)
    return go("/sign-in", "password_set")


async def _render_password(
    db: Db, visit: Visit, settings: Configuration, token: str, form: Form, status: int = 200
) -> Response:
    account = await passwords.account_of_reset(db, token[:TOKEN_MAX])
    return await render(
        visit.page,
        "password.html",
        status=status,
        form=form,
        token=token,
        handle=account.handle,
        password_minimum=settings.password_min_length,
    )


@router.post("/sign-out")
async def sign_out(
    request: Request,
    db: Db,
    visit: Reader,
    form: Sent,  # noqa: ARG001 - it is read and checked
    settings: Configuration,
) -> Response:
    """End this session."""
    secret = request.cookies.get(session_cookie(settings))
    if secret and visit.page.viewer is not None:
        await actions.close_session(db, secret)
    response = go("/", "signed_out")
    forget_cookie(response, settings, session_cookie(settings))
    return response


@router.post("/language")
async def choose_language(db: Db, visit: SignedIn, form: Sent) -> Response:
    """Keep the language that a signed-in person chose, with their account."""
    language = form.value("language")
    if language not in LANGUAGES:
        raise InvalidError("form_unreadable")
    account = await queries.get_account(db, visit.actor.signed_in())
    changes = AccountFields(handle=account.handle, language=language)
    await actions.change_account(db, visit.actor, changes, frozenset({"language"}))
    return go(safe_next(form.value("next"), visit.page.origin))

"""What pages ask for: the database, who reads, in which language, what a form brought.

A form is accepted only from our own pages: the browser says where it comes from, and for
someone signed in it carries a token made from their session's secret.
"""

import hashlib
import hmac
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Annotated, Any
from urllib.parse import urljoin, urlsplit

from fastapi import Depends, Request
from fastapi.routing import APIRoute
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.datastructures import UploadFile
from starlette.responses import RedirectResponse, Response

from app.domain.access import ANONYMOUS, Actor
from app.domain.activity import idempotency
from app.domain.activity.actions import PENDING_MARK
from app.domain.administration import queries as administration
from app.domain.asks.queries import count_waiting
from app.domain.identity import queries as identity
from app.domain.organisations import queries as organisations
from app.domain.profiles.queries import zone_of_account
from app.errors import ForbiddenError, MalformedError, UnsupportedError
from app.infra.database import transaction
from app.infra.i18n import LANGUAGES, negotiate
from app.infra.runtime import Runtime
from app.infra.strict_json import StrictJsonError, check_text
from app.pages.context import PageContext, Place, Viewer
from app.pages.forms import Form, SentFile
from app.settings import Settings

REACT_JOB = "react_to_activities"
READ_METHODS = frozenset({"GET", "HEAD"})
FORM_TYPES = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})
FORM_FIELDS_MAX = 400
# What stays open to a limited account: its own things, and answering the stewards.
OPEN_TO_LIMITED = re.compile(
    r"^/(?:sign-(?:in|out|up)|language|me|notices|email|(?:holds|needs)/[^/]+/appeal)(?:/.*)?$"
)
SESSION_SECONDS = 30 * 24 * 3600
LANGUAGE_SECONDS = 365 * 24 * 3600


class PageRoute(APIRoute):
    """A page may also be asked for its head only."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        """As APIRoute, with HEAD wherever there is GET; pages are no part of the API's document."""
        options["include_in_schema"] = False
        super().__init__(path, endpoint, **options)
        if self.methods and "GET" in self.methods:
            self.methods = {*self.methods, "HEAD"}

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap FastAPI's handler: a language chosen without an account is remembered."""
        handle = super().get_route_handler()

        async def handle_page(request: Request) -> Response:
            response = await handle(request)
            chosen = getattr(request.state, "chosen_language", None)
            if chosen:
                remember_language(response, request.app.state.settings, chosen)
            return response

        return handle_page


def get_settings(request: Request) -> Settings:
    """Return the settings this process was started with."""
    settings: Settings = request.app.state.settings
    return settings


async def get_db(request: Request) -> AsyncIterator[AsyncSession]:
    """One transaction a request, committed before the answer is sent; then ring the workers."""
    runtime: Runtime = request.app.state.runtime
    async with transaction(runtime.sessions) as session:
        yield session
    if session.info.get(PENDING_MARK):
        await runtime.doorbell.ring(REACT_JOB)


Db = Annotated[AsyncSession, Depends(get_db, scope="function")]
Configuration = Annotated[Settings, Depends(get_settings)]


@dataclass(frozen=True)
class Visit:
    """One request for a page: what the frame shows, and who acts."""

    page: PageContext
    actor: Actor

    @property
    def language(self) -> str:
        """The language of the page."""
        return self.page.language


def session_cookie(settings: Settings) -> str:
    """Return the session cookie's name; browsers bind `__Host-` to this host over HTTPS."""
    return "__Host-tornallom" if settings.secure else "tornallom"


def language_cookie(settings: Settings) -> str:
    """Return the name of the cookie that remembers a language chosen without an account.

    The workspace reads and writes it too, so that both speak the same language.
    """
    return "__Host-tornallom-language" if settings.secure else "tornallom-language"


def form_token(secret: str | None) -> str:
    """Make the token that forms carry: bound to the session, useless to read the secret from."""
    if not secret:
        return ""
    return hmac.new(secret.encode(), b"tornallom form", hashlib.sha256).hexdigest()[:40]


def _check_same_origin(request: Request, settings: Settings) -> None:
    """Refuse a form that another site sends.

    Under `Referrer-Policy: no-referrer` browsers send `Origin: null` even to us, so
    Sec-Fetch-Site decides where there is one.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site not in {"same-origin", "none"}:
            raise ForbiddenError("cross_site_refused")
        return
    scheme = urlsplit(settings.origin).scheme
    own = {settings.origin, f"{scheme}://{request.headers.get('host')}", "null"}
    if request.headers.get("origin", "null") not in own:
        raise ForbiddenError("cross_site_refused")


def _checked(text: str) -> str:
    try:
        check_text(text)
    except StrictJsonError as error:
        raise MalformedError(f"json_{error.code}") from None
    return text


def check_address(request: Request) -> None:
    """Refuse an address that holds what no text may hold."""
    for text in (*request.query_params.values(), *request.path_params.values()):
        _checked(str(text))


async def _read_form(request: Request, max_files: int = 0) -> Form:
    """Read a form's fields; a file has its place in few of them."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in FORM_TYPES:
        raise UnsupportedError("form_expected")
    sent: dict[str, list[str]] = {}
    file = None
    async with request.form(max_files=max_files, max_fields=FORM_FIELDS_MAX) as fields:
        for name, value in fields.multi_items():
            if isinstance(value, UploadFile):
                if name != "file" or not max_files:
                    raise MalformedError("form_unreadable")
                content = await value.read()
                # A browser sends an empty part where nothing was chosen.
                file = SentFile(value.filename or "", content) if value.filename else None
                continue
            # Browsers send line ends as CRLF; we keep text with plain ones.
            sent.setdefault(_checked(name), []).append(_checked(value).replace("\r\n", "\n"))
    return Form(sent, file=file)


async def read_uploaded(request: Request, settings: Configuration) -> Form:
    """Read a form that brings a file, from somebody who is signed in.

    Who sends is looked at before the body is read, in a transaction that is over by then: a slow
    sender holds nothing of the database. Ask for it before `SignedIn`, which checks the token.
    """
    runtime: Runtime = request.app.state.runtime
    _check_same_origin(request, settings)
    secret = request.cookies.get(session_cookie(settings))
    async with transaction(runtime.sessions) as session:
        actor = await identity.actor_of_session(session, secret) if secret else None
    (actor or ANONYMOUS).signed_in()
    request.state.form = form = await _read_form(request, max_files=1)
    return form


async def get_visit(request: Request, db: Db, settings: Configuration) -> Visit:
    """Find out who reads and in which language; let no foreign form through."""
    check_address(request)
    secret = request.cookies.get(session_cookie(settings))
    actor = await identity.actor_of_session(db, secret) if secret else None
    if request.method not in READ_METHODS:
        _check_same_origin(request, settings)
        form = getattr(request.state, "form", None) or await _read_form(request)
        request.state.form = form
        expected = form_token(secret)
        if actor and not hmac.compare_digest(form.value("form_token").encode(), expected.encode()):
            raise ForbiddenError("form_token_wrong")
    actor = actor or replace(ANONYMOUS)
    page = await _page(request, db, settings, actor, form_token(secret))
    if request.method not in READ_METHODS and not OPEN_TO_LIMITED.match(request.scope["path"]):
        request.state.page = page
        actor.require_unlimited()
    if page.viewer is None and request.query_params.get("lang") == page.language:
        request.state.chosen_language = page.language
    request.state.page = page
    request.state.language = page.language
    return Visit(page, actor.within(request.state.request_id))


async def page_outside_routes(request: Request) -> PageContext:
    """Return the frame for an address that no route took."""
    runtime, settings = request.app.state.runtime, get_settings(request)
    secret = request.cookies.get(session_cookie(settings))
    async with transaction(runtime.sessions) as session:
        actor = await identity.actor_of_session(session, secret) if secret else None
        token = form_token(secret)
        return await _page(request, session, settings, actor or ANONYMOUS, token)


async def _page(
    request: Request, db: Db, settings: Settings, actor: Actor, token: str
) -> PageContext:
    default = settings.instance_name
    return PageContext(
        language=choose_language(request, settings, actor.language),
        instance_name=await administration.instance_name(db, default),
        origin=settings.origin,
        path=request.scope["path"],
        query=request.scope["query_string"].decode(errors="replace"),
        viewer=await _viewer(db, actor),
        form_token=token,
        zone=await _zone(db, actor),
    )


async def _zone(db: Db, actor: Actor) -> str:
    named = await zone_of_account(db, actor.account_id) if actor.account_id else None
    return named or PageContext.zone


def choose_language(request: Request, settings: Settings, own: str | None) -> str:
    """Choose: what this address says, the account's, what was clicked, what the browser asks."""
    asked = request.query_params.get("lang")
    clicked = request.cookies.get(language_cookie(settings))
    for language in (asked, own, clicked):
        if language in LANGUAGES:
            return str(language)
    accepted = request.headers.get("accept-language")
    return negotiate(accepted, None if accepted else settings.default_language)


async def _viewer(db: Db, actor: Actor) -> Viewer | None:
    if actor.account_id is None:
        return None
    places = [
        Place(organisation.id, organisation.name, organisation.state.value, membership.role.value)
        for membership, organisation in await organisations.memberships_of(db, actor.account_id)
    ]
    waiting = await count_waiting(db) if actor.steward else 0
    return Viewer(actor.account_id, actor.handle, actor.steward, places, waiting)


Reader = Annotated[Visit, Depends(get_visit, scope="function")]


def get_form(request: Request, visit: Reader) -> Form:  # noqa: ARG001 - it reads the form
    """Return the form that `get_visit` read and let through."""
    form: Form = request.state.form
    return form


def _signed_in(visit: Reader) -> Visit:
    visit.actor.signed_in()
    return visit


SignedIn = Annotated[Visit, Depends(_signed_in, scope="function")]
Uploaded = Annotated[Form, Depends(read_uploaded)]
Sent = Annotated[Form, Depends(get_form, scope="function")]


def safe_next(target: str, origin: str) -> str:
    """Return an address to go on to, if it is a page of ours; the start page otherwise."""
    plain = target.startswith("/") and not target.startswith(("//", "/sign-"))
    if not plain or len(target) > 500 or any(c <= " " or c in "\\\x7f" for c in target):
        return "/"
    parts, own = urlsplit(urljoin(origin, target)), urlsplit(origin)
    return target if (parts.scheme, parts.netloc) == (own.scheme, own.netloc) else "/"


def go(target: str, notice: str = "") -> RedirectResponse:
    """Send the browser on after a form, so that reloading does not send it again."""
    if notice:
        address, _, fragment = target.partition("#")
        joint = "&" if "?" in address else "?"
        target = f"{address}{joint}notice={notice}" + (f"#{fragment}" if fragment else "")
    return RedirectResponse(target, status_code=303)


def set_session_cookie(response: Response, settings: Settings, secret: str) -> None:
    """Write the session cookie: not for scripts, not for other sites."""
    name = session_cookie(settings)
    response.set_cookie(
        name, secret, max_age=SESSION_SECONDS, secure=settings.secure, httponly=True, samesite="lax"
    )


def forget_cookie(response: Response, settings: Settings, name: str) -> None:
    """Take one of our cookies back."""
    response.delete_cookie(name, secure=settings.secure, httponly=True, samesite="lax")


def remember_language(response: Response, settings: Settings, language: str) -> None:
    """Keep a language chosen without an account."""
    response.set_cookie(
        language_cookie(settings),
        language,
        max_age=LANGUAGE_SECONDS,
        secure=settings.secure,
        httponly=False,  # no secret, and the workspace reads it
        samesite="lax",
    )


async def answered_before(db: Db, visit: Visit, form: Form) -> str | None:
    """Return where an identical form (a double click) led; None the first time.

    Call it inside the savepoint of the effect: a refused form leaves no trace.
    """
    scope = f"{visit.actor.account_id} {visit.page.path}"[:200]
    kept = await idempotency.claim_key(db, scope, form.fingerprint(), b"form")
    return kept.headers.get("location") if kept else None


async def keep_answer(db: Db, visit: Visit, form: Form, location: str) -> None:
    """Remember where this form led, in the transaction of its effect."""
    scope = f"{visit.actor.account_id} {visit.page.path}"[:200]
    answer = idempotency.KeptAnswer(303, {"location": location}, b"")
    await idempotency.keep_answer(db, scope, form.fingerprint(), answer)

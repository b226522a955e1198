"""What routes ask for in their signatures: the database, who is asking, pages, versions."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Annotated
from urllib.parse import urlencode, urlsplit

from fastapi import Depends, Query, Request, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from app.api.routing import READ_METHODS, ReplayedError, body_hash
from app.domain.access import ANONYMOUS, Actor, Scope
from app.domain.activity import idempotency
from app.domain.activity.actions import PENDING_MARK
from app.domain.asks import rules as asks
from app.domain.identity import queries as identity
from app.errors import ForbiddenError, MalformedError, PreconditionRequiredError
from app.infra.database import transaction
from app.infra.pagination import LIMIT_DEFAULT, LIMIT_MAX
from app.infra.proxies import client_address, networks_of
from app.infra.runtime import Runtime
from app.settings import Settings

REACT_JOB = "react_to_activities"
CSRF_HEADER = "x-tornallom"
# Answers that hold a secret are not kept for replay: signing in twice is harmless.
_SECRET_ROUTES = re.compile(
    r"^/api/v1/(setup|accounts|sessions|me/tokens|webhooks|webhooks/[^/]+/secret)$"
)

# What stays open to a limited account: its own things, leaving, and answering the stewards.
_OPEN_TO_LIMITED = re.compile(
    r"^(?:\w+ /api/v1/(?:me|sessions)(?:/.*)?|POST /api/v1/holds/[^/]+/appeal)$"
)


def get_runtime(request: Request) -> Runtime:
    """Return the tools of this process."""
    runtime: Runtime = request.app.state.runtime
    return runtime


def get_settings(request: Request) -> Settings:
    """Return the settings this process was started with."""
    settings: Settings = request.app.state.settings
    return settings


def network_of(request: Request, settings: Settings) -> str | None:
    """Return the network a request is counted with; None where nobody we trust tells it."""
    direct = request.client.host if request.client else None
    forwarded = request.headers.getlist("x-forwarded-for")
    trusted = networks_of(settings.trusted_proxies)
    return asks.network_of(client_address(direct, forwarded, trusted))


async def get_db(request: Request) -> AsyncIterator[AsyncSession]:
    """One transaction a request, committed before the answer is sent; then ring the workers.

    Function scope matters: FastAPI ends an ordinary dependency after the answer, where a
    failing commit could no longer be told.
    """
    runtime = get_runtime(request)
    async with transaction(runtime.sessions) as session:
        request.state.db = session
        yield session
    if session.info.get(PENDING_MARK):
        await runtime.doorbell.ring(REACT_JOB)


Db = Annotated[AsyncSession, Depends(get_db, scope="function")]
Tools = Annotated[Runtime, Depends(get_runtime)]
Configuration = Annotated[Settings, Depends(get_settings)]


def cookie_name(settings: Settings) -> str:
    """Return the session cookie's name; browsers bind `__Host-` to this host over HTTPS."""
    return "__Host-tornallom" if settings.secure else "tornallom"


def check_same_origin(request: Request, settings: Settings) -> None:
    """Refuse a write that a browser sends on another site's behalf."""
    if request.method in READ_METHODS:
        return
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    own = {settings.origin, f"{urlsplit(settings.origin).scheme}://{request.headers.get('host')}"}
    if site not in {"same-origin", "none"} or (origin is not None and origin not in own):
        raise ForbiddenError("cross_site_refused")


async def get_actor(request: Request, db: Db, settings: Configuration) -> Actor:
    """Find out who is asking: a tool by its token, a person by their session, or nobody."""
    actor = await find_actor(request, db, settings)
    if "idempotency-key" in request.headers:
        await take_idempotency_key(request, db, actor, await request.body())
    return actor


async def find_actor(request: Request, db: AsyncSession, settings: Settings) -> Actor:
    """As `get_actor`, without reading the body."""
    request_id: str = request.state.request_id
    bearer = request.headers.get("authorization", "")
    if bearer:
        kind, _, token = bearer.partition(" ")
        actor = await identity.actor_of_token(db, token.strip() if kind.lower() == "bearer" else "")
    else:
        check_same_origin(request, settings)
        actor = await _actor_of_cookie(request, db, settings)
    request.state.language = actor.language
    if request.method not in READ_METHODS and not _stays_open(request, actor):
        actor.require_unlimited()
    return actor.within(request_id)


def _stays_open(request: Request, actor: Actor) -> bool:
    asked = f"{request.method} {request.scope['path']}"
    leaves = request.method == "DELETE" and asked.endswith(f"/members/{actor.account_id}")
    return leaves or _OPEN_TO_LIMITED.match(asked) is not None


async def _actor_of_cookie(request: Request, db: AsyncSession, settings: Settings) -> Actor:
    secret = request.cookies.get(cookie_name(settings))
    actor = await identity.actor_of_session(db, secret) if secret else None
    if actor is None:
        return replace(ANONYMOUS)
    if request.method not in READ_METHODS and CSRF_HEADER not in request.headers:
        raise ForbiddenError("csrf_header_missing")
    return actor


async def take_idempotency_key(
    request: Request, db: AsyncSession, actor: Actor, raw_body: bytes
) -> None:
    """Answer what was answered before under this key, or take it for this request."""
    raw = request.headers.get("idempotency-key")
    if raw is None or request.method != "POST" or _SECRET_ROUTES.match(request.scope["path"]):
        return
    key = idempotency.clean_key(raw)
    # A tool with fewer rights must not be told what the person's own browser was answered.
    reach = "" if actor.scopes is None else ",".join(sorted(actor.scopes))
    scope = f"{actor.account_id or 'anonymous'} {request.scope['path']} {reach}"[:200]
    kept = await idempotency.claim_key(db, scope, key, body_hash(request, raw_body))
    if kept is not None:
        raise ReplayedError(kept)
    request.state.idempotency = (scope, key)


def require_idempotency_key(request: Request) -> None:
    """Refuse a write with lasting effect that could not be told from its own retry."""
    if "idempotency-key" not in request.headers:
        raise MalformedError("idempotency_key_required")


Caller = Annotated[Actor, Depends(get_actor, scope="function")]
WithKey = Depends(require_idempotency_key)


class Needs:
    """A dependency that lets only credentials of one scope through."""

    def __init__(self, scope: Scope) -> None:
        """`scope` is what a token must have been given."""
        self.scope = scope

    def __call__(self, actor: Caller) -> Actor:
        """Return the actor, signed in and far-reaching enough."""
        actor.require(self.scope)
        return actor


def _signed_in(actor: Caller) -> Actor:
    actor.signed_in()
    return actor


def _in_person(actor: Caller) -> Actor:
    actor.require_session()
    return actor


def _steward(actor: Caller) -> Actor:
    actor.require_steward()
    return actor


def _needs_reader(actor: Caller) -> Actor:
    """Anybody may look at listed needs, but a tool only where its token says so."""
    if not actor.allows(Scope.NEEDS_READ):
        raise ForbiddenError("scope_missing", scope=Scope.NEEDS_READ.value)
    return actor


NeedsReader = Annotated[Actor, Depends(_needs_reader, scope="function")]
SignedIn = Annotated[Actor, Depends(_signed_in, scope="function")]
InPerson = Annotated[Actor, Depends(_in_person, scope="function")]
Steward = Annotated[Actor, Depends(_steward, scope="function")]
NeedsWriter = Annotated[Actor, Depends(Needs(Scope.NEEDS_WRITE), scope="function")]
ClaimsReader = Annotated[Actor, Depends(Needs(Scope.CLAIMS_READ), scope="function")]
ClaimsWriter = Annotated[Actor, Depends(Needs(Scope.CLAIMS_WRITE), scope="function")]
LedgerReader = Annotated[Actor, Depends(Needs(Scope.LEDGER_READ), scope="function")]
OrganisationsWriter = Annotated[Actor, Depends(Needs(Scope.ORGANISATIONS_WRITE), scope="function")]
ProfileWriter = Annotated[Actor, Depends(Needs(Scope.PROFILE_WRITE), scope="function")]
PeersWriter = Annotated[Actor, Depends(Needs(Scope.PEERS_WRITE), scope="function")]

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX, description="How many items at most.")]
Cursor = Annotated[str | None, Query(max_length=512, description="Where the last page ended.")]
DEFAULT_LIMIT = LIMIT_DEFAULT


def get_expected_version(request: Request) -> int:
    """Read If-Match: the version the change was made from (RFC 9110 §13.1.1)."""
    raw = request.headers.get("if-match", "").strip().strip('"')
    if not raw:
        raise PreconditionRequiredError("if_match_required")
    if not raw.isascii() or not raw.isdigit() or len(raw) > 9:
        raise MalformedError("if_match_invalid")
    return int(raw)


ExpectedVersion = Annotated[int, Depends(get_expected_version)]


def set_version(response: Response, version: int) -> None:
    """Write the strong ETag of an object's version."""
    response.headers["ETag"] = f'"{version}"'


def set_next_link(request: Request, response: Response, cursor: str | None) -> None:
    """Write RFC 8288's `Link: rel=next` for lists."""
    if cursor is not None:
        asked = request.query_params.multi_items()
        query = urlencode([*(pair for pair in asked if pair[0] != "cursor"), ("cursor", cursor)])
        response.headers["Link"] = f'<{request.scope["path"]}?{query}>; rel="next"'

"""What all addresses share that other servers call: how they are asked, and how they refuse."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.routing import Match
from starlette.types import Scope

from app.api.dependencies import get_settings, network_of
from app.api.errors import PROBLEM, problem_of
from app.errors import AppError, kind_of
from app.federation.peers.identity import Identity
from app.federation.verification import Received
from app.federation.wire.context import ACTIVITY_JSON, ACTIVITY_MEDIA_TYPES
from app.federation.wire.problems import MALFORMED, RATE_LIMIT, TOO_LARGE, RefusedError
from app.infra import clock
from app.infra.canonical import canonical_json
from app.infra.signatures import HttpAnswer

PRIVATE = {"Cache-Control": "private, no-store", "Vary": "Signature"}
PUBLIC = {"Cache-Control": "public, max-age=300", "Access-Control-Allow-Origin": "*"}
_PROBLEM_OF_STATUS = {413: TOO_LARGE, 429: RATE_LIMIT}


class PeerRoute(APIRoute):
    """A route for machines of peers: refusals are told as the profile's problem types."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap FastAPI's handler."""
        handle = super().get_route_handler()

        async def handle_refusals(request: Request) -> Response:
            try:
                return await handle(request)
            except RefusedError as refused:
                return refusal_answer(request, refused)
            except AppError as error:
                if error.status not in _PROBLEM_OF_STATUS:
                    raise
                return refusal_answer(request, RefusedError(_PROBLEM_OF_STATUS[error.status]))

        return handle_refusals


class ActivityRoute(PeerRoute):
    """A route that exists only for who asks for ActivityStreams; people get the page."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match as usual, when the first wanted media type is one of ours."""
        if scope["type"] == "http" and not wants_activity(Headers(scope=scope).get("accept", "")):
            return Match.NONE, {}
        return super().matches(scope)


def wants_activity(accept: str) -> bool:
    """Whether a client asks for ActivityStreams rather than for a page."""
    kinds = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    return next((kind in ACTIVITY_MEDIA_TYPES for kind in kinds if kind), False)


def received_of(request: Request, body: bytes = b"") -> Received:
    """Take a request as it came over the wire, before anything was decoded."""
    raw_path: bytes = request.scope.get("raw_path") or request.url.path.encode()
    try:
        lines = [
            (name.decode("ascii"), value.decode("ascii")) for name, value in request.headers.raw
        ]
        path = raw_path.partition(b"?")[0].decode("ascii")
        query = request.scope["query_string"].decode("ascii")
    except UnicodeDecodeError as error:
        raise RefusedError(MALFORMED, "not ASCII") from error
    network = network_of(request, get_settings(request))
    return Received(request.method, path, query, lines, body, network)


def refusal_answer(request: Request, refused: RefusedError) -> Response:
    """Tell a peer why; the type is what its software acts by."""
    error = AppError(f"federation_{refused.problem.code.replace('-', '_')}")
    error.status = refused.problem.status  # type: ignore[misc]
    error.kind = kind_of(error.status)  # type: ignore[misc]
    document = {**problem_of(request, error), "type": refused.problem.type}
    document["code"] = refused.problem.code
    headers = {**refused.headers, "Date": clock.now().strftime("%a, %d %b %Y %H:%M:%S GMT")}
    return JSONResponse(document, refused.problem.status, headers=headers, media_type=PROBLEM)


def signed_answer(origin: str, ours: Identity, received: Received, body: bytes) -> Response:
    """Answer a peer, signed together with its request."""
    lines = [("Content-Type", ACTIVITY_JSON)]
    asked = received.signed_as(origin)
    headers = ours.sign_answer(HttpAnswer(200, lines, body, asked))
    return Response(body, headers={**headers, **PRIVATE})


def activity_answer(
    document: dict[str, Any], headers: dict[str, str], status: int = 200
) -> Response:
    """Answer with a document of ActivityStreams."""
    body = canonical_json(document)
    return Response(body, status, media_type=ACTIVITY_JSON, headers=headers)

"""The route class of the API: strict bodies, strict queries, answers kept under their key."""

import hashlib
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import unquote_to_bytes

from fastapi import params
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from app.domain.activity import idempotency
from app.errors import FieldError, InvalidError, MalformedError, UnsupportedError
from app.infra.strict_json import StrictJsonError, check_text, parse_json

READ_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class ReplayedError(Exception):
    """Not a failure: the answer under this Idempotency-Key was given before."""

    def __init__(self, answer: idempotency.KeptAnswer) -> None:
        """`answer` is what was answered the first time."""
        super().__init__("replayed")
        self.answer = answer


class StrictRoute(APIRoute):
    """Reads the body itself, before FastAPI does, and refuses what it would silently accept."""

    reads_body = True

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap FastAPI's handler."""
        handle = super().get_route_handler()
        wants_json = self.body_field is not None and not isinstance(
            self.body_field.field_info, params.Form
        )
        known = _query_names(self)

        async def handle_strictly(request: Request) -> Response:
            _check_target(request, known)
            if self.reads_body and request.method not in READ_METHODS:
                await self.admit(request)
                await _read_body(request, wants_json=wants_json)
            try:
                response = await handle(request)
            except ReplayedError as replay:
                return _replayed(replay.answer)
            await _keep(request, response)
            return response

        return handle_strictly

    async def admit(self, request: Request) -> None:
        """Refuse who may not send a body here, before any of it is read."""


class UploadRoute(StrictRoute):
    """Leaves the body to the route, which looks who is asking before it takes a large one in."""

    reads_body = False


def body_hash(request: Request, raw: bytes) -> bytes:
    """Fingerprint a request, so that a key used again for another one is noticed."""
    target = f"{request.method} {request.scope['path']}?".encode()
    return hashlib.sha256(target + request.scope["query_string"] + b"\n" + raw).digest()


def _query_names(route: APIRoute) -> frozenset[str]:
    names: set[str] = set()
    waiting: list[Dependant] = [route.dependant]
    while waiting:
        dependant = waiting.pop()
        waiting.extend(dependant.dependencies)
        for field in dependant.query_params:
            model = getattr(field.field_info.annotation, "model_fields", None)
            names.update(model or {field.alias})
    return frozenset(names)


def _check_target(request: Request, known: frozenset[str]) -> None:
    try:
        # Starlette would put a replacement character where the bytes are no UTF-8.
        unquote_to_bytes(request.scope.get("raw_path") or b"").decode()
        unquote_to_bytes(request.scope["query_string"]).decode()
    except UnicodeDecodeError:
        raise MalformedError("json_not_utf8") from None
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        errors = [FieldError(f"?{name[:60]}", "extra_forbidden") for name in unknown[:10]]
        raise InvalidError("validation_failed", errors=errors)
    try:
        for text in (*request.query_params.values(), *request.path_params.values()):
            check_text(str(text))
    except StrictJsonError as error:
        raise MalformedError(f"json_{error.code}") from None


async def _read_body(request: Request, *, wants_json: bool) -> None:
    raw = await request.body()
    if request.headers.get("content-encoding", "identity") != "identity":
        raise UnsupportedError("content_encoding")
    if not wants_json:
        return
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise UnsupportedError("json_expected")
    try:
        request._json = parse_json(raw)  # noqa: SLF001 - where Starlette itself keeps it
    except StrictJsonError as error:
        raise MalformedError(f"json_{error.code}") from None


def _replayed(answer: idempotency.KeptAnswer) -> Response:
    headers = {**answer.headers, "Idempotent-Replayed": "true"}
    return Response(answer.body, status_code=answer.status, headers=headers)


async def _keep(request: Request, response: Response) -> None:
    kept = getattr(request.state, "idempotency", None)
    if kept is None:
        return
    names = ("content-type", "location", "etag")
    headers = {name: response.headers[name] for name in names if name in response.headers}
    answer = idempotency.KeptAnswer(response.status_code, headers, bytes(response.body))
    scope, key = kept
    await idempotency.keep_answer(request.state.db, scope, key, answer)

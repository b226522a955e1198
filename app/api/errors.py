"""Every failure as an RFC 9457 problem in the person's language, with nothing in it to hide."""

import traceback
from collections.abc import Sequence
from functools import partial
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from app.errors import (
    AppError,
    ConflictError,
    FieldError,
    InvalidError,
    MalformedError,
    UnavailableError,
)
from app.infra.i18n import exists, negotiate, translate

PROBLEM = "application/problem+json"
_HTTP_CODES = {404: "not_found", 405: "method_not_allowed", 406: "not_acceptable"}
# Somebody else was faster: unique, foreign key, exclusion. Any other constraint that refuses
# what we wrote is a fault of ours.
RACED = frozenset({"23505", "23503", "23P01"})
_log = structlog.get_logger("app.errors")


def language_of(request: Request) -> str:
    """Return the language to answer in: the account's, else what the browser asks for."""
    return negotiate(
        request.headers.get("accept-language"), getattr(request.state, "language", None)
    )


def problem_of(request: Request, error: AppError, language: str = "") -> dict[str, Any]:
    """Return the problem document (RFC 9457 §3) of an error."""
    language = language or language_of(request)
    text = _text(language, f"error.{error.code}", error.params)
    document: dict[str, Any] = {
        "type": f"/problems/{error.code}",
        "title": _text(language, f"error.kind.{error.kind}", {}),
        "status": error.status,
        "detail": text or _text(language, f"error.kind.{error.kind}", {}),
        "instance": f"urn:request:{getattr(request.state, 'request_id', '-')}",
        "code": error.code,
        "errors": [_field(language, item) for item in error.errors],
    }
    return {**error.extra, **document}


def _field(language: str, item: FieldError) -> dict[str, str]:
    # What has no words for its field alone says why the whole was refused.
    own = (_text(language, f"error.{name}{item.code}", item.params) for name in ("field.", ""))
    message = next(filter(None, own), "") or _text(language, "error.field.invalid", {})
    return {"pointer": item.pointer, "code": item.code, "message": message}


def _text(language: str, message_id: str, params: Any) -> str:
    return translate(language, message_id, **params) if exists(message_id) else ""


async def answer_error(request: Request, error: AppError) -> Response:
    """Answer one error, as a page where a person reads pages."""
    if error.status >= 500 and not isinstance(error, UnavailableError):
        _log.error("error", code=error.code, where=_where(error))
    if _wants_page(request):
        # The page knows better which language its reader chose.
        rendered: Response = await request.app.state.render_problem(
            request, error.status, partial(problem_of, request, error)
        )
        rendered.headers.update(error.headers)
        return rendered
    document = problem_of(request, error)
    return JSONResponse(document, error.status, headers=error.headers, media_type=PROBLEM)


def _wants_page(request: Request) -> bool:
    if request.scope["path"].startswith(("/api/", "/inbox", "/actor", "/.well-known/", "/fed/")):
        return False
    accepted = request.headers.get("accept", "")
    return "text/html" in accepted and hasattr(request.app.state, "render_problem")


async def _answer_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - how Starlette registers it
    code = _HTTP_CODES.get(error.status_code, "request_refused")
    plain = AppError(code)
    plain.status = error.status_code  # type: ignore[misc]
    plain.kind = "not_found" if error.status_code == 404 else "malformed"  # type: ignore[misc]
    answer = await answer_error(request, plain)
    answer.headers.update(error.headers or {})
    return answer


async def _answer_app(request: Request, error: Exception) -> Response:
    assert isinstance(error, AppError)  # noqa: S101
    return await answer_error(request, error)


async def _answer_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    found = field_errors(error.errors())
    return await answer_error(request, InvalidError("validation_failed", errors=found))


def field_errors(found: Sequence[Any]) -> list[FieldError]:
    """Translate Pydantic's findings; never the input itself, which may be a password."""
    errors = []
    for item in list(found)[:50]:
        place = [str(part)[:60] for part in item["loc"]]
        inside = place[1:] if place and place[0] in {"body", "query", "path"} else place
        pointer = "?" + ".".join(inside) if place[:1] == ["query"] else "/" + "/".join(inside)
        numbers = {
            key: value
            for key, value in item.get("ctx", {}).items()
            if isinstance(value, int | float) or key == "expected"
        }
        errors.append(FieldError(pointer, item["type"], numbers))
    return errors


async def _answer_left(request: Request, _: Exception) -> Response:
    """Nobody reads this answer; it keeps a caller who left from looking like a fault of ours."""
    return await answer_error(request, MalformedError("body_incomplete"))


async def _answer_database(request: Request, error: Exception) -> Response:
    return await answer_error(request, _database_error(error))


def _database_error(error: Exception) -> AppError:
    state = getattr(getattr(error, "orig", None), "sqlstate", "") or ""
    if state in RACED:
        return ConflictError("conflicting_change", detail=state)
    if state[:2] == "22":  # data exceptions: a value no column can hold
        return InvalidError("value_unacceptable", detail=state)
    lost = isinstance(error, OperationalError | InterfaceError | PoolTimeoutError | OSError)
    # A server that dies in the middle of an answer shows as any error on a connection now closed.
    lost = lost or getattr(error, "connection_invalidated", False)
    if lost or state[:2] in {"08", "53", "57", "40", "55"}:
        return UnavailableError("database_unavailable", detail=state)
    _log.error("database error", error=type(error).__name__, code=state, where=_where(error))
    return AppError("internal")


async def answer_unexpected(request: Request, error: Exception) -> Response:
    """Answer what nobody foresaw: a 500 that tells nothing, and a log line that tells where."""
    _log.error("unexpected", error=type(error).__name__, where=_where(error))
    return await answer_error(request, AppError("internal"))


def _where(error: BaseException) -> str:
    """Say where it happened, without the message: messages hold people's data."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    return " > ".join(f"{f.filename.rpartition('/')[2]}:{f.lineno} {f.name}" for f in frames)


def install_error_handlers(app: FastAPI) -> None:
    """Make every failure of the application a problem."""
    app.add_exception_handler(AppError, _answer_app)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(RequestValidationError, _answer_validation)
    app.add_exception_handler(ClientDisconnect, _answer_left)
    for kind in (DBAPIError, PoolTimeoutError, ConnectionError, OSError):
        app.add_exception_handler(kind, _answer_database)

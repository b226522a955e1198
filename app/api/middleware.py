"""What every request passes, pages and API alike: an id, a size limit, headers, one log line."""

import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import TooLargeError
from app.infra.ids import private_id

CONTENT_SECURITY_POLICY = "; ".join(  # noqa: FLY002 - one directive a line
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "object-src 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types svelte-trusted-html",
    )
)
SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
# For the log line only: what nginx writes when the asker went away meanwhile.
GONE_BEFORE_THE_END = 499
_PUBLIC_READ = re.compile(r"^/api/v1/(needs|organisations|skills|instance|openapi\.json)")
_log = structlog.get_logger("app.request")


class RequestMiddleware:
    """Pure ASGI, so that streamed answers stay streams and context variables reach the routes."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        secure: bool,
        body_max_bytes: int,
        body_limits: dict[str, int],
        answer_unexpected: Callable[[Request, Exception], Awaitable[Response]],
    ) -> None:
        """`body_limits` maps beginnings of paths, as patterns, to limits of their own."""
        self.answer_unexpected = answer_unexpected
        self.app = app
        self.secure = secure
        self.body_max_bytes = body_max_bytes
        self.body_limits = body_limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = private_id().hex
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started, status = time.perf_counter(), 500

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._add_headers(scope, message, request_id)
            await send(message)

        try:
            await self._serve(scope, self._limited(scope, receive), send_with_headers)
        except ClientDisconnect:
            status = GONE_BEFORE_THE_END
        finally:
            route = getattr(scope.get("route"), "path", "-")
            milliseconds = round((time.perf_counter() - started) * 1000, 1)
            _log.info(
                "request",
                method=scope["method"] if scope["method"].isalpha() else "-",
                route=route,
                status=status,
                milliseconds=milliseconds,
            )

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what nobody foresaw here: Starlette's own last resort logs people's data."""
        begun = False

        async def send_noting(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, send_noting)
        except ClientDisconnect:
            raise  # nobody is left to answer, and it is no fault of ours
        except Exception as error:
            if begun:
                raise
            answer = await self.answer_unexpected(Request(scope, receive), error)
            await answer(scope, receive, send)

    def _limited(self, scope: Scope, receive: Receive) -> Callable[[], Awaitable[Message]]:
        limit = self.body_max_bytes
        for beginning, other in self.body_limits.items():
            if re.match(beginning, scope["path"]):
                limit = other
        too_long = _declares_more(Headers(scope=scope).get("content-length", ""), limit)
        read = 0

        async def receive_limited() -> Message:
            nonlocal read
            if too_long:
                raise TooLargeError("body_too_large", limit=_size(limit))
            message = await receive()
            if message["type"] == "http.request":
                read += len(message.get("body", b""))
                if read > limit:
                    raise TooLargeError("body_too_large", limit=_size(limit))
            return message

        return receive_limited

    def _add_headers(
        self, scope: Scope, message: MutableMapping[str, Any], request_id: str
    ) -> None:
        headers = MutableHeaders(raw=message["headers"])
        message["headers"] = headers.raw
        for name, value in SECURITY_HEADERS.items():
            headers.setdefault(name, value)
        if self.secure:
            headers.setdefault("Strict-Transport-Security", "max-age=63072000")
        headers["X-Request-Id"] = request_id
        if scope["path"].startswith("/api/"):
            self._add_api_headers(scope, headers)

    @staticmethod
    def _add_api_headers(scope: Scope, headers: MutableHeaders) -> None:
        headers.setdefault("Cache-Control", "no-store")
        asked = Headers(scope=scope)
        anonymous = "cookie" not in asked and "authorization" not in asked
        if anonymous and scope["method"] == "GET" and _PUBLIC_READ.match(scope["path"]):
            headers["Access-Control-Allow-Origin"] = "*"
            headers["Access-Control-Expose-Headers"] = "ETag, Link, X-Request-Id"
            headers["Cross-Origin-Resource-Policy"] = "cross-origin"


def _size(limit: int) -> str:
    """Write a limit as people know it from their files."""
    return f"{limit // 1_000_000} MB" if limit >= 1_000_000 else f"{limit // 1_000} kB"


def _declares_more(declared: str, limit: int) -> bool:
    """Say whether a Content-Length is beyond the limit; one that is no number says nothing."""
    digits = declared.strip()
    if not digits.isascii() or not digits.isdigit():
        return False
    return len(digits) > 18 or int(digits) > limit

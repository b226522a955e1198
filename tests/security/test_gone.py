"""Askers who go away in the middle: no fault of ours, and no line that looks like one."""

import logging
from typing import Any

import pytest

from tests.factories.world import World

PATHS = ("/api/v1/sessions", "/api/v1/imports", "/sign-in", "/inbox")


@pytest.mark.parametrize("path", PATHS)
async def test_a_body_that_never_ends_is_no_fault(
    world: World, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    await world.set_up()
    kind = b"application/x-www-form-urlencoded" if path == "/sign-in" else b"application/json"
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1:8080"), (b"content-type", kind)],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8080),
        "app": world.application,
    }
    messages = [{"type": "http.request", "body": b"{", "more_body": True}]

    async def receive() -> dict[str, Any]:
        return messages.pop() if messages else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        """Whatever is sent reaches nobody."""

    with caplog.at_level(logging.INFO):
        await world.application(scope, receive, send)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []

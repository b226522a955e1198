"""What arrives at an instance, as it stood on the wire, before anything of ours has read it."""

from dataclasses import dataclass
from typing import Any

import http_sf
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.infra import clock
from tests.factories.instances import Instance
from tests.factories.world import Json
from tests.interop.javascript import to_base64


@dataclass(frozen=True)
class Heard:
    """A request to an instance."""

    method: str
    url: str
    lines: list[tuple[str, str]]
    body: bytes
    at: int

    @property
    def key_id(self) -> str:
        """The key that its one signature names."""
        parsed: Any = http_sf.parse(
            dict(self.lines)["signature-input"].encode(), tltype="dictionary"
        )
        ((_, parameters),) = parsed.values()
        return str(parameters["keyid"])

    def told(self) -> Json:
        """Write it so that another program reads it."""
        return {
            "method": self.method,
            "url": self.url,
            "lines": list(self.lines),
            "body": to_base64(self.body),
        }


def record(instance: Instance) -> list[Heard]:
    """Begin to note the posts to an instance; answers the list that grows."""
    assert instance.server is not None
    heard: list[Heard] = []
    inner: ASGIApp = instance.server.config.loaded_app

    async def noting(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await inner(scope, receive, send)
            return
        chunks: list[bytes] = []

        async def listening() -> Message:
            message = await receive()
            chunks.append(message.get("body", b""))
            return message

        await inner(scope, listening, send)
        lines = [(name.decode(), value.decode()) for name, value in scope["headers"]]
        url = instance.origin + scope["raw_path"].decode()
        at = int(clock.now().timestamp())
        heard.append(Heard(scope["method"], url, lines, b"".join(chunks), at))

    instance.server.config.loaded_app = noting
    return heard


def kind_of(said: Json) -> str:
    """Name a message by its type and what it is about."""
    about = said["object"]
    if "result" in said and said["type"] == "Accept":
        return "Accept Agreement"
    if not isinstance(about, dict):
        return str(said["type"])
    return f"{said['type']} {'Receipt' if 'credential' in about else about['type']}"

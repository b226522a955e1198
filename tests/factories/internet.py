"""An internet of the test's own: names, servers that answer, and a note of every call made.

It stands where connections are made, so whatever goes out is seen: the system's resolver is
never asked, and no connection leaves this machine.
"""

import asyncio
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpcore
import pytest

from app.infra.http_client import OutboundPolicy

OUTSIDE = "93.184.215.14"
Serve = Callable[[bytes], bytes]


def answer(status: int, body: bytes = b"", **headers: str) -> bytes:
    """Write an answer as it goes over the wire."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


class _Line(httpcore.AsyncNetworkStream):
    """A connection to a server that answers at once."""

    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self._asked = b""
        self._left: bytes | None = None

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        if self._left is None:
            self._left = self._serve(self._asked)
        part, self._left = self._left[:max_bytes], self._left[max_bytes:]
        return part

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        self._asked += buffer

    async def aclose(self) -> None:
        """Nothing is held."""

    async def start_tls(self, *args: Any, **kwargs: Any) -> "httpcore.AsyncNetworkStream":
        return self

    def get_extra_info(self, info: str) -> Any:
        return None


@dataclass
class Internet:
    """Who is where, what they answer, and who was called."""

    serve: Serve = lambda _: answer(404)
    # What a name leads to, look-up by look-up; the last answer stays.
    names: dict[str, list[Sequence[str]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    dialled: list[str] = field(default_factory=list)
    past_the_guard: list[str] = field(default_factory=list)

    def policy(self) -> OutboundPolicy:
        """The policy of a process on this internet."""
        return OutboundPolicy(resolver=self._resolve)

    def forget(self) -> None:
        """Begin to note anew."""
        for noted in (self.asked, self.dialled, self.past_the_guard):
            noted.clear()

    @property
    def inside(self) -> list[str]:
        """Every call that should never have been made."""
        return [each for each in self.dialled if each != OUTSIDE] + self.past_the_guard

    async def _resolve(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        answers = self.names.get(host, [[OUTSIDE]])
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def stand_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Take the place of the network until the test ends."""
        connect, look_up = socket.socket.connect, asyncio.BaseEventLoop.getaddrinfo

        async def dial(_: object, host: str, *args: object, **kwargs: object) -> _Line:
            self.dialled.append(host)
            if host != OUTSIDE:
                raise httpcore.ConnectError
            return _Line(self.serve)

        def note_connect(sock: socket.socket, address: Any) -> None:
            # Our own servers are on loopback above the ports of the system.
            if isinstance(address, tuple) and int(address[1]) < 1024:
                self.past_the_guard.append(f"{address[0]}:{address[1]}")
            connect(sock, address)

        async def note_look_up(loop: Any, host: Any, port: Any, **kwargs: Any) -> Any:
            if isinstance(port, int) and port < 1024:
                self.past_the_guard.append(f"{host}:{port}")
            return await look_up(loop, host, port, **kwargs)

        monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", dial)
        monkeypatch.setattr(socket.socket, "connect", note_connect)
        monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", note_look_up)

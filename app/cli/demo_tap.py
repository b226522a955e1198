"""A wire tap before one of the demo's own instances: passes everything on, keeps signed messages.

It stands at the instance's public address, so what it keeps is what really went over the wire.
"""

import asyncio
import contextlib
import socket
from collections import deque
from collections.abc import MutableSequence
from dataclasses import dataclass
from typing import Self

KEPT_MAX = 200
CHUNK = 65_536
HEADER_BYTES_MAX = 65_536
BODY_BYTES_MAX = 1_048_576


@dataclass(frozen=True)
class Captured:
    """A request as it went by."""

    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """Return a header's value, or an empty text."""
        return next((value for key, value in self.headers if key.lower() == name), "")


class Tap:
    """Listens at one address and passes on to a port of this machine."""

    def __init__(self, place: socket.socket, port: int) -> None:
        """`place` listens already; `port` is where the instance itself answers."""
        self._place = place
        self._port = port
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self.messages: deque[Captured] = deque(maxlen=KEPT_MAX)

    async def __aenter__(self) -> Self:
        """Begin to listen."""
        self._server = await asyncio.start_server(self._accept, sock=self._place)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop listening, and end what is still connected."""
        if self._server is not None:
            self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._pass_on(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inward, outward = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            writer.close()
            return
        listener = Listener(self.messages)
        try:
            await asyncio.gather(_pump(reader, outward, listener), _pump(inward, writer, None))
        finally:
            for each in (outward, writer):
                each.close()


async def _pump(
    source: asyncio.StreamReader, target: asyncio.StreamWriter, listener: "Listener | None"
) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(CHUNK):
            if listener is not None:
                listener.hear(data)
            target.write(data)
            await target.drain()
    with contextlib.suppress(OSError):
        target.write_eof()


class Listener:
    """Reads the requests of one connection as they go by; gives up on what it does not know."""

    def __init__(self, messages: MutableSequence[Captured]) -> None:
        """Signed messages are added to `messages`."""
        self._messages = messages
        self._heard = b""
        self._deaf = False

    def hear(self, data: bytes) -> None:
        """Take in what was just sent."""
        if self._deaf:
            return
        self._heard += data
        while self._take_one():
            pass
        if len(self._heard) > HEADER_BYTES_MAX + BODY_BYTES_MAX:
            self._deaf = True

    def _take_one(self) -> bool:
        head, end, rest = self._heard.partition(b"\r\n\r\n")
        if not end:
            return False
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = tuple((n.strip(), v.strip()) for n, _, v in (line.partition(":") for line in lines))
        request = Captured(first, pairs, b"")
        length = request.header("content-length") or "0"
        if request.header("transfer-encoding") or not length.isdigit():
            self._deaf = True
            return False
        if len(rest) < int(length):
            return False
        body, self._heard = rest[: int(length)], rest[int(length) :]
        method, _, target = first.partition(" ")
        if method == "POST" and request.header("signature"):
            self._messages.append(Captured(target.partition(" ")[0], pairs, body))
        return True

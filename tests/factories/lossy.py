"""A network that loses things: a proxy before a real server, with faults drawn by a seed.

It understands one request a connection, which is all that a client with a fresh connection for
each request needs, and is what makes each fault exact.
"""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum

CHUNK = 65_536


class Fault(StrEnum):
    """What happens to a request on its way."""

    NONE = "none"
    REQUEST_LOST = "request lost"  # the server never sees it
    REQUEST_CUT = "request cut"  # the server sees half of it
    RESPONSE_LOST = "response lost"  # it took effect, and nobody is told
    RESPONSE_CUT = "response cut"  # it took effect, and half the answer arrives
    DOUBLED = "doubled"  # it arrives twice at the same time


# Three of eight go well: most intents meet a fault, many meet several.
DRAWN = [*Fault, Fault.NONE, Fault.NONE]


class LossyProxy:
    """Passes requests on to 127.0.0.1:`port`, or does not."""

    def __init__(self, port: int, seed: int) -> None:
        """Faults follow from the seed and from the order of arrival."""
        self.port = port
        self.happened: Counter[str] = Counter()
        self._random = random.Random(seed)
        self._server: asyncio.Server | None = None

    @property
    def origin(self) -> str:
        """Where the network begins."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    @asynccontextmanager
    async def running(self) -> AsyncIterator["LossyProxy"]:
        """Listen until left."""
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0, backlog=512)
        async with self._server:
            yield self

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            request = await _read_message(reader)
            fault = self._draw()
            self.happened[fault] += 1
            writer.write(await self._answer(request, fault))
            await writer.drain()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    def _draw(self) -> str:
        fault: Fault = self._random.choice(DRAWN)
        return fault

    async def _answer(self, request: bytes, fault: str) -> bytes:
        if fault == Fault.REQUEST_LOST:
            return b""
        if fault == Fault.REQUEST_CUT:
            await self._pass_on(request[: len(request) - max(1, len(request) // 3)], whole=False)
            return b""
        if fault == Fault.DOUBLED:
            return (await asyncio.gather(self._pass_on(request), self._pass_on(request)))[0]
        answer = await self._pass_on(request)
        if fault == Fault.RESPONSE_CUT:
            return answer[: len(answer) // 2]
        return b"" if fault == Fault.RESPONSE_LOST else answer

    async def _pass_on(self, request: bytes, *, whole: bool = True) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(request)
            await writer.drain()
            return await _read_message(reader) if whole else b""
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def _read_message(reader: asyncio.StreamReader) -> bytes:
    """Read one HTTP/1.1 message whose length its head tells."""
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return head + await reader.readexactly(int(value))
    return head

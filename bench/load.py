"""A load generator that costs little: raw HTTP/1.1 over kept connections. Nothing of app."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Answers:
    """What came back, and how long it took."""

    seconds: float = 0.0
    statuses: dict[int, int] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds


def request(method: str, target: str, headers: Sequence[str] = (), body: bytes = b"") -> bytes:
    """Write one request; headers of one's own replace the usual ones."""
    lines = [f"{method} {target} HTTP/1.1", *headers]
    given = {line.partition(":")[0].lower() for line in headers}
    usual = {"Host": "127.0.0.1"}
    if body:
        usual |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    lines += [f"{name}: {value}" for name, value in usual.items() if name.lower() not in given]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def ask(port: int, sent: bytes) -> tuple[int, bytes]:
    """Send one request on a connection of its own and return status and body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        return await _exchange(reader, writer, sent)
    finally:
        writer.close()


async def drive(port: int, requests: Sequence[bytes], connections: int) -> Answers:
    """Send all requests over some connections, each taking the next one when it is free."""
    answers = Answers()
    waiting = list(reversed(requests))
    opened = await asyncio.gather(
        *(asyncio.open_connection("127.0.0.1", port, limit=2**20) for _ in range(connections))
    )

    async def work(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while waiting:
            begun = time.perf_counter()
            status, _ = await _exchange(reader, writer, waiting.pop())
            answers.latencies.append(time.perf_counter() - begun)
            answers.statuses[status] = answers.statuses.get(status, 0) + 1

    begun = time.perf_counter()
    await asyncio.gather(*(work(reader, writer) for reader, writer in opened))
    answers.seconds = time.perf_counter() - begun
    for _, writer in opened:
        writer.close()
    return answers


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sent: bytes
) -> tuple[int, bytes]:
    writer.write(sent)
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
    return int(head[9:12]), await reader.readexactly(length)

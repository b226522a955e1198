"""The door of the peer edge: who is slow or many delays nobody else."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
from starlette.types import Message, Receive, Scope, Send

from app.api import admission
from app.api.admission import AT_ONCE, WAITING_MAX, Admission
from tests.factories.instances import Pair
from tests.factories.internet import OUTSIDE

KEY_ID = 'sig1=("@method");keyid="{}/actor#k";tag="ma-fed"'


def request_of(origin: str, host: str = "192.0.2.1") -> Scope:
    """A signed request of an origin, as a server hands it on."""
    headers = [(b"signature", b"sig1=:AA==:"), (b"signature-input", KEY_ID.format(origin).encode())]
    return {"type": "http", "method": "POST", "path": "/inbox", "headers": headers,
            "query_string": b"", "client": (host, 1)}  # fmt: skip


class Inside:
    """An application that holds everybody until told."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.there: list[str] = []
        self.most = 0
        self.done = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        origin = dict(scope["headers"])[b"signature-input"].decode().split('"')[3]
        self.there.append(origin)
        self.most = max(self.most, len(self.there))
        await self.open.wait()
        self.there.remove(origin)
        self.done += 1


async def whole() -> Message:
    return {"type": "http.request", "body": b"{}", "more_body": False}


async def settle() -> None:
    """Let everybody go as far as they can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_four_at_a_time_of_one_sender_and_the_next_sender_is_not_kept_waiting() -> None:
    inside, said = Inside(), []

    async def send(message: Message) -> None:
        said.append(message)

    door = Admission(inside, trusted=(), at_work=8)
    many = [
        asyncio.create_task(door(request_of("https://a.example"), whole, send)) for _ in range(20)
    ]
    await settle()
    assert len(inside.there) == AT_ONCE
    other = asyncio.create_task(door(request_of("https://b.example"), whole, send))
    elsewhere = asyncio.create_task(door(request_of("https://a.example", OUTSIDE), whole, send))
    await settle()
    assert len(inside.there) == AT_ONCE + 2, "another origin, and the same named from elsewhere"
    inside.open.set()
    await asyncio.gather(*many, other, elsewhere)
    assert inside.done == 22
    assert door.senders == {}, "nothing is kept of who has left"
    assert said == []


async def test_too_many_who_wait_are_told_to_come_back() -> None:
    inside = Inside()
    answers: list[Message] = []

    async def send(message: Message) -> None:
        answers.append(message)

    door = Admission(inside, trusted=(), at_work=2)
    waiting = [
        asyncio.create_task(door(request_of("https://a.example"), whole, send))
        for _ in range(WAITING_MAX + AT_ONCE)
    ]
    await settle()
    await door(request_of("https://a.example"), whole, send)
    assert answers[0]["status"] == 429
    assert (b"retry-after", b"5") in answers[0]["headers"]
    assert len(inside.there) == 2, "few at a time use the database"
    inside.open.set()
    await asyncio.gather(*waiting)
    assert inside.done == WAITING_MAX + AT_ONCE


@asynccontextmanager
async def connected(pair: Pair) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(pair.south.origin).port)
    try:
        yield reader, writer
    finally:
        writer.close()


def head(pair: Pair, *more: str, origin: str = "") -> bytes:
    """The head of a request that claims to be of an origin; its signature comes to nothing."""
    lines = ["POST /inbox HTTP/1.1", f"Host: {urlsplit(pair.south.origin).netloc}",
             "Content-Type: application/activity+json", "Signature: sig1=:AA==:",
             f"Signature-Input: {KEY_ID.format(origin or pair.north.origin)}", *more]  # fmt: skip
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


async def status_of(reader: asyncio.StreamReader) -> int:
    line = await asyncio.wait_for(reader.readline(), 60)
    return int(line.split()[1])


async def test_bodies_that_never_end_hold_their_sender_only(
    old_friends: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slow loris on the body: real sockets, a byte each and then silence."""
    slow = [await asyncio.open_connection("127.0.0.1", urlsplit(old_friends.south.origin).port)
            for _ in range(AT_ONCE + 4)]  # fmt: skip
    for _, writer in slow:
        writer.write(
            head(old_friends, "Content-Length: 1000", origin="https://slow.example") + b"{"
        )
        await writer.drain()
    assert (await old_friends.tell(old_friends.create(1))).status_code == 202
    for _, writer in slow:
        writer.close()


async def test_a_body_that_takes_too_long_is_given_up(
    old_friends: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "BODY_SECONDS_MAX", 0.2)
    async with connected(old_friends) as (reader, writer):
        writer.write(head(old_friends, "Content-Length: 1000") + b"{")
        assert await status_of(reader) == 400
        assert b"connection: close" in (await reader.readuntil(b"\r\n\r\n")).lower()


@pytest.mark.parametrize(
    "length",
    ["Content-Length: 10737418240", "Content-Length: 262145"],
    ids=["ten gibibytes", "a byte too many"],
)
async def test_a_body_that_says_it_is_too_large_is_not_read(old_friends: Pair, length: str) -> None:
    async with connected(old_friends) as (reader, writer):
        writer.write(head(old_friends, length))
        assert await status_of(reader) == 413


async def test_a_body_without_an_end_is_cut_while_it_streams(old_friends: Pair) -> None:
    """Ten gibibytes in chunks: it is answered after a little more than what may come."""
    async with connected(old_friends) as (reader, writer):
        writer.write(head(old_friends, "Transfer-Encoding: chunked"))
        answered = asyncio.create_task(status_of(reader))
        sent = await _pour(writer, answered)
        assert await answered == 413
    assert sent < 200_000_000


async def _pour(writer: asyncio.StreamWriter, until: asyncio.Task[int]) -> int:
    """Send chunks without an end until there is an answer, or nobody takes more."""
    sent = 0
    with contextlib.suppress(ConnectionError):
        while not until.done():
            writer.write(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
            await writer.drain()
            await asyncio.sleep(0)
            sent += 65_536
    return sent


async def test_a_length_that_lies_is_no_message(old_friends: Pair) -> None:
    """Less than was said, and then the sender leaves: nothing is stored."""
    before = await old_friends.south.stored()
    letter = await old_friends.letter(old_friends.create(5))
    lines = [f"{name}: {value}" for name, value in letter.headers.items()]
    said = "\r\n".join(["POST /inbox HTTP/1.1", f"Host: {urlsplit(letter.url).netloc}", *lines,
                        f"Content-Length: {len(letter.body) + 10}"])  # fmt: skip
    async with connected(old_friends) as (_, writer):
        writer.write(said.encode() + b"\r\n\r\n" + letter.body)
        await writer.drain()
    # More than was said: the rest is another request, and no good one.
    short = said.rpartition(":")[0] + f": {len(letter.body) - 10}"
    async with connected(old_friends) as (reader, writer):
        writer.write(short.encode() + b"\r\n\r\n" + letter.body)
        assert await status_of(reader) == 401
    assert await old_friends.south.stored() == before

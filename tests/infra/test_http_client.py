"""The way out: what may be called, what is refused before a connection, what is cut short."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from app.infra.addresses import is_public
from app.infra.http_client import (
    Answer,
    OutboundError,
    OutboundPolicy,
    Outgoing,
    call,
    guarded_client,
    is_loopback_origin,
)

REFUSED = "the other server could not be reached"
HOSTILE_URLS = [
    "http://example.org/",
    "https://example.org:8443/",
    "https://example.org:80/",
    "ftp://example.org/",
    "file:///etc/passwd",
    "gopher://example.org/",
    "https://user:secret@example.org/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://0/",
    "https://0.0.0.0/",
    "https://10.1.2.3/",
    "https://100.64.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://172.31.255.255/",
    "https://192.168.1.1/",
    "https://192.0.0.8/",
    "https://192.88.99.1/",
    "https://198.18.0.1/",
    "https://224.0.0.1/",
    "https://255.255.255.255/",
    "https://[::1]/",
    "https://[::]/",
    "https://[::127.0.0.1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:169.254.169.254]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b:1::7f00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:0:7f00:1::]/",
    "https://[2001:db8::1]/",
    "https://[fc00::1]/",
    "https://[fd12:3456::1]/",
    "https://[fe80::1]/",
    "https://[fec0::1]/",
    "https://[ff02::1]/",
    "https://localhost/",
    "https://example.org:99999/",
    "https:///path",
]
PRIVATE = [
    "127.0.0.1", "10.0.0.1", "100.127.255.255", "169.254.0.1", "192.0.2.1", "203.0.113.9",
    "240.0.0.1", "::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1", "3fff::1",
    "fe80::1%eth0", "not an address", "",
]  # fmt: skip
PUBLIC = ["8.8.8.8", "1.1.1.1", "100.128.0.1", "172.32.0.1", "2606:4700::1111", "2a00:1450::1"]


async def get(url: str, policy: OutboundPolicy, **limits: float) -> Answer:
    async with guarded_client(policy) as client:
        return await call(client, Outgoing("GET", url), **limits)  # type: ignore[arg-type]


class Names:
    """A name server that answers in turn what it is told to."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(f"{host}:{port}")
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.mark.parametrize("url", HOSTILE_URLS)
async def test_hostile_addresses_are_refused_with_one_and_the_same_error(url: str) -> None:
    with pytest.raises(OutboundError) as refused:
        await get(url, OutboundPolicy())
    assert str(refused.value) == REFUSED
    assert refused.value.detail != REFUSED


@pytest.mark.parametrize("address", PRIVATE)
def test_these_addresses_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_these_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "answers",
    [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["2606:4700::1111", "::1"], [], ["8.8.8.8"] * 1],
)
async def test_every_answer_of_the_name_server_must_be_public(
    answers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    dialled = record_dials(monkeypatch)
    names = Names(answers)
    with pytest.raises(OutboundError):
        await get("https://peer.example/actor", OutboundPolicy(resolver=names))
    assert names.asked == ["peer.example:443"]
    assert dialled == (["8.8.8.8"] if answers == ["8.8.8.8"] else [])


async def test_the_checked_address_is_dialled_even_when_the_name_moves_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dialled = record_dials(monkeypatch)
    names = Names(["8.8.8.8"], ["127.0.0.1"])
    policy = OutboundPolicy(resolver=names)
    for _ in range(2):
        with pytest.raises(OutboundError):
            await get("https://peer.example/actor", policy)
    assert dialled == ["8.8.8.8"]
    assert len(names.asked) == 2


def record_dials(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let no connection out of this machine, but note to which address it would have gone."""
    import httpcore  # noqa: PLC0415 - only to stand in for its network

    dialled: list[str] = []

    async def connect(self: object, host: str, *args: object, **kwargs: object) -> None:
        dialled.append(host)
        raise httpcore.ConnectError

    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect)
    return dialled


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(handler: Handler) -> AsyncIterator[str]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(handle, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        listening.close()


def answering(head: str, body: bytes = b"", seen: list[bytes] | None = None) -> Handler:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        if seen is not None:
            seen.append(request)
        writer.write(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)
        await writer.drain()

    return handle


async def test_a_listed_loopback_origin_is_called_over_plain_http() -> None:
    seen: list[bytes] = []
    handler = answering("HTTP/1.1 200 OK\nContent-Type: Text/Plain; a=b", b"hello", seen)
    async with server(handler) as origin:
        answer = await get(f"{origin}/x%2Fy?q=1", OutboundPolicy(frozenset({origin})))
    assert (answer.status, answer.body, answer.media_type) == (200, b"hello", "text/plain")
    assert seen[0].startswith(b"GET /x%2Fy?q=1 HTTP/1.1\r\n")
    assert b"accept-encoding: identity" in seen[0].lower()


async def test_the_same_origin_unlisted_or_another_port_is_refused() -> None:
    seen: list[bytes] = []
    async with server(answering("HTTP/1.1 200 OK", b"hello", seen)) as origin:
        for listed in (
            frozenset[str](),
            frozenset({"http://127.0.0.1:1"}),
            frozenset({origin + "/"}),
        ):
            with pytest.raises(OutboundError):
                await get(origin, OutboundPolicy(listed))
    assert seen == []


def test_only_loopback_addresses_can_be_listed() -> None:
    assert is_loopback_origin("http://127.0.0.1:8080")
    assert is_loopback_origin("http://[::1]:8080")
    for origin in (
        "http://10.0.0.1:80",
        "http://example.org",
        "https://127.0.0.1",
        "http://localhost:1",
    ):
        assert not is_loopback_origin(origin)
        assert not OutboundPolicy(frozenset({origin})).is_dev(origin)


async def test_redirects_are_not_followed() -> None:
    seen: list[bytes] = []
    handler = answering(
        "HTTP/1.1 302 Found\nLocation: http://169.254.169.254/\nContent-Length: 0", b"", seen
    )
    async with server(handler) as origin:
        answer = await get(origin, OutboundPolicy(frozenset({origin})))
    assert answer.status == 302
    assert len(seen) == 1


async def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with server(answering("HTTP/1.1 200 OK", b"direct")) as origin:
        answer = await get(origin, OutboundPolicy(frozenset({origin})))
    assert answer.body == b"direct"


@pytest.mark.parametrize(
    "head",
    [
        "HTTP/1.1 200 OK\nContent-Encoding: gzip",
        "HTTP/1.1 200 OK\nContent-Encoding: identity, br",
        "not http at all",
    ],
)
async def test_compressed_and_broken_answers_are_refused(head: str) -> None:
    async with server(answering(head, b"\x1f\x8b")) as origin:
        with pytest.raises(OutboundError):
            await get(origin, OutboundPolicy(frozenset({origin})))


async def test_an_answer_over_the_cap_is_cut_while_it_streams() -> None:
    written = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(5000):
            writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            await writer.drain()
            written += 65536

    async with server(handle) as origin:
        with pytest.raises(OutboundError) as refused:
            await get(origin, OutboundPolicy(frozenset({origin})), bytes_max=100_000)
    assert "over 100000 bytes" in refused.value.detail
    assert written < 100_000_000


async def test_an_answer_that_drips_for_ever_meets_the_deadline() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    started = asyncio.get_running_loop().time()
    async with server(handle) as origin:
        with pytest.raises(OutboundError) as refused:
            await get(origin, OutboundPolicy(frozenset({origin})), seconds_max=0.3)
    assert "no whole answer" in refused.value.detail
    assert asyncio.get_running_loop().time() - started < 5


async def test_nobody_listening_is_the_same_refusal() -> None:
    async with server(answering("HTTP/1.1 200 OK")) as origin:
        pass
    with pytest.raises(OutboundError) as refused:
        await get(origin, OutboundPolicy(frozenset({origin})))
    assert str(refused.value) == REFUSED

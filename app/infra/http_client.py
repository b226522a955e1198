"""The only way out: HTTP to other servers, guarded against being led astray.

The guard stands where the connection is made, not where the address is read: the name is
resolved once, every answer must be a public address by the lists below, and exactly the
checked address is dialled while TLS keeps the host name. So a name cannot point elsewhere
between the check and the call. Only https on port 443; no redirect but one within
an origin, no proxy from the environment, no compressed answers, a cap on bytes and one deadline
over everything.

`dev_origins` are the loopback origins that the settings name for development; with exactly
those, plain http is spoken.
"""

import asyncio
import functools
import ipaddress
import re
import socket
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

import httpcore
import httpx

from app.infra.addresses import is_callable_host, is_public
from app.infra.runtime import Runtime

ANSWER_BYTES_MAX = 1_048_576
CONNECT_SECONDS_MAX = 5.0
TOTAL_SECONDS_MAX = 10.0
ADDRESSES_MAX = 16
HTTPS_PORT = 443
REDIRECTS = frozenset({301, 302, 303, 307, 308})
_POLICY = "outbound_policy"
# Browsers and libraries disagree about these; a Python `\s` misses a few controls.
_NOT_IN_ADDRESSES = re.compile(r"[\s\x00-\x20\x7f<>\"'\\]")


class OutboundError(Exception):
    """The call did not succeed.

    The message is always the same, so that nobody can probe a network through us by comparing
    refusals; `detail` is for our own log.
    """

    def __init__(self, detail: str) -> None:
        """Keep the real reason apart from the message."""
        super().__init__("the other server could not be reached")
        self.detail = detail


class Resolver(Protocol):
    """Looks up a host name: all its addresses, as texts."""

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """Return every address of the name."""
        ...


@dataclass(frozen=True)
class Answer:
    """What came back, whole and within the cap."""

    status: int
    header_lines: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """Return one header's value, or an empty text."""
        for candidate, value in self.header_lines:
            if candidate.lower() == name:
                return value
        return ""

    @property
    def media_type(self) -> str:
        """The Content-Type without its parameters, lower case."""
        return self.header("content-type").partition(";")[0].strip().lower()


async def resolve(host: str, port: int) -> Sequence[str]:
    """Ask the system's resolver."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


@dataclass(frozen=True)
class OutboundPolicy:
    """Whom we may call; `dev_origins` come from the settings, the resolver from tests only."""

    dev_origins: frozenset[str] = frozenset()
    resolver: Resolver = field(default=resolve)

    def check_url(self, url: str) -> None:
        """Refuse every address but https to an outer host on the usual port, or a listed origin."""
        try:
            parts = urlsplit(url)
            port = parts.port
            # Names beyond ASCII are read by the library that will dial them.
            host = parts.hostname if url.isascii() else httpx.URL(url).raw_host.decode()
        except (ValueError, httpx.InvalidURL) as error:
            raise OutboundError(f"unreadable address: {error}") from error
        if _NOT_IN_ADDRESSES.search(url) or "@" in parts.netloc or not host:
            detail = "credentials in the address, no host, or characters that mean something"
            raise OutboundError(detail)
        if self.is_dev(f"{parts.scheme}://{parts.netloc}"):
            return
        if parts.scheme != "https" or port not in {None, HTTPS_PORT}:
            detail = "only https on port 443"
            raise OutboundError(detail)
        if not is_callable_host(host):
            detail = "a host inside, or in a spelling that programs read in different ways"
            raise OutboundError(detail)

    def is_dev(self, origin: str) -> bool:
        """Whether the settings name this very origin, on loopback, for development."""
        return origin in self.dev_origins and is_loopback_origin(origin)


def policy_of(runtime: Runtime) -> OutboundPolicy:
    """Return the one policy of this process: everything that goes out goes by it."""
    found = runtime.shared.get(_POLICY)
    if not isinstance(found, OutboundPolicy):
        found = runtime.shared[_POLICY] = OutboundPolicy(runtime.dev_origins)
    return found


def is_loopback_origin(origin: str) -> bool:
    """Whether an origin is plain http to this machine: the only thing dev_peers may allow."""
    try:
        parts = urlsplit(origin)
        return parts.scheme == "http" and ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Dials only addresses that it has checked itself."""

    def __init__(self, policy: OutboundPolicy) -> None:
        """Guard every connection by this policy."""
        self._policy = policy
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's interface
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Resolve once, check every answer, connect to a checked address."""
        addresses = await self._checked_addresses(host, port)
        failure: Exception | None = None
        for address in addresses:
            try:
                return await self._inner.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore.ConnectError("no address")

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's interface
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Refuse: sockets of this machine are nobody's business outside."""
        raise OutboundError(f"unix socket {path} {timeout} {socket_options}")

    async def sleep(self, seconds: float) -> None:
        """Wait between attempts, as httpcore asks."""
        await self._inner.sleep(seconds)

    async def _checked_addresses(self, host: str, port: int) -> list[str]:
        authority = f"[{host}]" if ":" in host else host
        if self._policy.is_dev(f"http://{authority}:{port}"):
            return [host]
        if port != HTTPS_PORT:
            raise OutboundError(f"port {port}")
        try:
            found = await self._policy.resolver(host, port)
        except (OSError, UnicodeError) as error:
            raise OutboundError(f"{host} does not resolve") from error
        addresses = list(dict.fromkeys(found))
        if not addresses or len(addresses) > ADDRESSES_MAX:
            raise OutboundError(f"{host} has {len(addresses)} addresses")
        if not all(is_public(address) for address in addresses):
            raise OutboundError(f"{host} resolves to an address that is not public")
        return addresses


class GuardedTransport(httpx.AsyncBaseTransport):
    """An httpx transport over one small pool of guarded connections.

    Make one per peer: one pool over hundreds of hosts scans every connection for each request.
    """

    def __init__(self, policy: OutboundPolicy, *, connections_max: int = 2) -> None:
        """Open nothing yet; connections are made when needed and kept alive."""
        self._policy = policy
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=_tls_context(),
            max_connections=connections_max,
            max_keepalive_connections=connections_max,
            keepalive_expiry=30,
            network_backend=GuardedBackend(policy),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Check the address, then hand on to httpcore."""
        self._policy.check_url(str(request.url))
        answer = await self._pool.handle_async_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=request.url.raw_scheme,
                    host=request.url.raw_host,
                    port=request.url.port,
                    target=request.url.raw_path,
                ),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(
            status_code=answer.status,
            headers=answer.headers,
            stream=_Stream(answer),
            extensions=answer.extensions,
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()


class _Stream(httpx.AsyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        stream = self._answer.stream
        if isinstance(stream, AsyncIterable):
            async for part in stream:
                yield part

    async def aclose(self) -> None:
        await self._answer.aclose()


@functools.cache
def _tls_context() -> ssl.SSLContext:
    """Read the certificate authorities once; a thousand peers share them."""
    return httpx.create_ssl_context(trust_env=False)


def guarded_client(policy: OutboundPolicy, *, connections_max: int = 2) -> httpx.AsyncClient:
    """Make a client whose every request passes the guard."""
    return httpx.AsyncClient(
        transport=GuardedTransport(policy, connections_max=connections_max),
        headers={"Accept-Encoding": "identity", "User-Agent": "Tornallom"},
        timeout=httpx.Timeout(TOTAL_SECONDS_MAX, connect=CONNECT_SECONDS_MAX),
        follow_redirects=False,
        trust_env=False,
    )


@dataclass(frozen=True)
class Outgoing:
    """A request to make."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None


async def call(
    client: httpx.AsyncClient,
    outgoing: Outgoing,
    *,
    bytes_max: int = ANSWER_BYTES_MAX,
    seconds_max: float = TOTAL_SECONDS_MAX,
) -> Answer:
    """Make one request and read the whole answer, within the cap and the deadline.

    The deadline is over everything: a server that sends one byte a second never trips the
    client's own timeouts.
    """
    try:
        async with asyncio.timeout(seconds_max):
            return await _call(client, outgoing, bytes_max)
    except TimeoutError as error:
        raise OutboundError(f"no whole answer within {seconds_max} s") from error
    except (httpx.HTTPError, httpx.InvalidURL, httpcore.NetworkError, ssl.SSLError) as error:
        raise OutboundError(repr(error)) from error
    except (httpcore.ProtocolError, httpcore.TimeoutException, OSError, ValueError) as error:
        raise OutboundError(repr(error)) from error


async def fetch(
    client: httpx.AsyncClient, outgoing: Outgoing, *, bytes_max: int = ANSWER_BYTES_MAX
) -> Answer:
    """Read a document; one redirect within its own origin is followed, no other, and no second.

    For unsigned GETs: a signature holds for one address.
    """
    loop = asyncio.get_running_loop()
    started = loop.time()
    answer = await call(client, outgoing, bytes_max=bytes_max)
    location = answer.header("location")
    if answer.status not in REDIRECTS or not location or outgoing.method != "GET":
        return answer
    try:
        target = urljoin(outgoing.url, location)
        unclear = bool(urlsplit(location).scheme) and not urlsplit(location).netloc
        same = urlsplit(target)[:2] == urlsplit(outgoing.url)[:2] and not unclear
    except ValueError as error:
        raise OutboundError(f"redirected to an unreadable address: {error}") from error
    if not same:
        detail = "redirected to another origin"
        raise OutboundError(detail)
    again = Outgoing("GET", target.partition("#")[0], outgoing.headers)
    left = TOTAL_SECONDS_MAX - (loop.time() - started)
    answer = await call(client, again, bytes_max=bytes_max, seconds_max=max(left, 0))
    if answer.status in REDIRECTS:
        detail = "redirected twice"
        raise OutboundError(detail)
    return answer


async def _call(client: httpx.AsyncClient, outgoing: Outgoing, bytes_max: int) -> Answer:
    async with client.stream(
        outgoing.method, outgoing.url, headers=outgoing.headers, content=outgoing.body
    ) as response:
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in {"", "identity"}:
            raise OutboundError(f"compressed answer ({encoding})")
        parts = bytearray()
        async for part in response.aiter_raw():
            parts += part
            if len(parts) > bytes_max:
                raise OutboundError(f"answer over {bytes_max} bytes")
        lines = tuple(
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in response.headers.raw
        )
        return Answer(response.status_code, lines, bytes(parts))

"""The door of the peer edge: few signed requests at a time, so that one sender delays no other.

For everything that carries a signature, before anything is believed of it: four at a time for a
claimed origin and the network that it comes from (so nobody takes another's places by naming it),
each with its whole body and within a deadline; then few at a time for all, because those hold
connections to the database. Whoever waits holds neither a connection nor a body.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.errors import PROBLEM, problem_of
from app.domain.asks.rules import network_of
from app.errors import AppError, LimitedError, MalformedError
from app.federation.wire.problems import MALFORMED, RATE_LIMIT, Problem
from app.infra.proxies import Network, client_address

AT_ONCE = 4
# As many as a burst of one sender; then it is told to come back.
WAITING_MAX = 240
WAITING_OF_ALL_MAX = 2_000
BODY_SECONDS_MAX = 10.0
RETRY_SECONDS = 5
_ORIGIN = re.compile(r'keyid="?(https?://[^/"\s]{1,300})', re.IGNORECASE)
FOR_PEERS = 'tag="ma-fed"'
Key = tuple[str, str | None]


@dataclass
class _Places:
    """The places of one sender."""

    free: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    there: int = 0


class Admission:
    """Pure ASGI, inside of what limits the size of a body."""

    def __init__(self, app: ASGIApp, *, trusted: Sequence[Network], at_work: int) -> None:
        """`at_work` requests at a time may use the database."""
        self.app = app
        self.trusted = trusted
        # Apart, because who follows from elsewhere may have us ask a slow server first; and two at
        # least, so that the next one is told at once that we are asking.
        self.peers_at_work = asyncio.Semaphore(at_work)
        self.others_at_work = asyncio.Semaphore(max(2, at_work // 2))
        self.senders: dict[Key, _Places] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, when it is its turn."""
        headers = Headers(scope=scope) if scope["type"] == "http" else Headers()
        if "signature" not in headers:
            await self.app(scope, receive, send)
            return
        async with self._place(self._key(scope, headers)) as place:
            if not place:
                await _refuse(LimitedError("federation_rate_limit_exceeded"), RATE_LIMIT)(
                    scope, receive, send
                )
                return
            try:
                whole = await _whole(receive)
            except TimeoutError:
                await _refuse(MalformedError("body_incomplete"), MALFORMED)(scope, receive, send)
                return
            of_peer = FOR_PEERS in headers.get("signature-input", "")
            async with self.peers_at_work if of_peer else self.others_at_work:
                await self.app(scope, whole, send)

    def _key(self, scope: Scope, headers: Headers) -> Key:
        claimed = _ORIGIN.search(headers.get("signature-input", "") + headers["signature"])
        direct = scope["client"][0] if scope.get("client") else None
        forwarded = headers.getlist("x-forwarded-for")
        return (
            claimed[1].lower() if claimed else "",
            network_of(client_address(direct, forwarded, self.trusted)),
        )

    @asynccontextmanager
    async def _place(self, key: Key) -> AsyncIterator[bool]:
        """Wait for a place of a sender; answers False when too many wait already."""
        places = self.senders.setdefault(key, _Places())
        all_there = sum(each.there for each in self.senders.values())
        if places.there >= WAITING_MAX + AT_ONCE or all_there >= WAITING_OF_ALL_MAX:
            self._forget(key)
            yield False
            return
        places.there += 1
        try:
            async with places.free:
                yield True
        finally:
            places.there -= 1
            self._forget(key)

    def _forget(self, key: Key) -> None:
        """Keep nothing of a sender who has left: anybody can name any origin."""
        if self.senders[key].there == 0:
            del self.senders[key]


async def _whole(receive: Receive) -> Receive:
    """Read a body within the deadline, and hand it on as it came.

    What goes wrong with it is handed on as well: the route tells it in the peers' own terms.
    """
    came: list[Message] = []
    failed: AppError | None = None
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            while not came or came[-1].get("more_body", False):
                came.append(await receive())
                if came[-1]["type"] == "http.disconnect":
                    break
    except AppError as error:
        failed = error

    async def again() -> Message:
        if came:
            return came.pop(0)
        if failed is not None:
            raise failed
        return await receive()

    return again


def _refuse(error: AppError, problem: Problem) -> ASGIApp:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        document = problem_of(Request(scope), error)
        document = {**document, "type": problem.type, "code": problem.code}
        headers = {"Retry-After": str(RETRY_SECONDS)} if problem is RATE_LIMIT else {}
        # What is left of the body is not waited for.
        response = JSONResponse(
            document, error.status, headers={**headers, "Connection": "close"}, media_type=PROBLEM
        )
        await response(scope, receive, send)

    return answer

"""Two instances that only meet through proxies, and proxies that do what networks do.

Each instance's public origin is its proxy's, so everything that it signs, says and serves names an
address at which only the proxy listens. Faults follow a plan: its kinds, its seed, its share.
"""

import asyncio
import contextlib
import math
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tests.factories.instances import Pair
from tests.factories.lossy import Fault, LossyProxy

HUGE_BYTES = 10 * 1024 * 1024
LATE_BY = 3
IN_A_ROW_MAX = 3
SLOW_MAX = 2
ASIDE = "/somewhere/else"
INSIDE = "http://169.254.169.254/latest/meta-data/"


class Trouble(StrEnum):
    """What else stands between two servers, beside what loses, cuts and doubles."""

    LATE = "late"  # arrives after three that were sent later; its sender has given up by then
    FIREWALL = "firewall"  # a page for people, 403
    BUSY = "busy"  # 503 and a time to wait; the server never sees it
    NO_GATEWAY = "no gateway"  # 502 although it took effect
    LED_INSIDE = "led inside"  # 302 to where clouds keep their secrets
    LED_ASIDE = "led aside"  # 307 to another path
    HUGE = "huge"  # 200 and ten mebibytes
    SLOW = "slow"  # it took effect, and the answer does not come before its sender gives up


PAGES = {
    Trouble.FIREWALL: ("403 Forbidden", "Content-Type: text/html", b"<h1>Request blocked</h1>"),
    Trouble.BUSY: ("503 Service Unavailable", "Retry-After: 120", b""),
    Trouble.NO_GATEWAY: ("502 Bad Gateway", "Content-Type: text/html", b"<h1>Bad gateway</h1>"),
    Trouble.LED_INSIDE: ("302 Found", f"Location: {INSIDE}", b""),
    Trouble.LED_ASIDE: ("307 Temporary Redirect", f"Location: {ASIDE}", b""),
    Trouble.HUGE: ("200 OK", "Content-Type: application/activity+json", b" " * HUGE_BYTES),
}
TOOK_EFFECT = {Trouble.NO_GATEWAY, Trouble.HUGE}
KINDS: tuple[str, ...] = (*(fault for fault in Fault if fault != Fault.NONE), *Trouble)


class FaultyProxy(LossyProxy):
    """Stands before an instance and follows a plan; without one it passes everything on."""

    def __init__(self, port: int) -> None:
        """Begin without a plan."""
        super().__init__(port, seed=0)
        self.asked: list[bytes] = []
        self._kinds: list[str] = []
        self._share = 0.0
        self._drawn = self._in_a_row = self._slow = 0
        self._late: list[tuple[int, bytes]] = []
        self._calm = asyncio.Event()

    def follow(self, kinds: Sequence[str], *, share: float, seed: int) -> None:
        """Let this share of requests meet a fault, the first one too; kinds take turns."""
        self._random = random.Random(seed)
        self._kinds, self._share = self._random.sample(kinds, len(kinds)), share
        self._drawn = self._in_a_row = self._slow = 0
        self.happened.clear()
        self.asked.clear()
        self._calm = asyncio.Event()

    async def calm(self) -> None:
        """End the plan; what is late arrives, and who holds on lets go."""
        self._kinds = []
        self._calm.set()
        await self._bring_late(math.inf)

    def _draw(self) -> str:
        lucky = self._random.random() >= self._share and self._drawn + self._in_a_row > 0
        if not self._kinds or lucky or self._in_a_row == IN_A_ROW_MAX:
            self._in_a_row = 0
            return Fault.NONE
        kind = self._kinds[self._drawn % len(self._kinds)]
        self._drawn += 1
        self._in_a_row += 1
        self._slow += kind == Trouble.SLOW
        return Fault.NONE if kind == Trouble.SLOW and self._slow > SLOW_MAX else kind

    async def _answer(self, request: bytes, fault: str) -> bytes:
        self.asked.append(request.partition(b"\r\n")[0])
        if fault == Trouble.LATE:
            self._late.append((len(self.asked) + LATE_BY, request))
            return b""
        answer = await self._of_kind(request, fault)
        await self._bring_late(len(self.asked))
        return answer

    async def _of_kind(self, request: bytes, fault: str) -> bytes:
        if fault in PAGES:
            if fault in TOOK_EFFECT:
                await self._pass_on(request)
            return page(*PAGES[Trouble(fault)])
        if fault == Trouble.SLOW:
            await self._pass_on(request)
            await self._calm.wait()
            return b""
        return closing(await super()._answer(request, fault))

    async def _bring_late(self, count: float) -> None:
        due = [request for at, request in self._late if at <= count]
        self._late = [late for late in self._late if late[0] > count]
        for request in due:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._pass_on(request)


def page(status: str, line: str, body: bytes) -> bytes:
    """Write an answer that no instance of ours would give."""
    head = f"HTTP/1.1 {status}\r\n{line}\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Connection: close\r\n\r\n" + body


def closing(answer: bytes) -> bytes:
    """Say that the connection ends here, so that each request has its own fault."""
    return answer.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)


@dataclass
class Apart:
    """Two instances and what stands before each."""

    pair: Pair
    before_north: FaultyProxy
    before_south: FaultyProxy

    @property
    def proxies(self) -> tuple[FaultyProxy, FaultyProxy]:
        """Return both."""
        return self.before_north, self.before_south

    def follow(self, kinds: Sequence[str], *, share: float, seed: int) -> None:
        """Begin a plan in both directions."""
        for number, proxy in enumerate(self.proxies):
            proxy.follow(kinds, share=share, seed=2 * seed + number)

    async def calm(self) -> Counter[str]:
        """End the plan; answers what happened."""
        for proxy in self.proxies:
            await proxy.calm()
        return self.before_north.happened + self.before_south.happened

"""Rounds over lanes: whoever is written to has one, and none delays or ends another's.

What is sent to peers and what goes to the servers of followers differ in everything but this: how
many lanes run at once, that one lane's fault is its own, and how long a lane rests after failures.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import TypeVar

import structlog

from app.infra.http_client import Answer

LOOK_AGAIN_SECONDS = 0.5
BACK_OFF_SECONDS = (15, 60, 300, 900, 3600, 7200, 14_400)
BACK_OFF_SECONDS_MAX = 21_600
JITTER = 0.2
RETRY_DIGITS_MAX = 9
Kind = TypeVar("Kind")
Key = TypeVar("Key")
_log = structlog.get_logger(__name__)


async def nothing_first() -> int:
    """Do nothing before lanes are claimed."""
    return 0


async def go_round(
    places: Mapping[Kind, int],
    claim: Callable[[int, Kind], Awaitable[Sequence[Key]]],
    run: Callable[[Key], Awaitable[int]],
    rest: Callable[[Key], Awaitable[None]],
    first: Callable[[], Awaitable[int]] = nothing_first,
) -> int:
    """Run lanes until none is due; answers how much was done.

    `places` says how many lanes of a kind run at once. `claim` leases lanes that are due, `run`
    sends what waits in one, `rest` lets one rest that failed unforeseen. `first` comes before each
    look for more: new mail for others is begun while a slow lane is still being waited for.
    """
    running: dict[asyncio.Task[int], Kind] = {}
    done_now = 0
    try:
        while True:
            done_now += await first()
            for kind, number in places.items():
                free = number - sum(each is kind for each in running.values())
                for key in await claim(free, kind) if free > 0 else ():
                    running[asyncio.create_task(_apart(key, run, rest))] = kind
            if not running:
                return done_now
            done, _ = await asyncio.wait(
                running, timeout=LOOK_AGAIN_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                del running[task]
                done_now += task.result()
    finally:
        for task in running:
            task.cancel()


async def _apart(
    key: Key, run: Callable[[Key], Awaitable[int]], rest: Callable[[Key], Awaitable[None]]
) -> int:
    """Run a lane whose fault, whatever it is, is its own."""
    try:
        return await run(key)
    except Exception as error:  # noqa: BLE001 - one lane's fault must not end the others' round
        _log.error("lane failed", lane=str(key), error=type(error).__name__)
        await rest(key)
        return 0


def retry_after(answer: Answer) -> timedelta | None:
    """Return how long a server asks us to wait, if it says so in seconds (RFC 9110, 10.2.3)."""
    text = answer.header("retry-after").strip()
    if not text.isascii() or not text.isdigit() or len(text) > RETRY_DIGITS_MAX:
        return None
    return timedelta(seconds=min(int(text), BACK_OFF_SECONDS_MAX))


def back_off(failures: int) -> timedelta:
    """Return how long a lane rests after so many failures: longer each time, never for ever."""
    step = min(failures, len(BACK_OFF_SECONDS) + 1) - 1
    seconds = [*BACK_OFF_SECONDS, BACK_OFF_SECONDS_MAX][max(step, 0)]
    return timedelta(seconds=seconds * random.uniform(1 - JITTER, 1 + JITTER))

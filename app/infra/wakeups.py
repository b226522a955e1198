"""Waking open streams: a word through Redis that somebody has something to read.

Nothing is carried but ids, nothing is kept, and nothing is relied on: without Redis a stream looks
by itself every few seconds. A process listens on one connection however many streams it holds,
and only while it holds any.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Iterator
from uuid import UUID

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

CHANNEL = "tornallom.notices"
LISTENING_SECONDS = 25.0
ALONE_SECONDS = 5.0
RECONNECT_SECONDS = 2.0
_log = structlog.get_logger("app.wakeups")


class Wakeups:
    """Wakes the streams of people, in this process and in all others."""

    def __init__(self, url: str) -> None:
        """`url` as TORNALLOM_REDIS_URL gives it; nothing connects yet."""
        self._url = url
        self._redis: Redis | None = None
        self._waiting: dict[UUID, set[asyncio.Event]] = {}
        self._listener: asyncio.Task[None] | None = None
        self._hears = False

    async def wake(self, account_ids: Iterable[UUID]) -> None:
        """Say that these people have something to read; never raises."""
        told = " ".join(str(each) for each in account_ids)
        if not told:
            return
        try:
            async with asyncio.timeout(2):
                await self._connected().publish(CHANNEL, told)
        except (RedisError, OSError, TimeoutError) as error:
            _log.warning("wakeups.silent", error=type(error).__name__)

    @contextlib.contextmanager
    def listening(self, account_id: UUID) -> Iterator[asyncio.Event]:
        """Hold an event that is set when there may be something for this person."""
        event = asyncio.Event()
        self._waiting.setdefault(account_id, set()).add(event)
        if self._listener is None or self._listener.done():
            self._listener = asyncio.create_task(self._listen())
        try:
            yield event
        finally:
            mine = self._waiting[account_id]
            mine.discard(event)
            if not mine:
                del self._waiting[account_id]

    def held_by(self, account_id: UUID) -> int:
        """Count the streams that a person holds in this process."""
        return len(self._waiting.get(account_id, ()))

    async def wait(self, event: asyncio.Event) -> None:
        """Wait until woken, or until it is time to look by oneself."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LISTENING_SECONDS if self._hears else ALONE_SECONDS):
                await event.wait()
        event.clear()

    async def aclose(self) -> None:
        """Stop listening and let go of the connections."""
        if self._listener is not None:
            self._listener.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listener
        if self._redis is not None:
            with contextlib.suppress(RedisError, OSError):
                await self._redis.aclose()

    def _connected(self) -> Redis:
        if self._redis is None:
            self._redis = Redis.from_url(self._url, socket_connect_timeout=2)
        return self._redis

    async def _listen(self) -> None:
        while self._waiting:
            try:
                await self._hear()
            except (RedisError, OSError, TimeoutError) as error:
                _log.warning("wakeups.lost", error=type(error).__name__)
            self._hears = False
            self._wake_all()  # who waits for a word looks once, and then at the other pace
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _hear(self) -> None:
        async with self._connected().pubsub() as channel:
            await channel.subscribe(CHANNEL)
            self._hears = True
            self._wake_all()  # what was said while nobody listened
            while self._waiting:
                message = await channel.get_message(ignore_subscribe_messages=True, timeout=5)
                if message:
                    self._spread(bytes(message["data"]))

    def _spread(self, told: bytes) -> None:
        for each in told.decode("ascii", "ignore").split():
            with contextlib.suppress(ValueError):
                for event in self._waiting.get(UUID(each), ()):
                    event.set()

    def _wake_all(self) -> None:
        for events in self._waiting.values():
            for event in events:
                event.set()

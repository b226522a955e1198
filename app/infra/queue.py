"""The doorbell: Redis wakes workers, it never holds work.

Everything that waits is a row in PostgreSQL. Losing a ring (Redis away, flushed, restarted)
delays a job until the next sweep and loses nothing, so ringing never raises.
"""

import asyncio
import contextlib
import json
from typing import Any

import structlog
from arq.connections import ArqRedis, RedisSettings, create_pool
from redis.exceptions import RedisError

QUEUE_NAME = "tornallom"
_log = structlog.get_logger(__name__)


def serialize(value: dict[str, Any]) -> bytes:
    """JSON instead of arq's pickle: whoever can write to Redis must not run code here."""
    return json.dumps(value, default=str).encode()


def deserialize(raw: bytes) -> dict[str, Any]:
    """Read what `serialize` wrote."""
    value: dict[str, Any] = json.loads(raw)
    return value


def redis_settings(url: str) -> RedisSettings:
    """Read a redis://, rediss:// or unix:// address for arq; connecting gives up quickly."""
    settings = RedisSettings.from_dsn(url)
    settings.conn_retries = 1
    settings.conn_retry_delay = 0
    settings.conn_timeout = 2
    return settings


class Doorbell:
    """Rings workers through Redis; connects on the first ring and again after a loss."""

    def __init__(self, url: str) -> None:
        """`url` as TORNALLOM_REDIS_URL gives it."""
        self._url = url
        self._pool: ArqRedis | None = None
        self._lock = asyncio.Lock()

    async def ring(self, job: str) -> None:
        """Wake a worker for the named job, or log that it must wait for the sweep."""
        try:
            async with asyncio.timeout(2):
                pool = await self._connected()
                await pool.enqueue_job(job, _queue_name=QUEUE_NAME)
        except (RedisError, OSError, TimeoutError) as error:
            _log.warning("doorbell.silent", job=job, error=type(error).__name__)

    async def ping(self) -> None:
        """Raise when Redis does not answer."""
        async with asyncio.timeout(2):
            await (await self._connected()).ping()

    async def close(self) -> None:
        """Close the connections."""
        if self._pool is not None:
            with contextlib.suppress(RedisError, OSError):
                await self._pool.aclose()
            self._pool = None

    async def _connected(self) -> ArqRedis:
        async with self._lock:
            if self._pool is None:
                self._pool = await create_pool(
                    redis_settings(self._url),
                    job_serializer=serialize,
                    job_deserializer=deserialize,
                    default_queue_name=QUEUE_NAME,
                )
            return self._pool

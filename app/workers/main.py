"""The worker: chores that are rung through Redis and, whatever happens to Redis, swept in turn.

The sweep is what is relied on; arq is the doorbell. So losing Redis slows work down to the
sweep's pace and stops nothing, and the arq worker, which ends when Redis goes away, is simply
started again.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from datetime import UTC
from typing import Any

import structlog
from arq.worker import Worker, func

from app.infra.queue import QUEUE_NAME, deserialize, redis_settings, serialize
from app.infra.runtime import Runtime, make_runtime
from app.settings import Settings
from app.workers.activity import react_to_activities, tidy_up
from app.workers.administration import run_jobs
from app.workers.federation import deliver_messages, process_inbox
from app.workers.runtime import Chore, ChoreFunction

CHORES: Mapping[str, ChoreFunction] = {
    "react_to_activities": react_to_activities,
    "run_jobs": run_jobs,
    "process_inbox": process_inbox,
    "deliver_messages": deliver_messages,
}
# What one chore leaves to do for another is begun at once, not at the next sweep.
FOLLOWED_BY = {
    "react_to_activities": "deliver_messages",
    "run_jobs": "react_to_activities",
    "process_inbox": "deliver_messages",
}
TIDY_EVERY_SWEEPS = 120
RECONNECT_SECONDS = 2
_log = structlog.get_logger("app.workers")


async def work(settings: Settings) -> None:
    """Work for an instance until cancelled, with tools of this worker's own."""
    runtime = make_runtime(**settings.tools())
    try:
        await run_workers(
            runtime,
            redis_url=settings.redis_url or "",
            sweep_seconds=settings.sweep_seconds,
        )
    finally:
        await runtime.close()


async def run_workers(runtime: Runtime, *, redis_url: str, sweep_seconds: float) -> None:
    """Work until cancelled."""
    chores = {name: Chore(name, run, runtime) for name, run in CHORES.items()}
    async with asyncio.TaskGroup() as group:
        group.create_task(_sweep(chores, runtime, sweep_seconds))
        group.create_task(_listen(chores, redis_url))


async def run_until_idle(runtime: Runtime) -> None:
    """Do everything that waits now and return (command line and tests)."""
    while any([await run(runtime) for run in CHORES.values()]):
        pass


async def ring(chores: Mapping[str, Chore], name: str) -> None:
    """Run a chore and those that follow from it."""
    following: str | None = name
    while following is not None:
        await chores[following].ring()
        following = FOLLOWED_BY.get(following)


async def _sweep(chores: Mapping[str, Chore], runtime: Runtime, seconds: float) -> None:
    tidy, rounds = Chore("tidy_up", tidy_up, runtime), 0
    while True:
        for name in chores:
            await ring(chores, name)
        if rounds % TIDY_EVERY_SWEEPS == 0:
            await tidy.ring()
        rounds += 1
        await asyncio.sleep(seconds)


async def _listen(chores: Mapping[str, Chore], redis_url: str) -> None:
    while True:
        worker = build_worker(chores, redis_url)
        try:
            await worker.main()
        except asyncio.CancelledError:
            await _close(worker)
            raise
        except Exception as error:  # noqa: BLE001 - Redis went away; the sweep goes on meanwhile
            _log.warning("doorbell lost", error=type(error).__name__)
        await _close(worker)
        await asyncio.sleep(RECONNECT_SECONDS)


def build_worker(chores: Mapping[str, Chore], redis_url: str) -> Worker:
    """Make an arq worker that answers the doorbell, in JSON and without signal handlers."""

    def answering(name: str) -> Any:
        async def answer(ctx: dict[Any, Any], *args: Any, **kwargs: Any) -> None:  # noqa: ARG001
            await ring(chores, name)

        return func(answer, name=name, keep_result=0, max_tries=1)

    return Worker(
        functions=[answering(name) for name in chores],
        redis_settings=redis_settings(redis_url),
        queue_name=QUEUE_NAME,
        job_serializer=serialize,
        job_deserializer=deserialize,
        handle_signals=False,
        timezone=UTC,
        max_jobs=4,
        poll_delay=0.2,
        health_check_interval=60,
        log_results=False,
    )


async def _close(worker: Worker) -> None:
    with contextlib.suppress(Exception):
        await worker.close()

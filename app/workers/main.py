"""The worker: chores that are rung through Redis and, whatever happens to Redis, done at a pace.

The pace is what is relied on; arq is the doorbell. So losing Redis slows work down to that
pace and stops nothing, and the arq worker, which ends when Redis goes away, is simply
started again.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from datetime import UTC
from itertools import cycle
from typing import Any

import structlog
from arq.worker import Worker, func

from app.infra.queue import QUEUE_NAME, deserialize, redis_settings, serialize
from app.infra.runtime import Runtime, make_runtime
from app.settings import Settings
from app.workers.activity import react_to_activities, tidy_up
from app.workers.administration import run_jobs
from app.workers.checkpoints import keep_log
from app.workers.clocks import turn_clocks
from app.workers.federation import (
    deliver_messages,
    describe_peers,
    look_after_keys,
    look_after_peers,
    process_inbox,
    tidy_peers,
)
from app.workers.feeds import send_alerts
from app.workers.files import remove_files, sweep_files
from app.workers.followers import deliver_notes
from app.workers.letters import send_letters
from app.workers.notifications import write_digests
from app.workers.periods import close_periods
from app.workers.runtime import Chore, ChoreFunction
from app.workers.webhooks import send_webhooks
from app.workers.witnesses import offer_checkpoints

CHORES: Mapping[str, ChoreFunction] = {
    "react_to_activities": react_to_activities,
    "run_jobs": run_jobs,
    "turn_clocks": turn_clocks,
    "close_periods": close_periods,
    "keep_log": keep_log,
    "offer_checkpoints": offer_checkpoints,
    "look_after_keys": look_after_keys,
    "process_inbox": process_inbox,
    "deliver_messages": deliver_messages,
    "look_after_peers": look_after_peers,
    "deliver_notes": deliver_notes,
    "tidy_peers": tidy_peers,
    "send_webhooks": send_webhooks,
    "write_digests": write_digests,
    "send_alerts": send_alerts,
    "send_letters": send_letters,
    "remove_files": remove_files,
    "sweep_files": sweep_files,
}
# What one chore leaves to do for another is begun at once, not at the next sweep.
FOLLOWED_BY: Mapping[str, tuple[str, ...]] = {
    "react_to_activities": (
        "close_periods",
        "deliver_messages",
        "send_webhooks",
        "remove_files",
        "send_alerts",
        "send_letters",
        "keep_log",
    ),
    "write_digests": ("send_letters",),
    "send_alerts": ("send_letters",),
    "run_jobs": ("react_to_activities",),
    "look_after_peers": ("react_to_activities",),
    "turn_clocks": ("react_to_activities",),
    "close_periods": ("react_to_activities",),
    "look_after_keys": ("deliver_messages",),
    "process_inbox": ("deliver_messages",),
    "deliver_messages": ("deliver_notes",),
    "keep_log": ("offer_checkpoints",),
    "offer_checkpoints": ("react_to_activities",),
}
# Chores that need not look at every sweep.
PACE_SECONDS: Mapping[str, float] = {
    "write_digests": 60, "send_alerts": 60, "turn_clocks": 60, "close_periods": 60,
    "sweep_files": 3600,
    "look_after_keys": 60, "offer_checkpoints": 60, "look_after_peers": 60, "tidy_peers": 600,
}  # fmt: skip
TIDY_SECONDS = 600
RECONNECT_SECONDS = 2
_log = structlog.get_logger("app.workers")

Bells = Mapping[str, asyncio.Event]


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
    """Work until cancelled: every chore in a loop of its own, so that none waits for another."""
    bells = {name: asyncio.Event() for name in CHORES}
    async with asyncio.TaskGroup() as group:
        for name, run in CHORES.items():
            pace = PACE_SECONDS.get(name, sweep_seconds)
            group.create_task(_tend(Chore(name, run, runtime), bells, pace))
        for name, run in (("tidy_up", tidy_up), ("describe_peers", describe_peers)):
            group.create_task(_tend(Chore(name, run, runtime), {}, TIDY_SECONDS))
        group.create_task(_listen(bells, redis_url))


async def run_until_idle(runtime: Runtime) -> bool:
    """Do everything that waits now and return whether anything did (command line and tests)."""
    done = 0
    idle = 0
    # Over once each of them, one after the other, found nothing to do since the last that did.
    for run in cycle(CHORES.values()):
        moved = await run(runtime)
        done += moved
        idle = 0 if moved else idle + 1
        if idle == len(CHORES):
            break
    return done > 0


async def _tend(chore: Chore, bells: Bells, pace: float) -> None:
    """Do a chore when its bell rings and, whatever happens to bells, at its pace."""
    bell = bells.get(chore.name, asyncio.Event())
    while True:
        bell.clear()  # before looking: what is rung meanwhile makes it look once more
        # Only where something moved: chores follow each other in circles.
        if await chore.ring():
            for following in FOLLOWED_BY.get(chore.name, ()):
                bells[following].set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pace):
                await bell.wait()


async def _listen(bells: Bells, redis_url: str) -> None:
    while True:
        worker = build_worker(bells, redis_url)
        try:
            await worker.main()
        except asyncio.CancelledError:
            await _close(worker)
            raise
        except Exception as error:  # noqa: BLE001 - Redis went away; the sweep goes on meanwhile
            _log.warning("doorbell lost", error=type(error).__name__)
        await _close(worker)
        await asyncio.sleep(RECONNECT_SECONDS)


def build_worker(bells: Bells, redis_url: str) -> Worker:
    """Make an arq worker that answers the doorbell, in JSON and without signal handlers."""

    def answering(name: str) -> Any:
        async def answer(ctx: dict[Any, Any], *args: Any, **kwargs: Any) -> None:  # noqa: ARG001
            bells[name].set()

        return func(answer, name=name, keep_result=0, max_tries=1)

    return Worker(
        functions=[answering(name) for name in bells],
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

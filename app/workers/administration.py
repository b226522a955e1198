"""The chore that does long work: a job at a time, seen to its end or taken up again."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.administration import actions, imports, queries
from app.domain.identity import queries as identity
from app.errors import AppError
from app.federation.peers.stewarding import SYNC_JOB
from app.infra.database import transaction
from app.infra.runtime import Runtime
from app.models.administration import Job, JobState
from app.models.identity import Account
from app.workers.federation import sync_peer

HEARTBEAT_SECONDS = 5
PROGRESS_SECONDS = 0.5

Progress = Callable[[int, int], Awaitable[None]]
Outcome = tuple[JobState, Mapping[str, Any], list[dict[str, Any]]]
Handler = Callable[[AsyncSession, Actor, Job, Progress], Awaitable[Outcome]]

HANDLERS: Mapping[str, Handler] = {
    imports.KIND: imports.run_import,
    imports.KIND_UNDO: imports.run_undo,
}
# Work with other instances: it may take its time, so no transaction is held open meanwhile, and
# what it does is safe to do twice.
Errand = Callable[[Runtime, Job, Progress], Awaitable[Outcome]]
ERRANDS: Mapping[str, Errand] = {SYNC_JOB: sync_peer}
_log = structlog.get_logger("app.workers")


async def run_jobs(runtime: Runtime) -> int:
    """Do every job that waits, one after the other; answers how many were done."""
    handled = 0
    while True:
        async with transaction(runtime.sessions) as session:
            job = await actions.claim_job(session)
        if job is None:
            return handled
        await _run(runtime, job)
        handled += 1


async def _run(runtime: Runtime, job: Job) -> None:
    """Do one job. A lost database leaves it running: it falls silent and is taken up again."""
    if actions.is_hopeless(job):
        await _fail(runtime, job.id, "job_gave_up")
        return
    try:
        async with _heartbeat(runtime, job.id):
            await _work(runtime, job)
    except actions.JobStoppedError:
        await _end(runtime, job.id, JobState.CANCELLED, {"code": "job_cancelled"})
    except AppError as error:
        await _fail(runtime, job.id, error.code)
    except (OperationalError, InterfaceError, OSError) as error:
        _log.warning("job interrupted", kind=job.kind, error=type(error).__name__)
    except Exception as error:  # noqa: BLE001 - one bad job must not stop the others
        _log.error("job failed", kind=job.kind, error=type(error).__name__)
        await _fail(runtime, job.id, "internal")


async def _work(runtime: Runtime, job: Job) -> None:
    """Run the handler and write the end in the same transaction; of an errand the end alone."""
    progress = _progress_of(runtime, job.id)
    ran = await ERRANDS[job.kind](runtime, job, progress) if job.kind in ERRANDS else None
    async with transaction(runtime.sessions) as session:
        if ran is None:
            account = await identity.get_account(session, job.account_id)
            actor = _actor_of(account, job)
            ran = await HANDLERS[job.kind](session, actor, job, progress)
        state, result, warnings = ran
        locked = await queries.lock_running_job(session, job.id)
        if locked is None:
            await session.rollback()  # somebody else did it while we were thought dead
            return
        if locked.stop_asked_at is not None:
            raise actions.JobStoppedError  # asked in the last moment: as if it had never begun
        locked.done, locked.total = result.get("total", 0), result.get("total", 0)
        actions.finish_job(locked, state, result, warnings)


def _actor_of(account: Account, job: Job) -> Actor:
    """Act as the person who asked, with what they may do by now."""
    return Actor(
        account_id=account.id,
        handle=account.handle,
        steward=account.steward,
        language=account.language,
        request_id=f"job-{job.id}",
    )


def _progress_of(runtime: Runtime, job_id: UUID) -> Progress:
    last = 0.0

    async def progress(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < PROGRESS_SECONDS and done < total:
            return
        last = now
        async with transaction(runtime.sessions) as session:
            await actions.note_progress(session, job_id, (done, total))
            await actions.stop_if_asked(session, job_id)

    return progress


@asynccontextmanager
async def _heartbeat(runtime: Runtime, job_id: UUID) -> AsyncIterator[None]:
    """Say that we are alive while the job runs."""

    async def beat() -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            with contextlib.suppress(OperationalError, InterfaceError, OSError):
                async with transaction(runtime.sessions) as session:
                    await actions.note_progress(session, job_id)

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _fail(runtime: Runtime, job_id: UUID, code: str) -> None:
    await _end(runtime, job_id, JobState.FAILED, {"code": code})


async def _end(runtime: Runtime, job_id: UUID, state: JobState, result: Mapping[str, Any]) -> None:
    async with transaction(runtime.sessions) as session:
        job = await queries.lock_running_job(session, job_id)
        if job is not None:
            actions.finish_job(job, state, result, [])

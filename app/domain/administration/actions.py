"""Running the instance: its name and its long work.

A job is a row from the moment it is asked for. Whoever works on it says so every few seconds;
one that has gone silent is taken up by somebody else. What it does and its end are one
transaction, so a job that is taken up twice still has its effect once.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, or_, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.activity.actions import record
from app.domain.administration import errors, queries
from app.domain.administration.queries import NAME, PEER_POLICY
from app.domain.asks.actions import count_today, day_key
from app.infra import clock, ids
from app.models.administration import InstanceSetting, Job, JobState

SILENT_AFTER = timedelta(seconds=20)
ATTEMPTS_MAX = 3
POLICY_CHARACTERS_MAX = 10_000
ATTEMPTS = "attempts"


async def name_instance(session: AsyncSession, name: str) -> None:
    """Set the instance's name."""
    await _set(session, NAME, name)


async def set_peer_policy(session: AsyncSession, actor: Actor, policy: str) -> None:
    """Write down what this instance asks of its peers; for stewards, read by everybody."""
    actor.require_steward()
    if len(policy.strip()) > POLICY_CHARACTERS_MAX:
        raise errors.policy_too_long(POLICY_CHARACTERS_MAX)
    await _set(session, PEER_POLICY, policy.strip())


async def _set(session: AsyncSession, name: str, value: Any) -> None:
    found = await session.get(InstanceSetting, name)
    if found is None:
        session.add(InstanceSetting(name=name, value=value))
    else:
        found.value = value


async def admit(session: AsyncSession, network: str | None, most: int) -> None:
    """Count a new account against its network's day, and refuse one too many.

    What is kept is a hash under a key of today's: tomorrow nobody can tell who came from where.
    """
    if network is None:
        return
    if await count_today(session, await day_key(session), "registration", network) > most:
        raise errors.registrations_limited()


async def create_job(
    session: AsyncSession,
    actor: Actor,
    kind: str,
    parameters: Mapping[str, Any],
    payload: bytes | None = None,
) -> Job:
    """Put work in the queue for a worker; the asker can follow it."""
    job = Job(
        id=ids.private_id(),
        kind=kind,
        account_id=actor.signed_in(),
        parameters=dict(parameters),
        payload=payload,
    )
    session.add(job)
    record(session, actor, "job.queued", job.id, kind=kind)
    return job


async def claim_job(session: AsyncSession) -> Job | None:
    """Take the oldest job that waits, or whose worker has gone silent."""
    now = clock.now()
    statement = (
        select(Job)
        .where(
            or_(
                col(Job.state) == JobState.QUEUED,
                and_(
                    col(Job.state) == JobState.RUNNING,
                    col(Job.heartbeat_at) < now - SILENT_AFTER,
                ),
            )
        )
        .order_by(col(Job.created_at), col(Job.id))
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    job = (await session.exec(statement)).first()
    if job is not None:
        attempts = int(job.parameters.get(ATTEMPTS, 0)) + 1
        job.parameters = {**job.parameters, ATTEMPTS: attempts}
        job.state = JobState.RUNNING
        job.started_at = job.heartbeat_at = now
        job.done = 0
    return job


def is_hopeless(job: Job) -> bool:
    """Say whether a job has taken down its worker so often that it must not be tried again."""
    return int(job.parameters.get(ATTEMPTS, 0)) > ATTEMPTS_MAX


async def note_progress(
    session: AsyncSession, job_id: UUID, progress: tuple[int, int] | None = None
) -> None:
    """Say that somebody is at it, and how far; in a transaction of its own, to be seen."""
    values: dict[str, Any] = {"heartbeat_at": clock.now()}
    if progress is not None:
        values["done"], values["total"] = progress
    await session.execute(
        update(Job)
        .where(col(Job.id) == job_id, col(Job.state) == JobState.RUNNING)
        .values(**values)
        .execution_options(synchronize_session=False)
    )


class JobStoppedError(Exception):
    """Somebody asked for the work to stop; what it had done is rolled back."""


async def cancel_job(session: AsyncSession, actor: Actor, job_id: UUID) -> Job:
    """Stop a job: one that waits never begins, one that runs leaves nothing behind."""
    await queries.get_job_for(session, actor, job_id)
    job = await session.get(Job, job_id, with_for_update=True, populate_existing=True)
    if job is None:
        raise errors.job_not_found()
    if job.state is JobState.QUEUED:
        finish_job(job, JobState.CANCELLED, {"code": "job_cancelled"}, [])
    elif job.state is JobState.RUNNING:
        job.stop_asked_at = job.stop_asked_at or clock.now()
    else:
        raise errors.job_over()
    return job


async def stop_if_asked(session: AsyncSession, job_id: UUID) -> None:
    """Raise where somebody asked for the job to stop."""
    asked = select(Job.stop_asked_at).where(Job.id == job_id)
    if (await session.exec(asked)).first() is not None:
        raise JobStoppedError


def finish_job(
    job: Job, state: JobState, result: Mapping[str, Any], warnings: Sequence[Mapping[str, Any]]
) -> None:
    """Write how a job ended; what it was made from is not needed any more."""
    job.state = state
    job.result = dict(result)
    job.warnings = [dict(warning) for warning in warnings]
    job.finished_at = clock.now()
    job.payload = None

"""Reading what the stewards set, what the instance holds, and how long work is doing."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.administration import errors
from app.domain.asks import queries as asks
from app.domain.moderation import queries as moderation
from app.domain.needs import reviewing
from app.models.administration import InstanceSetting, Job, JobState
from app.models.federation import Peer, PeerState
from app.models.needs import Audience, Need, NeedState
from app.models.organisations import Organisation, OrganisationState

NAME = "instance_name"
PEER_POLICY = "peer_policy"


@dataclass(frozen=True)
class Counts:
    """How much there is, for whoever meets the instance."""

    needs_open: int
    organisations: int
    peers: int


@dataclass(frozen=True)
class Waiting:
    """What others cannot go on without until a steward looked at it."""

    asks: int
    needs: int
    organisations: int
    peers: int
    reports: int


async def get_setting(session: AsyncSession, name: str, default: Any) -> Any:
    """Return a steward's choice, or the default while there is none."""
    found = await session.get(InstanceSetting, name)
    return default if found is None else found.value


async def instance_name(session: AsyncSession, default: str) -> str:
    """Return the instance's name."""
    return str(await get_setting(session, NAME, default))


async def peer_policy(session: AsyncSession) -> str:
    """Return what the stewards wrote about this instance and its peers; empty while nothing."""
    return str(await get_setting(session, PEER_POLICY, ""))


async def counts(session: AsyncSession) -> Counts:
    """Count what is open to everybody, whoever it comes from, and those we exchange with."""
    limited = select(Peer.id).where(col(Peer.limited))
    needs_open = select(func.count()).where(
        col(Need.state) == NeedState.OPEN,
        col(Need.audience) == Audience.PUBLIC,
        col(Need.peer_id).in_(limited).is_not(True),
    )
    accepted = select(func.count()).where(col(Organisation.state) == OrganisationState.ACCEPTED)
    active = select(func.count()).where(col(Peer.state) == PeerState.ACTIVE)
    return Counts(
        needs_open=(await session.exec(needs_open)).one(),
        organisations=(await session.exec(accepted)).one(),
        peers=(await session.exec(active)).one(),
    )


async def get_job_for(session: AsyncSession, actor: Actor, job_id: UUID) -> Job:
    """Return a job to the one who started it and to stewards; to others there is none."""
    account_id = actor.signed_in()
    job = await session.get(Job, job_id)
    if job is None or not (job.account_id == account_id or actor.acts_as_steward):
        raise errors.job_not_found()
    return job


async def count_unfinished(session: AsyncSession, account_id: UUID) -> int:
    """Count the jobs of one person that are not done."""
    unfinished = col(Job.state).in_((JobState.QUEUED, JobState.RUNNING))
    statement = select(func.count()).where(col(Job.account_id) == account_id, unfinished)
    return (await session.exec(statement)).one()


async def lock_running_job(session: AsyncSession, job_id: UUID) -> Job | None:
    """Return a job for ending it; None when another worker has ended it meanwhile."""
    job = await session.get(Job, job_id, with_for_update=True, populate_existing=True)
    return job if job is not None and job.state is JobState.RUNNING else None


async def count_waiting(session: AsyncSession, actor: Actor) -> Waiting:
    """Count what waits for the stewards; answers to holds count among the reports."""
    moderated = await moderation.count_waiting(session, actor)
    proposed = select(func.count()).where(col(Organisation.state) == OrganisationState.PROPOSED)
    requested = select(func.count()).where(col(Peer.state) == PeerState.REQUESTED)
    return Waiting(
        asks=await asks.count_waiting(session),
        needs=await reviewing.count_waiting(session),
        organisations=(await session.exec(proposed)).one(),
        peers=(await session.exec(requested)).one(),
        reports=moderated.reports + moderated.appeals,
    )

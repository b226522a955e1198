"""The best needs for a worker, each with its reasons."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.matching.rules import NeedFacts, Reason, WorkerFacts, score
from app.domain.profiles import skills
from app.infra import clock
from app.models.claims import LIVE_STATES, Claim, ClaimState
from app.models.needs import Need, NeedState, Urgency
from app.models.profiles import Profile, ProfileSkillRow

CANDIDATES = 1_000


@dataclass(frozen=True)
class Match:
    """A need, its points out of 100, and why."""

    need: Need
    score: int
    reasons: Sequence[Reason]


async def matches_for(session: AsyncSession, actor: Actor, limit: int) -> Sequence[Match]:
    """Return the best open needs for the signed-in worker; empty without any skill."""
    account_id = actor.signed_in()
    worker = await _worker_facts(session, account_id)
    if not worker.skills:
        return []
    now = clock.now()
    found = []
    for need in await _candidates(session, account_id, worker):
        points, reasons = score(_need_facts(need), worker, now, skills.near)
        if points:
            found.append(Match(need, points, reasons))
    found.sort(key=lambda match: (-match.score, -match.need.id.int))
    return found[:limit]


async def _worker_facts(session: AsyncSession, account_id: UUID) -> WorkerFacts:
    profile = await session.get(Profile, account_id)
    if profile is None:
        return WorkerFacts(frozenset(), frozenset(), 0)
    statement = select(ProfileSkillRow.slug).where(ProfileSkillRow.account_id == account_id)
    held = frozenset((await session.exec(statement)).all())
    return WorkerFacts(held, frozenset(profile.languages), profile.hours_per_week)


async def _candidates(
    session: AsyncSession, account_id: UUID, worker: WorkerFacts
) -> Sequence[Need]:
    """Read the newest open needs that share a skill, or one beside it, and a language."""
    beside = {near for slug in worker.skills for near in skills.near(slug)}
    claimed = select(Claim.need_id).where(
        Claim.account_id == account_id,
        col(Claim.state).in_((*LIVE_STATES, ClaimState.CONFIRMED)),
    )
    wanted = sorted(worker.skills | beside)
    statement = select(Need).where(
        Need.state == NeedState.OPEN,
        col(Need.taken) < col(Need.places),
        col(Need.skill_slugs).overlap(wanted),  # type: ignore[attr-defined]
        col(Need.id).not_in(claimed),
    )
    if worker.languages:
        statement = statement.where(col(Need.language).in_(worker.languages))
    newest = statement.order_by(col(Need.published_at).desc(), col(Need.id).desc())
    return (await session.exec(newest.limit(CANDIDATES))).all()


def _need_facts(need: Need) -> NeedFacts:
    return NeedFacts(
        skills=frozenset(need.skill_slugs),
        must=frozenset(need.must_slugs),
        language=need.language,
        estimate_minutes=need.estimate_minutes,
        urgent=need.urgency == Urgency.HIGH,
        published_at=need.published_at or need.created_at,
    )

"""The best needs for a worker and the best workers for a need, each with its reasons."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, union
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.identity.queries import accounts_by_id
from app.domain.matching.facts import (
    moment_now,
    need_facts,
    worker_facts,
    worker_facts_of,
)
from app.domain.matching.rules import (
    HOURS_POINTS,
    OVERLAP_POINTS,
    SKILL_POINTS,
    URGENT_POINTS,
    Moment,
    NeedFacts,
    Score,
    WorkerFacts,
    need_for_worker,
    spoken,
    worker_for_need,
)
from app.domain.matching.walks import (
    NEEDS,
    WORKERS,
    Ranked,
    need_facts_of,
    need_rows,
    skill_factors,
    walk,
)
from app.domain.needs.mirroring import limited_peers
from app.domain.needs.queries import get_need_for, require_need_side
from app.domain.organisations.blocking import kept_apart, unheard_of
from app.domain.profiles import skills
from app.infra import clock
from app.models.claims import LIVE_STATES, Claim, ClaimState
from app.models.identity import Account
from app.models.matching import MatchDismissal, MatchInvitation, MatchNeed
from app.models.needs import Need, NeedState
from app.models.organisations import Block
from app.models.profiles import Profile

ELSEWHERE_MAX = 100
# A claim in one of these states keeps its need off one's board.
TAKEN_ON = (*LIVE_STATES, ClaimState.CONFIRMED)


@dataclass(frozen=True)
class NeedMatch:
    """A need, and its score with every part."""

    need: Need
    score: Score


@dataclass(frozen=True)
class Board:
    """What fits a worker; when nothing does, what would help."""

    matches: Sequence[NeedMatch]
    lacks: str | None = None
    in_other_languages: int = 0


@dataclass(frozen=True)
class Apart:
    """What is kept off a board: needs, and all of blocked organisations and limited peers."""

    needs: Sequence[UUID] = ()
    sources: Sequence[UUID] = ()


@dataclass(frozen=True)
class WorkerMatch:
    """A worker who wants to be found: what an organisation learns of them."""

    account: Account
    score: Score
    skills: Sequence[str]
    near_skills: Sequence[str]
    languages: Sequence[str]
    invited: bool


async def best_needs(session: AsyncSession, actor: Actor, limit: int) -> Sequence[NeedMatch]:
    """Return the best open needs for the signed-in worker: exact, however many there are."""
    worker = await worker_facts(session, actor.signed_in())
    return await _needs_for(session, actor, worker, limit) if worker else []


async def _needs_for(
    session: AsyncSession, actor: Actor, worker: WorkerFacts, limit: int
) -> Sequence[NeedMatch]:
    if not worker.skills or not worker.languages:
        return []
    apart = await _apart(session, actor.signed_in())
    found = await rank_needs(session, worker, moment_now(), apart, limit)
    statement = select(Need).where(col(Need.id).in_([one.id for one in found]))
    needs = {need.id: need for need in await session.exec(statement)}
    return [NeedMatch(needs[one.id], one.score) for one in found if one.id in needs]


async def board_of(
    session: AsyncSession, actor: Actor, limit: int, *, elsewhere: bool = False
) -> Board:
    """Return the worker's board; an empty one says what is missing, or where there is more.

    `elsewhere` asks for what would fit if its language were one that the worker writes.
    """
    worker = await worker_facts(session, actor.signed_in())
    if worker is None or not worker.skills:
        return Board([], lacks="skills")
    if not worker.languages:
        return Board([], lacks="languages")
    if not elsewhere and (matches := await _needs_for(session, actor, worker, limit)):
        return Board(matches)
    others = await _in_other_languages(session, worker)
    there = await _needs_for(session, actor, others, ELSEWHERE_MAX)
    shown = [_said_of_other_language(match) for match in there[:limit]] if elsewhere else []
    return Board(shown, in_other_languages=len(there))


async def _in_other_languages(session: AsyncSession, worker: WorkerFacts) -> WorkerFacts:
    """Return the same worker as one who writes every language that they do not write."""
    brings = list(skill_factors(worker, skills.near))
    written = {spoken(one) for one in worker.languages}
    statement = (
        select(MatchNeed.language)
        .where(col(MatchNeed.skill).in_(brings), col(MatchNeed.language).not_in(written))
        .distinct()
    )
    return replace(worker, languages=frozenset(await session.exec(statement)))


def _said_of_other_language(match: NeedMatch) -> NeedMatch:
    reasons = [
        replace(reason, code="other_language") if reason.code == "language" else reason
        for reason in match.score.reasons
    ]
    return NeedMatch(match.need, replace(match.score, reasons=reasons))


async def why_fits(session: AsyncSession, actor: Actor, need: Need) -> Score | None:
    """Return how a need fits the one who reads it; None for strangers and where it does not."""
    if actor.account_id is None or need.state != NeedState.OPEN:
        return None
    worker = await worker_facts(session, actor.account_id)
    if worker is None or need.organisation_id in await unheard_of(session, actor.account_id):
        return None
    facts = await need_facts(session, need)
    return need_for_worker(facts, worker, moment_now(), skills.near)


async def best_workers(
    session: AsyncSession, actor: Actor, need_id: UUID, limit: int
) -> Sequence[WorkerMatch]:
    """Return the workers who want to be found and fit a need, to those who answer for it."""
    need = await get_need_for(session, actor, need_id)
    await require_need_side(session, actor, need)
    if need.state != NeedState.OPEN:
        return []
    facts = await need_facts(session, need)
    hidden = await _not_to_ask(session, need, actor)
    found = await rank_workers(session, facts, moment_now(), hidden, limit)
    return await _described(session, need, facts, found)


async def rank_needs(
    session: AsyncSession,
    worker: WorkerFacts,
    moment: Moment,
    apart: Apart,
    limit: int,
) -> list[Ranked]:
    """Rank open needs for a worker's facts."""
    factors = skill_factors(worker, skills.near)
    params = {
        "skills": list(factors),
        "factors": list(factors.values()),
        "languages": sorted({spoken(language) for language in worker.languages}),
        "free": worker.free_minutes,
        "overlap": OVERLAP_POINTS if worker.rhythm else 0,
        "hidden": list(apart.needs),
        "unheard": list(apart.sources),
    }
    steps = _NeedSteps(worker, moment, not apart.sources)
    return await walk(session, NEEDS, params, steps, limit)


async def rank_workers(
    session: AsyncSession,
    need: NeedFacts,
    moment: Moment,
    hidden: Iterable[UUID],
    limit: int,
) -> list[Ranked]:
    """Rank workers who want to be found for a need's facts."""
    rows = need_rows(need, skills.near)
    if not rows:
        return []
    params = {
        "skills": [row[0] for row in rows],
        "factors": [row[1] for row in rows],
        "weights": [row[2] for row in rows],
        "places": [row[3] for row in rows],
        "language": spoken(need.language),
        "asked": need.estimate_minutes or 0,
        "whole": 2 * sum({row[3]: row[2] for row in rows}.values()),
        "urgent": URGENT_POINTS if need.urgent else 0,
        "musts": len(need.must),
        "overlap": OVERLAP_POINTS if need.rhythm else 0,
        "hidden": list(hidden),
    }
    return await walk(session, WORKERS, params, _WorkerSteps(need, moment), limit)


@dataclass(frozen=True)
class _NeedSteps:
    worker: WorkerFacts
    moment: Moment
    certain: bool

    @property
    def most(self) -> int:
        hours = HOURS_POINTS if self.worker.free_minutes else 0
        overlap = OVERLAP_POINTS if self.worker.rhythm else 0
        return SKILL_POINTS + hours + overlap + URGENT_POINTS

    def score(self, rows: Sequence[Mapping[Any, Any]]) -> list[Ranked]:
        scored = (
            (row, need_for_worker(need_facts_of(row), self.worker, self.moment, skills.near))
            for row in rows
        )
        return [Ranked(row["id"], one, row["posted_at"]) for row, one in scored if one]


@dataclass(frozen=True)
class _WorkerSteps:
    need: NeedFacts
    moment: Moment
    certain: bool = True

    @property
    def most(self) -> int:
        hours = HOURS_POINTS if self.need.estimate_minutes else 0
        overlap = OVERLAP_POINTS if self.need.rhythm else 0
        urgent = URGENT_POINTS if self.need.urgent else 0
        return SKILL_POINTS + hours + overlap + urgent

    def score(self, rows: Sequence[Mapping[Any, Any]]) -> list[Ranked]:
        facts = [(row["id"], worker_facts_of(row)) for row in rows]
        scored = (
            (each, worker, worker_for_need(self.need, worker, self.moment, skills.near))
            for each, worker in facts
        )
        return [
            Ranked(each, one, worker.saved_at, frozenset(worker.skills))
            for each, worker, one in scored
            if one
        ]


async def _apart(session: AsyncSession, account_id: UUID) -> Apart:
    """Return what this worker took on or sent off the board, and of whom they see nothing."""
    claimed = select(Claim.need_id).where(
        Claim.account_id == account_id, col(Claim.state).in_(TAKEN_ON)
    )
    dismissed = select(MatchDismissal.need_id).where(MatchDismissal.account_id == account_id)
    needs = (await session.execute(union(claimed, dismissed))).scalars().all()
    return Apart(needs, [*await unheard_of(session, account_id), *await limited_peers(session)])


async def _not_to_ask(session: AsyncSession, need: Need, actor: Actor) -> set[UUID]:
    """Return who is no news to a need: claimed it, asks, or is kept apart from who asks."""
    claimed = select(Claim.account_id).where(
        Claim.need_id == need.id, col(Claim.state).in_(TAKEN_ON)
    )
    blocked = select(Block.account_id).where(Block.organisation_id == need.organisation_id)
    asking = {actor.account_id} if actor.account_id else set()
    return {*(await session.execute(union(claimed, blocked))).scalars(), *asking}


async def _described(
    session: AsyncSession, need: Need, facts: NeedFacts, found: Sequence[Ranked]
) -> list[WorkerMatch]:
    ids = [one.id for one in found]
    accounts = await accounts_by_id(session, ids)
    invited = await invited_to(session, need.id)
    common = spoken(need.language)
    described = []
    for one in found:
        exact = sorted(facts.skills & one.skills)
        near = sorted(
            slug
            for slug in facts.skills - one.skills
            if not one.skills.isdisjoint(skills.near(slug))
        )
        described.append(
            WorkerMatch(accounts[one.id], one.score, exact, near, [common], one.id in invited)
        )
    return described


async def invited_to(session: AsyncSession, need_id: UUID) -> set[UUID]:
    """Return who was invited to a need."""
    statement = select(MatchInvitation.account_id).where(MatchInvitation.need_id == need_id)
    return set((await session.exec(statement)).all())


async def invitations_since(session: AsyncSession, organisation_id: UUID, span: timedelta) -> int:
    """Count the invitations to all needs of an organisation in the last while."""
    statement = select(func.count()).where(
        MatchInvitation.need_id == Need.id,
        Need.organisation_id == organisation_id,
        MatchInvitation.created_at > clock.now() - span,
    )
    return (await session.exec(statement)).one()


async def worker_to_invite(session: AsyncSession, need: Need, account_id: UUID) -> bool:
    """Say whether this person wants to be found and fits: what the list of workers shows."""
    profile = await session.get(Profile, account_id)
    account = await session.get(Account, account_id)
    if profile is None or account is None or not profile.findable:
        return False
    if account.disabled_at or account.limited_at:
        return False
    if need.organisation_id and await kept_apart(session, need.organisation_id, account_id):
        return False
    worker = await worker_facts(session, account_id)
    if worker is None:
        return False
    facts = await need_facts(session, need)
    found = worker_for_need(facts, worker, moment_now(), skills.near)
    return found is not None and found.points > 0


async def dismissed_needs(session: AsyncSession, actor: Actor, limit: int) -> Sequence[Need]:
    """Return the needs that one sent off one's board, the last first, as far as still listed."""
    unheard = await unheard_of(session, actor.account_id)
    statement = (
        select(Need)
        .where(
            MatchDismissal.account_id == actor.signed_in(),
            MatchDismissal.need_id == Need.id,
            Need.state == NeedState.OPEN,
            col(Need.organisation_id).in_(unheard).is_not(True),
        )
        .order_by(col(MatchDismissal.created_at).desc(), col(Need.id))
        .limit(limit)
    )
    return (await session.exec(statement)).all()


async def is_dismissed(session: AsyncSession, account_id: UUID, need_id: UUID) -> bool:
    """Say whether a worker sent a need off their board."""
    return await session.get(MatchDismissal, (account_id, need_id)) is not None

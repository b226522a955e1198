"""Ranking along the postings gives what scoring everything gives: every place, also of ties."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.matching import batch, facts, queries
from app.domain.matching.rules import need_for_worker, worker_for_need
from app.domain.needs.queries import get_need_for
from app.domain.profiles.skills import near
from app.infra import clock
from app.infra.database import transaction
from app.models.claims import LIVE_STATES, Claim, ClaimState
from app.models.identity import Account
from app.models.needs import Need, NeedState
from app.models.organisations import Block, BlockSide
from app.models.profiles import Profile
from tests.factories.matching import Crowd, crowd
from tests.factories.world import World

NOW = datetime(2026, 10, 21, 15, 30, tzinfo=UTC)  # clocks go back at the end of this week
Places = list[tuple[UUID, int]]


async def _claimed(session: AsyncSession) -> set[tuple[UUID, UUID]]:
    statement = select(Claim.need_id, Claim.account_id).where(
        col(Claim.state).in_((*LIVE_STATES, ClaimState.CONFIRMED))
    )
    return {(need, account) for need, account in await session.execute(statement)}


async def _apart(session: AsyncSession) -> dict[tuple[UUID, UUID], BlockSide]:
    statement = select(Block.organisation_id, Block.account_id, Block.side)
    return {(row[0], row[1]): row[2] for row in await session.execute(statement)}


async def _shut_out(session: AsyncSession) -> set[UUID]:
    statement = select(Account.id).where(
        col(Account.disabled_at).is_not(None) | col(Account.limited_at).is_not(None)
    )
    return set(await session.exec(statement))


async def _best(
    session: AsyncSession, made: Crowd
) -> tuple[dict[UUID, Places], dict[UUID, Places]]:
    """Score every pair and sort: the needs of each worker, the workers of each need."""
    needs = (await session.exec(select(Need).where(Need.state == NeedState.OPEN))).all()
    told = {need.id: await facts.need_facts(session, need) for need in needs}
    free = [need.id for need in needs if need.taken < need.places]
    workers = {one: await facts.worker_facts(session, one) for one in made.workers}
    findable = set(await session.exec(select(Profile.account_id).where(col(Profile.findable))))
    claimed, apart = await _claimed(session), await _apart(session)
    home = {need.id: need.organisation_id for need in needs}
    findable -= await _shut_out(session)
    moment = facts.moment_now()
    of_workers: dict[UUID, list[tuple[int, datetime, int]]] = {one: [] for one in workers}
    of_needs: dict[UUID, list[tuple[int, datetime, int]]] = {one: [] for one in told}
    for need_id, need in told.items():
        for account_id, worker in workers.items():
            if worker is None or (need_id, account_id) in claimed:
                continue
            block = apart.get((home[need_id] or need_id, account_id))
            ours = need_for_worker(need, worker, moment, near)
            if ours and ours.points and need_id in free and block != BlockSide.PERSON:
                of_workers[account_id].append((ours.points, need.posted_at, need_id.int))
            theirs = worker_for_need(need, worker, moment, near)
            if theirs and theirs.points and account_id in findable and block is None:
                of_needs[need_id].append((theirs.points, worker.saved_at, account_id.int))
    return _places(of_workers), _places(of_needs)


def _places(found: dict[UUID, list[tuple[int, datetime, int]]]) -> dict[UUID, Places]:
    return {
        one: [(UUID(int=place[2]), place[0]) for place in sorted(rows, reverse=True)]
        for one, rows in found.items()
    }


def _shown(matches: Sequence[queries.NeedMatch]) -> Places:
    return [(match.need.id, match.score.points) for match in matches]


@pytest.mark.parametrize("seed", range(4))
async def test_both_ways_and_the_batch_agree_with_scoring_everything(
    world: World, seed: int
) -> None:
    steward = Actor(account_id=UUID(int=seed + 1), steward=True)
    with clock.frozen(NOW):
        async with transaction(world.runtime.sessions) as session:
            made = await crowd(session, seed, NOW, needs=260, workers=90)
        async with transaction(world.runtime.sessions) as session:
            for_workers, for_needs = await _best(session, made)
            for limit in (1, 5, 20):
                for account_id in made.workers:
                    actor = Actor(account_id=account_id)
                    found = await queries.best_needs(session, actor, limit)
                    assert _shown(found) == for_workers[account_id][:limit]
            for need_id in for_needs:
                await get_need_for(session, steward, need_id)
                people = await queries.best_workers(session, steward, need_id, 20)
                told = [(match.account.id, match.score.points) for match in people]
                assert told == for_needs[need_id][:20]
            boards = dict([board async for board in batch.boards(session, 20)])
            gone = await _shut_out(session)
    assert boards == {
        one: rows[:20] for one, rows in for_workers.items() if rows and one not in gone
    }
    assert gone
    assert sum(map(len, for_workers.values())) > 500, "a world in which nothing fits proves nothing"


@pytest.mark.parametrize("shut_out", ["disabled_at", "limited_at"])
async def test_a_disabled_account_is_found_by_nobody(world: World, shut_out: str) -> None:
    steward = Actor(account_id=UUID(int=1), steward=True)
    with clock.frozen(NOW):
        async with transaction(world.runtime.sessions) as session:
            await crowd(session, 1, NOW, needs=40, workers=40)
        async with transaction(world.runtime.sessions) as session:
            need: UUID | None = None
            people: Sequence[queries.WorkerMatch] = ()
            for one in (await session.exec(select(Need.id))).all():
                people = await queries.best_workers(session, steward, one, 20)
                if people:
                    need = one
                    break
            assert need is not None
            gone = people[0].account.id
            account = await session.get_one(Account, gone)
            setattr(account, shut_out, NOW)
            await session.flush()
            left = await queries.best_workers(session, steward, need, 20)
            setattr(account, shut_out, None)  # let in again: found as before
            await session.flush()
            again = await queries.best_workers(session, steward, need, 20)
    assert [match.account.id for match in again] == [match.account.id for match in people]
    assert gone not in {match.account.id for match in left}
    assert [match.account.id for match in left][: len(people) - 1] == [
        match.account.id for match in people[1:]
    ][: len(left)]

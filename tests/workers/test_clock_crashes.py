"""The clocks take each step once: two workers at once, killed anywhere, after a long night."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.activity import clocks as kept
from app.domain.claims import sweep
from app.domain.claims.queries import ClaimView
from app.domain.needs.clocks import Due
from app.infra import clock
from app.infra.database import transaction
from app.infra.runtime import Runtime, make_runtime
from app.models.claims import Claim, ClaimState
from app.settings import Settings
from app.workers.clocks import CLAIMS_A_TRANSACTION, turn_clocks
from tests.factories.crowd import crowd
from tests.factories.processes import START_SECONDS, Process
from tests.factories.world import Json, World
from tests.workers.test_clocks import BEGIN, DAY, Story, at, story

__all__ = ["story"]  # a fixture of the other file


class Killed(BaseException):
    """Ends a worker where it stands; nothing in it may catch this."""


async def count(runtime: Runtime, statement: str) -> int:
    async with runtime.engine.connect() as connection:
        return int((await connection.execute(text(statement))).scalar_one())


async def verbs(runtime: Runtime) -> dict[str, int]:
    """Count what the clocks told, by verb."""
    async with runtime.engine.connect() as connection:
        rows = await connection.execute(
            text("SELECT verb, count(*) FROM activities WHERE account_id IS NULL GROUP BY verb")
        )
        return {verb: number for verb, number in rows if verb.startswith("claim.")}


async def silent_claims(runtime: Runtime, need: Json, number: int) -> Sequence[UUID]:
    """Let so many people hold a place and say nothing since the beginning."""
    people = await crowd(runtime, number)
    async with transaction(runtime.sessions) as session:
        claims = [
            Claim(
                id=person.account_id,
                need_id=UUID(need["id"]),
                account_id=person.account_id,
                state=ClaimState.ACTIVE,
                accepted_at=BEGIN,
                created_at=BEGIN,
                updated_at=BEGIN,
            )
            for person in people
        ]
        session.add_all(claims)
        statement = text("UPDATE needs SET taken = :taken WHERE id = :need")
        await session.execute(statement, {"taken": number, "need": UUID(need["id"])})
        return [claim.id for claim in claims]


@pytest.fixture
async def other(settings: Settings) -> AsyncIterator[Runtime]:
    """Another worker's tools on the same database."""
    made = make_runtime(**settings.tools())
    yield made
    await made.close()


async def test_two_workers_at_once_take_each_step_once(story: Story, other: Runtime) -> None:
    mine = story.world.runtime
    await silent_claims(mine, await story.need(places=500), 30)
    with at(3 * DAY):
        counts = await asyncio.gather(*(turn_clocks(each) for each in (mine, other, mine, other)))
        await turn_clocks(mine)
    assert sum(counts) <= 30
    assert await verbs(mine) == {"claim.nudged": 30}
    with at(10 * DAY):
        await asyncio.gather(*(turn_clocks(each) for each in (mine, other, mine, other)))
        await turn_clocks(mine)
    assert await verbs(mine) == {"claim.nudged": 30, "claim.lapsed": 30}
    assert await count(mine, "SELECT taken FROM needs WHERE places = 500") == 0


async def test_what_another_holds_is_left_to_it_and_not_waited_for(story: Story) -> None:
    mine = story.world.runtime
    claim = await story.active()
    async with mine.sessions() as holding:
        await holding.execute(text("SELECT 1 FROM needs FOR UPDATE"))
        with at(3 * DAY):
            assert await turn_clocks(mine) == 0
        await holding.rollback()  # as a killed worker's connection ends
    with at(3 * DAY):
        assert await turn_clocks(mine) == 1
    assert claim["state"] == "accepted"


async def test_killed_between_the_effect_and_the_commit_it_did_nothing(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, claim = story.world.runtime, await story.active()
    with at(3 * DAY):
        await turn_clocks(mine)

    async def die(session: AsyncSession, view: ClaimView, following: Due) -> None:
        await lapse(session, view, following)
        await session.flush()
        raise Killed

    lapse = sweep.EFFECTS["heartbeat_lapse"]
    monkeypatch.setattr(sweep, "EFFECTS", {**sweep.EFFECTS, "heartbeat_lapse": die})
    with at(10 * DAY):
        with pytest.raises(Killed):
            await turn_clocks(mine)
        assert await story.state(claim) == "active"
        assert await count(mine, "SELECT count(*) FROM clock_steps WHERE step = 'lapse'") == 0
        monkeypatch.undo()
        await turn_clocks(mine)
        await turn_clocks(mine)
        assert await story.state(claim) == "lapsed"
    assert await verbs(mine) == {"claim.nudged": 1, "claim.lapsed": 1}


async def test_a_claim_that_fails_holds_up_nobody_and_is_tried_again(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = story.world.runtime
    claims = await silent_claims(mine, await story.need(places=9), 5)

    async def fail_once(session: AsyncSession, view: ClaimView, following: Due) -> None:
        if view.claim.id == claims[2]:
            await session.execute(text("SELECT 1 / 0"))
        await nudge(session, view, following)

    nudge = sweep.EFFECTS["heartbeat_nudge"]
    monkeypatch.setattr(sweep, "EFFECTS", {**sweep.EFFECTS, "heartbeat_nudge": fail_once})
    with at(3 * DAY):
        assert await turn_clocks(mine) == 4
        monkeypatch.undo()
        assert await turn_clocks(mine) == 0, "it is not its turn yet"
    with at(3 * DAY + timedelta(minutes=15)):
        assert await turn_clocks(mine) == 1
    assert await verbs(mine) == {"claim.nudged": 5}


async def test_a_sign_of_life_between_looking_and_acting_is_seen(story: Story) -> None:
    mine, claim = story.world.runtime, await story.active()
    with at(3 * DAY):
        async with transaction(mine.sessions) as session:
            found = await sweep.due_claims(session, None)
        assert [each.claim_id for each in found] == [UUID(claim["id"])]
        await story.log(claim)
        async with transaction(mine.sessions) as session:
            taken = await sweep.turn_claims(session, found[0].need_id, [found[0].claim_id])
    assert taken == 0
    assert await verbs(mine) == {}


async def test_after_a_week_without_workers_nobody_loses_a_place_unasked(story: Story) -> None:
    mine, claim = story.world.runtime, await story.active()
    with at(11 * DAY):
        await turn_clocks(mine)
        await turn_clocks(mine)
        assert await story.state(claim) == "active"
    assert await verbs(mine) == {"claim.nudged": 1}
    assert await story.after(14 * DAY, "claim.lapsed") == (0, 1)


async def test_a_clock_that_jumps_takes_nothing_twice_and_nothing_back(story: Story) -> None:
    mine, claim = story.world.runtime, await story.active()
    hours = timedelta(hours=2)
    for moment in (3 * DAY + hours, 3 * DAY, 3 * DAY - hours, 3 * DAY + hours):
        with at(moment):
            await turn_clocks(mine)
    assert await verbs(mine) == {"claim.nudged": 1}
    with at(4 * DAY + hours):
        await story.worker.post(f"/claims/{claim['id']}/heartbeat", expect=200)
    with at(4 * DAY):
        await story.worker.post(f"/claims/{claim['id']}/heartbeat", expect=200)
    assert await story.after(7 * DAY + hours, "claim.nudged") == (1, 2)


async def test_a_step_that_is_written_down_is_never_taken_again(story: Story) -> None:
    mine, since = story.world.runtime, BEGIN
    with clock.frozen(BEGIN):
        async with transaction(mine.sessions) as session:
            first = await kept.take_step(session, UUID(int=1), "heartbeat", "nudge", since)
        async with transaction(mine.sessions) as session:
            again = await kept.take_step(session, UUID(int=1), "heartbeat", "nudge", since)
    assert (first, again) == (True, False)


async def test_a_long_backlog_is_worked_off_in_short_transactions(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, sizes = story.world.runtime, []
    await silent_claims(mine, await story.need(places=500), 65)
    turn = sweep.turn_claims

    async def counted(session: AsyncSession, need_id: UUID, claim_ids: Sequence[UUID]) -> int:
        sizes.append(len(claim_ids))
        return await turn(session, need_id, claim_ids)

    monkeypatch.setattr(sweep, "turn_claims", counted)
    with at(3 * DAY):
        assert await turn_clocks(mine) == 65
    assert sorted(sizes) == [5, 20, 20, 20]


async def test_a_worker_that_is_killed_is_finished_by_the_next(
    world: World, settings: Settings, tmp_path: Path
) -> None:
    """Real processes: nothing of what was due is lost, and nothing happens twice.

    The first one is stopped in the middle of its sweep by a row that somebody else is about to
    write, and killed there with its locks in its hands.
    """
    owner = await world.sign_up("owner")
    need = await world.open_need(owner, await world.organisation(owner), places=500)
    mine = world.runtime
    await world.work()  # nothing else is at the need while its claims are swept
    await silent_claims(mine, need, 300)
    given: dict[str, Any] = {
        "DATA_DIR": str(tmp_path), "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url, "BASE_URL": settings.base_url,
    }  # fmt: skip
    async with mine.engine.connect() as blocking:
        # The server would end whoever holds a row and says nothing while a worker starts slowly.
        await blocking.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        await blocking.execute(text(STEP_IN_THE_MIDDLE))
        with Process(["worker"], given, tmp_path / "first.log") as first:
            await _until(mine, SWEEP_STOPPED)
            first.kill()
        done = await verbs(mine)
        await blocking.rollback()
    # What the killed one held is let go when its connection's end is noticed.
    await _until(mine, NOTHING_RUNS)
    assert await verbs(mine) == done
    assert done == {"claim.nudged": 150 - 150 % CLAIMS_A_TRANSACTION}, "whole transactions"
    with Process(["worker"], given, tmp_path / "second.log"):
        # What somebody holds for a moment waits for the next round, a minute later.
        await _until(mine, ALL_ARE_NUDGED, 150)
    assert await verbs(mine) == {"claim.nudged": 300}
    steps = "SELECT count(*) FROM clock_steps WHERE step = 'nudge'"
    assert await count(mine, steps) == 300


SWEEP_STOPPED = """
    SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
    AND wait_event_type = 'Lock' AND query LIKE 'INSERT INTO clock_steps%'
"""
NOTHING_RUNS = """
    SELECT (count(*) = 0)::int FROM pg_stat_activity WHERE datname = current_database()
    AND usename = current_user AND pid <> pg_backend_pid() AND state <> 'idle'
"""
ALL_ARE_NUDGED = "SELECT (count(*) >= 300)::int FROM activities WHERE verb = 'claim.nudged'"
STEP_IN_THE_MIDDLE = """
    INSERT INTO clock_steps (object_id, clock, step, since, at)
    SELECT id, 'heartbeat', 'nudge', updated_at, now() FROM claims
    ORDER BY clock_at, id OFFSET 150 LIMIT 1
"""


async def _until(runtime: Runtime, question: str, seconds: float = START_SECONDS) -> None:
    """Look again and again until the database says yes."""
    deadline = time.monotonic() + seconds
    while not await count(runtime, question):
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.05)

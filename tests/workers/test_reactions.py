"""A reaction has its effects once: tried twice, killed in between, failing, two workers at once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import SYSTEM
from app.domain.activity.actions import record
from app.infra import clock, ids
from app.infra.database import transaction
from app.infra.runtime import Runtime, make_runtime
from app.models.activity import Activity
from app.models.identity import SignInFailure
from app.settings import Settings
from app.workers import reactions
from app.workers.activity import RETRY_SECONDS, react_to_activities
from app.workers.reactions import Reaction
from app.workers.runtime import Chore

VERB = "test.happened"
Run = Callable[[AsyncSession, Runtime, Activity], Awaitable[None]]


class Killed(BaseException):
    """Ends a worker where it stands; nothing in it may catch this."""


@pytest.fixture
async def runtime(settings: Settings) -> AsyncIterator[Runtime]:
    made = make_runtime(**settings.tools())
    yield made
    await made.close()


@pytest.fixture
def react(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Say what follows from our verb."""

    def say(**runs: Run) -> None:
        made = tuple(Reaction(name, run) for name, run in runs.items())
        monkeypatch.setattr(reactions, "REACTIONS", {VERB: made})

    return say


async def leave_mark(session: AsyncSession, _: Runtime, activity: Activity) -> None:
    """An effect that can be counted: a row with the activity's id in it."""
    assert activity.id is not None
    session.add(SignInFailure(id=ids.private_id(), key=activity.id.to_bytes(8)))


async def fail(session: AsyncSession, runtime: Runtime, activity: Activity) -> None:
    await leave_mark(session, runtime, activity)
    message = "not today"
    raise RuntimeError(message)


async def fail_in_the_database(session: AsyncSession, _: Runtime, __: Activity) -> None:
    await session.execute(text("SELECT 1 / 0"))


async def happen(runtime: Runtime, times: int = 1) -> None:
    async with transaction(runtime.sessions) as session:
        for number in range(times):
            record(session, SYSTEM, VERB, UUID(int=number))


async def count(runtime: Runtime, statement: str) -> int:
    async with runtime.engine.connect() as connection:
        return int((await connection.execute(text(statement))).scalar_one())


async def marks(runtime: Runtime) -> int:
    return await count(runtime, "SELECT count(*) FROM sign_in_failures")


async def pending(runtime: Runtime) -> int:
    return await count(runtime, "SELECT count(*) FROM activities WHERE pending")


async def test_what_happened_is_reacted_to_once(
    runtime: Runtime, react: Callable[..., None]
) -> None:
    react(mark=leave_mark)
    await happen(runtime, 3)
    assert await react_to_activities(runtime) == 3
    assert await react_to_activities(runtime) == 0
    async with runtime.engine.begin() as connection:  # a mark that a crash has lost
        await connection.execute(text("UPDATE activities SET pending = true"))
    assert await react_to_activities(runtime) == 3
    assert (await marks(runtime), await pending(runtime)) == (3, 0)


async def test_what_is_rolled_back_never_happened(
    runtime: Runtime, react: Callable[..., None]
) -> None:
    react(mark=leave_mark)
    async with runtime.sessions() as session:
        record(session, SYSTEM, VERB, UUID(int=1))
        await session.flush()
        await session.rollback()
    assert await react_to_activities(runtime) == 0
    assert await marks(runtime) == 0


async def test_a_worker_killed_between_effect_and_commit_did_nothing(
    runtime: Runtime, react: Callable[..., None]
) -> None:
    async def die(session: AsyncSession, _: Runtime, activity: Activity) -> None:
        await leave_mark(session, runtime, activity)
        await session.flush()
        raise Killed

    react(mark=leave_mark, die=die)
    await happen(runtime)
    with pytest.raises(Killed):
        await react_to_activities(runtime)
    assert (await marks(runtime), await pending(runtime)) == (0, 1)
    react(mark=leave_mark, die=leave_mark)
    assert await react_to_activities(runtime) == 1
    assert (await marks(runtime), await pending(runtime)) == (2, 0)


@pytest.mark.parametrize("broken", [fail, fail_in_the_database])
async def test_a_reaction_that_fails_leaves_nothing_and_stops_nobody(
    runtime: Runtime, react: Callable[..., None], broken: Run
) -> None:
    react(before=leave_mark, broken=broken, after=leave_mark)
    await happen(runtime, 2)
    assert await react_to_activities(runtime) == 2
    assert (await marks(runtime), await pending(runtime)) == (4, 2), "the others ran"
    said = "SELECT count(*) FROM activities WHERE last_error LIKE 'broken: %' AND attempts = 1"
    assert await count(runtime, said) == 2
    assert await count(runtime, "SELECT count(*) FROM activities WHERE last_error ~ 'today'") == 0

    react(before=leave_mark, broken=leave_mark, after=leave_mark)
    assert await react_to_activities(runtime) == 0, "it is not its turn yet"
    with clock.moved(timedelta(seconds=RETRY_SECONDS[0] + 1)):
        assert await react_to_activities(runtime) == 2
    assert (await marks(runtime), await pending(runtime)) == (6, 0), "what ran did not run again"
    cleared = "SELECT count(*) FROM activities WHERE last_error IS NULL"
    assert await count(runtime, cleared) == 2


async def test_the_wait_between_tries_grows_and_has_an_end(
    runtime: Runtime, react: Callable[..., None]
) -> None:
    react(broken=fail)
    await happen(runtime)
    gone = timedelta(0)
    for wait in (0, *RETRY_SECONDS, RETRY_SECONDS[-1], RETRY_SECONDS[-1]):
        if wait:
            with clock.moved(gone + timedelta(seconds=wait - 2)):
                assert await react_to_activities(runtime) == 0, wait
        gone += timedelta(seconds=wait + 1)
        with clock.moved(gone):
            assert await react_to_activities(runtime) == 1, wait
    assert await pending(runtime) == 1, "it stays, and stays visible"
    assert await count(runtime, "SELECT attempts FROM activities") == len(RETRY_SECONDS) + 3
    assert await marks(runtime) == 0


async def test_two_workers_at_once_share_the_work(
    runtime: Runtime, settings: Settings, react: Callable[..., None]
) -> None:
    busy = asyncio.Event()

    async def slowly(session: AsyncSession, _: Runtime, activity: Activity) -> None:
        busy.set()
        await session.execute(text("SELECT pg_sleep(0.001)"))
        await leave_mark(session, runtime, activity)

    react(mark=slowly)
    await happen(runtime, 250)
    other = make_runtime(**settings.tools())
    try:
        done = await asyncio.gather(
            *(react_to_activities(each) for each in (runtime, other, runtime, other))
        )
    finally:
        await other.close()
    assert busy.is_set()
    assert sum(done) == 250
    assert (await marks(runtime), await pending(runtime)) == (250, 0)
    twice = "SELECT count(*) - count(DISTINCT key) FROM sign_in_failures"
    assert await count(runtime, twice) == 0


async def test_what_another_worker_holds_is_left_to_it(
    runtime: Runtime, react: Callable[..., None]
) -> None:
    react(mark=leave_mark)
    await happen(runtime, 2)
    async with runtime.sessions() as holding:
        await holding.execute(text("SELECT 1 FROM activities FOR UPDATE"))
        assert await react_to_activities(runtime) == 0
        await holding.rollback()  # as a killed worker's connection ends
    assert await react_to_activities(runtime) == 2
    assert await marks(runtime) == 2


async def test_a_verb_without_consequences_is_done(
    runtime: Runtime, react: Callable[..., None]
) -> None:
    react()
    await happen(runtime, 450)
    assert await react_to_activities(runtime) == 450, "in more than two batches"
    assert await pending(runtime) == 0


async def test_a_chore_rung_while_it_runs_runs_once_more_and_never_beside_itself(
    runtime: Runtime,
) -> None:
    runs: list[int] = []
    inside = 0
    begun, go = asyncio.Event(), asyncio.Event()

    async def work(_: Runtime) -> int:
        nonlocal inside
        inside += 1
        assert inside == 1
        runs.append(1)
        begun.set()
        await go.wait()
        inside -= 1
        if len(runs) == 1:
            message = "a fault of the first run"
            raise RuntimeError(message)
        return 1

    chore = Chore("work", work, runtime)
    first = asyncio.create_task(chore.ring())
    await begun.wait()
    await asyncio.gather(*(chore.ring() for _ in range(5)))
    go.set()
    await first
    assert len(runs) == 2, "five rings meanwhile are one more run"
    await chore.ring()
    assert len(runs) == 3

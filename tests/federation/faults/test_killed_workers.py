"""Workers killed again and again while ten thousand messages are on their way.

Two instances on loopback, with workers in processes of their own. The one that sends and the one
that receives are ended by SIGKILL while they write, deliver, read the log and apply. Then
everything is there, once.
"""

import asyncio
import multiprocessing
import random
from collections.abc import AsyncIterator, Mapping
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from app.infra.runtime import Runtime
from app.settings import Settings
from app.workers.main import work
from tests.conftest import Services, make_settings
from tests.factories.instances import Pair
from tests.federation.conftest import make_database_apart, running

MESSAGES = 10_000
KILLS = 40
# Copies of one open need, each under its own id, and a note that peers are to be told of it.
SEED = """
DO $$
DECLARE columns text;
BEGIN
    SELECT string_agg(quote_ident(column_name), ', ') INTO columns
    FROM information_schema.columns
    WHERE table_name = 'needs' AND table_schema = 'public' AND is_generated = 'NEVER'
        AND column_name <> 'id';
    EXECUTE format('INSERT INTO needs (id, %s) SELECT gen_random_uuid(), %s FROM needs, '
        'generate_series(2, __MESSAGES__)', columns, columns);
    INSERT INTO publications (need_id, at) SELECT id, now() FROM needs ON CONFLICT DO NOTHING;
END $$
""".replace("__MESSAGES__", str(MESSAGES))
APPLIED = "SELECT count(*) FROM incoming_messages WHERE state = 'applied' AND seq IS NOT NULL"


def work_alone(values: Mapping[str, Any]) -> None:
    """Be a worker of an instance, in a process of its own."""
    asyncio.run(work(Settings(**values)))


class Worker:
    """A worker that can be killed, and comes back."""

    def __init__(self, context: ForkServerContext, settings: Settings) -> None:
        self._context = context
        self._values = settings.model_dump()
        self.process = self._start()

    def _start(self) -> ForkServerProcess:
        process = self._context.Process(target=work_alone, args=(self._values,), daemon=True)
        process.start()
        return process

    def kill(self) -> None:
        """SIGKILL, and a new one in its place."""
        self.end()
        self.process = self._start()

    def end(self) -> None:
        """SIGKILL."""
        assert self.process.is_alive(), "a worker ends when it is killed, and not otherwise"
        self.process.kill()
        self.process.join()


@pytest.fixture
async def apart(
    servers: Services, worker_id: str, tmp_path: Path
) -> AsyncIterator[tuple[Pair, list[Settings]]]:
    """Two peers, and the settings by which workers beside them are started."""
    name = f"tornallom_test_{worker_id}_killed"
    databases = [await make_database_apart(servers, f"{name}_{side}") for side in (1, 2)]
    async with running(databases[0], databases[1], tmp_path) as pair:
        await pair.shake_hands()
        origins = (pair.north.origin, pair.south.origin)
        sides = zip(("north", "south"), origins, databases, strict=True)
        yield (
            pair,
            [
                make_settings(
                    database, tmp_path / side, base_url=origin, dev_peers=origins, sweep_seconds=1
                )
                for side, origin, database in sides
            ],
        )


async def count(runtime: Runtime, statement: str) -> int:
    async with runtime.engine.connect() as connection:
        return int((await connection.execute(text(statement))).scalar_one())


async def seed(pair: Pair) -> None:
    """Publish ten thousand needs at once, without the workers knowing yet."""
    owner = await pair.north.sign_up("owner")
    organisation = await pair.north.organisation(owner)
    await pair.north.open_need(owner, organisation, audience="public")
    async with pair.north.runtime.engine.begin() as connection:
        await connection.execute(text("SET LOCAL statement_timeout TO '60s'"))
        await connection.execute(text(SEED))


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_killed_forty_times_nothing_is_lost_and_nothing_happens_twice(
    apart: tuple[Pair, list[Settings]],
) -> None:
    pair, settings = apart
    await seed(pair)
    south = pair.south.runtime
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["app.workers.main"])
    workers = [Worker(context, each) for each in settings]
    drawn = random.Random(20_261_121)
    # By what has arrived, not by the clock: so every kill meets work under way.
    thresholds = sorted(drawn.sample(range(1, MESSAGES * 9 // 10), KILLS))
    kills = 0
    try:
        while (done := await count(south, APPLIED)) < MESSAGES:
            if kills < KILLS and done >= thresholds[kills]:
                workers[drawn.choice((0, 1, 1))].kill()
                kills += 1
            await asyncio.sleep(drawn.uniform(0.02, 0.3))
        await until_acknowledged(pair)
    finally:
        for worker in workers:
            worker.end()
    assert kills == KILLS
    await nothing_lost_nothing_twice(pair)


async def until_acknowledged(pair: Pair) -> None:
    """Wait until the sender knows that all has arrived; a lease may have to run out first."""
    pending = "SELECT count(*) FROM deliveries WHERE state = 'pending'"
    for _ in range(1_200):
        if await count(pair.north.runtime, pending) == 0:
            return
        await asyncio.sleep(0.1)
    pytest.fail("the sender never knew")


async def nothing_lost_nothing_twice(pair: Pair) -> None:
    north, south = pair.north.runtime, pair.south.runtime
    sent = "SELECT count(*) FROM deliveries WHERE seq IS NOT NULL AND state = 'sent'"
    assert await count(north, sent) == MESSAGES, "one message a need, whoever died writing it"
    assert await count(north, "SELECT last_seq FROM peer_outboxes") == MESSAGES
    assert await count(north, "SELECT acknowledged_seq FROM peer_outboxes") == MESSAGES
    assert await count(south, "SELECT applied_seq FROM peer_inboxes") == MESSAGES
    mirrored = "SELECT count({}) FROM needs WHERE origin_url IS NOT NULL"
    assert await count(south, mirrored.format("*")) == MESSAGES
    assert await count(south, mirrored.format("DISTINCT origin_url")) == MESSAGES
    other = "SELECT count(*) FROM incoming_messages WHERE state <> 'applied'"
    assert await count(south, other) == 0
    twice = """
        SELECT count(*) FROM (
            SELECT object_id FROM activities WHERE noun = 'need'
            GROUP BY object_id, verb HAVING count(*) > 1
        ) AS twice
    """
    assert await count(south, twice) == 0

"""How long the clocks take: 100,000 claims of which 1,000 are due, and a look when nothing is.

python3 -m bench.clocks [--claims 100000] [--due 1000]

The claims lie on needs of four places each, as `seed` makes them. "Everything new" is the first
look at all of them, as after an update; it happens once.
"""

import argparse
import asyncio
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from app.infra import clock, migrate
from app.infra.database import async_url
from app.infra.embedded import start_postgres, start_valkey
from app.infra.runtime import Runtime, make_runtime
from app.workers.clocks import turn_clocks
from bench.seed import seed

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
PLACES = 4
FILL = """
    INSERT INTO claims (id, need_id, account_id, kind, state, note, accepted_at, created_at,
                        updated_at, heartbeat_at, version)
    SELECT gen_random_uuid(), needs.id, people.id, 'work', 'active', '', $2, $2, $2, $1, 1
    FROM (SELECT id FROM needs ORDER BY id LIMIT $3) AS needs,
         (SELECT id FROM accounts ORDER BY id LIMIT $4) AS people
"""
DUE = """
    UPDATE claims SET heartbeat_at = $1, clock_at = $2
    WHERE id IN (SELECT id FROM claims ORDER BY id LIMIT $3)
"""
PLAN = """
    EXPLAIN (COSTS OFF) SELECT id FROM claims WHERE clock_at <= now()
    ORDER BY clock_at, id LIMIT 500
"""


async def main(claims: int, due: int) -> None:
    """Fill a database of its own and sweep it."""
    with (
        tempfile.TemporaryDirectory(prefix="tornallom-bench-") as folder,
        start_postgres(Path(folder)) as postgres,
        start_valkey(Path(folder)) as valkey,
    ):
        postgres.ensure_database("bench")
        await migrate.upgrade(async_url(postgres.url("bench", role="owner")))
        url = postgres.url("bench", role="app")
        plain = url.replace("+asyncpg", "")
        needs = claims // PLACES
        await seed(plain, needs, PLACES)
        runtime = make_runtime(
            database_url=url, redis_url=valkey.url(), origin="http://bench", data_dir=Path(folder)
        )
        connection = await asyncpg.connect(plain)
        # Needs renewed just now have clocks that stand still: claims are what is measured.
        await connection.execute("UPDATE needs SET places = 4, taken = 4, updated_at = $1", NOW)
        await connection.execute(
            FILL, NOW - timedelta(days=1), NOW - timedelta(days=30), needs, PLACES
        )
        await connection.execute("ANALYZE")
        print(f"{claims:,} claims, {due:,} due")
        with clock.frozen(NOW):
            await _timed(runtime, "everything new, once")
            await _timed(runtime, "nothing due")
            since = NOW - timedelta(days=3)
            await connection.execute(DUE, since, NOW, due)
            await connection.execute("ANALYZE claims")
            await _timed(runtime, "the due ones")
        for (line,) in await connection.fetch(PLAN):
            print("   ", line)
        await connection.close()
        await runtime.close()


async def _timed(runtime: Runtime, what: str) -> None:
    began = time.perf_counter()
    taken = await turn_clocks(runtime)
    print(f"{what}: {taken:,} steps in {time.perf_counter() - began:.2f} s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--claims", type=int, default=100_000)
    parser.add_argument("--due", type=int, default=1_000)
    arguments = parser.parse_args()
    asyncio.run(main(arguments.claims, arguments.due))

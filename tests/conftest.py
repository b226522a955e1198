"""What every test stands on: a real PostgreSQL, a real Valkey, one database per test process.

`python3 -m app test` starts both and names them in TORNALLOM_TEST_DATABASE_URL (an owner's
login; the database's name is replaced) and TORNALLOM_TEST_REDIS_URL. Without these a run
starts its own in a temporary folder.
"""

import asyncio
import gc
import os
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import hypothesis
import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app.infra import clock, keys, migrate, passwords, runtime
from app.infra.database import async_url
from app.infra.embedded import start_postgres, start_valkey
from app.infra.logging import configure_logging
from app.settings import Settings
from tests.factories.application import make_application
from tests.factories.engines import lend_engine
from tests.factories.sweeping import Sweeper
from tests.factories.world import World

# A busy machine is slow now and then; that proves nothing about the code.
hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.load_profile("house")

RSA_KEYS_PER_RUN = 3
APP_ROLE = "tornallom_app"
# Rows go from the tables that have any: truncating ninety tables takes five times as long. Foreign
# keys and the ledger's triggers stand aside meanwhile, which only a superuser may ask for.
EMPTY = """
DO $$
DECLARE
    found record;
    filled boolean;
BEGIN
    SET LOCAL session_replication_role = 'replica';
    FOR found IN SELECT quote_ident(tablename) AS name FROM pg_tables
        WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
        EXECUTE 'SELECT EXISTS (SELECT FROM ' || found.name || ')' INTO filled;
        IF filled THEN
            EXECUTE 'DELETE FROM ' || found.name;
        END IF;
    END LOOP;
    FOR found IN SELECT format('%I.%I', schemaname, sequencename) AS name FROM pg_sequences
        WHERE schemaname = 'public' AND last_value IS NOT NULL LOOP
        PERFORM setval(found.name, 1, false);
    END LOOP;
END $$
"""
# The same for an owner who is no superuser.
TRUNCATE = """
DO $$
DECLARE
    tables text;
    guarded text;
    append_only text[];
BEGIN
    SELECT array_agg(DISTINCT tgrelid::regclass::text) INTO append_only FROM pg_trigger
    WHERE tgname LIKE '%append_only';
    SELECT string_agg(quote_ident(tablename), ', ') INTO tables FROM pg_tables
    WHERE schemaname = 'public' AND tablename <> 'alembic_version';
    FOREACH guarded IN ARRAY append_only LOOP
        EXECUTE format('ALTER TABLE %I DISABLE TRIGGER USER', guarded);
    END LOOP;
    EXECUTE 'TRUNCATE ' || tables || ' RESTART IDENTITY CASCADE';
    FOREACH guarded IN ARRAY append_only LOOP
        EXECUTE format('ALTER TABLE %I ENABLE TRIGGER USER', guarded);
    END LOOP;
END $$
"""
ORIGIN = "http://127.0.0.1:8080"
SWEEPER = Sweeper()
# These wait for another process, a browser or a second server, and a busy machine can make one wait
# past a deadline of ours. They alone get a second try; the closing lines name those that took it.
WAITING = (
    "tests/cli/",
    "tests/e2e/",
    "tests/federation/",
    "tests/interop/",
    "tests/api/test_activity_stream.py",
    "tests/api/test_crash.py",
    "tests/api/test_lossy_network.py",
    "tests/workers/test_clock_crashes.py",
    "tests/workers/test_periods.py",
)

# The files that go on longest. Begun last, one of them keeps one core busy while the others have
# nothing left; the short ones at the end fill what remains.
BEGUN_FIRST = (
    "tests/api/test_lossy_network.py",
    "tests/e2e/test_accessibility.py",
    "tests/federation/faults/test_killed_workers.py",
    "tests/federation/faults/test_hostile_addresses.py",
    "tests/api/test_bad_input.py",
    "tests/federation/test_delivery.py",
    "tests/federation/test_peers_api.py",
    "tests/cli/test_demo.py",
    "tests/api/test_crash.py",
    "tests/api/test_confirm_races.py",
    "tests/api/test_races.py",
    "tests/cli/",
    "tests/contracts/test_permissions.py",
    "tests/contracts/test_page_permissions.py",
    "tests/federation/",
    "tests/workers/test_clock_crashes.py",
)
BEGUN_LAST = ("tests/e2e/", "tests/domain/", "tests/infra/", "tests/tools/")

# Every run begins at this moment, so that no test depends on the hour, the day of the week or the
# month it happens to run in; from test to test time goes on, for what some share must not come from
# their future. `TESTS_AT=2026-12-31T23:55` tries another one.
BEGIN = datetime.fromisoformat(os.environ.get("TESTS_AT", "2026-11-24T10:00")).replace(tzinfo=UTC)
# But those that share a moment with a process of its own, with the days of files or the dates that
# a server writes above its answers, have the clock on the wall.
ON_THE_WALL = (
    "tests/cli/",
    "tests/e2e/",
    "tests/interop/",
    "tests/api/test_confirm_races.py",
    "tests/api/test_crash.py",
    "tests/api/test_files.py",
    "tests/api/test_lossy_network.py",
    "tests/api/test_races.py",
    "tests/api/test_webhooks.py",
    "tests/api/test_wire.py",
    "tests/federation/faults/test_killed_workers.py",
    "tests/federation/test_clocks.py",
    "tests/workers/test_clock_crashes.py",
    "tests/workers/test_periods.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let tests that wait for others be tried once more; long files begin before short ones."""
    items.sort(key=lambda item: begun(item.nodeid))
    for item in items:
        if item.nodeid.startswith(WAITING):
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_collection_finish() -> None:
    """Leave all that is loaded by now to itself: each full collection would look at it again."""
    gc.collect()
    gc.freeze()


def begun(nodeid: str) -> int:
    """Return when a file's turn comes, as `app test` deals files out to the cores."""
    order = (*BEGUN_FIRST, "", *BEGUN_LAST)
    found = [place for place, start in enumerate(order) if start and nodeid.startswith(start)]
    return min(found, default=len(BEGUN_FIRST))


@dataclass(frozen=True)
class Services:
    """Where the servers of this run are: logins of the owner and of the application's role."""

    owner_url: str
    app_url: str
    redis_url: str


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run asynchronous tests on asyncio, the loop we serve with."""
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def ahead() -> Iterator[timedelta]:
    """Begin at the same moment; the clock goes on from there, as what modules share expects."""
    by = BEGIN - clock.now()
    with clock.moved(by):
        yield by


@pytest.fixture(scope="module", autouse=True)
def _on_the_wall(request: pytest.FixtureRequest, ahead: timedelta) -> Iterator[None]:
    shared = request.node.nodeid.startswith(ON_THE_WALL)
    with clock.moved(-ahead if shared else timedelta(0)):
        yield


@pytest.fixture(scope="session", autouse=True)
def _quiet_logs() -> None:
    configure_logging("WARNING")


@pytest.fixture(scope="session", autouse=True)
def _few_rsa_keys() -> Iterator[None]:
    """Make RSA keys a few times a run: it takes long, and every instance of a test needs one."""
    made: deque[bytes] = deque()
    real = keys.new_rsa_key

    def next_key() -> bytes:
        if len(made) < RSA_KEYS_PER_RUN:
            made.append(real())
        made.rotate()
        return made[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keys, "new_rsa_key", next_key)
        yield


@pytest.fixture(scope="session", autouse=True)
def _lent_engines() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runtime, "make_engine", lend_engine)
        yield


@pytest.fixture(scope="session", autouse=True)
def _cheap_passwords() -> Iterator[None]:
    """Hash passwords of this process with little work; tests/infra looks at the real price."""
    cheap = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=64, parallelism=1),))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", cheap)
        yield


@pytest.fixture(scope="session")
def servers() -> Iterator[Services]:
    """The servers of the run, started here when nobody did before."""
    owner = os.environ.get("TORNALLOM_TEST_DATABASE_URL")
    redis = os.environ.get("TORNALLOM_TEST_REDIS_URL")
    if owner and redis:
        yield Services(owner, os.environ.get("TORNALLOM_TEST_APP_URL", owner), redis)
        return
    with (
        tempfile.TemporaryDirectory(prefix="tornallom-test-") as folder,
        start_postgres(Path(folder), throwaway=True) as postgres,
        start_valkey(Path(folder)) as valkey,
    ):
        postgres.ensure_database("tornallom_test")
        yield Services(
            owner or postgres.url("tornallom_test", role="owner"),
            owner or postgres.url("tornallom_test", role="app"),
            redis or valkey.url(),
        )


@pytest.fixture(scope="session")
def services(servers: Services, worker_id: str) -> Iterator[Services]:
    """A migrated database of this test process's own."""
    made = asyncio.run(make_database(servers, f"tornallom_test_{worker_id}"))
    with SWEEPER.at_work():
        yield made


async def make_database(servers: Services, name: str) -> Services:
    """Make a fresh, migrated database and return the logins to it."""
    await _administer(servers.owner_url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    await _administer(servers.owner_url, f'CREATE DATABASE "{name}"')
    owner, application = (
        make_url(async_url(url)).set(database=name).render_as_string(hide_password=False)
        for url in (servers.owner_url, servers.app_url)
    )
    if servers.app_url != servers.owner_url:
        await _administer(
            owner,
            f"GRANT USAGE ON SCHEMA public TO {APP_ROLE}",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE "
            f"ON TABLES TO {APP_ROLE}",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT "
            f"ON SEQUENCES TO {APP_ROLE}",
        )
    await migrate.upgrade(owner)
    return Services(owner, application, servers.redis_url)


async def _administer(url: str, *statements: str) -> None:
    engine = create_async_engine(async_url(url), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        for statement in statements:
            await connection.execute(text(statement))
    await engine.dispose()


async def empty(owner_url: str) -> None:
    """Empty every table, as only the owner can: the ledger's triggers stand aside meanwhile."""
    await SWEEPER.sweep(owner_url, EMPTY, TRUNCATE)


@pytest.fixture
async def database(services: Services) -> AsyncIterator[Services]:
    """An empty, migrated database."""
    yield services
    await empty(services.owner_url)


@pytest.fixture
def settings(database: Services, tmp_path: Path) -> Settings:
    """Settings of an instance on the test's database."""
    return make_settings(database, tmp_path)


def make_settings(database: Services, data_dir: Path, **changes: object) -> Settings:
    """Settings of an instance on some database, read from nowhere but here."""
    values: dict[str, object] = {
        "data_dir": data_dir,
        "base_url": ORIGIN,
        "database_url": database.app_url,
        "redis_url": database.redis_url,
        "database_pool_size": 5,
    }
    return Settings(**{**values, **changes})  # type: ignore[arg-type]


@pytest.fixture
async def world(settings: Settings) -> AsyncIterator[World]:
    """A running instance with nobody in it, and the means to fill it over HTTP."""
    application = make_application(settings)
    async with application.router.lifespan_context(application):
        yield World(application)

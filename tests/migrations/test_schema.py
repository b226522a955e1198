"""What the migrations build is what the tables say, and every migration goes both ways.

alembic's own comparison sees neither the text of a CHECK nor a generated column's expression
(docs/decisions/0005), so the two schemas are read from PostgreSQL's catalogue.
"""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

import app.models
from app.infra import migrate
from app.infra.database import async_url
from tests.conftest import Services, _administer

SCHEMA = """
SELECT 'column ' || c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
       || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
       || CASE WHEN a.attidentity <> '' THEN ' identity ' || a.attidentity::text ELSE '' END
       || CASE WHEN a.attgenerated <> '' THEN ' generated' ELSE ' default' END
       || coalesce(' ' || pg_get_expr(d.adbin, d.adrelid), '')
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'v', 'm')
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype NOT IN ('n', 't')
UNION ALL
SELECT 'index ' || pg_get_indexdef(i.indexrelid)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE c.relnamespace = 'public'::regnamespace
"""
FUNCTIONS = """
SELECT 'function ' || p.proname FROM pg_proc p
WHERE p.pronamespace = 'public'::regnamespace
  AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.objid = p.oid AND x.deptype = 'e')
UNION ALL
SELECT 'trigger ' || tgrelid::regclass || ' ' || tgname FROM pg_trigger WHERE NOT tgisinternal
"""
# Made by migrations alone: functions and triggers, which metadata cannot say, and alembic's table.
ALEMBIC = "alembic_version"


@pytest.fixture
async def fresh(servers: Services, worker_id: str) -> AsyncIterator[str]:
    """An empty database's address, for its owner."""
    name = f"tornallom_schema_{worker_id}"
    url = make_url(async_url(servers.owner_url)).set(database=name)
    await _administer(servers.owner_url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    await _administer(servers.owner_url, f'CREATE DATABASE "{name}"')
    yield url.render_as_string(hide_password=False)
    await _administer(servers.owner_url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


async def _read(engine: AsyncEngine, query: str) -> set[str]:
    async with engine.connect() as connection:
        rows = (await connection.execute(text(query))).scalars().all()
    return {row for row in rows if ALEMBIC not in row}


async def _emptied(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("DROP SCHEMA public CASCADE"))
        await connection.execute(text("CREATE SCHEMA public"))


async def test_migrations_build_what_the_tables_say(fresh: str) -> None:
    engine = create_async_engine(fresh, poolclass=NullPool)
    await migrate.upgrade(fresh)
    migrated = await _read(engine, SCHEMA)
    extensions = await _read(engine, "SELECT extname FROM pg_extension")
    await _emptied(engine)
    async with engine.begin() as connection:
        for extension in extensions:
            await connection.execute(text(f'CREATE EXTENSION IF NOT EXISTS "{extension}"'))
        await connection.run_sync(app.models.metadata.create_all)
    declared = await _read(engine, SCHEMA)
    await engine.dispose()
    assert {"only in the migrations": migrated - declared} == {"only in the migrations": set()}
    assert {"only in the tables": declared - migrated} == {"only in the tables": set()}


async def test_every_migration_goes_back_and_forth(fresh: str) -> None:
    engine = create_async_engine(fresh, poolclass=NullPool)
    await migrate.upgrade(fresh)
    first = await _read(engine, SCHEMA) | await _read(engine, FUNCTIONS)
    await migrate.downgrade(fresh, "base")
    assert await _read(engine, SCHEMA) | await _read(engine, FUNCTIONS) == set()
    await migrate.upgrade(fresh)
    assert await _read(engine, SCHEMA) | await _read(engine, FUNCTIONS) == first
    await engine.dispose()


async def test_the_ledger_is_guarded_by_the_database(fresh: str) -> None:
    engine = create_async_engine(fresh, poolclass=NullPool)
    await migrate.upgrade(fresh)
    triggers = {line for line in await _read(engine, FUNCTIONS) if line.startswith("trigger")}
    await engine.dispose()
    for table in ("entries", "postings"):
        assert [line for line in triggers if line.startswith(f"trigger {table} ")], table

"""Measure the ledger: appends beside a plain insert, and reads beside the same reads when small.

    python3 -m bench.ledger [--writers 16] [--seconds 4] [--rounds 5]
                            [--small 10000] [--large 10000000] [--asked 300] [--json]

Starts a PostgreSQL of its own. **Appends**: the floor inserts two plain rows with one key and waits
for the disk as we do; the product runs `post_entry`'s own statement with its balances, its place in
the queue of the log, and every check of the database. Both over asyncpg, so that no Python of ours
is measured, the two in turns; once with a book for each writer and once with all in one book.
**Reads**: books are filled by SQL, tree included, to the small size and then to the large one. The
product's own queries run on one connection; every proof is checked against the root.
"""

import argparse
import asyncio
import json
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import asyncpg as dialect
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.checkpoints.queries import inclusion_of, root_at
from app.domain.ledger import queries
from app.domain.ledger.posting import APPEND, NewEntry, entry_values, line_values
from app.domain.ledger.rules import contribution_sides
from app.infra import clock, merkle, migrate
from app.infra.database import make_engine, make_sessions
from app.infra.embedded import start_postgres
from app.infra.ids import private_id
from app.models.ledger import EntryKind, LogKind, WorkStream

BOOKS, WORKERS = 16, 200
FLOOR = """
    INSERT INTO floor_postings (entry_id, account_id, amount) VALUES ($1, $2, $3), ($1, $4, $5)
"""
FLOOR_TABLE = """
    CREATE TABLE floor_postings (
        entry_id uuid, account_id uuid, amount bigint, PRIMARY KEY (entry_id, account_id)
    )
"""
# Guards look at each row one by one: what fills a table by the million is right by construction.
GUARDED = ("entries", "postings")
# Indexes that nothing needs while millions of rows come in are made anew at the end, in one sweep.
LAID_ASIDE = ("entries", "postings", "log_leaves")
INDEXES = """
    SELECT format('DROP INDEX %I', i.relname), pg_get_indexdef(i.oid)
    FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
    WHERE x.indrelid = '{table}'::regclass
        AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.oid)
    UNION ALL
    SELECT format('ALTER TABLE {table} DROP CONSTRAINT %I', c.conname),
        format('ALTER TABLE {table} ADD CONSTRAINT %I %s', c.conname, pg_get_constraintdef(c.oid))
    FROM pg_constraint c WHERE c.conrelid = '{table}'::regclass
        AND c.conname IN ('pk_postings', 'uq_log_leaves_kind_subject')
"""
MEMORY = ("SET LOCAL maintenance_work_mem = '1GB'", "SET LOCAL work_mem = '256MB'")
FILL = (
    """
    INSERT INTO entries (entry_id, book_id, kind, worked_on, booked_on, recorded_by, recorded_at,
                         posting_count)
    SELECT gen_random_uuid(), '{book}', 'slip', date '2026-01-01' + (n % 300)::int,
           date '2026-01-01' + (n % 300)::int, '{book}', now(), 2
    FROM generate_series({first}, {last}) AS n
    """,
    """
    INSERT INTO postings (entry_id, account_id, unit, amount, number)
    SELECT e.entry_id, a.id, 'minute', 60, e.id FROM entries e
    JOIN ledger_accounts a ON a.book_id = e.book_id AND a.kind = 'worker'
        AND a.holder_id = ('00000000-0000-4000-8000-' || lpad(to_hex(e.id % {workers}), 12, '0'))
            ::uuid
    WHERE e.id BETWEEN {first} AND {last}
    """,
    """
    INSERT INTO postings (entry_id, account_id, unit, amount, number)
    SELECT e.entry_id, a.id, 'minute', -60, e.id FROM entries e
    JOIN ledger_accounts a ON a.book_id = e.book_id AND a.kind = 'organisation'
    WHERE e.id BETWEEN {first} AND {last}
    """,
    """
    INSERT INTO log_leaves (position, kind, subject, book_id, data, taken_up_at)
    SELECT id - 1, 'entry', entry_id, book_id,
           int8send(id - 1) || sha256(convert_to(entry_id::text, 'UTF8')), now()
    FROM entries WHERE id BETWEEN {first} AND {last}
    """,
)
MAKE_ORGANISATION = """
    INSERT INTO organisations (id, slug, name, summary, languages, time_zone, state, state_reason,
                               created_at, version)
    VALUES (:organisation, :slug, 'Bench', '', '{}', 'UTC', 'accepted', '', now(), 1)
"""
MAKE_BOOK = """
    INSERT INTO books (id, organisation_id, created_at, currency, version)
    VALUES (:book, :organisation, now(), 'EUR', 1)
"""
BALANCES = """
    INSERT INTO balances SELECT account_id, unit, sum(amount) FROM postings GROUP BY 1, 2
    ON CONFLICT (account_id, unit) DO UPDATE SET amount = excluded.amount
"""
LOWEST = r"""
    INSERT INTO log_nodes (level, index, hash)
    SELECT 1, a.position / 2,
           sha256('\x01'::bytea || sha256('\x00'::bytea || a.data)
                  || sha256('\x00'::bytea || b.data))
    FROM log_leaves a JOIN log_leaves b ON b.position = a.position + 1
    WHERE a.position % 2 = 0
    ON CONFLICT DO NOTHING
"""
HIGHER = r"""
    INSERT INTO log_nodes (level, index, hash)
    SELECT a.level + 1, a.index / 2, sha256('\x01'::bytea || a.hash || b.hash)
    FROM log_nodes a JOIN log_nodes b ON b.level = a.level AND b.index = a.index + 1
    WHERE a.level = {level} AND a.index % 2 = 0
    ON CONFLICT DO NOTHING
"""


def main() -> int:
    """Measure and tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--writers", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--small", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=10_000_000)
    parser.add_argument("--asked", type=int, default=300)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    told: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="tornallom-bench-") as folder:
        with start_postgres(Path(folder) / "appends") as postgres:
            postgres.ensure_database("bench")
            told |= asyncio.run(_appends(postgres.url("bench", role="owner"), options))
        if options.large:
            with start_postgres(Path(folder) / "reads", throwaway=True) as postgres:
                postgres.ensure_database("bench")
                told |= asyncio.run(_reads(postgres.url("bench", role="owner"), options))
    lines = [f"{name}: {value}" for name, value in told.items()]
    print(json.dumps(told) if options.json else "\n".join(lines))
    return 0


async def _appends(url: str, options: argparse.Namespace) -> dict[str, Any]:
    await migrate.upgrade(url)
    books = await _make_books(url)
    pool = await asyncpg.create_pool(
        url, min_size=options.writers, max_size=options.writers,
        server_settings={"plan_cache_mode": "force_custom_plan"},
    )  # fmt: skip
    await pool.execute(FLOOR_TABLE)
    sql, names = _append_statement()
    told: dict[str, Any] = {}
    for name, spread in (("a book for each writer", BOOKS), ("all in one book", 1)):
        floor, product = [], []
        for _ in range(options.rounds):
            floor.append(await _drive(pool, options, lambda c, _: _floor(c)))

            async def append(connection: Any, writer: int, spread: int = spread) -> None:
                book, organisation = books[writer % spread]
                values = _entry(book, organisation)
                await connection.fetchrow(sql, *(values[name] for name in names))

            product.append(await _drive(pool, options, append))
        ratios = [own / other for own, other in zip(product, floor, strict=True)]
        told[f"appends, {name}"] = {
            "floor_per_second": round(statistics.median(floor)),
            "product_per_second": round(statistics.median(product)),
            "ratio": round(statistics.median(ratios), 2),
            "ratio_min": round(min(ratios), 2),
            "ratio_max": round(max(ratios), 2),
        }
    unbalanced = (
        "SELECT count(*) FROM (SELECT FROM postings GROUP BY entry_id HAVING sum(amount) <> 0) AS w"
    )
    assert await pool.fetchval(unbalanced) == 0
    await pool.close()
    return told


def _append_statement() -> tuple[str, list[str]]:
    """Return the product's statement as its driver gets it, and what fills its places."""
    compiled = APPEND.compile(dialect=dialect.dialect())
    return str(compiled), list(compiled.positiontup or ())


async def _drive(
    pool: Any, options: argparse.Namespace, deed: Callable[[Any, int], Awaitable[None]]
) -> float:
    """Let all writers write for a while; how many they wrote in a second."""
    until = time.monotonic() + options.seconds
    done = 0

    async def write(number: int) -> None:
        nonlocal done
        async with pool.acquire() as connection:
            while time.monotonic() < until:
                await deed(connection, number)
                done += 1

    began = time.monotonic()
    await asyncio.gather(*(write(number) for number in range(options.writers)))
    return done / (time.monotonic() - began)


async def _floor(connection: Any) -> None:
    values = (private_id(), private_id(), 60, private_id(), -60)
    await connection.execute(FLOOR, *values)


def _entry(book: UUID, organisation: UUID) -> dict[str, Any]:
    worker = _worker(random.randrange(WORKERS))
    new = NewEntry(EntryKind.SLIP, date(2026, 3, 2), organisation, batch_id=book)
    sides = contribution_sides(worker, organisation, 60, WorkStream.CARE)
    return {**entry_values(book, new, 2), **line_values(sides)}


def _worker(number: int) -> UUID:
    return UUID(f"00000000-0000-4000-8000-{number:012x}")


async def _make_books(url: str) -> list[tuple[UUID, UUID]]:
    """Make books with the accounts of their workers; returns each with its organisation."""
    engine = make_engine(url, statement_timeout_ms=0)
    made = [(private_id(), private_id()) for _ in range(BOOKS)]
    account = text(
        "INSERT INTO ledger_accounts (id, book_id, kind, holder_id, stream) "
        "VALUES (:id, :book, :kind, :holder, 'care')"
    )
    async with engine.begin() as connection:
        for book, organisation in made:
            values = {"book": book, "organisation": organisation, "slug": str(organisation)}
            for statement in (MAKE_ORGANISATION, MAKE_BOOK):
                await connection.execute(text(statement), values)
            holders = [("organisation", organisation)]
            holders += [("worker", _worker(number)) for number in range(WORKERS)]
            rows = [
                {"id": private_id(), "book": book, "kind": kind, "holder": holder}
                for kind, holder in holders
            ]
            await connection.execute(account, rows)
    await engine.dispose()
    return made


async def _reads(url: str, options: argparse.Namespace) -> dict[str, Any]:
    await migrate.upgrade(url)
    (book, _), *_ = await _make_books(url)
    engine = make_engine(url, statement_timeout_ms=0)
    sessions = make_sessions(engine)
    found: dict[int, dict[str, float]] = {}
    filled = 0
    for size in (options.small, options.large):
        began = time.monotonic()
        await _fill(engine, book, filled + 1, size)
        filled = size
        async with sessions() as session:
            found[size] = await _ask(session, book, size, options.asked)
        found[size]["filled in seconds"] = round(time.monotonic() - began)
    await engine.dispose()
    small, large = found[options.small], found[options.large]
    return {
        f"{name}, milliseconds": {
            "small": round(small[name], 2),
            "large": round(large[name], 2),
            "ratio": round(large[name] / small[name], 2),
        }
        for name in small
    }


async def _fill(engine: Any, book: UUID, first: int, last: int) -> None:
    places = {"book": book, "first": first, "last": last, "workers": WORKERS}
    async with engine.begin() as connection:
        for statement in MEMORY:
            await connection.exec_driver_sql(statement)
        aside = [
            (drop, make)
            for table in LAID_ASIDE
            for drop, make in await connection.exec_driver_sql(INDEXES.format(table=table))
        ]
        for table in GUARDED:
            await connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
        for drop, _ in aside:
            await connection.exec_driver_sql(drop)
        for statement in (*FILL, BALANCES, LOWEST):
            await connection.exec_driver_sql(statement.format(**places))
        for level in range(1, last.bit_length()):
            await connection.exec_driver_sql(HIGHER.format(level=level))
        for _, make in aside:
            await connection.exec_driver_sql(make)
        for table in GUARDED:
            await connection.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER ALL"))
        root = await root_at(AsyncSession(bind=connection), last)
        await connection.execute(
            text("INSERT INTO checkpoints VALUES (:size, :root, 'bench', :now)"),
            {"size": last, "root": root, "now": clock.now()},
        )
    async with engine.connect() as connection:
        autocommit = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await autocommit.exec_driver_sql("VACUUM ANALYZE")


async def _ask(session: AsyncSession, book: UUID, size: int, times: int) -> dict[str, float]:
    """Return the median milliseconds of each question, asked in turns of random people."""
    draw = random.Random(size)

    async def balance() -> None:
        worker = _worker(draw.randrange(WORKERS))
        by_stream = await queries.minutes_by_stream(session, worker)
        assert by_stream["care"] >= 60 * (size // WORKERS)

    async def statement_page() -> None:
        page = await queries.contributions_of(session, _worker(draw.randrange(WORKERS)), 20, None)
        assert len(page.items) == 20

    async def book_page() -> None:
        page = await queries.page_of_entries(session, book, 20, None)
        assert len(page.items) == 20

    async def proof() -> None:
        position = draw.randrange(size)
        subject = select(queries.Entry.entry_id).where(queries.Entry.id == position + 1)
        entry_id = (await session.exec(subject)).one()
        found = await inclusion_of(session, LogKind.ENTRY, entry_id)
        leaf = merkle.leaf_hash(found.data)
        root = merkle.root_from_inclusion(leaf, found.position, found.size, found.proof)
        assert root == found.checkpoint.root

    asked = {
        "a balance": balance,
        "a worker's page": statement_page,
        "a book's page": book_page,
        "an inclusion proof": proof,
    }
    took: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(times):
        for name, ask in asked.items():
            began = time.perf_counter()
            await ask()
            took[name].append((time.perf_counter() - began) * 1000)
            session.expunge_all()
    return {name: statistics.median(times) for name, times in took.items()}


if __name__ == "__main__":
    raise SystemExit(main())

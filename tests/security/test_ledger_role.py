"""Tampering with the books through the login that the application itself has."""

# ruff: noqa: S608 - statements made of this file alone

import re
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app.domain.administration.invariants import count_violations
from app.infra.database import async_url, transaction
from tests.conftest import Services
from tests.factories.periods import FIRST, LAST, cooperative
from tests.factories.world import World

GUARDED = (
    "entries",
    "postings",
    "claim_history",
    "need_history",
    "entry_links",
    "book_statuses",
    "policies",
    "period_signatures",
    "period_locks",
    "log_leaves",
    "log_nodes",
    "checkpoints",
    "decisions",
    "decision_electors",
    "decision_votes",
    "decision_outcomes",
    "trainings",
    "conversion_entries",
    "conversion_signatures",
    "witnessed_checkpoints",
    "contradictions",
    "cosignatures",
    "public_forks",
)
AN_ENTRY = "(SELECT entry_id FROM entries LIMIT 1)"
COPY = (
    "SELECT gen_random_uuid(), book_id, kind, worked_on, booked_on, {claim}, corrects, "
    "recorded_by, now()"
)
INTO = (
    "INSERT INTO entries (entry_id, book_id, kind, worked_on, booked_on, claim_id, corrects, "
    "recorded_by, recorded_at, posting_count) "
)
CHANGES = (
    *(f"DELETE FROM {table}" for table in GUARDED),
    *(f"TRUNCATE {table} CASCADE" for table in GUARDED),
    "UPDATE entries SET worked_on = '2020-01-01'",
    "UPDATE postings SET amount = amount * 2",
    "UPDATE claim_history SET reason = 'x'",
    "UPDATE need_history SET reason = 'x'",
    # Something added to an entry that stands, or an entry that does not add up.
    (
        f"INSERT INTO postings (entry_id, account_id, unit, amount) "
        f"SELECT {AN_ENTRY}, account_id, 'minute', 60 FROM postings LIMIT 1"
    ),
    (
        f"INSERT INTO postings (entry_id, account_id, unit, amount) "
        f"SELECT {AN_ENTRY}, id, 'euro', 5 * (CASE kind WHEN 'worker' THEN 1 ELSE -1 END) "
        "FROM ledger_accounts"
    ),
    f"{INTO} {COPY.format(claim='NULL')}, 2 FROM entries",
    # The same work a second time.
    f"{INTO} {COPY.format(claim='claim_id')}, 0 FROM entries",
)
OWNERS_ONLY = (
    *(f"ALTER TABLE {table} DISABLE TRIGGER ALL" for table in GUARDED),
    "SET session_replication_role = replica",
    "DROP TABLE postings CASCADE",
    (
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RETURN NULL; END $$"
    ),
    "CREATE TABLE mine (id int)",
    "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE c AS 'x'",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "SELECT pg_read_file('postgresql.conf')",
    "ALTER ROLE CURRENT_USER SUPERUSER",
)


async def _confirmed(world: World) -> None:
    owner, worker = await world.sign_up("owner"), await world.sign_up("worker")
    organisation = await world.organisation(owner)
    need = await world.open_need(owner, organisation)
    claim = await world.submitted_claim(worker, owner, need)
    await world.confirm(owner, claim, stream="gift")


async def _refusal(url: str, statement: str) -> str:
    """Run one statement in a transaction of its own; answers why it was refused."""
    engine = create_async_engine(async_url(url), poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.execute(text(statement.replace(":", r"\:")))
    except DBAPIError as error:
        return str(error.orig)
    finally:
        await engine.dispose()
    return ""


async def test_what_stands_in_the_books_stays(world: World, database: Services) -> None:
    await _confirmed(world)
    for statement in CHANGES:
        refused = await _refusal(database.app_url, statement)
        why = r"append-only|permission denied|sum to zero|postings instead|unique|duplicate"
        assert re.search(why, refused), f"{statement}: {refused or 'done'}"
    async with transaction(world.runtime.sessions) as session:
        assert set((await count_violations(session)).values()) == {0}
        entries = (await session.execute(text("SELECT count(*) FROM entries"))).scalar_one()
    assert entries == 1


async def test_the_application_cannot_take_the_guards_away(
    world: World, database: Services
) -> None:
    if database.app_url == database.owner_url:
        pytest.skip("this run has one login for everything")
    await _confirmed(world)
    for statement in OWNERS_ONLY:
        refused = await _refusal(database.app_url, statement)
        assert re.search(r"permission denied|must be owner|must be superuser", refused), (
            f"{statement}: {refused or 'done'}"
        )


MOVES = {
    "UPDATE periods SET starts_on = starts_on - 1 WHERE number = {}": "first day",
    "UPDATE periods SET ends_on = ends_on - 1 WHERE number = {}": "last day",
    "UPDATE periods SET ends_on = ends_on + 400 WHERE number = {}": "last day",
}
FROZEN_MOVES = {
    "UPDATE periods SET surplus = surplus + 1 WHERE number = {}": "frozen with",
    "UPDATE periods SET policy_id = NULL WHERE number = {}": "frozen with",
    "UPDATE periods SET state = 'reopened', ends_on = ends_on + 1 WHERE number = {}": "last day",
}


async def test_the_days_of_a_period_stay(world: World, database: Services) -> None:
    """Not by the application's login either: moved days would count other people's work."""
    made = await cooperative(world, "anna", "berta")
    first = await made.draw_up(await made.open(LAST, 1000, FIRST))
    second = await made.open(LAST + timedelta(days=30), 0)
    for number, moves in ((1, MOVES | FROZEN_MOVES), (2, list(MOVES)[:1])):
        for statement in moves:
            refused = await _refusal(database.app_url, statement.format(number))
            why = (MOVES | FROZEN_MOVES)[statement]
            assert why in refused, f"{statement.format(number)}: {refused or 'done'}"
    # The last day of the newest one is still to be found out, and of no other.
    later = {"ends_on": (LAST + timedelta(days=60)).isoformat()}
    await made.owner.change(f"/periods/{second['id']}", later, second["version"])
    await made.open(LAST + timedelta(days=90), 0)
    refused = await _refusal(database.app_url, list(MOVES)[1].format(2))
    assert "last day" in refused
    assert (await made.owner.get(f"/periods/{first['id']}"))["ends_on"] == LAST.isoformat()

"""The ledger: only ever added to, balanced at commit, and every figure equal to its postings."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from app.infra.database import async_url
from tests.conftest import Services
from tests.factories.world import Json, Person, World

GUARDED = ("entries", "postings", "claim_history", "need_history")
CHANGES = (
    "DELETE FROM {table}",
    "TRUNCATE {table} CASCADE",
    "DELETE FROM {table} WHERE false",
)
UPDATES = {
    "entries": "UPDATE entries SET worked_on = worked_on + 1",
    "postings": "UPDATE postings SET amount = amount * 2",
    "claim_history": "UPDATE claim_history SET reason = 'other'",
    "need_history": "UPDATE need_history SET reason = 'other'",
}


@dataclass
class Books:
    """An organisation with some confirmed work in its book."""

    world: World
    owner: Person
    worker: Person
    organisation: Json

    async def confirmed(self, minutes: int = 90, logged: int = 90, **body: Any) -> Json:
        """Confirm one more piece of work."""
        need = await self.world.open_need(self.owner, self.organisation)
        claim = await self.world.submitted_claim(self.worker, self.owner, need, logged)
        return await self.world.confirm(self.owner, claim, minutes, **body)

    async def book(self) -> Json:
        """Return the book."""
        (brief,) = (await self.owner.get("/books"))["items"]
        return await self.owner.get(f"/books/{brief['id']}")


@pytest.fixture
async def books(world: World) -> Books:
    owner = await world.sign_up("owner")
    worker = await world.sign_up("worker")
    made = Books(world, owner, worker, await world.organisation(owner))
    await made.confirmed()
    return made


@pytest.fixture(params=["application", "owner"])
async def login(request: pytest.FixtureRequest, database: Services) -> AsyncIterator[AsyncEngine]:
    """The database as the application's role and as its owner."""
    url = database.app_url if request.param == "application" else database.owner_url
    engine = create_async_engine(async_url(url), poolclass=NullPool)
    yield engine
    await engine.dispose()


async def attempt(engine: AsyncEngine, *statements: str, **values: object) -> str:
    """Run statements and commit; return the code of the refusal, or nothing."""
    try:
        async with engine.begin() as connection:
            for statement in statements:
                await connection.execute(text(statement), values)
    except DBAPIError as error:
        return str(getattr(error.orig, "sqlstate", "?"))
    return ""


async def everything(engine: AsyncEngine) -> list[Any]:
    async with engine.connect() as connection:
        return [
            (await connection.execute(text(f"SELECT * FROM {table} ORDER BY 1, 2"))).all()  # noqa: S608
            for table in GUARDED
        ]


REFUSED = {"23001", "42501"}  # by the trigger, or for want of the right


@pytest.mark.parametrize("table", GUARDED)
async def test_what_is_written_stays_as_it_is(books: Books, login: AsyncEngine, table: str) -> None:
    before = await everything(login)
    assert all(before), "each table has rows"
    for change in (*CHANGES, UPDATES[table]):
        assert await attempt(login, change.format(table=table)) in REFUSED, change
    upsert = {
        "entries": "INSERT INTO entries OVERRIDING SYSTEM VALUE SELECT * FROM entries "
        "ON CONFLICT (id) DO UPDATE SET worked_on = '2020-01-01'",
        "postings": "INSERT INTO postings SELECT * FROM postings "
        "ON CONFLICT (entry_id, account_id, unit) DO UPDATE SET amount = 1",
    }.get(table)
    if upsert:
        assert await attempt(login, upsert) in REFUSED
    # What lies beneath cannot be taken away with it either.
    for under in ("claims", "needs", "ledger_accounts", "books", "organisations"):
        assert await attempt(login, f"DELETE FROM {under}") in {*REFUSED, "23503"}, under  # noqa: S608
    assert await everything(login) == before


@pytest.mark.parametrize("table", GUARDED)
async def test_the_application_may_not_switch_the_guard_off(
    books: Books, database: Services, table: str
) -> None:
    if database.app_url == database.owner_url:
        pytest.skip("this run has one login for both")
    engine = create_async_engine(async_url(database.app_url), poolclass=NullPool)
    for statement in (
        f"ALTER TABLE {table} DISABLE TRIGGER USER",
        f"DROP TABLE {table} CASCADE",
        "SET session_replication_role = replica",
        "DROP FUNCTION refuse_change() CASCADE",
        f"GRANT UPDATE ON {table} TO CURRENT_USER",
    ):
        refused = await attempt(engine, statement)
        assert refused == "42501" or statement.startswith("GRANT"), statement
    assert await attempt(engine, UPDATES[table]) in REFUSED
    await engine.dispose()


def number(n: int) -> UUID:
    return uuid5(UUID(int=0), str(n))


ENTRY = """
    INSERT INTO entries
        (entry_id, book_id, kind, worked_on, booked_on, recorded_by, recorded_at, posting_count)
    SELECT :entry, id, 'correction', '2026-03-02', '2026-03-02', :entry, now(), :wanted FROM books
"""
SIDE = """
    INSERT INTO postings (entry_id, account_id, unit, amount)
    SELECT :entry, id, '{unit}', {amount} FROM ledger_accounts WHERE kind = '{kind}'
"""


def side(kind: str, amount: int, unit: str = "minute") -> str:
    return SIDE.format(kind=kind, amount=amount, unit=unit)


UNBALANCED = {
    "one side": (2, [side("worker", 5)]),
    "no side": (2, []),
    "not zero": (2, [side("worker", 5), side("organisation", -4)]),
    "zero only together": (
        2,
        [side("worker", 5), side("organisation", -5, "eur")],
    ),
    "more than it says": (
        2,
        [side("worker", 5), side("organisation", -5), side("worker", 1, "eur")],
    ),
    "fewer than it says": (3, [side("worker", 5), side("organisation", -5)]),
}


@pytest.mark.parametrize("name", UNBALANCED)
async def test_an_entry_that_does_not_balance_is_refused_at_commit(
    books: Books, login: AsyncEngine, name: str
) -> None:
    wanted, sides = UNBALANCED[name]
    before = await everything(login)
    values = {"entry": number(1), "wanted": wanted}
    assert await attempt(login, ENTRY, *sides, **values) == "23514"
    assert await everything(login) == before
    whole = [side("worker", 5), side("organisation", -5)]
    assert await attempt(login, ENTRY, *whole, **{**values, "wanted": 2}) == "", "the control"


async def test_nobody_adds_to_an_old_entry(books: Books, login: AsyncEngine) -> None:
    late = """
        INSERT INTO postings (entry_id, account_id, unit, amount)
        SELECT entry_id, account_id, 'eur', amount FROM postings
    """
    before = await everything(login)
    assert await attempt(login, late) == "23514"
    assert await attempt(login, late.replace("amount FROM", "0 FROM")) == "23514"
    assert await everything(login) == before


async def test_a_claim_is_confirmed_by_one_entry_even_for_the_owner(
    books: Books, login: AsyncEngine
) -> None:
    twice = """
        INSERT INTO entries (entry_id, book_id, kind, worked_on, booked_on, claim_id,
                             recorded_by, recorded_at, posting_count)
        SELECT :entry, book_id, kind, worked_on, booked_on, claim_id, recorded_by, now(), 2
        FROM entries
    """
    assert await attempt(login, twice, entry=number(1)) == "23505"


WRONG_BALANCES = """
    SELECT count(*) FROM (
        (SELECT account_id, unit, amount FROM balances
         EXCEPT SELECT account_id, unit, sum(amount) FROM postings GROUP BY 1, 2)
        UNION ALL
        (SELECT account_id, unit, sum(amount) FROM postings
         JOIN ledger_accounts ON id = account_id WHERE kind <> 'organisation' GROUP BY 1, 2
         EXCEPT SELECT account_id, unit, amount FROM balances)
    ) AS wrong
"""


async def test_every_figure_is_the_sum_of_its_postings(books: Books) -> None:
    other = await books.world.sign_up("other")
    await books.confirmed(30, stream="care")
    await books.confirmed(45, stream="gift")
    books.worker = other
    await books.confirmed(60, stream="livelihood")
    async with books.world.runtime.engine.connect() as connection:
        assert (await connection.execute(text(WRONG_BALANCES))).scalar_one() == 0
        assert (
            await connection.execute(text("SELECT sum(amount) FROM postings"))
        ).scalar_one() == 0
    book = await books.book()
    assert (book["total_minutes"], book["entries"], book["sums"]) == (225, 4, {"minute": 0})
    shares = {w["handle"]: (w["minutes"], w["share_percent"]) for w in book["workers"]}
    assert shares == {"worker": (165, "73.3"), "other": (60, "26.7")}
    lines = (await books.owner.get(f"/books/{book['id']}/entries"))["items"]
    assert [line["minutes"] for line in lines] == [60, 45, 30, 90]
    assert sum(line["minutes"] for line in lines) == book["total_minutes"]
    mine = await other.get("/me/contributions")
    assert (mine["total_minutes"], mine["by_stream"]) == (60, {"livelihood": 60})
    assert [item["minutes"] for item in mine["items"]] == [60]


async def test_pages_of_a_book_stand_still_while_it_grows(books: Books) -> None:
    for minutes in (10, 20, 30):
        await books.confirmed(minutes)
    path = f"/books/{(await books.book())['id']}/entries"
    first = await books.owner.get(path, limit=2)
    await books.confirmed(40)
    second = await books.owner.get(path, limit=2, cursor=first["next_cursor"])
    assert [e["minutes"] for e in (*first["items"], *second["items"])] == [30, 20, 10, 90]
    assert second["next_cursor"] is None


async def test_a_refused_confirmation_leaves_no_trace(books: Books) -> None:
    need = await books.world.open_need(books.owner, books.organisation)
    claim = await books.world.submitted_claim(books.worker, books.owner, need, 60)
    path = f"/claims/{claim['id']}/confirmation"
    before = await everything(books.world.runtime.engine)
    stranger = await books.world.sign_up("stranger")
    steward = await books.world.set_up()
    for person, body, status, code in (
        (books.owner, {"minutes": 61}, 422, "confirmation_minutes"),
        (books.worker, {"minutes": 60}, 403, "confirmation_own"),
        (stranger, {"minutes": 60}, 404, "claim_not_found"),
        (steward, {"minutes": 60}, 403, "confirmation_members_only"),
    ):
        refused = await person.post(path, body, expect=status, key="k")
        assert refused["code"] == code
    assert (await books.owner.post(path, {"minutes": 60}, expect=400))["code"] == (
        "idempotency_key_required"
    )
    assert await everything(books.world.runtime.engine) == before
    assert (await books.owner.get(f"/claims/{claim['id']}"))["state"] == "submitted"
    await books.owner.post(path, {"minutes": 60}, key="k")


async def test_disputed_work_counts_only_once_confirmed(books: Books) -> None:
    need = await books.world.open_need(books.owner, books.organisation)
    claim = await books.world.submitted_claim(books.worker, books.owner, need, 60)
    await books.owner.move(f"/claims/{claim['id']}", "disputed", "half of it is missing")
    assert (await books.worker.get("/me/contributions"))["total_minutes"] == 90
    path = f"/claims/{claim['id']}"
    less = {"json": {"minutes": 30}, "headers": {"Idempotency-Key": "less"}}
    alone = await books.owner.ask("POST", f"{path}/confirmation", **less)
    assert (alone.status_code, alone.json()["code"]) == (409, "settlement_needed")
    await books.owner.post(f"{path}/settlement", {"minutes": 30}, expect=200)
    agreed = await books.worker.post(f"{path}/settlement", {"minutes": 30}, expect=200)
    assert (agreed["confirmation"]["minutes"], agreed["resolution"]) == (30, "partly")
    assert (await books.worker.get("/me/contributions"))["total_minutes"] == 120
    # What is confirmed is history: but for a dispute nobody moves it, nobody takes its hours back.
    assert agreed["possible_transitions"] == ["disputed"]
    (log,) = (await books.worker.get(f"{path}/work-logs"))["items"]
    late = await books.worker.ask("DELETE", f"{path}/work-logs/{log['id']}")
    assert (late.status_code, late.json()["code"]) == (409, "claim_not_loggable")
    await books.worker.move(path, "withdrawn", expect=409)

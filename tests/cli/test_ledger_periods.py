"""`ledger periods | preview | close`: how far each period is, and its steps done at once."""

import json
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from app.infra import clock
from tests.conftest import Services
from tests.factories.desk import Desk
from tests.factories.periods import (
    AFTER_OBJECTIONS,
    FIRST,
    LAST,
    Cooperative,
    cooperative,
    open_too_early,
)
from tests.factories.world import Json, World

T1 = {"anna": 36_750, "berta": 20_000, "carles": 3_260}


@pytest.fixture
async def desk(world: World, database: Services, tmp_path: Path) -> Desk:
    return Desk(world, database, tmp_path, {"TORNALLOM_REDIS_URL": database.redis_url})


async def held(world: World) -> Cooperative:
    made = await cooperative(world, *T1)
    for name, minutes in T1.items():
        await made.give(made.id_of(name), minutes)
    return made


async def said_as_json(desk: Desk, *arguments: str) -> Json:
    """Run a command that must succeed; what it answers on standard output is one line of JSON."""
    code, said = await desk.run("ledger", *arguments, "--json")
    assert code == 0, said
    found: Json = json.loads(said.splitlines()[-1])
    return found


async def test_periods_are_listed_previewed_drawn_up_and_locked(world: World, desk: Desk) -> None:
    made = await held(world)
    slug = made.organisation["slug"]
    period = await made.open(LAST, 1_000_001, FIRST)
    # T1 without D and P: what it would come to, before anything is frozen.
    would = await said_as_json(desk, "preview", slug, "1")
    amounts = {line["account_id"]: line["amount"] for line in would["lines"]}
    assert amounts == {
        str(made.id_of("anna")): 122_480,
        str(made.id_of("berta")): 66_655,
        str(made.id_of("carles")): 10_865,
    }
    assert (would["pool"], would["reserve_change"]) == (200_000, 800_001)
    # A period that nobody froze stays as it is: a command closes nothing on its own.
    still = await said_as_json(desk, "close", slug, "1")
    assert (still["state"], still["workers_done"]) == ("open", 0)
    body = {"to": "frozen", "version": period["version"]}
    await made.owner.post(f"/periods/{period['id']}/transitions", body, expect=200)
    code, said = await desk.run("ledger", "close", slug, "1")
    assert code == 0, said
    assert "3 of 3 lines drawn up." in said
    assert f"Period 1, {FIRST} to {LAST}: drafted, 3 of 3 lines." in said
    drafted = await made.owner.get(f"/periods/{period['id']}")
    with clock.moved(AFTER_OBJECTIONS):
        await made.sign_in_again()
        await made.sign(drafted, "anna")
        await made.sign(drafted, "berta")
    locked = await said_as_json(desk, "close", slug, "1")
    assert locked["state"] == "locked"
    assert (locked["number"], locked["surplus"], locked["workers_total"]) == (1, 1_000_001, 3)
    assert await said_as_json(desk, "close", slug, "1") == locked, "nothing is locked twice"
    listed = await said_as_json(desk, "periods", slug)
    assert listed == {"organisation": slug, "periods": [locked]}


async def test_what_is_not_there_is_said_and_ends_with_1(world: World, desk: Desk) -> None:
    made = await held(world)
    slug = made.organisation["slug"]
    days = FIRST - timedelta(days=31), FIRST - timedelta(days=1)
    await open_too_early(world.runtime, made.book_id, UUID(made.owner.id), days)
    for arguments, told in (
        (("periods", "nobody"), "No organisation “nobody” with a book."),
        (("close", slug, "2"), f"“{slug}” has no period 2."),
        (("preview", slug, "1"), "No rules were adopted before this period began."),
    ):
        code, said = await desk.run("ledger", *arguments)
        assert (code, told in said, "Traceback" in said) == (1, True, False), said
    code, said = await desk.run("ledger", "close", slug, "0")
    assert (code, "Traceback" in said) == (2, False), said

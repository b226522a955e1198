"""New accounts from one network are counted, without keeping which network it was."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from app.infra import clock
from app.settings import Settings
from tests.conftest import Services, make_settings
from tests.factories.world import PASSWORD, World
from tests.pages.reading import Reader

NETWORK, NEIGHBOUR, OTHER = "2a10:114::9", "2a10:114::99", "2a10:115::9"


@pytest.fixture
def settings(database: Services, tmp_path: Path) -> Settings:
    """An instance that lets in two a day from one network."""
    return make_settings(
        database, tmp_path, registrations_per_network=2, trusted_proxies=("127.0.0.1",)
    )


async def _register(world: World, handle: str, network: str) -> int:
    body = {"handle": handle, "password": PASSWORD}
    headers = {"X-Forwarded-For": f"2a10:117::4, {network}"} if network else {}
    answer = await world.stranger().ask("POST", "/accounts", json=body, headers=headers)
    if answer.status_code == 429:
        assert answer.json()["code"] == "registrations_limited"
        assert int(answer.headers["Retry-After"]) > 0
    return answer.status_code


async def test_a_network_has_its_day(world: World) -> None:
    await world.set_up()
    # What was refused for another reason counts nothing.
    assert await _register(world, "steward", NETWORK) == 409
    assert [await _register(world, f"person{n}", NETWORK) for n in range(3)] == [201, 201, 429]
    assert await _register(world, "neighbour", NEIGHBOUR) == 429, "the same network"
    assert await _register(world, "elsewhere", OTHER) == 201
    with clock.moved(timedelta(days=1)):
        assert await _register(world, "tomorrow", NETWORK) == 201


async def test_the_page_says_so_too(world: World) -> None:
    await world.set_up()
    for n in range(2):
        assert await _register(world, f"person{n}", NETWORK) == 201
    reader = Reader(world)
    reader.http.headers["X-Forwarded-For"] = NETWORK
    said: Any = {"handle": "third", "password": PASSWORD, "language": "en"}
    refused = await reader.send("/sign-up", "/sign-up", status=429, **said)
    assert "Very many accounts" in refused.main.text
    reader.http.headers["X-Forwarded-For"] = OTHER
    await reader.send("/sign-up", "/sign-up", **said)


async def test_where_no_network_is_named_nobody_is_counted(world: World) -> None:
    await world.set_up()
    assert [await _register(world, f"person{n}", "") for n in range(4)] == [201] * 4


async def test_the_network_is_not_kept(world: World) -> None:
    await world.set_up()
    await _register(world, "somebody", NETWORK)
    async with world.runtime.engine.connect() as connection:
        rows = (await connection.execute(text("SELECT * FROM ask_counts"))).all()
    assert len(rows) == 1
    assert b"2a10" not in bytes(rows[0][0])

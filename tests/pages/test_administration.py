"""Setting an instance up by page, and the door of a workspace that is not built."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app import main
from app.domain.identity import actions as identity
from app.infra.database import transaction
from app.settings import Settings
from tests.factories.world import PASSWORD, World
from tests.pages.reading import Reader


@pytest.fixture
async def bare(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    """An instance whose workspace was never built, so with routes of its own."""
    monkeypatch.setattr(main, "FRONTEND", tmp_path / "nothing")
    application = main.create_app(settings)
    async with application.router.lifespan_context(application):
        yield World(application)


async def setup_token(world: World) -> str:
    async with transaction(world.runtime.sessions) as session:
        token = await identity.offer_setup(session)
    assert token is not None
    return token


async def test_the_printed_link_sets_the_instance_up_without_a_workspace(bare: World) -> None:
    token = await setup_token(bare)
    reader = Reader(bare, None, "ca")
    first = await reader.http.get("/sign-in")
    assert first.headers["location"] == "/setup"
    led = await reader.http.get(f"/app/setup?token={token}")
    assert led.headers["location"] == f"/setup?token={token}"
    page = await reader.open(led.headers["location"])
    form = {**page.form("/setup"), "handle": "marta", "password": PASSWORD}
    assert (form["token"], form["language"]) == (token, "ca")

    nameless = await reader.submit("/setup", {**form, "instance_name": ""}, status=422)
    assert nameless.main.one("div", role="alert").one("a").attributes["href"] == "#instance_name"
    wrong = {**form, "instance_name": "Mà Comuna", "token": "x" * 43}
    refused = await reader.submit("/setup", wrong, status=403)
    assert PASSWORD not in refused.answer.text

    made = await reader.submit("/setup", {**form, "instance_name": "Mà Comuna"})
    home = await reader.open(made.answer.headers["location"])
    assert home.document.one("a", class_="brand").text == "Mà Comuna"
    assert "@marta" in home.document.one("footer").text
    again = await Reader(bare, None).http.get(f"/setup?token={token}")
    assert again.headers["location"] == "/sign-in"
    used = {**form, "instance_name": "Mine", "handle": "other"}
    await Reader(bare, None).submit("/setup", used, status=403)


async def test_a_missing_workspace_says_what_works_without_it(bare: World) -> None:
    reader = Reader(bare, None, "nl")
    for path in ("/app", "/app/", "/app/board"):
        page = await reader.open(path, status=503)
        links = [a.attributes["href"] for a in page.main.all("a")]
        assert links == ["/needs", "/me/claims", "/needs/new"]

"""The page of the log: for everybody, in every language, and the way out of a stop for stewards."""

from datetime import timedelta

import pytest

from app.cli.ledger_checks import look_at_log
from app.domain.witnesses.actions import Held, freeze
from app.domain.witnesses.rules import Tree
from app.federation.witnesses.our_log import newest_of_ours
from app.federation.witnesses.outside import path_of
from app.infra import clock
from app.infra.database import transaction
from app.infra.i18n import LANGUAGES, translate
from app.models.witnesses import FreezeReason
from tests.conftest import Services
from tests.factories.backups import restore_backup, take_backup
from tests.factories.world import World
from tests.pages.reading import Reader

WHY = "The disk broke, and the newest backup was from last night."


async def grown(world: World, times: int = 1) -> None:
    """Confirm work and let the log be signed."""
    owner = await world.sign_up(f"owner{times}")
    worker = await world.sign_up(f"worker{times}")
    organisation = await world.organisation(owner, f"Forn {times}")
    for _ in range(times):
        need = await world.open_need(owner, organisation)
        await world.confirm(owner, await world.submitted_claim(worker, owner, need))
    with clock.moved(timedelta(minutes=11 * times)):
        await world.work()


async def findings(world: World) -> dict[str, bool]:
    """What the doctor says of the log."""
    async with transaction(world.runtime.sessions) as session:
        found = await look_at_log(session, world.runtime.data_dir)
    return {finding.name: finding.ok for finding in found}


async def test_the_page_says_what_stands_and_that_nobody_signs_it(world: World) -> None:
    await grown(world)
    for language in LANGUAGES:
        await Reader(world, world.stranger(), language).open("/witnesses")
    page = await Reader(world, world.stranger(), "en").open("/witnesses")
    async with transaction(world.runtime.sessions) as session:
        newest = await newest_of_ours(session)
    assert newest is not None
    assert newest.tree.root.hex() in page.main.text
    assert "Nobody yet." in page.main.text


async def test_the_file_alone_stops_a_rewound_ledger_and_a_steward_lets_it_go_on(
    world: World, database: Services
) -> None:
    await grown(world, 1)
    assert all((await findings(world)).values())
    await take_backup(database.owner_url)
    await grown(world, 2)
    written = path_of(world.runtime).read_text()
    await restore_backup(database.owner_url)
    assert await findings(world) == {
        "ledger log": True, "ledger roots": True, "checkpoint outside": False, "witnesses": True,
    }  # fmt: skip
    with clock.moved(timedelta(minutes=60)):
        await world.work()
    assert path_of(world.runtime).read_text() == written
    assert (await findings(world))["ledger log"] is False
    stranger = await Reader(world, world.stranger(), "en").open("/witnesses")
    assert "read-only" in stranger.main.text
    assert "Declare the public fork" not in stranger.main.text
    steward = Reader(world, await world.set_up(), "en")
    form = (await steward.open("/witnesses")).form("/witnesses/fork")
    assert form["held_size"] == "3"
    here = "/witnesses/fork"
    unsure = await steward.send("/witnesses", here, status=422, reason=WHY)
    assert "what is given up" in unsure.main.text
    await steward.send("/witnesses", here, reason=WHY, sure="yes")
    with clock.moved(timedelta(minutes=90)):
        await world.work()
    page = await steward.open("/witnesses")
    assert WHY in page.main.text
    assert "read-only" not in page.main.text
    assert all((await findings(world)).values())


@pytest.mark.parametrize("language", list(LANGUAGES))
async def test_whoever_writes_hears_that_the_ledger_is_read_only(
    world: World, language: str
) -> None:
    owner = await world.sign_up("owner", language=language)
    worker = await world.sign_up("worker")
    need = await world.open_need(owner, await world.organisation(owner))
    claim = await world.submitted_claim(worker, owner, need)
    held = Held("south.example/ledger", "127.0.0.1:8080/ledger", Tree(3, bytes(32)), "note")
    async with transaction(world.runtime.sessions) as session:
        assert await freeze(session, held, FreezeReason.BEHIND, 1)
        assert not await freeze(session, held, FreezeReason.BEHIND, 1)
    answer = await owner.ask(
        "POST", f"/claims/{claim['id']}/confirmation", json={"minutes": 90},
        headers={"Idempotency-Key": "one"},
    )  # fmt: skip
    assert (answer.status_code, answer.json()["code"]) == (409, "ledger_read_only")
    assert answer.json()["detail"] == translate(language, "error.ledger_read_only")
    assert (await worker.get(f"/claims/{claim['id']}"))["state"] == "submitted"

"""What a clock asks is answered from the delivered letter: signed out, with one tap, once."""

import re
from datetime import timedelta

import pytest

from app.infra import clock
from tests.api.test_notifications import letters, link_in, proven, put_settings
from tests.factories.world import Json, Person, World
from tests.pages.reading import Reader
from tests.workers.test_clocks import lasting

DAYS = timedelta(days=1)
HOUR = timedelta(hours=1)


async def wish(person: Person, when: str) -> None:
    """Want reminders at once, or in a digest."""
    settings = await person.get("/me/notification-settings")
    changed = {"mail": {**settings["mail"], "reminders": when}}
    assert (await put_settings(person, changed)).status_code == 200


async def place(world: World, worker: Person, owner: Person) -> Json:
    """Return a claim that has just been given a place."""
    organisation = await world.organisation(owner)
    need = await world.open_need(owner, organisation, title="Sew the banners", instant=True)
    return await (await lasting(worker)).post(f"/needs/{need['id']}/claims", {"note": ""})


def last_letter(world: World, handle: str, words: str) -> str:
    """Return the newest letter that says this."""
    return next(each for each in reversed(letters(world, handle)) if words in each)


@pytest.mark.parametrize("begun", [False, True], ids=["start_asked", "nudged"])
async def test_a_worker_keeps_the_place_from_the_letter_signed_out(
    world: World, begun: bool
) -> None:
    owner, worker = await proven(world, "owner"), await proven(world, "worker")
    await wish(worker, "at_once")
    claim = await place(world, worker, owner)
    path = f"/claims/{claim['id']}"
    if begun:
        log = {"worked_on": clock.today().isoformat(), "minutes": 60, "note": ""}
        await worker.post(f"{path}/work-logs", log)
    before = (await worker.get(path))["next_step"]["at"]
    with clock.moved(3 * DAYS + HOUR):
        await world.work()
        letter = last_letter(world, "worker", "Sew the banners")
        assert "I am still on it" in letter
        link = f"/still-on-it/{link_in(letter, 'still-on-it')}"
        stranger = Reader(world, None)
        for _ in range(2):  # a program that reads mail opens links and changes nothing
            page = await stranger.open(link)
            assert "Sew the banners" in page.main.text
        assert (await worker.get(path))["next_step"]["code"].endswith("_lapse")
        done = await stranger.send(link, link, status=200)
        assert "Good to know" in done.title
        kept = (await worker.get(path))["next_step"]
        assert kept["at"] > before
        assert kept["code"] == "heartbeat_nudge"
        await stranger.open(link, status=410)
        await stranger.submit(link, {"form_token": ""}, status=410)
    with clock.moved(11 * DAYS):  # the place would be gone by now without the tap
        await world.work()
        assert (await worker.get(path))["state"] != "lapsed"


async def test_an_organisation_keeps_its_need_from_the_letter_signed_out(world: World) -> None:
    owner = await proven(world, "owner")
    await wish(owner, "at_once")
    organisation = await world.organisation(owner)
    need = await world.open_need(owner, organisation, title="Sew the banners")
    with clock.moved(40 * DAYS + HOUR):
        await world.work()
        letter = last_letter(world, "owner", "Sew the banners")
        assert "Still needed" in letter
        link = f"/renew/{link_in(letter, 'renew')}"
        stranger = Reader(world, None)
        await stranger.open(link)
        await stranger.send(link, link, status=200)
        await stranger.open(link, status=410)
    with clock.moved(79 * DAYS):
        await world.work()
        shown = await Reader(world, None).open(f"/needs/{need['id']}")
        assert "Sew the banners" in shown.title


async def test_in_a_digest_the_tap_stands_under_its_question(world: World) -> None:
    owner, worker = await proven(world, "owner"), await proven(world, "worker")
    await place(world, worker, owner)
    with clock.moved(3 * DAYS + HOUR):
        await world.work()
    with clock.moved(5 * DAYS):
        await world.work()
        letter = last_letter(world, "worker", "Sew the banners")
        assert re.search(r"• .*Sew the banners.*\nI am still on it: http\S+/still-on-it/", letter)
        link = f"/still-on-it/{link_in(letter, 'still-on-it')}"
        await Reader(world, None).send(link, link, status=200)


async def test_whoever_gave_a_sign_meanwhile_is_not_asked_by_mail(world: World) -> None:
    owner, worker = await proven(world, "owner"), await proven(world, "worker")
    claim = await place(world, worker, owner)
    with clock.moved(3 * DAYS + HOUR):
        await world.work()
        await worker.post(f"/claims/{claim['id']}/heartbeat", expect=200)
    with clock.moved(5 * DAYS):
        await world.work()
        assert not any("still-on-it" in each for each in letters(world, "worker"))


async def test_the_tap_of_a_lapsed_claim_keeps_nothing(world: World) -> None:
    owner, worker = await proven(world, "owner"), await proven(world, "worker")
    await wish(worker, "at_once")
    claim = await place(world, worker, owner)
    with clock.moved(3 * DAYS + HOUR):
        await world.work()
    letter = last_letter(world, "worker", "Sew the banners")
    link = f"/still-on-it/{link_in(letter, 'still-on-it')}"
    with clock.moved(10 * DAYS + 2 * HOUR):
        await world.work()
        assert (await worker.get(f"/claims/{claim['id']}"))["state"] == "lapsed"
        await Reader(world, None).open(link, status=410)

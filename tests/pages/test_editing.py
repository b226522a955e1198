"""Changing a need by its form: nothing is lost, nothing is overwritten unseen."""

import pytest

from tests.factories.world import Json, Person, World
from tests.pages.reading import Reader


@pytest.fixture
async def owner(world: World) -> Person:
    return await world.sign_up("owner")


@pytest.fixture
async def need(world: World, owner: Person) -> Json:
    organisation = await world.organisation(owner)
    return await world.open_need(
        owner, organisation, audience="public", estimate_minutes=100, external_id="wp:7",
        beneficiary="Upstream", tags=["old", "slow"], deadline="2030-03-29", urgency="high",
        skills=[{"slug": "wordpress", "weight": "must"}, {"slug": "postgresql"}], places=2,
        link="https://example.org/", region="Utrecht", remote=False, instant=True,
    )  # fmt: skip


WHAT_A_NEED_SAYS = (
    "title", "body", "language", "kind", "stream", "skills", "skills_unknown", "tags",
    "estimate_minutes", "places", "urgency", "deadline", "remote", "region", "audience", "instant",
    "harm_check", "link", "external_id", "beneficiary",
)  # fmt: skip


def said(need: Json) -> Json:
    return {name: need[name] for name in WHAT_A_NEED_SAYS}


async def form_of(reader: Reader, need: Json) -> Json:
    page = await reader.open(f"/needs/{need['id']}/edit")
    form: Json = dict(page.form(f"/needs/{need['id']}/edit"))
    form["skills"] = [
        box.attributes["value"]
        for box in page.main.all("input", name="skills")
        if "checked" in box.attributes
    ]
    return form


async def test_saving_without_a_change_changes_nothing_that_a_need_says(
    world: World, owner: Person, need: Json
) -> None:
    reader = Reader(world, owner)
    before = await owner.get(f"/needs/{need['id']}")
    await reader.submit(f"/needs/{need['id']}/edit", await form_of(reader, need))
    after = await owner.get(f"/needs/{need['id']}")
    assert said(after) == said(before)
    assert after["version"] == before["version"] + 1


async def test_a_change_is_saved_and_what_the_form_does_not_ask_for_stays(
    world: World, owner: Person, need: Json
) -> None:
    reader = Reader(world, owner)
    form = await form_of(reader, need) | {"title": "A better title", "skills": ["wordpress"]}
    moved = await reader.submit(f"/needs/{need['id']}/edit", form)
    page = await reader.open(moved.answer.headers["location"])
    assert page.title == "A better title"
    assert page.main.one("div", role="status").text == "The change is saved."
    after = await owner.get(f"/needs/{need['id']}")
    assert after["skills"] == [{"slug": "wordpress", "weight": "must"}]
    assert (after["external_id"], after["beneficiary"]) == ("wp:7", "Upstream")


async def test_what_somebody_else_changed_is_not_overwritten_unseen(
    world: World, owner: Person, need: Json
) -> None:
    reader = Reader(world, owner)
    address = f"/needs/{need['id']}/edit"
    mine = await form_of(reader, need) | {"title": "My title"}
    theirs = await form_of(reader, need) | {"title": "Their title"}
    await reader.submit(address, theirs)
    refused = await reader.submit(address, mine, status=412)
    assert "Somebody changed it meanwhile" in refused.main.one("div", role="alert").text
    assert (await owner.get(f"/needs/{need['id']}"))["title"] == "Their title"
    again = refused.form(address)
    assert again["title"] == "My title"
    await reader.submit(address, {**mine, "version": again["version"]})
    assert (await owner.get(f"/needs/{need['id']}"))["title"] == "My title"


async def test_a_listed_need_keeps_what_it_must_say(
    world: World, owner: Person, need: Json
) -> None:
    reader = Reader(world, owner)
    address = f"/needs/{need['id']}/edit"
    form = await form_of(reader, need) | {"harm_data": "", "harm_misuse": "", "harm_avoidable": ""}
    refused = await reader.submit(address, form, status=422)
    assert refused.main.one("p", id="harm_check").text
    fewer = await form_of(reader, need) | {"places": "0"}
    refused = await reader.submit(address, fewer, status=422)
    assert refused.main.one("input", id="places").attributes["aria-invalid"] == "true"


async def test_only_members_change_a_need(world: World, need: Json) -> None:
    person = await world.sign_up("person")
    await Reader(world, person).open(f"/needs/{need['id']}/edit", status=403)
    stranger = await Reader(world, None).http.get(f"/needs/{need['id']}/edit")
    assert stranger.headers["location"].startswith("/sign-in?next=")

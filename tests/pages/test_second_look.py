"""Before a number, an address or a password stands where others read it, it is shown once more."""

from typing import Any

import pytest

from tests.factories.world import Json, Person, World
from tests.pages.reading import Page, Reader, target_of
from tests.pages.test_asks import confirmed

PHONE = "Call 612345678 after six"
HARM = {"harm_data": "none", "harm_misuse": "nobody", "harm_avoidable": "yes"}


@pytest.fixture
async def owner(world: World) -> Person:
    return await world.sign_up("owner")


@pytest.fixture
async def organisation(world: World, owner: Person) -> Json:
    return await world.organisation(owner)


def found(page: Page) -> list[str]:
    """Return the pieces that a page shows as found."""
    return [piece.text for piece in page.main.one("div", id="secrets").all("strong")]


async def filled(reader: Reader, organisation: Json, **changes: Any) -> dict[str, Any]:
    form = (await reader.open("/needs/new")).form("/needs/new")
    said = {"title": "Mend our site", "hours": "3", "skills": "wordpress", **HARM}
    return {**form, "organisation_id": organisation["id"], **said, **changes}


async def test_a_number_in_a_need_is_shown_once_and_kept_knowingly(
    world: World, owner: Person, organisation: Json
) -> None:
    reader = Reader(world, owner)
    form = await filled(reader, organisation, body=PHONE, act="publish")
    seen = await reader.submit("/needs/new", form, status=422)
    assert found(seen) == ["612345678"]
    assert (await owner.get("/needs"))["items"] == [], "nothing is published unasked"
    again = {**seen.form("/needs/new"), "skills": "wordpress", "act": "publish"}
    posted = await reader.submit("/needs/new", {**again, "keep": "yes"})
    need = await owner.get(target_of(posted))
    assert (need["body"], need["state"]) == (PHONE, "open")
    path = f"/needs/{need['id']}/edit"
    change = {**(await reader.open(path)).form(path), "skills": "wordpress"}
    other = await reader.submit(path, {**change, "title": "The password is hunter22"}, status=422)
    assert found(other) == ["hunter22"], "what was kept before is not asked about again"
    await reader.submit(path, {**change, "title": "Mend our old site"})


async def test_a_plain_need_and_its_contacts_are_not_held_up(
    world: World, owner: Person, organisation: Json
) -> None:
    reader = Reader(world, owner)
    form = await filled(reader, organisation, body="Twelve pages since 2019.", act="publish")
    contact = {"contact_kind": "email", "contact_value": "rosa@forn.example"}
    await reader.submit("/needs/new", {**form, **contact})


async def test_a_question_and_its_answer_are_looked_at_too(
    world: World, owner: Person, organisation: Json
) -> None:
    need = await world.open_need(owner, organisation)
    here, asking = f"/needs/{need['id']}", f"/needs/{need['id']}/questions"
    reader = Reader(world, await world.sign_up("asker"))
    form = {**(await reader.open(here)).form(asking), "body": "My mail is rosa@forn.example, ok?"}
    seen = await reader.submit(asking, form, status=422)
    assert found(seen) == ["rosa@forn.example"]
    await reader.submit(asking, {**seen.form(asking), "keep": "yes"})
    (question,) = (await owner.get(f"/needs/{need['id']}/questions"))["items"]
    answering = f"{asking}/{question['id']}/answers"
    member = Reader(world, owner)
    form = {**(await member.open(here)).form(answering), "body": PHONE}
    seen = await member.submit(answering, form, status=422)
    assert found(seen) == ["612345678"]
    assert seen.form(answering)["body"] == PHONE, "it stands where it was written"
    await member.submit(answering, {**seen.form(answering), "keep": "yes"})


async def test_a_need_sets_its_own_times_in_the_form(
    world: World, owner: Person, organisation: Json
) -> None:
    reader = Reader(world, owner)
    form = await filled(reader, organisation, heartbeat_days="2", confirm_days="14", act="publish")
    seen = await reader.submit("/needs/new", form, status=422)
    assert "heartbeat_days" in [
        a.attributes["href"][1:]
        for a in seen.main.all("a")
        if a.attributes.get("href", "").startswith("#")
    ]
    assert seen.main.one("input", id="heartbeat_days").attributes["aria-invalid"] == "true"
    again = {**seen.form("/needs/new"), "skills": "wordpress", "act": "publish"}
    posted = await reader.submit("/needs/new", {**again, "heartbeat_days": "14"})
    clocks = (await owner.get(target_of(posted)))["clocks"]
    assert (clocks["heartbeat_days"], clocks["confirm_days"]) == (14, 14)
    path = f"{target_of(posted)}/edit"
    change = {**(await reader.open(path)).form(path), "skills": "wordpress"}
    assert change["heartbeat_days"] == "14"
    await reader.submit(path, {**change, "heartbeat_days": ""})
    assert (await owner.get(target_of(posted)))["clocks"]["heartbeat_days"] is None


async def test_who_waits_longest_comes_first(
    world: World, owner: Person, organisation: Json
) -> None:
    need = await world.open_need(owner, organisation, places=3)
    for name in ("first", "second", "third"):
        person = await world.sign_up(name)
        await person.post(f"/needs/{need['id']}/claims", {"note": name})
    path = f"/organisations/{organisation['id']}/claims"
    page = await Reader(world, owner).open(path)
    assert [quote.text for quote in page.main.all("blockquote")] == ["first", "second", "third"]
    waiting = await owner.get(path, state="applied", order="oldest", limit=2)
    assert [each["note"] for each in waiting["items"]] == ["first", "second"]
    rest = await owner.get(
        path, state="applied", order="oldest", limit=2, cursor=waiting["next_cursor"]
    )
    assert [each["note"] for each in rest["items"]] == ["third"]
    newest = await owner.get(path, limit=1)
    assert newest["items"][0]["note"] == "third"
    assert (await owner.ask("GET", f"{path}?order=best")).status_code == 422


async def test_a_steward_sees_how_many_asks_wait_and_others_see_no_desk(world: World) -> None:
    steward, person = await world.set_up(), await world.sign_up("person")
    for address in ("one@forn.example", "two@forn.example"):
        await confirmed(world, address=address)
    nav = (await Reader(world, steward).open("/")).document.all("nav")[0]
    desk = next(a for a in nav.all("a") if a.attributes["href"] == "/stewardship/asks")
    assert desk.one("b", class_="waits").text.startswith("2")
    for reader in (Reader(world, person), Reader(world, None)):
        links = (await reader.open("/")).document.all("a")
        assert not any(a.attributes.get("href") == "/stewardship/asks" for a in links)


async def test_strangers_find_where_to_ask_on_home_and_on_lists_that_are_empty(
    world: World,
) -> None:
    await world.set_up()
    reader = Reader(world, None)
    for path in ("/", "/needs", "/needs?q=nothing", "/organisations"):
        page = await reader.open(path)
        asking = [a.text for a in page.document.all("a") if a.attributes.get("href") == "/ask"]
        assert "Ask for help" in asking, path
    empty = (await reader.open("/needs")).main.one("div", class_="empty")
    assert empty.one("a", href="/ask").text == "Ask for help"

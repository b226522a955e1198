"""Saved searches by the API: one's own, fifty at most, and told as often as one says."""

import asyncio

import pytest

from app.domain.feeds.rules import PER_ACCOUNT
from tests.factories.world import Json, Person, World

PATH = "/me/saved-searches"


async def saved(person: Person, often: str = "daily", **filters: object) -> Json:
    return await person.post(PATH, {"filters": filters, "often": often})


async def listed(person: Person) -> list[Json]:
    found: list[Json] = (await person.get(PATH))["items"]
    return found


async def test_a_search_is_kept_as_it_was_said(world: World) -> None:
    person = await world.sign_up("person")
    answer = await person.ask(
        "POST", PATH,
        json={"filters": {"q": "poster", "language": ["nl", "EL".lower()], "hours_max": 8,
                          "remote": True, "skill": ["wordpress"]}, "often": "weekly"},
    )  # fmt: skip
    assert answer.status_code == 201
    search = answer.json()
    assert answer.headers["etag"] == f'"{search["version"]}"'
    assert answer.headers["location"] == f"/api/v1{PATH}/{search['id']}"
    assert search["often"] == "weekly"
    assert search["filters"]["language"] == ["el", "nl"]
    assert await person.get(f"{PATH}/{search['id']}") == search
    assert await listed(person) == [search]
    # The address is that of the page, which reads the same filters in it.
    page = await person.http.get(search["href"], headers={"Accept": "text/html"})
    assert page.status_code == 200
    for said in ('value="poster"', "5 filters on"):
        assert said in page.text


async def test_the_same_filters_are_the_same_search(world: World) -> None:
    person = await world.sign_up("person")
    first = await saved(person, q="poster", language=["nl", "el"])
    second = await saved(person, "instant", q="poster", language=["el", "nl"])
    assert second["id"] == first["id"]
    assert (second["often"], second["version"]) == ("instant", first["version"] + 1)
    assert len(await listed(person)) == 1


async def test_how_often_is_changed_from_the_version_one_has_read(world: World) -> None:
    person = await world.sign_up("person")
    search = await saved(person, q="poster")
    path = f"{PATH}/{search['id']}"
    changed = await person.change(path, {"often": "off"}, search["version"])
    assert changed["often"] == "off"
    stale = await person.change(path, {"often": "daily"}, search["version"], expect=412)
    assert stale["code"] == "version_stale"
    assert (await person.get(path))["often"] == "off"
    without = await person.ask("PATCH", path, json={"often": "daily"})
    assert without.status_code == 428


async def test_a_search_is_removed_from_the_version_one_has_read(world: World) -> None:
    person = await world.sign_up("person")
    search = await saved(person, q="poster")
    path = f"{PATH}/{search['id']}"
    for headers, status in (({}, 428), ({"If-Match": '"7"'}, 412), ({"If-Match": '"1"'}, 204)):
        assert (await person.ask("DELETE", path, headers=headers)).status_code == status
    assert await listed(person) == []
    assert (await person.ask("GET", path)).status_code == 404


async def test_somebody_elses_search_is_not_there(world: World) -> None:
    person, other = await world.sign_up("person"), await world.sign_up("other")
    search = await saved(person, q="canary")
    path = f"{PATH}/{search['id']}"
    assert await listed(other) == []
    assert (await other.ask("GET", path)).status_code == 404
    headers = {"If-Match": '"1"'}
    assert (await other.ask("DELETE", path, headers=headers)).status_code == 404
    body = {"often": "off"}
    assert (await other.ask("PATCH", path, json=body, headers=headers)).status_code == 404
    assert await listed(person) == [search]


@pytest.mark.parametrize(
    "body",
    [
        {"filters": {"stream": "stolen"}},
        {"filters": {"kind": "nonsense"}},
        {"filters": {"urgency": "very"}},
        {"filters": {"skill": ["no-such-skill"]}},
        {"filters": {"skill": ["wordpress", "drupal"]}},
        {"filters": {"hours_max": 0}},
        {"filters": {"q": "x" * 201}},
        {"filters": {"sort": "newest"}},
        {"filters": {"language": ["not a language"]}},
        {"often": "hourly"},
        {"account_id": "00000000-0000-0000-0000-000000000000"},
    ],
)
async def test_what_means_nothing_is_refused(world: World, body: Json) -> None:
    person = await world.sign_up("person")
    answer = await person.post(PATH, body, expect=422)
    assert answer["errors"]
    assert await listed(person) == []


async def test_fifty_are_kept_and_no_more_even_at_the_same_time(world: World) -> None:
    person = await world.sign_up("person")
    for number in range(PER_ACCOUNT - 2):
        await saved(person, q=f"word {number}")
    bodies = [{"filters": {"q": f"more {number}"}} for number in range(6)]
    answers = await asyncio.gather(*(person.ask("POST", PATH, json=body) for body in bodies))
    assert sorted(each.status_code for each in answers) == [201, 201, 409, 409, 409, 409]
    refused = next(each.json() for each in answers if each.status_code == 409)
    assert refused["code"] == "searches_full"
    assert "50" in refused["detail"]
    assert len(await listed(person)) == PER_ACCOUNT


async def test_a_lost_answer_asked_again_saves_once(world: World) -> None:
    person = await world.sign_up("person")
    body = {"filters": {"q": "poster"}}
    first = await person.post(PATH, body, key="k" * 32)
    assert await person.post(PATH, body, key="k" * 32) == first
    assert await listed(person) == [first]

"""Organisations by API: proposed by anybody, accepted by stewards, kept by their owners."""

import asyncio
from typing import Any

import pytest

from tests.factories.world import Person, World


async def _propose(person: Person, name: str = "Forn Roig", **fields: Any) -> dict[str, Any]:
    return await person.post("/organisations", {"name": name, **fields})


async def test_a_proposal_is_seen_by_its_makers_and_stewards_only(world: World) -> None:
    owner = await world.sign_up("owner")
    other = await world.sign_up("other")
    steward = await world.set_up()
    made = await _propose(owner, "Ταμείο απεργίας", time_zone="Europe/Athens")
    path = f"/organisations/{made['id']}"

    assert (made["state"], made["slug"], made["my_role"]) == (
        "proposed",
        "tameio-apergias",
        "owner",
    )
    assert (await owner.get(path))["id"] == made["id"]
    assert (await steward.get(path))["my_role"] is None
    for stranger in (other, world.stranger()):
        answer = await stranger.ask("GET", path)
        assert (answer.status_code, answer.json()["code"]) == (404, "organisation_not_found")
        assert (await stranger.get("/organisations", state="any"))["items"] == []
    assert len((await steward.get("/organisations", state="proposed"))["items"]) == 1
    assert len((await owner.get("/organisations", state="any"))["items"]) == 1

    accepted = await steward.move(path, "accepted", "welcome")
    assert (accepted["state"], accepted["state_reason"]) == ("accepted", "welcome")
    assert (await world.stranger().get(path))["name"] == "Ταμείο απεργίας"


async def test_only_stewards_decide_and_only_along_the_table(world: World) -> None:
    owner = await world.sign_up("owner")
    steward = await world.set_up()
    path = f"/organisations/{(await _propose(owner))['id']}"

    refused = await owner.ask("POST", f"{path}/transitions", json={"to": "accepted"})
    assert (refused.status_code, refused.json()["code"]) == (403, "steward_required")
    impossible = await steward.ask("POST", f"{path}/transitions", json={"to": "suspended"})
    assert impossible.status_code == 409
    assert impossible.json()["possible"] == ["accepted", "declined"]
    await steward.move(path, "declined", "not yet")
    assert (await owner.get(path))["state_reason"] == "not yet"


async def test_a_change_names_the_version_it_was_made_from(world: World) -> None:
    owner = await world.sign_up("owner")
    other = await world.sign_up("other")
    made = await world.organisation(owner)
    path = f"/organisations/{made['id']}"

    missing = await owner.ask("PATCH", path, json={"summary": "bread"})
    assert missing.status_code == 428
    changed = await owner.change(path, {"summary": "bread", "site": None}, made["version"])
    assert (changed["summary"], changed["version"]) == ("bread", made["version"] + 1)
    stale = await owner.change(path, {"summary": "x"}, made["version"], expect=412)
    assert stale["code"] == "version_stale"
    refused = await other.change(path, {"summary": "x"}, changed["version"], expect=403)
    assert refused["code"] == "organisation_owner_required"
    unknown = await owner.change(path, {"colour": "red"}, changed["version"], expect=422)
    assert unknown["errors"][0]["code"] == "extra_forbidden"
    zone = await owner.change(path, {"time_zone": "Mars/Base"}, changed["version"], expect=422)
    assert zone["errors"][0] == {
        "pointer": "/time_zone",
        "code": "time_zone_unknown",
        "message": "There is no time zone of this name. Write one like Europe/Athens.",
    }


async def test_owners_keep_the_members(world: World) -> None:
    owner = await world.sign_up("owner")
    baker = await world.sign_up("baker")
    members = f"/organisations/{(await world.organisation(owner))['id']}/members"

    refused = await baker.ask("POST", members, json={"handle": "baker"})
    assert refused.json()["code"] == "organisation_owner_required"
    added = await owner.post(members, {"handle": "BAKER", "worker_owner": True})
    assert (added["handle"], added["role"], added["worker_owner"]) == ("baker", "member", True)
    again = await owner.post(members, {"handle": "baker"}, expect=409)
    assert again["code"] == "member_already"
    nobody = await owner.post(members, {"handle": "nobody"}, expect=422)
    assert nobody["errors"][0]["pointer"] == "/handle"
    assert [item["handle"] for item in (await baker.get(members))["items"]] == ["owner", "baker"]
    assert (await baker.get("/me"))["memberships"][0]["worker_owner"] is True

    changed = await owner.ask("PATCH", f"{members}/{baker.id}", json={"role": "owner"})
    assert changed.json()["role"] == "owner"
    assert (await owner.ask("DELETE", f"{members}/{owner.id}")).status_code == 204
    assert [item["handle"] for item in (await baker.get(members))["items"]] == ["baker"]
    outsider = await owner.ask("GET", members)
    assert outsider.json()["code"] == "organisation_members_only"


async def test_the_last_owner_stays(world: World) -> None:
    owner = await world.sign_up("owner")
    members = f"/organisations/{(await world.organisation(owner))['id']}/members"

    demoted = await owner.ask("PATCH", f"{members}/{owner.id}", json={"role": "member"})
    left = await owner.ask("DELETE", f"{members}/{owner.id}")
    assert {demoted.json()["code"], left.json()["code"]} == {"last_owner"}


async def test_two_owners_leaving_at_once_leave_one(world: World) -> None:
    first = await world.sign_up("first")
    second = await world.sign_up("second")
    members = f"/organisations/{(await world.organisation(first))['id']}/members"
    await first.post(members, {"handle": "second", "role": "owner"})

    answers = await asyncio.gather(
        first.ask("DELETE", f"{members}/{first.id}"),
        second.ask("DELETE", f"{members}/{second.id}"),
    )
    assert sorted(answer.status_code for answer in answers) == [204, 409]


async def test_one_name_twice_at_once_makes_two_addresses(world: World) -> None:
    owner = await world.sign_up("owner")
    made = await asyncio.gather(*(_propose(owner, "Forn Roig") for _ in range(3)))
    assert {item["slug"] for item in made} == {"forn-roig", "forn-roig-2", "forn-roig-3"}


async def test_the_list_goes_on_where_it_ended(world: World) -> None:
    owner = await world.sign_up("owner")
    names = ["àvia", "Bar", "Ελιά", "zoo", "🌱 garden " + "x" * 180]
    for name in names:
        await world.organisation(owner, name)
    seen: list[str] = []
    cursor: str | None = None
    while True:
        params = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = await world.stranger().get("/organisations", **params)
        seen += [item["name"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert sorted(seen) == sorted(names)
    found = await world.stranger().get("/organisations", q="elia")
    assert [item["name"] for item in found["items"]] == ["Ελιά"]


async def test_needs_follow_their_organisation(world: World) -> None:
    owner = await world.sign_up("owner")
    steward = await world.set_up()
    organisation = await world.organisation(owner)
    path = f"/organisations/{organisation['id']}"
    need = await world.open_need(owner, organisation)

    await owner.change(path, {"name": "Forn Verd"}, organisation["version"])
    await world.work()
    renamed = await owner.get(f"/needs/{need['id']}")
    assert (renamed["organisation_name"], renamed["version"]) == ("Forn Verd", need["version"] + 1)
    assert [n["id"] for n in (await owner.get("/needs", q="verd"))["items"]] == [need["id"]]

    await steward.move(path, "suspended", "not who they said")
    await world.work()
    assert (await owner.get(f"/needs/{need['id']}"))["state"] == "paused"
    refused = await owner.ask("POST", f"/needs/{need['id']}/transitions", json={"to": "open"})
    assert refused.json()["code"] == "organisation_not_accepted"
    await steward.move(path, "accepted", "a mistake")
    await world.work()
    assert (await owner.get(f"/needs/{need['id']}"))["state"] == "open"


async def test_a_need_paused_by_its_organisation_stays_paused(world: World) -> None:
    owner = await world.sign_up("owner")
    steward = await world.set_up()
    organisation = await world.organisation(owner)
    path = f"/organisations/{organisation['id']}"
    need = await world.open_need(owner, organisation)
    await owner.move(f"/needs/{need['id']}", "paused", "on holiday")
    await steward.move(path, "suspended")
    await steward.move(path, "accepted")
    await world.work()
    assert (await owner.get(f"/needs/{need['id']}"))["state"] == "paused"


@pytest.mark.parametrize(
    "body",
    [
        {"name": ""},
        {"name": "x" * 201},
        {"name": "ok", "site": "javascript:alert(1)"},
        {"name": "ok", "languages": ["not a language"]},
        {"name": "ok", "state": "accepted"},
        {"name": None},
    ],
)
async def test_a_bad_proposal_is_refused(world: World, body: dict[str, Any]) -> None:
    owner = await world.sign_up("owner")
    answer = await owner.ask("POST", "/organisations", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["message"]

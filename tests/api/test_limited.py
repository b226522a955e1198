"""A limited account reads everything and writes nothing, by whatever door; its own things stay."""

from typing import Any

import pytest

from tests.api.test_vouching import notices_of
from tests.factories.world import PASSWORD, Person, World, need_input
from tests.pages.reading import Reader

REASON = "Forty questions in an hour"


async def _limit(world: World, person: Person, to: str = "limited") -> None:
    steward = await world.set_up()
    path = f"/accounts/{person.id}/transitions"
    reason = REASON if to == "limited" else ""
    await steward.post(path, {"to": to, "reason": reason}, expect=200)


@pytest.fixture
async def owner(world: World) -> Person:
    return await world.sign_up("owner")


async def test_writing_is_refused_with_the_reason_and_reading_is_not(
    world: World, owner: Person
) -> None:
    home = await world.organisation(owner)
    need = await world.open_need(owner, home, places=3)
    worker, other = await world.sign_up("worker"), await world.sign_up("other")
    await _limit(world, worker)
    path = f"/needs/{need['id']}"
    for where, body in (
        (f"{path}/claims", {"note": "me"}),
        (f"{path}/questions", {"body": "When?"}),
        (f"{path}/dismissal", {}),
        ("/organisations", {"name": "Mine"}),
    ):
        refused = await worker.post(where, body, expect=403)
        assert refused["code"] == "account_limited"
        assert REASON in refused["detail"]
        answer = await other.ask("POST", where, json=body)
        assert answer.status_code < 400, where
    assert (await worker.get(path))["title"] == need["title"]
    assert (await worker.get("/me/claims"))["items"] == []

    await _limit(world, worker, "active")
    assert (await worker.post(f"{path}/claims", {"note": "me"}))["state"] == "applied"


async def test_a_tool_is_no_way_around(world: World, owner: Person) -> None:
    home = await world.organisation(owner)
    tool = world.stranger()
    made = await owner.post("/me/tokens", {"name": "t", "scopes": ["needs:write", "needs:read"]})
    tool.http.headers["Authorization"] = f"Bearer {made['token']}"
    assert (await tool.post("/needs", need_input(home)))["state"] == "draft"
    await _limit(world, owner)
    refused = await tool.post("/needs", need_input(home), expect=403)
    assert refused["code"] == "account_limited"
    file: Any = {"file": ("notes.txt", b"Two lines", "text/plain")}
    sent = await owner.ask("POST", "/files", params={"need_id": home["id"]}, files=file)
    assert sent.json()["code"] == "account_limited"


async def test_ones_own_things_stay_open(world: World, owner: Person) -> None:
    home = await world.organisation(owner)
    member = await world.sign_up("member")
    await owner.post(f"/organisations/{home['id']}/members", {"handle": "member"})
    await _limit(world, member)
    await _limit(world, owner)
    assert (await member.ask("PUT", "/me/profile", json={"about": "Hi"})).status_code == 200
    changed = await member.ask("PATCH", "/me", json={"display_name": "Another"})
    assert changed.status_code == 200
    read = await member.ask("POST", "/me/notifications/read", json={"all": True})
    assert read.status_code == 200
    left = await member.ask("DELETE", f"/organisations/{home['id']}/members/{member.id}")
    assert left.status_code == 204
    # Leaving is for oneself: nobody else is sent away.
    other = await owner.ask("DELETE", f"/organisations/{home['id']}/members/{member.id}")
    assert other.json()["code"] == "account_limited"
    assert (await member.ask("DELETE", "/sessions/current")).status_code == 204
    again = {"handle": "member", "password": PASSWORD}
    assert (await member.ask("POST", "/sessions", json=again)).status_code == 201
    assert "account_limited" in await notices_of(world, owner)


async def test_answering_the_stewards_stays_open(world: World, owner: Person) -> None:
    need = await world.open_need(owner, await world.organisation(owner))
    steward = await world.set_up()
    hold = await steward.post(f"/needs/{need['id']}/holds", {"reason": "Is this so?"})
    await _limit(world, owner)
    path = f"/holds/{hold['id']}/appeal"
    assert (await owner.post(path, {"words": "It is."}, expect=200))["appeal"] == "It is."


async def test_pages_refuse_as_the_api_does(world: World, owner: Person) -> None:
    home = await world.organisation(owner)
    need = await world.open_need(owner, home)
    worker = await world.sign_up("worker")
    reader = Reader(world, worker)
    path, profile = f"/needs/{need['id']}", "/me/profile"
    asked = (await reader.open(path)).form(f"{path}/questions")
    await _limit(world, worker)
    refused = await reader.submit(f"{path}/questions", {**asked, "body": "When?"}, status=403)
    assert REASON in refused.main.text
    assert (await owner.get(f"{path}/questions"))["items"] == []
    await reader.send(profile, profile, about="Still me")
    assert (await worker.get(profile))["about"] == "Still me"
    await reader.send(path, "/sign-out")
    assert (await world.stranger().ask("GET", path)).status_code == 200

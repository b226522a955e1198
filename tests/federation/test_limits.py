"""A limited peer: kept in step, shown to who looks for it, and no new claims either way."""

from typing import Any

from app.domain.needs.mirroring import limited_peers
from app.workers.main import run_until_idle
from tests.factories.helping import Helping, helping
from tests.factories.instances import Instance, Pair
from tests.factories.world import Json


async def set_limit(instance: Instance, *, limited: bool, reason: str = "") -> Json:
    """Let an instance's steward limit its one peer, or lift the limit."""
    assert instance.steward is not None
    peer = await instance.peer()
    body = {"limited": limited, "reason": reason}
    return await instance.steward.change(f"/peers/{peer['id']}", body, peer["version"])


async def titles(helped: Helping, **filters: Any) -> set[str]:
    found = await helped.worker.get("/needs", **filters)
    return {need["title"] for need in found["items"]}


async def test_a_limited_peers_needs_are_for_those_who_look_for_it(old_friends: Pair) -> None:
    helped = await helping(old_friends, skills=[{"slug": "wordpress"}])
    profile = {"skills": [{"slug": "wordpress", "level": "solid"}], "languages": ["en", "ca"],
               "hours_per_week": 6}  # fmt: skip
    host = helped.north.origin.removeprefix("http://")
    title = helped.need["title"]
    assert title in await titles(helped)
    before = (await helped.worker.get("/instance"))["counts"]["needs_open"]
    assert profile["hours_per_week"]

    seen = await set_limit(helped.south, limited=True, reason="Nobody here knows them yet")
    assert (seen["limited"], seen["state"]) == (True, "active")
    assert title not in await titles(helped)
    assert title in await titles(helped, instance=host)
    assert title in str(await helped.worker.get(f"/needs/{(await helped.mirror())['id']}"))
    facets = await helped.worker.get("/needs/facets")
    assert host not in str(facets["instance"])
    assert (await helped.worker.get("/instance"))["counts"]["needs_open"] < before
    async with helped.south.runtime.sessions() as session:
        assert len(await limited_peers(session)) == 1

    await helped.owner.change(
        f"/needs/{helped.need['id']}", {"title": f"{title}, today"}, helped.need["version"]
    )
    await old_friends.work()
    assert f"{title}, today" in await titles(helped, instance=host)  # kept in step all the while
    await set_limit(helped.south, limited=False)
    assert f"{title}, today" in await titles(helped)
    assert helped.south.steward is not None
    peer = await helped.south.peer()
    steps = await helped.south.steward.get(f"/peers/{peer['id']}/history")
    assert [step["verb"] for step in steps["items"][:2]] == ["unlimited", "limited"]
    assert steps["items"][1]["reason"] == "Nobody here knows them yet"


async def test_no_new_claims_go_to_or_come_from_a_limited_peer(old_friends: Pair) -> None:
    helped = await helping(old_friends, places=2)
    running, there = await helped.accepted()
    await set_limit(helped.south, limited=True)
    other = await helped.south.sign_up("latecomer")
    mirror = await helped.mirror()
    refused = await other.ask("POST", f"/needs/{mirror['id']}/claims", json={})
    assert (refused.status_code, refused.json()["code"]) == (409, "peer_limited")
    await helped.log(running)
    await old_friends.work()
    assert (await helped.guest_claim())["minutes_logged"] == 90  # what is under way goes on
    await set_limit(helped.south, limited=False)

    await set_limit(helped.north, limited=True)
    offered = await other.post(f"/needs/{mirror['id']}/claims", {})
    await old_friends.work()
    answered = await other.get(f"/claims/{offered['id']}")
    assert answered["state"] == "declined"
    assert len(await helped.guest_claims()) == 1
    await set_limit(helped.north, limited=False)
    assert there["state"] == "accepted"


async def test_a_sync_that_is_asked_for_says_what_went_each_way(old_friends: Pair) -> None:
    north = old_friends.north
    assert north.steward is not None
    peer = await north.peer()
    owner = await north.sign_up("author")
    await north.open_need(owner, await north.organisation(owner, "Kiosk"), audience="public")
    job = await north.steward.post(f"/peers/{peer['id']}/sync", expect=202)
    again = await north.steward.post(f"/peers/{peer['id']}/sync", expect=202)
    assert again["id"] == job["id"]  # one at a time
    await run_until_idle(north.runtime)
    done = await north.steward.get(f"/jobs/{job['id']}")
    assert (done["state"], done["result"]["waiting"]) == ("done", 0)
    assert (await north.peer())["health"]["code"] == "well"


async def test_who_answers_is_shown_before_anything_is_asked(old_friends: Pair) -> None:
    north, south = old_friends.north, old_friends.south
    assert north.steward is not None
    said = await north.steward.post("/peers/introductions", {"origin": south.origin}, expect=200)
    assert said["fingerprint"] == (await north.peer())["fingerprint"]
    assert said["policy_url"] == f"{south.origin}/policy"
    assert "el" in said["languages"]
    assert said["software"].startswith("Tornallom")
    assert (await south.peer())["policy_url"] == f"{north.origin}/policy"

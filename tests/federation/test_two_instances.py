"""Two instances over real HTTP: the handshake, and a need's whole way to the other side."""

import httpx

from tests.factories.instances import Pair


async def test_both_sides_approve_and_see_the_same_fingerprints(pair: Pair) -> None:
    north, south = pair.north, pair.south
    assert north.steward is not None
    assert south.steward is not None
    proposed = await north.steward.post("/peers", {"origin": south.origin})
    assert (proposed["state"], proposed["health"]["code"]) == ("proposed", "proposed")
    await pair.work()

    asked = await south.peer()
    assert (asked["state"], asked["origin"]) == ("requested", north.origin)
    assert asked["name"] == "north"
    assert asked["possible_transitions"] == ["active", "ended", "blocked"]
    assert (await north.peer())["state"] == "proposed"

    await south.steward.move(f"/peers/{asked['id']}", "active")
    await pair.work()
    assert (await north.peer())["state"] == (await south.peer())["state"] == "active"
    async with httpx.AsyncClient(trust_env=False) as client:
        actor = (await client.get(f"{north.origin}/actor")).json()
    assert actor["assertionMethod"][0]["publicKeyMultibase"].startswith("z6Mk")
    assert (await south.peer())["fingerprint"] != (await north.peer())["fingerprint"]


async def test_a_published_need_is_listed_on_the_peer_with_its_origin(peers: Pair) -> None:
    north, south = peers.north, peers.south
    owner = await north.sign_up("owner")
    organisation = await north.organisation(owner, "Forn Roig")
    need = await north.open_need(
        owner, organisation, audience="public", tags=["php 8"], deadline="2090-12-24",
        region="Barcelona", link="https://example.org/more", estimate_minutes=50,
    )  # fmt: skip
    await peers.work()

    (listed,) = (await south.stranger().get("/needs"))["items"]
    assert listed["origin"]["instance"] == north.origin.removeprefix("http://")
    assert listed["origin"]["url"] == f"{north.origin}/needs/{need['id']}"
    same = (
        "title", "body", "language", "kind", "stream", "skills", "tags", "estimate_minutes",
        "places", "urgency", "deadline", "remote", "region", "link", "organisation_name", "state",
        "version", "audience",
    )  # fmt: skip
    assert {name: listed[name] for name in same} == {name: need[name] for name in same}
    assert listed["organisation"] is None


async def test_changes_and_withdrawal_follow(peers: Pair) -> None:
    north, south = peers.north, peers.south
    owner = await north.sign_up("owner")
    need = await north.open_need(owner, await north.organisation(owner), audience="public")
    await peers.work()
    changed = await owner.change(
        f"/needs/{need['id']}", {"title": "Another title"}, need["version"]
    )
    await peers.work()
    (mirror,) = await south.mirrored()
    assert (mirror.title, mirror.version) == ("Another title", changed["version"])

    await owner.move(f"/needs/{need['id']}", "withdrawn", "solved")
    await peers.work()
    (mirror,) = await south.mirrored()
    assert (mirror.state, mirror.title, mirror.body) == ("withdrawn", "-", "")
    assert (await south.stranger().get("/needs"))["items"] == []


async def test_needs_open_before_the_handshake_arrive_with_it(pair: Pair) -> None:
    north = pair.north
    owner = await north.sign_up("owner")
    organisation = await north.organisation(owner)
    for audience in ("public", "peers", "instance"):
        await north.open_need(owner, organisation, title=f"For {audience}", audience=audience)
    await pair.work()
    await pair.shake_hands()
    await pair.work()
    assert {need.title for need in await pair.south.mirrored()} == {"For public", "For peers"}


async def test_a_need_for_named_peers_reaches_only_them_and_leaves_with_the_name(
    peers: Pair,
) -> None:
    north, south = peers.north, peers.south
    owner = await north.sign_up("owner")
    organisation = await north.organisation(owner)
    south_id = (await north.peer())["id"]
    need = await north.open_need(
        owner, organisation, audience="named_peers", audience_peers=[south_id]
    )
    await north.open_need(owner, organisation, audience="named_peers", audience_peers=[])
    await peers.work()
    (mirror,) = await south.mirrored()
    assert mirror.origin_url == f"{north.origin}/needs/{need['id']}"
    assert (await south.stranger().get("/needs"))["items"] == []

    await owner.change(f"/needs/{need['id']}", {"audience_peers": []}, need["version"])
    await peers.work()
    (mirror,) = await south.mirrored()
    assert mirror.state == "withdrawn"


async def test_suspending_hides_the_peers_needs_and_resuming_brings_them_up_to_date(
    peers: Pair,
) -> None:
    north, south = peers.north, peers.south
    assert south.steward is not None
    owner = await north.sign_up("owner")
    organisation = await north.organisation(owner)
    need = await north.open_need(owner, organisation, audience="public")
    gone = await north.open_need(owner, organisation, audience="public")
    await peers.work()
    assert len((await south.stranger().get("/needs"))["items"]) == 2

    path = f"/peers/{(await south.peer())['id']}"
    await south.steward.move(path, "suspended")
    assert (await south.stranger().get("/needs"))["items"] == []
    await owner.change(f"/needs/{need['id']}", {"title": "Changed meanwhile"}, need["version"])
    await owner.move(f"/needs/{gone['id']}", "withdrawn", "solved")
    await peers.work()
    assert (await north.peer())["health"]["code"] == "refused_peer_suspended"

    await south.steward.move(path, "active")
    await peers.work()
    (listed,) = (await south.stranger().get("/needs"))["items"]
    assert listed["title"] == "Changed meanwhile"

"""What stewards hold, between two instances: peers forget it, and what is held there stays held."""

from tests.factories.instances import Instance, Pair
from tests.factories.world import Json


async def hold(instance: Instance, need_id: str) -> Json:
    """Hold a need on an instance."""
    assert instance.steward is not None
    return await instance.steward.post(f"/needs/{need_id}/holds", {"reason": "Let us look"})


async def release(instance: Instance, held: Json) -> None:
    """Let a held need go, as its hold stands now: what was mended meanwhile is read first."""
    assert instance.steward is not None
    held = await instance.steward.get(f"/needs/{held['need_id']}/hold")
    answer = await instance.steward.ask(
        "POST", f"/holds/{held['id']}/transitions", json={"to": "released"},
        headers={"If-Match": f'"{held["version"]}"'},
    )  # fmt: skip
    assert answer.status_code == 200, answer.text


async def test_peers_forget_a_held_need_and_get_it_again_with_what_was_mended(peers: Pair) -> None:
    north, south = peers.north, peers.south
    owner = await north.sign_up("owner")
    need = await north.open_need(owner, await north.organisation(owner), audience="public")
    await peers.work()
    assert len((await south.stranger().get("/needs"))["items"]) == 1
    held = await hold(north, need["id"])
    await peers.work()
    (mirror,) = await south.mirrored()
    assert (mirror.state, mirror.title, mirror.body) == ("withdrawn", "-", "")
    assert (await south.stranger().get("/needs"))["items"] == []
    now = await owner.get(f"/needs/{need['id']}")
    await owner.change(f"/needs/{need['id']}", {"title": "Mended"}, now["version"])
    await peers.work()
    assert (await south.stranger().get("/needs"))["items"] == []
    await release(north, held)
    await peers.work()
    (listed,) = (await south.stranger().get("/needs"))["items"]
    assert (listed["title"], listed["state"]) == ("Mended", "open")


async def test_a_peers_need_that_is_held_here_stays_hidden_whatever_its_owner_says(
    peers: Pair,
) -> None:
    north, south = peers.north, peers.south
    owner = await north.sign_up("owner")
    need = await north.open_need(owner, await north.organisation(owner), audience="public")
    await peers.work()
    (mirror,) = await south.mirrored()
    held = await hold(south, str(mirror.id))
    path = f"/needs/{mirror.id}"
    assert (await south.stranger().ask("GET", path)).status_code == 410
    await owner.change(f"/needs/{need['id']}", {"title": "Changed there"}, need["version"])
    await owner.move(f"/needs/{need['id']}", "paused", "away")
    await peers.work()
    assert (await south.stranger().ask("GET", path)).status_code == 410
    assert (await south.stranger().get("/needs", state="any"))["items"] == []
    assert (await north.stranger().get(f"/needs/{need['id']}"))["title"] == "Changed there"
    await release(south, held)
    found = await south.stranger().get(path)
    assert (found["title"], found["state"]) == ("Changed there", "paused")


async def test_what_its_owner_takes_back_is_held_no_longer(peers: Pair) -> None:
    north, south = peers.north, peers.south
    assert south.steward is not None
    owner = await north.sign_up("owner")
    need = await north.open_need(owner, await north.organisation(owner), audience="public")
    await peers.work()
    (mirror,) = await south.mirrored()
    await hold(south, str(mirror.id))
    await owner.move(f"/needs/{need['id']}", "withdrawn", "solved")
    await peers.work()
    (mirror,) = await south.mirrored()
    assert mirror.state == "withdrawn"
    assert (await south.steward.get("/holds"))["items"] == []

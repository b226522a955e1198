"""Blocks on pages without a script: each side's own, and undone again."""

from tests.factories.world import World
from tests.pages.reading import Reader

OWN = "/me/blocks"


async def test_an_owner_blocks_by_handle_and_undoes_it(world: World) -> None:
    owner, worker = await world.sign_up("owner"), await world.sign_up("worker")
    home = await world.organisation(owner)
    need = await world.open_need(owner, home)
    path, blocks = f"/needs/{need['id']}", f"/organisations/{home['id']}/blocks"
    reader, blocked = Reader(world, owner), Reader(world, worker)
    assert (await blocked.open(path)).document.all("form", action=f"{path}/claims")

    unknown = await reader.send(blocks, blocks, status=422, act="block", handle="nobody")
    assert "Nobody here has that handle." in unknown.main.text
    await reader.send(blocks, blocks, act="block", handle="@worker")
    assert "@worker" in (await reader.open(blocks)).main.text
    seen = await blocked.open(path)
    assert "takes no applications" in seen.main.text
    assert not seen.document.all("form", action=f"{path}/claims")
    await blocked.open(blocks, status=403)

    token = (await reader.open(blocks)).form("/sign-out")
    await reader.submit(blocks, {**token, "act": "undo", "account_id": worker.id})
    assert (await blocked.open(path)).document.all("form", action=f"{path}/claims")


async def test_a_person_blocks_an_organisation_and_undoes_it(world: World) -> None:
    owner, worker = await world.sign_up("owner"), await world.sign_up("worker")
    home = await world.organisation(owner)
    need = await world.open_need(owner, home, title="Wash the sails")
    path = f"/organisations/{home['id']}"
    reader = Reader(world, worker)
    assert "Wash the sails" in (await reader.open("/needs")).main.text
    await reader.send(path, OWN, act="block")
    assert home["name"] in (await reader.open(OWN)).main.text
    for where in ("/needs", path):
        assert "Wash the sails" not in (await reader.open(where)).main.text
    assert (
        "Undo that in your profile first." in (await reader.open(f"/needs/{need['id']}")).main.text
    )
    assert "Wash the sails" in (await Reader(world).open("/needs")).main.text
    assert OWN in [a.attributes["href"] for a in (await reader.open("/me/profile")).main.all("a")]

    await reader.send(OWN, OWN, act="undo")
    assert "You have blocked no organisation." in (await reader.open(OWN)).main.text
    assert "Wash the sails" in (await reader.open("/needs")).main.text
    # Nobody blocks what they belong to, and strangers nothing.
    member = Reader(world, owner)
    assert not (await member.open(path)).document.all("form", action=OWN)
    assert not (await Reader(world).open(path)).document.all("form", action=OWN)

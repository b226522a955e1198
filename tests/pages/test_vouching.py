"""Vouching and the stewards' reading, on pages without a script."""

from tests.factories.world import World
from tests.pages.reading import Reader, target_of
from tests.pages.test_forms import NEED

TITLE = str(NEED["title"])
PLAIN = {**NEED, "link": ""}
DESK = "/stewardship/reviews"


async def test_a_first_need_goes_over_the_stewards_desk(world: World) -> None:
    owner = await world.sign_up("owner")
    home = await world.organisation(owner, vouched=False)
    reader, steward = Reader(world, owner), Reader(world, await world.set_up())
    form = (await reader.open(f"/needs/new?organisation={home['id']}")).form("/needs/new")
    linked = await reader.submit("/needs/new", {**form, **NEED}, status=422)
    assert "There is a link here." in linked.main.text

    posted = await reader.submit("/needs/new", {**form, **PLAIN})
    assert posted.answer.headers["location"].endswith("?notice=in_review")
    path = target_of(posted)
    own = await reader.open(path)
    assert "A steward reads this need" in own.main.text
    assert [b.text for b in own.main.all("button", name="to")] == ["Back to draft", "Withdraw"]
    refused = await reader.open(DESK, status=403)
    assert TITLE not in refused.main.text

    desk = await steward.open(DESK)
    assert TITLE in desk.main.text
    assert "We cannot get in." in desk.main.text
    action = DESK + path.removeprefix("/needs")
    silent = await steward.send(DESK, action, status=422, to="draft")
    assert silent.main.one("div", role="alert").text.endswith("This is missing. Fill it in.")
    await steward.send(DESK, action, to="open")
    assert (await world.stranger().get(path))["state"] == "open"
    assert "Nothing waits to be read." in (await steward.open(DESK)).main.text


async def test_what_changed_meanwhile_is_read_again(world: World) -> None:
    owner = await world.sign_up("owner")
    home = await world.organisation(owner, vouched=False)
    need = await world.draft(owner, home)
    path = f"/needs/{need['id']}"
    waiting = await owner.move(path, "review")
    steward = Reader(world, await world.set_up())
    action = f"{DESK}/{need['id']}"
    read = (await steward.open(DESK)).form(action)
    await owner.change(path, {"body": "Something else."}, waiting["version"])
    stale = await steward.submit(action, {**read, "to": "open"}, status=412)
    assert "Something else." in stale.main.text
    assert (await owner.get(path))["state"] == "review"
    await steward.submit(action, {**stale.form(action), "to": "open"})
    assert (await owner.get(path))["state"] == "open"


async def test_words_that_a_steward_read_offer_nothing_that_would_be_refused(world: World) -> None:
    owner = await world.sign_up("owner")
    home = await world.organisation(owner, vouched=False)
    need = await world.draft(owner, home)
    path = f"/needs/{need['id']}"
    await owner.move(path, "review")
    steward = await world.set_up()
    await steward.move(path, "open")
    reader = Reader(world, owner)
    read = await reader.open(path)
    assert "they stay as they were read" in read.main.text
    assert not read.document.all("form", action=f"{path}/files")
    assert not read.document.all("a", href=f"{path}/translate")
    vouch = f"/organisations/{home['id']}/vouch"
    await Reader(world, steward).send(vouch.removesuffix("/vouch"), vouch, act="vouch")
    trusted = await reader.open(path)
    assert "they stay as they were read" not in trusted.main.text
    assert trusted.document.all("form", action=f"{path}/files")
    assert trusted.document.all("a", href=f"{path}/translate")


async def test_people_vouch_and_take_their_word_back(world: World) -> None:
    owner, known = await world.sign_up("owner"), await world.sign_up("known")
    home = await world.organisation(owner, vouched=False)
    await world.organisation(known, "Old friends")
    path = f"/organisations/{home['id']}"
    action = f"{path}/vouch"
    reader = Reader(world, known)

    assert "Nobody vouches" in (await reader.open(path)).main.text
    assert not (await Reader(world, owner).open(path)).document.all("form", action=action)
    assert not (await Reader(world).open(path)).document.all("form", action=action)
    await reader.send(path, action, act="vouch")
    said = (await reader.open(path)).main.one("section", aria_labelledby="vouches")
    assert "known" in said.text
    assert "known" not in (await Reader(world).open(path)).main.text
    await reader.send(path, action, act="undo")
    assert "I vouch for them" in (await reader.open(path)).main.text
    again = await Reader(world, owner).open(path)
    refused = await Reader(world, owner).submit(
        action, {**again.form("/sign-out"), "act": "vouch"}, status=409
    )
    assert "Nobody vouches for an organisation they are in." in refused.main.text


async def test_a_steward_says_while_accepting_that_they_are_known(world: World) -> None:
    owner = await world.sign_up("owner")
    steward = Reader(world, await world.set_up())
    for known in (True, False):
        made = await owner.post("/organisations", {"name": f"Known {known}", "languages": ["ca"]})
        path = f"/organisations/{made['id']}"
        ticked = "yes" if known else ""
        await steward.send(path, f"{path}/transitions", to="accepted", vouch=ticked)
        assert (await owner.get(path))["vouched"] is known

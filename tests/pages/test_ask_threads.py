"""The asker and who helps write to one another through the mailed link, without an account."""

import re
from typing import Any

from sqlmodel import select

from app.infra.database import transaction
from app.models.asks import AskDeed, AskHistory
from app.workers.activity import react_to_activities
from tests.factories.world import Json, Person, World
from tests.pages.reading import Reader, target_of
from tests.pages.test_asks import confirmed, letters, link_in, publish


async def helped(world: World, **changes: Any) -> tuple[str, str, Person, Json]:
    """Return an asker's page, the need's id, who offers help there, and the claim."""
    steward, worker = await world.set_up(), await world.sign_up("worker")
    mine = await confirmed(world, **changes)
    need = await publish(world, steward)
    claim = await worker.post(f"/needs/{need}/claims", {"note": "I can do this"})
    return mine, need, worker, claim


async def test_the_two_write_to_one_another_through_the_link(world: World) -> None:
    mine, _, worker, claim = await helped(world)
    asker = Reader(world, None)
    await asker.send(mine, f"{mine}/claims/{claim['id']}", to="accepted")
    thread = f"{mine}/claims/{claim['id']}/messages"
    words = "Call me on 612345678, and write to rosa@forn.example"
    await asker.send(thread, thread, body=words)
    theirs = Reader(world, worker)
    assert "612345678" in (await theirs.open(f"/claims/{claim['id']}/messages")).main.text
    await worker.post(f"/claims/{claim['id']}/messages", {"body": "I call at six"})
    await worker.post(f"/claims/{claim['id']}/messages", {"body": "or at seven"})
    await react_to_activities(world.runtime)
    told = [each for each in await letters(world) if each.template == "ask.message"]
    assert len(told) == 1, "one letter for all that waits"
    assert "I call" not in str(told[0].values)
    mine = await link_in(world, "ask.message")
    page = await asker.open(mine)
    assert "2 new messages" in page.main.text
    thread = f"{mine}/claims/{claim['id']}/messages"
    read = await asker.open(thread)
    assert "I call at six" in read.main.text
    assert read.answer.headers["cache-control"] == "no-store"
    assert "new message" not in (await asker.open(mine)).main.text
    await worker.post(f"/claims/{claim['id']}/messages", {"body": "done"})
    await react_to_activities(world.runtime)
    assert len([x for x in await letters(world) if x.template == "ask.message"]) == 2


async def test_a_double_click_is_one_message(world: World) -> None:
    mine, _, worker, claim = await helped(world)
    thread = f"{mine}/claims/{claim['id']}/messages"
    form = {**(await Reader(world, None).open(thread)).form(thread), "body": "Hello"}
    for _ in range(2):
        await Reader(world, None).submit(thread, form)
    items = (await worker.get(f"/claims/{claim['id']}/messages"))["items"]
    assert [each["body"] for each in items] == ["Hello"]


async def test_a_password_in_a_message_is_asked_about_and_a_phone_is_not(world: World) -> None:
    mine, _, worker, claim = await helped(world)
    for reader, thread in (
        (Reader(world, None), f"{mine}/claims/{claim['id']}/messages"),
        (Reader(world, worker), f"/claims/{claim['id']}/messages"),
    ):
        filled = {**(await reader.open(thread)).form(thread), "body": "The password is hunter22"}
        seen = await reader.submit(thread, filled, status=422)
        assert [b.text for b in seen.main.one("div", id="secrets").all("strong")] == ["hunter22"]
        assert seen.form(thread)["body"] == "The password is hunter22"
        await reader.submit(thread, {**seen.form(thread), "keep": "yes"})
    items = (await worker.get(f"/claims/{claim['id']}/messages"))["items"]
    assert len(items) == 2


async def test_a_link_reads_no_other_thread(world: World) -> None:
    mine, _, worker, _ = await helped(world)
    owner = await world.sign_up("owner")
    other = await world.open_need(owner, await world.organisation(owner))
    foreign = await worker.post(f"/needs/{other['id']}/claims", {"note": ""})
    asker = Reader(world, None)
    path = f"{mine}/claims/{foreign['id']}/messages"
    await asker.open(path, status=404)
    await asker.submit(path, {"body": "Hello"}, status=404)
    guessed = re.sub("mine/[^/]+", "mine/guessed", path)
    await asker.open(guessed, status=410)


async def test_where_an_organisation_runs_the_need_its_link_reads_no_thread(world: World) -> None:
    steward, worker = await world.set_up(), await world.sign_up("worker")
    owner = await world.sign_up("owner")
    organisation = await world.organisation(owner, name="Laundry workers")
    mine = await confirmed(world)
    need = await publish(world, steward, organisation_id=str(organisation["id"]))
    claim = await worker.post(f"/needs/{need}/claims", {"note": ""})
    await Reader(world, None).open(f"{mine}/claims/{claim['id']}/messages", status=404)


async def test_what_was_said_is_changed_by_link_after_publication_through_the_stewards(
    world: World,
) -> None:
    steward = await world.set_up()
    mine = await confirmed(world)
    await publish(world, steward)
    asker = Reader(world, None)
    page = await asker.open(mine)
    assert not page.main.all("form", action=f"{mine}/change"), "the text is a need by now"
    sent = {"form_token": page.form(f"{mine}/suggest")["form_token"], "version": "3"}
    words = {"stuck": "x" * 20, "size": "", "organisation_name": "y", "language": "en"}
    await asker.submit(f"{mine}/change", {**sent, **words}, status=409)
    await asker.send(mine, f"{mine}/suggest", text="It is Thursday, not Friday")
    here = target_of(await asker.send(mine, f"{mine}/suggest", text="And two people"))
    assert here == mine
    async with transaction(world.runtime.sessions) as session:
        rows = (await session.exec(select(AskHistory))).all()
    assert sum(row.deed is AskDeed.SUGGESTED for row in rows) == 2
    desk = Reader(world, steward)
    ask_path = (await desk.open("/stewardship/asks")).main.one("ul", class_="cards").all("a")[0]
    shown = await desk.open(ask_path.attributes["href"])
    assert "It is Thursday, not Friday" in shown.main.text

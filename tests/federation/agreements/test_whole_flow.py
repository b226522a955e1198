"""Somebody of south works for an organisation of north, from the application to the book."""

from tests.factories.helping import helping
from tests.factories.instances import Pair


async def test_work_for_another_community_ends_in_its_book(old_friends: Pair) -> None:
    helped = await helping(old_friends)
    north, owner, worker = helped.north, helped.owner, helped.worker

    here = await helped.apply(note="I can do <this> & more")
    assert here["state"] == "applied"
    await old_friends.work()
    there = await helped.guest_claim()
    assert (there["state"], there["note"]) == ("applied", "I can do <this> & more")
    assert (await helped.theirs(here))["state"] == "applied"

    await owner.move(f"/claims/{there['id']}", "accepted")
    await old_friends.work()
    here = await helped.theirs(here)
    assert here["state"] == "accepted"
    assert (await helped.mirror())["taken"] == 1

    await helped.log(here, 90, "first evening")
    await helped.log(here, 45)
    await worker.move(f"/claims/{here['id']}", "submitted")
    await old_friends.work()
    there = await helped.guest_claim()
    assert (there["state"], there["minutes_logged"]) == ("submitted", 135)

    await north.confirm(owner, there, 120)
    await old_friends.work()
    here, there = await helped.theirs(here), await helped.guest_claim()
    assert here["state"] == there["state"] == "confirmed"
    (book,) = (await owner.get("/books"))["items"]
    whole = await owner.get(f"/books/{book['id']}")
    assert whole["total_minutes"] == 120
    assert whole["sums"] == {"minute": 0}
    await helped.sound()

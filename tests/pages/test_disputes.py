"""Disputed entries without JavaScript: begin one, agree, sit on the panel, ask the assembly."""

from typing import Any

from tests.factories.disputing import house_of
from tests.factories.world import World
from tests.pages.reading import Reader, target_of


async def test_a_dispute_goes_its_way_on_pages(world: World) -> None:
    house = await house_of(world, owners=3)
    worker, owner = Reader(world, house.worker), Reader(world, house.owner, "el")
    begin = f"/entries/{house.entry_id}/dispute"
    assert "1 h 30 min" in (await worker.open(begin)).main.text
    refused = await worker.send(begin, begin, status=422, reason=" ")
    assert refused.document.all(id="problems")
    here = target_of(await worker.send(begin, begin, reason="It was an hour more"))
    assert await house.held() == (0, 90)
    again = await worker.open(begin)
    assert [a for a in again.main.all("a") if a.attributes["href"] == here]
    # The two sides talk; one of them has the panel drawn.
    await worker.send(here, f"{here}/offer", hours="1", minutes="0")
    seen = await owner.open(here)
    assert "It was an hour more" in seen.main.text
    assert seen.form(f"{here}/offer")["hours"] == "1", "what the other side offers is filled in"
    assert not seen.main.all("form", action=f"{here}/withdrawal")
    await owner.send(here, f"{here}/panel")
    first, second, _ = await house.judges({"id": here.rpartition("/")[2]})
    # Those who were drawn decide, each with a reason; what they said is told once it is over.
    reader = Reader(world, first)
    refused = await reader.send(here, f"{here}/judgement", status=422, hours="1", minutes="15")
    assert refused.document.all(id="problems")
    words: dict[str, Any] = {"hours": "1", "minutes": "15", "reason": "Two logs agree"}
    await reader.send(here, f"{here}/judgement", **words)
    assert "Two logs agree" not in (await worker.open(here)).main.text
    await Reader(world, second).send(here, f"{here}/judgement", **words)
    closed = await worker.open(here)
    assert "Two logs agree" in closed.main.text
    assert await house.held() == (75, 0)
    # One of the two asks the assembly, once.
    await worker.send(here, f"{here}/reappeal", reason="I have the mails")
    assert await house.held() == (0, 90)
    last = await worker.open(here)
    assert "I have the mails" in last.main.text
    # Now it is for all together, unless the two sides still agree.
    forms = {form.attributes["action"] for form in last.main.all("form")}
    assert forms == {f"{here}/offer"}
    (book_id,) = (await house.rows("SELECT id::text FROM books"))[0]
    listed = await owner.open(f"/books/{book_id}/disputes")
    assert [a for a in listed.main.all("a") if a.attributes["href"] == here]
    await worker.open(f"/books/{book_id}/disputes", status=200)


async def test_the_one_who_began_lets_the_entry_stand(world: World) -> None:
    house = await house_of(world, owners=1)
    mate, worker = Reader(world, house.owners[0]), Reader(world, house.worker)
    begin = f"/entries/{house.entry_id}/dispute"
    here = target_of(await mate.send(begin, begin, reason="Nobody was there"))
    assert not (await worker.open(here)).main.all("form", action=f"{here}/withdrawal")
    await worker.submit(f"{here}/withdrawal", (await worker.open(here)).form(f"{here}/offer"),
                        status=403)  # fmt: skip
    await mate.send(here, f"{here}/panel")
    short = await worker.open(here)
    assert short.main.all("form", action=f"{here}/judge"), "too few are outside the case"
    named = await worker.send(here, f"{here}/judge", status=422, handle="nobody")
    assert named.document.all(id="handle-fault")
    await mate.send(here, f"{here}/withdrawal")
    assert await house.held() == (90, 0)

"""A correction seen at a glance: which entry, by what, and from how much to how much."""

from tests.factories.books import cooperative
from tests.factories.world import World
from tests.pages.reading import Element, Page, Reader


def rows(page: Page) -> dict[str, Element]:
    """Return the lines of a figure by their amounts."""
    body = page.main.one("tbody")
    return {row.all("td")[-1].text: row for row in body.all("tr")}


async def test_a_correction_is_plain_in_the_list_and_on_each_entry(world: World) -> None:
    coop = await cooperative(world)
    (old,) = (await coop.write(coop.slip(minutes=180)))["entry_ids"]
    (other,) = (await coop.write(coop.slip(minutes=45)))["entry_ids"]
    keeper = Reader(world, coop.keeper)
    form = f"/entries/{old}/correction"
    await keeper.send(form, form, minutes="2", reason="One hour was counted twice")
    lines = rows(await keeper.open(f"{coop.path}/lines?account=worker"))
    assert "Corrected from 3 h to 2 h." in lines["3 h"].text
    assert "Takes back 3 h: the old entry" in lines["\u22123 h"].text
    assert "Holds now, instead of 3 h." in lines["2 h"].text
    assert {amount for amount, row in lines.items() if row.attributes.get("class") == "past"} == {
        "3 h", "\u22123 h",
    }  # fmt: skip
    assert len(lines["45 min"].all("span")) == 0, "what nobody corrected says nothing of it"
    back, anew = (lines[amount].all("a")[0].attributes["href"] for amount in ("\u22123 h", "2 h"))

    page = await keeper.open(f"/entries/{old}")
    told = page.main.one(role="note")
    assert "Corrected from 3 h to 2 h. By keeper" in told.text
    assert "One hour was counted twice" in told.text
    assert [link.attributes["href"] for link in told.all("a")] == [anew, back]
    told = (await keeper.open(back)).main.one(role="note")
    assert "takes another one back: 3 h became 2 h" in told.text
    assert [link.attributes["href"] for link in told.all("a")] == [f"/entries/{old}", anew]
    told = (await keeper.open(anew)).main.one(role="note")
    assert "2 h instead of 3 h" in told.text
    assert not (await keeper.open(f"/entries/{other}")).main.all(role="note")
    # The worker whose time it is sees the same of it.
    worker = await Reader(world, coop.worker).open(f"/entries/{old}")
    assert "Corrected from 3 h to 2 h." in worker.main.one(role="note").text

    # Once more, and then not at all: each entry says its own step.
    await keeper.send(f"{anew}/correction", f"{anew}/correction", minutes="0", reason="None of it")
    both = (await keeper.open(anew)).main.all(role="note")
    assert "Taken back whole: 2 h count no more." in both[0].text
    assert "2 h instead of 3 h" in both[1].text
    lines = rows(await keeper.open(f"{coop.path}/lines?account=worker"))
    assert "Taken back whole: 2 h count no more." in lines["2 h"].text
    assert "Corrected from 3 h to 2 h." in lines["3 h"].text
    assert lines["2 h"].attributes.get("class") == "past"

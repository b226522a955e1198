"""Forms of several rows: short, growing, all faults at once at their rows, and what they wrote."""

from typing import Any

import pytest

from tests.factories.books import Cooperative, cooperative, issuer
from tests.factories.world import World
from tests.pages.reading import Page, Reader
from tests.pages.test_book_keeping import row


@pytest.fixture
async def coop(world: World) -> Cooperative:
    return await cooperative(world)


def faults(page: Page) -> dict[str, str]:
    """Return the list of all faults: by field, what is said in it."""
    links = page.main.one(id="problems").all("a")
    return {link.attributes["href"].lstrip("#"): link.text for link in links}


def leads_to(page: Page) -> str:
    """Return where an answer sends the browser, with what it says there."""
    return page.answer.headers["location"]


def fields_of(page: Page, path: str) -> dict[str, str]:
    """Return the fields of a form but for the file, which nobody chose."""
    return {name: value for name, value in page.form(path).items() if name != "file"}


async def test_a_short_form_grows_and_keeps_what_was_typed(coop: Cooperative) -> None:
    reader, path = Reader(coop.world, coop.keeper), f"{coop.path}/slips"
    page = await reader.open(path)
    assert len(page.main.all("fieldset")) == 3
    typed = {**fields_of(page, path), **row(0, "worker", "1:30"), **row(2, "nobody", "x")}
    more = await reader.submit(path, {**typed, "act": "more"}, status=200)
    assert len(more.main.all("fieldset")) == 8
    kept = more.form(path)
    assert {name: kept[name] for name in typed if name in kept and "-" in name} == {
        name: value for name, value in typed.items() if "-" in name
    }
    assert await coop.minutes() == {}, "more rows write nothing"
    # As many rows as are sent, up to what one reads on a page; a table takes more.
    many = await reader.submit(path, {**typed, "act": "more", "rows": "999"}, status=200)
    assert len(many.main.all("fieldset")) == 60
    odd = await reader.submit(path, {**typed, "act": "more", "rows": "-1"}, status=200)
    assert len(odd.main.all("fieldset")) == 8
    opening = f"{coop.path}/opening"
    lines = fields_of(await reader.open(opening), opening)
    lines |= {"worker-0": "worker", "minutes-0": "100", "act": "more"}
    grown = await reader.submit(opening, lines, status=200)
    assert len(grown.main.all("fieldset")) == 8
    assert grown.form(opening)["minutes-0"] == "100"


async def test_all_faults_of_slips_at_once_each_at_its_row(coop: Cooperative) -> None:
    await coop.write(coop.slip(minutes=23 * 60, worked_on="2026-03-09"))
    reader, path = Reader(coop.world, coop.keeper), f"{coop.path}/slips"
    form = fields_of(await reader.open(path), path)
    wrong = {
        **row(0, "worker", "1.50"),
        **row(1, "nobody", "2", "2026-13-40"),
        **row(2, "keeper", "2", "2030-01-01"),
        **row(4, "", "2"),
        **row(5, "worker", "2", "2026-03-09"),
        "rows": "8",
    }
    page = await reader.submit(path, {**form, **wrong, "act": "enter"}, status=422)
    assert faults(page) == {
        "minutes-0": "Slip 1: Write how long it was, as 1:30, 1 h 30 or 90 min: "
        "from a minute to 24 hours.",
        "worked_on-1": faults(page)["worked_on-1"],
        "worker-1": faults(page)["worker-1"],
        "worker-2": faults(page)["worker-2"],
        "worked_on-2": faults(page)["worked_on-2"],
        "worker-4": "Slip 5: Say who worked.",
        "minutes-5": faults(page)["minutes-5"],
    }
    for name, said in faults(page).items():
        told = page.main.one(id=f"{name}-fault").text
        assert said == f"Slip {int(name.rpartition('-')[2]) + 1}: {told}"
        assert page.main.one("input", id=name).attributes["aria-invalid"] == "true"
    kept = page.form(path)
    assert {name: kept[name] for name in wrong} == wrong, "nothing that was typed is lost"
    assert await coop.minutes() == {"worker": 23 * 60}


async def test_all_faults_of_an_opening_at_once(coop: Cooperative) -> None:
    reader, path = Reader(coop.world, coop.owner), f"{coop.path}/opening"
    form = fields_of(await reader.open(path), path)
    wrong = {
        "on": "", "reserve": "much",
        "worker-0": "worker", "minutes-0": "1.50", "capital-0": "1.250",
        "worker-1": "nobody", "minutes-1": "3", "capital-1": "12",
        "worker-2": "owner",
        "worker-3": "", "minutes-3": "7", "stream-3": "care",
        "rows": "8", "act": "write",
    }  # fmt: skip
    page = await reader.submit(path, {**form, **wrong}, status=422)
    assert list(faults(page)) == [
        "minutes-0", "capital-0", "minutes-2", "worker-3", "reserve", "on", "worker-1",
    ]  # fmt: skip
    assert faults(page)["minutes-2"] == "Line 3: Say how much time, or how much money."
    assert faults(page)["worker-1"].startswith("Line 2: ")
    kept = page.form(path)
    assert {name: kept[name] for name in wrong if name != "act"} == {
        name: value for name, value in wrong.items() if name != "act"
    }


async def test_an_opening_is_changed_from_what_was_written(coop: Cooperative) -> None:
    reader, path = Reader(coop.world, coop.owner), f"{coop.path}/opening"
    lines: dict[str, Any] = {
        "on": "2026-01-01", "reserve": "-3,5", "worker-0": "worker", "minutes-0": "100 h 30",
        "stream-0": "gift", "capital-0": "12,50", "worker-1": "owner", "capital-1": "7",
        "rows": "3",
    }  # fmt: skip
    await reader.send(path, path, **lines, act="write")
    kept = fields_of(await reader.open(path), path)
    assert {name: kept[name] for name in lines} == {
        **lines, "reserve": "-3.50", "minutes-0": "100:30", "capital-0": "12.50",
        "capital-1": "7.00",
    }  # fmt: skip
    page = await reader.open(leads_to(await reader.submit(path, {**kept, "act": "write"})))
    assert "not in the book yet" in page.main.one(role="status").text
    assert await coop.minutes() == {}
    other = Reader(coop.world, coop.keeper)
    done = await other.send(path, path, act="confirm")
    said = await other.open(leads_to(done))
    assert "The opening is in the book" in said.main.one(role="status").text
    assert "4 entries of the opening (100 h 30 min)" in said.main.text
    assert await coop.minutes() == {"worker": 6030}


async def test_what_a_list_of_slips_wrote_is_said(coop: Cooperative) -> None:
    reader, path = Reader(coop.world, coop.keeper), f"{coop.path}/slips"
    form = fields_of(await reader.open(path), path)
    slips = {**row(0, "worker", "1:30"), **row(1, "owner", "2", "2026-03-03")}
    answer = await reader.submit(path, {**form, **slips, "act": "enter"})
    page = await reader.open(leads_to(answer))
    said = page.main.one(role="status")
    assert "2 slips are in the book: 3 h 30 min in all." in said.text
    entries = [link for link in said.all("a") if "/entries/" in link.attributes["href"]]
    assert [link.text for link in entries] == ["worker: 1 h 30 min", "owner: 2 h"]
    assert "correct it" in said.text
    assert (await reader.open(entries[0].attributes["href"])).title
    # Others learn nothing from the address, and of another book there is nothing to learn.
    await Reader(coop.world, coop.worker).open(leads_to(answer), status=403)
    other = await reader.open(f"{path}?batch={coop.book['id']}")
    assert not other.main.all(role="status")
    assert not (await reader.open(f"{path}?batch=x")).main.all(role="status")


async def test_what_a_receipt_and_a_correction_wrote_is_said(coop: Cooperative) -> None:
    receipt = await issuer(coop.world).receipt(coop.worker)
    path = f"{coop.path}/receipts"
    fields: dict[str, Any] = {"receipt_id": str(receipt.id)}
    worker, keeper = Reader(coop.world, coop.worker), Reader(coop.world, coop.keeper)
    offered = await worker.open(leads_to(await worker.send(path, path, **fields, act="offer")))
    assert "The receipt is offered" in offered.main.one(role="status").text
    taken = await keeper.send(path, path, **fields, act="take", stream="care")
    page = await keeper.open(leads_to(taken))
    said = page.main.one(role="status")
    assert "2 h of worker from elsewhere are in the book now." in said.text
    entry = said.all("a")[0].attributes["href"]
    correction = f"{entry}/correction"
    done = await keeper.send(correction, correction, minutes="1", reason="One hour was a break")
    page = await keeper.open(leads_to(done))
    assert "Nothing was erased" in page.main.one(role="status").text


async def test_the_ways_to_a_book_and_its_names(coop: Cooperative) -> None:
    organisation = f"/organisations/{coop.organisation['id']}"
    keeper = Reader(coop.world, coop.keeper)
    links = [a.attributes["href"] for a in (await keeper.open(organisation)).main.all("a")]
    assert coop.path in links, "the organisation leads its members to their book"
    stranger = Reader(coop.world, await coop.world.sign_up("stranger"))
    seen = await stranger.open(organisation)
    assert coop.path not in [a.attributes["href"] for a in seen.main.all("a")]
    empty = await stranger.open("/books")
    assert "worker-owners keep the book" in empty.main.text
    book = await keeper.open(coop.path)
    rules = [
        a.text
        for a in book.main.all("a")
        if a.attributes["href"] == f"{coop.path}/rules" and not a.text.startswith("Open")
    ]
    assert len(rules) == 1
    slug = coop.organisation["slug"]
    assert f"python3 -m app ledger export {slug} book.json" in book.main.text


async def test_currencies_have_names_in_the_readers_language(world: World) -> None:
    owner = await world.sign_up("owner")
    organisation = await world.organisation(owner)
    path = f"/organisations/{organisation['id']}/ownership"
    for language, name in (("en", "EUR \u2013 Euro"), ("el", "EUR \u2013 Ευρώ")):
        page = await Reader(world, owner).open(f"{path}?lang={language}")
        assert page.main.all("option", value="EUR")[0].text == name
    empty = await Reader(world, owner).open("/books")
    assert path in [a.attributes["href"] for a in empty.main.all("a")]

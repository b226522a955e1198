"""A book as pages: every figure leads to the lines it is made of, and each line to its entry."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from app.infra import clock, merkle
from app.workers.checkpoints import keep_log
from tests.factories.world import Json, Person, World
from tests.pages.reading import Page, Reader

LOG = {"worked_on": "2026-03-02", "note": "done"}


@dataclass
class Coop:
    """An organisation with a book, and those who look at it."""

    owner: Person
    member: Person
    ada: Person
    ben: Person
    organisation: Json
    book: str


@pytest.fixture
async def coop(world: World) -> Coop:
    """Ada gave 90 minutes, Ben 210; the owner confirmed both. A member has done nothing."""
    people = [await world.sign_up(name) for name in ("owner", "member", "ada", "ben")]
    owner, member, ada, ben = people
    organisation = await world.organisation(owner)
    body = {"handle": "member", "role": "member", "worker_owner": False}
    await owner.post(f"/organisations/{organisation['id']}/members", body)
    for worker, minutes, stream in ((ada, 90, "gift"), (ben, 210, "care")):
        need = await world.open_need(owner, organisation)
        claim = await world.submitted_claim(worker, owner, need, minutes)
        await world.confirm(owner, claim, minutes, stream=stream)
    (book,) = (await owner.get("/books"))["items"]
    return Coop(owner, member, ada, ben, organisation, book["id"])


def rows(page: Page, caption: str) -> list[list[str]]:
    """Return the cells of a table's body, by its caption."""
    for table in page.main.all("table"):
        if table.one("caption").text == caption:
            body = table.one("tbody").all("tr")
            return [[cell.text for cell in (*r.all("th"), *r.all("td"))] for r in body]
    raise AssertionError(caption)


async def test_from_the_book_to_one_entry(world: World, coop: Coop) -> None:
    reader = Reader(world, coop.owner)
    books = await reader.open("/books")
    home = await reader.open(books.link("Forn Roig"))
    assert home.title == "Book of Forn Roig"
    assert "5 h" in home.main.one("dl", class_="totals").text
    assert "add up to zero, as they must" in home.main.text
    assert "the legal act" in home.main.text
    assert rows(home, "Who gave how much") == [
        ["ben", "", "70%", "3 h 30 min"],
        ["ada", "", "30%", "1 h 30 min"],
    ]
    lines = await reader.open(home.link("3 h 30 min"))
    assert lines.main.one("dl", class_="totals").text == "in all 3 h 30 min"
    (line,) = rows(lines, "Lines of the book of Forn Roig")
    assert line[0] == "Contribution, 2 Mar 2026"
    assert line[2] == "Care"
    assert line[-2:] == ["owner", "3 h 30 min"]
    entry = await reader.open(lines.link("Contribution, 2 Mar 2026"))
    assert rows(entry, "Its sides") == [
        ["Work given ben · Care", "3 h 30 min"],
        ["Work received Forn Roig · Care", "−3 h 30 min"],
    ]
    assert entry.main.one("tfoot").text == "Sum 0 min"
    assert "Move our site off the old server" in entry.main.text
    worker = await reader.open(entry.link("ben"))
    assert rows(worker, "What stands on the accounts") == [["Work given Care", "3 h 30 min"]]


async def test_whoever_works_here_reads_their_own_part_and_no_more(
    world: World, coop: Coop
) -> None:
    ada = Reader(world, coop.ada)
    home = await ada.open((await ada.open("/books")).link("Forn Roig"))
    assert home.title == "Your part in Forn Roig"
    assert "ben" not in home.main.text
    entry = await ada.open(
        (await ada.open(home.link("1 h 30 min"))).link("Contribution, 2 Mar 2026")
    )
    assert rows(entry, "Its sides")[0] == ["Work given ada · Gift", "1 h 30 min"]
    await ada.open(f"/books/{coop.book}/workers/{coop.ben.id}", status=403)
    await ada.open(f"/books/{coop.book}/lines", status=403)
    theirs = (await coop.owner.get(f"/books/{coop.book}/lines", holder_id=coop.ben.id))["items"]
    await ada.open(f"/entries/{theirs[0]['entry_id']}", status=403)
    # A member who never worked here has no part; a stranger does not learn that there is a book.
    await Reader(world, coop.member).open(f"/books/{coop.book}", status=403)
    other = Reader(world, await world.sign_up("other"))
    await other.open(f"/books/{coop.book}", status=404)
    await other.open(f"/entries/{theirs[0]['entry_id']}", status=404)
    assert "None of your work stands in a book yet" in (await other.open("/books")).main.text


async def test_lines_are_narrowed_and_their_sum_follows(world: World, coop: Coop) -> None:
    reader = Reader(world, coop.owner)
    path = f"/books/{coop.book}/lines"
    for query, total, count in (
        ("", "5 h", 2),
        ("?stream=gift", "1 h 30 min", 1),
        ("?stream=governance", "0 min", 0),
        ("?account=organisation", "−5 h", 2),
        ("?since=2026-03-02&until=2026-03-02", "5 h", 2),
        ("?since=2026-03-03", "0 min", 0),
        ("?kind=correction", "0 min", 0),
        ("?kind=no-such-kind&since=yesterday&holder_id=nobody", "5 h", 2),
    ):
        page = await reader.open(path + query)
        assert page.main.one("dl", class_="totals").text == f"in all {total}", query
        shown = page.main.all("table")
        assert (len(shown[0].one("tbody").all("tr")) if shown else 0) == count, query


async def test_a_correction_and_what_it_corrects_lead_to_each_other(
    world: World, coop: Coop
) -> None:
    need = await world.open_need(coop.owner, coop.organisation)
    claim = await world.submitted_claim(coop.ada, coop.owner, need, 60)
    await world.confirm(coop.owner, claim, 60, stream="gift")
    await coop.ada.post(f"/claims/{claim['id']}/transitions", _disagree(), expect=200)
    for person in (coop.ada, coop.owner):
        await person.post(f"/claims/{claim['id']}/settlement", {"minutes": 45}, expect=200)
    lines = (await coop.owner.get(f"/books/{coop.book}/lines", holder_id=coop.ada.id))["items"]
    assert [line["amount"] for line in lines] == [45, -60, 60, 90]
    reader = Reader(world, coop.owner)
    first = await reader.open(f"/entries/{lines[2]['entry_id']}")
    assert "Corrected from 1 h to 45 min." in first.main.text
    back = await reader.open(f"/entries/{lines[1]['entry_id']}")
    assert back.link("Contribution, 2 Mar 2026") == f"/entries/{lines[2]['entry_id']}"
    whole = await coop.owner.get(f"/entries/{lines[1]['entry_id']}")
    assert whole["corrects"]["entry_id"] == lines[2]["entry_id"]
    assert whole["corrected_by"]["entry_id"] == lines[0]["entry_id"]
    assert whole["sums"] == {"minute": 0}


def _disagree() -> Json:
    return {"to": "disputed", "reason": "It was three quarters of an hour"}


async def test_an_entry_shows_its_place_in_the_log_once_it_has_one(
    world: World, coop: Coop
) -> None:
    (line,) = (await coop.ada.get(f"/books/{coop.book}/lines", holder_id=coop.ada.id))["items"]
    path = f"/entries/{line['entry_id']}"
    reader = Reader(world, coop.ada)
    assert (await coop.ada.get(path))["proof"] is None
    assert "has not taken this entry up yet" in (await reader.open(path)).main.text
    assert await keep_log(world.runtime) >= 2
    proof = (await coop.ada.get(path))["proof"]
    place = f"Place {proof['position'] + 1} of {proof['size']}, in the state of the log"
    assert place in (await reader.open(path)).main.text
    leaf = merkle.leaf_hash(bytes.fromhex(proof["data"]))
    hashes = [bytes.fromhex(each) for each in proof["hashes"]]
    made = merkle.root_from_inclusion(leaf, proof["position"], proof["size"], hashes)
    assert made.hex() == proof["root"]
    assert proof["checkpoint"].splitlines()[1] == str(proof["size"])


async def test_months_are_drawn_and_told(world: World, coop: Coop) -> None:
    with clock.frozen(datetime(2026, 4, 9, tzinfo=UTC)):
        months = (await coop.owner.get(f"/books/{coop.book}/months"))["items"]
        drawn = await Reader(world, coop.owner).open(f"/books/{coop.book}")
    assert [month["month"] for month in months][-2:] == ["2026-03-01", "2026-04-01"]
    assert len(months) == 12
    bars = [bar.attributes["class"] for bar in drawn.main.one("svg", class_="plot").all("rect")]
    assert [name for name in bars if name.startswith("bar")] == ["bar gift", "bar care"]
    table = rows(drawn, "What was given, month by month")
    assert table[-2] == ["March 2026", "0 min", "1 h 30 min", "3 h 30 min", "0 min", "5 h"]
    assert sum(month["minutes"] for month in months) == 300
    (march,) = [month for month in months if month["month"] == "2026-03-01"]
    assert march["by_stream"] == {"livelihood": 0, "gift": 90, "care": 210, "governance": 0}
    own = (await coop.ada.get(f"/books/{coop.book}/months", months=60, holder_id=coop.ada.id))[
        "items"
    ]
    assert sum(month["minutes"] for month in own) == 90
    refused = await coop.ada.ask("GET", f"/books/{coop.book}/months")
    assert refused.status_code == 403


async def test_the_book_reads_in_every_language(world: World, coop: Coop) -> None:
    lines = (await coop.owner.get(f"/books/{coop.book}/lines"))["items"]
    for language in ("en", "el", "ca", "nl", "es"):
        reader = Reader(world, coop.owner)
        for path in (
            "/books", f"/books/{coop.book}", f"/books/{coop.book}/lines",
            f"/books/{coop.book}/workers/{coop.ben.id}", f"/entries/{lines[0]['entry_id']}",
        ):  # fmt: skip
            page = await reader.open(f"{path}?lang={language}")
            assert page.document.one("html").attributes["lang"] == language
            assert not re.search(r"\b(?:page|ledger|statement)\.[a-z_.]+\b", page.main.text)

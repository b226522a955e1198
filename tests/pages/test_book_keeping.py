"""Keeping a book without JavaScript: slips, a file of them, the opening, receipts, corrections."""

from datetime import UTC, datetime

import pytest

from app.infra import clock
from tests.factories.books import Cooperative, cooperative, issuer
from tests.factories.world import Person, World
from tests.pages.reading import Reader

HTML = {"Accept": "text/html"}


@pytest.fixture
async def coop(world: World) -> Cooperative:
    return await cooperative(world)


async def send(
    person: Person,
    path: str,
    fields: dict[str, str],
    file: bytes | None = None,
    *,
    page: str = "",
) -> tuple[int, str]:
    """Send a form of ours as a browser does; returns the status and the page it leads to."""
    begun = await person.http.get(page or path, headers=HTML)
    token = begun.text.partition('name="form_token" value="')[2].partition('"')[0]
    files = {"file": ("slips.csv", file, "text/csv")} if file else None
    body = {"form_token": token, **fields}
    answer = await person.http.post(path, data=body, files=files, headers=HTML)
    if answer.is_redirect:
        answer = await person.http.get(answer.headers["location"], headers=HTML)
    return answer.status_code, answer.text


def row(number: int, worker: str, minutes: str, day: str = "2026-03-02") -> dict[str, str]:
    said = {"worker": worker, "worked_on": day, "minutes": minutes, "stream": "care", "note": ""}
    return {f"{name}-{number}": value for name, value in said.items()}


async def test_slips_by_form_whole_or_not_at_all(coop: Cooperative) -> None:
    path = f"{coop.path}/slips"
    good = row(0, "worker", "1:30")
    status, page = await send(coop.keeper, path, {**good, **row(1, "keeper", "1")})
    assert status == 422
    assert "Nobody enters their own hours" in page
    assert 'value="1:30"' in page, "what was written is still there"
    assert await coop.minutes() == {}
    status, _ = await send(coop.keeper, path, {**good, **row(1, "owner", "1 h")})
    assert status == 200
    assert await coop.minutes() == {"worker": 90, "owner": 60}
    # An empty row between two others is none.
    status, _ = await send(coop.keeper, path, {**row(2, "owner", "30 min")})
    assert status == 200
    assert await coop.minutes() == {"worker": 90, "owner": 90}
    status, page = await send(coop.keeper, path, {})
    assert (status, "There is no slip in it" in page) == (422, True)


async def test_slips_by_file(coop: Cooperative) -> None:
    path = f"{coop.path}/slips"
    head = b"worker;worked_on;minutes;stream;note\n"
    bad = head + b"worker;2026-03-02;1:30;gift;1\nowner;yesterday;x;fun;2\n"
    status, page = await send(coop.keeper, path, {}, bad)
    assert status == 422
    assert page.count("Slip 2: ") == 3
    assert await coop.minutes() == {}
    status, page = await send(coop.keeper, path, {}, b"a,b\n1,2\n")
    assert (status, "worker, worked_on, minutes, stream" in page) == (422, True)
    good = head + b"worker;2026-03-02;1:30;gift;1\n@Owner;2026-03-03;45;care;2\n\n"
    status, _ = await send(coop.keeper, path, {}, good)
    assert status == 200
    assert await coop.minutes() == {"worker": 90, "owner": 45}


async def test_an_opening_is_written_by_one_and_confirmed_by_another(coop: Cooperative) -> None:
    path = f"{coop.path}/opening"
    lines = {"worker-0": "worker", "minutes-0": "100:30", "stream-0": "gift", "capital-0": "12,50"}
    said = {"on": "2026-01-01", "reserve": "-3.5", "act": "write", **lines}
    status, page = await send(coop.owner, path, {**said, "reserve": "much"})
    assert status == 422
    status, page = await send(coop.owner, path, said)
    assert (status, "It waits for somebody else" in page) == (200, True)
    confirm = {"act": "confirm", "version": "1"}
    status, page = await send(coop.owner, path, confirm)
    assert (status, "does not confirm it" in page) == (403, True)
    status, page = await send(coop.keeper, path, confirm)
    assert (status, "In the book" in page) == (200, True)
    assert await coop.minutes() == {"worker": 6030}


async def test_an_opening_balance_is_no_work_of_its_month(coop: Cooperative) -> None:
    path = f"{coop.path}/opening"
    lines = {"worker-0": "worker", "minutes-0": "100:30", "stream-0": "gift"}
    await send(coop.owner, path, {"on": "2026-01-01", "reserve": "0", "act": "write", **lines})
    await send(coop.keeper, path, {"act": "confirm", "version": "1"})
    await coop.write(coop.slip(minutes=60, worked_on="2026-01-09", stream="gift"))
    with clock.frozen(datetime(2026, 4, 9, tzinfo=UTC)):
        months = await coop.owner.get(f"{coop.path}/months")
        home = await Reader(coop.world, coop.owner).open(coop.path)
        january = next(month for month in months["items"] if month["month"] == "2026-01-01")
        assert (january["minutes"], months["opening_minutes"]) == (60, 6030), "no work of January"
        assert months["opening_by_stream"]["gift"] == 6030
        plot = home.main.one("svg", class_="plot")
        assert len(plot.all("rect", class_="bar")) == 1
        apart = home.main.one("div", class_="apart")
        assert apart.text.startswith("Opening balance Work from before this book.")
        table = next(t for t in home.main.all("table") if "month by month" in t.one("caption").text)
        first = table.one("tbody").all("tr")[0]
        assert first.text.startswith("Opening balance 0 min 100 h 30 min")
        links = [*table.all("a"), *apart.all("a")]
        assert len(links) == 3
        for link in links:
            opened = await Reader(coop.world, coop.owner).open(link.attributes["href"])
            assert opened.main.one("dl", class_="totals").text == f"in all {link.text}"


async def test_a_receipt_is_offered_by_its_worker_and_taken_by_another(coop: Cooperative) -> None:
    receipt = await issuer(coop.world).receipt(coop.worker)
    path = f"{coop.path}/receipts"
    fields = {"receipt_id": str(receipt.id)}
    status, _ = await send(coop.worker, path, {**fields, "act": "offer"})
    assert status == 200
    status, page = await send(coop.keeper, path, {**fields, "act": "take", "stream": "care"})
    assert (status, "in the book" in page) == (200, True)
    status, _ = await send(coop.owner, path, {**fields, "act": "take", "stream": "care"})
    assert status == 409
    assert await coop.minutes() == {"worker": 120}


async def test_an_entry_is_corrected_by_form(coop: Cooperative) -> None:
    (entry,) = (await coop.write(coop.slip(minutes=90)))["entry_ids"]
    path = f"/entries/{entry}/correction"
    said = {"minutes": "0:30", "worker": "owner", "reason": "Two people did it"}
    status, _ = await send(coop.keeper, path, {**said, "minutes": "2:00"})
    assert status == 422
    status, _ = await send(coop.keeper, path, {**said, "reason": ""})
    assert status == 422
    status, _ = await send(coop.keeper, path, said)
    assert status == 200
    assert await coop.minutes() == {"owner": 60, "worker": 30}


async def test_ownership_is_switched_on_by_a_button(world: World) -> None:
    owner = await world.sign_up("owner")
    organisation = await world.organisation(owner)
    path = f"/organisations/{organisation['id']}/ownership"
    status, page = await send(owner, path, {"currency": "SEK"})
    assert (status, "in SEK" in page) == (200, True)
    (book,) = (await owner.get("/books"))["items"]
    for name in ("slips", "opening", "receipts", "pairs", ""):
        shown = await owner.http.get(f"/books/{book['id']}/{name}".rstrip("/"), headers=HTML)
        assert shown.status_code == 200, name
    status, page = await send(owner, path, {"currency": "EUR"})
    assert status == 409

"""Statements as page, print, PDF, CSV and JSON say the same, to the cent, and open into entries."""

import csv
import io
from uuid import UUID

import pytest

from app.infra.i18n import LANGUAGES, format_money
from tests.factories.pdf import words_of
from tests.factories.periods import FIRST, LAST, Cooperative, cooperative
from tests.factories.world import Json, World
from tests.pages.reading import Page, Reader

T1 = {"anna": 36_750, "berta": 20_000, "carles": 3_260, "dora": 945}


@pytest.fixture
async def coop(world: World) -> Cooperative:
    """The co-operative of T1; what it is called, a spreadsheet would run as a formula."""
    made = await cooperative(world, *T1)
    for name, minutes in T1.items():
        await made.give(made.id_of(name), minutes)
    await made.members["carles"].ask("PATCH", "/me", json={"display_name": "=HYPERLINK(1)"})
    await made.members["anna"].ask("PATCH", "/me", json={"display_name": "Άννα Παπά"})
    return made


async def drafted(coop: Cooperative, **more: bool) -> Json:
    return await coop.draw_up(await coop.open(LAST, 1_000_001, FIRST), **more)


def table_rows(table: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table.removeprefix("\ufeff"))))


def cells(page: Page, caption: str) -> list[list[str]]:
    table = next(t for t in page.main.all("table") if t.one("caption").text == caption)
    return [[c.text for c in (*r.all("th"), *r.all("td"))] for r in table.one("tbody").all("tr")]


async def test_a_draft_says_the_same_as_page_json_csv_and_pdf(
    world: World, coop: Cooperative
) -> None:
    period = await drafted(coop)
    path = f"/periods/{period['id']}/statement"
    said = await coop.owner.get(path)
    assert said["stage"] == "draft"
    assert "issues no shares" in said["legal"]
    amounts = {part["name"]: part["amount"] for part in said["parts"]}
    assert amounts == {"Άννα Παπά": 122_480, "berta": 66_655, "=HYPERLINK(1)": 10_865, "dora": 0}
    assert said["base"] == "60010"
    assert [(s["name"], s["change"]) for s in said["net_worth"]] == [
        ("opening", 0), ("members", 200_000), ("reserve", 800_001), ("closing", 1_000_001),
    ]  # fmt: skip

    page = await Reader(world, coop.owner).open(path)
    assert page.title == "Statement, 1 Jan 2026 to 31 Mar 2026"
    assert "Draft: it can still change" in page.main.text
    assert "the legal act" in page.main.text
    first = cells(page, "Worker by worker")[0]
    assert [first[0], first[2], first[4]] == ["Άννα Παπά", "612 h 30 min", "€1,224.80"]
    assert cells(page, "What this period did to the money")[1][2:] == ["+€2,000.00", "€2,000.00"]
    assert len(page.main.all("svg", class_="up")) == 2

    table = (await coop.owner.ask("GET", f"{path}.csv")).text
    rows = table_rows(table)
    assert {row["stage"] for row in rows} == {"draft"}
    assert {row["name"]: int(row["amount_minor"]) for row in rows} == {
        name.replace("=", "'=", 1): amount for name, amount in amounts.items()
    }
    assert sum(int(row["given_minutes"]) for row in rows) == sum(T1.values())

    for language in LANGUAGES:
        answer = await Reader(world, coop.owner).http.get(f"{path}.pdf?lang={language}")
        assert answer.headers["content-type"] == "application/pdf", answer.text
        words = " ".join(words_of(answer.content).split())
        for shown in ("Άννα Παπά", *(format_money(language, n, "EUR") for n in amounts.values())):
            assert " ".join(shown.split()) in words, (language, shown, words)


async def test_each_figure_opens_into_the_lines_that_it_is_the_sum_of(
    world: World, coop: Cooperative
) -> None:
    period = await coop.close(await coop.open(LAST, 1_000_001, FIRST))
    assert period["state"] == "locked"
    await coop.sign_in_again()
    reader = Reader(world, coop.owner)
    page = await reader.open(f"/periods/{period['id']}/statement")
    assert "Final: two people signed" in page.main.text
    assert period["lock"]["root"] in page.main.text
    paper = await reader.http.get(f"/periods/{period['id']}/statement.pdf")
    assert words_of(paper.content).count("(UTC)") == 2, "each signature says in which zone"
    opened = 0
    for link in page.main.all("a"):
        target = link.attributes["href"]
        if "/lines?" not in target:
            continue
        lines = await reader.open(target)
        total = lines.main.one("dl", class_="totals").text.removeprefix("in all ")
        assert total == link.text.removeprefix("+"), target
        opened += 1
    assert opened >= 14


async def test_a_worker_reads_their_own_statement_and_nobody_elses(
    world: World, coop: Cooperative
) -> None:
    outsider = await world.sign_up("paula")
    await coop.give(UUID(outsider.id), 24_000)
    period = await drafted(coop, acknowledged=True)
    base = f"/periods/{period['id']}"
    own = await Reader(world, outsider).open(f"{base}/statements/{outsider.id}")
    assert "the rules count another role" in own.main.text
    anna = coop.members["anna"].id
    shown = await Reader(world, coop.members["anna"]).open(f"{base}/statements/{anna}")
    assert "36,750 of 60,010 weighted minutes, of €2,000.00 for all members, is €1,224.80" in (
        shown.main.text
    )
    for path in (f"{base}/statement", f"{base}/statement.pdf", f"{base}/statement.csv"):
        await Reader(world, outsider).open(path, status=403)
    await Reader(world, outsider).open(f"{base}/statements/{anna}", status=403)
    await Reader(world, await world.sign_up("other")).open(f"{base}/statement", status=404)
    await Reader(world, outsider).open(f"{base}/statements/{anna}/file.csv", status=403)
    # What stands on the page as a way to take it along is there to be taken, with a session alone.
    http = Reader(world, outsider).http
    taken = {
        a.text: await http.get(a.attributes["href"])
        for a in own.main.one("p", class_="downloads").all("a")
    }
    assert [answer.status_code for answer in taken.values()] == [200, 200, 200]
    (row,) = table_rows(taken["Take it as a table (CSV)"].text)
    assert (row["account_id"], row["given_minutes"]) == (outsider.id, "24000")
    assert (row["eligible"], row["amount_minor"]) == ("no", "0")
    assert taken["Take it as data (JSON)"].json()["parts"][0]["given"] == 24_000
    hers = Reader(world, coop.members["carles"])
    mine = await hers.http.get(f"{base}/statements/{coop.members['carles'].id}/file.csv")
    (row,) = table_rows(mine.text)
    assert row["name"] == "'=HYPERLINK(1)", "a spreadsheet runs nothing of it"
    file = await Reader(world, outsider).http.get(f"{base}/statements/{outsider.id}/file.pdf")
    assert "Άννα" not in words_of(file.content)
    assert "400 h" in words_of(file.content)


async def test_the_next_statement_says_how_shares_changed(world: World, coop: Cooperative) -> None:
    await coop.close(await coop.open(LAST, 1_000_001, FIRST))
    await coop.sign_in_again()
    spring = LAST.replace(month=6, day=30)
    for name, minutes in (("anna", 10_000), ("berta", 10_000)):
        await coop.give(coop.id_of(name), minutes, LAST.replace(month=5))
    period = await coop.draw_up(await coop.open(spring, -300_000))
    said = await coop.owner.get(f"/periods/{period['id']}/statement")
    changes = {part["name"]: part["change"] for part in said["parts"]}
    assert changes == {"Άννα Παπά": -112, "berta": 167, "=HYPERLINK(1)": -54, "dora": 0}
    page = await Reader(world, coop.owner).open(f"/periods/{period['id']}/statement")
    shares = cells(page, "Shares, and how they changed")
    assert shares[0][-1] in {"▼ 11.2 points less", "▲ 16.7 points more"}
    assert all(row[1] == "" for row in shares)


async def test_a_running_period_shows_minutes_and_no_money(world: World, coop: Cooperative) -> None:
    period = await coop.open(LAST, 1_000_001, FIRST)
    for language in LANGUAGES:
        path = f"/periods/{period['id']}/statement?lang={language}"
        page = await Reader(world, coop.owner).open(path)
        assert "statement." not in page.main.text
        assert "€" not in page.main.text
    said = await coop.owner.get(f"/periods/{period['id']}/statement")
    rows = table_rows((await coop.owner.ask("GET", f"/periods/{period['id']}/statement.csv")).text)
    assert {row["stage"] for row in rows} == {"open"}
    assert sum(int(row["given_minutes"]) for row in rows) == sum(T1.values())
    for unknown in ("counted_minutes", "eligible", "reason", "weighted", "amount_minor"):
        assert {row[unknown] for row in rows} == {""}, unknown
    assert {row["currency"] for row in rows} == {"EUR"}
    assert said["stage"] == "running"
    # JSON the same: nobody knows yet, which is null and never 0, "no" or an empty sum.
    for unknown in ("base", "totals", "net_worth", "policy_version", "root"):
        assert said[unknown] is None, unknown
    known = {"account_id", "name", "by_stream", "given"}
    for part in said["parts"]:
        assert {name for name, value in part.items() if value is not None} == known
    own = f"/periods/{period['id']}/statements/{said['parts'][0]['account_id']}"
    assert (await coop.owner.get(own))["parts"][0]["amount"] is None
    assert said["minutes"]["livelihood"] == sum(T1.values())

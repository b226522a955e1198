"""The rules of a book as pages: read, drafted and tried out, without a line of JavaScript."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest

from app.infra import clock
from tests.factories.cooperative import PAPER, Cooperative, paper_cooperative
from tests.factories.world import World
from tests.pages.reading import Page, Reader, target_of

WANTED: dict[str, Any] = {
    "title": "Probation counts",
    "reason": "They work too.",
    "valid_from": "2026-07-01",
}


@pytest.fixture(autouse=True)
def spring() -> Iterator[None]:
    """A day on which everything in these tests happens."""
    with clock.frozen(datetime(2026, 4, 20, 9, tzinfo=UTC)):
        yield


async def ruled(world: World) -> tuple[Cooperative, str]:
    """Return the co-operative of T1 with its rules, and where those are read."""
    coop = await paper_cooperative(world)
    await coop.adopt(date(2026, 1, 1), **PAPER)
    return coop, f"/books/{coop.book_id}/rules"


def rows(page: Page) -> dict[str, list[str]]:
    """Return the cells of a page's tables by the heads of their rows."""
    return {
        row.all("th")[0].text: [cell.text for cell in row.all("td")]
        for row in page.main.all("tr")
        if row.all("td")
    }


async def test_the_rules_are_told_in_words(world: World) -> None:
    coop, path = await ruled(world)
    page = await Reader(world, coop.people["ana"]).open(path)
    said = rows(page)
    assert said["The members' part of a surplus"] == ["20%"]
    assert said["Least time in a period"] == ["16 h"]
    assert said["Whose work counts"] == ["worker-owners"]
    assert said["Vote on rules"] == [
        "at least 2/3 of the votes for yes and no, when 1/2 of the roll or more take part"
    ]
    greek = await Reader(world, coop.people["ana"]).open(f"{path}?lang=el")
    assert rows(greek)["Ελάχιστος χρόνος σε μια περίοδο"] == ["16 ώ."]
    await coop.adopt(date(2026, 7, 1), members_share="1/3")
    page = await Reader(world, coop.people["ana"]).open(path)
    (link,) = [a for a in page.main.all("a") if a.text.startswith("Version 2, from")]
    coming = await Reader(world, coop.people["ana"]).open(link.attributes["href"])
    assert rows(coming)["The members' part of a surplus"] == ["1/3"]


async def test_t1_before_the_vote_on_a_page(world: World) -> None:
    """Somebody drafts that probation counts, and everybody sees what that would have made."""
    coop, path = await ruled(world)
    ana = Reader(world, coop.people["ana"])
    sent = await ana.send(
        f"{path}/new", f"{path}/new", **WANTED, eligible=["worker_owner", "probationary"]
    )
    draft = target_of(sent)
    asked = "period=days&first_day=2026-01-01&last_day=2026-03-31&surplus=10000,01"
    page = await Reader(world, coop.people["bel"]).open(f"{draft}?{asked}")
    said = rows(page)
    assert said["ana"][1] == "€1,224.80"
    assert said["bel"][1] == "€666.55"
    assert said["cas"][1] == "€108.65"
    assert said["dor"] == ["0 min below the least time", "€0.00", "€0.00", "no change"]
    assert said["pau"][1] == "€0.00"
    assert said["pau"][3].startswith("▲ +€")
    assert said["ana"][3].startswith("▼ −€")
    assert said["Goes to the members"] == ["€2,000.00", "€2,000.00"]
    assert said["Change of the reserve"] == ["€8,000.01", "€8,000.01"]
    assert said["Whose work counts"] == [
        "worker-owners",
        "people on probation, worker-owners changed",
    ]
    loss = await ana.open(f"{draft}?{asked.replace('10000,01', '-12000')}")
    assert rows(loss)["The members bear"] == ["€12,000.00", "€12,000.00"]


async def test_days_and_amounts_that_cannot_be_read_are_said(world: World) -> None:
    coop, path = await ruled(world)
    ana = Reader(world, coop.people["ana"])
    draft = target_of(await ana.send(f"{path}/new", f"{path}/new", **WANTED))
    assert (await ana.open(draft)).title == "Probation counts"
    for query, fault in {
        "surplus=12.345": "Write it as 1250.50",
        "surplus=much": "Write it as 1250.50",
        "period=days&first_day=2026-03-31&last_day=2026-01-01": "Choose a first and a last day",
        "period=days&first_day=spring&last_day=": "Choose a first and a last day",
        "period=no-such-one": "There is no such period",
        "period=00000000-0000-4000-8000-000000000000": "There is no such period",
    }.items():
        page = await ana.open(f"{draft}?{query}", status=422)
        assert fault in page.main.one(id="problems").text, query


async def test_a_form_keeps_what_was_written_and_says_what_is_wrong(world: World) -> None:
    coop, path = await ruled(world)
    ana = Reader(world, coop.people["ana"])
    wrong: dict[str, Any] = {
        "weight_care": "two", "members_share": "120 %", "minimum": "16.50", "cap": "2",
        "months": "-1", "policy_threshold": "0", "title": "",
    }  # fmt: skip
    page = await ana.send(f"{path}/new", f"{path}/new", **{**WANTED, **wrong}, status=422)
    faults = {link.attributes["href"] for link in page.main.one(id="problems").all("a")}
    assert faults == {
        "#weight_care", "#members_share", "#minimum", "#months", "#policy_threshold", "#title",
    }  # fmt: skip
    kept = page.form(f"{path}/new")
    assert (kept["weight_care"], kept["reason"]) == ("two", WANTED["reason"])
    capped = {**WANTED, "cap": "2"}
    page = await ana.send(f"{path}/new", f"{path}/new", **capped, status=422)
    assert "nobody could reach it" in page.main.one(id="problems").text
    early = {**WANTED, "valid_from": "2026-04-20"}
    page = await ana.send(f"{path}/new", f"{path}/new", **early, status=422)
    assert "The first day possible is 2026-04-21" in page.main.one(id="problems").text
    zero: dict[str, Any] = {
        f"weight_{stream}": "0" for stream in ("livelihood", "gift", "care", "governance")
    }
    page = await ana.send(f"{path}/new", f"{path}/new", **WANTED, **zero, status=422)
    assert "Some work has to count" in page.main.one(id="problems").text


async def test_figures_are_read_exactly_however_they_are_written(world: World) -> None:
    coop, path = await ruled(world)
    ana = Reader(world, coop.people["ana"])
    exact: dict[str, Any] = {
        "weight_care": "0,5", "weight_gift": "1/3", "members_share": "33.5 %", "minimum": "16:30",
        "loss_to_reserve": "0.8", "trainings": "Money\n\nCo-operation",
    }  # fmt: skip
    sent = await ana.send(f"{path}/new", f"{path}/new", **WANTED, **exact)
    made = await coop.people["ana"].get(target_of(sent))
    document = made["document"]
    assert (document["weights"]["care"], document["weights"]["gift"]) == ("1/2", "1/3")
    assert (document["members_share"], document["loss_to_reserve"]) == ("67/200", "4/5")
    assert document["minimum_minutes"] == 990
    assert document["admission"]["trainings"] == ["Co-operation", "Money"]


async def test_only_its_author_changes_a_draft_and_takes_it_back(world: World) -> None:
    coop, path = await ruled(world)
    ana, bel = (Reader(world, coop.people[name]) for name in ("ana", "bel"))
    draft = target_of(await ana.send(f"{path}/new", f"{path}/new", **WANTED))
    change = f"{draft}/change"
    await ana.send(change, change, title="Everybody counts")
    page = await bel.open(draft)
    assert page.title == "Everybody counts"
    sent = {form.attributes["action"] for form in page.main.all("form", method="post")}
    assert not {action for action in sent if action.startswith(draft)}
    await bel.open(change, status=403)
    fields = {**(await ana.open(draft)).form(f"{draft}/withdraw")}
    token = (await bel.open(f"{path}/new")).form(f"{path}/new")["form_token"]
    await bel.submit(f"{draft}/withdraw", {**fields, "form_token": token}, status=403)
    assert "Everybody counts" in (await bel.open(path)).main.text
    await ana.submit(f"{draft}/withdraw", fields)
    assert "Everybody counts" not in (await bel.open(path)).main.text

"""From a book without rules to its first period, and the way out of one opened before them."""

from collections.abc import Iterator
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from app.infra import clock
from app.infra.i18n import LANGUAGES
from tests.factories.governing import Cooperative, cooperative, noon
from tests.factories.periods import open_too_early
from tests.factories.world import World
from tests.pages.reading import Page, Reader, target_of

TODAY = date(2026, 11, 22)
NO_RULES = "none hold on that day yet"


@pytest.fixture(autouse=True)
def autumn() -> Iterator[None]:
    """The day on which the first rules are about to be voted in."""
    with clock.frozen(noon(TODAY)):
        yield


async def adopt(coop: Cooperative, valid_from: str) -> None:
    """Draft rules on a page, and have everybody vote for them on pages."""
    a, b = (Reader(coop.world, coop.people[name]) for name in "ab")
    form = f"{coop.path}/rules/new"
    wanted: dict[str, Any] = {"title": "Rules", "reason": "", "valid_from": valid_from}
    draft = target_of(await a.send(form, form, **wanted))
    decision = target_of(await a.send(draft, f"{coop.path}/decisions", words=""))
    for reader in (a, b):
        await reader.send(decision, f"{decision}/vote", choice="yes")
    assert "It passed" in (await a.open(decision)).main.text


async def too_early(coop: Cooperative, first: date, last: date, number: int = 1) -> str:
    by = UUID(coop.owner.id), (first, last), number
    return f"/periods/{await open_too_early(coop.world.runtime, UUID(coop.book_id), *by)}"


def leads(page: Page, path: str) -> bool:
    """Say whether a page links to an address."""
    return any(link.attributes.get("href") == path for link in page.main.all("a"))


async def test_a_first_period_begins_with_the_first_rules(world: World) -> None:
    coop = await cooperative(world, owners=("a", "b"))
    a, periods = Reader(world, coop.people["a"]), f"{coop.path}/periods"
    before = await a.open(periods)
    assert not before.main.all("form"), "there is nothing that a button could do"
    assert NO_RULES in before.main.text
    assert leads(before, f"{coop.path}/rules")
    month = {"starts_on": "2026-11-01", "ends_on": "2026-12-31"}
    refused = await coop.people["a"].post(periods, month, expect=422, key="early")
    assert refused["code"] == "period_rules_none"
    hint = (await a.open(f"{coop.path}/rules/new")).main.text
    assert "may hold from a day that is past" in hint

    await adopt(coop, "2026-11-23")
    page = await a.open(periods)
    assert "The first rules hold from 23 Nov 2026" in page.main.text
    form = page.form(periods)
    assert (form["starts_on"], form["ends_on"]) == ("2026-11-23", "2026-12-31")
    refused = await coop.people["a"].post(periods, month, expect=422, key="still early")
    assert refused["code"] == "period_rules_later"
    assert "the first ones hold from 2026-11-23" in refused["errors"][0]["message"]
    for language in LANGUAGES:
        reader = Reader(world, coop.people["a"], language)
        shown = await reader.submit(periods, {**form, **month}, status=422)
        assert "2026" in shown.main.one("div", role="alert").text
        assert "period_rules" not in shown.main.text
    # What the refusal says to do can be done, and so can what the form offers.
    await adopt(coop, "2026-11-01")
    assert (await a.open(periods)).form(periods)["starts_on"] == "2026-11-01"
    opened = target_of(await a.submit(periods, {**form, **month}))
    assert "Fine Rules hold for it." in (await a.open(opened)).main.text
    assert (await a.open(periods)).form(periods)["starts_on"] == "2027-01-01"
    usual = (await a.open(f"{coop.path}/rules/new")).main.text
    assert "A day that is still to come" in usual


async def test_nobody_is_stuck_with_a_period_that_was_opened_before_its_rules(
    world: World,
) -> None:
    coop = await cooperative(world, owners=("a", "b"))
    await too_early(coop, date(2026, 10, 1), date(2026, 10, 31))
    stuck = await too_early(coop, date(2026, 11, 1), date(2026, 11, 20), 2)
    a, form = Reader(world, coop.people["a"]), f"{coop.path}/rules/new"
    assert not (await a.open(f"{coop.path}/periods")).main.all("form")
    await adopt(coop, "2026-11-23")
    page = await a.open(stuck)
    assert "adopt some that hold from that day or before" in page.main.text
    hint = (await a.open(form)).main.text
    assert "The period that begins on 1 Oct 2026 has no rules yet" in hint
    # Rules for the second alone leave the first without; they are not the last that can be.
    await adopt(coop, "2026-11-01")
    assert "Fine Rules hold for it." in (await a.open(stuck)).main.text
    assert "1 Oct 2026 has no rules yet" in (await a.open(form)).main.text
    await adopt(coop, "2026-09-01")
    listed = (await coop.people["a"].get(f"{coop.path}/periods"))["items"]
    for period in listed:
        path = f"/periods/{period['id']}"
        checks = (await coop.people["a"].get(f"{path}/checklist"))["items"]
        assert {each["check"]: each["fine"] for each in checks}["policy"] is True
    # Which rules hold today did not change, and work that has its rules keeps them.
    first = await coop.people["a"].change(
        f"/periods/{listed[-1]['id']}", {"surplus": 0}, listed[-1]["version"]
    )
    body = {"to": "frozen", "version": first["version"], "acknowledged": True}
    frozen = await coop.people["a"].post(f"/periods/{first['id']}/transitions", body, expect=200)
    assert frozen["state"] == "frozen"
    late = {"title": "Late", "reason": "", "valid_from": "2026-08-01", "document": {}}
    refused = await coop.people["a"].post(
        f"{coop.path}/policy-drafts", late, expect=422, key="late"
    )
    assert refused["code"] == "policy_day_begun"

"""Deciding, coming and going as pages: read and done without a line of JavaScript."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from app.infra import clock
from tests.factories.governing import Cooperative, cooperative, give_capital, noon
from tests.factories.periods import let_rules_hold
from tests.factories.world import World
from tests.pages.reading import Page, Reader, target_of

TODAY = date(2026, 3, 15)


@pytest.fixture(autouse=True)
def spring() -> Iterator[None]:
    """A day on which everything in these tests happens."""
    with clock.frozen(noon(TODAY)):
        yield


def rows(page: Page) -> dict[str, list[str]]:
    """Return the cells of a page's tables by the heads of their rows."""
    return {
        row.all("th")[0].text: [cell.text for cell in row.all("td")]
        for row in page.main.all("tr")
        if row.all("td")
    }


async def eligible(coop: Cooperative, name: str) -> None:
    """Give somebody what the usual rules ask for."""
    await coop.begin_probation(coop.people[name], "2025-03-15")
    await coop.slips(coop.people[name], 305 * 60, TODAY - timedelta(days=200))
    await coop.slips(coop.people[name], 300 * 60, TODAY)


async def test_somebody_asks_and_is_taken_in(world: World) -> None:
    coop = await cooperative(world, members=("z",))
    a, b, c, z = (Reader(world, coop.people[name]) for name in "abcz")
    mine, decisions = f"{coop.path}/standing", f"{coop.path}/decisions"
    page = await z.open(mine)
    assert "Has not begun yet" in page.main.text
    people = f"{coop.path}/people"
    with clock.frozen(noon(date(2025, 3, 15))):
        await a.send(people, f"{coop.path}/probations", handle="zzz", since="2025-03-15")
    page = await z.open(mine)
    assert rows(page)["Full months since the beginning"] == ["12", "12", "✓ enough"]
    assert rows(page)["Confirmed work in all"] == ["600 h", "0 min", "600 h"]
    assert not page.main.all("form", action=f"{mine}/ask")
    token = {"form_token": (await z.open("/books")).form("/language")["form_token"]}
    early = await z.submit(f"{mine}/ask", token, status=409)
    assert "Not everything is there yet" in early.main.one(id="problems").text
    await coop.slips(coop.people["z"], 305 * 60, TODAY - timedelta(days=200))
    await coop.slips(coop.people["z"], 300 * 60, TODAY)
    page = await z.open(mine)
    assert rows(page)["Of that, in the last months (6)"] == ["300 h", "300 h", "✓ enough"]
    greek = await z.open(f"{mine}?lang=el&on={TODAY - timedelta(days=1)}")
    assert "Δεν υπάρχουν ακόμη όλα" in greek.main.text
    await z.open(decisions, status=403)

    await z.send(mine, f"{mine}/ask", words="A year with you")
    assert "You asked to become a worker-owner" in (await z.open(mine)).main.text
    page = await a.open(decisions)
    assert "A year with you" in page.main.text
    sent = await a.send(decisions, decisions, words="Good to work with", days="7")
    decision = target_of(sent)
    page = await b.open(decision)
    assert page.title == "Take zzz in as a worker-owner"
    assert "Good to work with" in page.main.text
    assert "Voted: 0 of 3 on the roll." in page.main.text
    waiting = (await b.open(decisions)).main.one(class_="tasks")
    assert waiting.one("a").attributes["href"] == decision
    token = {"form_token": (await z.open(mine)).form("/language")["form_token"]}
    await z.submit(f"{decision}/vote", {**token, "choice": "yes"}, status=403)
    await a.send(decision, f"{decision}/vote", choice="yes")
    page = await a.open(decision)
    assert "You voted: Yes." in page.main.text
    assert rows(page)["aaa"] == ["Yes"]
    assert rows(page)["ccc"] == ["not yet"]
    # The one whom it is about sees that there is a vote, and neither names nor counts.
    hers = await z.open(decision)
    assert not rows(hers)
    assert "Voted:" not in hers.main.text
    await b.send(decision, f"{decision}/vote", choice="yes")
    done = await c.open(decision)
    for line in (
        "Voted: 2 of 3 on the roll.",
        "Yes: 2. No: 0. Abstained: 0.",
        "Quorum: 2 have to take part; 2 did, which is enough.",
        "Counted among those who said yes or no: 2.",
        "Of these, 2 have to say yes; 2 did, which is enough.",
        "It passed, and what was decided is done.",
    ):
        assert line in done.main.text
    assert rows(done)["ccc"] == ["did not vote"]
    assert rows(await c.open(people))["zzz"][0] == "worker-owner"


async def test_the_first_worker_owners_are_named_once(world: World) -> None:
    owner = await world.sign_up("owner")
    member = await world.sign_up("member")
    organisation = await world.organisation(owner)
    home = f"/organisations/{organisation['id']}"
    await owner.post(f"{home}/members", {"handle": "member", "role": "member"})
    book = await owner.post(f"{home}/ownership", {"currency": "EUR"}, key="ownership")
    people = f"/books/{book['id']}/people"
    reader = Reader(world, owner)
    action = f"/books/{book['id']}/founders"
    page = await reader.send(people, action, since="2026-03-16", account_ids=owner.id, status=422)
    assert "problems" in {element.attributes.get("id") for element in page.main.all()}
    both = [owner.id, member.id]
    await reader.send(people, action, since="2026-01-01", account_ids=both)
    page = await reader.open(people)
    assert rows(page)["member"][0] == "worker-owner"
    assert not page.main.all("form", action=action)
    again = {**page.form("/language"), "since": "2026-01-01", "account_ids": both}
    refused = await reader.submit(action, again, status=409)
    assert refused.main.all(id="problems")


async def test_what_is_asked_is_told_apart_from_what_is_usual(world: World) -> None:
    coop = await cooperative(world, owners=("a", "b"))
    a = Reader(world, coop.people["a"])
    standing = f"{coop.path}/standing"
    usual = await a.open(standing)
    assert "This co-operative has no rules for 15 Mar 2026" in usual.main.text
    assert "What the rules ask for" not in usual.main.text
    await let_rules_hold(world.runtime, UUID(coop.book_id))
    asked = await a.open(standing)
    assert "What the rules ask for" in asked.main.text
    assert "has no rules" not in asked.main.text
    before = await a.open(f"{standing}?on=2025-12-31")
    assert "This co-operative has no rules for 31 Dec 2025" in before.main.text


async def test_a_draft_is_put_to_the_vote_from_its_page(world: World) -> None:
    coop = await cooperative(world, owners=("a", "b"))
    a, b = (Reader(world, coop.people[name]) for name in "ab")
    rules = f"{coop.path}/rules"
    wanted: dict[str, Any] = {
        "title": "Other rules",
        "reason": "Fairer.",
        "valid_from": "2026-07-01",
    }
    draft = target_of(await a.send(f"{rules}/new", f"{rules}/new", **wanted))
    decision = target_of(await b.send(draft, f"{coop.path}/decisions", words="Let us"))
    page = await a.open(draft)
    assert page.link("See the vote about this") == decision
    assert not page.main.all("form", action=f"{coop.path}/decisions")
    page = await a.open(decision)
    assert page.title == "Adopt other rules, from 1 Jul 2026"
    assert page.link("Read the draft and try it out") == draft
    for reader in (a, b):
        await reader.send(decision, f"{decision}/vote", choice="yes")
    assert "It passed" in (await a.open(decision)).main.text
    assert "Version 1, from" in (await a.open(rules)).main.text


async def test_gifts_are_signed_for_by_both_sides_before_a_vote(world: World) -> None:
    coop = await cooperative(world, members=("z",))
    a, z = (Reader(world, coop.people[name]) for name in "az")
    await coop.begin_probation(coop.people["z"], "2025-03-15")
    (gift,) = await coop.slips(coop.people["z"], 120, TODAY, stream="gift")
    gifts = (await z.open(f"{coop.path}/standing")).link("My gift work")
    empty = await z.send(gifts, gifts, status=422)
    assert empty.main.all(id="problems")
    asked = target_of(await z.send(gifts, gifts, entry_ids=gift))
    page = await z.open(asked)
    assert "✓ signed by zzz" in page.main.text
    assert not page.main.all("form", action=f"{asked}/sign")
    assert not (await a.open(asked)).main.all("form", action=f"{coop.path}/decisions")
    await a.send(asked, f"{asked}/sign")
    decision = target_of(await a.send(asked, f"{coop.path}/decisions"))
    assert (await a.open(decision)).title == "Recognise 2 h of gift work by zzz as standing"
    for name in "ab":
        reader = Reader(world, coop.people[name])
        await reader.send(decision, f"{decision}/vote", choice="yes")
    assert rows(await z.open(f"{coop.path}/standing"))["Confirmed work in all"][1] == "2 h"


async def test_leaving_is_explained_and_paid_in_instalments(world: World) -> None:
    coop = await cooperative(world)
    a, c = (Reader(world, coop.people[name]) for name in "ac")
    await give_capital(coop, "ccc", 1001)
    leaving = f"{coop.path}/leaving"
    left = target_of(await c.send(leaving, leaving))
    page = await c.open(left)
    assert len(rows(page)) == 12
    assert not page.main.all("form", action=f"{left}/payouts")
    # At first sight of a book: exits that are to be paid are called so.
    assert "Still being paid out." in (await a.open(f"{coop.path}/people")).main.text
    first: dict[str, Any] = {
        "instalments": "2",
        "interval_months": "1",
        "first_due_on": TODAY.isoformat(),
    }
    await a.send(left, f"{left}/schedule", **first)
    assert len(rows(await a.open(left))) == 2
    fields = (await a.open(left)).form(f"{left}/payouts")
    await a.submit(f"{left}/payouts", fields)
    await a.submit(f"{left}/payouts", fields)  # the same click again pays nothing more
    page = await a.open(left)
    assert rows(page)["1"][1] == "15 Mar 2026"
    assert rows(page)["2"][1] == "–"
    assert not page.main.all("form", action=f"{left}/schedule")
    people = await a.open(f"{coop.path}/people")
    assert people.link("Exit of ccc") == left
    assert "left" in {cells[0] for cells in rows(people).values()}


async def test_an_exit_with_nothing_to_pay_says_so_and_lists_nothing(world: World) -> None:
    coop = await cooperative(world)
    a, b, c = (Reader(world, coop.people[name]) for name in "abc")
    await coop.slips(coop.people["b"], 120, TODAY)
    leaving = f"{coop.path}/leaving"
    nothing = target_of(await c.send(leaving, leaving))
    later = target_of(await b.send(leaving, leaving))
    page = await a.open(nothing)
    assert not page.main.all("table")
    assert "Nothing is left to pay." in page.main.all("section")[0].text
    for action in ("payouts", "schedule"):
        assert not page.main.all("form", action=f"{nothing}/{action}")
    page = await a.open(later)
    assert not page.main.all("table")
    assert "What its closing adds is paid in instalments, too." in page.main.text
    assert "The next instalment would be due on 15 Apr 2026." in page.main.text
    assert not page.main.all("form", action=f"{later}/closing")
    assert "a period may still add something" in (await a.open(f"{coop.path}/people")).main.text
    await a.send(nothing, f"{nothing}/closing")
    assert "Closed on 15 Mar 2026: there was nothing to pay." in (await c.open(nothing)).main.text


async def test_the_form_names_the_first_day_on_which_somebody_may_begin(world: World) -> None:
    coop = await cooperative(world, members=("z",))
    a = Reader(world, coop.people["a"])
    people, begin = f"{coop.path}/people", f"{coop.path}/probations"
    page = await a.open(people)
    field = page.main.one("input", name="since")
    assert (field.attributes["min"], field.attributes["max"]) == ("2026-02-12", "2026-03-15")
    assert "12 Feb 2026 at the earliest" in page.main.text
    refused = await a.send(people, begin, handle="zzz", since="2026-02-11", status=422)
    assert "2026-02-12 at the earliest" in refused.main.one(id="problems").text
    await a.send(people, begin, handle="zzz", since="2026-02-12")
    page = await a.open(people)
    assert rows(page)["zzz"] == ["on probation", "12 Feb 2026"]

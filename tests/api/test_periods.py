"""Closing periods: the examples of the ledger paper to the cent, and every way to refuse."""

from datetime import date
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.domain.administration.invariants import count_violations
from app.infra import clock
from app.infra.database import transaction
from app.infra.ids import private_id
from app.models.ledger import BookStatusKind
from tests.factories.periods import (
    AFTER_OBJECTIONS,
    FIRST,
    LAST,
    Cooperative,
    cooperative,
)
from tests.factories.world import World

MONEY_RULES = {
    "every entry sums to zero in each unit",
    "every balance is the sum of its postings",
    "every entry has all its postings",
}
T1_MINUTES = {"anna": 36_750, "berta": 20_000, "carles": 3_260, "dina": 945}


async def _first_quarter(world: World) -> tuple[Cooperative, UUID]:
    """The people of T1, with their minutes; P is on probation and has no account."""
    made = await cooperative(world, *T1_MINUTES)
    for name, minutes in T1_MINUTES.items():
        await made.give(made.id_of(name), minutes)
    probation = private_id()
    await made.status(probation, BookStatusKind.PROBATIONARY, FIRST)
    await made.give(probation, 24_000)
    return made, probation


async def _conserved(world: World) -> None:
    async with transaction(world.runtime.sessions) as session:
        found = await count_violations(session)
    assert {name: found[name] for name in MONEY_RULES} == dict.fromkeys(MONEY_RULES, 0)


async def test_a_surplus_is_shared_to_the_cent(world: World) -> None:
    """T1 of the paper."""
    made, probation = await _first_quarter(world)
    locked = await made.close(await made.open(LAST, 1_000_001, FIRST))
    assert locked["state"] == "locked"
    assert [each["name"] for each in locked["signatures"]] == ["anna", "berta"]
    assert locked["totals"]["pool"] == 200_000
    assert locked["totals"]["reserve_change"] == 800_001
    lines = await made.lines(locked)
    amounts = {name: lines[str(made.id_of(name))]["amount"] for name in T1_MINUTES}
    assert amounts == {"anna": 122_480, "berta": 66_655, "carles": 10_865, "dina": 0}
    assert lines[str(made.id_of("dina"))]["reason"] == "below_minimum"
    assert lines[str(probation)]["reason"] == "not_eligible"
    money = await made.money()
    organisation_id = UUID(made.organisation["id"])
    assert money[("pool", organisation_id)] == 0
    assert money[("reserve", organisation_id)] == 800_001
    assert money[("capital", made.id_of("anna"))] == 122_480
    assert money[("outside", organisation_id)] == -1_000_001
    await _conserved(world)


async def test_a_loss_is_borne_to_the_cent(world: World) -> None:
    """T2 of the paper: the reserve first, as far as it reaches; accounts may go below zero."""
    made, _ = await _first_quarter(world)
    names = ("anna", "berta", "carles")
    held = dict(zip((made.id_of(name) for name in names), (250_000, 130_000, 20_000), strict=True))
    await made.bring_money(500_000, held)
    locked = await made.close(await made.open(LAST, -1_200_000, FIRST))
    lines = await made.lines(locked)
    borne = [-lines[str(made.id_of(name))]["amount"] for name in names]
    assert borne == [428_679, 233_294, 38_027]
    money = await made.money()
    after = [money[("capital", made.id_of(name))] for name in names]
    assert after == [-178_679, -103_294, -18_027]
    organisation_id = UUID(made.organisation["id"])
    assert money[("reserve", organisation_id)] == 0
    assert sum(after) == -300_000 == 900_000 - 1_200_000
    assert money[("outside", organisation_id)] == 300_000
    await _conserved(world)


@pytest.mark.parametrize(
    ("left", "shares", "carried"),
    [(70, [80_000, 60_000, 50_000], 0), (5, [None, 0, None], -300)],
)
async def test_a_correction_after_a_lock_counts_in_the_next_period(
    world: World, left: int, shares: list[int | None], carried: int
) -> None:
    """T4 of the paper, in both its endings: B has hours left, or fewer than were taken back."""
    rules = {"members_share": "1/1", "minimum_minutes": 0}
    made = await cooperative(world, "anna", "berta", "carles", policy=rules)
    people = [made.id_of(name) for name in made.members]
    for person, hours in zip(people, (100, 50), strict=False):
        await made.give(person, hours * 60)
    first = await made.close(await made.open(LAST, 90_000, FIRST))
    assert [(await made.lines(first))[str(each)]["amount"] for each in people] == [
        60_000,
        30_000,
        0,
    ]
    # Ten hours of the first quarter were C's: they are moved in the second.
    await made.give(people[1], -600, LAST)
    await made.give(people[2], 600, LAST)
    second_quarter = date(2026, 4, 20)
    for person, hours in zip(people, (80, left, 40), strict=True):
        await made.give(person, hours * 60, second_quarter)
    second = await made.close(await made.open(date(2026, 6, 30), 190_000))
    lines = await made.lines(second)
    found = [lines[str(each)]["amount"] for each in people]
    assert [got if want is not None else None for got, want in zip(found, shares, strict=True)] == (
        shares
    )
    assert sum(found) == 190_000
    assert lines[str(people[1])]["carried_out"] == carried
    again = await made.owner.get(f"/periods/{first['id']}")
    assert again["lock"] == first["lock"]
    assert second["lock"]["previous_root"] == first["lock"]["root"]
    if carried:
        await made.give(people[1], 120, date(2026, 7, 5))
        third = await made.draw_up(await made.open(date(2026, 9, 30), 0))
        assert (await made.lines(third))[str(people[1])]["carried_in"] == carried


async def test_nothing_enters_a_locked_period(world: World) -> None:
    made, _ = await _first_quarter(world)
    await made.close(await made.open(LAST, 1_000_001, FIRST))
    late = await made.give(made.id_of("anna"), 60, date(2026, 2, 2))
    async with transaction(world.runtime.sessions) as session:
        found = await session.execute(
            text("SELECT booked_on FROM entries WHERE entry_id = :id"), {"id": late}
        )
        assert found.scalar_one() == date(2026, 4, 1)
    with pytest.raises(DBAPIError, match="falls into a locked period"):
        await made.give(made.id_of("anna"), 60, date(2026, 2, 2), booked_on=date(2026, 2, 2))


async def test_a_period_is_frozen_when_its_checklist_is_met(world: World) -> None:
    made, _ = await _first_quarter(world)
    days = {"starts_on": FIRST.isoformat(), "ends_on": LAST.isoformat()}
    period = await made.owner.post(f"/books/{made.book_id}/periods", days, key="first")
    path = f"/periods/{period['id']}"
    body = {"to": "frozen", "version": period["version"]}
    refused = await made.owner.post(f"{path}/transitions", body, expect=409)
    assert (refused["code"], refused["items"]) == ("period_unready", ["surplus"])
    period = await made.owner.change(path, {"surplus": 100}, period["version"])
    stranger = private_id()
    await made.give(stranger, 60)
    body["version"] = period["version"]
    refused = await made.owner.post(f"{path}/transitions", body, expect=409)
    assert (refused["code"], refused["items"]) == ("period_unacknowledged", ["statuses"])
    checks = (await made.owner.get(f"{path}/checklist"))["items"]
    assert {each["check"]: each["fine"] for each in checks}["statuses"] is False
    drafted = await made.draw_up(period, acknowledged=True)
    assert drafted["state"] == "drafted"
    assert drafted["workers_done"] == drafted["workers_total"] == 6
    stale = await made.owner.post(f"{path}/transitions", body, expect=412)
    assert stale["code"] == "period_stale"


async def test_two_different_people_sign_what_stands_and_nothing_else(world: World) -> None:
    made, _ = await _first_quarter(world)
    drafted = await made.draw_up(await made.open(LAST, 1_000_001, FIRST))
    early = await made.sign(drafted, "anna", expect=409)
    assert early["code"] == "period_objections_open"
    with clock.moved(AFTER_OBJECTIONS):
        await made.sign_in_again()
        other = {**drafted, "outcome_hash": "0" * 64}
        assert (await made.sign(other, "anna", expect=409))["code"] == "period_outcome_other"
        path = f"/periods/{drafted['id']}/signatures"
        body = {"outcome_hash": drafted["outcome_hash"]}
        not_theirs = await made.owner.post(path, body, expect=403, key="keeper")
        assert not_theirs["code"] == "period_sign_refused"
        signed = await made.sign(drafted, "anna")
        assert (signed["state"], signed["lock_under_way"]) == ("signed", False)
        twice = await made.members["anna"].post(path, body, expect=409, key="again")
        assert twice["code"] == "period_signed_already"
        await world.work()
        assert (await made.owner.get(f"/periods/{drafted['id']}"))["state"] == "signed"
        assert (await made.sign(drafted, "berta"))["lock_under_way"] is True
        await world.work()
        locked = await made.owner.get(f"/periods/{drafted['id']}")
        assert locked["state"] == "locked"
        body = {"to": "reopened", "version": locked["version"]}
        late = await made.owner.post(f"/periods/{drafted['id']}/transitions", body, expect=409)
        assert late["code"] == "period_state"


async def test_an_objection_is_answered_by_somebody_else(world: World) -> None:
    made, _ = await _first_quarter(world)
    drafted = await made.draw_up(await made.open(LAST, 1_000_001, FIRST))
    path = f"/periods/{drafted['id']}/objections"
    said = await made.members["dina"].post(path, {"text": "An hour of mine is missing"}, key="d1")
    answer = f"/period-objections/{said['id']}/answer"
    body = {"kept": True, "answer": "It is in the next quarter: you worked on 2 April."}
    own = await made.members["dina"].post(answer, body, expect=403, key="d2")
    assert own["code"] == "period_answer_own"
    with clock.moved(AFTER_OBJECTIONS):
        await made.sign_in_again()
        waiting = await made.sign(drafted, "anna", expect=409)
        assert waiting["code"] == "period_objections_open"
        kept = await made.members["berta"].post(answer, body, expect=200, key="b1")
        assert (kept["state"], kept["answered_by"]) == ("kept", "berta")
        assert (await made.sign(drafted, "anna"))["state"] == "signed"
        late = await made.members["dina"].post(path, {"text": "Too late"}, expect=409, key="d3")
        assert late["code"] == "period_state"


async def test_an_objection_that_is_right_takes_the_period_back(world: World) -> None:
    made, _ = await _first_quarter(world)
    drafted = await made.draw_up(await made.open(LAST, 1_000_001, FIRST))
    path = f"/periods/{drafted['id']}/objections"
    said = await made.members["dina"].post(path, {"text": "15 minutes are missing"}, key="d1")
    body = {"kept": False, "answer": "You are right."}
    await made.owner.post(f"/period-objections/{said['id']}/answer", body, expect=200, key="k1")
    reopened = await made.owner.get(f"/periods/{drafted['id']}")
    assert (reopened["state"], reopened["outcome_hash"]) == ("reopened", None)
    await made.give(made.id_of("dina"), 15, LAST)
    again = await made.draw_up(reopened)
    assert again["draft"] > drafted["draft"]
    line = (await made.lines(again))[str(made.id_of("dina"))]
    assert (line["counted"], line["eligible"]) == (960, True)


async def test_what_changes_under_a_draft_is_drawn_up_anew(world: World) -> None:
    """A dispute in the days for objections takes minutes out of the period it disputes."""
    made, _ = await _first_quarter(world)
    drafted = await made.draw_up(await made.open(LAST, 1_000_001, FIRST))
    with clock.moved(AFTER_OBJECTIONS):
        await made.sign_in_again()
        await made.give(made.id_of("anna"), -60, FIRST, booked_on=FIRST)
        await made.sign(drafted, "anna")
        await made.sign(drafted, "berta")
        await world.work()
        again = await made.owner.get(f"/periods/{drafted['id']}")
    assert (again["state"], again["signatures"]) == ("drafted", [])
    assert again["outcome_hash"] != drafted["outcome_hash"]
    assert (await made.lines(again))[str(made.id_of("anna"))]["counted"] == 36_690


async def test_a_worker_sees_their_own_line_and_a_stranger_nothing(world: World) -> None:
    made, _ = await _first_quarter(world)
    worker, stranger = await world.sign_up("worker"), await world.sign_up("stranger")
    await made.status(UUID(worker.id), BookStatusKind.PROBATIONARY, FIRST)
    await made.give(UUID(worker.id), 120)
    drafted = await made.draw_up(await made.open(LAST, 0, FIRST))
    path = f"/periods/{drafted['id']}"
    (line,) = (await worker.get(f"{path}/lines"))["items"]
    assert (line["account_id"], line["given"]) == (worker.id, 120)
    assert (await worker.ask("GET", f"/books/{made.book_id}/periods")).status_code == 404
    body = {"to": "reopened", "version": drafted["version"]}
    assert (await worker.post(f"{path}/transitions", body, expect=403))["code"]
    assert (await stranger.ask("GET", path)).status_code == 404

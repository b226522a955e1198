"""People of another co-operative, tools, replays and odd values on what decides about money."""

from datetime import timedelta
from secrets import token_hex
from typing import Any
from uuid import UUID

import pytest

from app.infra import clock
from app.infra.ids import private_id
from tests.factories import disputing
from tests.factories.periods import FIRST, LAST, Cooperative, cooperative, let_rules_hold
from tests.factories.world import Json, Person, World

HUGE = [2**31, 2**63, 10**30, -1, -(2**63)]


async def _status(
    person: Person, method: str, path: str, body: Json | None = None, **headers: str
) -> tuple[int, str]:
    sent = {"Idempotency-Key": token_hex(8), **headers} if method == "POST" else headers
    more: dict[str, Any] = {"json": body or {}} if method != "GET" else {}
    answer = await person.ask(method, path, headers=sent, **more)
    found = answer.json() if answer.content else {}
    return answer.status_code, str(found.get("code", ""))


async def _places(made: Cooperative) -> dict[tuple[str, str], Json]:
    """Everything about a period that can be asked for, with a body that holds."""
    period = await made.draw_up(await made.open(LAST, 1_000, FIRST))
    objection = await made.members["anna"].post(
        f"/periods/{period['id']}/objections", {"text": "Mine?"}, key="o"
    )
    home, book = f"/periods/{period['id']}", f"/books/{made.book_id}"
    move = {"to": "reopened", "version": period["version"], "reason": "Mine now"}
    return {
        ("GET", home): {},
        ("GET", f"{home}/lines"): {},
        ("GET", f"{home}/checklist"): {},
        ("GET", f"{home}/objections"): {},
        ("GET", f"{book}/periods"): {},
        ("GET", f"{book}/export"): {},
        ("PATCH", home): {"surplus": 1},
        ("POST", f"{home}/transitions"): move,
        ("POST", f"{home}/objections"): {"text": "Mine"},
        ("POST", f"{home}/signatures"): {"outcome_hash": period["outcome_hash"]},
        ("POST", f"/period-objections/{objection['id']}/answer"): {"kept": True, "answer": "No"},
        ("POST", f"{book}/periods"): {"ends_on": "2026-06-30"},
    }


async def test_those_of_another_co_operative_reach_nothing_of_this_one(world: World) -> None:
    """Owner there, worker-owner there: here they are strangers, and learn not even that it is."""
    made = await cooperative(world, "anna", "berta")
    await made.give(made.id_of("anna"), 600)
    stranger = await world.sign_up("stranger")
    other = await world.organisation(stranger, name="Other House")
    ownership = f"/organisations/{other['id']}/ownership"
    theirs = await stranger.post(ownership, {"currency": "EUR"}, key="own")
    founders = {"account_ids": [stranger.id], "since": clock.today().isoformat()}
    await stranger.post(f"/books/{theirs['id']}/founders", founders, key="founders")
    for (method, path), body in (await _places(made)).items():
        code, why = await _status(stranger, method, path, body, **{"If-Match": '"1"'})
        assert code == 404, f"{method} {path}: {code} {why}"
    # Nor by naming what is of this book in their own.
    entry = (await made.owner.get(f"/books/{made.book_id}/entries"))["items"][0]["entry_id"]
    book = f"/books/{theirs['id']}"
    for path, body in (
        (f"/entries/{entry}/disputes", {"reason": "Mine"}),
        (f"/entries/{entry}/correction", {"minutes": 0, "reason": "Mine"}),
        (f"{book}/conversions", {"account_id": made.members["anna"].id, "entry_ids": [entry]}),
    ):
        code, why = await _status(stranger, "POST", path, body)
        assert code in {404, 422}, f"{path}: {code} {why}"
    for subject in ("policy", "admission", "conversion", "appeal"):
        motion = {"subject": subject, "subject_id": str(private_id()), "minutes": 5}
        assert (await _status(stranger, "POST", f"{book}/decisions", motion))[0] == 404


async def test_a_dispute_of_one_book_is_no_matter_of_another(world: World) -> None:
    house = await disputing.house_of(world, owners=4)
    dispute = await house.dispute(house.worker)
    stranger = await world.sign_up("stranger")
    other = await world.organisation(stranger, name="Other House")
    theirs = await stranger.post(
        f"/organisations/{other['id']}/ownership", {"currency": "EUR"}, key="own"
    )
    founders = {"account_ids": [stranger.id], "since": clock.today().isoformat()}
    await stranger.post(f"/books/{theirs['id']}/founders", founders, key="founders")
    home = f"/disputes/{dispute['id']}"
    for path, body in (
        (f"{home}/offers", {"minutes": 1}),
        (f"{home}/panel", {}),
        (f"{home}/withdrawal", {}),
        (f"{home}/judgements", {"minutes": 1, "reason": "Mine"}),
        (f"{home}/judges", {"handle": "stranger"}),
        (f"{home}/reappeal", {"reason": "Mine"}),
        (f"{home}/refusal", {}),
    ):
        assert (await _status(stranger, "POST", path, body))[0] == 404, path
    motion = {"subject": "appeal", "subject_id": dispute["id"], "minutes": 5}
    assert (await _status(stranger, "POST", f"/books/{theirs['id']}/decisions", motion))[0] == 404


async def test_the_same_again_under_another_key_does_nothing_more(world: World) -> None:
    made = await cooperative(world, "anna", "berta", "carles")
    await made.give(made.id_of("anna"), 600)
    drafted = await made.draw_up(await made.open(LAST, 1000, FIRST))
    with clock.moved(timedelta(days=31)):
        await made.sign_in_again()
        body = {"outcome_hash": drafted["outcome_hash"]}
        path = f"/periods/{drafted['id']}/signatures"
        codes = [await _status(made.members["anna"], "POST", path, body) for _ in range(3)]
        assert codes[1:] == [(409, "period_signed_already")] * 2
        assert (await made.owner.get(f"/periods/{drafted['id']}"))["state"] == "signed"
        again = {"to": "frozen", "version": drafted["version"]}
        transitions = f"/periods/{drafted['id']}/transitions"
        stale = [await _status(made.owner, "POST", transitions, again) for _ in range(2)]
        assert {code for code, _ in stale} <= {409, 412}


async def test_numbers_that_no_book_has_are_refused(world: World) -> None:
    house = await disputing.house_of(world, owners=3)
    dispute = await house.dispute(house.worker)
    book = f"/books/{dispute['book_id']}"
    await let_rules_hold(world.runtime, UUID(dispute["book_id"]))
    period = await house.owner.post(
        f"{book}/periods", {"starts_on": "2026-01-01", "ends_on": "2026-03-31"}, key="p"
    )
    for amount in HUGE:
        slip = {"worker": "worker", "worked_on": "2026-03-02", "stream": "care"}
        for method, path, body in (
            ("POST", f"/disputes/{dispute['id']}/offers", {"minutes": amount}),
            ("POST", f"/entries/{house.entry_id}/correction", {"minutes": amount, "reason": "It"}),
            ("POST", f"{book}/decisions", {"subject": "appeal", "subject_id": dispute["id"],
                                           "minutes": amount, "days": amount}),
            ("PATCH", f"/periods/{period['id']}", {"surplus": amount * 10**13}),
            ("POST", f"{book}/slips", {"slips": [{**slip, "minutes": amount}]}),
        ):  # fmt: skip
            code, _ = await _status(house.owner, method, path, body, **{"If-Match": '"1"'})
            assert code in {400, 403, 404, 409, 422}, f"{path} {body}: {code}"


@pytest.mark.parametrize(
    ("first", "last", "code"),
    [
        ("1900-01-01", "1900-12-31", "period_first_day"),
        ("9000-01-01", "9000-12-31", "period_first_day"),
        ("9999-01-01", "9999-12-31", "period_first_day"),
        ("2026-01-01", "2029-01-01", "period_days"),
    ],
)
async def test_nobody_opens_a_first_period_that_is_never_reached(
    world: World, first: str, last: str, code: str
) -> None:
    """Days stay, and periods follow without a gap: such a first one would end all closing."""
    made = await cooperative(world, "anna")
    body = {"starts_on": first, "ends_on": last}
    assert await _status(made.owner, "POST", f"/books/{made.book_id}/periods", body) == (422, code)


async def test_what_was_there_before_is_no_work_of_the_first_period(world: World) -> None:
    made = await cooperative(world, "anna", "berta")
    path = f"/books/{made.book_id}/opening"
    lines = [{"worker": "anna", "stream": "care", "minutes": 90_000}]
    body = {"on": "2026-02-10", "minutes": lines}
    opening = await made.owner.post(path, body, key="o")
    version = {"version": opening["version"]}
    await made.members["berta"].post(f"{path}/confirmation", version, key="c")
    periods = f"/books/{made.book_id}/periods"
    for first in (FIRST.isoformat(), "2026-02-10"):
        days = {"starts_on": first, "ends_on": LAST.isoformat()}
        assert (await _status(made.owner, "POST", periods, days))[1] == "period_first_day"
    days = {"starts_on": "2026-02-11", "ends_on": LAST.isoformat()}
    assert (await _status(made.owner, "POST", periods, days))[0] == 201


@pytest.mark.parametrize("state", ["limited", "blocked"])
async def test_who_was_switched_off_signs_and_votes_no_more(world: World, state: str) -> None:
    """With the session of before: neither a period, nor a dispute, nor anything they could see."""
    made = await cooperative(world, "anna", "berta")
    await made.give(made.id_of("anna"), 600)
    drafted = await made.draw_up(await made.open(LAST, 1000, FIRST))
    steward = await world.set_up()
    anna = made.members["anna"]
    body = {"to": state, "reason": "Their account was taken over"}
    await steward.post(f"/accounts/{anna.id}/transitions", body, expect=200)
    entry = (await made.owner.get(f"/books/{made.book_id}/entries"))["items"][0]["entry_id"]
    for path, said in (
        (f"/periods/{drafted['id']}/signatures", {"outcome_hash": drafted["outcome_hash"]}),
        (f"/periods/{drafted['id']}/objections", {"text": "No"}),
        (f"/entries/{entry}/disputes", {"reason": "No"}),
    ):
        assert (await _status(anna, "POST", path, said))[0] in {401, 403}, path

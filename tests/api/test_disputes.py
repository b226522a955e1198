"""Disputed entries: minutes wait in suspense until people outside the case have decided."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.domain.access import SYSTEM
from app.domain.claims.rules import draw_key
from app.domain.disputes import actions
from app.domain.disputes.rules import ANSWER, REAPPEAL, TALK
from app.infra import clock
from app.infra.database import transaction
from app.infra.ids import private_id
from app.workers.clocks import turn_clocks
from tests.factories.disputing import House, house_of
from tests.factories.world import PASSWORD, Json, Person, World

# More than a test takes on a slow machine.
MOMENT = timedelta(hours=1)


@pytest.fixture
async def coop(world: World) -> House:
    return await house_of(world)


async def before_panel(coop: House) -> Json:
    """Dispute the entry as the worker and have the panel drawn as the owner."""
    dispute = await coop.dispute(coop.worker)
    return await coop.owner.post(f"/disputes/{dispute['id']}/panel", expect=200)


async def judge(
    person: Person, dispute: Json, minutes: int, *, reason: str = "As logged", expect: int = 200
) -> Json:
    body = {"minutes": minutes, "reason": reason}
    return await person.post(f"/disputes/{dispute['id']}/judgements", body, expect=expect)


async def back(*people: Person) -> None:
    """Let people sign in again: who was away for long was signed out."""
    for person in people:
        body = {"handle": person.me["account"]["handle"], "password": PASSWORD}
        await person.post("/sessions", body)


async def turn(coop: House) -> None:
    """Let the clocks turn, twice: the second time there is nothing left to do."""
    await turn_clocks(coop.world.runtime)
    before = await coop.rows("SELECT count(*) FROM dispute_seats")
    await turn_clocks(coop.world.runtime)
    assert await coop.rows("SELECT count(*) FROM dispute_seats") == before


async def test_disputed_minutes_wait_in_suspense(coop: House) -> None:
    assert await coop.held() == (90, 0)
    seen = await coop.dispute(coop.owners[0])
    assert (seen["state"], seen["minutes"], seen["takes"], seen["most"]) == (
        "talking", 90, False, 90,
    )  # fmt: skip
    assert await coop.held() == (0, 90)
    assert (await coop.worker.get("/me/contributions"))["total_minutes"] == 0
    kinds = await coop.rows(
        "SELECT kind, worked_on::text, booked_on::text, dispute_id::text FROM entries ORDER BY id"
    )
    assert [tuple(row) for row in kinds] == [
        ("contribution", "2026-03-02", "2026-03-02", None),
        ("dispute", "2026-03-02", "2026-03-02", seen["id"]),
    ]
    assert seen["may"] == ["offer", "panel", "withdraw"]
    mine = (await coop.worker.get("/me/disputes"))["items"]
    assert [(one["id"], one["my_side"], one["may"]) for one in mine] == [
        (seen["id"], "worker", ["offer", "panel"])
    ]
    await coop.sound()


async def test_the_worker_and_worker_owners_dispute_and_nobody_else(coop: House) -> None:
    path = f"/organisations/{coop.organisation['id']}/members"
    plain = await coop.world.sign_up("plain")
    await coop.owner.post(path, {"handle": "plain", "role": "member", "worker_owner": False})
    stranger = await coop.world.sign_up("stranger")
    for person in (plain, stranger):
        await coop.dispute(person, expect=404)
    steward = await coop.world.set_up()
    await coop.dispute(steward, expect=404)
    refused = await coop.dispute(coop.owner, expect=403)
    assert refused["code"] == "dispute_forbidden", "an owner who is no worker-owner reads the book"
    await coop.dispute(coop.worker, str(private_id()), expect=404)
    bare = await coop.worker.ask("POST", f"/entries/{coop.entry_id}/disputes", json={"reason": "x"})
    assert bare.json()["code"] == "idempotency_key_required"
    answer = await coop.worker.post(
        f"/entries/{coop.entry_id}/disputes", {"reason": " "}, expect=422, key="none"
    )
    assert answer["code"] == "reason_required"
    assert await coop.held() == (90, 0)
    seen = await coop.dispute(coop.worker)
    for person in (plain, stranger, steward):
        assert (await person.ask("GET", f"/disputes/{seen['id']}")).status_code == 404
    assert (await coop.dispute(coop.owners[0], expect=409))["code"] == "dispute_open"
    listed = await coop.owners[1].get(f"/books/{seen['book_id']}/disputes")
    assert [one["id"] for one in listed["items"]] == [seen["id"]]
    assert (await coop.owners[1].get(f"/disputes/{seen['id']}"))["may"] == []
    for route in ("panel", "withdrawal"):
        await coop.owners[1].post(f"/disputes/{seen['id']}/{route}", expect=403)
    await coop.owners[1].post(f"/disputes/{seen['id']}/offers", {"minutes": 5}, expect=403)
    assert await coop.held() == (0, 90)


async def test_two_sides_agree_and_the_receipt_follows(coop: House) -> None:
    await coop.world.work()
    dispute = await coop.dispute(coop.owners[0])
    path = f"/disputes/{dispute['id']}/offers"
    over = await coop.worker.post(path, {"minutes": 91}, expect=422)
    assert over["errors"][0]["pointer"] == "/minutes"
    seen = await coop.worker.post(path, {"minutes": 60}, expect=200)
    assert seen["offer"] == {"minutes": 60, "by": "worker"}
    await coop.worker.post(path, {"minutes": 60}, expect=200)
    assert await coop.held() == (0, 90), "nobody agrees with themselves"
    await coop.owner.post(path, {"minutes": 60}, expect=403)
    seen = await coop.owners[0].post(path, {"minutes": 60}, expect=200)
    assert (seen["state"], seen["resolution"], seen["resolved_by"], seen["final"]) == (
        "closed", "changed", "agreement", True,
    )  # fmt: skip
    assert await coop.held() == (60, 0)
    (row,) = await coop.rows("SELECT recorded_by::text FROM entries WHERE kind = 'ruling'")
    assert row[0] == coop.owners[0].id, "the worker answers for no minutes of their own"
    claim = await coop.worker.get(f"/claims/{coop.claim['id']}")
    assert (claim["state"], claim["confirmation"]["minutes"]) == ("confirmed", 60)
    await coop.world.work()
    valid = [r for r in (await coop.worker.get("/me/receipts"))["items"] if r["state"] == "valid"]
    assert [one["minutes"] for one in valid] == [60]
    await coop.sound()


async def test_the_one_who_began_lets_it_be_and_somebody_else_may_dispute(
    coop: House,
) -> None:
    dispute = await coop.dispute(coop.owners[0])
    path = f"/disputes/{dispute['id']}/withdrawal"
    assert (await coop.worker.post(path, expect=403))["code"] == "dispute_opener_only"
    ended = await coop.owners[0].post(path, expect=200)
    assert (ended["resolution"], ended["resolved_by"]) == ("upheld", "withdrawal")
    assert await coop.held() == (90, 0)
    assert (await coop.owners[0].post(path, expect=409))["code"] == "dispute_state"
    assert (await coop.dispute(coop.owners[0], expect=409))["code"] == "dispute_had"
    again = await coop.dispute(coop.worker)
    await coop.worker.post(f"/disputes/{again['id']}/withdrawal", expect=200)
    rows = await coop.rows("SELECT recorded_by::text FROM entries WHERE kind = 'ruling'")
    assert coop.worker.id not in {row[0] for row in rows}
    await coop.sound()


async def test_three_outside_the_case_are_drawn_as_anybody_can_check(coop: House) -> None:
    double = await coop.world.sign_up("double", email="Worker@example.org")
    late = await coop.world.sign_up("late")
    path = f"/organisations/{coop.organisation['id']}/members"
    for handle in ("double", "late"):
        await coop.owner.post(path, {"handle": handle, "role": "member"})
    status = (
        "INSERT INTO book_statuses (status_id, book_id, account_id, status, since, recorded_at) "
        "SELECT gen_random_uuid(), id, :person, 'worker_owner', "
        "CAST(CAST(:at AS timestamptz) AS date) - 9, "
        "CAST(:at AS timestamptz) FROM books"
    )
    await coop.run(status, person=double.id, at=clock.now() - timedelta(days=1))
    await coop.run(status, person=late.id, at=clock.now() + timedelta(hours=1))
    dispute = await before_panel(coop)
    assert dispute["state"] == "panel"
    judges = await coop.judges(dispute)
    assert len(judges) == 3
    assert {one.id for one in judges} <= {one.id for one in coop.owners}
    pools = []
    for seat in dispute["seats"]:
        keys = [draw_key(dispute["seed"], seat["number"], UUID(one)) for one in seat["pool_head"]]
        assert keys == sorted(keys)
        assert (seat["minutes"], seat["reason"], seat["tier"]) == (None, "", "worker_owners")
        pools.append(seat["pool_size"])
    assert pools == [5, 4, 3], "nobody of the case, no second account, nobody who came after it"
    await coop.sound()


async def test_two_who_decide_alike_end_it_and_each_says_why(coop: House) -> None:
    dispute = await before_panel(coop)
    first, second, third = await coop.judges(dispute)
    assert (await judge(first, dispute, 90, reason="", expect=422))["code"] == "reason_required"
    await judge(first, dispute, 91, expect=422)
    for person in (coop.worker, coop.owner):
        refused = await judge(person, dispute, 90, expect=403)
        assert refused["code"] == "dispute_judges_only"
    seen = await judge(first, dispute, 45, reason="Half of it was another task")
    assert (seen["state"], seen["my_seat"]) == ("panel", "decided")
    theirs = await second.get(f"/disputes/{dispute['id']}")
    assert [one["reason"] for one in theirs["seats"]] == ["", "", ""], "each decides alone"
    assert await coop.held() == (0, 90)
    seen = await judge(second, dispute, 45, reason="The logs say so")
    assert (seen["state"], seen["resolution"], seen["resolved_by"], seen["final_minutes"]) == (
        "closed", "changed", "panel", 45,
    )  # fmt: skip
    assert await coop.held() == (45, 0)
    assert (await judge(third, dispute, 45, expect=409))["code"] == "dispute_state"
    told = await coop.worker.get(f"/disputes/{dispute['id']}")
    said = {one["reason"] for one in told["seats"] if one["state"] == "decided"}
    assert said == {"Half of it was another task", "The logs say so"}
    claim = await coop.worker.get(f"/claims/{coop.claim['id']}")
    assert claim["confirmation"]["minutes"] == 90, "as long as it can be appealed"
    with clock.moved(REAPPEAL + MOMENT):
        await turn(coop)
        await back(coop.worker, coop.owners[0])
        assert (await coop.worker.get(f"/disputes/{dispute['id']}"))["final"]
        claim = await coop.worker.get(f"/claims/{coop.claim['id']}")
        assert claim["confirmation"]["minutes"] == 45
        refused = await coop.dispute(coop.owners[0], expect=409)
        assert refused["code"] == "dispute_decided"
        await coop.sound()


async def test_where_three_differ_the_middle_holds(coop: House) -> None:
    dispute = await before_panel(coop)
    first, second, third = await coop.judges(dispute)
    await judge(first, dispute, 0, reason="Nothing was done")
    await judge(second, dispute, 90)
    await judge(second, dispute, 80, reason="On second thoughts")
    assert await coop.held() == (0, 90)
    seen = await judge(third, dispute, 30)
    assert (seen["final_minutes"], await coop.held()) == (30, (30, 0))
    await coop.sound()


async def test_taken_back_the_claim_ends_and_its_place_is_free(coop: House) -> None:
    dispute = await before_panel(coop)
    first, second, _ = await coop.judges(dispute)
    await judge(first, dispute, 0, reason="Nobody was there")
    seen = await judge(second, dispute, 0, reason="Nobody was there")
    assert (seen["resolution"], await coop.held()) == ("taken_back", (0, 0))
    with clock.moved(REAPPEAL + MOMENT):
        await turn(coop)
        await coop.world.work()
    claim = await coop.worker.get(f"/claims/{coop.claim['id']}")
    assert (claim["state"], claim["confirmation"]) == ("rejected", None)
    assert (await coop.owner.get(f"/needs/{claim['need']['id']}"))["taken"] == 0
    states = [one["state"] for one in (await coop.worker.get("/me/receipts"))["items"]]
    assert "valid" not in states
    await coop.sound()


async def test_who_is_silent_or_declines_is_replaced(coop: House) -> None:
    dispute = await coop.dispute(coop.worker)
    with clock.moved(TALK - MOMENT):
        await turn(coop)
        await back(coop.worker)
        assert (await coop.worker.get(f"/disputes/{dispute['id']}"))["state"] == "talking"
    with clock.moved(TALK + MOMENT):
        await turn(coop)  # the two sides did not agree in time
        first, second, third = await coop.judges(dispute)
        await back(first, second)
        answer = await first.ask("POST", f"/disputes/{dispute['id']}/refusal")
        assert answer.status_code == 204
        assert (await judge(first, dispute, 90, expect=403))["code"] == "dispute_judges_only"
        fourth = (await coop.judges(dispute))[-1]
        assert fourth not in {first, second, third}
        await judge(second, dispute, 10)
    with clock.moved(TALK + ANSWER + 2 * MOMENT):
        await turn(coop)
        missed = await coop.judges(dispute, "missed")
        assert missed == [third, fourth], "who decided keeps their seat"
        (fifth,) = await coop.judges(dispute)
        await back(coop.worker, third, fifth)
        await judge(third, dispute, 10, expect=403)
        shown = await coop.worker.get(f"/disputes/{dispute['id']}")
        assert shown["seats_wanted"] == 1, "nobody is left outside the case"
        await judge(fifth, dispute, 10)
    assert await coop.held() == (10, 0)
    await coop.sound()


async def test_both_sides_name_who_may_judge_where_too_few_are_outside(world: World) -> None:
    coop = await house_of(world, owners=1)
    steward = await world.set_up()
    other = await world.sign_up("elsewhere")
    double = await world.sign_up("double", email="worker@example.org")
    dispute = await before_panel(coop)
    assert await coop.judges(dispute) == coop.owners, "stewards are never drawn"
    path = f"/disputes/{dispute['id']}/judges"
    for handle, code in (
        ("nobody", "dispute_handle_unknown"),
        ("worker", "dispute_handle_in_case"),
        ("owner", "dispute_handle_in_case"),
        (double.me["account"]["handle"], "dispute_handle_in_case"),
        ("mate0", "dispute_handle_in_case"),
    ):
        refused = await coop.worker.post(path, {"handle": handle}, expect=422)
        assert (refused["code"], refused["errors"][0]["pointer"]) == (code, "/handle")
    await coop.owners[0].post(path, {"handle": "steward"}, expect=403)
    for handle in ("steward", "elsewhere"):
        for _ in range(2):
            seen = await coop.worker.post(path, {"handle": handle}, expect=200)
            assert seen["named_by"] == "worker", "nobody agrees with themselves"
        seen = await coop.owner.post(path, {"handle": handle}, expect=200)
        assert seen["named"] is None
    dispute = await coop.owner.get(f"/disputes/{dispute['id']}")
    assert [one["tier"] for one in dispute["seats"]] == ["worker_owners", "named", "named"]
    refused = await coop.worker.post(path, {"handle": "double"}, expect=409)
    assert refused["code"] == "dispute_panel_full"
    await judge(steward, dispute, 90)
    assert (await judge(other, dispute, 90))["resolution"] == "upheld"
    await coop.sound()


async def test_one_re_appeal_goes_to_the_assembly(coop: House) -> None:
    dispute = await before_panel(coop)
    path = f"/disputes/{dispute['id']}/reappeal"
    early = await coop.worker.post(path, {"reason": "I was there"}, expect=409)
    assert early["code"] == "dispute_state"
    for person in (await coop.judges(dispute))[:2]:
        await judge(person, dispute, 20)
    with clock.moved(REAPPEAL + MOMENT):
        await back(coop.worker)
        late = await coop.worker.post(path, {"reason": "I was there"}, expect=409)
        assert late["code"] == "dispute_reappeal_late"
    assert await coop.held() == (20, 0)
    await coop.owners[0].post(path, {"reason": "I was there"}, expect=403)
    assert (await coop.worker.post(path, expect=422, body={"reason": ""}))["code"]
    seen = await coop.worker.post(path, {"reason": "I was there"}, expect=200)
    assert (seen["state"], await coop.held()) == ("assembly", (0, 90))
    await coop.sound()
    await coop.owner.post(path, {"reason": "Me too"}, expect=409)
    decision = await coop.decision(dispute)
    async with transaction(coop.world.runtime.sessions) as session:
        ruled = await actions.rule_of_assembly(
            session, SYSTEM, UUID(dispute["id"]), 80, decision, UUID(coop.owners[0].id)
        )
        assert ruled.final_at is not None
    assert await coop.held() == (80, 0)
    seen = await coop.worker.get(f"/disputes/{dispute['id']}")
    assert (seen["resolved_by"], seen["decision_id"], seen["may"]) == (
        "assembly", str(decision), [],
    )  # fmt: skip
    claim = await coop.worker.get(f"/claims/{coop.claim['id']}")
    assert claim["confirmation"]["minutes"] == 80
    kinds = await coop.rows("SELECT kind FROM entries ORDER BY id")
    assert [row[0] for row in kinds] == [
        "contribution", "dispute", "ruling", "dispute", "ruling",
    ]  # fmt: skip
    await coop.sound()


@pytest.mark.parametrize("ruled", [0, 20, 90])
async def test_where_the_assembly_says_no_the_panels_word_stands(coop: House, ruled: int) -> None:
    dispute = await before_panel(coop)
    for person in (await coop.judges(dispute))[:2]:
        await judge(person, dispute, ruled)
    await coop.owner.post(f"/disputes/{dispute['id']}/reappeal", {"reason": "No"}, expect=200)
    assert await coop.held() == (0, 90)
    decision = await coop.decision(dispute)
    async with transaction(coop.world.runtime.sessions) as session:
        await actions.rule_of_assembly(
            session, SYSTEM, UUID(dispute["id"]), None, decision, UUID(coop.owners[0].id)
        )
    assert await coop.held() == (ruled, 0)
    await coop.sound()


async def test_what_worker_owners_keep_is_disputed_in_their_book_alone(coop: House) -> None:
    path = f"/claims/{coop.claim['id']}"
    refused = await coop.worker.move(path, "disputed", "Too few", expect=409)
    assert refused["code"] == "disputed_in_book"
    await coop.run("UPDATE books SET ownership_since = NULL")
    refused = await coop.dispute(coop.worker, expect=409)
    assert refused["code"] == "dispute_no_ownership"
    await coop.worker.move(path, "disputed", "Too few")
    await coop.run("UPDATE books SET ownership_since = :now", now=clock.now())
    refused = await coop.dispute(coop.worker, expect=409)
    assert refused["code"] == "dispute_claim_open", "what began at the claim ends there"
    assert await coop.held() == (90, 0)


async def test_of_many_who_dispute_at_once_one_does(coop: House) -> None:
    people = [coop.worker, *coop.owners]
    answers = await asyncio.gather(
        *(
            person.ask(
                "POST",
                f"/entries/{coop.entry_id}/disputes",
                json={"reason": "x"},
                headers={"Idempotency-Key": str(number)},
            )
            for number, person in enumerate(people)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 5]
    assert await coop.held() == (0, 90)
    await coop.sound()


async def correct(coop: House, *, expect: int) -> Json:
    """Correct the entry as a worker-owner."""
    path = f"/entries/{coop.entry_id}/correction"
    body = {"minutes": 30, "reason": "It was half an hour"}
    return await coop.owners[1].post(path, body, expect=expect, key=str(private_id()))


async def test_what_is_in_dispute_or_was_changed_by_one_is_not_corrected(coop: House) -> None:
    dispute = await coop.dispute(coop.worker)
    assert (await correct(coop, expect=409))["code"] == "entry_disputed"
    await coop.worker.post(f"/disputes/{dispute['id']}/withdrawal", expect=200)
    second = await coop.dispute(coop.owners[0])
    for person in (coop.worker, coop.owners[0]):
        await person.post(f"/disputes/{second['id']}/offers", {"minutes": 60}, expect=200)
    assert (await correct(coop, expect=409))["code"] == "entry_disputed"
    assert await coop.held() == (60, 0)
    await coop.sound()


async def test_what_a_dispute_left_as_it_was_is_corrected_like_any_other(coop: House) -> None:
    dispute = await coop.dispute(coop.worker)
    await coop.worker.post(f"/disputes/{dispute['id']}/withdrawal", expect=200)
    await correct(coop, expect=201)
    assert await coop.held() == (30, 0)
    refused = await coop.dispute(coop.owners[0], expect=409)
    assert refused["code"] == "dispute_corrected"
    await coop.sound()


async def test_the_database_lets_nothing_correct_what_is_in_dispute(coop: House) -> None:
    correct = (
        "INSERT INTO entries (entry_id, book_id, kind, worked_on, booked_on, corrects, "
        "recorded_by, recorded_at, posting_count) SELECT gen_random_uuid(), book_id, "
        "'correction', worked_on, booked_on, entry_id, recorded_by, now(), 2 "
        "FROM entries WHERE kind = 'contribution'"
    )
    dispute = await coop.dispute(coop.worker)
    with pytest.raises(DBAPIError, match="is in dispute"):
        await coop.run(correct)
    await coop.worker.post(f"/disputes/{dispute['id']}/withdrawal", expect=200)
    async with coop.world.runtime.engine.connect() as connection:
        await connection.execute(text(correct))  # rolled back: it has no postings

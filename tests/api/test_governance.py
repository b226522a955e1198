"""Admission, decisions and leaving, by the people who do them."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app.domain.administration.invariants import count_violations
from app.domain.policies.document import Policy
from app.infra import clock
from app.infra.database import transaction
from tests.factories.governing import Cooperative, back, cooperative, give_capital, noon
from tests.factories.world import Json, Person, World

TODAY = date(2026, 3, 15)
YEAR_AGO = "2025-03-15"


async def _rows(world: World, statement: str) -> list[Any]:
    async with transaction(world.runtime.sessions) as session:
        return [tuple(row) for row in await session.execute(text(statement))]


async def _sound(world: World) -> bool:
    async with transaction(world.runtime.sessions) as session:
        return set((await count_violations(session)).values()) == {0}


async def _make_eligible(coop: Cooperative, person: Person) -> None:
    """Give somebody what the usual policy asks for."""
    await coop.begin_probation(person, YEAR_AGO)
    await coop.slips(person, 305 * 60, TODAY - timedelta(days=200))
    await coop.slips(person, 300 * 60, TODAY)


async def _asked(coop: Cooperative, person: Person) -> str:
    """Let somebody ask to be taken in, and return the id of what they asked."""
    await _make_eligible(coop, person)
    await person.post(f"{coop.path}/admissions", {"words": "A year with you"}, key="ask")
    asks = (await coop.owner.get(f"{coop.path}/admissions"))["items"]
    return str(next(ask["id"] for ask in asks if ask["account_id"] == person.id))


async def _status(coop: Cooperative, person: Person) -> Json:
    people = (await coop.owner.get(f"{coop.path}/people"))["items"]
    found: Json = next(one for one in people if one["account_id"] == person.id)
    return found


async def test_standing_opens_the_right_to_ask_and_a_decision_admits(world: World) -> None:
    with clock.frozen(noon(TODAY)):
        coop = await cooperative(world, members=("z",))
        z, a, b, c = (coop.people[name] for name in "zabc")
        early = await z.post(f"{coop.path}/admissions", key="early", expect=409)
        assert early["code"] == "standing_missing"
        ask = await _asked(coop, z)
        before = await z.get(f"{coop.path}/standing", on=(TODAY - timedelta(days=1)).isoformat())
        assert not before["eligible"]
        assert [one["met"] for one in before["criteria"]] == [False, False, False]
        decision = await coop.motion(a, "admission", ask, words="They are good to work with")
        assert decision["count"] == {"roll": 3, "yes": 0, "no": 0, "abstain": 0}
        again = {"subject": "admission", "subject_id": ask}
        refused = await b.post(f"{coop.path}/decisions", again, key="again", expect=409)
        assert refused["code"] == "decision_pending"
        assert (await coop.vote(z, decision, "yes", expect=403))["code"] == "elector_required"
        # The one whom it is about sees that there is a vote, and neither names nor counts.
        assert (await z.get(f"/decisions/{decision['id']}"))["electors"] == []
        assert (await coop.vote(a, decision, "yes"))["open"]
        assert (await coop.vote(a, decision, "no", expect=409))["code"] == "vote_cast"
        # Two of three said yes: the third cannot change that any more.
        done = await coop.vote(b, decision, "yes")
        assert (done["outcome"]["passed"], done["outcome"]["refused"]) == (True, None)
        assert (await coop.vote(c, decision, "no", expect=409))["code"] == "decision_closed"
        held = await _status(coop, z)
        assert held["status"] == "worker_owner"
        assert held["history"][-1]["decision_id"] == decision["id"]
        assert (await z.get("/me"))["memberships"][0]["worker_owner"] is True
        assert (await z.get(f"{coop.path}/decisions"))["items"][0]["id"] == decision["id"]


async def test_a_no_admits_nobody_and_one_may_ask_again(world: World) -> None:
    with clock.frozen(noon(TODAY)):
        coop = await cooperative(world, members=("z",))
        z, a, b = (coop.people[name] for name in "zab")
        decision = await coop.motion(a, "admission", await _asked(coop, z))
        await coop.vote(a, decision, "no")
        done = await coop.vote(b, decision, "no")
        assert done["outcome"]["passed"] is False
        assert (await _status(coop, z))["status"] == "probationary"
        await z.post(f"{coop.path}/admissions", key="again")


async def test_the_roll_is_frozen_and_the_end_of_the_vote_decides(world: World) -> None:
    with clock.frozen(noon(TODAY)):
        coop = await cooperative(world, owners=("a", "b", "c", "d"), members=("y", "z"))
        a, b, c, y, z = (coop.people[name] for name in "abcyz")
        waiting = await coop.motion(a, "admission", await _asked(coop, y), days=1)
        taken_in = await coop.motion(a, "admission", await _asked(coop, z), days=7)
        for person in (a, b, c):
            await coop.vote(person, taken_in, "yes")
        assert (await _status(coop, z))["status"] == "worker_owner"
        late = await coop.vote(z, waiting, "yes", expect=403)
        assert late["code"] == "elector_required"
        await coop.vote(a, waiting, "yes")
        open_still = await coop.vote(b, waiting, "no")
        assert (open_still["open"], open_still["count"]["roll"]) == (True, 4)
    with clock.frozen(noon(TODAY + timedelta(days=1))):
        assert (await coop.vote(c, waiting, "yes", expect=409))["code"] == "decision_closed"
        await world.work()
        closed = await a.get(f"/decisions/{waiting['id']}")
        # Half voted, which is the quorum; one of two is no two thirds.
        assert closed["outcome"]["passed"] is False
        assert [one["kind"] for one in (await y.get("/me/notifications"))["items"]].count(
            "decision_failed"
        ) == 1
    assert await _rows(world, "SELECT count(*) FROM decision_outcomes") == [(2,)]


async def test_a_vote_about_what_is_over_is_closed_and_nobody_is_asked(world: World) -> None:
    with clock.frozen(noon(TODAY)):
        coop = await cooperative(world, members=("y", "z"))
        a, b, y, z = (coop.people[name] for name in "abyz")
        taken_back = await coop.motion(a, "admission", await _asked(coop, y))
        gone = await coop.motion(a, "admission", await _asked(coop, z))
        (gift,) = await coop.slips(y, 120, TODAY - timedelta(days=40), stream="gift")
        body = {"account_id": y.id, "entry_ids": [gift]}
        asked = await y.post(f"{coop.path}/conversions", body, key="gift")
        await a.post(f"/conversions/{asked['id']}/signatures", key="sign", expect=200)
        gifts = await coop.motion(a, "conversion", asked["id"])
        await coop.vote(b, taken_back, "yes")
        assert (await y.ask("DELETE", f"{coop.path}/admissions")).status_code == 204
        assert (await y.ask("DELETE", f"/conversions/{asked['id']}")).status_code == 204
        await z.post(f"{coop.path}/exits", key="z")
        reasons = {
            taken_back["id"]: "overtaken_withdrawn",
            gifts["id"]: "overtaken_withdrawn",
            gone["id"]: "overtaken_left",
        }
        for decision in (taken_back, gone, gifts):
            refused = await coop.vote(a, decision, "yes", expect=409)
            assert refused["code"] == reasons[decision["id"]]
        await world.work()
        for one, reason in reasons.items():
            seen = await a.get(f"/decisions/{one}")
            assert (seen["open"], seen["outcome"]["refused"]) == (False, reason)
            assert seen["outcome"]["passed"] is False
        told = [one["kind"] for one in (await b.get("/me/notifications"))["items"]]
        assert (told.count("decision_overtaken"), told.count("decision_failed")) == (3, 0)
        waits = {one["code"] for one in (await b.get(f"{coop.path}/tasks"))["items"]}
        assert not waits & {"vote", "admission", "conversion"}
        # What was taken back may be asked again, and is decided anew.
        await y.post(f"{coop.path}/admissions", key="anew")
    assert await _sound(world)


async def test_rules_whose_day_has_come_are_voted_on_no_longer(world: World) -> None:
    with clock.frozen(noon(TODAY)):
        coop = await cooperative(world)
        a, b, c = (coop.people[name] for name in "abc")
        drafts, motions = [], []
        for day in ("2026-03-20", "2026-03-25"):
            body = {"title": "R", "reason": "", "valid_from": day, "document": Policy().document()}
            drafts.append(await a.post(f"{coop.path}/policy-drafts", body, key=day))
            motions.append(await coop.motion(a, "policy", drafts[-1]["id"], days=30))
        for person in (a, b):
            await coop.vote(person, motions[0], "yes")
    with clock.frozen(noon(date(2026, 3, 25))):
        await back(c)
        await back(a)
        refused = await coop.vote(c, motions[1], "yes", expect=409)
        assert refused["code"] == "overtaken_rules"
        await world.work()
        seen = await c.get(f"/decisions/{motions[1]['id']}")
        assert seen["outcome"]["refused"] == "overtaken_rules"
        # The draft is its author's again.
        assert (await a.get(f"/policy-drafts/{drafts[1]['id']}"))["state"] == "open"


async def test_only_those_concerned_see_a_decision(world: World) -> None:
    with clock.frozen(noon(TODAY)):
        coop = await cooperative(world, members=("m", "z"))
        a, m, z = (coop.people[name] for name in "amz")
        decision = await coop.motion(a, "admission", await _asked(coop, z))
        outsider = await world.sign_up("outsider")
        for person in (outsider, m):
            answer = await person.ask("GET", f"/decisions/{decision['id']}")
            assert (answer.status_code, answer.json()["code"]) == (404, "decision_not_found")
        assert (await outsider.ask("GET", f"{coop.path}/people")).status_code == 404
        assert (await m.ask("GET", f"{coop.path}/decisions")).status_code == 403
        assert (await m.ask("GET", f"{coop.path}/standing?account_id={z.id}")).status_code == 403
        assert (await m.get(f"{coop.path}/standing"))["status"] is None
        for person, code in ((m, "worker_owner_required"), (z, "worker_owner_required")):
            body = {"subject": "admission", "subject_id": decision["subject_id"]}
            refused = await person.post(f"{coop.path}/decisions", body, key="m", expect=403)
            assert refused["code"] == code


async def test_what_somebody_is_begins_after_what_holds(world: World) -> None:
    with clock.frozen(noon(TODAY)):
        coop = await cooperative(world, members=("m", "z"))
        a, b, m, z = (coop.people[name] for name in "abmz")
        path, handle = f"{coop.path}/probations", z.me["account"]["handle"]
        tomorrow = (TODAY + timedelta(days=1)).isoformat()
        body = {"handle": handle, "since": tomorrow}
        assert (await a.post(path, body, key="1", expect=422))["code"] == "status_future"
        body = {"handle": "nobody", "since": TODAY.isoformat()}
        assert (await a.post(path, body, key="2", expect=422))["code"] == "status_not_member"
        # Months are not made up: a month ago at the earliest, and never before the book.
        for number, (now, since) in enumerate(
            ((TODAY, TODAY - timedelta(days=32)), (date(2024, 1, 10), date(2023, 12, 31)))
        ):
            with clock.frozen(noon(now)):
                body = {"handle": handle, "since": since.isoformat()}
                early = await a.post(path, body, key=f"early-{number}", expect=422)
                assert early["code"] == "status_too_early"
        body = {"handle": handle, "since": (TODAY - timedelta(days=31)).isoformat()}
        assert (await m.post(path, body, key="3", expect=403))["code"] == "lead_required"
        await b.post(path, body, key="4")
        assert (await a.post(path, body, key="5", expect=409))["code"] == "status_same"
        founders = {"account_ids": [z.id], "since": YEAR_AGO}
        late = await a.post(f"{coop.path}/founders", founders, key="6", expect=409)
        assert late["code"] == "founders_named"
        members = f"/organisations/{coop.organisation['id']}/members"
        flag = await a.ask("PATCH", f"{members}/{z.id}", json={"worker_owner": True})
        assert (flag.status_code, flag.json()["code"]) == (409, "worker_owner_decided")
        gone = await a.ask("DELETE", f"{members}/{z.id}")
        assert (gone.status_code, gone.json()["code"]) == (409, "exit_first")
        assert (await a.ask("DELETE", f"{members}/{m.id}")).status_code == 204
        kinds = "SELECT count(*) FROM book_statuses"
        assert await _rows(world, kinds) == [(4,)]


async def test_trainings_are_written_down_by_somebody_else(world: World) -> None:
    with clock.frozen(noon(TODAY)):
        coop = await cooperative(world, members=("z",))
        a, z = coop.people["a"], coop.people["z"]
        await coop.begin_probation(z, YEAR_AGO)
        path = f"{coop.path}/people/{z.id}/trainings"
        body = {"name": "Safety", "done_on": YEAR_AGO}
        assert (await z.post(path, body, key="z", expect=403))["code"] == "lead_required"
        own = await a.post(f"{coop.path}/people/{a.id}/trainings", body, key="a", expect=403)
        assert own["code"] == "training_own"
        done = await a.post(path, body, key="b")
        standing = await z.get(f"{coop.path}/standing")
        assert [one["name"] for one in standing["trainings"]] == ["Safety"]
        back = await a.ask("DELETE", f"{path}/{done['training_id']}")
        assert back.status_code == 204
        assert (await z.get(f"{coop.path}/standing"))["trainings"] == []
        assert (await a.ask("DELETE", f"{path}/{done['training_id']}")).status_code == 404
        assert await _rows(world, "SELECT count(*) FROM trainings") == [(2,)]


async def test_gifts_become_standing_by_two_signatures_and_a_decision(world: World) -> None:
    with clock.frozen(noon(TODAY)):
        coop = await cooperative(world, members=("z",))
        a, b, z = (coop.people[name] for name in "abz")
        await coop.begin_probation(z, YEAR_AGO)
        gifts = await coop.slips(z, 30 * 60, TODAY - timedelta(days=10), stream="gift")
        assert (await z.get(f"{coop.path}/standing"))["minutes"] == 0
        before = await _rows(world, "SELECT * FROM entries ORDER BY id")
        free = (await z.get(f"{coop.path}/gifts"))["items"]
        assert sorted(one["entry_id"] for one in free) == sorted(gifts)
        body = {"account_id": z.id, "entry_ids": gifts}
        asked = await z.post(f"{coop.path}/conversions", body, key="z")
        assert (asked["signed"], asked["minutes"]) == (["worker"], 1800)
        twice = await b.post(f"{coop.path}/conversions", body, key="b", expect=422)
        assert twice["code"] == "conversion_empty"
        motion = {"subject": "conversion", "subject_id": asked["id"]}
        early = await a.post(f"{coop.path}/decisions", motion, key="early", expect=409)
        assert early["code"] == "conversion_unsigned"
        again = await z.post(f"/conversions/{asked['id']}/signatures", key="zz", expect=409)
        assert again["code"] == "conversion_signed"
        signed = await a.post(f"/conversions/{asked['id']}/signatures", key="aa", expect=200)
        assert sorted(signed["signed"]) == ["book", "worker"]
        decision = await coop.motion(a, "conversion", asked["id"])
        await coop.vote(a, decision, "yes")
        done = await coop.vote(b, decision, "yes")
        assert (done["outcome"]["passed"], done["outcome"]["refused"]) == (True, None)
        standing = await z.get(f"{coop.path}/standing")
        assert (standing["minutes"], standing["recent_minutes"]) == (1800, 1800)
        assert (await z.get(f"{coop.path}/gifts"))["items"] == []
        after = await _rows(world, "SELECT * FROM entries ORDER BY id")
        assert after[: len(before)] == before
        links = await _rows(world, "SELECT linked_entry_id FROM entry_links")
        assert sorted(str(one) for (one,) in links) == sorted(gifts)
    assert await _sound(world)


async def test_nobody_leaves_twice_or_as_the_last(world: World) -> None:
    with clock.frozen(noon(TODAY)):
        coop = await cooperative(world, owners=("a", "b"))
        a, b = coop.people["a"], coop.people["b"]
        left = await b.post(f"{coop.path}/exits", key="b")
        # Nothing is on the account: there are no instalments of nothing.
        assert (left["capital"], left["next_amount"], left["payouts"]) == (0, 0, [])
        assert (await b.post(f"{coop.path}/exits", key="bb", expect=404))["code"] == "not_in_book"
        last = await a.post(f"{coop.path}/exits", key="a", expect=409)
        assert last["code"] == "exit_last_owner"
        assert await _rows(world, "SELECT count(*) FROM exits WHERE closed_at IS NULL") == [(1,)]
        again = {"handle": "bbb", "since": TODAY.isoformat()}
        waits = await a.post(f"{coop.path}/probations", again, key="again", expect=409)
        assert waits["code"] == "exit_open"
        nothing = {"paid_on": TODAY.isoformat()}
        path = f"/exits/{left['id']}"
        refused = await a.post(f"{path}/payouts", nothing, key="nothing", expect=409)
        assert refused["code"] == "payout_done"
        tasks = (await a.get(f"{coop.path}/tasks"))["items"]
        assert not [one for one in tasks if one["code"].startswith("exit")]
        # Nothing is left and nothing can come: the clock closes it, and they may begin again.
        await world.work()
        assert (await b.get(path))["closed_at"] is not None
        await a.post(f"{coop.path}/probations", again, key="anew")


async def test_an_exit_waits_for_what_a_period_may_still_add(world: World) -> None:
    with clock.frozen(noon(TODAY)):
        coop = await cooperative(world)
        a, c = coop.people["a"], coop.people["c"]
        await coop.slips(c, 120, TODAY)
        left = await c.post(f"{coop.path}/exits", key="c")
        assert (left["payouts"], left["more_may_come"]) == ([], True)
        early = await a.post(f"/exits/{left['id']}/closing", key="close", expect=409)
        assert early["code"] == "exit_unpaid"
        await world.work()
        assert (await c.get(f"/exits/{left['id']}"))["closed_at"] is None


async def test_of_a_few_cents_every_instalment_is_one_until_all_is_paid(world: World) -> None:
    with clock.frozen(noon(TODAY)):
        coop = await cooperative(world)
        b, c = coop.people["b"], coop.people["c"]
        await give_capital(coop, "ccc", 2)
        left = await c.post(f"{coop.path}/exits", key="c")
        assert (left["next_amount"], len(left["payouts"])) == (1, 12)
        path = f"/exits/{left['id']}"
        schedule = {"instalments": 12, "interval_months": 1, "first_due_on": TODAY.isoformat()}
        await b.post(f"{path}/schedule", schedule, key="plan", expect=200)
        await b.post(f"{path}/payouts", {"paid_on": TODAY.isoformat()}, key="1", expect=200)
    with clock.frozen(noon(date(2026, 4, 15))):
        await back(b)
        done = await b.post(f"{path}/payouts", {"paid_on": "2026-04-15"}, key="2", expect=200)
        assert [one["amount"] for one in done["payouts"]] == [1, 1]
        assert (done["capital"], done["closed_at"] is not None) == (0, True)


async def test_who_leaves_hands_back_and_is_paid_all_that_is_theirs(world: World) -> None:
    with clock.frozen(noon(TODAY)):
        coop = await cooperative(world)
        a, b, c = (coop.people[name] for name in "abc")
        await give_capital(coop, "ccc", 10_001)
        need = await world.open_need(a, coop.organisation, places=2)
        claim = await c.post(f"/needs/{need['id']}/claims", {"note": "I can do this"})
        exit_ = await c.post(f"{coop.path}/exits", key="c")
        assert (await c.get(f"/claims/{claim['id']}"))["state"] == "withdrawn"
        gone = await _status(coop, c)
        assert (gone["status"], gone["handle"]) == ("left", "")
        assert gone["display_name"] == f"W-{c.id[:8]}"
        path = f"/exits/{exit_['id']}"
        schedule = {"instalments": 3, "interval_months": 1, "first_due_on": TODAY.isoformat()}
        own = await c.post(f"{path}/schedule", schedule, key="own", expect=403)
        assert own["code"] == "exit_side"
        await b.post(f"{path}/schedule", schedule, key="plan", expect=200)
        today = {"paid_on": TODAY.isoformat()}
        paid = await b.post(f"{path}/payouts", today, key="1", expect=200)
        assert (paid["payouts"][0]["amount"], paid["capital"]) == (3333, 6668)
        early = await b.post(f"{path}/payouts", today, key="2", expect=409)
        assert early["code"] == "payout_not_due"
        fixed = await b.post(f"{path}/schedule", schedule, key="late", expect=409)
        assert fixed["code"] == "exit_paying"
        unpaid = await a.post(f"{path}/closing", key="close", expect=409)
        assert unpaid["code"] == "exit_unpaid"
    with clock.frozen(noon(date(2026, 6, 15))):
        await back(a)
        await back(c)
        day = {"paid_on": "2026-06-15"}
        await a.post(f"{path}/payouts", day, key="3", expect=200)
        last = await a.post(f"{path}/payouts", day, key="4", expect=200)
        assert [one["amount"] for one in last["payouts"]] == [3333, 3334, 3334]
        assert (last["capital"], last["closed_at"] is not None) == (0, True)
        over = await a.post(f"{path}/payouts", day, key="5", expect=409)
        assert over["code"] == "payout_done"
        assert (await c.get(path))["capital"] == 0
        kinds = await _rows(world, "SELECT kind, count(*) FROM entries GROUP BY kind ORDER BY 1")
        assert dict(kinds)["payout"] == 3
    assert await _sound(world)


@pytest.mark.parametrize("choice", ["perhaps", ""])
async def test_a_vote_is_yes_no_or_an_abstention(world: World, choice: str) -> None:
    with clock.frozen(noon(TODAY)):
        coop = await cooperative(world, members=("z",))
        a, z = coop.people["a"], coop.people["z"]
        decision = await coop.motion(a, "admission", await _asked(coop, z))
        assert (await coop.vote(a, decision, choice, expect=422))["code"] == "validation_failed"
        assert (await coop.vote(a, decision, "abstain"))["my_vote"] == "abstain"


async def test_rules_hold_once_the_worker_owners_said_yes(world: World) -> None:
    with clock.frozen(noon(TODAY)):
        coop = await cooperative(world)
        a, b = coop.people["a"], coop.people["b"]
        body = {
            "title": "A minimum",
            "valid_from": "2026-07-01",
            "document": {"minimum_minutes": 960},
        }
        draft = await a.post(f"{coop.path}/policy-drafts", body, key="draft")
        decision = await coop.motion(b, "policy", draft["id"])
        assert (await a.get(f"{coop.path}/policies"))["items"] == []
        await coop.vote(a, decision, "yes")
        done = await coop.vote(b, decision, "yes")
        assert (done["outcome"]["passed"], done["outcome"]["refused"]) == (True, None)
        (adopted,) = (await a.get(f"{coop.path}/policies"))["items"]
        assert adopted["document"]["minimum_minutes"] == 960

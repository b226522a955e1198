"""A dispute goes all its way: a panel rules, one side asks again, and all decide by votes."""

from collections.abc import Sequence
from datetime import timedelta
from secrets import token_hex
from typing import Any

import pytest

from app.infra import clock
from tests.factories.disputing import House, house_of
from tests.factories.world import PASSWORD, Json, Person, World

DAYS = 7


@pytest.fixture
async def coop(world: World) -> House:
    return await house_of(world)


async def ruled(coop: House, minutes: int = 20) -> Json:
    """Dispute the entry as the worker, and have two of three judges decide alike."""
    dispute = await coop.dispute(coop.worker)
    path = f"/disputes/{dispute['id']}"
    await coop.owner.post(f"{path}/panel", expect=200)
    for person in (await coop.judges(dispute))[:2]:
        body = {"minutes": minutes, "reason": "As logged"}
        await person.post(f"{path}/judgements", body, expect=200)
    assert await coop.held() == (minutes, 0)
    return await coop.worker.get(path)


async def asked(coop: House) -> Json:
    """Let the worker ask the assembly after the panel has ruled."""
    dispute = await ruled(coop)
    path = f"/disputes/{dispute['id']}/reappeal"
    seen = await coop.worker.post(path, {"reason": "I have the mails"}, expect=200)
    assert (seen["state"], await coop.held()) == ("assembly", (0, 90))
    return seen


async def put(
    coop: House, dispute: Json, person: Person, *, expect: int = 201, **more: Any
) -> Json:
    body = {
        "subject": "appeal", "subject_id": dispute["id"], "minutes": 75, "days": DAYS,
        "words": "The mails say an hour and a quarter", **more,
    }  # fmt: skip
    path = f"/books/{dispute['book_id']}/decisions"
    return await person.post(path, body, key=token_hex(8), expect=expect)


async def vote(decision: Json, people: Sequence[Person], choice: str, *, expect: int = 200) -> Json:
    answer: Json = {}
    for person in people:
        path = f"/decisions/{decision['id']}/votes"
        answer = await person.post(path, {"choice": choice}, key=token_hex(8), expect=expect)
    return answer


async def test_the_assembly_decides_by_votes_and_the_ruling_stands_in_the_book(
    coop: House,
) -> None:
    dispute = await asked(coop)
    proposer, *others = coop.owners
    await coop.world.work()
    told = (await proposer.get("/me/notifications"))["items"]
    assert "dispute_assembly_asked" in {one["kind"] for one in told}
    many = await put(coop, dispute, proposer, minutes=9_999, expect=422)
    assert many["errors"][0]["pointer"] == "/minutes"
    none = await put(coop, dispute, proposer, minutes=None, expect=422)
    assert none["errors"][0]["pointer"] == "/minutes"
    decision = await put(coop, dispute, proposer)
    assert (decision["subject"], decision["count"]["roll"]) == ("appeal", 5)
    # A party never sits: neither the worker nor whoever answers for the entry.
    refused = await vote(decision, [coop.worker, coop.owner], "yes", expect=403)
    assert refused["code"] == "elector_required"
    twice = await put(coop, dispute, others[0], minutes=80, expect=409)
    assert twice["code"] == "decision_pending"
    waiting = await vote(decision, coop.owners[:2], "yes")
    assert (waiting["open"], await coop.held()) == (True, (0, 90))
    # Three of five said yes, and the two who are left can change nothing any more.
    done = await vote(decision, coop.owners[2:3], "yes")
    assert (done["outcome"]["passed"], done["outcome"]["refused"]) == (True, None)
    assert await coop.held() == (75, 0)
    seen = await coop.worker.get(f"/disputes/{dispute['id']}")
    assert {name: seen[name] for name in ("state", "resolved_by", "final_minutes", "final")} == {
        "state": "closed", "resolved_by": "assembly", "final_minutes": 75, "final": True,
    }  # fmt: skip
    assert (seen["decision_id"], seen["may"]) == (decision["id"], [])
    written = await coop.rows(
        "SELECT kind, decision_id::text, recorded_by::text FROM entries ORDER BY id"
    )
    assert [row[0] for row in written] == ["contribution", "dispute", "ruling", "dispute", "ruling"]
    assert tuple(written[-1][1:]) == (decision["id"], proposer.id)
    claim = await coop.worker.get(f"/claims/{coop.claim['id']}")
    assert claim["confirmation"]["minutes"] == 75
    # It was the last word.
    path = f"/disputes/{dispute['id']}/reappeal"
    await coop.worker.post(path, {"reason": "Once more"}, expect=409)
    assert (await put(coop, dispute, proposer, expect=409))["code"] == "dispute_state"
    assert (await coop.dispute(proposer, expect=409))["code"] == "dispute_decided"
    await coop.world.work()
    told = (await coop.worker.get("/me/notifications"))["items"]
    assert "dispute_ruled" in {one["kind"] for one in told}
    await coop.sound()


async def test_a_no_lets_the_panels_word_stand(coop: House) -> None:
    dispute = await asked(coop)
    decision = await put(coop, dispute, coop.owners[0])
    done = await vote(decision, coop.owners[:3], "no")
    assert (done["outcome"]["passed"], done["outcome"]["refused"]) == (False, None)
    assert await coop.held() == (20, 0)
    seen = await coop.worker.get(f"/disputes/{dispute['id']}")
    assert (seen["resolved_by"], seen["final_minutes"], seen["final"]) == ("assembly", 20, True)
    await coop.sound()


async def test_a_vote_that_too_few_cast_ends_it_as_well(coop: House) -> None:
    dispute = await asked(coop)
    decision = await put(coop, dispute, coop.owners[0])
    await vote(decision, coop.owners[:1], "yes")
    with clock.moved(timedelta(days=DAYS, minutes=1)):
        body = {"handle": "worker", "password": PASSWORD}
        await coop.worker.post("/sessions", body)
        await coop.world.work()
        seen = await coop.worker.get(f"/decisions/{decision['id']}")
        assert seen["outcome"]["passed"] is False
        assert await coop.held() == (20, 0)
    await coop.sound()


async def test_the_two_sides_may_still_agree_while_the_assembly_is_asked(coop: House) -> None:
    dispute = await asked(coop)
    decision = await put(coop, dispute, coop.owners[0])
    path = f"/disputes/{dispute['id']}/offers"
    await coop.owners[0].post(path, {"minutes": 60}, expect=403)
    seen = await coop.owner.post(path, {"minutes": 60}, expect=200)
    assert seen["state"] == "assembly"
    seen = await coop.worker.post(path, {"minutes": 60}, expect=200)
    assert (seen["resolved_by"], seen["final"], await coop.held()) == ("agreement", True, (60, 0))
    # What they vote about is over: nobody is asked any longer, and all are told.
    late = await vote(decision, coop.owners[:1], "yes", expect=409)
    assert late["code"] == "overtaken_agreed"
    await coop.world.work()
    done = await coop.owners[0].get(f"/decisions/{decision['id']}")
    assert (done["open"], done["may_vote"]) == (False, False)
    assert (done["outcome"]["passed"], done["outcome"]["refused"]) == (False, "overtaken_agreed")
    told = (await coop.owners[1].get("/me/notifications"))["items"]
    assert [one["kind"] for one in told].count("decision_overtaken") == 1
    again = await vote(decision, coop.owners[:1], "yes", expect=409)
    assert again["code"] == "decision_closed"
    assert await coop.held() == (60, 0)
    await coop.sound()


async def test_where_all_are_parties_agreeing_is_the_way_out(world: World) -> None:
    coop = await house_of(world, owners=0)
    dispute = await coop.dispute(coop.worker)
    path = f"/disputes/{dispute['id']}"
    await coop.owner.post(f"{path}/panel", expect=200)
    await coop.worker.post(f"{path}/reappeal", {"reason": "Nobody is left"}, expect=200)
    refused = await put(coop, dispute, coop.worker, expect=409)
    assert refused["code"] == "decision_roll_empty"
    await coop.worker.post(f"{path}/offers", {"minutes": 45}, expect=200)
    seen = await coop.owner.post(f"{path}/offers", {"minutes": 45}, expect=200)
    assert (seen["final"], await coop.held()) == (True, (45, 0))
    await coop.sound()

"""What went wrong elsewhere, one test named after each failure."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app.domain.access import SYSTEM
from app.domain.administration.invariants import count_violations
from app.domain.claims import queries
from app.domain.claims.actions import apply_move
from app.infra import clock
from app.infra.database import transaction
from app.models.claims import ClaimState, PanelCause
from tests.factories.world import PASSWORD, Json, Person, World


async def house(world: World, **changes: Any) -> tuple[Person, Json, Json]:
    owner = await world.sign_up("owner")
    organisation = await world.organisation(owner)
    return owner, organisation, await world.open_need(owner, organisation, **changes)


async def rows(world: World, statement: str) -> list[Any]:
    async with world.runtime.engine.connect() as connection:
        return list((await connection.execute(text(statement))).all())


async def by_clock(world: World, claim: Json, to: ClaimState) -> None:
    """Move a claim as the clocks do."""
    async with transaction(world.runtime.sessions) as session:
        view = await queries.lock_claim_for(session, SYSTEM, claim["id"])
        await apply_move(session, SYSTEM, view, to)


async def test_claims_counted_without_a_lock(world: World) -> None:
    _, _, need = await house(world, instant=True, places=2)
    people = [await world.sign_up(f"helper{number}") for number in range(8)]
    path = f"/needs/{need['id']}/claims"
    answers = await asyncio.gather(*(one.ask("POST", path, json={}) for one in people))
    assert sorted(answer.status_code for answer in answers) == [201] * 2 + [409] * 6
    assert {a.json()["code"] for a in answers if a.status_code == 409} == {"need_full"}
    (counted,) = await rows(world, "SELECT count(*) FROM claims")
    assert counted[0] == 2


@pytest.mark.parametrize("end", ["lapsed", "withdrawn", "released"])
async def test_stale_claims_blocking_others_for_ever(world: World, end: str) -> None:
    owner, _, need = await house(world, instant=True)
    path = f"/needs/{need['id']}/claims"
    first, second = await world.sign_up("first"), await world.sign_up("second")
    claim = await first.post(path)
    assert (await second.post(path, expect=409))["code"] == "need_full"
    if end == "lapsed":
        await by_clock(world, claim, ClaimState.LAPSED)
    else:
        person = first if end == "withdrawn" else owner
        await person.move(f"/claims/{claim['id']}", end, "no time")
    assert (await second.post(path))["state"] == "accepted"
    assert (await owner.get(f"/needs/{need['id']}"))["taken"] == 1


async def test_a_claim_kept_in_two_places_that_disagree(world: World) -> None:
    owner, _, need = await house(world)
    worker = await world.sign_up("worker")
    claim = await world.submitted_claim(worker, owner, need)
    await world.confirm(owner, claim)
    path = f"/claims/{claim['id']}"
    by_worker, by_owner = await worker.get(path), await owner.get(path)
    in_list = (await worker.get("/me/claims"))["items"][0]
    on_need = (await owner.get(f"/needs/{need['id']}/claims"))["items"][0]
    seen = {(one["state"], one["version"]) for one in (by_worker, by_owner, in_list, on_need)}
    assert len(seen) == 1
    assert by_worker["history"][-1]["to"] == by_worker["state"] == "confirmed"
    assert by_worker["confirmation"] == by_owner["confirmation"]
    assert (await worker.get("/me/contributions"))["total_minutes"] == 90
    async with transaction(world.runtime.sessions) as session:
        assert set((await count_violations(session)).values()) == {0}


async def test_auto_accept_of_hours(world: World) -> None:
    owner, _, need = await house(world)
    worker = await world.sign_up("worker")
    claim = await world.submitted_claim(worker, owner, need)
    with clock.moved(timedelta(days=400)):
        await world.work()
        async with transaction(world.runtime.sessions) as session:
            view = await queries.lock_claim_for(session, SYSTEM, claim["id"])
            assert view.claim.state in {ClaimState.SUBMITTED, ClaimState.PANEL_REVIEW}
            if view.claim.state == ClaimState.SUBMITTED:  # what the clocks do after the wait
                cause = PanelCause.UNANSWERED
                to = ClaimState.PANEL_REVIEW
                await apply_move(session, SYSTEM, view, to, cause=cause)
    with clock.moved(timedelta(days=800)):
        await world.work()
    (state,) = await rows(world, "SELECT state FROM claims")
    assert state[0] == "panel_review"
    assert await rows(world, "SELECT 1 FROM entries") == []


@pytest.mark.parametrize("end", ["lapsed", "withdrawn", "released"])
async def test_hours_negative_as_a_penalty(world: World, end: str) -> None:
    owner, _, need = await house(world, instant=True, places=2)
    worker = await world.sign_up("worker")
    claim = await worker.post(f"/needs/{need['id']}/claims")
    path = f"/claims/{claim['id']}"
    body = {"worked_on": clock.today().isoformat(), "minutes": -60, "note": ""}
    await worker.post(f"{path}/work-logs", body, expect=422)
    await worker.post(f"{path}/work-logs", {**body, "minutes": 60})
    if end == "lapsed":
        await by_clock(world, claim, ClaimState.LAPSED)
    else:
        await (worker if end == "withdrawn" else owner).move(path, end, "no time")
    assert await rows(world, "SELECT 1 FROM entries") == []
    assert (await worker.get("/me/contributions"))["total_minutes"] == 0
    # Nor does it keep anybody from the next one.
    assert (await worker.post(f"/needs/{need['id']}/claims"))["state"] == "accepted"


async def test_0_minute_entries(world: World) -> None:
    owner, _, need = await house(world)
    worker = await world.sign_up("worker")
    claim = await worker.post(f"/needs/{need['id']}/claims")
    path = f"/claims/{claim['id']}"
    await owner.move(path, "accepted")
    body = {"worked_on": clock.today().isoformat(), "minutes": 0, "note": ""}
    await worker.post(f"{path}/work-logs", body, expect=422)
    await worker.post(f"{path}/work-logs", {**body, "minutes": 30})
    await worker.move(path, "submitted")
    await owner.post(f"{path}/confirmation", {"minutes": 0}, expect=422, key="none")
    await owner.move(path, "disputed", "nothing was done")
    for person in (owner, worker):
        await person.post(f"{path}/settlement", {"minutes": 0}, expect=200)
    assert (await worker.get(path))["state"] == "rejected"
    assert await rows(world, "SELECT 1 FROM entries") == []


async def test_an_identical_request_sent_twice_making_two_claims(world: World) -> None:
    _, _, need = await house(world, places=5)
    worker = await world.sign_up("worker")
    path = f"/needs/{need['id']}/claims"
    once = [
        worker.ask("POST", path, json={}, headers={"Idempotency-Key": "click"}) for _ in range(3)
    ]
    answers = await asyncio.gather(*once)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert (await worker.post(path, expect=409))["code"] == "claim_exists"
    (counted,) = await rows(world, "SELECT count(*) FROM claims")
    assert counted[0] == 1


@pytest.mark.parametrize("end", ["declined", "expired"])
async def test_rejected_applicants_told_nothing(world: World, end: str) -> None:
    owner, organisation, need = await house(world)
    worker = await world.sign_up("worker")
    claim = await worker.post(f"/needs/{need['id']}/claims")
    if end == "declined":
        await owner.move(f"/claims/{claim['id']}", "declined", "somebody came before you")
    else:
        await by_clock(world, claim, ClaimState.EXPIRED)
    (told,) = await rows(world, f"SELECT details FROM activities WHERE verb = 'claim.{end}'")  # noqa: S608
    details = told[0]
    assert worker.id in details["tell"]
    assert {details[k] for k in ("claim_id", "need_id", "organisation_id", "worker_id")} == {
        claim["id"],
        need["id"],
        organisation["id"],
        worker.id,
    }
    assert "somebody came" not in str(details), "the reason is for the two sides only"
    seen = await worker.get(f"/claims/{claim['id']}")
    assert seen["history"][-1]["reason"] == (
        "somebody came before you" if end == "declined" else ""
    )


async def test_an_acceptance_that_makes_three_claims_six(world: World) -> None:
    """Three applications and three claims in hand must not add up to six."""
    owner, organisation, _ = await house(world)
    worker = await world.sign_up("worker")

    async def claim(**changes: Any) -> Json:
        need = await world.open_need(owner, organisation, **changes)
        return await worker.post(f"/needs/{need['id']}/claims")

    waiting = [await claim() for _ in range(3)]
    held = [await claim(instant=True) for _ in range(3)]
    refused = await owner.move(f"/claims/{waiting[0]['id']}", "accepted", expect=409)
    assert (refused["code"], "3" in refused["detail"]) == ("worker_claims_limit", True)
    await worker.move(f"/claims/{held[0]['id']}", "withdrawn")
    await owner.move(f"/claims/{waiting[0]['id']}", "accepted")
    await owner.move(f"/claims/{waiting[1]['id']}", "accepted", expect=409)
    answers = await asyncio.gather(
        *(
            owner.ask("POST", f"/claims/{one['id']}/transitions", json={"to": "accepted"})
            for one in waiting[1:]
        )
    )
    assert [answer.status_code for answer in answers] == [409, 409]


async def test_reasons_for_parting_that_stay_for_ever(world: World) -> None:
    owner, _, need = await house(world)
    worker = await world.sign_up("worker")
    claim = await worker.post(f"/needs/{need['id']}/claims")
    await worker.move(f"/claims/{claim['id']}", "withdrawn", "my mother is ill")
    assert (await owner.get(f"/claims/{claim['id']}"))["history"][-1]["reason"]
    later = await world.sign_up("later")
    assert (await later.ask("GET", f"/claims/{claim['id']}")).status_code == 404
    with clock.moved(timedelta(days=181)):
        signed_in = {"handle": "owner", "password": PASSWORD}
        await owner.post("/sessions", signed_in)
        aged = await owner.ask("GET", f"/claims/{claim['id']}")
        assert "my mother" not in aged.text
        assert aged.status_code in {200, 404}, "what was parted from follows nobody"


async def test_work_of_days_that_cannot_be(world: World) -> None:
    owner, _, need = await house(world)
    worker = await world.sign_up("worker")
    claim = await worker.post(f"/needs/{need['id']}/claims")
    await owner.move(f"/claims/{claim['id']}", "accepted")
    for days, code in ((2, "work_in_future"), (-367, "work_before_need")):
        day = (clock.today() + timedelta(days=days)).isoformat()
        body = {"worked_on": day, "minutes": 30, "note": ""}
        refused = await worker.post(f"/claims/{claim['id']}/work-logs", body, expect=422)
        assert (refused["code"], refused["errors"][0]["pointer"]) == (code, "/worked_on")


async def test_one_scoping_session_at_a_time_that_takes_no_place(world: World) -> None:
    owner, organisation, known = await house(world)
    first, second = await world.sign_up("first"), await world.sign_up("second")
    unknown = await world.open_need(owner, organisation, skills=[], skills_unknown=True)
    path, hour = f"/needs/{unknown['id']}/claims", {"kind": "scoping"}
    refused = await first.post(f"/needs/{known['id']}/claims", hour, expect=409)
    assert refused["code"] == "scoping_not_wanted"
    claim = await first.post(path, hour)
    assert claim["kind"] == "scoping"
    assert (await second.post(path, hour, expect=409))["code"] == "scoping_taken"
    await owner.move(f"/claims/{claim['id']}", "accepted")
    assert (await owner.get(f"/needs/{unknown['id']}"))["taken"] == 0
    body = {"worked_on": clock.today().isoformat(), "minutes": 61, "note": ""}
    over = await first.post(f"/claims/{claim['id']}/work-logs", body, expect=422)
    assert over["code"] == "scoping_overfull"
    await first.post(f"/claims/{claim['id']}/work-logs", {**body, "minutes": 60})
    await first.move(f"/claims/{claim['id']}", "submitted")
    await world.confirm(owner, claim, 60)
    assert (await first.get("/me/contributions"))["total_minutes"] == 60
    # Who helped to say what is needed may do it as well.
    assert (await first.post(path))["kind"] == "work"
    async with transaction(world.runtime.sessions) as session:
        assert set((await count_violations(session)).values()) == {0}

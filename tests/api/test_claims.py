"""Claims: who may move one where, its limits, its hours, its history, and who may see it."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from app.domain.access import Actor
from app.domain.claims.rules import (
    LIVE_BASE,
    PENDING_MAX,
    TRANSITIONS,
    Side,
    possible_transitions,
)
from app.domain.needs import actions as needs
from app.infra import clock
from app.infra.database import transaction
from app.models.claims import HOLDING_STATES, ClaimState
from app.models.needs import NeedState
from tests.factories.world import Json, Person, World

DAY = "2026-03-02"
SIDES = {
    "worker": frozenset({Side.WORKER}),
    "member": frozenset({Side.ORGANISATION}),
    "steward": frozenset({Side.ORGANISATION, Side.STEWARD}),
    "stranger": frozenset(),
}


@dataclass
class Scene:
    """An organisation with a member, a worker with a claim on its need, and others."""

    world: World
    people: dict[str, Person]
    organisation: Json
    need: Json
    claim: Json

    @property
    def worker(self) -> Person:
        """Whose claim it is."""
        return self.people["worker"]

    @property
    def member(self) -> Person:
        """Somebody of the organisation."""
        return self.people["member"]

    @property
    def path(self) -> str:
        """The claim's address."""
        return f"/claims/{self.claim['id']}"

    async def sql(self, statement: str, **values: object) -> Any:
        """Put things as no person can."""
        async with self.world.runtime.engine.begin() as connection:
            return await connection.execute(text(statement), values)

    async def put_in(self, state: ClaimState) -> None:
        """Put the claim in a state, its place taken or not as that state wants."""
        await self.sql("UPDATE panels SET closed_at = now() WHERE closed_at IS NULL")
        await self.sql(
            "UPDATE claims SET state = :state, confirmed_at = :at WHERE id = :id",
            state=state,
            at=clock.now() if state == ClaimState.CONFIRMED else None,
            id=self.claim["id"],
        )
        await self.sql(
            "UPDATE needs SET taken = :taken WHERE id = :id",
            taken=int(state in HOLDING_STATES),
            id=self.need["id"],
        )

    async def taken(self) -> int:
        """The places of the need that are taken."""
        return int((await self.member.get(f"/needs/{self.need['id']}"))["taken"])


@pytest.fixture
async def scene(world: World) -> Scene:
    steward = await world.set_up()
    names = ("member", "worker", "stranger")
    people = {name: await world.sign_up(name) for name in names} | {"steward": steward}
    organisation = await world.organisation(people["member"])
    need = await world.open_need(people["member"], organisation, places=2)
    claim = await people["worker"].post(f"/needs/{need['id']}/claims", {"note": "I can"})
    return Scene(world, people, organisation, need, claim)


async def log(scene: Scene, minutes: int = 60, day: str = DAY, *, expect: int = 201) -> Json:
    body = {"worked_on": day, "minutes": minutes, "note": "done"}
    return await scene.worker.post(f"{scene.path}/work-logs", body, expect=expect)


@pytest.mark.parametrize("who", SIDES)
async def test_every_move_is_allowed_or_refused_as_the_table_says(scene: Scene, who: str) -> None:
    await scene.member.move(scene.path, "accepted")
    await log(scene)
    for before, to in product(ClaimState, ClaimState):
        await scene.put_in(before)
        body = {"to": to.value, "reason": "because"}
        answer = await scene.people[who].ask("POST", f"{scene.path}/transitions", json=body)
        allowed = TRANSITIONS[before].get(to, frozenset()) & SIDES[who]
        if who == "stranger":
            assert (answer.status_code, answer.json()["code"]) == (404, "claim_not_found")
        elif allowed:
            assert (answer.status_code, answer.json()["state"]) == (200, to), (before, to)
            assert await scene.taken() == int(to in HOLDING_STATES), (before, to)
        else:
            problem = answer.json()
            refused = (answer.status_code, problem["code"], problem["state"])
            assert refused == (409, "transition_impossible", before), (before, to)
            assert problem["possible"] == possible_transitions(before, SIDES[who])
    await scene.put_in(ClaimState.SUBMITTED)
    if who != "stranger":
        seen = await scene.people[who].get(scene.path)
        assert seen["possible_transitions"] == possible_transitions(
            ClaimState.SUBMITTED, SIDES[who]
        )


async def test_moves_that_concern_others_want_a_reason(scene: Scene) -> None:
    for to in ("declined", "released", "changes_requested", "disputed"):
        before = {"declined": "applied", "released": "accepted"}.get(to, "submitted")
        await scene.put_in(ClaimState(before))
        refused = await scene.member.move(scene.path, to, expect=422)
        assert refused["errors"][0]["pointer"] == "/reason"
        moved = await scene.member.move(scene.path, to, "the site is closed")
        assert moved["history"][-1]["reason"] == "the site is closed"


async def test_the_history_tells_who_moved_it_when_and_why(scene: Scene) -> None:
    await scene.member.move(scene.path, "accepted")
    await log(scene)
    await scene.worker.move(scene.path, "submitted")
    await scene.member.move(scene.path, "changes_requested", "the menu is missing")
    await scene.worker.move(scene.path, "active")
    await scene.worker.move(scene.path, "submitted", "now with menu")
    await scene.member.move(scene.path, "disputed", "it is still missing")
    seen = await scene.worker.get(scene.path)
    assert [(m["from"], m["to"], m["by"], m["reason"]) for m in seen["history"]] == [
        (None, "applied", "worker", ""),
        ("applied", "accepted", "member", ""),
        ("accepted", "active", "worker", ""),
        ("active", "submitted", "worker", ""),
        ("submitted", "changes_requested", "member", "the menu is missing"),
        ("changes_requested", "active", "worker", ""),
        ("active", "submitted", "worker", "now with menu"),
        ("submitted", "disputed", "member", "it is still missing"),
    ]
    times = [move["at"] for move in seen["history"]]
    assert times == sorted(times)
    assert seen["version"] == len(seen["history"])


async def test_only_the_two_sides_see_a_claim(scene: Scene) -> None:
    other = await scene.world.sign_up("other")
    colleague = await scene.world.sign_up("colleague")
    seat = {"handle": "colleague", "role": "member", "worker_owner": False}
    await scene.member.post(f"/organisations/{scene.organisation['id']}/members", seat)
    for person, status in ((colleague, 200), (scene.worker, 200), (other, 404)):
        assert (await person.ask("GET", scene.path)).status_code == status
        assert (await person.ask("GET", f"{scene.path}/work-logs")).status_code == status
    claims = f"/needs/{scene.need['id']}/claims"
    assert [c["id"] for c in (await colleague.get(claims))["items"]] == [scene.claim["id"]]
    assert (await other.ask("GET", claims)).status_code == 403
    assert (await scene.worker.ask("GET", claims)).status_code == 403
    assert (await scene.world.stranger().ask("GET", claims)).status_code == 401
    assert [c["id"] for c in (await scene.worker.get("/me/claims"))["items"]] == [scene.claim["id"]]
    assert (await other.get("/me/claims"))["items"] == []
    # Rights are read when they are used: a member who left sees it no more.
    gone = f"/organisations/{scene.organisation['id']}/members/{colleague.id}"
    assert (await scene.member.ask("DELETE", gone)).status_code == 204
    assert (await colleague.ask("GET", scene.path)).status_code == 404


async def test_nobody_answers_their_own_claim(scene: Scene) -> None:
    own = await scene.member.post(f"/needs/{scene.need['id']}/claims")
    path = f"/claims/{own['id']}"
    assert own["possible_transitions"] == ["withdrawn"]
    refused = await scene.member.move(path, "accepted", expect=409)
    assert refused["possible"] == ["withdrawn"]
    assert (await scene.people["steward"].move(path, "accepted"))["state"] == "accepted"


async def test_one_worker_waits_for_and_holds_a_few_at_most(scene: Scene) -> None:
    async def open_need(**changes: Any) -> str:
        need = await scene.world.open_need(scene.member, scene.organisation, **changes)
        return f"/needs/{need['id']}/claims"

    for _ in range(PENDING_MAX - 1):  # one is waiting since the beginning
        await scene.worker.post(await open_need())
    refused = await scene.worker.post(await open_need(), expect=409)
    assert refused["code"] == "applications_limit"
    for _ in range(LIVE_BASE):
        await scene.worker.post(await open_need(instant=True))
    refused = await scene.worker.post(await open_need(instant=True), expect=409)
    assert refused["code"] == "claims_limit"
    # Each two confirmations allow one place more.
    done = await scene.sql(
        "UPDATE claims SET state = 'confirmed' WHERE id IN "
        "(SELECT id FROM claims WHERE state = 'accepted' LIMIT 2)"
    )
    assert done.rowcount == 2
    for _ in range(LIVE_BASE - 1 + 1):
        await scene.worker.post(await open_need(instant=True))
    refused = await scene.worker.post(await open_need(instant=True), expect=409)
    assert refused["code"] == "claims_limit"


async def test_a_day_has_24_hours_all_claims_together(scene: Scene) -> None:
    await scene.member.move(scene.path, "accepted")
    need = await scene.world.open_need(scene.member, scene.organisation, instant=True)
    other = await scene.worker.post(f"/needs/{need['id']}/claims")
    await log(scene, 1000)
    body = {"worked_on": DAY, "minutes": 441, "note": ""}
    over = await scene.worker.post(f"/claims/{other['id']}/work-logs", body, expect=422)
    assert (over["code"], over["errors"][0]["pointer"]) == ("day_overfull", "/minutes")
    assert "440" in over["detail"]
    await scene.worker.post(f"/claims/{other['id']}/work-logs", {**body, "minutes": 440})
    await log(scene, 1, expect=422)
    await log(scene, 1, "2026-03-03")
    # What was taken back is free again, also when it is asked for twice at once.
    (first, *_) = (await scene.worker.get(f"{scene.path}/work-logs"))["items"]
    assert (await scene.worker.ask("DELETE", f"{scene.path}/work-logs/{first['id']}")).is_success
    bodies = [{"worked_on": DAY, "minutes": 600, "note": str(n)} for n in range(4)]
    answers = await asyncio.gather(
        *(scene.worker.ask("POST", f"{scene.path}/work-logs", json=body) for body in bodies)
    )
    assert sorted(answer.status_code for answer in answers) == [201, 422, 422, 422]


@pytest.mark.parametrize("minutes", [0, -1, -(2**31), 1441, 1.5, None])
async def test_hours_are_neither_nothing_nor_a_penalty(scene: Scene, minutes: Any) -> None:
    await scene.member.move(scene.path, "accepted")
    refused = await log(scene, minutes, expect=422)
    assert refused["errors"][0]["pointer"] == "/minutes"
    assert (await scene.worker.get(scene.path))["minutes_logged"] == 0


async def test_work_is_logged_by_the_worker_when_it_is_done(scene: Scene) -> None:
    body = {"worked_on": DAY, "minutes": 30, "note": ""}
    logs = f"{scene.path}/work-logs"
    assert (await scene.worker.post(logs, body, expect=409))["code"] == "claim_not_loggable"
    await scene.member.move(scene.path, "accepted")
    soon = (clock.today() + timedelta(days=2)).isoformat()
    future = await log(scene, 30, soon, expect=422)
    assert (future["code"], future["errors"][0]["pointer"]) == ("work_in_future", "/worked_on")
    assert (await scene.member.post(logs, body, expect=403))["code"] == "only_worker_logs"
    await scene.people["stranger"].post(logs, body, expect=404)
    empty = await scene.worker.move(scene.path, "active")
    assert empty["state"] == "active"
    refused = await scene.worker.move(scene.path, "submitted", expect=409)
    assert refused["code"] == "nothing_logged"
    made = await log(scene, 30)
    await scene.worker.move(scene.path, "submitted")
    late = await scene.worker.ask("DELETE", f"{logs}/{made['id']}")
    assert (late.status_code, late.json()["code"]) == (409, "claim_not_loggable")
    await scene.worker.post(logs, body, expect=409)


async def test_a_place_is_taken_by_acceptance_and_freed_by_an_end(scene: Scene) -> None:
    second = await scene.people["stranger"].post(f"/needs/{scene.need['id']}/claims")
    third = await (await scene.world.sign_up("third")).post(f"/needs/{scene.need['id']}/claims")
    assert await scene.taken() == 0
    await scene.member.move(scene.path, "accepted")
    await scene.member.move(f"/claims/{second['id']}", "accepted")
    assert await scene.taken() == 2
    full = await scene.member.move(f"/claims/{third['id']}", "accepted", expect=409)
    assert (full["code"], "2" in full["detail"]) == ("need_full", True)
    listed = await scene.world.stranger().get("/needs")
    assert listed["items"] == [], "what nobody can take is not in the list of what one can"
    await scene.member.move(scene.path, "released", "we changed our plans")
    assert await scene.taken() == 1
    await scene.member.move(f"/claims/{third['id']}", "accepted")
    # Who was let go may apply again once there is room.
    await scene.worker.post(f"/needs/{scene.need['id']}/claims", expect=409)
    await scene.member.move(f"/claims/{second['id']}", "released", "we changed our plans")
    await scene.worker.post(f"/needs/{scene.need['id']}/claims")


async def test_a_full_need_says_so_in_words(scene: Scene) -> None:
    need = await scene.world.open_need(scene.member, scene.organisation, instant=True)
    await scene.worker.post(f"/needs/{need['id']}/claims")
    seen = (await scene.people["stranger"].get(f"/needs/{need['id']}"))["may_claim"]
    assert (seen["allowed"], seen["code"]) == (False, "need_full")
    assert "1" in seen["reason"]
    assert "{" not in seen["reason"]
    refused = await scene.people["stranger"].post(f"/needs/{need['id']}/claims", expect=409)
    assert refused["detail"] == seen["reason"]


@pytest.mark.parametrize("instant", [True, False])
async def test_who_applies_while_a_need_is_withdrawn_is_told(scene: Scene, instant: bool) -> None:
    """The closing has looked for claims and is not committed: a claim now would be lost."""
    need = await scene.world.open_need(scene.member, scene.organisation, instant=instant)
    member = Actor(account_id=UUID(scene.member.id))
    async with transaction(scene.world.runtime.sessions) as session:
        closing = UUID(need["id"])
        await needs.move_need(session, member, closing, NeedState.WITHDRAWN, "changed plans")
        await session.flush()
        late = asyncio.create_task(
            scene.people["stranger"].ask("POST", f"/needs/{need['id']}/claims", json={})
        )
        await waiting_for_a_lock(scene)
    answer = await late
    assert (answer.status_code, answer.json()["code"]) == (409, "need_not_open")
    assert (await scene.people["stranger"].get("/me/claims"))["items"] == []


async def waiting_for_a_lock(scene: Scene) -> None:
    """Wait until some connection of ours waits for a row."""
    deadline = asyncio.get_running_loop().time() + 10
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()"
    while not (await scene.sql(waiting)).scalar_one():
        assert asyncio.get_running_loop().time() < deadline, "nobody waits"


async def test_pages_of_claims_stay_put_while_more_come(scene: Scene) -> None:
    need = await scene.world.open_need(scene.member, scene.organisation, places=50)
    path = f"/needs/{need['id']}/claims"
    for number in range(5):
        await (await scene.world.sign_up(f"helper{number}")).post(path)
    first = await scene.member.get(path, limit=2)
    await (await scene.world.sign_up("latecomer")).post(path)
    second = await scene.member.get(path, limit=2, cursor=first["next_cursor"])
    third = await scene.member.get(path, limit=2, cursor=second["next_cursor"])
    handles = [c["worker"]["handle"] for page in (first, second, third) for c in page["items"]]
    assert handles == ["helper4", "helper3", "helper2", "helper1", "helper0"]
    assert third["next_cursor"] is None

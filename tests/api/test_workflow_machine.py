"""Random people over needs and claims, by seed: after each step everything that must hold holds.

Each step is a request of some person through the API, allowed or not; what may be answered is a
success or a refusal with its reason, never a fault. A step that fails is told with its seed, so
that the same walk can be made again.
"""

import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from datetime import timedelta
from secrets import token_hex
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from app.domain.access import SYSTEM
from app.domain.administration.invariants import count_violations
from app.domain.claims import actions, panels, queries
from app.domain.claims.rules import TRANSITIONS, Side
from app.infra import clock
from app.infra.database import transaction
from app.models.claims import ClaimState, PanelCause
from tests.factories.crowd import Caller, caller_for
from tests.factories.world import Json, Person, World, need_input

STEPS = 60
SEEDS = (1, 7, 42, 2026)
REFUSALS = {401, 403, 404, 409, 410, 412, 422}


class Walk:
    """People, two organisations and what they do to needs and claims, as the seed says."""

    def __init__(self, world: World, seed: int) -> None:
        """Nothing has happened yet."""
        self.world, self.random = world, random.Random(seed)
        self.people: dict[str, Person] = {}
        self.callers: dict[str, Caller] = {}
        self.houses: list[Json] = []
        self.done: dict[str, int] = {}
        self.trail: list[str] = []
        self.clock = ExitStack()

    async def begin(self) -> None:
        """Fill the instance: two organisations with two members each, three workers, a steward."""
        self.people["steward"] = await self.world.set_up()
        for name in ("ada", "bob", "cai", "dov", "eli", "fay", "gus"):
            self.people[name] = await self.world.sign_up(name)
        for owner, member, title in (("ada", "bob", "First house"), ("cai", "dov", "Second house")):
            made = await self.world.organisation(self.people[owner], title)
            seat = {"handle": member, "role": "member", "worker_owner": False}
            path = f"/organisations/{made['id']}/members"
            await self.people[owner].post(path, seat)
            self.houses.append(made)
            for places, instant in ((1, False), (2, True)):
                await self.open_need(owner, made, places=places, instant=instant)
        # A token outlives the months over which the walk goes.
        for name, person in self.people.items():
            self.callers[name] = await caller_for(self.world.runtime, person.id)
        await self.sql("UPDATE access_tokens SET expires_at = now() + interval '9 years'")

    async def open_need(self, owner: str, house: Json, *, places: int, instant: bool) -> None:
        """Post a need that anybody may claim."""
        more = {"places": places, "instant": instant, "skills": [], "skills_unknown": True}
        await self.world.open_need(self.people[owner], house, **more)

    async def sql(self, statement: str, **values: object) -> Sequence[Any]:
        """Ask or tell the database itself."""
        async with self.world.runtime.engine.begin() as connection:
            result = await connection.execute(text(statement), values)
            return result.all() if result.returns_rows else []

    def anybody(self) -> str:
        """Return somebody."""
        return self.random.choice(sorted(self.people))

    async def some(self, table: str, where: str = "true") -> Any:
        """Return a row of a table by lot, or nothing."""
        rows = await self.sql(f"SELECT * FROM {table} WHERE {where} ORDER BY id")  # noqa: S608
        return self.random.choice(rows) if rows else None

    async def ask(self, name: str, method: str, path: str, body: Json | None = None) -> int:
        """Let somebody send a request, and see that it is answered as it should be."""
        headers = {**self.callers[name].headers, "Idempotency-Key": token_hex(8)}
        if "version" in (body or {}):
            headers["If-Match"] = f'"{(body or {}).pop("version")}"'
        person = self.world.stranger()
        answer = await person.ask(method, path, json=body or {}, headers=headers)
        await person.http.aclose()
        self.world.people.remove(person)
        self.trail.append(f"{name} {method} {path} {body} -> {answer.status_code}")
        assert answer.status_code < 300 or answer.status_code in REFUSALS, answer.text
        if answer.status_code >= 400:
            assert answer.json()["detail"], answer.text
        return answer.status_code

    async def apply(self) -> int:
        """Somebody claims a need, or offers an hour to find out what it is."""
        need = await self.some("needs")
        kind = self.random.choice(["work", "work", "work", "scoping"])
        return await self.ask(self.anybody(), "POST", f"/needs/{need.id}/claims", {"kind": kind})

    async def move(self) -> int:
        """Somebody moves a claim, mostly one of those who may."""
        claim = await self.some("claims")
        if claim is None:
            return 0
        to = self.random.choice(sorted(TRANSITIONS[ClaimState(claim.state)]) or sorted(ClaimState))
        body = {"to": to, "reason": "because"}
        return await self.ask(
            await self.near(claim), "POST", f"/claims/{claim.id}/transitions", body
        )

    async def near(self, claim: Any) -> str:
        """Return one of a claim's two sides, or now and then anybody."""
        if self.random.random() < 0.1:
            return self.anybody()
        rows = await self.sql(
            "SELECT handle FROM accounts WHERE id = :worker OR id IN (SELECT account_id "
            "FROM memberships JOIN needs USING (organisation_id) WHERE needs.id = :need) "
            "ORDER BY handle",
            worker=claim.account_id,
            need=claim.need_id,
        )
        return str(self.random.choice(rows)[0])

    async def answer(self) -> int:
        """Somebody accepts an application, mostly one who may."""
        claim = await self.some("claims", "state = 'applied'")
        if claim is None:
            return await self.apply()
        path = f"/claims/{claim.id}/transitions"
        return await self.ask(await self.near(claim), "POST", path, {"to": "accepted"})

    async def log(self) -> int:
        """Some worker logs hours."""
        claim = await self.some("claims", "state IN ('accepted', 'active', 'changes_requested')")
        if claim is None:
            return 0
        minutes = self.random.choice([0, 15, 60, 600])
        body = {"worked_on": clock.today().isoformat(), "minutes": minutes, "note": ""}
        return await self.ask(await self.near(claim), "POST", f"/claims/{claim.id}/work-logs", body)

    async def submit(self) -> int:
        """Some worker hands work in."""
        claim = await self.some("claims", "state IN ('active', 'changes_requested')")
        if claim is None:
            return 0
        path = f"/claims/{claim.id}/transitions"
        return await self.ask(await self.near(claim), "POST", path, {"to": "submitted"})

    async def confirm(self) -> int:
        """Somebody confirms hours, all of them or some."""
        claim = await self.some("claims", "state IN ('submitted', 'disputed', 'panel_review')")
        if claim is None:
            return 0
        body = {"minutes": self.random.choice([1, 15, await self.logged(claim)])}
        path = f"/claims/{claim.id}/confirmation"
        return await self.ask(await self.near(claim), "POST", path, body)

    async def logged(self, claim: Any) -> int:
        """Return what was logged on a claim."""
        statement = "SELECT coalesce(sum(minutes), 0) FROM work_logs WHERE claim_id = :id"
        return int((await self.sql(statement, id=claim.id))[0][0])

    async def dispute(self) -> int:
        """One of the sides disputes what was submitted or confirmed."""
        claim = await self.some("claims", "state IN ('submitted', 'confirmed')")
        if claim is None:
            return 0
        body = {"to": "disputed", "reason": "not as I see it"}
        return await self.ask(
            await self.near(claim), "POST", f"/claims/{claim.id}/transitions", body
        )

    async def settle(self) -> int:
        """One of the sides says what it would agree to, often what the other one said."""
        claim = await self.some("claims", "state IN ('disputed', 'panel_review')")
        if claim is None:
            return 0
        offered = claim.offer_minutes if claim.offer_minutes is not None else 15
        minutes = self.random.choice([offered, offered, 0, await self.logged(claim)])
        path = f"/claims/{claim.id}/settlement"
        return await self.ask(await self.near(claim), "POST", path, {"minutes": minutes})

    async def panel(self) -> int:
        """Somebody asks for a panel."""
        claim = await self.some("claims", "state = 'disputed'")
        if claim is None:
            return 0
        body = {"to": "panel_review"}
        return await self.ask(
            await self.near(claim), "POST", f"/claims/{claim.id}/transitions", body
        )

    async def decide(self) -> int:
        """Somebody who was drawn decides, or gives the seat up."""
        seat = await self.some(
            "panel_seats",
            "state IN ('drawn', 'decided') AND panel_id IN "
            "(SELECT id FROM panels WHERE closed_at IS NULL)",
        )
        if seat is None:
            return 0
        rows = await self.sql("SELECT handle FROM accounts WHERE id = :id", id=seat.account_id)
        path = f"/panels/{seat.panel_id}"
        if self.random.random() < 0.15:
            return await self.ask(rows[0][0], "POST", f"{path}/refusal")
        body = {"minutes": self.random.choice([0, 15]), "reason": "as I see it"}
        return await self.ask(rows[0][0], "POST", f"{path}/decision", body)

    async def places(self) -> int:
        """Somebody of the organisation raises or lowers the places of a need."""
        need = await self.some("needs")
        house = next(one for one in self.houses if one["id"] == str(need.organisation_id))
        body: Json = need_input(house, places=self.random.randint(1, 3), instant=need.instant)
        body = {**body, "skills": [], "skills_unknown": True, "version": need.version}
        body.pop("organisation_id")
        return await self.ask(self.owner_of(need), "PATCH", f"/needs/{need.id}", body)

    def owner_of(self, need: Any) -> str:
        """Return who posted a need, or now and then somebody of the other organisation."""
        mine = self.houses[0]["id"] == str(need.organisation_id)
        return "ada" if mine is (self.random.random() < 0.8) else "cai"

    async def need(self) -> int:
        """Somebody pauses, resumes, closes or withdraws a need; a new one takes its place."""
        need = await self.some("needs")
        to = self.random.choice(["paused", "open", "in_progress", "open", "done", "withdrawn"])
        body = {"to": to, "reason": "as we agreed"}
        if to in {"done", "withdrawn"} and self.random.random() < 0.7:
            to = body["to"] = "open"
        path = f"/needs/{need.id}/transitions"
        status = await self.ask(self.owner_of(need), "POST", path, body)
        if status < 300 and to in {"done", "withdrawn"}:
            await self.replace_need()
        return status

    async def replace_need(self) -> None:
        """Post another need, so that there is always something to do."""
        owner, house = self.random.choice([("ada", self.houses[0]), ("cai", self.houses[1])])
        places, instant = self.random.randint(1, 2), self.random.random() < 0.5
        more = {"places": places, "instant": instant, "skills": [], "skills_unknown": True}
        assert await self.ask(owner, "POST", "/needs", need_input(house, **more)) == 201
        (draft,) = await self.sql("SELECT id FROM needs WHERE state = 'draft'")
        for to in ("review", "open"):
            status = await self.ask(owner, "POST", f"/needs/{draft.id}/transitions", {"to": to})
            assert status == 200, self.trail[-1]

    async def hold(self) -> int:
        """A steward holds a need, or lets a held one go, or takes it down; no hour is lost by it.

        Now and then it is somebody who may not, or its people answer.
        """
        before = await self.hours()
        name = "steward" if self.random.random() < 0.85 else self.anybody()
        live = await self.some("holds", "ended_at IS NULL")
        if live is None or self.random.random() < 0.4:
            need = await self.some("needs")
            status = await self.ask(name, "POST", f"/needs/{need.id}/holds", {"reason": "look"})
        elif self.random.random() < 0.2:
            words = {"words": "We see it differently"}
            status = await self.ask("ada", "POST", f"/holds/{live.id}/appeal", words)
        else:
            to = self.random.choice(["released", "released", "released", "withdrawn"])
            body = {"to": to, "reason": "cleared", "version": live.version}
            status = await self.ask(name, "POST", f"/holds/{live.id}/transitions", body)
        assert await self.hours() == before, "\n".join(self.trail[-15:])
        return status

    async def hours(self) -> Sequence[Any]:
        """Return what was logged, what is confirmed and what stands in the book."""
        return await self.sql(
            "SELECT (SELECT sum(minutes) FROM work_logs), "
            "(SELECT sum(confirmed_minutes) FROM claims), (SELECT count(*) FROM entries)"
        )

    async def held_is_hidden(self) -> None:
        """See that what is held has its one live hold, and that no stranger reads of it."""
        rows = await self.sql(
            "SELECT n.id FROM needs n FULL JOIN (SELECT * FROM holds WHERE ended_at IS NULL) h "
            "ON h.need_id = n.id WHERE (n.state = 'held') <> (h.id IS NOT NULL)"
        )
        assert rows == [], "\n".join(self.trail[-15:])
        stranger = self.world.stranger()
        listed = (await stranger.ask("GET", "/needs", params={"state": "any", "limit": 100})).text
        for row in await self.sql("SELECT id FROM needs WHERE state = 'held'"):
            assert (await stranger.ask("GET", f"/needs/{row.id}")).status_code == 410
            assert str(row.id) not in listed
        await stranger.http.aclose()
        self.world.people.remove(stranger)

    async def time(self) -> int:
        """Days pass, and the clocks do what is theirs."""
        days = self.random.choice([1, 3, 8])
        self.clock.enter_context(clock.moved(timedelta(days=days)))
        claim = await self.some("claims", "state IN ('applied', 'accepted', 'active', 'submitted')")
        async with transaction(self.world.runtime.sessions) as session:
            for panel_id in await panels.panels_to_redraw(session):
                await panels.redraw(session, panel_id)
            if claim is None or self.random.random() < 0.5:
                return 200
            view = await queries.lock_claim_for(session, SYSTEM, claim.id)
            (to,) = (
                state
                for state, sides in TRANSITIONS[view.claim.state].items()
                if Side.SYSTEM in sides
            )
            if to == ClaimState.PANEL_REVIEW:
                await panels.open_panel(session, SYSTEM, UUID(str(claim.id)), PanelCause.UNANSWERED)
            else:
                actions.check_move(view, to, "")
                await actions.apply_move(session, SYSTEM, view, to)
            self.trail.append(f"clock {claim.id} -> {to}")
        return 200

    async def step(self) -> None:
        """Do one thing, and look whether everything holds."""
        acts: tuple[Callable[[], Awaitable[int]], ...] = (
            self.apply, self.apply, self.answer, self.answer, self.move, self.log, self.log,
            self.log, self.submit, self.submit, self.confirm, self.confirm, self.dispute,
            self.dispute, self.settle, self.panel, self.decide, self.decide, self.places,
            self.need, self.time, self.hold, self.hold,
        )  # fmt: skip
        act = self.random.choice(acts)
        status = await act()
        if 200 <= status < 300:
            self.done[act.__name__] = self.done.get(act.__name__, 0) + 1
        async with transaction(self.world.runtime.sessions) as session:
            found = await count_violations(session)
        await self.held_is_hidden()
        broken = {name: count for name, count in found.items() if count}
        assert broken == {}, "\n".join(self.trail[-15:])


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
async def test_whatever_people_do_everything_holds(world: World, seed: int) -> None:
    walk = Walk(world, seed)
    await walk.begin()
    with walk.clock:
        for _ in range(STEPS):
            await walk.step()
    # A walk in which nothing succeeds proves nothing; much is refused, as it should be.
    assert {"apply", "answer", "move"} & set(walk.done), walk.done
    assert sum(walk.done.values()) >= STEPS // 10, walk.done


WANTED = {
    "apply", "answer", "move", "log", "submit", "confirm", "dispute", "places", "time", "hold",
}  # fmt: skip
STATES = {"confirmed", "disputed", "panel_review", "submitted"}


@pytest.mark.slow
async def test_the_walk_reaches_what_it_is_about(world: World) -> None:
    """A walk of some length confirms, disputes and judges, so that the others can be trusted.

    The seed chooses the steps, but ids and panels are drawn anew in each run: it goes on until it
    was everywhere, and fails when that takes many times as long as it does as a rule.
    """
    walk = Walk(world, 5)
    await walk.begin()
    states: set[str] = set()
    with walk.clock:
        for _ in range(STEPS * 20):
            await walk.step()
            if set(walk.done) >= WANTED:
                rows = await walk.sql("SELECT DISTINCT to_state FROM claim_history")
                states = {row[0] for row in rows}
                if states >= STATES:
                    break
    assert set(walk.done) >= WANTED, walk.done
    assert states >= STATES
    assert (await walk.sql("SELECT count(*) FROM entries"))[0][0] > 0

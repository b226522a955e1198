"""Every clock and every step, at the moment before and at the moment itself, with a moved clock."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import col, select

from app.infra import clock
from app.models.activity import Activity
from app.workers.clocks import turn_clocks
from tests.factories.world import Json, Person, World, need_input

# A Monday noon, so that three working days are three days.
BEGIN = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
MOMENT = timedelta(seconds=1)


class Story:
    """An organisation, a worker and a need, and the clock that moves over them."""

    def __init__(self, world: World, owner: Person, worker: Person, organisation: Json) -> None:
        """Everybody is signed in."""
        self.world, self.owner, self.worker = world, owner, worker
        self.organisation = organisation

    async def need(self, **changes: Any) -> Json:
        """Return an open need of the organisation."""
        return await self.world.open_need(self.owner, self.organisation, **changes)

    async def claim(self, need: Json, worker: Person | None = None) -> Json:
        """Let somebody apply, or take a place where that is instant."""
        return await (worker or self.worker).post(f"/needs/{need['id']}/claims", {"note": ""})

    async def accepted(self, **changes: Any) -> Json:
        """Return a claim that has just been given a place."""
        return await self.claim(await self.need(instant=True, **changes))

    async def active(self, **changes: Any) -> Json:
        """Return a claim on which work was just logged."""
        claim = await self.accepted(**changes)
        await self.log(claim)
        return claim

    async def log(self, claim: Json) -> None:
        """Log an hour of work."""
        log = {"worked_on": clock.today().isoformat(), "minutes": 60, "note": ""}
        await self.worker.post(f"/claims/{claim['id']}/work-logs", log)

    async def state(self, claim: Json) -> str:
        """Return where a claim stands."""
        return str((await self.worker.get(f"/claims/{claim['id']}"))["state"])

    async def need_state(self, need: Json) -> str:
        """Return where a need stands."""
        return str((await self.owner.get(f"/needs/{need['id']}"))["state"])

    async def sweep(self) -> int:
        """Let the clocks take what is due."""
        return await turn_clocks(self.world.runtime)

    async def told(self, verb: str) -> list[Activity]:
        """Return what was recorded under a verb."""
        async with self.world.runtime.sessions() as session:
            statement = select(Activity).where(Activity.verb == verb).order_by(col(Activity.id))
            return list((await session.exec(statement)).all())

    async def after(self, passed: timedelta, verb: str) -> tuple[int, int]:
        """Count what is told of a verb a moment before a time has passed, and when it has."""
        with at(passed - MOMENT):
            await self.sweep()
            before = len(await self.told(verb))
        with at(passed):
            await self.sweep()
            return before, len(await self.told(verb))


@contextmanager
def at(passed: timedelta) -> Iterator[None]:
    """Hold the clock so long after the beginning."""
    with clock.frozen(BEGIN + passed):
        yield


async def lasting(person: Person) -> Person:
    """Give somebody a key: their session would not outlive the weeks of a test."""
    scopes = ["needs:read", "needs:write", "claims:read", "claims:write"]
    body = {"name": "weeks", "scopes": scopes, "expires_in_days": 365}
    token = (await person.post("/me/tokens", body))["token"]
    person.http.headers["Authorization"] = f"Bearer {token}"
    return person


@pytest.fixture
async def story(world: World) -> Any:
    """Begin on a Monday; the clock stands there until a test moves it."""
    with at(timedelta(0)):
        owner, worker = await world.sign_up("owner"), await world.sign_up("worker")
        organisation = await world.organisation(owner)
        yield Story(world, await lasting(owner), await lasting(worker), organisation)


async def test_an_accepted_claim_is_asked_for_its_start_and_lapses_after_its_grace(
    story: Story,
) -> None:
    claim = await story.accepted()
    assert await story.after(3 * DAY, "claim.start_asked") == (0, 1)
    (asked,) = await story.told("claim.start_asked")
    assert asked.details["tell"] == [story.worker.id]
    assert asked.details["until"] == (BEGIN + 10 * DAY).isoformat()
    assert await story.after(10 * DAY, "claim.lapsed") == (0, 1)
    with at(10 * DAY):
        assert await story.state(claim) == "lapsed"
    assert await story.told("claim.nudged") == [], "one question is enough"


async def test_stale_claims_blocking_others_for_ever(story: Story) -> None:
    """A silent claim is nudged and lapses, its place is free, and nothing else follows."""
    claim = await story.active(places=1)
    need = claim["need"]
    assert await story.after(3 * DAY, "claim.nudged") == (0, 1)
    assert await story.after(10 * DAY, "claim.lapsed") == (0, 1)
    with at(10 * DAY):
        assert await story.state(claim) == "lapsed"
        shown = await story.owner.get(f"/needs/{need['id']}")
        assert (shown["state"], shown["taken"]) == ("open", 0)
        (freed,) = await story.told("need.place_freed")
        assert freed.object_id == UUID(need["id"])
        again = await story.claim(need)
        assert again["state"] == "accepted", "whoever lapsed may take it up again, at no cost"


async def test_a_need_in_progress_is_open_again_when_its_claim_lapses(story: Story) -> None:
    claim = await story.active(places=1)
    path = f"/needs/{claim['need']['id']}"
    await story.owner.move(path, "in_progress")
    for days in (3, 10):
        with at(days * DAY):
            await story.sweep()
    with at(10 * DAY):
        assert await story.need_state(claim["need"]) == "open"


async def test_work_that_was_sent_back_does_not_hold_its_place_for_ever(story: Story) -> None:
    claim = await story.active()
    path = f"/claims/{claim['id']}"
    with at(DAY):
        await story.worker.move(path, "submitted")
    with at(2 * DAY):
        await story.owner.move(path, "changes_requested", "one page is missing")
    assert await story.after(5 * DAY, "claim.nudged") == (0, 1)
    assert await story.after(12 * DAY, "claim.lapsed") == (0, 1)


@pytest.mark.parametrize("sign", ["log", "tap"])
async def test_any_sign_of_life_begins_the_clock_again(story: Story, sign: str) -> None:
    claim = await story.active()
    with at(2 * DAY):
        if sign == "log":
            await story.log(claim)
        else:
            await story.worker.post(f"/claims/{claim['id']}/heartbeat", expect=200)
    assert await story.after(5 * DAY, "claim.nudged") == (0, 1)
    with at(9 * DAY):
        await story.worker.post(f"/claims/{claim['id']}/heartbeat", expect=200)
    assert await story.after(12 * DAY, "claim.nudged") == (1, 2)
    with at(18 * DAY):
        await story.sweep()
        assert await story.state(claim) == "active"
    with at(19 * DAY):
        await story.sweep()
        assert await story.state(claim) == "lapsed"


async def test_what_others_do_keeps_nobodys_place(story: Story) -> None:
    claim = await story.active()
    answer = await story.owner.ask("POST", f"/claims/{claim['id']}/heartbeat")
    assert (answer.status_code, answer.json()["code"]) == (403, "only_worker_beats")
    assert await story.after(3 * DAY, "claim.nudged") == (0, 1)


async def test_only_a_claim_that_runs_can_be_kept(story: Story) -> None:
    claim = await story.claim(await story.need())
    answer = await story.worker.ask("POST", f"/claims/{claim['id']}/heartbeat")
    assert (answer.status_code, answer.json()["code"]) == (409, "claim_not_running")


async def test_an_application_is_answered_or_everybody_is_free(story: Story) -> None:
    need = await story.need(places=3)
    other = await lasting(await story.world.sign_up("other"))
    claims = [await story.claim(need)]
    assert await story.after(3 * DAY, "claim.answer_reminded") == (0, 1)
    with at(6 * DAY):
        claims.append(await story.claim(need, other))
    assert await story.after(7 * DAY, "claim.answer_slow") == (0, 1)
    assert await story.after(14 * DAY, "need.paused_unanswered") == (0, 1)
    with at(14 * DAY):
        assert await story.need_state(need) == "paused"
        assert await story.state(claims[0]) == "expired"
        assert (await other.get(f"/claims/{claims[1]['id']}"))["state"] == "expired"
        await story.owner.move(f"/needs/{need['id']}", "open")
        assert (await story.claim(need))["state"] == "applied", "nothing is held against anybody"
    (paused,) = await story.told("need.paused_unanswered")
    assert paused.details["tell"] == [story.owner.id]
    assert len(await story.told("claim.expired")) == 2


async def test_an_application_on_a_need_that_rests_expires_alone(story: Story) -> None:
    need = await story.need()
    claim = await story.claim(need)
    with at(DAY):
        await story.owner.move(f"/needs/{need['id']}", "paused")
    for days in (3, 7):
        with at(days * DAY):
            await story.sweep()
    assert await story.after(14 * DAY, "claim.expired") == (0, 1)
    with at(14 * DAY):
        assert await story.state(claim) == "expired"
        assert await story.told("need.paused_unanswered") == []


async def test_an_answer_in_time_stops_the_clock(story: Story) -> None:
    need = await story.need()
    claim = await story.claim(need)
    with at(2 * DAY):
        await story.owner.move(f"/claims/{claim['id']}", "accepted")
    assert await story.after(5 * DAY, "claim.start_asked") == (0, 1)
    assert await story.told("claim.answer_reminded") == []


@pytest.mark.parametrize(
    ("zone", "applied", "reminded"),
    [
        ("UTC", (6, 12, 0), (11, 12, 0)),  # Friday to Wednesday, over the weekend
        ("UTC", (7, 15, 0), (12, 0, 0)),  # on a Saturday: from Monday's beginning
        ("Europe/Athens", (27, 12, 0), (32, 11, 0)),  # summer time begins in between
        ("Pacific/Auckland", (8, 12, 0), (11, 12, 0)),  # Sunday noon here is Monday there
    ],
)
async def test_working_days_are_those_of_the_organisation(
    story: Story, zone: str, applied: tuple[int, int, int], reminded: tuple[int, int, int]
) -> None:
    def march(when: tuple[int, int, int]) -> timedelta:
        day, hour, minute = when
        first = datetime(2026, 3, 1, tzinfo=UTC)
        return first + timedelta(days=day - 1, hours=hour, minutes=minute) - BEGIN

    path = f"/organisations/{story.organisation['id']}"
    del story.owner.http.headers["Authorization"]  # a member changes this at their browser
    await story.owner.change(path, {"time_zone": zone}, story.organisation["version"])
    await lasting(story.owner)
    need = await story.need()
    with at(march(applied)):
        await story.claim(need)
    assert await story.after(march(reminded), "claim.answer_reminded") == (0, 1)


async def test_work_that_nobody_confirms_goes_to_a_panel_and_never_into_the_book(
    story: Story,
) -> None:
    claim = await story.active()
    await story.worker.move(f"/claims/{claim['id']}", "submitted")
    assert await story.after(7 * DAY, "claim.confirmation_reminded") == (0, 1)
    assert await story.after(14 * DAY, "claim.panel_review") == (0, 1)
    with at(14 * DAY):
        assert await story.state(claim) == "panel_review"
        mine = await story.worker.ask("GET", f"/claims/{claim['id']}")
        assert mine.json()["confirmation"] is None


async def test_the_window_for_disputes_closes(story: Story) -> None:
    claim = await story.active()
    await story.worker.move(f"/claims/{claim['id']}", "submitted")
    await story.world.confirm(story.owner, claim, 60)
    assert await story.after(30 * DAY, "claim.dispute_window_closed") == (0, 1)


async def test_a_need_without_answer_is_renewed_or_archived(story: Story) -> None:
    need = await story.need()
    assert await story.after(40 * DAY, "need.renewal_asked") == (0, 1)
    assert await story.after(90 * DAY, "need.archived") == (0, 1)
    with at(90 * DAY):
        assert await story.need_state(need) == "archived"


async def test_a_need_that_somebody_is_on_is_not_asked_about(story: Story) -> None:
    claim = await story.claim(need := await story.need())
    with at(2 * DAY):
        await story.owner.move(f"/claims/{claim['id']}", "declined", "we found somebody near")
    for days in (40, 41):
        with at(days * DAY):
            await story.sweep()
            assert await story.told("need.renewal_asked") == []
    assert await story.after(42 * DAY, "need.renewal_asked") == (0, 1)
    assert need["state"] == "open"


async def test_a_need_ends_with_its_deadlines_day(story: Story) -> None:
    need = await story.need(deadline="2026-03-10")
    end = datetime(2026, 3, 11, tzinfo=UTC) - BEGIN
    assert await story.after(end, "need.expired") == (0, 1)
    with at(end):
        assert await story.need_state(need) == "expired"


async def test_a_need_sets_its_own_clocks_within_bounds(story: Story) -> None:
    clocks = {"start_days": 5, "heartbeat_days": 14, "answer_days": 1, "confirm_days": 8}
    claim = await story.accepted(clocks={**clocks, "renewal_days": 20})
    assert await story.after(5 * DAY, "claim.start_asked") == (0, 1)
    assert await story.after(17 * DAY, "claim.lapsed") == (0, 1)
    with at(17 * DAY):
        assert await story.state(claim) == "lapsed"
    assert await story.after(37 * DAY, "need.renewal_asked") == (0, 1)


@pytest.mark.parametrize(
    "clocks",
    [
        {"heartbeat_days": 2}, {"heartbeat_days": 31}, {"answer_days": 6}, {"confirm_days": 15},
        {"start_days": 0}, {"renewal_days": 121}, {"slow_days": 30},
    ],
)  # fmt: skip
async def test_clocks_out_of_bounds_are_refused(story: Story, clocks: dict[str, int]) -> None:
    await story.world.draft(story.owner, story.organisation, clocks={"heartbeat_days": 3})
    body = need_input(story.organisation, clocks=clocks)
    answer = await story.owner.ask("POST", "/needs", json=body)
    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert fault["pointer"] == f"/clocks/{next(iter(clocks))}"


async def test_shorter_clocks_count_for_claims_that_run_already(story: Story) -> None:
    claim = await story.active()
    path = f"/needs/{claim['need']['id']}"
    with at(2 * DAY):
        await story.sweep()
        version = (await story.owner.get(path))["version"]
        await story.owner.change(path, {"clocks": {"heartbeat_days": 3}}, version)
        await story.sweep()
    assert len(await story.told("claim.nudged")) == 1


async def test_a_lapse_ages_out_even_for_the_parties(story: Story) -> None:
    claim = await story.active()
    for days in (3, 10):
        with at(days * DAY):
            await story.sweep()
    path = f"/claims/{claim['id']}"
    for passed, status in ((100 * DAY - MOMENT, 200), (100 * DAY, 404)):
        with at(passed):
            assert (await story.worker.ask("GET", path)).status_code == status
            assert (await story.owner.ask("GET", path)).status_code == status
            listed = (await story.worker.get("/me/claims"))["items"]
            assert len(listed) == (1 if status == 200 else 0)

"""While a need is held no clock of either side runs, and afterwards each goes on where it stood."""

from datetime import timedelta
from typing import Any

import pytest

from app.infra import clock
from tests.factories.world import Json, Person
from tests.workers.test_clocks import BEGIN, DAY, MOMENT, Story, at, story

__all__ = ["story"]


async def stewards_key(story: Story) -> Person:
    """Return the steward with a key that outlives the weeks of a test."""
    steward = story.world.steward
    assert steward is not None
    body = {"name": "weeks", "scopes": ["admin", "needs:read"], "expires_in_days": 365}
    token = (await steward.post("/me/tokens", body))["token"]
    steward.http.headers["Authorization"] = f"Bearer {token}"
    return steward


async def hold(story: Story, steward: Person, need_id: str) -> Json:
    """Hold a need."""
    return await steward.post(f"/needs/{need_id}/holds", {"reason": "Let us look"})


async def release(steward: Person, held: Json) -> None:
    """Let a need go."""
    headers = {"If-Match": f'"{held["version"]}"'}
    body = {"to": "released", "reason": ""}
    path = f"/holds/{held['id']}/transitions"
    answer = await steward.ask("POST", path, json=body, headers=headers)
    assert answer.status_code == 200, answer.text


def need_of(claim: Json) -> str:
    """Return the need of a claim."""
    return str(claim["need"]["id"])


async def begun(story: Story, what: str) -> Json:
    """Return a claim whose clock of a kind has just begun."""
    if what == "start":
        return await story.accepted()
    if what == "heartbeat":
        return await story.active()
    if what == "answer":
        return await story.claim(await story.need())
    claim = await story.active()
    return await story.worker.move(f"/claims/{claim['id']}", "submitted")


# What each clock takes from somebody in the end, and after how many days.
ENDS = {
    "start": ("claim.lapsed", 10),
    "heartbeat": ("claim.lapsed", 10),
    "answer": ("claim.expired", 14),
    "confirm": ("claim.panel_review", 14),
}


@pytest.mark.parametrize("what", list(ENDS))
async def test_a_held_needs_clock_stands_and_goes_on_where_it_stood(
    story: Story, what: str
) -> None:
    steward = await stewards_key(story)
    claim = await begun(story, what)
    verb, days = ENDS[what]
    with at(DAY):
        await story.sweep()
        held = await hold(story, steward, need_of(claim))
    with at(100 * DAY):
        await story.sweep()
        assert await story.told(verb) == []
        shown = await story.worker.get(f"/claims/{claim['id']}")
        assert shown["next_step"] is None
    with at(101 * DAY):
        await release(steward, held)
        await story.sweep()
        assert await story.told(verb) == [], "a hundred days held are none gone by"
    # Every step before the last comes in its time as well: a sweep a day, as the workers do.
    for day in range(102, 100 + days):
        with at(day * DAY):
            await story.sweep()
    assert await story.after((100 + days) * DAY, verb) == (0, 1)


async def test_the_same_claim_lapses_on_its_day_where_nobody_held_it(story: Story) -> None:
    await begun(story, "heartbeat")
    for day in range(1, 10):
        with at(day * DAY):
            await story.sweep()
    assert await story.after(10 * DAY, "claim.lapsed") == (0, 1)


async def test_nobody_is_asked_twice_because_of_a_hold(story: Story) -> None:
    steward = await stewards_key(story)
    claim = await begun(story, "start")
    with at(3 * DAY):
        await story.sweep()
        assert len(await story.told("claim.start_asked")) == 1
        held = await hold(story, steward, need_of(claim))
    with at(30 * DAY):
        await story.sweep()
        await release(steward, held)
        await story.sweep()
    assert len(await story.told("claim.start_asked")) == 1
    assert await story.after((27 + 10) * DAY, "claim.lapsed") == (0, 1)


async def test_two_holds_both_count_for_nobody(story: Story) -> None:
    steward = await stewards_key(story)
    claim = await begun(story, "heartbeat")
    for start in (1, 20):
        with at(start * DAY):
            held = await hold(story, steward, need_of(claim))
        with at((start + 10) * DAY):
            await release(steward, held)
    with at(23 * DAY):
        await story.sweep()
    with at(30 * DAY - MOMENT):
        await story.sweep()
        assert await story.state(claim) == "active"


async def test_a_held_need_neither_expires_nor_grows_old(story: Story) -> None:
    steward = await stewards_key(story)
    deadline = (BEGIN + 5 * DAY).date().isoformat()
    need = await story.need(deadline=deadline)
    with at(2 * DAY):
        held = await hold(story, steward, need["id"])
    with at(200 * DAY):
        await story.sweep()
        assert await story.need_state(need) == "held"
        assert await story.told("need.renewal_asked") == []
        await release(steward, held)
        await story.sweep()
        found = await story.owner.get(f"/needs/{need['id']}")
        assert found["state"] == "open"
        # Three days were left when it was held.
        assert found["deadline"] == (clock.today() + timedelta(days=3)).isoformat()
    with at(203 * DAY):
        await story.sweep()
        assert await story.need_state(need) == "open"
    with at(204 * DAY):
        await story.sweep()
        assert await story.need_state(need) == "expired"


async def test_an_organisation_is_not_slow_while_it_could_not_answer(story: Story) -> None:
    steward = await stewards_key(story)
    need = await story.need()
    await story.claim(need)

    async def slow() -> Any:
        return (await story.worker.get(f"/needs/{need['id']}"))["answers_slowly"]

    with at(DAY):
        held = await hold(story, steward, need["id"])
    with at(30 * DAY):
        await release(steward, held)
        assert await slow() is False
    with at(36 * DAY - MOMENT):
        assert await slow() is False
    with at(36 * DAY):
        assert await slow() is True


async def test_peers_forget_a_held_need_and_get_it_again(story: Story) -> None:
    """What they are told is read off the state, so the two activities are what counts here."""
    steward = await stewards_key(story)
    need = await story.need()
    held = await hold(story, steward, need["id"])
    (gone,) = await story.told("need.withdrawn")
    assert str(gone.object_id) == need["id"]
    before = len(await story.told("need.updated"))
    await release(steward, held)
    assert len(await story.told("need.updated")) == before + 1

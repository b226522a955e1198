"""Row by row of the clocks' table: whoever answers in time loses nothing, in any zone."""

from datetime import UTC, date, datetime, timedelta

import pytest

from tests.pages.reading import Reader
from tests.workers.test_clocks import BEGIN, DAY, MOMENT, Story, at, lasting, story

__all__ = ["story"]  # a fixture of the other file


async def sweep_daily(story: Story, first: int, last: int) -> None:
    """Let the clocks turn once a day, as they do at least."""
    for day in range(first, last + 1):
        with at(day * DAY):
            await story.sweep()


async def test_a_start_that_was_told_lapses_nothing(story: Story) -> None:
    claim = await story.accepted()
    await sweep_daily(story, 1, 4)
    assert len(await story.told("claim.start_asked")) == 1
    with at(5 * DAY):
        await story.worker.post(f"/claims/{claim['id']}/heartbeat", expect=200)
    await sweep_daily(story, 6, 12)
    with at(12 * DAY):
        assert await story.state(claim) == "accepted"
    assert len(await story.told("claim.start_asked")) == 1, "asked once, then the heartbeat's rules"
    assert len(await story.told("claim.nudged")) == 1


async def test_a_message_in_the_thread_is_a_sign_of_life_of_its_worker_alone(story: Story) -> None:
    claim = await story.active()
    path = f"/claims/{claim['id']}/messages"
    with at(2 * DAY):
        await story.owner.post(path, {"body": "How is it going?"})
    assert await story.after(3 * DAY, "claim.nudged") == (0, 1)
    with at(9 * DAY):
        await story.worker.post(path, {"body": "Slowly, but it goes"})
    with at(10 * DAY):
        await story.sweep()
        assert await story.state(claim) == "active"
    assert await story.after(12 * DAY, "claim.nudged") == (1, 2)
    assert await story.after(19 * DAY, "claim.lapsed") == (0, 1)


@pytest.mark.parametrize("answer", ["accepted", "declined"])
async def test_an_application_that_is_answered_late_is_slow_no_more(
    story: Story, answer: str
) -> None:
    need = await story.need()
    claim = await story.claim(need)
    page = f"/needs/{need['id']}"
    reader = Reader(story.world, None)
    slow = "Answers take long here"
    with at(7 * DAY - MOMENT):
        assert slow not in (await reader.open(page)).main.text
    await sweep_daily(story, 3, 8)
    with at(8 * DAY):
        assert slow in (await reader.open(page)).main.text
        reason = "somebody was first" if answer == "declined" else ""
        await story.owner.move(f"/claims/{claim['id']}", answer, reason)
        assert slow not in (await reader.open(page)).main.text
    await sweep_daily(story, 9, 15)
    with at(15 * DAY):
        assert await story.need_state(need) == "open"
        assert await story.state(claim) == answer
    assert await story.told("need.paused_unanswered") == []


@pytest.mark.parametrize("answer", ["confirmed", "changes_requested"])
async def test_work_that_is_answered_in_time_goes_to_no_panel(story: Story, answer: str) -> None:
    claim = await story.active()
    await story.worker.move(f"/claims/{claim['id']}", "submitted")
    await sweep_daily(story, 7, 13)
    assert len(await story.told("claim.confirmation_reminded")) == 1
    with at(14 * DAY - MOMENT):
        if answer == "confirmed":
            await story.world.confirm(story.owner, claim, 60)
        else:
            await story.owner.move(f"/claims/{claim['id']}", answer, "one page is missing")
    await sweep_daily(story, 14, 16)
    with at(16 * DAY):
        assert await story.state(claim) == answer
    assert await story.told("claim.panel_review") == []


@pytest.mark.parametrize(("passed", "status"), [(30 * DAY - MOMENT, 200), (30 * DAY, 409)])
async def test_a_dispute_within_its_window_is_heard(
    story: Story, passed: timedelta, status: int
) -> None:
    claim = await story.active()
    await story.worker.move(f"/claims/{claim['id']}", "submitted")
    await story.world.confirm(story.owner, claim, 60)
    with at(passed):
        await story.sweep()
        body = {"to": "disputed", "reason": "it was two hours"}
        answer = await story.worker.ask("POST", f"/claims/{claim['id']}/transitions", json=body)
        assert answer.status_code == status, answer.text
    await sweep_daily(story, 31, 31)
    closed = await story.told("claim.dispute_window_closed")
    assert len(closed) == (0 if status == 200 else 1)


async def test_a_need_that_is_renewed_is_not_archived(story: Story) -> None:
    need = await story.need()
    with at(40 * DAY):
        await story.sweep()
    assert len(await story.told("need.renewal_asked")) == 1
    with at(80 * DAY):
        await story.owner.post(f"/needs/{need['id']}/renewal", expect=200)
    with at(100 * DAY):
        await story.sweep()
        assert await story.need_state(need) == "open"
    assert await story.after(120 * DAY, "need.renewal_asked") == (1, 2)
    assert await story.told("need.archived") == []


async def test_a_need_that_somebody_is_on_outlives_its_deadline(story: Story) -> None:
    claim = await story.active(deadline="2026-03-04")
    with at(3 * DAY):
        await story.sweep()
        assert await story.need_state(claim["need"]) != "expired"
    assert await story.told("need.expired") == []


@pytest.mark.parametrize(
    ("zone", "day", "ends"),
    [
        ("Europe/Athens", date(2026, 3, 28), datetime(2026, 3, 28, 22, tzinfo=UTC)),
        ("Europe/Athens", date(2026, 3, 29), datetime(2026, 3, 29, 21, tzinfo=UTC)),  # a short day
        ("Pacific/Auckland", date(2026, 4, 5), datetime(2026, 4, 5, 12, tzinfo=UTC)),  # a long one
        ("America/New_York", date(2026, 3, 8), datetime(2026, 3, 9, 4, tzinfo=UTC)),
    ],
)
async def test_a_deadlines_day_is_the_organisations_also_when_the_clocks_change(
    story: Story, zone: str, day: date, ends: datetime
) -> None:
    path = f"/organisations/{story.organisation['id']}"
    del story.owner.http.headers["Authorization"]  # a member changes this at their browser
    await story.owner.change(path, {"time_zone": zone}, story.organisation["version"])
    await lasting(story.owner)
    await story.need(deadline=day.isoformat())
    assert await story.after(ends - BEGIN, "need.expired") == (0, 1)


async def test_a_week_of_silence_is_as_long_when_the_clocks_change(story: Story) -> None:
    """Days of a heartbeat are 24 hours: nobody loses an hour to summer time."""
    before = datetime(2026, 3, 27, 12, tzinfo=UTC) - BEGIN
    claim = await story.accepted()
    with at(2 * DAY):
        await story.worker.post(f"/claims/{claim['id']}/heartbeat", expect=200)
    for day in range(4, 25, 2):
        with at(day * DAY):
            await story.worker.post(f"/claims/{claim['id']}/heartbeat", expect=200)
    with at(before):
        await story.worker.post(f"/claims/{claim['id']}/heartbeat", expect=200)
    assert await story.after(before + 3 * DAY, "claim.nudged") == (0, 1)
    assert await story.after(before + 10 * DAY, "claim.lapsed") == (0, 1)

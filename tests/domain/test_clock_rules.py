"""The clocks as properties: each step once, in order, never before its time, nobody unasked."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.claims.rules import TRANSITIONS as CLAIM_MOVES
from app.domain.claims.sweep import EFFECTS as CLAIM_EFFECTS
from app.domain.needs.clocks import (
    CLOCKS,
    USUAL,
    Clock,
    Running,
    add_working_days,
    end_of_day,
    is_slow,
    next_step,
)
from app.domain.needs.sweep import EFFECTS as NEED_EFFECTS
from app.infra import i18n
from app.models.claims import ClaimState
from app.models.need_parts import ClockFields

BEGIN = datetime(2026, 3, 2, 12, tzinfo=UTC)
ZONES = st.sampled_from(["UTC", "Europe/Athens", "Europe/Madrid", "America/New_York",
                         "Pacific/Auckland", "Pacific/Apia"])  # fmt: skip
MOMENTS = st.integers(0, 2 * 366 * 24 * 60).map(lambda minutes: BEGIN + timedelta(minutes=minutes))
OVERRIDES = st.fixed_dictionaries(
    {},
    optional={
        "start_days": st.integers(1, 14),
        "heartbeat_days": st.integers(3, 30),
        "answer_days": st.integers(1, 5),
        "confirm_days": st.integers(7, 14),
        "renewal_days": st.integers(14, 120),
    },
)
# How far the clock goes between looks, now and then back: a machine's clock is set right.
LOOKS = st.lists(st.floats(-2 / 24, 30).map(lambda days: timedelta(days=days)), max_size=40)


def play(running: Running, looks: list[timedelta]) -> list[tuple[str, datetime, datetime]]:
    """Sweep at some moments; return each step with when it was due and when it was taken."""
    taken: dict[str, datetime] = {}
    done, now = [], running.since
    for passed in looks:
        now += passed
        while (due := next_step(running, taken)) is not None and due.at <= now:
            done.append((due.step.name, due.at, now))
            taken[due.step.name] = now
    return done


@given(st.sampled_from(CLOCKS), OVERRIDES, ZONES, MOMENTS, LOOKS)
def test_each_step_is_taken_once_in_order_and_never_before_its_time(
    clock: Clock, days: dict[str, int], zone: str, since: datetime, looks: list[timedelta]
) -> None:
    done = play(Running(clock, since, zone, days), looks)
    names = [step.name for step in clock.steps]
    assert [name for name, _, _ in done] == names[: len(done)]
    assert all(due <= at for _, due, at in done)
    assert all(due >= since for _, due, _ in done)


@given(st.sampled_from(CLOCKS), OVERRIDES, MOMENTS, LOOKS)
def test_what_takes_something_away_comes_days_after_the_question_was_really_asked(
    clock: Clock, days: dict[str, int], since: datetime, looks: list[timedelta]
) -> None:
    done = play(Running(clock, since, "UTC", days), looks)
    for before, after in pairwise(done):
        step = next(step for step in clock.steps if step.name == after[0])
        assert after[2] - before[2] >= timedelta(days=step.notice_days)


@given(st.sampled_from(CLOCKS), MOMENTS)
def test_a_long_night_takes_nothing_away_unasked(clock: Clock, since: datetime) -> None:
    done = play(Running(clock, since), [timedelta(days=400)])
    asked = [step.name for step in clock.steps]
    lost = [step.name for step in clock.steps if step.notice_days]
    assert [name for name, _, _ in done] == (asked[: asked.index(lost[0])] if lost else asked)


@given(st.sampled_from(CLOCKS), OVERRIDES, MOMENTS, st.integers(1, 10_000))
def test_a_new_sign_of_life_begins_again(
    clock: Clock, days: dict[str, int], since: datetime, minutes: int
) -> None:
    later = since + timedelta(minutes=minutes)
    first, second = (next_step(Running(clock, m, "UTC", days), {}) for m in (since, later))
    assert first is not None
    assert second is not None
    assert second.at >= first.at
    assert first.since != second.since


@given(MOMENTS, st.integers(1, 5), ZONES)
def test_working_days_end_on_a_working_day_and_skip_weekends(
    moment: datetime, days: int, zone: str
) -> None:
    there = ZoneInfo(zone)
    end = add_working_days(moment, days, zone)
    assert end.astimezone(there).weekday() < 5
    begun, ended = moment.astimezone(there).date(), end.astimezone(there).date()
    between = (begun + timedelta(days=n) for n in range(1, (ended - begun).days + 1))
    counted = sum(day.weekday() < 5 for day in between)
    assert counted == days + (begun.weekday() >= 5)


@pytest.mark.parametrize(
    ("zone", "day", "end"),
    [
        ("UTC", date(2026, 3, 29), datetime(2026, 3, 30, tzinfo=UTC)),
        ("Europe/Athens", date(2026, 3, 29), datetime(2026, 3, 29, 21, tzinfo=UTC)),
        ("Europe/Athens", date(2026, 10, 25), datetime(2026, 10, 25, 22, tzinfo=UTC)),
    ],
)
def test_a_day_ends_at_midnight_there_also_when_the_clocks_change(
    zone: str, day: date, end: datetime
) -> None:
    assert end_of_day(day, zone) == end


def test_the_table_names_what_is_there() -> None:
    steps = {f"{clock.name}_{step.name}" for clock in CLOCKS for step in clock.steps}
    assert steps == set(CLAIM_EFFECTS) | set(NEED_EFFECTS)
    assert all(i18n.exists(f"clock.{code}") for code in steps)
    assert {step.counts for clock in CLOCKS for step in clock.steps} == set(USUAL)
    assert set(ClockFields.model_fields) <= set(USUAL)


def test_the_usual_times_lie_within_the_bounds_of_a_need() -> None:
    ClockFields(**{name: USUAL[name] for name in ClockFields.model_fields})


def test_every_state_that_holds_a_place_silently_has_a_clock() -> None:
    clocked = set().union(*(clock.runs_in for clock in CLOCKS))
    lapsing = {state for state, moves in CLAIM_MOVES.items() if ClaimState.LAPSED in moves}
    assert lapsing <= clocked
    assert {ClaimState.APPLIED, ClaimState.SUBMITTED} <= clocked


def test_a_need_is_slow_from_a_week_on() -> None:
    week = BEGIN + timedelta(days=7)
    assert not is_slow(None, week)
    assert not is_slow(BEGIN, week - timedelta(seconds=1))
    assert is_slow(BEGIN, week)

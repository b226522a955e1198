"""What a period waits for, at each step of its closing."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from app.domain.periods.rules import Check, CheckItem
from app.domain.periods.steps import NextStep, next_step
from app.infra.ids import private_id
from app.models.periods import ObjectionState, Period, PeriodObjection, PeriodState

LAST = date(2026, 3, 31)
NOW = datetime(2026, 5, 1, tzinfo=UTC)
DAY = timedelta(days=1)
S = PeriodState


def period(state: PeriodState, **more: Any) -> Period:
    return Period(
        id=private_id(), book_id=private_id(), number=1, starts_on=date(2026, 1, 1), ends_on=LAST,
        state=state, created_by=private_id(), **more,
    )  # fmt: skip


def objection(state: ObjectionState) -> PeriodObjection:
    return PeriodObjection(
        id=private_id(), period_id=private_id(), account_id=private_id(), draft=1,
        text="An hour is missing", state=state, raised_at=NOW,
    )  # fmt: skip


@pytest.mark.parametrize("state", [S.OPEN, S.REOPENED])
def test_while_figures_are_entered_the_days_come_first_then_what_is_needed(
    state: PeriodState,
) -> None:
    one = period(state)
    last_moment = datetime(2026, 3, 31, 23, 59, tzinfo=UTC)
    missing = [CheckItem(Check.SURPLUS, fine=False)]
    doubtful = [CheckItem(Check.CLAIMS, fine=False, count=3)]
    assert next_step(one, [], last_moment, missing) == NextStep.RUNS
    assert next_step(one, [], last_moment + DAY, missing) == NextStep.MISSING
    assert next_step(one, [], last_moment + DAY, doubtful) == NextStep.FREEZE


def test_from_the_freeze_to_the_lock_each_step_is_somebodys() -> None:
    open_one, kept = objection(ObjectionState.OPEN), objection(ObjectionState.KEPT)
    assert next_step(period(S.FROZEN), [], NOW) == NextStep.DRAW
    drafted = period(S.DRAFTED, objections_until=NOW)
    assert next_step(drafted, [], NOW - DAY) == NextStep.READ
    assert next_step(drafted, [kept, open_one], NOW - DAY) == NextStep.ANSWER
    assert next_step(drafted, [kept, open_one], NOW + DAY) == NextStep.ANSWER
    assert next_step(drafted, [kept], NOW) == NextStep.SIGN
    signed = period(S.SIGNED, objections_until=NOW)
    assert next_step(signed, [kept], NOW) == NextStep.SECOND
    assert next_step(period(S.SIGNED, objections_until=NOW, locks_at=NOW), [], NOW) == NextStep.LOCK
    assert next_step(period(S.LOCKED, locks_at=NOW), [], NOW) == NextStep.NONE

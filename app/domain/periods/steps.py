"""What comes next in closing a period. Pure; people do each step, never a clock."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum

from app.domain.periods.rules import CheckItem, is_editable, unmet
from app.models.periods import ObjectionState, Period, PeriodObjection, PeriodState


class NextStep(StrEnum):
    """The one thing that a period waits for."""

    RUNS = "runs"  # its days are not over
    MISSING = "missing"  # something that is needed is not there
    FREEZE = "freeze"  # nothing is missing
    DRAW = "draw"  # the workers of the instance draw it up
    READ = "read"  # everybody reads their line, and may object
    ANSWER = "answer"  # an objection waits for its answer
    SIGN = "sign"  # the first worker-owner signs
    SECOND = "second"  # another worker-owner signs
    LOCK = "lock"  # the workers of the instance lock it
    NONE = "none"  # it is locked


def next_step(
    period: Period,
    objections: Iterable[PeriodObjection],
    now: datetime,
    checks: Sequence[CheckItem] = (),
) -> NextStep:
    """Say what a period waits for; without its checklist nothing of that is known to be missing."""
    if is_editable(period):
        if now.date() <= period.ends_on:
            return NextStep.RUNS
        return NextStep.MISSING if unmet(checks, needed=True) else NextStep.FREEZE
    if period.state == PeriodState.LOCKED:
        return NextStep.NONE
    if period.state == PeriodState.FROZEN:
        return NextStep.DRAW
    if period.locks_at is not None:
        return NextStep.LOCK
    return _of_the_draft(period, objections, now)


def _of_the_draft(period: Period, objections: Iterable[PeriodObjection], now: datetime) -> NextStep:
    if any(each.state == ObjectionState.OPEN for each in objections):
        return NextStep.ANSWER
    if period.objections_until is None or now < period.objections_until:
        return NextStep.READ
    return NextStep.SECOND if period.state == PeriodState.SIGNED else NextStep.SIGN

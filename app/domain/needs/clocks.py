"""The clocks of needs and claims: what happens when nothing happens. Pure.

A clock counts from a moment, and each of its steps is taken once, in order, never before its
time. A new sign of life is a new moment: the clock begins again. What takes something away from
somebody stands `notice_days` after the step before it was really taken, not after it should have
been, so a week without workers costs nobody their place unasked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from app.models.claims import ClaimState
from app.models.needs import NeedState

# In days. What ClockFields names a need may set for itself; the others are the same for all.
USUAL: Mapping[str, int] = {
    "start_days": 3,
    "heartbeat_days": 7,
    "answer_days": 3,
    "slow_days": 7,
    "free_days": 14,
    "confirm_days": 14,
    "dispute_days": 30,
    "renewal_days": 40,
    "deadline_days": 0,
}
SATURDAY = 5
# Why a need rests whose organisation did not answer; told in words where its state is shown.
UNANSWERED = "unanswered"
# A claim whose end lies further back is shown to nobody: no lapse follows anyone for ever.
AGES_OUT = timedelta(days=90)


@dataclass(frozen=True)
class Step:
    """What is done after a part of a clock's time, and how many days on top of it."""

    name: str
    counts: str
    part: Fraction = Fraction(1)
    extra_days: int = 0
    notice_days: int = 0
    working: bool = False  # Monday to Friday, in the organisation's zone


@dataclass(frozen=True)
class Clock:
    """A clock: in which states it runs, what it counts from, and its steps."""

    name: str
    runs_in: frozenset[str]
    counted_from: str
    steps: tuple[Step, ...]


START = Clock(
    "start",
    frozenset({ClaimState.ACCEPTED}),
    "acceptance, as long as the worker gave no sign since",
    (
        Step("ask", "start_days"),
        Step("lapse", "heartbeat_days", extra_days=3, notice_days=3),
    ),
)
HEARTBEAT = Clock(
    "heartbeat",
    frozenset({ClaimState.ACCEPTED, ClaimState.ACTIVE, ClaimState.CHANGES_REQUESTED}),
    "the worker's last sign: a log, a message, a tap, or a move of the claim",
    (
        Step("nudge", "heartbeat_days", part=Fraction(3, 7)),
        Step("lapse", "heartbeat_days", extra_days=3, notice_days=3),
    ),
)
ANSWER = Clock(
    "answer",
    frozenset({ClaimState.APPLIED}),
    "the application",
    (
        Step("remind", "answer_days", working=True),
        Step("slow", "slow_days"),
        Step("free", "free_days", notice_days=3),
    ),
)
CONFIRM = Clock(
    "confirm",
    frozenset({ClaimState.SUBMITTED}),
    "the moment the work was handed in",
    (
        Step("remind", "confirm_days", part=Fraction(1, 2)),
        Step("panel", "confirm_days", notice_days=3),
    ),
)
DISPUTE = Clock(
    "dispute",
    frozenset({ClaimState.CONFIRMED}),
    "the confirmation",
    (Step("close", "dispute_days"),),
)
RENEWAL = Clock(
    "renewal",
    frozenset({NeedState.OPEN, NeedState.PAUSED, NeedState.IN_PROGRESS}),
    "the last thing anybody did with the need, as long as nobody is on it",
    (
        Step("ask", "renewal_days"),
        Step("archive", "renewal_days", extra_days=50, notice_days=14),
    ),
)
DEADLINE = Clock(
    "deadline",
    frozenset({NeedState.OPEN, NeedState.PAUSED}),
    "the end of the deadline's day, as long as nobody is on it",
    (Step("expire", "deadline_days"),),
)
CLOCKS = (START, HEARTBEAT, ANSWER, CONFIRM, DISPUTE, RENEWAL, DEADLINE)


# From when to when a need was held: no clock of either side ran meanwhile.
Pauses = Sequence[tuple[datetime, datetime]]


@dataclass(frozen=True)
class Running:
    """A clock at work: what it counts from, in which zone, by which days, and where it stood."""

    clock: Clock
    since: datetime
    zone: str = "UTC"
    set_by_need: Mapping[str, int] | None = None
    pauses: Pauses = ()


@dataclass(frozen=True)
class Due:
    """The step that comes next, and when."""

    clock: Clock
    step: Step
    at: datetime
    since: datetime
    zone: str

    @property
    def code(self) -> str:
        """The name under which the step is told to people."""
        return f"{self.clock.name}_{self.step.name}"


def next_step(running: Running, taken: Mapping[str, datetime]) -> Due | None:
    """Return the first step that was not taken yet; None when all were."""
    before: datetime | None = None
    for step in running.clock.steps:
        if step.name in taken:
            before = taken[step.name]
            continue
        at = past_pauses(running.since, _moment_of(running, step), running.pauses)
        if before is not None:
            noticed = before + timedelta(days=step.notice_days)
            at = max(at, past_pauses(before, noticed, running.pauses))
        return Due(running.clock, step, at, running.since, running.zone)
    return None


def past_pauses(since: datetime, at: datetime, pauses: Pauses) -> datetime:
    """Put a moment off by the time in which a clock that counts from `since` stood still."""
    for begin, end in sorted(pauses):
        if begin < at and end > since:
            at += end - max(begin, since)
    return at


def _moment_of(running: Running, step: Step) -> datetime:
    days = (running.set_by_need or {}).get(step.counts, USUAL[step.counts])
    if step.working:
        return add_working_days(running.since, days, running.zone)
    whole = days * step.part.numerator // step.part.denominator
    return running.since + timedelta(days=whole + step.extra_days)


def add_working_days(moment: datetime, days: int, zone: str) -> datetime:
    """Return the same time of day so many working days later; a weekend begins on Monday."""
    local = moment.astimezone(ZoneInfo(zone))
    if local.weekday() >= SATURDAY:
        local = (local + timedelta(days=7 - local.weekday())).replace(
            hour=0, minute=0, second=0, microsecond=0, fold=0
        )
    left = days
    while left > 0:
        local += timedelta(days=1)  # on the wall: the zone's offset is looked up at the end
        if local.weekday() < SATURDAY:
            left -= 1
    return local.astimezone(UTC)


def end_of_day(day: date, zone: str) -> datetime:
    """Return the moment at which a day is over in a zone; at both ends of time, the end itself."""
    if day == date.max:
        return datetime.max.replace(tzinfo=UTC)
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)) + timedelta(days=1)
    try:
        return midnight.astimezone(UTC)
    except OverflowError:
        return midnight.replace(tzinfo=UTC)


def is_slow(oldest_application: datetime | None, now: datetime) -> bool:
    """Say whether a need is shown as answering slowly."""
    return oldest_application is not None and (
        now >= oldest_application + timedelta(days=USUAL["slow_days"])
    )

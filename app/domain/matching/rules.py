"""How well a need and a worker fit, in points that can be added up by hand. Pure.

Skills count 60, hours 20, overlap of hours 10, urgency 10. What is being looked for (a need on
a worker's board, a profile in a need's list) counts less with age: half after 30 days, a
quarter from 60 on. Languages and must-have skills filter, they do not score. No points for
politics, gender, origin or past "performance". docs/matching.md computes one by hand.
"""

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.infra.week import overlap_minutes, pack
from app.models.claims import ClaimState

SKILL_POINTS = 60
HOURS_POINTS = 20
OVERLAP_POINTS = 10
URGENT_POINTS = 10
MUST_WEIGHT, NICE_WEIGHT = 3, 1
HALF_LIFE_DAYS = 30
WHOLE = 4 * HALF_LIFE_DAYS
HOUR = 60
# Hours asked are held against what is free in this many weeks.
WEEKS = 4
NEW_DAYS = 7
BEST = 20

# Work of claims in these states is still to be done.
BUSY_STATES = (ClaimState.ACCEPTED, ClaimState.ACTIVE, ClaimState.CHANGES_REQUESTED)

_office = [list(range(9, 18))] * 5 + [[], []]
OFFICE_HOURS: bytes = pack(_office) or b""

Rhythm = tuple[bytes, str]


@dataclass(frozen=True)
class Reason:
    """One part of a score, as a catalogue id `match.<code>`, its parameters and its points."""

    code: str
    params: dict[str, int | str]
    points: int


@dataclass(frozen=True)
class NeedFacts:
    """What matching reads of a need; `rhythm` is its organisation's hours and zone."""

    skills: AbstractSet[str]
    must: AbstractSet[str]
    language: str
    estimate_minutes: int | None
    urgent: bool
    posted_at: datetime
    rhythm: Rhythm | None = None


@dataclass(frozen=True)
class WorkerFacts:
    """What matching reads of a worker; free minutes are those of one week."""

    skills: AbstractSet[str]
    languages: AbstractSet[str]
    free_minutes: int
    saved_at: datetime
    rhythm: Rhythm | None = None


@dataclass(frozen=True)
class Moment:
    """When a score is computed: now, and the Monday of the week that hours are compared in."""

    now: datetime
    monday: datetime


@dataclass(frozen=True)
class Score:
    """Points from 0 to 100, and the parts that add up to them."""

    points: int
    reasons: Sequence[Reason]


Near = Callable[[str], Iterable[str]]


def spoken(language: str) -> str:
    """Return what languages are compared by: "ca-valencia" is "ca"."""
    return language.split("-", maxsplit=1)[0].lower()[:8]


def free_minutes(hours_per_week: int, promised_minutes: int) -> int:
    """Return what is left of a week when the work already promised is spread over four weeks."""
    return max(0, hours_per_week * HOUR - promised_minutes // WEEKS)


def age_days(since: datetime, now: datetime) -> int:
    """Return whole days, never less than none."""
    return max(0, (now - since) // timedelta(days=1))


def freshness(days: int, half_life: int = HALF_LIFE_DAYS) -> int:
    """Return what remains at an age, of 4 x half_life: straight lines to a half, to a quarter."""
    if days <= half_life:
        return 4 * half_life - 2 * days
    return 3 * half_life - days if days <= 2 * half_life else half_life


def aged(points: int, days: int) -> int:
    """Return the points that remain at an age. Never more for the older: ranking stops by it."""
    return points * freshness(days) // WHOLE


def need_for_worker(
    need: NeedFacts, worker: WorkerFacts, moment: Moment, near: Near
) -> Score | None:
    """Score a need on a worker's board: the need ages. None where it does not fit."""
    return _scored(fit(need, worker, moment, near), "need", need.posted_at, moment)


def worker_for_need(
    need: NeedFacts, worker: WorkerFacts, moment: Moment, near: Near
) -> Score | None:
    """Score a worker in a need's list: what the profile says ages. None if it does not fit."""
    return _scored(fit(need, worker, moment, near), "profile", worker.saved_at, moment)


def _scored(
    reasons: list[Reason] | None, what: str, since: datetime, moment: Moment
) -> Score | None:
    if reasons is None:
        return None
    total = sum(reason.points for reason in reasons)
    days = age_days(since, moment.now)
    points = aged(total, days)
    code = f"new_{what}" if days <= NEW_DAYS else f"age_{what}"
    params: dict[str, int | str] = {"n": days, "left": freshness(days)}
    return Score(points, [*reasons, Reason(code, params, points - total)])


def fit(need: NeedFacts, worker: WorkerFacts, moment: Moment, near: Near) -> list[Reason] | None:
    """Return the parts of how well the two fit, the same from both sides; None if they do not.

    They do not without a language in common, with a must-have skill missing, or with no skill
    in common and none beside one.
    """
    if spoken(need.language) not in {spoken(language) for language in worker.languages}:
        return None
    if not need.skills or need.must - worker.skills:
        return None
    skills = _skills(need, worker, near)
    if not skills:
        return None
    others = (_hours(need, worker), _overlap(need, worker, moment), _urgent(need))
    language = Reason("language", {"language": spoken(need.language)}, 0)
    return [*skills, *(reason for reason in others if reason is not None), language]


def _skills(need: NeedFacts, worker: WorkerFacts, near: Near) -> list[Reason]:
    """A near skill counts half; what both together give beyond the exact ones is its part."""
    weight = {slug: MUST_WEIGHT if slug in need.must else NICE_WEIGHT for slug in need.skills}
    has = need.skills & worker.skills
    close = [slug for slug in need.skills - has if not worker.skills.isdisjoint(set(near(slug)))]
    whole = 2 * sum(weight.values())
    exact = 2 * sum(weight[slug] for slug in has)
    beside = sum(weight[slug] for slug in close)
    points = skill_points(exact, whole)
    reasons = []
    if has:
        params: dict[str, int | str] = {
            "held": len(has), "n": len(need.skills), "weight": exact // 2, "weights": whole // 2,
        }  # fmt: skip
        reasons.append(Reason("skills", params, points))
    if close:
        more = skill_points(exact + beside, whole) - points
        reasons.append(Reason("near_skills", {"n": len(close), "weight": beside}, more))
    return reasons


def skill_points(held: int, whole: int) -> int:
    """Return the points of the skills held, both sums in half weights."""
    return SKILL_POINTS * held // whole


def hours_points(free: int, asked: int) -> int:
    """Return the points of minutes free a week against minutes asked in all."""
    return min(HOURS_POINTS, HOURS_POINTS * WEEKS * free // asked)


def _hours(need: NeedFacts, worker: WorkerFacts) -> Reason | None:
    if need.estimate_minutes is None or worker.free_minutes == 0:
        return None
    points = hours_points(worker.free_minutes, need.estimate_minutes)
    params: dict[str, int | str] = {
        "free_minutes": worker.free_minutes,
        "asked_minutes": need.estimate_minutes,
    }
    return Reason("hours" if points == HOURS_POINTS else "some_hours", params, points)


def _overlap(need: NeedFacts, worker: WorkerFacts, moment: Moment) -> Reason | None:
    if need.rhythm is None or worker.rhythm is None:
        return None
    hours = overlap_minutes(need.rhythm, worker.rhythm, moment.monday) // HOUR
    code = "overlap" if hours else "no_overlap"
    return Reason(code, {"n": hours} if hours else {}, min(OVERLAP_POINTS, hours))


def _urgent(need: NeedFacts) -> Reason | None:
    return Reason("urgent", {}, URGENT_POINTS) if need.urgent else None

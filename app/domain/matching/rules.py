"""How well a need fits a worker, in points that can be added up by hand. Pure.

Skills count 60, hours 20, freshness and urgency 20. Languages filter, they do not score; no
points for politics, gender, origin or past "performance".
"""

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

SKILL_POINTS = 60
HOURS_POINTS = 20
FRESH_POINTS = 10
URGENT_POINTS = 10
MUST_WEIGHT, NICE_WEIGHT = 3, 1
FRESH_HALF_LIFE_DAYS = 30
HOUR = 60


@dataclass(frozen=True)
class Reason:
    """Why a need fits, as a catalogue id `match.<code>` and its parameters."""

    code: str
    params: dict[str, int | str]


@dataclass(frozen=True)
class NeedFacts:
    """What matching reads of a need."""

    skills: AbstractSet[str]
    must: AbstractSet[str]
    language: str
    estimate_minutes: int | None
    urgent: bool
    published_at: datetime


@dataclass(frozen=True)
class WorkerFacts:
    """What matching reads of a worker."""

    skills: AbstractSet[str]
    languages: AbstractSet[str]
    hours_per_week: int


def score(
    need: NeedFacts,
    worker: WorkerFacts,
    now: datetime,
    near: Callable[[str], Iterable[str]],
) -> tuple[int, list[Reason]]:
    """Return points from 0 to 100 and the reasons in the order of their weight.

    `near` gives the skills beside one in the list's tree; a near skill counts half. Zero means
    that the need does not fit: a language nobody shares, or a must without its skill.
    """
    if worker.languages and need.language not in worker.languages:
        return 0, []
    has, close = _held(need, worker, near)
    if need.must - has - close:
        return 0, []
    points, reasons = _skill_points(need, has, close)
    for extra, reason in (_hours(need, worker), _fresh(need, now), _urgent(need)):
        points += extra
        if reason is not None:
            reasons.append(reason)
    if worker.languages:
        reasons.append(Reason("language", {"language": need.language}))
    # A language in common is said beside what counts; alone it is no reason.
    return (points, reasons) if points else (0, [])


def _held(
    need: NeedFacts, worker: WorkerFacts, near: Callable[[str], Iterable[str]]
) -> tuple[frozenset[str], frozenset[str]]:
    has = frozenset(need.skills & worker.skills)
    beside = (slug for slug in need.skills - has if set(near(slug)) & worker.skills)
    return has, frozenset(beside)


def _skill_points(
    need: NeedFacts, has: AbstractSet[str], close: AbstractSet[str]
) -> tuple[int, list[Reason]]:
    if not need.skills:
        return 0, []
    weight = {slug: MUST_WEIGHT if slug in need.must else NICE_WEIGHT for slug in need.skills}
    held = 2 * sum(weight[slug] for slug in has) + sum(weight[slug] for slug in close)
    points = SKILL_POINTS * held // (2 * sum(weight.values()))
    reasons = []
    if has:
        params: dict[str, int | str] = {"n": len(has), "total": len(need.skills)}
        reasons.append(Reason("skills", params))
    if close:
        reasons.append(Reason("near_skills", {"n": len(close)}))
    return points, reasons


def _hours(need: NeedFacts, worker: WorkerFacts) -> tuple[int, Reason | None]:
    if need.estimate_minutes is None or worker.hours_per_week == 0:
        return 0, None
    free = worker.hours_per_week * HOUR
    points = min(HOURS_POINTS, HOURS_POINTS * free // need.estimate_minutes)
    fits = Reason("hours", {"hours": worker.hours_per_week})
    return points, fits if free >= need.estimate_minutes else None


def _fresh(need: NeedFacts, now: datetime) -> tuple[int, Reason | None]:
    days = max(0, (now - need.published_at).days)
    points = FRESH_POINTS * FRESH_HALF_LIFE_DAYS // (FRESH_HALF_LIFE_DAYS + days)
    return points, Reason("fresh", {}) if days <= 7 else None


def _urgent(need: NeedFacts) -> tuple[int, Reason | None]:
    return (URGENT_POINTS, Reason("urgent", {})) if need.urgent else (0, None)

"""The two walks along the postings: newest first, and no further than a better one can be.

Each step reads the next window of ages, about four times as wide as the last. The database adds
up the points of the skills and bounds the rest; whoever can be among the best is scored by the
rules, the only place that says what a score is. What is older than a window counts less, so when
even a whole fit of that age would not beat the last of the best, the walk is over. Of equal
scores the newer stands first: an older one never has to be read for a tie.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, Integer, String, Uuid, bindparam, text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.matching.facts import HELD, PROMISED
from app.domain.matching.rules import (
    HALF_LIFE_DAYS,
    HOURS_POINTS,
    MUST_WEIGHT,
    NICE_WEIGHT,
    OFFICE_HOURS,
    SKILL_POINTS,
    URGENT_POINTS,
    WEEKS,
    WHOLE,
    Moment,
    Near,
    NeedFacts,
    Score,
    WorkerFacts,
    aged,
    spoken,
)

# Beyond two half-lives nothing ages any more: one last window holds the rest.
EDGES = (2, 8, HALF_LIFE_DAYS, 2 * HALF_LIFE_DAYS, None)

_AGE = "greatest(0, floor(extract(epoch FROM :now - {at}) / 86400))::int"
_FRESH = f"""CASE WHEN age <= {HALF_LIFE_DAYS} THEN {WHOLE} - 2 * age
             WHEN age <= {2 * HALF_LIFE_DAYS} THEN {3 * HALF_LIFE_DAYS} - age
             ELSE {HALF_LIFE_DAYS} END"""
# `low` and `high` bound each score; who cannot reach the best of this window, or of those
# before it, is left out. A tie of an older one with `floor` is lost, one inside a window is not.
_REACHING = f"""
, aging AS (SELECT *, {_FRESH} AS fresh FROM bounded),
reach AS (
    SELECT *, low * fresh / {WHOLE} AS low_score, high * fresh / {WHOLE} AS high_score FROM aging
),
bar AS (
    SELECT coalesce((SELECT low_score FROM reach ORDER BY low_score DESC OFFSET :last LIMIT 1), 0)
        AS low_score
)
"""  # noqa: S608 - made of our own constants
_NEEDS = f"""
WITH hit AS (
    SELECT p.need_id, p.posted_at, sum(p.weight * w.factor) AS held, 2 * min(p.total) AS whole
    FROM unnest(:skills, :factors) AS w(skill, factor)
    CROSS JOIN unnest(:languages) AS l(language)
    JOIN match_needs p ON p.skill = w.skill AND p.language = l.language
        AND p.posted_at <= :newest AND p.posted_at > :oldest
    GROUP BY p.need_id, p.posted_at
    HAVING count(*) FILTER (WHERE p.weight = {MUST_WEIGHT} AND w.factor = 2) = min(p.musts)
),
bounded AS (
    SELECT n.id, n.skill_slugs, n.must_slugs, n.language, n.estimate_minutes, n.urgency,
           n.organisation_id, n.time_zone AS need_zone, hit.posted_at,
           {_AGE.format(at="hit.posted_at")} AS age,
           rest.points AS low, rest.points + :overlap AS high
    FROM hit JOIN needs n ON n.id = hit.need_id
    CROSS JOIN LATERAL (
        SELECT {SKILL_POINTS} * hit.held / hit.whole
            + CASE WHEN n.estimate_minutes IS NULL OR :free = 0 THEN 0
                   ELSE least({HOURS_POINTS}, {HOURS_POINTS * WEEKS} * :free / n.estimate_minutes)
              END
            + CASE WHEN n.urgency = 'high' THEN {URGENT_POINTS} ELSE 0 END AS points
    ) AS rest
    WHERE n.state = 'open' AND n.taken < n.places AND NOT n.id = ANY (:hidden)
        AND (n.organisation_id = ANY (:unheard)) IS NOT TRUE
) {_REACHING}
SELECT reach.*, coalesce(reach.need_zone, o.time_zone) AS time_zone,
       o.working_hours
FROM reach LEFT JOIN organisations o ON o.id = reach.organisation_id, bar
WHERE high_score >= bar.low_score AND high_score > :floor
"""  # noqa: S608 - as above
_WORKERS = f"""
WITH part AS (
    SELECT p.account_id, p.saved_at, w.place, max(w.factor * w.weight) AS held,
           bool_or(w.factor = 2 AND w.weight = {MUST_WEIGHT}) AS must
    FROM unnest(:skills, :factors, :weights, :places) AS w(skill, factor, weight, place)
    JOIN match_workers p ON p.skill = w.skill AND p.language = :language
        AND p.saved_at <= :newest AND p.saved_at > :oldest
    GROUP BY p.account_id, p.saved_at, w.place
),
hit AS (
    SELECT account_id, saved_at, sum(held) AS held FROM part
    GROUP BY account_id, saved_at HAVING count(*) FILTER (WHERE must) = :musts
),
bounded AS (
    SELECT f.account_id AS id, f.languages, f.hours_per_week, f.time_zone, f.availability,
           hit.saved_at, {_AGE.format(at="hit.saved_at")} AS age, rest.points AS low,
           rest.points + CASE WHEN f.availability IS NULL THEN 0 ELSE :overlap END
           + CASE WHEN :asked = 0 THEN 0 ELSE least({HOURS_POINTS},
               {HOURS_POINTS * WEEKS * 60} * f.hours_per_week / greatest(:asked, 1)) END AS high
    FROM hit JOIN profiles f ON f.account_id = hit.account_id
    JOIN accounts a ON a.id = hit.account_id AND a.disabled_at IS NULL
    CROSS JOIN LATERAL (
        SELECT {SKILL_POINTS} * hit.held / :whole + :urgent AS points
    ) AS rest
    WHERE f.findable AND NOT f.account_id = ANY (:hidden)
) {_REACHING}
SELECT reach.*, {HELD.format("reach.id")}, {PROMISED.format("reach.id")}
FROM reach, bar WHERE high_score >= bar.low_score AND high_score > :floor
"""  # noqa: S608 - as above
_TYPES = {
    "skills": ARRAY(String),
    "factors": ARRAY(Integer),
    "weights": ARRAY(Integer),
    "places": ARRAY(Integer),
    "languages": ARRAY(String),
    "language": String(),
    "hidden": ARRAY(Uuid),
    "unheard": ARRAY(Uuid),
    "newest": DateTime(timezone=True),
    "oldest": DateTime(timezone=True),
    "now": DateTime(timezone=True),
    **dict.fromkeys(
        ("free", "asked", "whole", "urgent", "musts", "overlap", "floor", "last"), Integer()
    ),
}


def _statement(sql: str, names: Iterable[str]) -> Any:
    return text(sql).bindparams(*(bindparam(name, type_=_TYPES[name]) for name in names))  # type: ignore[arg-type]


NEEDS = _statement(
    _NEEDS, ("skills", "factors", "languages", "free", "overlap", "hidden", "unheard", "newest",
             "oldest", "now", "floor", "last"),
)  # fmt: skip
WORKERS = _statement(
    _WORKERS, ("skills", "factors", "weights", "places", "language", "asked", "whole", "urgent",
               "musts", "overlap", "hidden", "newest", "oldest", "now", "floor", "last"),
)  # fmt: skip


@dataclass(frozen=True)
class Ranked:
    """Something scored: which, how well, and since when it is there."""

    id: UUID
    score: Score
    since: datetime

    @property
    def rank(self) -> tuple[int, datetime, int]:
        """The best first, of equals the newest, then by id."""
        return (self.score.points, self.since, self.id.int)


@dataclass
class Best:
    """The best so far."""

    limit: int
    found: list[Ranked] = field(default_factory=list)

    def take(self, more: Iterable[Ranked]) -> None:
        """Take what scores, and keep the best."""
        self.found.extend(one for one in more if one.score.points > 0)
        self.found.sort(key=lambda one: one.rank, reverse=True)
        del self.found[self.limit :]

    @property
    def floor(self) -> int:
        """What an older one must beat."""
        return self.found[-1].score.points if len(self.found) == self.limit else 0


def windows(now: datetime) -> list[tuple[int, datetime, datetime]]:
    """Return the age at which each window begins, and its newest and oldest moment."""
    far = datetime.min.replace(tzinfo=now.tzinfo) + timedelta(days=1)
    future = datetime.max.replace(tzinfo=now.tzinfo) - timedelta(days=1)
    ends = [future, *(now - timedelta(days=days) if days else far for days in EDGES)]
    ages = [0, *(days or 0 for days in EDGES[:-1])]
    return [(age, *ends_of) for age, ends_of in zip(ages, pairwise(ends), strict=True)]


def skill_factors(worker: WorkerFacts, near: Near) -> dict[str, int]:
    """Return each skill that brings points: two halves for those held, one for those beside."""
    beside = {other for slug in worker.skills for other in near(slug)}
    return {**dict.fromkeys(beside, 1), **dict.fromkeys(worker.skills, 2)}


def need_rows(need: NeedFacts, near: Near) -> list[tuple[str, int, int, int]]:
    """Return (held skill, halves, weight, which skill of the need) for all that bring points."""
    rows = []
    for place, slug in enumerate(sorted(need.skills)):
        must = slug in need.must
        weight = MUST_WEIGHT if must else NICE_WEIGHT
        rows.append((slug, 2, weight, place))
        if not must:
            rows.extend((other, 1, weight, place) for other in sorted(set(near(slug)) - {slug}))
    return rows


class Steps(Protocol):
    """How one of the two walks scores what it meets, and the most that anything can score."""

    @property
    def moment(self) -> Moment:
        """When the scores are computed."""

    @property
    def most(self) -> int:
        """The points of a whole fit."""

    def score(self, rows: Sequence[Mapping[Any, Any]]) -> list[Ranked]:
        """Score rows by the rules."""


async def walk(
    session: AsyncSession,
    statement: Any,
    params: Mapping[str, Any],
    steps: Steps,
    limit: int,
) -> list[Ranked]:
    """Walk until nothing older can be among the best, and return them."""
    best = Best(limit)
    for age, newest, oldest in windows(steps.moment.now):
        if aged(steps.most, age) <= best.floor:
            break
        window = {"newest": newest, "oldest": oldest, "floor": best.floor, "last": limit - 1}
        result = await session.execute(statement, {**params, **window, "now": steps.moment.now})
        best.take(steps.score(result.mappings().all()))
    return best.found


def need_facts_of(row: Mapping[Any, Any]) -> NeedFacts:
    """Read the facts of a need from a row of needs and its organisation's hours."""
    zone = row["time_zone"]
    return NeedFacts(
        skills=frozenset(row["skill_slugs"]),
        must=frozenset(row["must_slugs"]),
        language=spoken(row["language"]),
        estimate_minutes=row["estimate_minutes"],
        urgent=row["urgency"] == "high",
        posted_at=row["posted_at"],
        rhythm=(row["working_hours"] or OFFICE_HOURS, zone) if zone else None,
    )


__all__ = ["NEEDS", "WORKERS", "Ranked", "Steps", "need_facts_of", "need_rows", "skill_factors",
           "walk"]  # fmt: skip

"""The two walks along the postings: newest first, and no further than a better one can be.

Each step reads the next window of ages. The database adds up the points of the skills from the
postings alone and bounds the rest; only who can still be among the best is looked up, bounded
again by what is known then, and scored by the rules, the only place that says what a score is.
What is older counts less, so no window reaches further back than the age at which even a whole
fit would not beat the last of the best. Of equal scores the newer stands first: an older one
never has to be read for a tie. A statement costs more than a thousand postings, so windows are
few and wide.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
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
EDGES = (HALF_LIFE_DAYS // 2 + 1, 2 * HALF_LIFE_DAYS, None)
# More than there ever is: of a bar that cannot be known from the postings.
NEVER = 1_000_000_000

_AGE = "greatest(0, floor(extract(epoch FROM :now - {at}) / 86400))::int"
_FRESH = f"""CASE WHEN age <= {HALF_LIFE_DAYS} THEN {WHOLE} - 2 * age
             WHEN age <= {2 * HALF_LIFE_DAYS} THEN {3 * HALF_LIFE_DAYS} - age
             ELSE {HALF_LIFE_DAYS} END"""
# What the postings alone say: `held` of `whole` half weights, and so the least and, with all of
# :rest, the most that each can score. Postings are of what can be found now, so :certain of them
# that score more leave no place for one that cannot.
_SIFTED = f"""
, aging AS (SELECT *, {_FRESH} AS fresh FROM (
    SELECT *, {SKILL_POINTS} * held / whole AS skill_points, {_AGE.format(at="at")} AS age FROM hit
) AS aged),
sifted AS (
    SELECT * FROM aging
    WHERE (skill_points + :rest) * fresh / {WHOLE} > :floor
      AND (skill_points + :rest) * fresh / {WHOLE} >= coalesce(
        (SELECT skill_points * fresh / {WHOLE} FROM aging ORDER BY 1 DESC OFFSET :certain LIMIT 1),
        0)
)
"""  # noqa: S608 - made of our own constants
# `low` and `high` bound each score; who cannot reach the best of this window, or of those
# before it, is left out. A tie of an older one with `floor` is lost, one inside a window is not.
_REACHING = f"""
, reach AS (
    SELECT *, low * fresh / {WHOLE} AS low_score, high * fresh / {WHOLE} AS high_score FROM bounded
),
bar AS (
    SELECT coalesce((SELECT low_score FROM reach ORDER BY low_score DESC OFFSET :last LIMIT 1), 0)
        AS low_score
)
"""  # noqa: S608 - made of our own constants
_NEEDS = f"""
WITH hit AS (
    SELECT p.need_id, p.posted_at AS at, sum(p.weight * w.factor) AS held,
           2 * min(p.total) AS whole
    FROM unnest(:skills, :factors) AS w(skill, factor)
    CROSS JOIN unnest(:languages) AS l(language)
    JOIN match_needs p ON p.skill = w.skill AND p.language = l.language
        AND p.posted_at <= :newest AND p.posted_at > :oldest
    WHERE NOT p.need_id = ANY (:hidden)
    GROUP BY p.need_id, p.posted_at
    HAVING count(*) FILTER (WHERE p.weight = {MUST_WEIGHT} AND w.factor = 2) = min(p.musts)
)
{_SIFTED},
bounded AS (
    SELECT n.id, n.skill_slugs, n.must_slugs, n.language, n.estimate_minutes, n.urgency,
           n.organisation_id, n.time_zone AS need_zone, sifted.at AS posted_at, fresh,
           known.points AS low, known.points + :overlap AS high
    FROM sifted JOIN needs n ON n.id = sifted.need_id
    CROSS JOIN LATERAL (
        SELECT skill_points
            + CASE WHEN n.estimate_minutes IS NULL OR :free = 0 THEN 0
                   ELSE least({HOURS_POINTS}, {HOURS_POINTS * WEEKS} * :free / n.estimate_minutes)
              END
            + CASE WHEN n.urgency = 'high' THEN {URGENT_POINTS} ELSE 0 END AS points
    ) AS known
    WHERE n.state = 'open' AND n.taken < n.places
        AND (n.organisation_id = ANY (:unheard)) IS NOT TRUE
        AND (n.peer_id = ANY (:unheard)) IS NOT TRUE
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
    SELECT account_id, saved_at AS at, sum(held) AS held, :whole AS whole FROM part
    WHERE NOT account_id = ANY (:hidden)
    GROUP BY account_id, saved_at HAVING count(*) FILTER (WHERE must) = :musts
)
{_SIFTED},
bounded AS (
    SELECT f.account_id AS id, f.languages, f.hours_per_week, f.time_zone, f.availability,
           sifted.at AS saved_at, fresh, skill_points + :urgent AS low,
           skill_points + :urgent + CASE WHEN f.availability IS NULL THEN 0 ELSE :overlap END
           + CASE WHEN :asked = 0 THEN 0 ELSE least({HOURS_POINTS},
               {HOURS_POINTS * WEEKS * 60} * f.hours_per_week / greatest(:asked, 1)) END AS high
    FROM sifted JOIN profiles f ON f.account_id = sifted.account_id
    JOIN accounts a ON a.id = sifted.account_id
        AND a.disabled_at IS NULL AND a.limited_at IS NULL
    WHERE f.findable
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
        (
            "free",
            "asked",
            "whole",
            "urgent",
            "musts",
            "overlap",
            "rest",
            "floor",
            "last",
            "certain",
        ),
        Integer(),
    ),
}


def _statement(sql: str, names: Iterable[str]) -> Any:
    return text(sql).bindparams(*(bindparam(name, type_=_TYPES[name]) for name in names))  # type: ignore[arg-type]


NEEDS = _statement(
    _NEEDS, ("skills", "factors", "languages", "free", "overlap", "hidden", "unheard", "newest",
             "oldest", "now", "floor", "last", "rest", "certain"),
)  # fmt: skip
WORKERS = _statement(
    _WORKERS, ("skills", "factors", "weights", "places", "language", "asked", "whole", "urgent",
               "musts", "overlap", "hidden", "newest", "oldest", "now", "floor", "last",
                "rest", "certain"),
)  # fmt: skip


@dataclass(frozen=True)
class Ranked:
    """Something scored: which, how well, and since when it is there."""

    id: UUID
    score: Score
    since: datetime
    # Of a worker: what they can do.
    skills: frozenset[str] = frozenset()

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


def reach(most: int, floor: int) -> int | None:
    """Return the age from which nothing beats `floor`, or None: a quarter remains for ever."""
    for days in range(2 * HALF_LIFE_DAYS + 1):
        if aged(most, days) <= floor:
            return days
    return None


def _back(now: datetime, days: int | None) -> datetime:
    far = datetime.min.replace(tzinfo=now.tzinfo) + timedelta(days=1)
    return far if days is None else now - timedelta(days=days)


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

    @property
    def certain(self) -> bool:
        """Whether every posting met is of something that may be shown."""

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
    now = steps.moment.now
    newest = datetime.max.replace(tzinfo=now.tzinfo) - timedelta(days=1)
    sieve = {"rest": steps.most - SKILL_POINTS, "now": now, "last": limit - 1,
             "certain": limit - 1 if steps.certain else NEVER}  # fmt: skip
    for edge in EDGES:
        end = reach(steps.most, best.floor)
        last = edge is None or (end is not None and end <= edge)
        oldest = _back(now, end if last else edge)
        if oldest < newest:
            window = {"newest": newest, "oldest": oldest, "floor": best.floor}
            result = await session.execute(statement, {**params, **sieve, **window})
            best.take(steps.score(result.mappings().all()))
        if last:
            break
        newest = oldest
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

"""All boards at once, for digests: the same answers as one by one, from dense windows of needs.

Workers come a slice at a time, so memory does not grow with them. For each set of languages the
needs are walked newest first in windows; one product of matrices gives the points of the skills
of a whole block of workers, and all pairs that cannot reach a worker's best so far are dropped
before anything exact is computed. A worker whose best cannot be beaten by anything as old as the
next window takes no further part. numpy is imported when it is needed: nothing else is.
"""

import importlib
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.matching.facts import HELD, PROMISED, moment_now
from app.domain.matching.queries import TAKEN_ON
from app.domain.matching.rules import (
    HOURS_POINTS,
    NICE_WEIGHT,
    OFFICE_HOURS,
    OVERLAP_POINTS,
    SKILL_POINTS,
    URGENT_POINTS,
    WEEKS,
    WHOLE,
    Moment,
    age_days,
    aged,
    free_minutes,
    freshness,
    spoken,
)
from app.domain.profiles.skills import near
from app.infra.week import GRID_BITS, QUARTERS, local_hours

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

SLICE = 20_000
BLOCK = 512
FIRST_WINDOW, LAST_WINDOW = 128, 2_048
# More than all weights of a need together, so that a must that is not held shows in the sum.
MUST = 200
# What float32 may be off in a bound; a point is 120.
SLACK = 8.0
MOST = SKILL_POINTS + HOURS_POINTS + OVERLAP_POINTS + URGENT_POINTS
WORDS = GRID_BITS * QUARTERS // 64 + 1

Places = list[tuple[UUID, int]]

_NEEDS = text("""
    SELECT m.need_id, m.language, m.posted_at, m.skills, m.weights, m.total, m.musts,
           n.estimate_minutes, n.urgency,
           coalesce(n.time_zone, o.time_zone) AS time_zone, o.working_hours
    FROM (SELECT need_id, language, posted_at, total, musts, array_agg(skill) AS skills,
                 array_agg(weight) AS weights
          FROM match_needs GROUP BY need_id, language, posted_at, total, musts) AS m
    JOIN needs n ON n.id = m.need_id LEFT JOIN organisations o ON o.id = n.organisation_id
    WHERE (n.peer_id IN (SELECT id FROM peers WHERE limited)) IS NOT TRUE
    ORDER BY m.posted_at DESC, m.need_id DESC
""")
_WORKERS = text(f"""
    SELECT p.account_id, p.languages, p.hours_per_week, p.time_zone, p.availability,
           {HELD.format("p.account_id")}, {PROMISED.format("p.account_id")}
    FROM profiles p JOIN accounts a ON a.id = p.account_id AND a.disabled_at IS NULL
    WHERE p.account_id > :after
      AND (cast(:only AS uuid[]) IS NULL OR p.account_id = ANY (cast(:only AS uuid[])))
    ORDER BY p.account_id LIMIT :most
""")  # noqa: S608 - made of our own constants
_HIDDEN = text("""
    SELECT account_id, need_id FROM claims
    WHERE account_id > :after AND account_id <= :last AND state = ANY (:states)
    UNION ALL
    SELECT account_id, need_id FROM match_dismissals
    WHERE account_id > :after AND account_id <= :last
    UNION
    SELECT b.account_id, n.id FROM blocks b JOIN needs n ON n.organisation_id = b.organisation_id
    WHERE b.side = 'person' AND n.state = 'open'
        AND b.account_id > :after AND b.account_id <= :last
""")


def _numpy() -> Any:
    return importlib.import_module("numpy")


@dataclass
class _Needs:
    """All needs that can be taken now, newest first, as columns."""

    ids: list[UUID]
    places: dict[UUID, int]
    columns: dict[str, int]
    languages: "Array"
    held: "Array"
    starts: "Array"
    skill: "Array"
    weight: "Array"
    total: "Array"
    musts: "Array"
    ages: "Array"
    fresh: "Array"
    asked: "Array"
    urgent: "Array"
    rhythm: "Array"
    masks: "Array"


@dataclass
class _Workers:
    """A slice of workers as columns; `hidden` holds worker x needs + need, sorted."""

    ids: list[UUID]
    languages: list[frozenset[str]]
    skills: list[list[str]]
    free: "Array"
    masks: "Array"
    known: "Array"
    hidden: "Array"


@dataclass
class _Top:
    """The best so far of a group of workers: points, and places of needs; 0 points is none."""

    points: "Array"
    needs: "Array"


async def boards(
    session: AsyncSession, limit: int, only: Collection[UUID] | None = None
) -> AsyncIterator[tuple[UUID, Places]]:
    """Yield each worker's best needs with their points, exactly as `best_needs` ranks them."""
    moment = moment_now()
    needs = await _read_needs(session, moment)
    after = UUID(int=0)
    while True:
        params = {"after": after, "most": SLICE, "only": None if only is None else list(only)}
        rows = (await session.execute(_WORKERS, params)).mappings().all()
        if not rows:
            return
        ends = (after, rows[-1]["account_id"])
        workers = await _workers_of(session, needs, rows, ends, moment)
        for board in _boards_of(needs, workers, limit):
            yield board
        after = ends[1]


async def _read_needs(session: AsyncSession, moment: Moment) -> _Needs:
    np = _numpy()
    rows = (await session.execute(_NEEDS)).mappings().all()
    slugs = sorted({slug for row in rows for slug in row["skills"]})
    columns = {slug: place for place, slug in enumerate(slugs)}
    rhythms: dict[tuple[bytes, str], int] = {}
    rhythm = [
        rhythms.setdefault((row["working_hours"] or OFFICE_HOURS, row["time_zone"]), len(rhythms))
        if row["time_zone"]
        else -1
        for row in rows
    ]
    masks = np.zeros((max(1, len(rhythms)), WORDS), np.uint64)
    for (grid, zone), place in rhythms.items():
        masks[place] = _masks([grid], zone, moment)[0]
    ages = [age_days(row["posted_at"], moment.now) for row in rows]
    counts = [len(row["skills"]) for row in rows]
    weight = np.array([w for row in rows for w in row["weights"]], np.int32)
    return _Needs(
        ids=[row["need_id"] for row in rows],
        places={row["need_id"]: place for place, row in enumerate(rows)},
        columns=columns,
        languages=np.array([row["language"] for row in rows], dtype=str),
        held=weight * 2 + MUST * (weight > NICE_WEIGHT),
        starts=np.concatenate(([0], np.cumsum(counts, dtype=np.int64))),
        skill=np.array([columns[slug] for row in rows for slug in row["skills"]], np.int32),
        weight=weight,
        total=np.array([row["total"] for row in rows], np.int32),
        musts=np.array([row["musts"] for row in rows], np.int32),
        ages=np.array(ages, np.int32),
        fresh=np.array([freshness(days) for days in ages], np.int32),
        asked=np.array([row["estimate_minutes"] or 0 for row in rows], np.int32),
        urgent=np.array([URGENT_POINTS * (row["urgency"] == "high") for row in rows], np.int32),
        rhythm=np.array(rhythm, np.int32),
        masks=masks,
    )


async def _workers_of(
    session: AsyncSession,
    needs: _Needs,
    rows: Sequence[Mapping[Any, Any]],
    ends: tuple[UUID, UUID],
    moment: Moment,
) -> _Workers:
    np = _numpy()
    ids = [row["account_id"] for row in rows]
    free = [free_minutes(row["hours_per_week"], row["promised"]) for row in rows]
    masks = np.zeros((len(rows), WORDS), np.uint64)
    by_zone: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        if row["availability"]:
            by_zone.setdefault(row["time_zone"], []).append(place)
    for zone, places in by_zone.items():
        masks[places] = _masks([rows[place]["availability"] for place in places], zone, moment)
    of = {account_id: place for place, account_id in enumerate(ids)}
    states = [state.value for state in TAKEN_ON]
    params = {"after": ends[0], "last": ends[1], "states": states}
    pairs = await session.execute(_HIDDEN, params)
    hidden = sorted(
        of[account_id] * len(needs.ids) + needs.places[need_id]
        for account_id, need_id in pairs
        if account_id in of and need_id in needs.places
    )
    return _Workers(
        ids=ids,
        languages=[frozenset(map(spoken, row["languages"])) for row in rows],
        skills=[row["skills"] for row in rows],
        free=np.array(free, np.int64),
        masks=masks,
        known=np.array([bool(row["availability"]) for row in rows], bool),
        hidden=np.array(hidden, np.int64),
    )


def _masks(grids: list[bytes], zone: str, moment: Moment) -> "Array":
    """Return grids of one zone as quarters of an hour of this week of UTC, in words of 64."""
    np = _numpy()
    raw = np.frombuffer(b"".join(grids), np.uint8).reshape(len(grids), -1)
    hours = np.unpackbits(raw, axis=1, bitorder="little")
    slots = hours[:, np.array(local_hours(zone, moment.monday))]
    padded = np.zeros((len(grids), WORDS * 64), np.uint8)
    padded[:, : slots.shape[1]] = slots
    packed: Array = np.packbits(padded, axis=1, bitorder="little").view(np.uint64)
    return packed


def _boards_of(needs: _Needs, workers: _Workers, limit: int) -> Iterator[tuple[UUID, Places]]:
    """Yield the boards of a slice, one set of languages after the other."""
    np = _numpy()
    groups: dict[frozenset[str], list[int]] = {}
    for place, languages in enumerate(workers.languages):
        if languages and workers.skills[place]:
            groups.setdefault(languages, []).append(place)
    for languages, places in groups.items():
        pool = np.flatnonzero(np.isin(needs.languages, sorted(languages)))
        group = np.array(places)
        top = _walk(needs, workers, pool, group, limit)
        for row, place in enumerate(places):
            found = top.points[row] > 0
            if found.any():
                pairs = zip(top.needs[row][found], top.points[row][found], strict=True)
                yield workers.ids[place], [(needs.ids[n], int(points)) for n, points in pairs]


def _walk(needs: _Needs, workers: _Workers, pool: "Array", group: "Array", limit: int) -> _Top:
    np = _numpy()
    factors = _factors(needs, workers, group)
    top = _Top(
        np.zeros((len(group), limit), np.int32), np.full((len(group), limit), len(needs.ids))
    )
    begin, size = 0, FIRST_WINDOW
    while begin < len(pool):
        window = pool[begin : begin + size]
        most = aged(MOST, int(needs.ages[window[0]]))
        active = np.flatnonzero(top.points[:, -1] < most)
        if not len(active):
            break
        weights = _weights(needs, window)
        for first in range(0, len(active), BLOCK):
            rows = active[first : first + BLOCK]
            _take(needs, workers, window, (weights, factors[rows]), (top, group, rows))
        begin, size = begin + size, min(2 * size, LAST_WINDOW)
    return top


def _factors(needs: _Needs, workers: _Workers, group: "Array") -> "Array":
    """One row a worker: the skills held, then those beside one of them."""
    np = _numpy()
    wide = len(needs.columns)
    made: Array = np.zeros((len(group), 2 * wide), np.float32)
    for row, place in enumerate(group):
        held = workers.skills[place]
        own = [needs.columns[slug] for slug in held if slug in needs.columns]
        beside = {other for slug in held for other in near(slug)}.difference(held)
        made[row, own] = 1
        made[row, [wide + needs.columns[slug] for slug in beside if slug in needs.columns]] = 1
    return made


def _weights(needs: _Needs, window: "Array") -> "Array":
    """One column a need: what a skill held brings, then what one beside it brings."""
    np = _numpy()
    wide = len(needs.columns)
    made: Array = np.zeros((2 * wide, len(window)), np.float32)
    for column, need in enumerate(window):
        span = slice(needs.starts[need], needs.starts[need + 1])
        skills, weight = needs.skill[span], needs.weight[span]
        made[skills, column] = needs.held[span]
        made[wide + skills, column] = weight * (weight == NICE_WEIGHT)
    return made


def _take(
    needs: _Needs,
    workers: _Workers,
    window: "Array",
    matrices: tuple["Array", "Array"],
    target: tuple[_Top, "Array", "Array"],
) -> None:
    """Score a block of workers against a window; keep the best of both."""
    np = _numpy()
    weights, factors = matrices
    top, group, rows = target
    sums = factors @ weights
    fresh = needs.fresh[window].astype(np.float32)
    share = SKILL_POINTS / 2 * fresh / needs.total[window]
    rest = needs.urgent[window] + OVERLAP_POINTS + HOURS_POINTS * (needs.asked[window] > 0)
    base = rest * fresh - share * MUST * needs.musts[window]
    bar = WHOLE * (top.points[rows, -1] + 1.0) - SLACK
    bound = sums * share.astype(np.float32)
    bound += base.astype(np.float32)
    reach = bound >= bar[:, None].astype(np.float32)
    reach &= sums > 0
    block, column = np.nonzero(reach)
    held = np.rint(sums[block, column]).astype(np.int64) - MUST * needs.musts[window[column]]
    some = held > 0
    block, column, held = block[some], column[some], held[some]
    people, found = group[rows[block]], window[column]
    points = _points(needs, workers, people, found, held)
    seen = _hidden(workers, people * len(needs.ids) + found)
    keep = (points > top.points[rows[block], -1]) & ~seen
    _merge(top, rows, block[keep], found[keep], points[keep])


def _points(
    needs: _Needs, workers: _Workers, people: "Array", found: "Array", held: "Array"
) -> "Array":
    """Compute whole scores of pairs, exactly as the rules do."""
    np = _numpy()
    skills = SKILL_POINTS * held // (2 * needs.total[found])
    asked = needs.asked[found].astype(np.int64)
    hours = HOURS_POINTS * WEEKS * workers.free[people] // np.maximum(asked, 1)
    hours = np.where(asked > 0, np.minimum(HOURS_POINTS, hours), 0)
    overlap = np.zeros(len(found), np.int64)
    both = np.flatnonzero(workers.known[people] & (needs.rhythm[found] >= 0))
    for first in range(0, len(both), 100_000):
        some = both[first : first + 100_000]
        common = workers.masks[people[some]] & needs.masks[needs.rhythm[found[some]]]
        quarters = np.bitwise_count(common).sum(axis=1, dtype=np.int64)
        overlap[some] = np.minimum(OVERLAP_POINTS, quarters // QUARTERS)
    total = skills + hours + overlap + needs.urgent[found]
    points: Array = total * needs.fresh[found] // WHOLE
    return points


def _hidden(workers: _Workers, keys: "Array") -> "Array":
    np = _numpy()
    if not len(workers.hidden):
        none: Array = np.zeros(len(keys), bool)
        return none
    place = np.searchsorted(workers.hidden, keys).clip(max=len(workers.hidden) - 1)
    same: Array = workers.hidden[place] == keys
    return same


def _merge(top: _Top, rows: "Array", block: "Array", found: "Array", points: "Array") -> None:
    """Put new scores among the best of their workers; of equals the newer need stands first."""
    np = _numpy()
    touched = np.unique(block)
    if not len(touched):
        return
    limit = top.points.shape[1]
    own = rows[touched]
    who = np.concatenate((np.repeat(touched, limit), block))
    score = np.concatenate((top.points[own].ravel(), points))
    need = np.concatenate((top.needs[own].ravel(), found))
    order = np.lexsort((need, -score, who))
    who, score, need = who[order], score[order], need[order]
    starts = np.searchsorted(who, touched)
    best = starts[:, None] + np.arange(limit)
    top.points[own] = score[best]
    top.needs[own] = need[best]


__all__ = ["Places", "boards"]

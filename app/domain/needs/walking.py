"""How a list is read: walking down its order, or asking the index; ranking, counts, facets.

`Asked` is what every list, count and facet is made of: who may see what is decided there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from app.domain.needs.filters import BestPlace, Window
from app.domain.needs.search import HOURS_INDEXED, Condition, Rows, Statistics

HIDDEN_COUNT_MAX = 1_000
FACETS_AMONG = 1_000
# Where matches are looked for among the newest only: so many are ranked.
BEST_AMONG = 200
BEST_LOOKED_UP = 6_000
# A match counts twice as much as one that is a month older.
HALF_LIFE_SECONDS = 30 * 86_400
# Rows that may be read one by one before the index is asked; words of a row cost more to look at.
WALK_MAX, WALK_HEAVY_MAX = 2_000, 400
# So many hits of the index are sorted; of more, a window of the list's own order is taken.
SORTED_MAX = 6_000
RARE = 0.3
FILLED = "filled"
ORDERS = {
    "soonest": ("soon", "published", "need_id"),
    "newest": ("published", "need_id"),
}
FACETS = (
    "kind", "stream", "urgency", "language", "skill", "remote", "hours", "organisation", "instance",
)  # fmt: skip
FACET_CHOICES_MAX = 100
# Needs of instances that the stewards limited are for those who look for that instance.
_OF_LIMITED = (
    "l.instance <> ALL (SELECT split_part(p.origin, '://', 2) FROM peers p WHERE p.limited)"
)
_FACET_VALUES = {
    "kind": "l.kind",
    "stream": "l.stream",
    "urgency": "l.urgency",
    "remote": "l.remote::text",
    "language": "l.languages[2]",
    "skill": "unnest(l.skills)",
    "organisation": "l.organisation_id::text",
    "instance": "l.instance",
    # Work that fits in one hour fits in two: it counts for each of the sizes that are offered.
    "hours": "unnest(ARRAY(SELECT size::text FROM "  # noqa: S608 - made of the constant
    f"unnest(ARRAY{list(HOURS_INDEXED)}) AS size WHERE l.minutes <= size * 60))",
}


class Values:
    """The values of a statement in the making."""

    def __init__(self) -> None:
        self.all: list[Any] = []

    def add(self, value: Any) -> str:
        self.all.append(value)
        return f"${len(self.all)}"

    def check(self, condition: Condition) -> str:
        return condition.check.format(self.add(condition.value))


@dataclass(frozen=True)
class Asked:
    """A list as it is asked for: by whom and of what."""

    places: Sequence[str]
    public_only: bool
    narrowing: Sequence[Condition]
    spoken: Condition | None
    order: str
    known: Statistics
    # Organisations that whoever asks does not want to hear of.
    unheard: Sequence[UUID] = ()
    # Whoever asks has named the instance: what the stewards limited is shown as well.
    limited_too: bool = False

    @property
    def every(self) -> list[Condition]:
        return [*self.narrowing, *([self.spoken] if self.spoken else [])]

    @property
    def share(self) -> float:
        """Guess which share of needs fits everything."""
        found = 1.0
        for condition in self.every:
            found *= condition.share
        return found

    def shown(self, values: Values, place: str | None = None) -> list[str]:
        """Return the conditions of who may see what: the only place that has them."""
        places = list(self.places) if place is None else [place]
        if len(places) == 1:
            found = [f"l.place = {values.add(places[0])}"]
        else:
            found = [f"l.place = ANY({values.add(places)}::varchar[])"]
        if self.unheard:  # a mirrored need has no organisation here, and is shown
            blocked = values.add(list(self.unheard))
            found.append(f"(l.organisation_id = ANY({blocked}::uuid[])) IS NOT TRUE")
        if not self.limited_too:
            found.append(_OF_LIMITED)
        return [*found, "l.public"] if self.public_only else found

    def looked_up(self, values: Values, *, all_terms: bool = False) -> list[str]:
        """Return all conditions for reading the index: its rare words, and the rest by checks."""
        terms = [c for c in self.every if c.term and (all_terms or c.share < RARE)]
        found = [values.check(c) for c in self.every if c not in terms or not c.exact]
        if terms:
            query = values.add(" & ".join(c.term for c in terms))
            found.append(f"l.lexemes @@ {query}::text::tsquery")
        return found

    def checked(self, values: Values) -> list[str]:
        """Return all conditions for rows that are read one by one."""
        light_first = sorted(self.every, key=lambda condition: condition.heavy)
        return [values.check(condition) for condition in light_first]


async def in_order(rows: Rows, asked: Asked, wanted: int, after: list[Any] | None) -> Sequence[Any]:
    """Walk down the list where a page is soon full, and ask the index where it is not."""
    reach = _reach(asked, wanted)
    if reach is not None:
        values = Values()
        found = await rows.fetch(_walk(asked, values, wanted, after, reach), *values.all)
        if len(found) == wanted or not asked.every:
            return found
    if asked.known.rows * asked.share > SORTED_MAX and len(asked.places) == 1:
        window = int(4 * wanted / asked.share)
        bound = await _bound(rows, asked, after, window)
        if bound is not None:
            values = Values()
            statement = _lookup(asked, values, wanted, after, bound)
            found = await rows.fetch(statement, *values.all)
            if len(found) == wanted:
                return found
    values = Values()
    statement = _lookup(asked, values, wanted, after, None)
    return await rows.fetch(statement, *values.all)


def _reach(asked: Asked, wanted: int) -> int | None:
    """Return how far to walk for a page, or None where the index is the better way."""
    if not asked.every:
        return wanted
    expected = wanted / max(asked.share, 1e-9)
    heavy = any(condition.heavy for condition in asked.every)
    few = asked.known.rows * asked.share < expected
    far = expected > (WALK_HEAVY_MAX if heavy else WALK_MAX)
    if (few or far) and any(condition.term for condition in asked.every):
        return None
    return int(4 * expected) + 200


def _keys(order: str, alias: str = "l") -> str:
    return ", ".join(f"{alias}.{name}" for name in ORDERS[order])


def _down(order: str, alias: str = "l") -> str:
    return ", ".join(f"{alias}.{name} DESC" for name in ORDERS[order])


def _beyond(
    asked: Asked, values: Values, after: Sequence[Any] | None, sign: str = "<"
) -> list[str]:
    if after is None:
        return []
    return [f"({_keys(asked.order)}) {sign} ({', '.join(values.add(v) for v in after)})"]


def _walk(asked: Asked, values: Values, wanted: int, after: list[Any] | None, reach: int) -> str:
    """Write: the first rows of the list, in its index's order, of those the ones that fit."""
    beyond = _beyond(asked, values, after)
    walks = []
    for place in asked.places:
        here = " AND ".join([*asked.shown(values, place), *beyond])
        walks.append(
            f"(SELECT * FROM need_listings l WHERE {here} ORDER BY {_down(asked.order)} "  # noqa: S608
            f"LIMIT {values.add(reach)})"
        )
    fitting = " AND ".join(asked.checked(values)) or "true"
    return (
        f"SELECT l.need_id, l.soon, l.published FROM ({' UNION ALL '.join(walks)}) l "  # noqa: S608
        f"WHERE {fitting} ORDER BY {_down(asked.order)} LIMIT {values.add(wanted)}"
    )


def _lookup(
    asked: Asked,
    values: Values,
    wanted: int,
    after: list[Any] | None,
    bound: Sequence[Any] | None,
) -> str:
    """Write: what the index finds, sorted; materialised, so that nobody walks the list instead."""
    rare = any(c.term and c.share < RARE for c in asked.every)
    fitting = [
        *asked.shown(values),
        *_beyond(asked, values, after),
        *_beyond(asked, values, bound, ">="),
        *asked.looked_up(values, all_terms=not rare),
    ]
    return (
        "WITH found AS MATERIALIZED (SELECT l.need_id, l.soon, l.published FROM need_listings l "  # noqa: S608
        f"WHERE {' AND '.join(fitting)}) SELECT * FROM found l "
        f"ORDER BY {_down(asked.order)} LIMIT {values.add(wanted)}"
    )


async def _bound(
    rows: Rows, asked: Asked, after: list[Any] | None, window: int
) -> Sequence[Any] | None:
    """Return the key so many rows further down the list, if the list is that long."""
    values = Values()
    # A key of the index alone, whoever may see its need: nothing is read of the row.
    place = f"l.place = {values.add(asked.places[0])}"
    here = " AND ".join([place, *_beyond(asked, values, after)])
    found = await rows.fetch(
        f"SELECT {_keys(asked.order)} FROM need_listings l WHERE {here} "  # noqa: S608
        f"ORDER BY {_down(asked.order)} OFFSET {values.add(window)} LIMIT 1",
        *values.all,
    )
    return tuple(found[0]) if found else None


async def ranked(
    rows: Rows, asked: Asked, wanted: int, after: BestPlace | None
) -> list[tuple[Any, Window]]:
    """Return the best of the newest matches, then of those before them; each with its window.

    A window is what is ranked as one: the first holds the newest, and what comes later.
    """
    found: list[tuple[Any, Window]] = []
    window = after.window if after else Window()
    while True:
        values = Values()
        statement = _ranking(asked, values, wanted - len(found), after, window)
        read = await rows.fetch(statement, *values.all)
        if window.floor is None and after is None and read and read[0]["among"] >= BEST_AMONG:
            window = replace(window, floor=(read[0]["lowest"], read[0]["last"]))
        found += [(row, window) for row in read]
        if len(found) >= wanted or window.floor is None:
            return found
        window, after = Window(above=window.floor), None


def _ranking(
    asked: Asked, values: Values, wanted: int, after: BestPlace | None, window: Window
) -> str:
    """Write: the matches of a window, the best first; without a floor, as many as are ranked."""
    fitting = [*asked.shown(values), *asked.looked_up(values, all_terms=False)]
    for sign, bound in (("<", window.above), (">=", window.floor)):
        if bound is not None:
            key = ", ".join(values.add(value) for value in bound)
            fitting.append(f"(l.published, l.need_id) {sign} ({key})")
    query = values.add(" & ".join(c.term for c in asked.every if c.ranks))
    beyond, among = "true", "" if after else f"LIMIT {values.add(BEST_AMONG)}"
    if after is not None:
        place = f"{values.add(after.score)}, {values.add(after.need_id)}"
        beyond = f"(l.score, l.need_id) < ({place})"
    few = asked.known.rows * asked.share < BEST_LOOKED_UP
    return (
        f"WITH hits AS {'' if few else 'NOT '}MATERIALIZED (SELECT l.need_id, l.soon, "  # noqa: S608
        f"l.published, l.lexemes FROM need_listings l WHERE {' AND '.join(fitting)}), "
        "found AS MATERIALIZED (SELECT * FROM hits l "
        f"ORDER BY l.published DESC, l.need_id DESC {among}), "
        "ranked AS (SELECT need_id, soon, published, count(*) OVER () AS among, "
        "first_value(published) OVER oldest AS lowest, first_value(need_id) OVER oldest AS last, "
        f"ln(ts_rank(lexemes, {query}::text::tsquery)::float8 + 1e-6) / ln(2::float8) "
        f"+ extract(epoch FROM published)::float8 / {HALF_LIFE_SECONDS} AS score FROM found "
        "WINDOW oldest AS (ORDER BY published, need_id)) "
        f"SELECT * FROM ranked l WHERE {beyond} "
        f"ORDER BY l.score DESC, l.need_id DESC LIMIT {values.add(wanted)}"
    )


async def hidden_by_language(rows: Rows, asked: Asked) -> int:
    """Count what the language filter alone leaves out, up to a bound."""
    spoken = asked.spoken
    assert spoken is not None  # noqa: S101 - asked where there is one
    others = Condition(f"NOT ({spoken.check})", spoken.value)
    return await count(rows, replace(asked, narrowing=[*asked.narrowing, others], spoken=None))


async def count(rows: Rows, asked: Asked) -> int:
    values = Values()
    fitting = " AND ".join([*asked.shown(values), *asked.looked_up(values)])
    (row,) = await rows.fetch(
        f"SELECT count(*) FROM (SELECT 1 FROM need_listings l WHERE {fitting} "  # noqa: S608
        f"LIMIT {values.add(HIDDEN_COUNT_MAX)}) AS counted",
        *values.all,
    )
    return int(row[0])


async def estimate(rows: Rows, asked: Asked) -> int:
    """Say about how many there are: counted where they are few, guessed where they are many."""
    guess = int(asked.known.rows * asked.share)
    if guess > 2 * HIDDEN_COUNT_MAX:
        return guess
    counted = await count(rows, asked)
    return counted if counted < HIDDEN_COUNT_MAX else max(guess, counted)


async def facets_of(
    rows: Rows, asked: Asked, names: Sequence[str]
) -> tuple[dict[str, dict[str, int]], bool]:
    values = Values()
    fitting = " AND ".join([*asked.shown(values), *asked.looked_up(values)])
    counting = " UNION ALL ".join(
        f"(SELECT '{name}' AS facet, {_FACET_VALUES[name]} AS choice, count(*) AS n "  # noqa: S608
        f"FROM found l GROUP BY 2 ORDER BY 3 DESC, 2 LIMIT {FACET_CHOICES_MAX})"
        for name in names
    )
    counted = await rows.fetch(
        "WITH found AS MATERIALIZED (SELECT l.kind, l.stream, l.urgency, l.remote, l.languages, "  # noqa: S608
        "l.skills, l.minutes, l.organisation_id, l.instance "
        f"FROM need_listings l WHERE {fitting} LIMIT {values.add(FACETS_AMONG)}) "
        f"{counting} UNION ALL SELECT '', '', count(*) FROM found",
        *values.all,
    )
    found: dict[str, dict[str, int]] = {name: {} for name in names}
    total = 0
    for facet, choice, n in counted:
        if facet and choice is not None:
            found[facet][choice] = n
        elif not facet:
            total = n
    return found, total >= FACETS_AMONG

"""From the filters of a list to conditions: each as words of the index, and as columns of a row.

A rare condition is looked up in the index, a common one is checked while walking down the list;
which is which is guessed from the planner's statistics. A wrong guess costs time, never a need.
"""

import re
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from app.domain.needs.filters import NeedFilters
from app.infra.text import fold, words

# Languages with a dictionary of their own; see need_stems in the migrations.
TONGUES = ("ca", "el", "en", "es", "nl")
HOURS_INDEXED = (1, 2, 4, 8, 20, 40)
WORDS_MAX = 12
# Shorter words are whole ones ("R", "AI"): thousands of others begin with them.
PREFIX_MIN = 3
STATISTICS_SECONDS = 60.0
STEMS_KEPT = 4_096

_PHRASE = re.compile(r'"([^"]*)"')
_WITHOUT = re.compile(r'(?<!\S)[-\u2212](?=["\w])("[^"]*"?|[^\s"]+)')
_SPELLED = re.compile(r"[^\W_]+")
_GEMINATE = re.compile(r"l[\u00b7\u2027.\u2022]l")
_stems: OrderedDict[str, dict[str, list[str]]] = OrderedDict()
STEMS = """
    SELECT said.word, tongue.code, need_stems(tongue.code, said.word || ' ' || said.folded, '')
    FROM unnest($1::text[], $2::text[]) AS said (word, folded), unnest($3::text[]) AS tongue (code)
"""
STATISTICS = """
    SELECT most_common_elems::text::text[] AS words, most_common_elem_freqs AS shares,
           (SELECT reltuples FROM pg_class WHERE oid = 'need_listings'::regclass) AS rows
    FROM (SELECT) AS always LEFT JOIN pg_stats
      ON schemaname = current_schema() AND tablename = 'need_listings' AND attname = 'lexemes'
"""


class Rows(Protocol):
    """A connection that reads rows: asyncpg's own, alone or beneath a session."""

    async def fetch(self, query: str, *args: Any) -> Sequence[Any]:
        """Run a statement and return its rows."""


@dataclass(frozen=True)
class Condition:
    """One condition: `term` asks the index, `check` a row `l`; `{}` in it stands for `value`.

    A condition without a term cannot be looked up; one that is not `exact` must also be checked.
    """

    check: str
    value: Any
    term: str = ""
    exact: bool = True
    heavy: bool = False
    ranks: bool = False
    share: float = 1.0


@dataclass
class Statistics:
    """What the planner knows of the listings: how many, and how common the common words are."""

    rows: float = 0.0
    shares: dict[str, float] = field(default_factory=dict)
    ordered: list[str] = field(default_factory=list)
    rare: float = 0.001
    at: float = 0.0

    def share(self, alternatives: Sequence[str]) -> float:
        """Guess which share of needs has one of the words."""
        return min(sum(self._share(word) for word in alternatives), 1.0)

    def _share(self, word: str) -> float:
        if not word.endswith(":*"):
            return self.shares.get(word, self.rare)
        prefix, total = word[:-2], 0.0
        for known in self.ordered[bisect_left(self.ordered, prefix) :]:
            if not known.startswith(prefix):
                break
            total += self.shares[known]
        return total or self.rare


_statistics: "WeakKeyDictionary[object, Statistics]" = WeakKeyDictionary()


async def statistics(rows: Rows, owner: object) -> Statistics:
    """Return what the planner knows by now; asked once a minute for each database."""
    known = _statistics.get(owner)
    if known is not None and monotonic() - known.at < STATISTICS_SECONDS:
        return known
    (row,) = await rows.fetch(STATISTICS)
    found = Statistics(rows=max(row["rows"], 0.0), at=monotonic())
    if row["words"]:
        found.shares = dict(zip(row["words"], row["shares"], strict=False))
        found.ordered = sorted(found.shares)
        found.rare = min(found.shares.values()) / 2
    _statistics[owner] = found
    return found


async def conditions(rows: Rows, filters: NeedFilters, known: Statistics) -> list[Condition]:
    """Return everything a need must be, beside whom it is shown to and its state."""
    unwanted = " ".join(_WITHOUT.findall(filters.q))
    said = await text_terms(rows, _WITHOUT.sub(" ", filters.q), filters.language, growing=True)
    left_out = await text_terms(rows, unwanted, filters.language) if unwanted else []
    return [
        *_exact(filters, known),
        *_of_region(filters.region, known),
        *(replace(_words(alternatives, known), ranks=True) for alternatives in said),
        *(_without(alternatives, known) for alternatives in left_out),
    ]


def of_language(languages: Sequence[str], known: Statistics) -> Condition | None:
    """Return the condition that a need is in one of the languages."""
    codes = [code.lower() for code in languages]
    if not codes:
        return None
    terms = [f"=l:{code}" for code in codes]
    check = "l.languages && {}::varchar[]"
    return Condition(check, codes, any_of(terms), share=known.share(terms))


def _exact(filters: NeedFilters, known: Statistics) -> list[Condition]:
    one = (
        ("k", "l.kind", filters.kind and filters.kind.value),
        ("w", "l.stream", filters.stream and filters.stream.value),
        ("u", "l.urgency", filters.urgency and filters.urgency.value),
        ("i", "l.instance", filters.instance),
    )
    found = [
        _term(f"{column} = {{}}", value, f"={letter}:{value}", known)
        for letter, column, value in one
        if value
    ]
    if filters.organisation is not None:
        term = f"=o:{filters.organisation}"
        found.append(_term("l.organisation_id = {}", filters.organisation, term, known))
    if filters.remote is not None:
        term = f"=m:{str(filters.remote).lower()}"
        found.append(_term("l.remote = {}", filters.remote, term, known))
    found += [
        _term("l.skills @> {}::varchar[]", [slug], f"=s:{slug}", known) for slug in filters.skill
    ]
    if filters.hours_max is not None:
        found.append(_of_hours(filters.hours_max, known))
    return found


def _of_hours(hours: int, known: Statistics) -> Condition:
    term = next((f"=h:{step}" for step in HOURS_INDEXED if step >= hours), "")
    share = known.share([term]) if term else 1.0
    return Condition(
        "l.minutes <= {}", hours * 60, quoted(term) if term else "", exact=False, share=share
    )


def _of_region(region: str, known: Statistics) -> list[Condition]:
    return [_words([f"=r:{word}:*"], known) for word in words(region)[:WORDS_MAX]]


def _term(check: str, value: Any, term: str, known: Statistics) -> Condition:
    return Condition(check, value, quoted(term), share=known.share([term]))


def _words(alternatives: Sequence[str], known: Statistics) -> Condition:
    """Words are checked by a function: an operator would let the planner ask the index anyway."""
    term = any_of(alternatives)
    share = known.share(alternatives)
    return Condition(
        "ts_match_vq(l.lexemes, {}::text::tsquery)", term, term, heavy=True, share=share
    )


def _without(alternatives: Sequence[str], known: Statistics) -> Condition:
    """What is left out cannot be looked up: the index knows what is there."""
    found = _words(alternatives, known)
    return replace(found, check=f"NOT {found.check}", term="", share=max(1.0 - found.share, 0.05))


def quoted(word: str) -> str:
    """Write a word as a tsquery reads it; a last `:*` asks for all that begin so."""
    bare, prefix = (word[:-2], ":*") if word.endswith(":*") else (word, "")
    escaped = bare.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'{prefix}"


def any_of(alternatives: Sequence[str]) -> str:
    """Write that one of several words is enough; a word with blanks is a phrase."""
    told = (
        "(" + " <-> ".join(quoted(word) for word in one.split(" ")) + ")"
        if " " in one
        else quoted(one)
        for one in dict.fromkeys(alternatives)
    )
    return "(" + " | ".join(told) + ")"


async def text_terms(
    rows: Rows, said: str, languages: Sequence[str], *, growing: bool = False
) -> list[list[str]]:
    """Return for each word or quoted phrase of a query the words of the index that answer it.

    A word is looked for as it stands and by its stem in each dictionary, the last one of a
    `growing` query also as the beginning of a longer word. What is a mere article somewhere is
    left out if others stay.
    """
    phrases = [" ".join(found) for part in _PHRASE.findall(said) if (found := words(part))]
    spelled = _spelled(_PHRASE.sub(" ", said))[:WORDS_MAX]
    stems = await _stems_of(rows, spelled)
    chosen = {code.lower().partition("-")[0] for code in languages} & set(TONGUES)
    tongues = chosen or set(TONGUES)
    carrying = [w for w in spelled if all(stems[w].get(tongue) for tongue in tongues)]
    terms = [[phrase] for phrase in phrases[:WORDS_MAX]]
    kept = carrying or ([] if phrases else spelled)
    for word in kept:
        bare = fold(word)
        begins = growing and word == spelled[-1] and len(bare) >= PREFIX_MIN
        alternatives = [bare, f"{bare}:*"] if begins else [bare]
        alternatives += _dutch_numbers(bare) if "nl" in tongues else []
        for tongue in sorted(tongues):
            for stem in stems[word].get(tongue, ()):
                alternatives += [stem, stem.partition(":")[2]]
        terms.append(list(dict.fromkeys(alternatives)))
    return terms


def _dutch_numbers(bare: str) -> list[str]:
    """Return the plural or singular that the Dutch stemmer keeps apart: organisatie(s)."""
    if bare.endswith("ie"):
        return [f"{bare}s"]
    return [bare[:-1]] if bare.endswith("ies") else []


def _spelled(said: str) -> list[str]:
    """Return the words of a query with their accents, for the stemmers; each once."""
    found = _SPELLED.findall(_GEMINATE.sub("ll", said.casefold()))
    return list(dict.fromkeys(word for word in found if words(word) == [fold(word)]))


async def _stems_of(rows: Rows, spelled: Sequence[str]) -> dict[str, dict[str, list[str]]]:
    # What was kept when we began: while we wait for the rest, others may push it out.
    found = {word: _stems[word] for word in spelled if word in _stems}
    missing = [word for word in spelled if word not in found]
    if missing:
        folded = [fold(word) for word in missing]
        for word, tongue, stems in await rows.fetch(STEMS, missing, folded, list(TONGUES)):
            found.setdefault(word, {})[tongue] = stems
        _stems.update({word: found[word] for word in missing})
    while len(_stems) > STEMS_KEPT:
        _stems.popitem(last=False)
    return found

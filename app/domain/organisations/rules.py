"""Rules of organisations: pure, with their states on show."""

import re
import unicodedata
from collections.abc import Collection, Mapping
from functools import cache
from zoneinfo import available_timezones

from app.domain.organisations import errors
from app.models.organisations import OrganisationState as State

TRANSITIONS: Mapping[State, tuple[State, ...]] = {
    State.PROPOSED: (State.ACCEPTED, State.DECLINED),
    State.ACCEPTED: (State.SUSPENDED,),
    State.DECLINED: (State.ACCEPTED,),
    State.SUSPENDED: (State.ACCEPTED, State.DECLINED),
}
SLUG_LENGTH_MAX = 60

# Letters that Unicode does not take apart, and Greek by ISO 843, the way its passports write it.
_LETTERS = str.maketrans(
    {
        "α": "a", "β": "v", "γ": "g", "δ": "d", "ε": "e", "ζ": "z", "η": "i", "θ": "th",
        "ι": "i", "κ": "k", "λ": "l", "μ": "m", "ν": "n", "ξ": "x", "ο": "o", "π": "p",
        "ρ": "r", "σ": "s", "ς": "s", "τ": "t", "υ": "y", "φ": "f", "χ": "ch", "ψ": "ps",
        "ω": "o", "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "þ": "th",
        "ł": "l", "ı": "i", "&": " and ", "·": "",
    }
)  # fmt: skip
_GREEK_PAIRS = (("ου", "ou"), ("αυ", "av"), ("ευ", "ev"), ("μπ", "b"))


def _check_transitions() -> None:
    """Refuse to start with a table that forgets a state or leads nowhere."""
    reached = {State.PROPOSED, *(to for moves in TRANSITIONS.values() for to in moves)}
    looping = [state for state, moves in TRANSITIONS.items() if state in moves]
    if set(TRANSITIONS) != set(State) or reached != set(State) or looping:
        message = "the organisations' table of states is not whole"
        raise RuntimeError(message)


_check_transitions()


def check_move(state: State, to: State) -> None:
    """Refuse a move that the table does not have, and say which ones it has."""
    if to not in TRANSITIONS[state]:
        raise errors.move_impossible(state, TRANSITIONS[state])


def slug_of(name: str) -> str:
    """Write a name in the letters of a web address; empty when nothing of it can be."""
    text = unicodedata.normalize("NFKD", name.casefold())
    text = "".join(c for c in text if not unicodedata.combining(c))
    for pair, letters in _GREEK_PAIRS:
        text = text.replace(pair, letters)
    text = text.translate(_LETTERS)
    slug = re.sub(r"[^a-z0-9]+", "-", text).strip("-")
    return slug[:SLUG_LENGTH_MAX].rstrip("-")


def free_slug(name: str, taken: Collection[str]) -> str:
    """Return the first address of a name that nobody has."""
    slug = slug_of(name) or "organisation"
    if slug not in taken:
        return slug
    number = 2
    while True:
        ending = f"-{number}"
        candidate = slug[: SLUG_LENGTH_MAX - len(ending)].rstrip("-") + ending
        if candidate not in taken:
            return candidate
        number += 1


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def time_zone_known(name: str) -> bool:
    """Say whether the IANA database has a zone of this name."""
    return name in _time_zones()

"""The life of a need, and its other rules. Pure.

draft → review → open ⇄ paused → in_progress → done → archived; exits withdrawn, expired.
Whether a need is filled is derived (`taken = places`), never stored.
"""

from collections.abc import Iterable, Mapping
from datetime import date

from app.errors import FieldError
from app.infra.text import words as split
from app.models.needs import Need, NeedState

S = NeedState
TRANSITIONS: Mapping[NeedState, frozenset[NeedState]] = {
    S.DRAFT: frozenset({S.REVIEW, S.WITHDRAWN}),
    S.REVIEW: frozenset({S.DRAFT, S.OPEN, S.WITHDRAWN}),
    S.OPEN: frozenset({S.PAUSED, S.IN_PROGRESS, S.DONE, S.WITHDRAWN, S.EXPIRED}),
    S.PAUSED: frozenset({S.OPEN, S.IN_PROGRESS, S.DONE, S.WITHDRAWN, S.EXPIRED}),
    S.IN_PROGRESS: frozenset({S.OPEN, S.PAUSED, S.DONE, S.WITHDRAWN}),
    S.DONE: frozenset({S.ARCHIVED}),
    S.EXPIRED: frozenset({S.OPEN, S.ARCHIVED}),
    S.ARCHIVED: frozenset(),
    S.WITHDRAWN: frozenset(),
}
# Only the clock moves a need here.
BY_SYSTEM = frozenset({S.EXPIRED})
# What strangers may read, if the audience includes them.
PUBLISHED = frozenset({S.OPEN, S.PAUSED, S.IN_PROGRESS, S.DONE, S.ARCHIVED, S.EXPIRED})
EDITABLE = frozenset({S.DRAFT, S.REVIEW, S.OPEN, S.PAUSED, S.IN_PROGRESS})
REASON_REQUIRED = frozenset({S.WITHDRAWN})
SEARCH_TEXT_MAX = 20_000

if set(TRANSITIONS) != set(NeedState) or any(
    target not in TRANSITIONS for targets in TRANSITIONS.values() for target in targets
):
    message = "the table of a need's moves does not cover every state"
    raise RuntimeError(message)


def possible_transitions(state: NeedState) -> list[NeedState]:
    """Return where people may move a need from here, in the order of its life."""
    return [target for target in NeedState if target in TRANSITIONS[state] - BY_SYSTEM]


def missing_for_review(need: Need) -> list[FieldError]:
    """Say what a need still lacks before anyone may see it.

    A listing imported with its origin's id may leave hours open: inventing them helps nobody.
    """
    missing = []
    if need.harm_check is None:
        missing.append(FieldError("/harm_check", "harm_check_missing"))
    if need.estimate_minutes is None and need.external_id is None:
        missing.append(FieldError("/estimate_minutes", "estimate_missing"))
    if not need.skill_slugs and not need.tags and not need.skills_unknown:
        missing.append(FieldError("/skills", "skills_missing"))
    return missing


def is_filled(need: Need) -> bool:
    """Say whether every place is taken."""
    return need.taken >= need.places


def is_past(deadline: date | None, today: date) -> bool:
    """Say whether the deadline, the end of its day in the organisation's zone, is over."""
    return deadline is not None and deadline < today


def search_text_of(title: str, body: str, organisation: str, words: Iterable[str]) -> str:
    """Return the folded text that searching reads: title first, then all else."""
    # Plain words only: PostgreSQL would keep wordpress.org or and/or as one, and a query asks for
    # each of its words.
    return " ".join(split(" \n".join((title, organisation, " ".join(words), body))))[
        :SEARCH_TEXT_MAX
    ]

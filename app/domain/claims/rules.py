"""The life of a claim, who may move it, and its numbers. Pure.

applied → accepted → active → submitted → confirmed; a submitted claim may go back to the
worker with changes requested, or be disputed. An instant need skips applied.
"""

from collections.abc import Mapping
from enum import StrEnum

from app.models.claims import ClaimState


class Side(StrEnum):
    """Who moves a claim."""

    WORKER = "worker"
    ORGANISATION = "organisation"
    LEDGER = "ledger"  # only the confirmation, which also posts the entry
    STEWARD = "steward"  # helps the organisation's side along, and confirms nothing
    SYSTEM = "system"


S = ClaimState
WORKER, ORG, LEDGER, SYSTEM = Side.WORKER, Side.ORGANISATION, Side.LEDGER, Side.SYSTEM
TRANSITIONS: Mapping[ClaimState, Mapping[ClaimState, Side]] = {
    S.APPLIED: {S.ACCEPTED: ORG, S.DECLINED: ORG, S.WITHDRAWN: WORKER, S.EXPIRED: SYSTEM},
    S.ACCEPTED: {S.ACTIVE: WORKER, S.WITHDRAWN: WORKER, S.RELEASED: ORG, S.LAPSED: SYSTEM},
    S.ACTIVE: {S.SUBMITTED: WORKER, S.WITHDRAWN: WORKER, S.RELEASED: ORG, S.LAPSED: SYSTEM},
    S.SUBMITTED: {S.CONFIRMED: LEDGER, S.CHANGES_REQUESTED: ORG, S.DISPUTED: ORG, S.ACTIVE: WORKER},
    S.CHANGES_REQUESTED: {
        S.ACTIVE: WORKER,
        S.SUBMITTED: WORKER,
        S.WITHDRAWN: WORKER,
        S.RELEASED: ORG,
    },
    S.DISPUTED: {S.CONFIRMED: LEDGER, S.CHANGES_REQUESTED: ORG, S.REJECTED: SYSTEM},
    S.CONFIRMED: {},
    S.DECLINED: {},
    S.WITHDRAWN: {},
    S.EXPIRED: {},
    S.RELEASED: {},
    S.LAPSED: {},
    S.REJECTED: {},
}
REASON_REQUIRED = frozenset({S.DECLINED, S.RELEASED, S.CHANGES_REQUESTED, S.DISPUTED})
# Work may be logged while the claim is the worker's to move.
LOGGABLE = frozenset({S.ACCEPTED, S.ACTIVE, S.CHANGES_REQUESTED})
CONFIRMABLE = frozenset({S.SUBMITTED, S.DISPUTED})

PENDING_MAX = 3
LIVE_BASE = 3
LIVE_MAX = 10
CONFIRMED_PER_EXTRA = 2
MINUTES_A_DAY = 24 * 60

if set(TRANSITIONS) != set(ClaimState):
    message = "the table of a claim's moves does not cover every state"
    raise RuntimeError(message)


def possible_transitions(state: ClaimState, sides: frozenset[Side]) -> list[ClaimState]:
    """Return where someone on these sides may move a claim from here."""
    moves = TRANSITIONS[state]
    return [to for to in ClaimState if to in moves and moves[to] in sides]


def live_claims_max(confirmed: int) -> int:
    """Return how many places one worker may hold at once; trust grows with confirmed work."""
    return min(LIVE_MAX, LIVE_BASE + confirmed // CONFIRMED_PER_EXTRA)

"""The life of a claim, who may move it, and its numbers. Pure.

applied → accepted → active → submitted → confirmed; a submitted claim may go back to the
worker with changes requested, or be disputed. A dispute ends in what the two sides agree on or in
what a panel of two members who are no party decides. An instant need skips applied.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from app.models.claims import (
    HOLDING_STATES,
    Claim,
    ClaimKind,
    ClaimState,
    Resolution,
)


class Side(StrEnum):
    """Who moves a claim."""

    WORKER = "worker"
    ORGANISATION = "organisation"
    LEDGER = "ledger"  # only the confirmation, which also posts the entry
    STEWARD = "steward"  # helps the organisation's side along, and confirms nothing
    SYSTEM = "system"


S = ClaimState
WORKER, ORG, LEDGER, SYSTEM = (
    frozenset({side}) for side in (Side.WORKER, Side.ORGANISATION, Side.LEDGER, Side.SYSTEM)
)
TRANSITIONS: Mapping[ClaimState, Mapping[ClaimState, frozenset[Side]]] = {
    S.APPLIED: {S.ACCEPTED: ORG, S.DECLINED: ORG, S.WITHDRAWN: WORKER, S.EXPIRED: SYSTEM},
    S.ACCEPTED: {S.ACTIVE: WORKER, S.WITHDRAWN: WORKER, S.RELEASED: ORG, S.LAPSED: SYSTEM},
    S.ACTIVE: {S.SUBMITTED: WORKER, S.WITHDRAWN: WORKER, S.RELEASED: ORG, S.LAPSED: SYSTEM},
    S.SUBMITTED: {
        S.CONFIRMED: LEDGER,
        S.CHANGES_REQUESTED: ORG,
        S.DISPUTED: WORKER | ORG,
        S.ACTIVE: WORKER,
        S.PANEL_REVIEW: SYSTEM,  # nobody answered in time
    },
    S.CHANGES_REQUESTED: {
        S.ACTIVE: WORKER,
        S.SUBMITTED: WORKER,
        S.DISPUTED: WORKER,
        S.WITHDRAWN: WORKER,
        S.RELEASED: ORG,
        S.LAPSED: SYSTEM,
    },
    S.DISPUTED: {
        S.CONFIRMED: LEDGER,
        S.REJECTED: LEDGER,
        S.CHANGES_REQUESTED: ORG,
        S.WITHDRAWN: WORKER,
        S.PANEL_REVIEW: WORKER | ORG | SYSTEM,
    },
    S.PANEL_REVIEW: {S.CONFIRMED: LEDGER, S.REJECTED: LEDGER},
    S.CONFIRMED: {
        S.DISPUTED: WORKER | ORG,  # for a while, see DISPUTE_WINDOW
        S.REJECTED: LEDGER,  # its entry was taken back after a dispute in the book
    },
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
CONFIRMABLE = frozenset({S.SUBMITTED, S.DISPUTED, S.PANEL_REVIEW})
# Here the two sides may still agree, and a member may give in and confirm all of it.
CONTESTED = frozenset({S.DISPUTED, S.PANEL_REVIEW})
# Hours that are in the book stay there until people decide otherwise: no way out but a decision.
NOT_ONCE_CONFIRMED = frozenset({S.CHANGES_REQUESTED, S.WITHDRAWN})
# Why somebody parted is told to the two parties, and not for ever.
PARTINGS = frozenset({S.DECLINED, S.WITHDRAWN, S.EXPIRED, S.RELEASED, S.LAPSED})
# What the two sides say of the work itself, for those who judge it.
SAID_OF_WORK = frozenset({S.SUBMITTED, S.CHANGES_REQUESTED, S.DISPUTED})
REASON_SHOWN = timedelta(days=180)
DISPUTE_WINDOW = timedelta(days=30)
PANEL_ANSWER = timedelta(days=7)
PANEL_SIZE = 2
SCOPING_MINUTES = 60
LOGGED_BEFORE_NEED = timedelta(days=365)

# Of one person to one need; a place that is given back is free to take again, not without end.
APPLICATIONS_A_DAY = 3
PENDING_MAX = 3
LIVE_BASE = 3
LIVE_MAX = 10
CONFIRMED_PER_EXTRA = 2
MINUTES_A_DAY = 24 * 60


class Awaited(StrEnum):
    """Whose turn it is."""

    WORKER = "worker"
    ORGANISATION = "organisation"
    BOTH = "both"
    PANEL = "panel"
    NOBODY = "nobody"


_AWAITED: Mapping[ClaimState, Awaited] = {
    S.APPLIED: Awaited.ORGANISATION,
    S.ACCEPTED: Awaited.WORKER,
    S.ACTIVE: Awaited.WORKER,
    S.SUBMITTED: Awaited.ORGANISATION,
    S.CHANGES_REQUESTED: Awaited.WORKER,
    S.DISPUTED: Awaited.BOTH,
    S.PANEL_REVIEW: Awaited.PANEL,
}


def awaited_of(claim: Claim) -> Awaited:
    """Say of whom a claim's next step is awaited; an offer asks the other side."""
    if claim.state == S.DISPUTED and claim.offer_minutes is not None:
        return Awaited.ORGANISATION if claim.offer_by_worker else Awaited.WORKER
    return _AWAITED.get(claim.state, Awaited.NOBODY)


_TARGETS = {to for moves in TRANSITIONS.values() for to in moves}
if (
    set(TRANSITIONS) != set(ClaimState)
    or _TARGETS | {S.APPLIED} != set(ClaimState)
    or not all(sides for moves in TRANSITIONS.values() for sides in moves.values())
):
    message = "the table of a claim's moves does not cover every state"
    raise RuntimeError(message)


@dataclass(frozen=True)
class WorkerLoad:
    """How much one worker waits for, holds, and has had confirmed."""

    pending: int
    live: int
    confirmed: int


@dataclass(frozen=True)
class ClaimLimits:
    """How much one worker may wait for and hold at once; an operator sets both."""

    pending: int = PENDING_MAX
    live: int = LIVE_BASE

    def live_max(self, confirmed: int) -> int:
        """Return how many claims one worker may hold; trust grows with confirmed work."""
        return max(self.live, min(LIVE_MAX, self.live + confirmed // CONFIRMED_PER_EXTRA))


def possible_transitions(state: ClaimState, sides: frozenset[Side]) -> list[ClaimState]:
    """Return where someone on these sides may move a claim from here."""
    moves = TRANSITIONS[state]
    return [to for to in ClaimState if to in moves and moves[to] & sides]


def possible_moves(claim: Claim, sides: frozenset[Side], now: datetime) -> list[ClaimState]:
    """As the table allows, without what this claim's confirmation or the time rules out."""
    moves = possible_transitions(claim.state, sides)
    if claim.state == S.CONFIRMED and not in_dispute_window(claim, now):
        return []
    if claim.elsewhere is not None:
        # Nobody is drawn across instances: the two sides find a way, or their stewards do.
        moves = [to for to in moves if to != S.PANEL_REVIEW]
    if claim.confirmed_at is not None:
        moves = [to for to in moves if to not in NOT_ONCE_CONFIRMED]
    return moves


def without_dispute(moves: Sequence[ClaimState]) -> list[ClaimState]:
    """Return moves without that which the book has instead: there the entry is disputed."""
    return [to for to in moves if to != S.DISPUTED]


def in_dispute_window(claim: Claim, now: datetime) -> bool:
    """Say whether confirmed work may still be disputed."""
    return claim.confirmed_at is not None and now < claim.confirmed_at + DISPUTE_WINDOW


def disputable_until(claim: Claim) -> datetime | None:
    """Return until when confirmed work may be disputed."""
    if claim.state != S.CONFIRMED or claim.confirmed_at is None:
        return None
    return claim.confirmed_at + DISPUTE_WINDOW


def holds_place(kind: ClaimKind, state: ClaimState) -> bool:
    """Say whether such a claim counts among its need's places."""
    return kind == ClaimKind.WORK and state in HOLDING_STATES


def reason_shown(to: ClaimState, at: datetime, now: datetime) -> bool:
    """Say whether the reason of a move is still told: why somebody parted ages out."""
    return to not in PARTINGS or now < at + REASON_SHOWN


def live_claims_max(confirmed: int) -> int:
    """Return how many places one worker may hold at once by the limits that nobody changed."""
    return ClaimLimits().live_max(confirmed)


def draw_key(seed: str, number: int, account_id: UUID) -> str:
    """Return the key by which a draw orders its pool: whoever has the smallest is drawn."""
    return hashlib.sha256(f"{seed}:{number}:{account_id}".encode()).hexdigest()


@dataclass(frozen=True)
class Verdict:
    """What somebody decides of submitted work; minutes are 0 exactly when it is rejected."""

    resolution: Resolution
    minutes: int


def verdict_of(minutes: int, logged: int) -> Verdict:
    """Name what a number of minutes means where so many were logged."""
    if minutes == 0:
        return Verdict(Resolution.REJECTED, 0)
    return Verdict(Resolution.CONFIRMED if minutes == logged else Resolution.PARTLY, minutes)


def agreed(verdicts: Iterable[Verdict]) -> Verdict | None:
    """Return what two of a panel's members decided alike, if two did."""
    seen: set[Verdict] = set()
    for verdict in verdicts:
        if verdict in seen:
            return verdict
        seen.add(verdict)
    return None


def seats_wanted(verdicts: Iterable[Verdict], waiting: int) -> int:
    """Return how many more a panel needs: two, and one more while those who decided differ."""
    given = list(verdicts)
    if agreed(given):
        return 0
    return max(0, max(PANEL_SIZE, len(given) + 1) - len(given) - waiting)

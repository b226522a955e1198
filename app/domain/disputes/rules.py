"""How a dispute about an entry goes, and what its end does to the book. Pure; integers only.

R3: disputed minutes wait in suspense. R13: three who are outside the case decide within 14 days
and write down why; one re-appeal goes to the assembly; a party never sits.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from uuid import UUID

from app.domain.ledger.rules import PostingLine
from app.models.disputes import Dispute, DisputeResolution, DisputeState, JudgeState
from app.models.ledger import MINUTE, EntryKind

TALK = timedelta(days=14)  # then the panel is drawn, whoever of the two is silent
ANSWER = timedelta(days=14)
REAPPEAL = timedelta(days=14)
PANEL_SIZE = 3
# What came of a decision of many, or of a whole period, is not one worker's to dispute.
DISPUTABLE = frozenset(
    {
        EntryKind.CONTRIBUTION,
        EntryKind.CORRECTION,
        EntryKind.OPENING,
        EntryKind.SLIP,
        EntryKind.RECEIPT,
    }
)
# Those who hold or held a seat and may know the case.
SEATED = frozenset({JudgeState.DRAWN, JudgeState.DECIDED})


class CaseSide(StrEnum):
    """On which side of a dispute somebody stands."""

    WORKER = "worker"
    BOOK = "book"


@dataclass(frozen=True)
class Matter:
    """What a dispute is about: whose accounts, and how many minutes the entry moves.

    `takes`: the entry took the minutes from the worker, as a correction does. What is in question
    is then with the other side, and waits in suspense all the same.
    """

    worker: UUID
    other: UUID
    minutes: int
    takes: bool


def into_suspense(matter: Matter, suspense: UUID) -> list[PostingLine]:
    """Return what puts the minutes in question into suspense, from whoever has them."""
    held_by = matter.other if matter.takes else matter.worker
    return [
        PostingLine(held_by, MINUTE, -matter.minutes),
        PostingLine(suspense, MINUTE, matter.minutes),
    ]


def out_of_suspense(matter: Matter, suspense: UUID, final: int) -> list[PostingLine]:
    """Return what gives the worker `final` minutes of those in suspense, and the rest back."""
    lines = [
        PostingLine(suspense, MINUTE, -matter.minutes),
        PostingLine(matter.worker, MINUTE, final),
        PostingLine(matter.other, MINUTE, matter.minutes - final),
    ]
    return [line for line in lines if line.amount]


def resolution_of(*, final: int, minutes: int, takes: bool) -> DisputeResolution:
    """Name what a number of minutes for the worker means for the disputed entry."""
    as_it_stood = 0 if takes else minutes
    if final == as_it_stood:
        return DisputeResolution.UPHELD
    if final == minutes - as_it_stood:
        return DisputeResolution.TAKEN_BACK
    return DisputeResolution.CHANGED


def as_it_stood(dispute: Dispute) -> int:
    """Return the worker's minutes where the entry is upheld."""
    return 0 if dispute.takes else dispute.minutes


@dataclass(frozen=True)
class Room:
    """What there is beside the minutes of an entry: logged on its claim, or left of its day.

    `day` is None where the entry is not the work of one day.
    """

    logged: int = 0
    day: int | None = None
    slip: bool = False


def most_minutes(dispute: Dispute, room: Room) -> int:
    """Return how many minutes the end of a dispute may give the worker: what is in question.

    Or, where that is more, what was logged on the claim, or what a slip's day has left. What a
    correction took comes back only as far as the day still has room for it.
    """
    if dispute.takes:
        return dispute.minutes if room.day is None else min(dispute.minutes, room.day)
    left = room.day if room.slip and room.day is not None else 0
    return max(dispute.minutes, room.logged, left)


def outcome(given: Iterable[int]) -> int | None:
    """Return what a panel decided: what two say alike, or the middle of three that all differ.

    The middle number is the one that two of the three would rather have than either other one.
    """
    numbers = sorted(given)
    for first, second in pairwise(numbers):
        if first == second:
            return first
    return numbers[1] if len(numbers) >= PANEL_SIZE else None


def seats_wanted(states: Sequence[JudgeState]) -> int:
    """Return how many more a panel needs: three who decided or still may."""
    return max(0, PANEL_SIZE - sum(state in SEATED for state in states))


def panel_due(dispute: Dispute) -> datetime:
    """Return when the panel is drawn unless the two sides agreed."""
    return dispute.opened_at + TALK


def reappeal_until(dispute: Dispute) -> datetime | None:
    """Return until when one of the sides may ask the assembly, once the panel has decided."""
    if dispute.state != DisputeState.CLOSED or dispute.closed_at is None:
        return None
    if dispute.assembly_since is not None or dispute.panel_since is None:
        return None
    return dispute.closed_at + REAPPEAL

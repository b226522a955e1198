"""Rules of a period's closing (R7, R8 of the ledger paper). Pure.

checklist → freeze → draft, drawn up worker by worker → objections for 30 days → two different
signers → lock. Until the lock it can be taken back; after it nothing of it ever changes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid5

from app.domain.policies.rules import Outcome, outcome_document
from app.infra import merkle
from app.infra.canonical import canonical_hash, canonical_json
from app.models.ledger import EntryKind
from app.models.periods import EDITABLE_STATES, ObjectionState, Period, PeriodObjection, PeriodState

OBJECTION_DAYS = 30
# To read figures that a dispute changed; once at most, for then nothing changes them any more.
READING_DAYS = 7
SIGNERS = 2
YEAR = 366
DAYS_MAX = 2 * YEAR
# Workers whose figures are read in one transaction.
WORKERS_A_STEP = 25
OPEN_TO_REOPEN = frozenset({PeriodState.FROZEN, PeriodState.DRAFTED, PeriodState.SIGNED})
OPEN_TO_SIGN = frozenset({PeriodState.DRAFTED, PeriodState.SIGNED})
# A draft that is drawn up anew is heard of all the same.
HEARING = frozenset({PeriodState.FROZEN, PeriodState.DRAFTED})


class Check(StrEnum):
    """What is looked at before a period is frozen."""

    OVER = "over"  # its last day is past
    PREVIOUS = "previous"  # the one before is locked
    POLICY = "policy"  # rules were adopted before it began
    SURPLUS = "surplus"  # what was earned, or lost, is entered
    CLAIMS = "claims"  # work of its days waits for confirmation
    DISPUTES = "disputes"  # minutes wait in suspense, or claims before a panel
    STATUSES = "statuses"  # somebody worked who has no status in the book


# Without these nothing can be computed; the others want a second look and no more.
NEEDED = frozenset({Check.OVER, Check.PREVIOUS, Check.POLICY, Check.SURPLUS})


@dataclass(frozen=True)
class CheckItem:
    """One line of the checklist: whether it is as it should be, and how much is not."""

    check: Check
    fine: bool
    count: int = 0

    @property
    def needed(self) -> bool:
        """Whether nothing goes on without it."""
        return self.check in NEEDED


def unmet(items: Iterable[CheckItem], *, needed: bool) -> list[str]:
    """Name what is not as it should be, of what is needed or of what wants a second look."""
    return [item.check.value for item in items if not item.fine and item.needed is needed]


def is_editable(period: Period) -> bool:
    """Say whether its figures may still be entered."""
    return period.state in EDITABLE_STATES


def may_reopen(period: Period) -> bool:
    """Say whether it can be taken back: until two have signed."""
    return period.state in OPEN_TO_REOPEN and period.locks_at is None


def hears_objections(period: Period, now: datetime) -> bool:
    """Say whether objections to its draft are heard."""
    return (
        period.state in HEARING
        and period.objections_until is not None
        and now < period.objections_until
    )


def waits_for_objections(
    period: Period, objections: Iterable[PeriodObjection], now: datetime
) -> bool:
    """Say whether the draft still may change: the days are not over, or an answer is owed."""
    open_ones = any(each.state == ObjectionState.OPEN for each in objections)
    return open_ones or period.objections_until is None or now < period.objections_until


def objections_end(drafted_at: datetime, settles_at: datetime | None = None) -> datetime:
    """Return when objections to a draft are no longer heard.

    A first draft is heard for 30 days. One that was drawn up anew since keeps these days, with a
    few to read it: whoever disputes entry after entry wins seven days in all.
    """
    if settles_at is None:
        return drafted_at + timedelta(days=OBJECTION_DAYS)
    return max(settles_at, min(drafted_at, settles_at) + timedelta(days=READING_DAYS))


def first_days(began: date, opened_on: date | None, today: date) -> tuple[date, date]:
    """Return between which days a book's first period begins.

    A year before worker-owners kept the book at the earliest, after the opening (what it says was
    there before is no work of the period), and within a year from now.
    """
    earliest = began - timedelta(days=YEAR)
    if opened_on is not None:
        earliest = max(earliest, opened_on + timedelta(days=1))
    return earliest, today + timedelta(days=YEAR)


def usual_end(starts_on: date) -> date:
    """Return the end of the quarter that a day lies in: what a form proposes."""
    month = (starts_on.month - 1) // 3 * 3 + 3
    first_after = date(starts_on.year + month // 12, month % 12 + 1, 1)
    return first_after - timedelta(days=1)


def closing_entry_id(period_id: UUID, kind: EntryKind) -> UUID:
    """Return the id of a closing entry: the same each time, so that it is never posted twice."""
    return uuid5(period_id, kind.value)


def outcome_hash(outcome: Outcome) -> bytes:
    """Return what people sign: SHA-256 over the RFC 8785 spelling of all figures."""
    return canonical_hash(outcome_document(outcome))


def totals_of(outcome: Outcome) -> dict[str, int | str]:
    """Return an outcome's sums without its lines."""
    document = outcome_document(outcome)
    return {name: value for name, value in document.items() if name != "lines"}


@dataclass(frozen=True)
class SealedEntry:
    """An entry as a lock takes it up: by its day, its moment and its id, and as its bytes."""

    booked_on: date
    recorded_at: datetime
    entry_id: UUID
    body: bytes


def root_of(entries: Iterable[SealedEntry]) -> bytes:
    """Return the RFC 6962 tree head over entries in the one order that anybody can restore."""
    ordered = sorted(entries, key=lambda each: (each.booked_on, each.recorded_at, each.entry_id))
    return merkle.root_of([merkle.leaf_hash(each.body) for each in ordered])


@dataclass(frozen=True)
class Seal:
    """What the lock of a period says."""

    period: Period
    currency: str
    policy_hash: bytes
    root: bytes
    previous_root: bytes | None
    entries: int
    closing: Sequence[UUID]
    signatures: Sequence[Mapping[str, Any]]
    locked_at: datetime


def seal_document(seal: Seal) -> bytes:
    """Return the canonical bytes of a lock (docs/ledger/periods.md): what the log takes up."""
    period = seal.period
    return canonical_json(
        {
            "type": "lock",
            "version": 1,
            "id": str(period.id),
            "book": str(period.book_id),
            "number": period.number,
            "starts_on": period.starts_on.isoformat(),
            "ends_on": period.ends_on.isoformat(),
            "currency": seal.currency,
            "surplus": period.surplus,
            "policy": str(period.policy_id),
            "policy_hash": seal.policy_hash.hex(),
            "outcome_hash": (period.outcome_hash or b"").hex(),
            "entries": seal.entries,
            "root": seal.root.hex(),
            "previous_root": seal.previous_root.hex() if seal.previous_root else None,
            "closing_entries": [str(each) for each in seal.closing],
            "signatures": list(seal.signatures),
            "locked_at": moment_text(seal.locked_at),
        }
    )


def moment_text(moment: datetime) -> str:
    """Write a moment in UTC to the microsecond, always in the same spelling."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")

"""Rules of the ledger (docs: R1-R6 of the ledger paper). Pure; integers only.

R1: time is whole minutes, money whole minor units. An entry's postings sum to zero per unit.
R15: whoever confirms work is never the one who did it.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from uuid import UUID

from app.models.ledger import MINUTE, LedgerAccountKind, WorkStream

# Currencies of which a hundredth is the smallest part (ISO 4217, minor unit 2).
CURRENCIES = (
    "EUR", "GBP", "CHF", "SEK", "NOK", "DKK", "PLN", "CZK", "RON", "BGN", "TRY", "UAH", "GEL",
    "ALL", "RSD", "MKD", "BAM", "MDL", "USD", "CAD", "AUD", "NZD", "MXN", "BRL", "ARS", "COP",
    "ZAR", "INR", "ILS", "MAD", "EGP",
)  # fmt: skip


@dataclass(frozen=True)
class PostingLine:
    """One side of an entry: an account gains (positive) or gives (negative)."""

    account_id: UUID
    unit: str
    amount: int


@dataclass(frozen=True)
class Side:
    """One side of an entry by whose account it is, where it may have to be opened first."""

    kind: LedgerAccountKind
    holder_id: UUID
    stream: WorkStream | None
    unit: str
    amount: int


def sums(lines: Iterable[PostingLine | Side]) -> dict[str, int]:
    """Return the sum of some postings per unit."""
    totals: dict[str, int] = defaultdict(int)
    for line in lines:
        totals[line.unit] += line.amount
    return dict(totals)


def contribution_sides(
    worker: UUID, organisation: UUID, minutes: int, stream: WorkStream
) -> list[Side]:
    """Return the two sides of confirmed work: the worker gave it, the organisation owes it."""
    return [
        Side(LedgerAccountKind.WORKER, worker, stream, MINUTE, minutes),
        Side(LedgerAccountKind.ORGANISATION, organisation, stream, MINUTE, -minutes),
    ]


def opposite(lines: Iterable[PostingLine]) -> list[PostingLine]:
    """Return what takes an entry back: the same accounts, each the other way."""
    return [PostingLine(line.account_id, line.unit, -line.amount) for line in lines]


def is_balanced(lines: Iterable[PostingLine | Side]) -> bool:
    """Say whether lines make an entry: two at least, none empty, zero in each unit."""
    kept = list(lines)
    return (
        len(kept) >= 2 and all(line.amount != 0 for line in kept) and not any(sums(kept).values())
    )


def share_percent(part: int, whole: int) -> str:
    """Return a share in percent with one decimal, rounded half up, as text and without floats."""
    if whole <= 0:
        return "0.0"
    tenths = int(Fraction(part * 1000, whole) + Fraction(1, 2))
    return f"{tenths // 10}.{tenths % 10}"

"""What figures mean beside one another: shares, changes, steps. Pure; integers and fractions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from app.models.ledger import LedgerAccountKind, WorkStream

MONTHS_PER_YEAR = 12
MONEY_KINDS = frozenset(
    {
        LedgerAccountKind.CAPITAL,
        LedgerAccountKind.RESERVE,
        LedgerAccountKind.POOL,
        LedgerAccountKind.OUTSIDE,
    }
)


def tenths_of_percent(part: Fraction | int, whole: Fraction | int) -> int:
    """Return a share in tenths of a percent, rounded half away from zero: 123 is 12.3 %."""
    if whole <= 0:
        return 0
    exact = Fraction(part) * 1000 / Fraction(whole)
    rounded = int(abs(exact) + Fraction(1, 2))
    return -rounded if exact < 0 else rounded


def months_until(last: date, count: int) -> list[date]:
    """Return the first days of so many months, the last of them that of a day."""
    index = last.year * MONTHS_PER_YEAR + last.month - 1
    return [
        date(number // MONTHS_PER_YEAR, number % MONTHS_PER_YEAR + 1, 1)
        for number in range(index - count + 1, index + 1)
    ]


@dataclass(frozen=True)
class Month:
    """What was given in one month, in minutes by stream; a month of corrections may be below 0."""

    month: date
    by_stream: Mapping[WorkStream, int]

    @property
    def minutes(self) -> int:
        """All streams together."""
        return sum(self.by_stream.values())


@dataclass(frozen=True)
class Contributions:
    """What was given month by month, and apart from it what was there before the book."""

    months: Sequence[Month]
    opening: Mapping[WorkStream, int]


def months_of(months: Iterable[date], found: Mapping[tuple[date, WorkStream], int]) -> list[Month]:
    """Put sums by month and stream in order; a month without work is a month of nothing."""
    return [
        Month(month, {stream: found.get((month, stream), 0) for stream in WorkStream})
        for month in months
    ]


@dataclass(frozen=True)
class Step:
    """One step of a waterfall: what changes, and where the sum stands afterwards."""

    name: str
    change: int
    after: int


def waterfall(opening: int, changes: Sequence[tuple[str, int]]) -> list[Step]:
    """Lead from what was there to what is there; a step that changes nothing is left out.

    The first step is what was there, the last what is there.
    """
    steps = [Step("opening", opening, opening)]
    for name, change in changes:
        if change:
            steps.append(Step(name, change, steps[-1].after + change))
    return [*steps, Step("closing", steps[-1].after, steps[-1].after)]

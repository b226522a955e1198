"""Plots as figures of plain numbers: where each bar stands. Templates draw them as SVG.

Every plot has its table beside it; a bar differs from its neighbour by pattern, not colour alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from app.domain.statements.rules import Month, Step
from app.models.ledger import WorkStream

WIDTH, HEIGHT = 640, 240
LEFT, TOP, BOTTOM = 64, 14, 26
TICKS_MAX = 5
HOUR = 60
# Where a row's bar begins and ends, in units of a plot that is 100 wide.
ROW_WIDTH = 100


@dataclass(frozen=True)
class Bar:
    """A rectangle of a plot."""

    x: float
    y: float
    width: float
    height: float
    name: str


@dataclass(frozen=True)
class MonthsPlot:
    """Stacked bars, a month each."""

    bars: Sequence[Bar]
    ticks: Sequence[tuple[float, int]]
    labels: Sequence[tuple[float, date]]
    zero: float


def months_plot(months: Sequence[Month]) -> MonthsPlot | None:
    """Stack each month's streams; what was taken back hangs below the line. No plot of nothing."""
    above = [sum(max(n, 0) for n in month.by_stream.values()) for month in months]
    below = [sum(min(n, 0) for n in month.by_stream.values()) for month in months]
    if not any(above) and not any(below):
        return None
    step = _step(max(above) - min(below))
    high = -(-max(above) // step) * step
    low = (min(below) // step) * step
    scale = Fraction(HEIGHT - TOP - BOTTOM, high - low)
    zero = TOP + float(high * scale)
    wide = (WIDTH - LEFT) / len(months)
    bars: list[Bar] = []
    for number, month in enumerate(months):
        up, down = 0, 0
        for stream in WorkStream:
            minutes = month.by_stream.get(stream, 0)
            tall = float(abs(minutes) * scale)
            if minutes > 0:
                up += minutes
                top = zero - float(up * scale)
            elif minutes < 0:
                top = zero + float(-down * scale)
                down += minutes
            else:
                continue
            x = LEFT + number * wide + wide * 0.14
            bars.append(Bar(_r(x), _r(top), _r(wide * 0.72), _r(tall), stream.value))
    ticks = [(_r(zero - float(at * scale)), at) for at in range(low, high + 1, step)]
    labels = [
        (_r(LEFT + (number + 0.5) * wide), month.month)
        for number, month in enumerate(months)
        if len(months) <= 14 or number % 3 == 0
    ]
    return MonthsPlot(bars, ticks, labels, _r(zero))


def _step(span: int) -> int:
    """Return a round number of hours, in minutes, of which few make up a span."""
    size = HOUR
    while True:
        for factor in (1, 2, 5):
            if span <= size * factor * TICKS_MAX:
                return size * factor
        size *= 10


def _r(value: float) -> float:
    return round(value, 2)


@dataclass(frozen=True)
class RowBar:
    """One row's bar from left to right, and a mark where another value stands."""

    x: float
    width: float
    mark: float | None = None


def share_bars(shares: Sequence[tuple[int, int | None]]) -> list[RowBar]:
    """Return a bar for each (share, share before) in tenths of a percent; the longest fills it."""
    longest = max((max(now, before or 0) for now, before in shares), default=0) or 1
    return [
        RowBar(
            0,
            _r(max(now, 0) * ROW_WIDTH / longest),
            None if before is None else _r(max(before, 0) * ROW_WIDTH / longest),
        )
        for now, before in shares
    ]


def waterfall_bars(steps: Sequence[Step]) -> tuple[list[RowBar], float]:
    """Return each step's bar, from where the sum stood to where it stands, and where zero is."""
    stands = [0, *(step.after for step in steps)]
    low, high = min(stands), max(stands)
    scale = Fraction(ROW_WIDTH, (high - low) or 1)
    bars = []
    for number, step in enumerate(steps):
        whole = number in {0, len(steps) - 1}
        begin = 0 if whole else step.after - step.change
        left, right = sorted((begin, step.after))
        bars.append(RowBar(_r(float((left - low) * scale)), _r(float((right - left) * scale))))
    return bars, _r(float(-low * scale))

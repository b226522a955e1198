"""Which hours of a week somebody has, where they are, and how long two of them overlap.

A grid is 168 bits, Monday 00:00 first, in local time: 21 bytes. Two grids are compared in
quarters of an hour of one week of UTC, because zones differ by quarters and clocks change: each
moment is somebody's local hour, so an hour that a change skips is nobody's and one that it
repeats counts twice.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAYS, HOURS = 7, 24
GRID_BITS = DAYS * HOURS
GRID_BYTES = GRID_BITS // 8
QUARTERS = 4
_QUARTER = timedelta(minutes=15)

Week = Sequence[Sequence[int]]


def pack(week: Week) -> bytes | None:
    """Write seven lists of hours as 21 bytes; None for a week without any hour: not said."""
    bits = 0
    for day, hours in enumerate(week):
        for hour in hours:
            bits |= 1 << (day * HOURS + hour)
    return bits.to_bytes(GRID_BYTES, "little") if bits else None


def unpack(grid: bytes) -> list[list[int]]:
    """Read 21 bytes as seven lists of hours."""
    bits = int.from_bytes(grid, "little")
    return [[h for h in range(HOURS) if bits >> (day * HOURS + h) & 1] for day in range(DAYS)]


def week_of(moment: datetime) -> datetime:
    """Return the Monday, 00:00 UTC, of the week that a moment is in."""
    utc = moment.astimezone(UTC)
    monday = utc - timedelta(days=utc.weekday())
    return monday.replace(hour=0, minute=0, second=0, microsecond=0)


@lru_cache(maxsize=2048)
def local_hours(zone: str, monday: datetime) -> tuple[int, ...]:
    """Return for each quarter of an hour of a week of UTC which local hour of the week it is."""
    there = ZoneInfo(zone)
    local = ((monday + _QUARTER * n).astimezone(there) for n in range(GRID_BITS * QUARTERS))
    return tuple(moment.weekday() * HOURS + moment.hour for moment in local)


@lru_cache(maxsize=8192)
def quarters(grid: bytes, zone: str, monday: datetime) -> int:
    """Return a grid as the quarters of an hour of one week of UTC, a bit for each."""
    bits = int.from_bytes(grid, "little")
    mask = 0
    for place, hour in enumerate(local_hours(zone, monday)):
        if bits >> hour & 1:
            mask |= 1 << place
    return mask


def overlap_minutes(one: tuple[bytes, str], other: tuple[bytes, str], monday: datetime) -> int:
    """Return how long two grids, each in its zone, overlap in the week that begins on a Monday."""
    common = quarters(*one, monday) & quarters(*other, monday)
    return common.bit_count() * (60 // QUARTERS)

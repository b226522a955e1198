"""The only place that reads the time; tests freeze it here."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

_offset = timedelta(0)
_frozen: datetime | None = None


def now() -> datetime:
    """Return the present moment, aware, in UTC."""
    if _frozen is not None:
        return _frozen
    return datetime.now(UTC) + _offset  # noqa: TID251 - the one place allowed to


def today(time_zone: str = "UTC") -> date:
    """Return the present day in an IANA time zone."""
    return now().astimezone(ZoneInfo(time_zone)).date()


@contextmanager
def frozen(moment: datetime) -> Iterator[None]:
    """Hold the clock at a moment (tests, and the demo while it tells of the past)."""
    global _frozen  # noqa: PLW0603 - the point of this module
    before, _frozen = _frozen, moment.astimezone(UTC)
    try:
        yield
    finally:
        _frozen = before


@contextmanager
def moved(by: timedelta) -> Iterator[None]:
    """Run the clock ahead or behind by an interval (tests only)."""
    global _offset  # noqa: PLW0603 - the point of this module
    before, _offset = _offset, _offset + by
    try:
        yield
    finally:
        _offset = before

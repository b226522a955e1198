"""What can go wrong in moderation.

report_not_found    404  there is none, or it is not for the asker to know
reports_limit       429  very many reports by one person, or from one network, within a day
report_of_oneself   409  what somebody wrote or is themselves
report_looked_at    412  another steward decided, or the reporter said more, since it was read
deed_impossible     409  this cannot be done about what is reported
hold_not_found      404  the need is not held, or it is not for the asker to know
hold_ended          409  it was released or withdrawn meanwhile
hold_appealed       409  its people have answered already
version_stale       412  something about the hold changed since it was read
oneself             409  no steward limits or blocks themselves
last_steward        409  somebody has to look after the instance
"""

from collections.abc import Sequence
from typing import Any

from app.errors import ConflictError, LimitedError, NotFoundError, StaleError
from app.models.moderation import ReportDeed

DAY_SECONDS = 24 * 3600


def report_not_found() -> NotFoundError:
    return NotFoundError("report_not_found")


def reports_limit() -> LimitedError:
    return LimitedError("reports_limit", retry_after_seconds=DAY_SECONDS)


def report_of_oneself() -> ConflictError:
    return ConflictError("report_of_oneself")


def report_looked_at(**now: Any) -> StaleError:
    """412: with what is true of the report by now."""
    return StaleError("report_looked_at", extra=now)


def deed_impossible(possible: Sequence[ReportDeed]) -> ConflictError:
    return ConflictError("deed_impossible", extra={"possible": [deed.value for deed in possible]})


def hold_not_found() -> NotFoundError:
    return NotFoundError("hold_not_found")


def hold_ended(state: str, reason: str) -> ConflictError:
    """409: with what became of the need."""
    return ConflictError("hold_ended", extra={"state": state, "end_reason": reason})


def hold_appealed() -> ConflictError:
    return ConflictError("hold_appealed")


def stale(current: int) -> StaleError:
    return StaleError("version_stale", extra={"version": current})


def oneself() -> ConflictError:
    return ConflictError("oneself")


def last_steward() -> ConflictError:
    return ConflictError("last_steward")

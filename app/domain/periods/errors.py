"""What can go wrong with periods.

period_not_found         404  not there, or not for the asker to know
period_forbidden         403  only worker-owners and owners close a book's periods
period_sign_refused      403  only worker-owners sign
period_signed_already    409  somebody signs once; the second signature is another person's
period_state             409  not in this state
period_stale             412  somebody changed it meanwhile
period_days              422  it begins after the one before and ends after it begins
period_first_day         422  the first one begins after the opening, and about when the book did
period_rules_none        422  no rules hold in the book: the first ones are adopted before
period_rules_later       422  no rules hold on its first day; with the day on which the first do
period_days_fixed        409  another period follows, or it is closed
period_unready           409  something of the checklist is missing
period_unacknowledged    409  something of the checklist wants a second look
period_objections_open   409  the days for objections are not over, or one waits for its answer
period_outcome_other     409  what was signed is not what the draft says
period_objection_missing 404  not there
period_answer_own        403  nobody answers their own objection
period_reopened_before   409  each of those who may takes a period back once
"""

from collections.abc import Sequence
from datetime import date

from app.errors import (
    ConflictError,
    FieldError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    StaleError,
)


def missing(code: str = "period_not_found") -> NotFoundError:
    """404: not there, or not for the asker to know."""
    return NotFoundError(code)


def forbidden(code: str) -> ForbiddenError:
    """403: seen, but not theirs to do."""
    return ForbiddenError(code)


def refused(code: str) -> ConflictError:
    """409: not now."""
    return ConflictError(code)


def wrong_state(state: str) -> ConflictError:
    """409: with the state that it is in."""
    return ConflictError("period_state", extra={"state": state})


def unready(code: str, items: Sequence[str]) -> ConflictError:
    """409: with what of the checklist is not as it should be."""
    return ConflictError(code, extra={"items": list(items)})


def stale(version: int) -> StaleError:
    """412: with the version that is current."""
    return StaleError("period_stale", extra={"version": version})


def first_day_refused(earliest: date, latest: date) -> InvalidError:
    """422: with the days between which the first period begins."""
    days = {"first": earliest.isoformat(), "last": latest.isoformat()}
    fields = [FieldError("/starts_on", "period_first_day", days)]
    return InvalidError("period_first_day", errors=fields, first=days["first"], last=days["last"])


def rules_missing(first: date, since: date | None) -> InvalidError:
    """422: no rules hold on its first day; with the day on which the first ones do."""
    if since is None:
        return InvalidError(
            "period_rules_none", errors=[FieldError("/starts_on", "period_rules_none")]
        )
    day, began = first.isoformat(), since.isoformat()
    said = FieldError("/starts_on", "period_rules_later", {"first": day, "since": began})
    return InvalidError("period_rules_later", errors=[said], first=day, since=began)


def days_refused(pointer: str, first: date) -> InvalidError:
    """422: with the first day that is possible."""
    day = first.isoformat()
    return InvalidError(
        "period_days", errors=[FieldError(pointer, "period_days", {"first": day})], first=day
    )

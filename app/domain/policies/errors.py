"""What can go wrong with the rules of a book.

ownership_off       409  the organisation keeps a book, but not as a co-operative
policy_not_found    404  not there, or not for the asker to know
policy_draft_missing 404  not there, or not for the asker to know
policy_draft_others 403  a draft is changed by who wrote it
policy_draft_closed 409  it is being decided, or it is past that
policy_day_past     422  rules are adopted before the first day that they rule
policy_day_begun    422  a period began on that day, or after it
policy_day_far      422  further ahead than anybody can promise
preview_days        422  the last day is before the first, or they are too many
period_not_found    404  no such period in this book
version_stale       412  somebody changed it meanwhile
"""

from datetime import date
from typing import Any

from app.errors import (
    ConflictError,
    FieldError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    StaleError,
)


def missing(code: str) -> NotFoundError:
    """404: not there, or not for the asker to know."""
    return NotFoundError(code)


def ownership_off() -> ConflictError:
    """409: a book without worker-owners has no rules to agree on."""
    return ConflictError("ownership_off")


def draft_others() -> ForbiddenError:
    """403: others write a draft of their own."""
    return ForbiddenError("policy_draft_others")


def draft_closed(state: str) -> ConflictError:
    """409: what people vote on does not change under them."""
    return ConflictError("policy_draft_closed", extra={"state": state})


def day_refused(code: str, first: date | None = None) -> InvalidError:
    """422: not from that day on; with the first day that is possible, where there is one."""
    params: dict[str, Any] = {} if first is None else {"first": first.isoformat()}
    return InvalidError(code, errors=[FieldError("/valid_from", code, params)], **params)


def days_refused() -> InvalidError:
    """422: not a stretch of days that can be looked at."""
    return InvalidError("preview_days", errors=[FieldError("/last_day", "preview_days")])


def stale(current: int) -> StaleError:
    """412: with the version that is current."""
    return StaleError("version_stale", extra={"version": current})

"""What can go wrong with accounts.

handle_taken        409  somebody has that handle
credentials_wrong   401  no such handle and password together; the failure is counted
sign_in_limited     429  too many failures for this account within an hour
proofs_limited      429  enough letters that ask for the proof of an address, for today
setup_done          409  the instance is set up already
setup_token_wrong   403  not the one-time link of this start
password_too_common 422  one of the passwords that everybody tries first
"""

from datetime import UTC, datetime, time, timedelta

from app.errors import (
    ConflictError,
    FieldError,
    ForbiddenError,
    InvalidError,
    LimitedError,
    UnauthenticatedError,
)
from app.infra import clock


def handle_taken() -> ConflictError:
    """409: somebody has that handle."""
    return ConflictError("handle_taken", errors=[FieldError("/handle", "handle_taken")])


def credentials_wrong() -> UnauthenticatedError:
    """401: which of the two is wrong is nobody's business; the count of failures stays."""
    error = UnauthenticatedError("credentials_wrong")
    error.keeps_effects = True
    return error


def proofs_limited() -> LimitedError:
    """429: enough letters that ask for the proof of an address; tomorrow there are others."""
    now = clock.now()
    tomorrow = datetime.combine(now.date() + timedelta(days=1), time(), UTC)
    return LimitedError(
        "proofs_limited", retry_after_seconds=max(1, int((tomorrow - now).total_seconds()))
    )


def setup_done() -> ConflictError:
    """409: the instance is set up already."""
    return ConflictError("setup_done")


def setup_token_wrong() -> ForbiddenError:
    """403: not the one-time link of this start."""
    return ForbiddenError("setup_token_wrong")


def password_weak(code: str, minimum: int) -> InvalidError:
    """422: too short, too common, or the handle itself."""
    field = FieldError("/password", code, {"minimum": minimum})
    return InvalidError(code, errors=[field], minimum=minimum)

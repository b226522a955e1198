"""What can go wrong with asks.

ask_not_found    404  there is none, or it is not for the asker to know
ask_limited      429  very many asks from one network within a day
ask_holds_secrets 422 the text holds what should not be public, and nobody said to keep it
ask_closed       409  the ask is at an end, or no longer a text of its own
ask_not_yours    403  an organisation's own people look after this need
version_stale    412  somebody else decided or changed it meanwhile
"""

from collections.abc import Iterable

from app.errors import (
    ConflictError,
    FieldError,
    ForbiddenError,
    InvalidError,
    LimitedError,
    NotFoundError,
    StaleError,
)
from app.infra.secrets_in_text import Finding


def ask_not_found() -> NotFoundError:
    return NotFoundError("ask_not_found")


def ask_limited() -> LimitedError:
    return LimitedError("ask_limited", retry_after_seconds=3600)


def ask_holds_secrets(found: Iterable[tuple[str, Finding]]) -> InvalidError:
    """422: what was found in which field, and where, so that it can be mended or kept."""
    errors = [
        FieldError(f"/{field}", f"secret_{finding.kind.value}", {"found": finding.text})
        for field, finding in found
    ]
    return InvalidError("ask_holds_secrets", errors=errors)


def ask_closed() -> ConflictError:
    return ConflictError("ask_closed")


def ask_not_yours() -> ForbiddenError:
    return ForbiddenError("ask_not_yours")


def stale(current: int) -> StaleError:
    return StaleError("version_stale", extra={"version": current})


def nothing_to_merge_into() -> InvalidError:
    return InvalidError("validation_failed", errors=[FieldError("/into", "ask_not_found")])

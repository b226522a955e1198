"""What can go wrong with needs.

need_not_found         404  not there, or not for the asker to know
need_withdrawn         410  it was listed and is withdrawn
need_incomplete        422  something is missing before review; `errors` says what
transition_impossible  409  not from this state; `extra.possible` says where to
reason_required        422  this move wants a reason
version_stale          412  somebody changed it meanwhile
skill_unknown          422  not in the list of skills
"""

from collections.abc import Sequence

from app.errors import (
    ConflictError,
    FieldError,
    GoneError,
    InvalidError,
    NotFoundError,
    StaleError,
)


def need_not_found() -> NotFoundError:
    """404: not there, or not for the asker to know."""
    return NotFoundError("need_not_found")


def need_withdrawn() -> GoneError:
    """410: it was listed and is withdrawn."""
    return GoneError("need_withdrawn")


def need_incomplete(missing: Sequence[FieldError]) -> InvalidError:
    """422: what is missing stands in the field errors."""
    return InvalidError("need_incomplete", errors=missing)


def version_stale(current: int) -> StaleError:
    """412: with the version to start again from."""
    return StaleError("version_stale", extra={"version": current})


def skills_unknown(slugs: Sequence[str]) -> InvalidError:
    """422: which slugs are not in the list."""
    fields = [FieldError("/skills", "skill_unknown", {"slug": slug}) for slug in slugs]
    return InvalidError("skill_unknown", errors=fields)


def places_below_taken(taken: int) -> ConflictError:
    """409: places cannot be fewer than the people who hold them."""
    return ConflictError("places_below_taken", taken=taken)

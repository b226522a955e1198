"""What can go wrong with profiles.

validation_failed 422  with skill_unknown, skill_repeated or time_zone_unknown at its place
version_stale     412  the profile was changed elsewhere meanwhile
if_match_required 428  a profile that exists is replaced only by someone who has read it
"""

from collections.abc import Sequence

from app.errors import FieldError, InvalidError, PreconditionRequiredError, StaleError


def invalid(errors: Sequence[FieldError]) -> InvalidError:
    return InvalidError("validation_failed", errors=errors)


def stale() -> StaleError:
    return StaleError("version_stale")


def version_required() -> PreconditionRequiredError:
    return PreconditionRequiredError("if_match_required")

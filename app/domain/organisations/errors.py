"""What can go wrong with organisations and their members.

organisation_not_found      404  there is none, or it is not for the asker to know
organisation_owner_required 403  only an owner of the organisation does this
organisation_members_only   403  only its members and the stewards see this
organisation_move_impossible 409 the present state does not lead there; `possible` says where
last_owner                  409  an organisation keeps at least one owner
member_already              409  that person is a member already
member_not_found            404  that person is not a member
member_handle_unknown       422  nobody here has that handle
time_zone_unknown           422  not a name of the IANA time zone database
organisation_not_accepted   409  the stewards have not accepted it
vouch_for_own               409  nobody vouches for an organisation they are in
vouch_refused               403  one vouches as a steward or a member of a vouched organisation
vouch_not_found             404  one has not vouched for it
block_not_found             404  there is no such block
person_not_found            404  nobody here has that id
organisation_was_reviewed   409  stewards read its name and site; they stay until it is vouched for
links_unvouched             422  nobody vouched for it: its summary holds no links yet
worker_owner_decided        409  worker-owners decide who is one of them, not this list
exit_first                  409  whoever is in the co-operative leaves that first
version_stale               412  somebody changed it meanwhile
"""

from collections.abc import Iterable

from app.errors import (
    ConflictError,
    FieldError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    StaleError,
)
from app.models.organisations import OrganisationState


def organisation_not_found() -> NotFoundError:
    return NotFoundError("organisation_not_found")


def owner_required() -> ForbiddenError:
    return ForbiddenError("organisation_owner_required")


def members_only() -> ForbiddenError:
    return ForbiddenError("organisation_members_only")


def links_unvouched() -> InvalidError:
    return InvalidError("links_unvouched", errors=[FieldError("/summary", "links_unvouched")])


def move_impossible(
    state: OrganisationState, possible: Iterable[OrganisationState]
) -> ConflictError:
    return ConflictError(
        "organisation_move_impossible",
        extra={"state": state.value, "possible": [move.value for move in possible]},
    )


def last_owner() -> ConflictError:
    return ConflictError("last_owner")


def member_already() -> ConflictError:
    return ConflictError("member_already", errors=[FieldError("/handle", "member_already")])


def member_not_found() -> NotFoundError:
    return NotFoundError("member_not_found")


def member_handle_unknown() -> InvalidError:
    return InvalidError(
        "member_handle_unknown", errors=[FieldError("/handle", "member_handle_unknown")]
    )


def time_zone_unknown() -> InvalidError:
    return InvalidError("validation_failed", errors=[FieldError("/time_zone", "time_zone_unknown")])


def stale() -> StaleError:
    return StaleError("version_stale")


def not_accepted() -> ConflictError:
    return ConflictError("organisation_not_accepted")


def vouch_for_own() -> ConflictError:
    return ConflictError("vouch_for_own")


def vouch_refused() -> ForbiddenError:
    return ForbiddenError("vouch_refused")


def vouch_not_found() -> NotFoundError:
    return NotFoundError("vouch_not_found")


def block_not_found() -> NotFoundError:
    return NotFoundError("block_not_found")


def person_not_found() -> NotFoundError:
    return NotFoundError("person_not_found")


def worker_owner_decided() -> ConflictError:
    return ConflictError("worker_owner_decided")


def exit_first() -> ConflictError:
    return ConflictError("exit_first")

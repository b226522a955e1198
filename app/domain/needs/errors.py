"""What can go wrong with needs.

need_not_found         404  not there, or not for the asker to know
need_withdrawn         410  it was listed and is withdrawn
need_incomplete        422  something is missing before review; `errors` says what
transition_impossible  409  not from this state; `extra.possible` says where to
reason_required        422  this move wants a reason
version_stale          412  somebody changed it meanwhile
skill_unknown          422  not in the list of skills
closing_asks           422  what was built is handed over first, and somebody keeps it running
handover_open          422  a line of the checklist is neither done nor explained
maintainer_not_worker  422  only whose work here was confirmed can be asked to keep it running
maintenance_not_asked  409  nobody asked this person to keep it running
translation_not_found  404  the need is not translated into this language
translation_same       422  the need is written in this language
translators_only       403  members, stewards and those who work on it translate a need
scope_known            409  the need's skills are known by now
scoping_worker_only    403  who holds the scoping hour proposes a scope, or a steward
proposal_not_found     404  no such proposal for this need
proposal_decided       409  it was answered before
not_renewable          409  only a need that looks for hands can still be wanted
review_by_stewards     409  nobody vouched for the organisation: a steward opens the need
one_need_unvouched     409  nobody vouched for the organisation: one need at a time
words_were_reviewed    409  a steward has read these words; they stay as long as nobody vouches
links_unvouched        422  nobody vouched for the organisation: no links yet; `errors` says where
priority_window        409  for some days only those may apply who say that it is for them
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


def closing_asks() -> InvalidError:
    """422: closing a need where something was built asks more than a move can say."""
    return InvalidError("closing_asks", errors=[FieldError("/maintainer", "missing")])


def places_below_taken(taken: int) -> ConflictError:
    """409: places cannot be fewer than the people who hold them."""
    return ConflictError("places_below_taken", taken=taken)


def links_unvouched(pointers: Sequence[str]) -> InvalidError:
    """422: in which fields a link stands."""
    fields = [FieldError(pointer, "links_unvouched") for pointer in pointers]
    return InvalidError("links_unvouched", errors=fields)


def import_not_found() -> NotFoundError:
    return NotFoundError("import_not_found")


def import_too_old() -> ConflictError:
    return ConflictError("import_too_old")

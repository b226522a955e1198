"""What can go wrong with disputes about entries.

dispute_not_found       404  not there, or not for the asker to know
dispute_entry_not_found 404  no such entry, or not for the asker to know
dispute_forbidden       403  neither the worker nor a worker-owner
dispute_parties_only    403  only the two sides agree, name judges and appeal
dispute_judges_only     403  only those who sit on the panel decide
dispute_no_ownership    409  the book is not kept by worker-owners: the claim itself is disputed
dispute_not_disputable  409  not an entry of one worker's minutes, or nothing stands of it
dispute_corrected       409  a correction took the entry back already
dispute_open            409  somebody disputes it already
dispute_claim_open      409  its claim is in dispute still
dispute_decided         409  a panel or the assembly has decided about it
dispute_had             409  the same person disputed it before
dispute_locked          409  its period is locked
dispute_state           409  not at this point of the dispute
dispute_offer_gone      409  who offered it speaks for the book no more
dispute_minutes         422  more than can be
"""

from app.errors import ConflictError, FieldError, ForbiddenError, InvalidError, NotFoundError
from app.models.disputes import DisputeState


def dispute_not_found() -> NotFoundError:
    """404: not there, or not for the asker to know."""
    return NotFoundError("dispute_not_found")


def dispute_entry_not_found() -> NotFoundError:
    """404: no such entry, or not for the asker to know."""
    return NotFoundError("dispute_entry_not_found")


def dispute_forbidden() -> ForbiddenError:
    """403: neither the worker nor a worker-owner."""
    return ForbiddenError("dispute_forbidden")


def parties_only() -> ForbiddenError:
    """403: only the two sides agree, name judges and appeal."""
    return ForbiddenError("dispute_parties_only")


def judges_only() -> ForbiddenError:
    """403: only those who sit on the panel decide."""
    return ForbiddenError("dispute_judges_only")


def undisputable(code: str) -> ConflictError:
    """409: why an entry cannot be disputed (now)."""
    return ConflictError(code)


def wrong_state(state: DisputeState) -> ConflictError:
    """409: not at this point of the dispute."""
    return ConflictError("dispute_state", extra={"state": state.value})


def offer_gone() -> ConflictError:
    """409: who offered it speaks for the book no more."""
    return ConflictError("dispute_offer_gone")


def too_many_minutes(most: int) -> InvalidError:
    """422: more than can be."""
    fields = [FieldError("/minutes", "dispute_minutes", {"most": most})]
    return InvalidError("dispute_minutes", errors=fields, most=most)


def unnameable(code: str) -> InvalidError:
    """422: who was named cannot sit, and why."""
    return InvalidError(code, errors=[FieldError("/handle", code)])


def cursor_invalid() -> InvalidError:
    """422: a cursor that no list of ours gave."""
    return InvalidError("cursor_invalid")

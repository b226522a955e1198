"""What can go wrong with the ledger.

book_not_found        404  not there, or not for the asker to know
book_forbidden        403  a member, but neither owner nor worker-owner
confirmation_own      403  nobody confirms their own work
confirmation_state    409  only submitted (or disputed) work is confirmed
confirmation_minutes  422  more than was logged, or nothing
settlement_needed     409  in a dispute, less than all wants the worker to agree
"""

from app.errors import ConflictError, FieldError, ForbiddenError, InvalidError, NotFoundError


def book_not_found() -> NotFoundError:
    """404: not there, or not for the asker to know."""
    return NotFoundError("book_not_found")


def confirmation_refused(code: str) -> ForbiddenError:
    """403: nobody confirms their own work (R15), and only members confirm."""
    return ForbiddenError(code)


def confirmation_state(state: str) -> ConflictError:
    """409: only submitted (or disputed) work is confirmed."""
    return ConflictError("confirmation_state", extra={"state": state}, state=state)


def settlement_needed() -> ConflictError:
    """409: in a dispute, less than what was logged wants the worker to agree."""
    return ConflictError("settlement_needed")


def confirmation_minutes(logged: int) -> InvalidError:
    """422: with what was logged."""
    fields = [FieldError("/minutes", "confirmation_minutes", {"logged": logged})]
    return InvalidError("confirmation_minutes", errors=fields, logged=logged)


def book_forbidden() -> ForbiddenError:
    """403: a member, but neither owner nor worker-owner."""
    return ForbiddenError("book_forbidden")

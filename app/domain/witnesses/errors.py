"""What can be refused about witnesses and forks."""

from app.errors import ConflictError, FieldError, InvalidError, NotFoundError


def not_read_only() -> ConflictError:
    """409: there is nothing to declare while everybody holds what we hold."""
    return ConflictError("ledger_not_read_only")


def other_tree() -> ConflictError:
    """409: what is held outside is another tree by now than the one that was looked at."""
    return ConflictError("ledger_fork_changed")


def reason_too_short(minimum: int) -> InvalidError:
    """422: everybody will read why."""
    errors = [FieldError("/reason", "too_short", {"min_length": minimum})]
    return InvalidError("ledger_fork_reason", errors=errors, n=minimum)


def not_understood() -> InvalidError:
    """422: a fork gives up what was written, and is declared by nobody who has not said so."""
    return InvalidError("ledger_fork_not_understood")


def no_such_log() -> NotFoundError:
    """404: we have signed nothing of a log of this name."""
    return NotFoundError("witnessed_log_not_found")

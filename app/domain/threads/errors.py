"""What can go wrong in a thread.

NotFoundError
└── message_not_found     no such message in this thread, or not for the asker to know
InvalidError
└── message_empty         neither words nor a file
ForbiddenError
├── message_not_yours     only its author changes or deletes a message
└── thread_parties_only   a claim's thread is for its two sides
ConflictError
├── message_edit_over     a message may be corrected for some minutes only
├── message_gone          it is deleted already
├── thread_closed         the claim ended a while ago
├── questions_limit       too many questions in a day
└── questions_waiting     too many of one's questions on this need wait for an answer
"""

from app.errors import ConflictError, FieldError, ForbiddenError, InvalidError, NotFoundError


def message_not_found() -> NotFoundError:
    """404: no such message here."""
    return NotFoundError("message_not_found")


def message_empty() -> InvalidError:
    """422: neither words nor a file."""
    return InvalidError("message_empty", errors=[FieldError("/body", "missing")])


def message_not_yours() -> ForbiddenError:
    """403: only its author changes or deletes a message."""
    return ForbiddenError("message_not_yours")


def message_edit_over(minutes: int) -> ConflictError:
    """409: with the minutes in which it could be corrected."""
    return ConflictError("message_edit_over", minutes=minutes)

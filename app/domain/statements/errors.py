"""What can go wrong with reading a book's figures.

entry_not_found       404  not there, or not for the asker to know
statement_not_found   404  no such period or worker in it, or not for the asker to know
statement_forbidden   403  of the book, but neither an owner, a worker-owner nor oneself
"""

from app.errors import ForbiddenError, NotFoundError


def entry_not_found() -> NotFoundError:
    """404: not there, or not for the asker to know."""
    return NotFoundError("entry_not_found")


def statement_not_found() -> NotFoundError:
    """404: no such period or worker in it, or not for the asker to know."""
    return NotFoundError("statement_not_found")


def statement_forbidden() -> ForbiddenError:
    """403: of the book, but neither an owner, a worker-owner nor oneself."""
    return ForbiddenError("statement_forbidden")

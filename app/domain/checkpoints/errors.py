"""What can go wrong with the log.

leaf_not_found        404  nothing of this id has a place in the log yet
checkpoint_not_found  404  the log has no such state
"""

from app.errors import NotFoundError


def leaf_not_found() -> NotFoundError:
    """404: nothing of this id has a place in the log yet."""
    return NotFoundError("leaf_not_found")


def checkpoint_not_found() -> NotFoundError:
    """404: no checkpoint was made yet, or none that is as old as asked."""
    return NotFoundError("checkpoint_not_found")

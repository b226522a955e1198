"""What can go wrong with matching.

worker_not_found    404  not there, not to be found, or not fitting: one answer for all three
already_invited     409  once per need and worker
invitations_spent   429  an organisation invites a bounded number of people a day
need_not_open       409  there is nothing to invite to
"""

from app.errors import ConflictError, LimitedError, NotFoundError


def worker_not_found() -> NotFoundError:
    """404: the same for whoever does not want to be found and whoever is not there."""
    return NotFoundError("worker_not_found")


def already_invited() -> ConflictError:
    """409: they were asked before."""
    return ConflictError("already_invited")


def need_not_open() -> ConflictError:
    """409: nobody can take it now."""
    return ConflictError("need_not_open")


def invitations_spent() -> LimitedError:
    """429: enough for a day."""
    return LimitedError("invitations_spent", retry_after_seconds=3600)

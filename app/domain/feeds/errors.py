"""What can go wrong with saved searches.

search_not_found   404  there is none, or it is somebody else's
searches_full      409  as many as one person may keep
alerts_limited     429  very many letters asked for from one network within a day
version_stale      412  it was changed meanwhile
"""

from app.errors import ConflictError, LimitedError, NotFoundError, StaleError


def search_not_found() -> NotFoundError:
    return NotFoundError("search_not_found")


def searches_full(limit: int) -> ConflictError:
    return ConflictError("searches_full", limit=limit)


def alerts_limited() -> LimitedError:
    return LimitedError("alerts_limited", retry_after_seconds=3600)


def stale(current: int) -> StaleError:
    return StaleError("version_stale", extra={"version": current})

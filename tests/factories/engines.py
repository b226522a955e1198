"""Engines that are used again: what SQLAlchemy compiled for one test serves the next."""

from collections import defaultdict
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from app.domain.needs import search
from app.infra.database import make_engine

_shelf: dict[tuple[str, Any], list[AsyncEngine]] = defaultdict(list)


def lend_engine(url: str, **options: Any) -> AsyncEngine:
    """Make an engine as `make_engine` does, or take one that its runtime has closed.

    A quarter of a short test's work is to compile the same statements once more. An engine that
    was disposed of has a new pool, without connections, and whoever uses one alone notices
    nothing: no two runtimes have the same at once.
    """
    place = _shelf[url, tuple(sorted(options.items()))]
    if place:
        engine = place.pop()
        # What lists learned of the words in their database; it is empty again.
        search._statistics.pop(engine.sync_engine, None)
        return engine
    engine = make_engine(url, **options)

    def put_back(_closed: object) -> None:
        if engine not in place:
            place.append(engine)

    event.listen(engine.sync_engine, "engine_disposed", put_back)
    return engine

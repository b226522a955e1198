"""Lists of needs: which of them somebody may see, in which order, a page at a time.

Everything here is made of `Asked`, where it is decided who may see what.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.needs.filters import (
    SORTS,
    NeedFilters,
    Window,
    best_place,
    cursor_after,
    cursor_values,
)
from app.domain.needs.rules import PUBLISHED
from app.domain.needs.search import Rows, conditions, of_language, statistics
from app.domain.needs.walking import (
    FACETS,
    FILLED,
    Asked,
    count,
    estimate,
    facets_of,
    hidden_by_language,
    in_order,
    ranked,
)
from app.domain.organisations.blocking import unheard_of
from app.domain.organisations.queries import membership
from app.errors import InvalidError
from app.infra.pagination import Page
from app.models.needs import Need, NeedState


@dataclass(frozen=True)
class NeedPage:
    """A page of needs, how many more the language filter hides, and about how many there are."""

    page: Page[Need]
    hidden_by_language: int
    total_estimate: int


@dataclass(frozen=True)
class RowsPage:
    """A page as keys of its needs."""

    rows: Sequence[Any]
    next_cursor: str | None
    hidden_by_language: int
    total_estimate: int


@dataclass(frozen=True)
class Facets:
    """How many needs each choice would leave; where `bounded`, at least so many."""

    counts: Mapping[str, Mapping[str, int]]
    bounded: frozenset[str]


def rows_of(connection: Any) -> Rows:
    """Name the connection's reading side."""
    found: Rows = connection
    return found


async def reading(session: AsyncSession) -> tuple[Rows, object]:
    """Return the driver's connection beneath a session, in its transaction, and its database."""
    await session.flush()
    connection = await session.connection()
    raw = await connection.get_raw_connection()
    return rows_of(raw.driver_connection), connection.engine.sync_engine


async def list_needs(
    session: AsyncSession, actor: Actor, filters: NeedFilters, limit: int, cursor: str | None
) -> NeedPage:
    """Return one page of what the asker may see, and count what the language filter hides."""
    asked_by = await _asker(session, actor, filters)
    rows, owner = await reading(session)
    asked = await _asked(rows, owner, asked_by, filters)
    found = await _page(rows, asked, limit, cursor)
    ids = [row["need_id"] for row in found.rows]
    statement = select(Need).where(col(Need.id).in_(ids))
    needs = {need.id: need for need in (await session.exec(statement)).all()}
    # One that was just deleted is listed no more.
    page = Page([needs[need_id] for need_id in ids if need_id in needs], found.next_cursor)
    return NeedPage(page, found.hidden_by_language, found.total_estimate)


async def list_rows(
    rows: Rows, owner: object, actor: Actor, filters: NeedFilters, page: tuple[int, str | None]
) -> RowsPage:
    """Return one page, as (limit, cursor) says, of what somebody without organisations may see."""
    asked_by = _Asker(actor.account_id is None, everything=actor.acts_as_steward)
    asked = await _asked(rows, owner, asked_by, filters)
    return await _page(rows, asked, *page)


async def count_needs(session: AsyncSession, actor: Actor, filters: NeedFilters) -> int:
    """Count what the asker may see under the filters, up to a bound."""
    asked_by = await _asker(session, actor, filters)
    rows, owner = await reading(session)
    return await count(rows, await _asked(rows, owner, asked_by, filters))


async def count_facets(session: AsyncSession, actor: Actor, filters: NeedFilters) -> Facets:
    """Count the choices of each filter among what the others leave, up to a bound."""
    asked_by = await _asker(session, actor, filters)
    rows, owner = await reading(session)
    set_by_name: dict[str, dict[str, Any]] = {
        "kind": {"kind": None},
        "stream": {"stream": None},
        "urgency": {"urgency": None},
        "language": {"language": ()},
        "skill": {"skill": ()},
        "remote": {"remote": None},
        "hours": {"hours_max": None},
        "organisation": {"organisation": None},
        "instance": {"instance": ""},
    }
    of_own = asked_by.everything and not actor.acts_as_steward
    if of_own and filters.state not in {*PUBLISHED, "any"}:
        set_by_name["organisation"] = {}  # what members read of their own is read of no other
    counts: dict[str, Mapping[str, int]] = {}
    bounded: set[str] = set()
    free = [name for name in FACETS if replace(filters, **set_by_name[name]) == filters]
    groups = [free, *([name] for name in FACETS if name not in free)]
    for names in filter(None, groups):
        without = filters if names is free else replace(filters, **set_by_name[names[0]])
        by = asked_by
        if without.organisation != filters.organisation:
            by = await _asker(session, actor, without)
        asked = await _asked(rows, owner, by, without)
        found, full = await facets_of(rows, asked, names)
        counts.update(found)
        bounded.update(names if full else ())
    return Facets(counts, frozenset(bounded))


async def skills_asked(
    session: AsyncSession, actor: Actor, limit: int
) -> Sequence[tuple[str, int]]:
    """Count by skill what the asker could take now, the most wanted first."""
    counts = (await count_facets(session, actor, NeedFilters())).counts["skill"]
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:limit]


async def sees_everything(session: AsyncSession, actor: Actor, filters: NeedFilters) -> bool:
    """Say whether drafts and needs for members are shown too: to stewards, and to members."""
    if actor.acts_as_steward:
        return True
    if filters.organisation is None:
        return False
    return await membership(session, filters.organisation, actor.account_id) is not None


@dataclass(frozen=True)
class _Asker:
    """What counts of who asks for a list."""

    stranger: bool
    everything: bool
    unheard: Sequence[UUID] = ()


async def _asker(session: AsyncSession, actor: Actor, filters: NeedFilters) -> _Asker:
    """Look up what counts of who asks; stewards look after everything, also what they blocked."""
    if await sees_everything(session, actor, filters):
        return _Asker(stranger=False, everything=True)
    unheard = await unheard_of(session, actor.account_id)
    return _Asker(actor.account_id is None, everything=False, unheard=unheard)


async def _asked(rows: Rows, owner: object, asker: _Asker, filters: NeedFilters) -> Asked:
    if filters.order not in SORTS:
        raise InvalidError("filter_unknown", name="sort")
    known = await statistics(rows, owner)
    narrowing = await conditions(rows, filters, known)
    # What holds no word that anybody could look for is no search.
    ranks = any(condition.ranks for condition in narrowing)
    return Asked(
        places=_places(filters.state, everything=asker.everything),
        public_only=not asker.everything and asker.stranger,
        narrowing=narrowing,
        spoken=of_language(filters.language, known),
        order=filters.order if ranks or filters.order != "best" else "soonest",
        known=known,
        unheard=asker.unheard,
        limited_too=bool(filters.instance),
    )


def _places(state: str, *, everything: bool) -> list[str]:
    """Return the places of a list; "open" means what can be taken now."""
    readable = set(NeedState) if everything else PUBLISHED
    if state == "any":
        return sorted([*(s.value for s in readable), FILLED])
    if state not in {s.value for s in readable}:
        raise InvalidError("filter_unknown", name="state")
    return [state]


async def _page(rows: Rows, asked: Asked, limit: int, cursor: str | None) -> RowsPage:
    found: list[tuple[Any, Window | None]]
    if asked.order == "best":
        place = best_place(cursor) if cursor is not None else None
        found = [*await ranked(rows, asked, limit + 1, place)]
    else:
        after = cursor_values(asked.order, cursor) if cursor is not None else None
        listed = await in_order(rows, asked, limit + 1, after)
        found = [(row, None) for row in listed]
    more = len(found) > limit
    kept = found[:limit]
    hidden = await hidden_by_language(rows, asked) if asked.spoken else 0
    total = len(kept) if cursor is None and not more else await estimate(rows, asked)
    following = cursor_after(asked.order, *kept[-1]) if more else None
    return RowsPage([row for row, _ in kept], following, hidden, total)

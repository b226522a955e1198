"""Reading saved searches, and which needs fit which of them."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.feeds import errors
from app.domain.feeds.rules import filters_of
from app.domain.needs.filters import NeedFilters
from app.domain.needs.listing import reading
from app.domain.needs.search import conditions, of_language, statistics
from app.domain.needs.walking import Asked, Values
from app.domain.organisations.blocking import unheard_of
from app.models.feeds import SavedSearch
from app.models.needs import Need, NeedState

# A statement takes 32,767 values at most, and a search has some twenty.
SEARCHES_AT_ONCE = 200
Wanted = tuple[NeedFilters, bool]


async def list_searches(session: AsyncSession, actor: Actor) -> Sequence[SavedSearch]:
    """Return one's own searches, newest first."""
    statement = (
        select(SavedSearch)
        .where(SavedSearch.account_id == actor.signed_in())
        .order_by(col(SavedSearch.created_at).desc(), col(SavedSearch.id))
    )
    return (await session.exec(statement)).all()


async def get_search(session: AsyncSession, actor: Actor, search_id: UUID) -> SavedSearch:
    """Return one of one's own searches, locked."""
    account_id = actor.signed_in()
    found = await session.get(SavedSearch, search_id, with_for_update=True, populate_existing=True)
    if found is None or found.account_id != account_id:
        raise errors.search_not_found()
    return found


async def count_of_address(session: AsyncSession, address: str) -> int:
    """Count the confirmed searches of an address, however its letters are cased."""
    statement = select(func.count()).where(
        func.lower(col(SavedSearch.address)) == address.lower(),
        col(SavedSearch.confirmed_at).is_not(None),
    )
    return (await session.exec(statement)).one()


async def still_fitting(
    session: AsyncSession, search: SavedSearch, need_ids: Collection[UUID]
) -> set[UUID]:
    """Say which of some needs a search's reader may be told of now, and would want to be."""
    wanted = {search.id: (filters_of(search.filters), search.account_id is None)}
    found = (await fitting(session, wanted, need_ids)).get(search.id, set())
    unheard = await unheard_of(session, search.account_id) if found else []
    if not unheard:
        return found
    theirs = select(Need.id).where(col(Need.id).in_(found), col(Need.organisation_id).in_(unheard))
    return found - set((await session.exec(theirs)).all())


async def fitting(
    session: AsyncSession, wanted: Mapping[UUID, Wanted], need_ids: Collection[UUID]
) -> dict[UUID, set[UUID]]:
    """Say which of some needs fit each search, for one list: open, and as its reader may see it.

    `wanted` holds filters, and whether a stranger asks. Equal ones are looked at once; all of them
    go in one statement for a few hundred, whatever the number of needs.
    """
    same: dict[Wanted, list[UUID]] = defaultdict(list)
    for search_id, one in wanted.items():
        same[one].append(search_id)
    found: dict[UUID, set[UUID]] = defaultdict(set)
    asked = list(same)
    for start in range(0, len(asked), SEARCHES_AT_ONCE):
        some = asked[start : start + SEARCHES_AT_ONCE]
        for number, need_id in await _fitting(session, some, list(need_ids)):
            for search_id in same[some[number]]:
                found[search_id].add(need_id)
    return found


async def _fitting(
    session: AsyncSession, wanted: Sequence[Wanted], need_ids: list[UUID]
) -> list[tuple[int, UUID]]:
    if not need_ids:
        return []
    rows, owner = await reading(session)
    known = await statistics(rows, owner)
    values = Values()
    ids = values.add(need_ids)
    parts = []
    for number, (filters, stranger) in enumerate(wanted):
        asked = Asked(
            places=[NeedState.OPEN.value],
            public_only=stranger,
            narrowing=await conditions(rows, filters, known),
            spoken=of_language(filters.language, known),
            order="newest",
            known=known,
            limited_too=bool(filters.instance),
        )
        here = " AND ".join([*asked.shown(values), *asked.checked(values)])
        parts.append(
            f"SELECT {number} AS number, l.need_id FROM need_listings l "  # noqa: S608
            f"WHERE l.need_id = ANY({ids}::uuid[]) AND {here}"
        )
    found = await rows.fetch(" UNION ALL ".join(parts), *values.all)
    return [(row["number"], UUID(str(row["need_id"]))) for row in found]

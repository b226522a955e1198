"""Saving searches, with an account or by a mailed link, and stopping their letters.

Whether an address is known here is told to nobody: the answer is the same for every address.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, delete, func, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.asks.actions import day_key
from app.domain.asks.rules import counted_name
from app.domain.feeds import errors, queries
from app.domain.feeds.rules import (
    CONFIRM,
    CONFIRM_WITHIN,
    LIST_NAME,
    PER_ACCOUNT,
    PER_ADDRESS,
    PER_ADDRESS_A_DAY,
    PER_NETWORK_A_DAY,
    STOP,
    UNTOLD_KEPT,
    checked,
    kept,
)
from app.domain.letters.actions import issue_link, open_link, revoke_links, use_link, write_letter
from app.domain.letters.rules import Draft
from app.domain.organisations.rules import time_zone_known
from app.errors import FieldError, InvalidError
from app.infra import clock, ids
from app.models.asks import AskCount
from app.models.feeds import AlertFields, NewNeed, Often, SavedSearch, SearchFields, SearchMatch
from app.models.identity import Account
from app.models.letters import Letter


@dataclass(frozen=True)
class Sender:
    """Where a wish comes from."""

    origin: str
    network: str | None = None


async def save_search(session: AsyncSession, actor: Actor, fields: SearchFields) -> SavedSearch:
    """Save a search of somebody signed in; the same filters once more only change how often."""
    account_id = actor.require_session()
    # Two at the same time wait for one another here, so that the limit holds.
    account = await session.get_one(Account, account_id, with_for_update=True)
    said = kept(checked(fields.filters))
    own = await queries.list_searches(session, actor)
    same = next((each for each in own if each.filters == said), None)
    if same is not None:
        if same.often != fields.often:
            same.often = fields.often
            same.version += 1
        return same
    if len(own) >= PER_ACCOUNT:
        raise errors.searches_full(PER_ACCOUNT)
    search = SavedSearch(
        id=ids.private_id(),
        account_id=account_id,
        language=account.language,
        filters=said,
        often=fields.often,
        confirmed_at=clock.now(),
    )
    session.add(search)
    return search


async def change_search(
    session: AsyncSession, actor: Actor, search_id: UUID, often: Often, version: int
) -> SavedSearch:
    """Say how often a search is told of."""
    actor.require_session()
    search = await queries.get_search(session, actor, search_id)
    if search.version != version:
        raise errors.stale(search.version)
    await _set_often(session, search, often)
    return search


async def _set_often(session: AsyncSession, search: SavedSearch, often: Often) -> None:
    search.often = often
    search.version += 1
    if often is Often.OFF:  # what was found meanwhile is no news when it is switched on again
        untold = delete(SearchMatch).where(
            col(SearchMatch.search_id) == search.id, col(SearchMatch.told_at).is_(None)
        )
        await session.execute(untold)


async def remove_search(
    session: AsyncSession, actor: Actor, search_id: UUID, version: int | None = None
) -> None:
    """Remove one's own search."""
    actor.require_session()
    search = await queries.get_search(session, actor, search_id)
    if version is not None and search.version != version:
        raise errors.stale(search.version)
    await _forget(session, search)


async def ask_for_alerts(session: AsyncSession, fields: AlertFields, sender: Sender) -> None:
    """Keep a search until its mailed link is opened; answers nothing, whatever the address."""
    if fields.often is Often.OFF:
        raise InvalidError("form_unreadable")
    if not time_zone_known(fields.time_zone):
        wrong = [FieldError("/time_zone", "time_zone_unknown")]
        raise InvalidError("validation_failed", errors=wrong)
    said = kept(checked(fields.filters))
    key = await day_key(session)
    network = sender.network
    if network and await _count(session, key, "alert network", network) > PER_NETWORK_A_DAY:
        raise errors.alerts_limited()
    # Not refused: the answer would tell that somebody asked with this address before.
    address = fields.address
    if await _count(session, key, "alert mail", address.casefold()) > PER_ADDRESS_A_DAY:
        return
    if await queries.count_of_address(session, address) >= PER_ADDRESS:
        return
    search = SavedSearch(
        id=ids.private_id(),
        address=address,
        language=fields.language,
        time_zone=fields.time_zone,
        filters=said,
        often=fields.often,
    )
    session.add(search)
    token = await issue_link(session, CONFIRM, search.id, CONFIRM_WITHIN)
    letter = Draft(
        address=address,
        template="alert_confirm",
        values={"link": f"{sender.origin}/searches/confirm/{token}", "days": CONFIRM_WITHIN.days},
        language=fields.language,
        list_name=LIST_NAME,
        key=f"alert {search.id} confirm",
    )
    await write_letter(session, letter)


async def _count(session: AsyncSession, key: bytes, kind: str, value: str) -> int:
    row = insert(AskCount).values(name=counted_name(key, kind, value), day=clock.today(), count=1)
    counted = row.on_conflict_do_update(
        index_elements=["name"], set_={"count": col(AskCount.count) + 1}
    ).returning(col(AskCount.count))
    return int((await session.execute(counted)).scalar_one())


async def confirm_alerts(session: AsyncSession, token: str) -> SavedSearch:
    """Begin to tell an address of a search; one that it has already is only told as often."""
    search = await _lock(session, await use_link(session, CONFIRM, token))
    if search is None:
        raise errors.search_not_found()
    others = select(SavedSearch).where(
        func.lower(col(SavedSearch.address)) == (search.address or "").lower(),
        col(SavedSearch.confirmed_at).is_not(None),
        SavedSearch.filters == search.filters,
    )
    for same in (await session.exec(others.with_for_update())).all():
        same.often = search.often
        same.language = search.language
        same.version += 1
        await _forget(session, search)
        return same
    search.confirmed_at = clock.now()
    return search


async def _lock(session: AsyncSession, search_id: UUID) -> SavedSearch | None:
    return await session.get(SavedSearch, search_id, with_for_update=True, populate_existing=True)


async def search_to_confirm(session: AsyncSession, token: str) -> SavedSearch:
    """Return the search that a link would confirm, without using the link up."""
    search = await session.get(SavedSearch, await open_link(session, CONFIRM, token))
    if search is None:
        raise errors.search_not_found()
    return search


async def search_of_link(session: AsyncSession, token: str) -> SavedSearch | None:
    """Return the search that a letter's foot leads to; None when it is gone already."""
    return await session.get(SavedSearch, await open_link(session, STOP, token))


async def stop_alerts(session: AsyncSession, token: str) -> None:
    """Stop a search's letters, as the link at their foot allows; twice is as once.

    The address of somebody without an account is erased; an account keeps its search, switched
    off.
    """
    search = await _lock(session, await open_link(session, STOP, token))
    if search is None:
        return
    if search.account_id is not None:
        await _set_often(session, search, Often.OFF)
    else:
        await _forget(session, search)


async def change_alerts(session: AsyncSession, token: str, often: Often) -> None:
    """Say how often, as the link at a letter's foot allows."""
    search = await _lock(session, await open_link(session, STOP, token))
    if search is None or often is Often.OFF:
        raise errors.search_not_found()
    await _set_often(session, search, often)


async def _forget(session: AsyncSession, search: SavedSearch) -> None:
    """Delete a search, and every letter about it with the address on it."""
    letters = delete(Letter).where(col(Letter.key).startswith(f"alert {search.id} "))
    await session.execute(letters)
    await revoke_links(session, CONFIRM, search.id)
    await session.delete(search)


async def forget_old(session: AsyncSession) -> None:
    """Delete what nobody confirmed in time, and addresses on letters that were sent long ago."""
    stale = select(SavedSearch).where(
        col(SavedSearch.confirmed_at).is_(None),
        col(SavedSearch.created_at) < clock.now() - CONFIRM_WITHIN,
    )
    for search in (await session.exec(stale.with_for_update(skip_locked=True))).all():
        await _forget(session, search)
    untold = delete(SearchMatch).where(
        col(SearchMatch.told_at).is_(None), col(SearchMatch.at) < clock.now() - UNTOLD_KEPT
    )
    await session.execute(untold)
    ended = or_(col(Letter.sent_at).is_not(None), col(Letter.failed_at).is_not(None))
    old = delete(Letter).where(
        col(Letter.list_name) == LIST_NAME,
        ended,
        col(Letter.created_at) < clock.now() - CONFIRM_WITHIN,
    )
    await session.execute(old)


async def note_need(session: AsyncSession, need_id: UUID, at: datetime) -> None:
    """Note since when a need is there; the next sweep holds it against searches."""
    row = insert(NewNeed).values(need_id=need_id, at=at)
    await session.execute(row.on_conflict_do_nothing())

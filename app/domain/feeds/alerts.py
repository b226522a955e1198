"""Telling of new needs: found by one statement for a batch of them, told once ever.

Safe on several workers and after any crash: what is new is locked while it is looked at, a match
is written under its key, and it is marked as told in the transaction of its letter.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, delete, func, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import SYSTEM
from app.domain.activity.actions import record
from app.domain.feeds.queries import fitting, still_fitting
from app.domain.feeds.rules import HOUR, INSTANT_PAUSE, LIST_NAME, filters_of, last_due
from app.domain.letters.actions import write_letter
from app.domain.letters.rules import Draft
from app.infra import clock
from app.models.feeds import NewNeed, Often, SavedSearch, SearchMatch
from app.models.identity import Account
from app.models.needs import Need, NeedState
from app.models.notifications import NoticeSettings

NEEDS_AT_ONCE = 100
SEARCHES_AT_ONCE = 500
TOLD_AT_ONCE = 50


async def match_new_needs(session: AsyncSession) -> int:
    """Hold a batch of new needs against all searches; answers how many needs were looked at."""
    waiting = (
        select(NewNeed)
        .order_by(col(NewNeed.at), col(NewNeed.need_id))
        .limit(NEEDS_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    news = {each.need_id: each.at for each in (await session.exec(waiting)).all()}
    last: UUID | None = None
    while news:
        searches = await _searches(session, last)
        await _match(session, searches, news)
        if len(searches) < SEARCHES_AT_ONCE:
            break
        last = searches[-1].id
    if news:
        await session.execute(delete(NewNeed).where(col(NewNeed.need_id).in_(news)))
    return len(news)


async def _searches(session: AsyncSession, after: UUID | None) -> Sequence[SavedSearch]:
    statement = select(SavedSearch).where(
        col(SavedSearch.confirmed_at).is_not(None), SavedSearch.often != Often.OFF
    )
    if after is not None:
        statement = statement.where(col(SavedSearch.id) > after)
    statement = statement.order_by(col(SavedSearch.id)).limit(SEARCHES_AT_ONCE)
    return (await session.exec(statement)).all()


async def _match(
    session: AsyncSession, searches: Sequence[SavedSearch], news: dict[UUID, datetime]
) -> None:
    wanted = {each.id: (filters_of(each.filters), each.account_id is None) for each in searches}
    found = await fitting(session, wanted, news)
    rows = [
        {"search_id": search.id, "need_id": need_id, "at": news[need_id]}
        for search in searches
        for need_id in sorted(found.get(search.id, ()))
        # Whoever begins to listen hears of what comes from then on.
        if search.confirmed_at is not None and news[need_id] >= search.confirmed_at
    ]
    for start in range(0, len(rows), SEARCHES_AT_ONCE):
        some = insert(SearchMatch).values(rows[start : start + SEARCHES_AT_ONCE])
        await session.execute(some.on_conflict_do_nothing())


async def tell_due(session: AsyncSession, after: UUID | None) -> tuple[int, UUID | None]:
    """Tell of a slice of the searches that have something new and whose hour has come.

    What is paused or held meanwhile is not told; it waits until it is open again.
    """
    statement = (
        select(SearchMatch.search_id, func.min(SearchMatch.at))
        .join(Need, col(Need.id) == col(SearchMatch.need_id))
        .where(col(SearchMatch.told_at).is_(None), Need.state == NeedState.OPEN)
        .group_by(col(SearchMatch.search_id))
        .order_by(col(SearchMatch.search_id))
        .limit(TOLD_AT_ONCE)
    )
    if after is not None:
        statement = statement.where(col(SearchMatch.search_id) > after)
    waiting = (await session.exec(statement)).all()
    told = 0
    for search_id, oldest in waiting:
        told += await _tell(session, search_id, oldest)
    return told, waiting[-1][0] if len(waiting) == TOLD_AT_ONCE else None


async def _tell(session: AsyncSession, search_id: UUID, oldest: datetime) -> int:
    """Write one letter with all that is new, if it is time; one worker at a time gets the row."""
    statement = select(SavedSearch).where(SavedSearch.id == search_id)
    search = (await session.exec(statement.with_for_update(skip_locked=True))).first()
    if search is None:
        return 0
    settings = await session.get(NoticeSettings, search.account_id) if search.account_id else None
    zone = settings.time_zone if settings else search.time_zone
    due = last_due(search.often, clock.now(), settings.hour if settings else HOUR, zone)
    if due is None or due < oldest or await _told_since(session, search, due):
        return 0
    need_ids = await _take(session, search, due)
    if not need_ids:
        return 0
    account = await session.get(Account, search.account_id) if search.account_id else None
    if account is not None:
        record(
            session, SYSTEM, "search.matched", search.id,
            need_id=need_ids[-1], tell=[str(account.id)],
        )  # fmt: skip
    await _write(session, search, account, settings, need_ids)
    return 1


async def _told_since(session: AsyncSession, search: SavedSearch, due: datetime) -> bool:
    """Say whether this hour's letter is written already; "at once" has an hour after each pause."""
    statement = select(func.max(SearchMatch.told_at)).where(SearchMatch.search_id == search.id)
    last: datetime | None = (await session.exec(statement)).one()
    begin = due - INSTANT_PAUSE if search.often is Often.INSTANT else due
    return last is not None and last >= begin


async def _take(session: AsyncSession, search: SavedSearch, due: datetime) -> list[str]:
    """Mark what is open as told, and return of it what the reader may and wants to hear of."""
    here = select(Need.id).where(Need.state == NeedState.OPEN, Need.id == SearchMatch.need_id)
    mine = (
        col(SearchMatch.search_id) == search.id,
        col(SearchMatch.told_at).is_(None),
        col(SearchMatch.at) <= due,
        here.exists(),
    )
    waiting = (await session.exec(select(SearchMatch.need_id).where(*mine))).all()
    fit = await still_fitting(session, search, waiting)
    taken = (
        update(SearchMatch)
        .where(*mine, col(SearchMatch.need_id).in_(waiting))
        .values(told_at=clock.now())
        .returning(col(SearchMatch.need_id))
    )
    told = (await session.execute(taken)).scalars().all()
    return sorted(str(need_id) for need_id in told if need_id in fit)


async def _write(
    session: AsyncSession,
    search: SavedSearch,
    account: Account | None,
    settings: NoticeSettings | None,
    need_ids: Sequence[str],
) -> None:
    if account is not None and not (account.email and account.email_proven_at):
        return
    address = account.email if account else search.address
    language = (settings.language if settings else None) or (
        account.language if account else search.language
    )
    draft = Draft(
        address=address or "",
        template="alert",
        values={"search": str(search.id), "needs": list(need_ids)},
        language=language,
        list_name=LIST_NAME,
        account_id=account.id if account else None,
        key=f"alert {search.id} {need_ids[0]}",
    )
    await write_letter(session, draft)

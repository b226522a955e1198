"""Digests: once for each person and period, at their hour or as soon as a worker is there again."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.letters.actions import write_letter
from app.domain.letters.rules import Draft
from app.domain.matching.batch import boards
from app.domain.matching.queries import best_needs
from app.domain.matching.rules import BEST
from app.domain.notifications import queries
from app.domain.notifications.rules import (
    DIGEST_LIST,
    DIGEST_MATCHES_MAX,
    DIGEST_NOTICES_MAX,
    DIGEST_WISHES,
    digest_period,
    wish_for,
)
from app.infra import clock
from app.models.identity import Account
from app.models.needs import Need
from app.models.notifications import Digest, MailWish, NoticeSettings, Topic

SLICE = 1_000
# So many boards at once are cheaper read as columns, all needs together.
MANY = 50
# A worker may have been away for days: what no letter told yet is still told.
LOOKED_BACK = timedelta(days=30)


@dataclass(frozen=True)
class _Due:
    """A digest of one person whose hour has come, and when it was looked at."""

    account: Account
    settings: NoticeSettings
    wish: MailWish
    period: str
    at: datetime

    @property
    def topics(self) -> list[str]:
        """What this digest tells of."""
        return [
            topic.value for topic in Topic if wish_for(self.settings.wishes, topic) is self.wish
        ]


async def write_digests(session: AsyncSession, after: UUID | None) -> tuple[int, UUID | None]:
    """Look at a slice of the people; answers how many digests were due, and whom to go on after.

    A digest tells of what came since the one before it was looked at, or since the account was
    made: a need that was posted while no worker was there at somebody's hour is told by the next.
    """
    now = clock.now()
    people = await queries.reachable_accounts(session, after, SLICE)
    due = [found for account, settings in people for found in _due(account, settings, now)]
    accounts = {each.account.id for each in due}
    done = await queries.digests_done(session, accounts, {each.period for each in due})
    left = [each for each in due if (each.account.id, each.period) not in done]
    matched = {each.account.id for each in left if Topic.MATCHES.value in each.topics}
    best = await _best(session, matched)
    looked = await queries.digests_looked_at(session, {each.account.id for each in left})
    written = 0
    for each in left:
        if await _take(session, each):
            since = looked.get((each.account.id, each.wish), each.account.created_at)
            await _write(session, each, max(since, now - LOOKED_BACK), best)
            written += 1
    return written, people[-1][0].id if len(people) == SLICE else None


def _due(account: Account, settings: NoticeSettings | None, now: datetime) -> list[_Due]:
    chosen = settings or NoticeSettings(account_id=account.id)
    wanted = {wish_for(chosen.wishes, topic) for topic in Topic} & DIGEST_WISHES
    found = []
    for wish in sorted(wanted):
        period, due = digest_period(wish, now, chosen.hour, chosen.time_zone)
        if account.created_at < due:  # who came after that hour waits for the next
            found.append(_Due(account, chosen, wish, period, now))
    return found


async def _best(
    session: AsyncSession, account_ids: Collection[UUID]
) -> Mapping[UUID, Sequence[tuple[UUID, datetime | None]]]:
    """Return the best needs of some people, each with the moment it was posted."""
    found: dict[UUID, list[UUID]] = {}
    if len(account_ids) >= MANY:
        async for account_id, board in boards(session, BEST, account_ids):
            found[account_id] = [need_id for need_id, _ in board]
    else:
        for account_id in account_ids:
            matches = await best_needs(session, Actor(account_id=account_id), BEST)
            found[account_id] = [match.need.id for match in matches]
    ids = {need_id for board in found.values() for need_id in board}
    statement = select(Need.id, Need.published_at).where(col(Need.id).in_(ids))
    posted = dict((await session.exec(statement)).all()) if ids else {}
    return {
        account_id: [(need_id, posted[need_id]) for need_id in board if need_id in posted]
        for account_id, board in found.items()
    }


async def _take(session: AsyncSession, due: _Due) -> bool:
    """Take a digest for this transaction: of two workers one gets it."""
    statement = (
        insert(Digest)
        .values(account_id=due.account.id, period=due.period, at=due.at)
        .on_conflict_do_nothing()
        .returning(col(Digest.account_id))
    )
    return (await session.execute(statement)).first() is not None


async def _write(
    session: AsyncSession,
    due: _Due,
    since: datetime,
    best: Mapping[UUID, Sequence[tuple[UUID, datetime | None]]],
) -> None:
    """Write the letter, if there is anything to say."""
    account, topics = due.account, due.topics
    actor = Actor(account_id=account.id, handle=account.handle, steward=account.steward)
    begin = due.at - LOOKED_BACK
    notices = await queries.notices_for_digest(session, actor, topics, begin, DIGEST_NOTICES_MAX)
    board = best.get(account.id, ()) if Topic.MATCHES.value in topics else ()
    fresh = [str(need_id) for need_id, posted in board if posted and since <= posted < due.at]
    needs = fresh[:DIGEST_MATCHES_MAX]
    if not notices and not needs:
        return
    told = {"notices": [str(each.id) for each in notices], "needs": needs, "wish": due.wish.value}
    draft = Draft(
        address=account.email or "",
        template="digest",
        values=told,
        language=due.settings.language or account.language,
        list_name=DIGEST_LIST,
        account_id=account.id,
        key=f"digest {account.id} {due.period}",
    )
    await write_letter(session, draft)
    for notice in notices:  # so that the next one does not tell it again
        notice.mailed_at = due.at

"""Digests: once for each person and period, at their hour or as soon as a worker is there again."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.letters.actions import write_letter
from app.domain.letters.rules import Draft
from app.domain.matching.queries import board_of
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
from app.models.notifications import Digest, MailWish, NoticeSettings, Topic

SLICE = 200
# A worker may have been away for days: what no letter told yet is still told.
LOOKED_BACK = timedelta(days=30)
PERIOD = {MailWish.DAILY: timedelta(days=1), MailWish.WEEKLY: timedelta(days=7)}


async def write_digests(session: AsyncSession, after: UUID | None) -> tuple[int, UUID | None]:
    """Look at a slice of the people; answers how many digests were due, and whom to go on after."""
    people = await queries.reachable_accounts(session, after, SLICE)
    due = [found for account, settings in people for found in _due(account, settings)]
    accounts = {account.id for account, *_ in due}
    done = await queries.digests_done(session, accounts, {period for *_, period, _ in due})
    written = 0
    for account, settings, wish, period, since in due:
        if (account.id, period) not in done and await _take(session, account.id, period):
            await _write(session, account, settings, wish, period, since)
            written += 1
    return written, people[-1][0].id if len(people) == SLICE else None


def _due(
    account: Account, settings: NoticeSettings | None
) -> list[tuple[Account, NoticeSettings, MailWish, str, datetime]]:
    """Return the digests of one person whose hour has come, with the moment each begins at."""
    chosen = settings or NoticeSettings(account_id=account.id)
    wanted = {wish_for(chosen.wishes, topic) for topic in Topic} & DIGEST_WISHES
    found = []
    for wish in sorted(wanted):
        period, due = digest_period(wish, clock.now(), chosen.hour, chosen.time_zone)
        if account.created_at < due:  # who came after that hour waits for the next
            found.append((account, chosen, wish, period, due - PERIOD[wish]))
    return found


async def _take(session: AsyncSession, account_id: UUID, period: str) -> bool:
    """Take a digest for this transaction: of two workers one gets it."""
    statement = (
        insert(Digest)
        .values(account_id=account_id, period=period, at=clock.now())
        .on_conflict_do_nothing()
        .returning(col(Digest.account_id))
    )
    return (await session.execute(statement)).first() is not None


async def _write(
    session: AsyncSession,
    account: Account,
    settings: NoticeSettings,
    wish: MailWish,
    period: str,
    since: datetime,
) -> None:
    """Write the letter, if there is anything to say."""
    actor = Actor(account_id=account.id, handle=account.handle, steward=account.steward)
    topics = [topic.value for topic in Topic if wish_for(settings.wishes, topic) is wish]
    begin = clock.now() - LOOKED_BACK
    notices = await queries.notices_for_digest(session, actor, topics, begin, DIGEST_NOTICES_MAX)
    needs: list[str] = []
    if Topic.MATCHES.value in topics:
        board = await board_of(session, actor, DIGEST_MATCHES_MAX)
        needs = [
            str(match.need.id)
            for match in board.matches
            if match.need.published_at and match.need.published_at > since
        ]
    if not notices and not needs:
        return
    draft = Draft(
        address=account.email or "",
        template="digest",
        values={"notices": [str(each.id) for each in notices], "needs": needs, "wish": wish.value},
        language=settings.language or account.language,
        list_name=DIGEST_LIST,
        account_id=account.id,
        key=f"digest {account.id} {period}",
    )
    await write_letter(session, draft)
    for notice in notices:  # so that the next one does not tell it again
        notice.mailed_at = clock.now()

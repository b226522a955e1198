"""Reading what people are told, always as each of them may see it now."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.errors import InvalidError
from app.infra.pagination import Page, cut_page, decode_cursor, encode_cursor
from app.models.activity import Activity
from app.models.claims import Claim
from app.models.identity import Account
from app.models.needs import Need
from app.models.notifications import (
    Digest,
    MailWish,
    Notice,
    NoticeCounter,
    NoticeSettings,
    Reader,
    Topic,
)
from app.models.organisations import Membership


@dataclass(frozen=True)
class Facts:
    """What an activity is about."""

    claim_id: UUID | None = None
    need_id: UUID | None = None
    organisation_id: UUID | None = None
    worker: UUID | None = None


def _named(activity: Activity, noun: str) -> UUID | None:
    """The object of this noun: the activity's own, or one that its details name."""
    if activity.noun == noun:
        return activity.object_id
    try:
        return UUID(str(activity.details.get(f"{noun}_id")))
    except ValueError:
        return None


async def facts_of(session: AsyncSession, activities: Sequence[Activity]) -> list[Facts | None]:
    """Return what each activity is about; None where its object is gone meanwhile."""
    claims = await _claims(session, {_named(each, "claim") for each in activities})
    needs = await _needs(
        session,
        {_named(each, "need") for each in activities}
        | {claim.need_id for claim in claims.values()},
    )
    return [_facts(each, claims, needs) for each in activities]


def _facts(
    activity: Activity, claims: dict[UUID, Claim], needs: dict[UUID, UUID | None]
) -> Facts | None:
    claim_id, need_id = _named(activity, "claim"), _named(activity, "need")
    organisation_id = _named(activity, "organisation")
    worker = None
    if claim_id is not None:
        claim = claims.get(claim_id)
        if claim is None:
            return None
        need_id, worker = claim.need_id, claim.account_id
    if need_id is not None:
        if need_id not in needs:
            return None
        organisation_id = needs[need_id]
    return Facts(claim_id, need_id, organisation_id, worker)


async def _claims(session: AsyncSession, ids: Collection[UUID | None]) -> dict[UUID, Claim]:
    wanted = {each for each in ids if each is not None}
    if not wanted:
        return {}
    found = await session.exec(select(Claim).where(col(Claim.id).in_(wanted)))
    return {claim.id: claim for claim in found}


async def _needs(session: AsyncSession, ids: Collection[UUID | None]) -> dict[UUID, UUID | None]:
    wanted = {each for each in ids if each is not None}
    if not wanted:
        return {}
    statement = select(Need.id, Need.organisation_id).where(col(Need.id).in_(wanted))
    return dict((await session.exec(statement)).all())


async def members_of(
    session: AsyncSession, organisation_ids: Collection[UUID]
) -> dict[UUID, list[UUID]]:
    """Return the members of some organisations."""
    if not organisation_ids:
        return {}
    statement = select(Membership.organisation_id, Membership.account_id).where(
        col(Membership.organisation_id).in_(organisation_ids)
    )
    members: dict[UUID, list[UUID]] = {}
    for organisation_id, account_id in (await session.exec(statement)).all():
        members.setdefault(organisation_id, []).append(account_id)
    return members


async def stewards(session: AsyncSession) -> list[UUID]:
    """Return those who look after the instance."""
    return list((await session.exec(select(Account.id).where(col(Account.steward)))).all())


async def accounts_alive(
    session: AsyncSession, account_ids: Collection[UUID]
) -> dict[UUID, Account]:
    """Return those of the accounts that exist and are not closed."""
    if not account_ids:
        return {}
    statement = select(Account).where(
        col(Account.id).in_(account_ids), col(Account.disabled_at).is_(None)
    )
    return {account.id: account for account in await session.exec(statement)}


async def settings_of(
    session: AsyncSession, account_ids: Collection[UUID]
) -> dict[UUID, NoticeSettings]:
    """Return how people want to be told; those who never said so are left out."""
    if not account_ids:
        return {}
    statement = select(NoticeSettings).where(col(NoticeSettings.account_id).in_(account_ids))
    return {each.account_id: each for each in await session.exec(statement)}


@dataclass(frozen=True)
class WantedNotices:
    """What a list of notices is narrowed to."""

    topic: Topic | None = None
    unread: bool = False


async def list_notices(
    session: AsyncSession, actor: Actor, wanted: WantedNotices, limit: int, cursor: str | None
) -> Page[Notice]:
    """List what somebody was told and may still see, newest first."""
    statement = select(Notice).where(*_mine(actor), *_before(cursor))
    if wanted.topic is not None:
        statement = statement.where(Notice.topic == wanted.topic)
    if wanted.unread:
        statement = statement.where(col(Notice.read_at).is_(None))
    statement = statement.order_by(col(Notice.at).desc(), col(Notice.id).desc()).limit(limit + 1)
    rows = (await session.exec(statement)).all()
    return cut_page(rows, limit, lambda each: encode_cursor(each.at.isoformat(), each.id))


def _before(cursor: str | None) -> list[ColumnElement[bool]]:
    if cursor is None:
        return []
    try:
        at, last = decode_cursor(cursor, 2)
        moment, last_id = datetime.fromisoformat(at or ""), UUID(last or "")
    except ValueError:
        raise InvalidError("cursor_invalid") from None
    if moment.tzinfo is None:
        raise InvalidError("cursor_invalid")
    same = and_(col(Notice.at) == moment, col(Notice.id) < last_id)
    return [or_(col(Notice.at) < moment, same)]


def _mine(actor: Actor) -> list[ColumnElement[bool]]:
    """One's own notices, as far as one still is that as which one was told."""
    account_id = actor.signed_in()
    member = exists().where(
        col(Membership.organisation_id) == Notice.organisation_id,
        col(Membership.account_id) == account_id,
    )
    told_as = [
        col(Notice.reader).in_((Reader.WORKER, Reader.NAMED)),
        and_(col(Notice.reader) == Reader.MEMBERS, member),
    ]
    if actor.steward:
        told_as.append(col(Notice.reader) == Reader.STEWARDS)
    return [col(Notice.account_id) == account_id, or_(*told_as)]


async def count_unread(session: AsyncSession, actor: Actor) -> int:
    """Count what waits to be read."""
    statement = (
        select(func.count()).select_from(Notice).where(*_mine(actor), col(Notice.read_at).is_(None))
    )
    return (await session.exec(statement)).one()


async def notices_since(
    session: AsyncSession, actor: Actor, number: int, limit: int
) -> Sequence[Notice]:
    """Return what changed after a number, in the order in which it did."""
    statement = (
        select(Notice)
        .where(*_mine(actor), col(Notice.number) > number)
        .order_by(col(Notice.number))
        .limit(limit)
    )
    return (await session.exec(statement)).all()


async def last_number(session: AsyncSession, account_id: UUID) -> int:
    """Return the number of the newest change of somebody's notices."""
    found = await session.get(NoticeCounter, account_id)
    return found.number if found else 0


async def get_settings(session: AsyncSession, account_id: UUID) -> NoticeSettings:
    """Return how somebody wants to be told; the defaults where they never said."""
    found = await session.get(NoticeSettings, account_id)
    return found or NoticeSettings(account_id=account_id)


async def notice_of(session: AsyncSession, notice_id: UUID) -> tuple[Notice, Account] | None:
    """Return a notice with the person it tells, unless one of them is gone."""
    statement = select(Notice, Account).where(
        Notice.id == notice_id,
        Notice.account_id == Account.id,
        col(Account.disabled_at).is_(None),
    )
    row = (await session.exec(statement)).first()
    return (row[0], row[1]) if row else None


async def notices_for_digest(
    session: AsyncSession, actor: Actor, topics: Collection[str], since: datetime, limit: int
) -> Sequence[Notice]:
    """Return what is unread, of these topics, and was told in no letter since a moment."""
    statement = (
        select(Notice)
        .where(
            *_mine(actor),
            col(Notice.read_at).is_(None),
            col(Notice.topic).in_(topics),
            col(Notice.at) > since,
            or_(col(Notice.mailed_at).is_(None), col(Notice.mailed_at) < col(Notice.at)),
        )
        .order_by(col(Notice.at).desc(), col(Notice.id).desc())
        .limit(limit)
    )
    return (await session.exec(statement)).all()


async def reachable_accounts(
    session: AsyncSession, after: UUID | None, limit: int
) -> Sequence[tuple[Account, NoticeSettings | None]]:
    """Return people with a proven address, a slice at a time, with how they want to be told."""
    statement = (
        select(Account, NoticeSettings)
        .join(NoticeSettings, col(NoticeSettings.account_id) == Account.id, isouter=True)
        .where(
            col(Account.email_proven_at).is_not(None),
            col(Account.email).is_not(None),
            col(Account.disabled_at).is_(None),
        )
        .order_by(col(Account.id))
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(col(Account.id) > after)
    return [(row[0], row[1]) for row in (await session.exec(statement)).all()]


async def digests_done(
    session: AsyncSession, account_ids: Collection[UUID], periods: Collection[str]
) -> set[tuple[UUID, str]]:
    """Return which of these digests were looked at already."""
    statement = select(Digest.account_id, Digest.period).where(
        col(Digest.account_id).in_(account_ids), col(Digest.period).in_(periods)
    )
    return set((await session.exec(statement)).all())


async def digests_looked_at(
    session: AsyncSession, account_ids: Collection[UUID]
) -> dict[tuple[UUID, MailWish], datetime]:
    """Return when somebody's newest daily and weekly digests were looked at."""
    wish = func.split_part(Digest.period, " ", 1)
    statement = (
        select(Digest.account_id, wish, func.max(Digest.at))
        .where(col(Digest.account_id).in_(account_ids))
        .group_by(col(Digest.account_id), wish)
    )
    return {
        (account_id, MailWish(name)): at
        for account_id, name, at in (await session.exec(statement)).all()
    }


async def notices_by_id(
    session: AsyncSession, account_id: UUID, notice_ids: Collection[UUID]
) -> Sequence[Notice]:
    """Return those of somebody's notices that are still there, newest first."""
    statement = (
        select(Notice)
        .where(Notice.account_id == account_id, col(Notice.id).in_(notice_ids))
        .order_by(col(Notice.at).desc(), col(Notice.id).desc())
    )
    return (await session.exec(statement)).all()

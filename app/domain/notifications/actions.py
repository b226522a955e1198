"""Telling people: activities become notices, and notices mail by each one's wish."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import literal_column
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, delete, func, or_, update
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.letters.actions import open_link, use_link, write_letters
from app.domain.letters.rules import Draft
from app.domain.notifications import queries
from app.domain.notifications.queries import Facts
from app.domain.notifications.rules import (
    ANSWER_LINK,
    DIGEST_LIST,
    DIGEST_WISHES,
    MAIL_AGAIN_AFTER,
    NOTICES,
    By,
    Row,
    stop_purpose,
    wish_for,
)
from app.domain.organisations.rules import time_zone_known
from app.errors import FieldError, InvalidError, StaleError
from app.infra import clock, ids
from app.models.activity import Activity
from app.models.identity import Account
from app.models.notifications import (
    Digest,
    MailWish,
    Notice,
    NoticeCounter,
    NoticeSettings,
    NoticeSettingsFields,
    Reader,
    Topic,
)

# Looked at by whoever commits the session: these people's open streams have something to tell.
WOKEN_MARK = "tornallom.notices_woken"
ROWS_AT_ONCE = 500
READ_KEPT = timedelta(days=90)
KEPT = timedelta(days=366)


@dataclass
class _Telling:
    """One notice to write; what happened several times in a batch is counted."""

    account_id: UUID
    row: Row
    object_id: UUID
    facts: Facts
    count: int = 0
    number: int = 0
    mailed: bool = True
    id: UUID = field(default_factory=ids.private_id)


async def tell(session: AsyncSession, activities: Sequence[Activity]) -> None:
    """Tell everybody whom these activities concern, in a handful of statements for all of them.

    The counters of the people are locked in one order and at the very end of a batch, so that two
    workers wait for one another and never for ever.
    """
    tellings = await _tellings(session, activities)
    for start in range(0, len(tellings), ROWS_AT_ONCE):
        await _write(session, tellings[start : start + ROWS_AT_ONCE])


async def _tellings(session: AsyncSession, activities: Sequence[Activity]) -> list[_Telling]:
    facts = await queries.facts_of(session, activities)
    organisations = {each.organisation_id for each in facts if each and each.organisation_id}
    members = await queries.members_of(session, organisations)
    rows = [row for each in activities for row in NOTICES.get(each.verb, ())]
    stewards = await queries.stewards(session) if _any_for(rows, Reader.STEWARDS) else []
    found: dict[tuple[UUID, str, UUID], _Telling] = {}
    for activity, about in zip(activities, facts, strict=True):
        # What was decided in the same go waits for nobody.
        if about is None or activity.details.get("settled"):
            continue
        for row in NOTICES.get(activity.verb, ()):
            for account_id in _readers(row, activity, about, members, stewards):
                key = (account_id, row.kind, activity.object_id)
                telling = found.setdefault(key, _Telling(account_id, row, key[2], about))
                telling.count += 1
                # What somebody does over and over is told here and mailed once.
                telling.mailed = row.mailed and not activity.details.get("again")
    alive = await queries.accounts_alive(session, {each.account_id for each in found.values()})
    wanted = [each for each in found.values() if each.account_id in alive]
    return sorted(wanted, key=lambda each: (each.account_id, each.row.kind))


def _any_for(rows: Iterable[Row], reader: Reader) -> bool:
    return any(row.reader is reader for row in rows)


def _readers(
    row: Row,
    activity: Activity,
    about: Facts,
    members: Mapping[UUID, Sequence[UUID]],
    stewards: Sequence[UUID],
) -> set[UUID]:
    """Everybody whom a row tells, without those whose doing it was."""
    by_worker = activity.account_id is not None and activity.account_id == about.worker
    if row.by is not By.ANYBODY and (row.by is By.WORKER) != by_worker:
        return set()
    told: set[UUID]
    if row.reader is Reader.WORKER:
        told = {about.worker} if about.worker else set()
    elif row.reader is Reader.MEMBERS:
        # Who works on a need of their own organisation is the worker, as everywhere.
        told = set(members.get(about.organisation_id, ())) if about.organisation_id else set()
        told -= {about.worker} if about.worker else set()
    elif row.reader is Reader.STEWARDS:
        told = set(stewards)
    else:
        told = _ids(activity.details.get(row.named))
    return told - ({activity.account_id} if activity.account_id else set())


def _ids(named: object) -> set[UUID]:
    found = set()
    for each in named if isinstance(named, list) else [named]:
        try:
            found.add(UUID(str(each)))
        except ValueError:
            continue
    return found


async def _write(session: AsyncSession, tellings: Sequence[_Telling]) -> None:
    await _number(session, tellings)
    now = clock.now()
    values = [
        {
            "id": each.id,
            "account_id": each.account_id,
            "kind": each.row.kind,
            "topic": each.row.topic,
            "reader": each.row.reader,
            "object_id": each.object_id,
            "claim_id": each.facts.claim_id,
            "need_id": each.facts.need_id,
            "organisation_id": each.facts.organisation_id,
            "count": each.count,
            "number": each.number,
            "created_at": now,
            "at": now,
            "mailed_at": None if each.mailed else now,
        }
        for each in tellings
    ]
    new = insert(Notice)
    statement = (
        new.values(values)
        .on_conflict_do_update(
            index_elements=["account_id", "kind", "object_id"],
            index_where=col(Notice.read_at).is_(None),
            set_={
                "count": Notice.count + new.excluded["count"],
                "number": new.excluded.number,
                "at": new.excluded.at,
                "mailed_at": func.coalesce(new.excluded.mailed_at, Notice.mailed_at),
            },
        )
        .returning(Notice)
        .execution_options(populate_existing=True)
    )
    notices = (await session.execute(statement)).scalars().all()
    session.info.setdefault(WOKEN_MARK, set()).update(each.account_id for each in notices)
    await _mail(session, notices)


async def _number(session: AsyncSession, tellings: Sequence[_Telling]) -> None:
    """Give each telling the next number of its person; the row's lock makes it one of commits."""
    per_person: dict[UUID, list[_Telling]] = {}
    for each in tellings:
        per_person.setdefault(each.account_id, []).append(each)
    new = insert(NoticeCounter)
    statement: Any = (
        new.values(
            [
                {"account_id": account_id, "number": len(per_person[account_id])}
                for account_id in sorted(per_person)
            ]
        )
        .on_conflict_do_update(
            index_elements=["account_id"],
            set_={"number": NoticeCounter.number + new.excluded.number},
        )
        .returning(literal_column("account_id"), literal_column("number"))
    )
    for account_id, last in (await session.execute(statement)).all():
        waiting = per_person[account_id]
        for place, each in enumerate(waiting):
            each.number = last - len(waiting) + place + 1


async def _mail(session: AsyncSession, notices: Sequence[Notice]) -> None:
    """Write the letters of those who want this kind at once."""
    again = clock.now() - MAIL_AGAIN_AFTER
    fresh = [each for each in notices if each.mailed_at is None or each.mailed_at < again]
    people = {each.account_id for each in fresh}
    accounts = await queries.accounts_alive(session, people)
    wishes = await queries.settings_of(session, people)
    due = [
        each
        for each in fresh
        if _reachable(accounts.get(each.account_id))
        and wish_for(_wishes(wishes.get(each.account_id)), each.topic) is MailWish.AT_ONCE
    ]
    if not due:
        return
    await write_letters(session, [_letter(each, accounts[each.account_id], wishes) for each in due])
    await session.execute(
        update(Notice)
        .where(col(Notice.id).in_([each.id for each in due]))
        .values(mailed_at=clock.now())
    )


def _wishes(found: NoticeSettings | None) -> Mapping[str, str]:
    return found.wishes if found else {}


def _reachable(account: Account | None) -> bool:
    return account is not None and bool(account.email) and account.email_proven_at is not None


def _letter(notice: Notice, account: Account, wishes: Mapping[UUID, NoticeSettings]) -> Draft:
    """A letter of ids: its words are found when it is sent, as the reader may see them then."""
    settings = wishes.get(notice.account_id)
    return Draft(
        address=account.email or "",
        template="notice",
        values={"notice": str(notice.id)},
        language=(settings.language if settings else None) or account.language,
        list_name=notice.topic.value,
        account_id=account.id,
        key=f"notice {notice.id} {notice.number}",
    )


async def forget_old(session: AsyncSession) -> None:
    """Drop notices that nobody will look for any more, and the memory of old digests."""
    now = clock.now()
    long_read = col(Notice.read_at) < now - READ_KEPT
    await session.execute(delete(Notice).where(or_(long_read, col(Notice.at) < now - KEPT)))
    await session.execute(delete(Digest).where(col(Digest.at) < now - READ_KEPT))


async def mark_read(session: AsyncSession, actor: Actor, notice_ids: Sequence[UUID] | None) -> None:
    """Note that some of one's notices were read, or (None) all that there are."""
    statement = update(Notice).where(
        col(Notice.account_id) == actor.signed_in(), col(Notice.read_at).is_(None)
    )
    if notice_ids is not None:
        statement = statement.where(col(Notice.id).in_(notice_ids))
    await session.execute(statement.values(read_at=clock.now()))


async def change_settings(
    session: AsyncSession, actor: Actor, fields: NoticeSettingsFields, expected_version: int
) -> NoticeSettings:
    """Say how one wants to be told, if nobody said otherwise since `expected_version`."""
    account_id = actor.require_session()
    if not time_zone_known(fields.time_zone):
        wrong = [FieldError("/time_zone", "time_zone_unknown")]
        raise InvalidError("validation_failed", errors=wrong)
    new = insert(NoticeSettings)
    statement = new.values(account_id=account_id, wishes={}).on_conflict_do_nothing()
    await session.execute(statement)
    found = await session.get_one(
        NoticeSettings, account_id, with_for_update=True, populate_existing=True
    )
    if found.version != expected_version:
        raise StaleError("version_stale")
    found.wishes = {topic.value: wish.value for topic, wish in fields.mail.items()}
    found.discreet = fields.discreet
    found.hour = fields.hour
    found.time_zone = fields.time_zone
    found.language = fields.language
    found.version += 1
    return found


async def stop_mail(session: AsyncSession, topic: str, token: str) -> None:
    """Stop the mail of one topic, as the link at a letter's foot allows; twice is as once."""
    account_id = await open_link(session, stop_purpose(topic), token)
    new = insert(NoticeSettings)
    await session.execute(new.values(account_id=account_id, wishes={}).on_conflict_do_nothing())
    found = await session.get_one(
        NoticeSettings, account_id, with_for_update=True, populate_existing=True
    )
    topics = [each.value for each in Topic] if topic == DIGEST_LIST else [topic]
    off = {
        each: MailWish.OFF.value
        for each in topics
        if topic != DIGEST_LIST or wish_for(found.wishes, Topic(each)) in DIGEST_WISHES
    }
    found.wishes = {**found.wishes, **off}
    found.version += 1


async def acknowledge(session: AsyncSession, token: str) -> None:
    """Note that what a letter told was read, and let its link open nothing any more."""
    notice_id = await use_link(session, ANSWER_LINK, token)
    await session.execute(
        update(Notice)
        .where(col(Notice.id) == notice_id, col(Notice.read_at).is_(None))
        .values(read_at=clock.now())
    )

"""Reading threads. Who may read one is decided by the domain of what it is about."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, or_
from sqlalchemy.orm import aliased
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.threads import errors
from app.domain.threads.rules import Seen
from app.errors import InvalidError
from app.infra import clock
from app.infra.pagination import Page, cut_page, decode_cursor, encode_cursor
from app.models.threads import Message, ReadMark, ThreadSide, ThreadSubject

Thread = tuple[ThreadSubject, UUID]


async def messages_of(
    session: AsyncSession,
    thread: Thread,
    limit: int,
    cursor: str | None,
    *,
    until: datetime | None = None,
) -> Page[Message]:
    """Return a page of the first level of a thread, newest first; or what was there by a moment."""
    subject, subject_id = thread
    statement = select(Message).where(
        Message.subject == subject,
        Message.subject_id == subject_id,
        col(Message.parent_id).is_(None),
    )
    if until is not None:  # as `rules.was_there`
        last_said = func.coalesce(Message.edited_at, Message.created_at)
        statement = statement.where(col(Message.created_at) <= until, last_said <= until)
    if cursor is not None:
        moment, last_id = _position(cursor)
        same = and_(col(Message.created_at) == moment, col(Message.id) < last_id)
        statement = statement.where(or_(col(Message.created_at) < moment, same))
    ordered = statement.order_by(col(Message.created_at).desc(), col(Message.id).desc())
    rows = (await session.exec(ordered.limit(limit + 1))).all()
    return cut_page(rows, limit, lambda m: encode_cursor(m.created_at.isoformat(), m.id))


def _position(cursor: str) -> tuple[datetime, UUID]:
    try:
        at, last = decode_cursor(cursor, 2)
        return datetime.fromisoformat(at or ""), UUID(last or "")
    except ValueError:
        raise InvalidError("cursor_invalid") from None


async def answers_to(
    session: AsyncSession, question_ids: Sequence[UUID]
) -> dict[UUID, list[Message]]:
    """Return the answers to some questions, oldest first."""
    if not question_ids:
        return {}
    statement = (
        select(Message)
        .where(col(Message.parent_id).in_(question_ids))
        .order_by(col(Message.created_at), col(Message.id))
    )
    found: dict[UUID, list[Message]] = {}
    for answer in await session.exec(statement):
        if answer.parent_id is not None:
            found.setdefault(answer.parent_id, []).append(answer)
    return found


async def lock_message(session: AsyncSession, thread: Thread, message_id: UUID) -> Message:
    """Lock a message of a thread and return it."""
    found = await session.get(Message, message_id, with_for_update=True, populate_existing=True)
    if found is None or (found.subject, found.subject_id) != thread:
        raise errors.message_not_found()
    return found


async def marks_of(session: AsyncSession, thread: Thread) -> dict[ThreadSide, Seen]:
    """Return how far each side has read: as far as the one of them who read furthest."""
    subject, subject_id = thread
    statement = (
        select(ReadMark)
        .where(ReadMark.subject == subject, ReadMark.subject_id == subject_id)
        .order_by(col(ReadMark.through), col(ReadMark.read_at).desc())
    )
    return {mark.side: Seen(mark.through, mark.read_at) for mark in await session.exec(statement)}


async def unread_counts(
    session: AsyncSession, subject: ThreadSubject, subject_ids: Sequence[UUID], account_id: UUID
) -> dict[UUID, int]:
    """Count by thread what others wrote since somebody last read it."""
    if not subject_ids:
        return {}
    statement = (
        select(Message.subject_id, func.count())
        .where(
            Message.subject == subject,
            col(Message.subject_id).in_(subject_ids),
            *_unread_by(account_id),
        )
        .group_by(col(Message.subject_id))
    )
    return {row[0]: int(row[1]) for row in await session.execute(statement)}


def _unread_by(account_id: UUID) -> tuple[ColumnElement[bool], ...]:
    """What others wrote since somebody last read a thread."""
    mark = aliased(ReadMark)
    seen = exists().where(
        col(mark.subject) == Message.subject,
        col(mark.subject_id) == Message.subject_id,
        col(mark.account_id) == account_id,
        col(mark.through) >= Message.created_at,
    )
    own = col(Message.account_id).is_distinct_from(account_id)
    return own, col(Message.deleted_at).is_(None), ~seen


async def first_unread(session: AsyncSession, thread: Thread, account_id: UUID) -> UUID | None:
    """Return the oldest message of a thread that somebody has not read."""
    subject, subject_id = thread
    statement = (
        select(Message.id)
        .where(
            Message.subject == subject,
            Message.subject_id == subject_id,
            *_unread_by(account_id),
        )
        .order_by(col(Message.created_at), col(Message.id))
    )
    return (await session.exec(statement.limit(1))).first()


async def unanswered_counts(
    session: AsyncSession, subject_ids: Sequence[UUID], account_id: UUID | None = None
) -> dict[UUID, int]:
    """Count by need the questions that nobody has answered; only somebody's own if named."""
    if not subject_ids:
        return {}
    answer = aliased(Message)
    answered = exists().where(col(answer.parent_id) == Message.id, col(answer.deleted_at).is_(None))
    statement = (
        select(Message.subject_id, func.count())
        .where(
            Message.subject == ThreadSubject.NEED,
            col(Message.subject_id).in_(subject_ids),
            col(Message.parent_id).is_(None),
            col(Message.deleted_at).is_(None),
            col(Message.hidden_at).is_(None),
            ~answered,
        )
        .group_by(col(Message.subject_id))
    )
    if account_id is not None:
        statement = statement.where(Message.account_id == account_id)
    return {row[0]: int(row[1]) for row in await session.execute(statement)}


async def questions_within_day(session: AsyncSession, account_id: UUID) -> int:
    """Count what somebody asked in the last 24 hours, on all needs, deleted ones too."""
    statement = select(func.count()).where(
        Message.subject == ThreadSubject.NEED,
        Message.account_id == account_id,
        col(Message.parent_id).is_(None),
        col(Message.created_at) > clock.now() - timedelta(days=1),
    )
    return int((await session.exec(statement)).one())


async def said_within_day(session: AsyncSession, thread: Thread, side: ThreadSide) -> int:
    """Count what one side wrote in a thread in the last 24 hours, deleted messages too."""
    subject, subject_id = thread
    statement = select(func.count()).where(
        Message.subject == subject,
        Message.subject_id == subject_id,
        Message.side == side,
        col(Message.created_at) > clock.now() - timedelta(days=1),
    )
    return int((await session.exec(statement)).one())

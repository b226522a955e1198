"""Writing in threads: who may was decided by the domain of what the thread is about."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.files.actions import remove_files
from app.domain.files.queries import files_of_messages
from app.domain.threads import errors, queries
from app.domain.threads.queries import Thread
from app.domain.threads.rules import (
    EDIT_MINUTES,
    QUESTIONS_A_DAY,
    QUESTIONS_WAITING,
    is_author,
    may_correct,
)
from app.errors import ConflictError, LimitedError, StaleError
from app.infra import clock, ids
from app.models.threads import Message, ReadMark, ThreadSide

# One person's questions queue here, so that two at once cannot both be the last one allowed.
LOCK_ASKER = text("SELECT pg_advisory_xact_lock(hashtextextended('questions:' || :account_id, 0))")
DAY_SECONDS = 24 * 3600


async def add_message(
    session: AsyncSession,
    actor: Actor,
    thread: Thread,
    side: ThreadSide,
    body: str,
    parent_id: UUID | None = None,
) -> Message:
    """Write a message at the end of a thread."""
    subject, subject_id = thread
    message = Message(
        id=ids.private_id(),
        subject=subject,
        subject_id=subject_id,
        parent_id=parent_id,
        # Whoever writes from another instance has no account here.
        account_id=None if actor.system else actor.signed_in(),
        side=side,
        body=body,
    )
    session.add(message)
    await session.flush()  # files are attached to it by its id
    return message


async def correct_message(
    session: AsyncSession, actor: Actor, message: Message, body: str, expected_version: int
) -> None:
    """Change the words of one's own message, soon after it was written."""
    _require_own(actor, message)
    if message.version != expected_version:
        raise StaleError("version_stale", extra={"version": message.version})
    if not may_correct(message, actor.account_id, clock.now()):
        raise errors.message_edit_over(EDIT_MINUTES)
    message.body = body
    message.edited_at = clock.now()
    message.version += 1
    await session.flush()  # the answer tells the new version


async def delete_message(session: AsyncSession, actor: Actor, message: Message) -> None:
    """Delete one's own message: its words and files are gone, that there was one stays."""
    _require_own(actor, message)
    message.body = ""
    message.deleted_at = clock.now()
    message.version += 1
    files = await files_of_messages(session, [message.id])
    await remove_files(session, files.get(message.id, []))


async def hide_message(session: AsyncSession, message: Message, reason: str) -> None:
    """Take a question or an answer out of public sight, with a reason for its author."""
    if message.deleted_at is not None:
        raise ConflictError("message_gone")
    message.hidden_at = clock.now()
    message.hidden_reason = reason
    message.version += 1
    await session.flush()  # what is shown next is without it


def _require_own(actor: Actor, message: Message) -> None:
    if not is_author(message, actor.account_id):
        raise errors.message_not_yours()
    if message.deleted_at is not None:
        raise ConflictError("message_gone")


async def check_asking(session: AsyncSession, actor: Actor, need_id: UUID) -> None:
    """Refuse more questions than people can answer."""
    account_id = actor.signed_in()
    await session.execute(LOCK_ASKER, {"account_id": str(account_id)})
    if await queries.questions_within_day(session, account_id) >= QUESTIONS_A_DAY:
        raise LimitedError("questions_limit", retry_after_seconds=DAY_SECONDS)
    waiting = await queries.unanswered_counts(session, [need_id], account_id)
    if waiting.get(need_id, 0) >= QUESTIONS_WAITING:
        raise ConflictError("questions_waiting")


async def mark_read(
    session: AsyncSession, actor: Actor, thread: Thread, side: ThreadSide, message_id: UUID
) -> None:
    """Note that somebody has read a thread up to a message; marks only go forward."""
    subject, subject_id = thread
    at = select(Message.created_at).where(
        Message.id == message_id, Message.subject == subject, Message.subject_id == subject_id
    )
    through = (await session.exec(at)).first()
    if through is None:
        raise errors.message_not_found()
    row = {"subject": subject, "subject_id": subject_id, "account_id": actor.signed_in()}
    seen = {"side": side, "through": through, "read_at": clock.now()}
    statement = insert(ReadMark).values(**row, **seen)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["subject", "subject_id", "account_id"],
            set_=seen,
            where=col(ReadMark.through) < through,
        )
    )

"""Tables of threads: what people write to one another about a claim or a need."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import StringConstraints
from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from app.models.base import Fields, Text, choice, created, moment

MESSAGE_MAX = 8000
FILES_PER_MESSAGE_MAX = 6


class ThreadSubject(StrEnum):
    """What a thread is about; who may read it is decided by that noun's own domain."""

    CLAIM = "claim"
    NEED = "need"


class ThreadSide(StrEnum):
    """On which side of a thread somebody writes."""

    WORKER = "worker"
    ORGANISATION = "organisation"
    PANEL = "panel"
    ASKER = "asker"


class MessageFields(Fields):
    """What somebody writes: words, files, or both."""

    body: Annotated[Text, StringConstraints(max_length=MESSAGE_MAX)] = ""
    file_ids: Annotated[list[UUID], Field(max_length=FILES_PER_MESSAGE_MAX)] = []


class WordsFields(Fields):
    """Words alone: a question, an answer, a corrected message."""

    body: Annotated[Text, StringConstraints(min_length=1, max_length=MESSAGE_MAX)]


class Message(SQLModel, table=True):
    """A message. Once deleted its words are gone, and only that there was one stays.

    `parent_id` is the question that an answer belongs to; a claim's thread has no levels.
    """

    __tablename__ = "messages"
    __table_args__ = (
        Index("ix_messages_thread", "subject", "subject_id", text("created_at DESC"), "id"),
        Index("ix_messages_author", "account_id", "created_at"),
        Index("ix_messages_answers", "parent_id", postgresql_where=text("parent_id IS NOT NULL")),
    )

    id: UUID = Field(primary_key=True)
    subject: ThreadSubject = choice(ThreadSubject, name="subject")
    subject_id: UUID
    parent_id: UUID | None = Field(default=None, foreign_key="messages.id", ondelete="CASCADE")
    account_id: UUID | None = Field(default=None, foreign_key="accounts.id", ondelete="SET NULL")
    side: ThreadSide = choice(ThreadSide, name="side")
    body: str = ""
    created_at: datetime = created()
    edited_at: datetime | None = moment(default=None, nullable=True)
    deleted_at: datetime | None = moment(default=None, nullable=True)
    hidden_at: datetime | None = moment(default=None, nullable=True)
    hidden_reason: str = Field(default="", max_length=500)
    version: int = 1


class ReadMark(SQLModel, table=True):
    """How far somebody has read a thread: the newest message seen, and when it was seen."""

    __tablename__ = "read_marks"

    subject: ThreadSubject = choice(ThreadSubject, name="subject", primary_key=True)
    subject_id: UUID = Field(primary_key=True)
    account_id: UUID = Field(primary_key=True, foreign_key="accounts.id", ondelete="CASCADE")
    side: ThreadSide = choice(ThreadSide, name="side")
    through: datetime = moment()
    read_at: datetime = created()

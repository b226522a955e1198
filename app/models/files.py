"""The table of files; their bytes lie in the storage under the row's id."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, text
from sqlmodel import Field, SQLModel

from app.models.base import choice, created, moment

NAME_MAX = 120
ALT_MAX = 500


class FileSubject(StrEnum):
    """What a file is attached to; who may read it is decided by that noun's own domain."""

    NEED = "need"
    CLAIM = "claim"


class File(SQLModel, table=True):
    """A file that was taken in. On a claim it waits for the message that carries it.

    `removed_at` hides it at once from everybody; a worker then removes the bytes and the row.
    `organisation_id` is whose quota it counts in, beside the uploader's own.
    """

    __tablename__ = "files"
    __table_args__ = (
        CheckConstraint("size_bytes >= 0", name="size_not_negative"),
        Index("ix_files_subject", "subject", "subject_id", "created_at"),
        Index("ix_files_removed", "removed_at", postgresql_where=text("removed_at IS NOT NULL")),
    )

    id: UUID = Field(primary_key=True)
    subject: FileSubject = choice(FileSubject, name="subject")
    subject_id: UUID
    message_id: UUID | None = Field(
        default=None, foreign_key="messages.id", ondelete="SET NULL", index=True
    )
    organisation_id: UUID | None = Field(default=None, foreign_key="organisations.id", index=True)
    account_id: UUID | None = Field(
        default=None, foreign_key="accounts.id", ondelete="SET NULL", index=True
    )
    name: str = Field(max_length=NAME_MAX)
    media_type: str = Field(max_length=100)
    size_bytes: int = Field(sa_type=BigInteger)
    digest: bytes = Field(sa_type=LargeBinary)
    alt: str = Field(default="", max_length=ALT_MAX)
    width: int | None = None
    height: int | None = None
    created_at: datetime = created()
    removed_at: datetime | None = moment(default=None, nullable=True)

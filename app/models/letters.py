"""Tables of letters: mail that waits to be sent, and the single-use links that it carries."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, LargeBinary, text
from sqlmodel import Field, SQLModel

from app.models.base import created, data, moment


class Letter(SQLModel, table=True):
    """A mail to be sent: a template and its values, rendered when it is sent.

    The values may hold a secret link, so they are emptied once the mail has left or was given up.
    """

    __tablename__ = "letters"
    __table_args__ = (
        Index(
            "ix_letters_waiting",
            "next_try_at",
            postgresql_where=text("sent_at IS NULL AND failed_at IS NULL"),
        ),
    )

    id: UUID = Field(primary_key=True)
    address: str = Field(max_length=254)
    account_id: UUID | None = Field(
        default=None, foreign_key="accounts.id", ondelete="CASCADE", index=True
    )
    language: str = Field(default="en", max_length=35)
    template: str = Field(max_length=60)
    values: dict[str, Any] = data(default_factory=dict)
    list_name: str = Field(max_length=40)
    key: str | None = Field(default=None, max_length=200, unique=True)
    created_at: datetime = created()
    next_try_at: datetime = created()
    attempts: int = 0
    sent_at: datetime | None = moment(default=None, nullable=True)
    failed_at: datetime | None = moment(default=None, nullable=True)
    last_error: str | None = None


class MailLink(SQLModel, table=True):
    """A secret address sent by mail; only its hash is kept."""

    __tablename__ = "mail_links"
    __table_args__ = (Index("ix_mail_links_subject", "purpose", "subject_id"),)

    token_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    purpose: str = Field(max_length=40)
    subject_id: UUID
    created_at: datetime = created()
    expires_at: datetime = moment(index=True)
    used_at: datetime | None = moment(default=None, nullable=True)

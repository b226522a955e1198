"""Tables of what happened: the log that others react to, and answers kept for retries."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, LargeBinary, text
from sqlmodel import Field, SQLModel

from app.models.base import created, data, moment


class Activity(SQLModel, table=True):
    """One thing that happened, written in the transaction in which it happened.

    `pending` until every reaction ran; ids are in order of insertion, not of commit.
    """

    __tablename__ = "activities"
    __table_args__ = (
        Index("ix_activities_pending", "id", postgresql_where=text("pending")),
        Index("ix_activities_object", "noun", "object_id", "id"),
    )

    id: int | None = Field(
        default=None, primary_key=True, sa_type=BigInteger, sa_column_args=[Identity(always=True)]
    )
    at: datetime = created()
    verb: str = Field(max_length=60)
    noun: str = Field(max_length=30)
    object_id: UUID
    account_id: UUID | None = None
    request_id: str | None = Field(default=None, max_length=64)
    details: dict[str, Any] = data(default_factory=dict)
    pending: bool = True
    attempts: int = 0
    next_try_at: datetime = created()
    last_error: str | None = None


class Reaction(SQLModel, table=True):
    """A reaction that ran: written with its effects, so it never has them twice."""

    __tablename__ = "reactions"

    activity_id: int = Field(
        primary_key=True, sa_type=BigInteger, foreign_key="activities.id", ondelete="CASCADE"
    )
    name: str = Field(primary_key=True, max_length=80)
    at: datetime = created()


class ClockStep(SQLModel, table=True):
    """A step of a clock that was taken: written with its effects, so it never has them twice.

    `since` is the moment that the clock counted from: a sign of life begins a new count.
    """

    __tablename__ = "clock_steps"

    object_id: UUID = Field(primary_key=True)
    clock: str = Field(primary_key=True, max_length=30)
    step: str = Field(primary_key=True, max_length=30)
    since: datetime = moment(primary_key=True)
    at: datetime = created()


class IdempotencyKey(SQLModel, table=True):
    """An answer kept under its key, in the transaction of its effect (24 h)."""

    __tablename__ = "idempotency_keys"

    scope: str = Field(primary_key=True, max_length=200)
    key: str = Field(primary_key=True, max_length=255)
    body_hash: bytes = Field(sa_type=LargeBinary)
    status: int | None = None
    headers: dict[str, str] | None = data(default=None, nullable=True)
    body: bytes | None = Field(default=None, sa_type=LargeBinary)
    created_at: datetime = created()
    expires_at: datetime = moment(index=True)

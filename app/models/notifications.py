"""Tables of notices: what people are told, and how they want to be told it."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from sqlalchemy import BigInteger, Index, text
from sqlmodel import Field, SQLModel

from app.models.base import Fields, Language, TimeZone, choice, created, data, moment


class Topic(StrEnum):
    """What notices are about, as people choose them."""

    DECISIONS = "decisions"
    REMINDERS = "reminders"
    MESSAGES = "messages"
    APPLICATIONS = "applications"
    ORGANISATIONS = "organisations"
    STEWARDSHIP = "stewardship"
    MATCHES = "matches"


class Reader(StrEnum):
    """As whom somebody is told; they are shown it while they still are that."""

    WORKER = "worker"
    MEMBERS = "members"
    STEWARDS = "stewards"
    NAMED = "named"


class MailWish(StrEnum):
    """When somebody wants a mail about something."""

    OFF = "off"
    AT_ONCE = "at_once"
    DAILY = "daily"
    WEEKLY = "weekly"


class Notice(SQLModel, table=True):
    """Something that somebody is told. It holds ids and no words: those are read when it is shown.

    What happens again to the same thing before it was read raises the count of one notice.
    `number` counts the changes of one person's notices, in order of commit.
    """

    __tablename__ = "notices"
    __table_args__ = (
        Index(
            "uq_notices_one_unread",
            "account_id",
            "kind",
            "object_id",
            unique=True,
            postgresql_where=text("read_at IS NULL"),
        ),
        Index("uq_notices_number", "account_id", "number", unique=True),
        Index("ix_notices_account_at", "account_id", text("at DESC"), text("id DESC")),
        Index(
            "ix_notices_unread_topic",
            "account_id",
            "topic",
            postgresql_where=text("read_at IS NULL"),
        ),
    )

    id: UUID = Field(primary_key=True)
    account_id: UUID = Field(foreign_key="accounts.id", ondelete="CASCADE")
    kind: str = Field(max_length=40)
    topic: Topic = choice(Topic, name="topic")
    reader: Reader = choice(Reader, name="reader")
    object_id: UUID
    claim_id: UUID | None = Field(
        default=None, foreign_key="claims.id", ondelete="CASCADE", index=True
    )
    need_id: UUID | None = Field(
        default=None, foreign_key="needs.id", ondelete="CASCADE", index=True
    )
    organisation_id: UUID | None = Field(
        default=None, foreign_key="organisations.id", ondelete="CASCADE", index=True
    )
    count: int = 1
    number: int = Field(sa_type=BigInteger)
    created_at: datetime = created()
    at: datetime = created()
    read_at: datetime | None = moment(default=None, nullable=True)
    mailed_at: datetime | None = moment(default=None, nullable=True)


class NoticeCounter(SQLModel, table=True):
    """How many changes one person's notices have seen; locked while one is written."""

    __tablename__ = "notice_counters"

    account_id: UUID = Field(primary_key=True, foreign_key="accounts.id", ondelete="CASCADE")
    number: int = Field(default=0, sa_type=BigInteger)


class NoticeSettingsFields(Fields):
    """How somebody wants to be told; topics left out follow the defaults."""

    mail: dict[Topic, MailWish] = {}
    discreet: bool = False
    hour: Annotated[int, Field(ge=0, le=23)] = 8
    time_zone: TimeZone = "UTC"
    language: Language | None = None


class NoticeSettings(SQLModel, table=True):
    """How somebody wants to be told; without a row, the defaults."""

    __tablename__ = "notice_settings"

    account_id: UUID = Field(primary_key=True, foreign_key="accounts.id", ondelete="CASCADE")
    wishes: dict[str, str] = data(default_factory=dict)
    discreet: bool = False
    hour: int = 8
    time_zone: str = Field(default="UTC", max_length=60)
    language: str | None = Field(default=None, max_length=35)
    version: int = 1


class Digest(SQLModel, table=True):
    """A digest that was looked at for one person and period: never a second time."""

    __tablename__ = "digests"

    account_id: UUID = Field(primary_key=True, foreign_key="accounts.id", ondelete="CASCADE")
    period: str = Field(primary_key=True, max_length=40)
    at: datetime = created()

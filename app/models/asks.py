"""Tables of asks: calls for help by people who have no account, until they are needs."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import StringConstraints
from sqlalchemy import BigInteger, Identity, Index, LargeBinary, text
from sqlmodel import Field, SQLModel

from app.models.base import Fields, Language, Line, Text, choice, created, moment


class AskState(StrEnum):
    """The life of an ask; the moves between states stand in domain/asks/rules.py."""

    UNCONFIRMED = "unconfirmed"
    WAITING = "waiting"
    ASKED = "asked"
    PUBLISHED = "published"
    DECLINED = "declined"
    MERGED = "merged"
    WITHDRAWN = "withdrawn"
    DONE = "done"


class AskStart(StrEnum):
    """A starting point: words that many begin with."""

    SITE_DOWN = "site_down"
    LEAVE_GOOGLE = "leave_google"
    VIDEO_ASSEMBLY = "video_assembly"
    NEWSLETTER = "newsletter"
    SHOW_FEED = "show_feed"
    SECURITY_CHECK = "security_check"
    TEACH_US = "teach_us"


class AskSide(StrEnum):
    """Who did something with an ask."""

    ASKER = "asker"
    STEWARD = "steward"
    CLOCK = "clock"


class AskDeed(StrEnum):
    """What can be done with an ask."""

    CONFIRMED = "confirmed"
    CHANGED = "changed"
    QUESTIONED = "questioned"
    ANSWERED = "answered"
    PUBLISHED = "published"
    SUGGESTED = "suggested"
    SETTLED = "settled"
    DECLINED = "declined"
    MERGED = "merged"
    WITHDRAWN = "withdrawn"
    DONE = "done"
    THANKED = "thanked"
    ACCOUNT_MADE = "account_made"
    LINK_SENT = "link_sent"


Address = Annotated[
    Line,
    StringConstraints(
        pattern=r"^[^@\s<>\"',;:\\]{1,64}@[^@\s<>\"',;:\\]{1,185}\.[^@\s.]{2,63}$", max_length=254
    ),
]
# Signal's own form: letters, a dot, two figures or more. Never a telephone number.
SignalName = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{2,31}\.[0-9]{2,9}$", strip_whitespace=True),
]
AskText = Annotated[Text, StringConstraints(min_length=10, max_length=8000)]
Remark = Annotated[Text, StringConstraints(min_length=1, max_length=2000)]


class AskChanges(Fields):
    """What an asker may change of what they said."""

    stuck: AskText
    size: Annotated[Line, StringConstraints(max_length=300)] = ""
    organisation_name: Annotated[Line, StringConstraints(min_length=1, max_length=200)]
    language: Language


class AskFields(AskChanges):
    """The three answers, whose they are, and where to reach them."""

    address: Address
    signal: SignalName | None = None
    start: AskStart | None = None


class Ask(SQLModel, table=True):
    """A call for help. Everything personal in it is gone some time after it is over."""

    __tablename__ = "asks"
    __table_args__ = (
        Index(
            "ix_asks_waiting",
            "waiting_since",
            "id",
            postgresql_where=text("waiting_since IS NOT NULL"),
        ),
    )

    id: UUID = Field(primary_key=True)
    state: AskState = choice(AskState, name="state", default=AskState.UNCONFIRMED)
    stuck: str
    size: str = Field(default="", max_length=300)
    organisation_name: str = Field(max_length=200)
    language: str = Field(max_length=35)
    start: AskStart | None = choice(AskStart, name="start", default=None, nullable=True)
    address: str | None = Field(default=None, max_length=254)
    signal: str | None = Field(default=None, max_length=60)
    # Empties the queue when it is set to nothing: what the stewards owe, and since when.
    waiting_since: datetime | None = moment(default=None, nullable=True)
    organisation_id: UUID | None = Field(default=None, foreign_key="organisations.id")
    # The account without a password through which the asker's link acts on the needs.
    holder_id: UUID | None = Field(default=None, foreign_key="accounts.id")
    merged_into: UUID | None = Field(default=None, foreign_key="asks.id")
    created_at: datetime = created()
    confirmed_at: datetime | None = moment(default=None, nullable=True)
    ended_at: datetime | None = moment(default=None, nullable=True)
    erased_at: datetime | None = moment(default=None, nullable=True)
    version: int = 1


class AskNeed(SQLModel, table=True):
    """A need that an ask became; one ask may become several."""

    __tablename__ = "ask_needs"

    need_id: UUID = Field(primary_key=True, foreign_key="needs.id", ondelete="CASCADE")
    ask_id: UUID = Field(foreign_key="asks.id", ondelete="CASCADE", index=True)


class AskHistory(SQLModel, table=True):
    """Who did what with an ask, and what they said."""

    __tablename__ = "ask_history"

    id: int | None = Field(
        default=None, primary_key=True, sa_type=BigInteger, sa_column_args=[Identity(always=True)]
    )
    ask_id: UUID = Field(foreign_key="asks.id", ondelete="CASCADE", index=True)
    account_id: UUID | None = None
    side: AskSide = choice(AskSide, name="side")
    deed: AskDeed = choice(AskDeed, name="deed")
    text: str = ""
    request_id: str | None = Field(default=None, max_length=64)
    at: datetime = created()


class AskDay(SQLModel, table=True):
    """A day's secret, under which networks and addresses are counted; gone with the day after."""

    __tablename__ = "ask_days"

    day: date = Field(primary_key=True)
    key: bytes = Field(sa_type=LargeBinary)


class AskCount(SQLModel, table=True):
    """How often something asked within a day, under a name that only that day's secret makes."""

    __tablename__ = "ask_counts"

    name: bytes = Field(primary_key=True, sa_type=LargeBinary)
    day: date = Field(index=True)
    count: int = 0

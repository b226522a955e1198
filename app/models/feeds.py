"""Tables of saved searches: filters that somebody wants to hear of, and what they were told."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import StringConstraints
from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field, SQLModel

from app.models.base import Fields, Language, Line, Slug, TimeZone, choice, created, data, moment

# A value of another noun's choice; the domain says whether there is such a one.
Word = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,32}$")]


class Often(StrEnum):
    """How often a search is told of."""

    OFF = "off"
    INSTANT = "instant"
    DAILY = "daily"
    WEEKLY = "weekly"


class SearchFilters(Fields):
    """The filters of one address of the list of needs."""

    q: Annotated[Line, StringConstraints(max_length=200)] = ""
    skill: Annotated[list[Slug], Field(max_length=1)] = []
    language: Annotated[list[Language], Field(max_length=20)] = []
    hours_max: Annotated[int, Field(ge=1, le=10_000)] | None = None
    stream: Word | None = None
    kind: Word | None = None
    region: Annotated[Line, StringConstraints(max_length=200)] = ""
    organisation: UUID | None = None
    instance: Annotated[Line, StringConstraints(max_length=300)] = ""
    urgency: Word | None = None
    remote: bool | None = None


class SearchFields(Fields):
    """A search to save."""

    filters: SearchFilters = SearchFilters()
    often: Often = Often.DAILY


class AlertFields(SearchFields):
    """A search of somebody without an account: where its letters go, and in which language."""

    address: Annotated[
        Line,
        StringConstraints(
            pattern=r"^[^@\s<>\"',;:\\]{1,64}@[^@\s<>\"',;:\\]{1,185}\.[^@\s.]{2,63}$",
            max_length=254,
        ),
    ]
    language: Language
    time_zone: TimeZone = "UTC"


class SavedSearch(SQLModel, table=True):
    """A search that somebody saved: an account's, or an address's that was confirmed by mail.

    Nothing is sent to an address before `confirmed_at`; the row of one is deleted on "stop".
    """

    __tablename__ = "saved_searches"
    __table_args__ = (
        CheckConstraint("(account_id IS NULL) <> (address IS NULL)", name="whose"),
        Index("ix_saved_searches_account_id", "account_id"),
        Index("ix_saved_searches_address", "address", postgresql_where=text("address IS NOT NULL")),
        Index(
            "ix_saved_searches_unconfirmed",
            "created_at",
            postgresql_where=text("confirmed_at IS NULL"),
        ),
    )

    id: UUID = Field(primary_key=True)
    account_id: UUID | None = Field(default=None, foreign_key="accounts.id", ondelete="CASCADE")
    address: str | None = Field(default=None, max_length=254)
    language: str = Field(max_length=35)
    time_zone: str = Field(default="UTC", max_length=60)
    filters: dict[str, Any] = data(default_factory=dict)
    often: Often = choice(Often, name="often", default=Often.DAILY)
    created_at: datetime = created()
    confirmed_at: datetime | None = moment(default=None, nullable=True)
    version: int = 1


class SearchMatch(SQLModel, table=True):
    """A need that fits a search: found once, and told once ever."""

    __tablename__ = "search_matches"
    __table_args__ = (
        Index(
            "ix_search_matches_untold",
            "search_id",
            "at",
            postgresql_where=text("told_at IS NULL"),
        ),
        Index("ix_search_matches_need_id", "need_id"),
    )

    search_id: UUID = Field(primary_key=True, foreign_key="saved_searches.id", ondelete="CASCADE")
    need_id: UUID = Field(primary_key=True, foreign_key="needs.id", ondelete="CASCADE")
    at: datetime = created()
    told_at: datetime | None = moment(default=None, nullable=True)


class NewNeed(SQLModel, table=True):
    """A need that was published and not yet held against the saved searches."""

    __tablename__ = "new_needs"

    need_id: UUID = Field(primary_key=True, foreign_key="needs.id", ondelete="CASCADE")
    at: datetime = created()

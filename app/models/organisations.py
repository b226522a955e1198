"""Tables of organisations and their members."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import StringConstraints
from sqlalchemy import LargeBinary
from sqlmodel import Field, SQLModel

from app.models.base import (
    Fields,
    Language,
    Line,
    Text,
    TimeZone,
    WeekHours,
    choice,
    created,
    texts,
)

HTTP_URL_PATTERN = r"^https?://[^\s<>\"'\\@]{1,1990}$"
HttpUrl = Annotated[str, StringConstraints(pattern=HTTP_URL_PATTERN, max_length=2000)]


class OrganisationState(StrEnum):
    """Where an organisation stands with the instance's stewards."""

    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    SUSPENDED = "suspended"


class MemberRole(StrEnum):
    """What a member may do: owners also manage members."""

    OWNER = "owner"
    MEMBER = "member"


class OrganisationFields(Fields):
    """What an organisation says of itself."""

    name: Annotated[Line, StringConstraints(min_length=1, max_length=200)]
    summary: Annotated[Text, StringConstraints(max_length=4000)] = ""
    languages: Annotated[list[Language], Field(max_length=20)] = []
    site: HttpUrl | None = None
    time_zone: TimeZone = "UTC"
    working_hours: WeekHours | None = None


class Organisation(SQLModel, table=True):
    """An organisation that posts needs."""

    __tablename__ = "organisations"

    id: UUID = Field(primary_key=True)
    slug: str = Field(max_length=60, unique=True)
    name: str = Field(max_length=200)
    summary: str = ""
    languages: list[str] = texts()
    site: str | None = None
    time_zone: str = Field(default="UTC", max_length=60)
    # As profiles.availability; null means 9 to 18, Monday to Friday.
    working_hours: bytes | None = Field(default=None, sa_type=LargeBinary)
    state: OrganisationState = choice(
        OrganisationState, name="state", default=OrganisationState.PROPOSED
    )
    state_reason: str = ""
    created_by: UUID | None = Field(default=None, foreign_key="accounts.id")
    created_at: datetime = created()
    version: int = 1


class Membership(SQLModel, table=True):
    """A person's place in an organisation; worker-owners also hold a share of its book."""

    __tablename__ = "memberships"

    organisation_id: UUID = Field(
        primary_key=True, foreign_key="organisations.id", ondelete="CASCADE"
    )
    account_id: UUID = Field(
        primary_key=True, foreign_key="accounts.id", ondelete="CASCADE", index=True
    )
    role: MemberRole = choice(MemberRole, name="role", default=MemberRole.MEMBER)
    worker_owner: bool = False
    created_at: datetime = created()

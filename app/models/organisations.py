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
    moment,
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


class VouchedBy(StrEnum):
    """Why an organisation needs no review of what it publishes any more."""

    BEFORE = "before"  # accepted before there were vouches
    STEWARDS = "stewards"
    MEMBERS = "members"  # of organisations that are vouched for themselves
    WORK = "work"  # work that it confirmed


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
    vouched_at: datetime | None = moment(default=None, nullable=True)
    vouched_by: VouchedBy | None = choice(VouchedBy, name="vouched_by", default=None, nullable=True)
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


class Vouch(SQLModel, table=True):
    """Somebody's word for an organisation; signed-in people see whose."""

    __tablename__ = "vouches"

    organisation_id: UUID = Field(
        primary_key=True, foreign_key="organisations.id", ondelete="CASCADE"
    )
    account_id: UUID = Field(
        primary_key=True, foreign_key="accounts.id", ondelete="CASCADE", index=True
    )
    # Said as a steward of the instance; otherwise as a member of a vouched organisation.
    steward: bool = False
    created_at: datetime = created()


class BlockSide(StrEnum):
    """Who does not want to hear of whom."""

    ORGANISATION = "organisation"
    PERSON = "person"


class Block(SQLModel, table=True):
    """An organisation and a person kept apart, by one of them; each side's block is its own."""

    __tablename__ = "blocks"

    organisation_id: UUID = Field(
        primary_key=True, foreign_key="organisations.id", ondelete="CASCADE"
    )
    account_id: UUID = Field(
        primary_key=True, foreign_key="accounts.id", ondelete="CASCADE", index=True
    )
    side: BlockSide = choice(BlockSide, name="side", primary_key=True)
    created_by: UUID | None = Field(default=None, foreign_key="accounts.id", ondelete="SET NULL")
    created_at: datetime = created()

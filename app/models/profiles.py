"""Tables of workers' profiles."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import StringConstraints
from sqlalchemy import LargeBinary
from sqlmodel import Field, SQLModel

from app.models.base import Fields, Language, Slug, Tag, Text, TimeZone, WeekHours, created, texts


class ProfileSkill(Fields):
    """A skill from the list, and how well: 1 learning, 2 able, 3 teaches others."""

    slug: Slug
    level: Annotated[int, Field(ge=1, le=3)] = 2


class ProfileFields(Fields):
    """What a worker says of themself."""

    about: Annotated[Text, StringConstraints(max_length=4000)] = ""
    skills: Annotated[list[ProfileSkill], Field(max_length=60)] = []
    tags: Annotated[list[Tag], Field(max_length=40)] = []
    languages: Annotated[list[Language], Field(max_length=20)] = []
    hours_per_week: Annotated[int, Field(ge=0, le=80)] = 0
    time_zone: TimeZone = "UTC"
    availability: WeekHours | None = None
    findable: bool = False


class Profile(SQLModel, table=True):
    """A worker: what they can do, in which languages, how many hours a week."""

    __tablename__ = "profiles"

    account_id: UUID = Field(primary_key=True, foreign_key="accounts.id", ondelete="CASCADE")
    about: str = ""
    tags: list[str] = texts()
    languages: list[str] = texts()
    hours_per_week: int = 0
    time_zone: str = Field(default="UTC", max_length=60)
    # 168 bits, see app/infra/week.py; null where nobody said.
    availability: bytes | None = Field(default=None, sa_type=LargeBinary)
    findable: bool = False
    updated_at: datetime = created()
    version: int = 1


class ProfileSkillRow(SQLModel, table=True):
    """One skill of one worker."""

    __tablename__ = "profile_skills"

    account_id: UUID = Field(
        primary_key=True, foreign_key="profiles.account_id", ondelete="CASCADE"
    )
    slug: str = Field(primary_key=True, max_length=60)
    level: int = 2

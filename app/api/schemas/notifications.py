"""Shapes of notices, and of how somebody wants to be told."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from app.api.schemas.base import Body, Listing, Shape
from app.models.base import Language, TimeZone
from app.models.notifications import MailWish, Topic


class NoticeShape(Shape):
    """Something that one was told, with what one may see of it now."""

    id: UUID
    kind: str
    topic: Topic
    title: str
    text: str
    count: int
    at: datetime
    read_at: datetime | None
    claim_id: UUID | None
    need_id: UUID | None
    organisation_id: UUID | None
    href: str = Field(description="The page that it opens.")
    workspace_href: str = Field(description="The same in the workspace, below its address.")


class NoticeList(Listing[NoticeShape]):
    """A page of notices, and how many in all wait to be read."""

    unread: int


class ReadInput(Body):
    """What was read: some notices, or all of them."""

    ids: Annotated[list[UUID], Field(max_length=100)] | None = None
    all: bool = False


class Unread(Shape):
    """How many notices wait to be read."""

    unread: int


class NoticeSettingsInput(Body):
    """How one wants to be told; topics that are left out follow the defaults."""

    mail: dict[Topic, MailWish] = {}
    discreet: bool = False
    hour: Annotated[int, Field(ge=0, le=23)] = 8
    time_zone: TimeZone = "UTC"
    language: Language | None = None


class NoticeSettingsShape(Shape):
    """How one wants to be told, every topic named."""

    mail: dict[Topic, MailWish]
    discreet: bool
    hour: int
    time_zone: str
    language: str | None
    email: str | None
    email_proven: bool
    version: int


class StreamEvent(Shape):
    """What an open stream is told: ids and a count, never words."""

    kind: str
    topic: Topic
    unread: int
    claim_id: UUID | None
    need_id: UUID | None

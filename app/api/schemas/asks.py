"""Shapes of asks."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from app.api.schemas.base import Body, Shape
from app.models.asks import AskDeed, AskFields, AskSide, AskStart, AskState
from app.models.base import Text
from app.models.needs import NeedFields


class AskInput(AskFields):
    """The three answers; `keep` says that what was found in the text may stay in it."""

    keep: bool = False

    def fields(self) -> AskFields:
        """Return what is said."""
        return AskFields(**self.model_dump(include=set(AskFields.model_fields)))


class AskReceived(Shape):
    """The same for every address: what counts is the mailed link."""

    next: Literal["open_the_mailed_link"] = "open_the_mailed_link"
    days: int


class AskShape(Shape):
    """An ask, as stewards see it; the mail address is shown to nobody."""

    id: UUID
    state: AskState
    stuck: str
    size: str
    organisation_name: str
    language: str
    start: AskStart | None
    signal: str | None
    waiting_since: datetime | None
    organisation_id: UUID | None
    merged_into: UUID | None
    created_at: datetime
    confirmed_at: datetime | None
    ended_at: datetime | None
    erased_at: datetime | None
    version: int


class AskDeedShape(Shape):
    """Who did what with an ask."""

    side: AskSide
    account_id: UUID | None
    deed: AskDeed
    text: str
    at: datetime


class AskDetail(AskShape):
    """An ask with its history, its needs, and what its text suggests."""

    history: list[AskDeedShape]
    needs: list[UUID]
    suggested_title: str
    suggested_skills: list[str]
    possible_transitions: list[AskState]


class AskMove(Body):
    """What a steward does with an ask: ask back, decline, or join it with another."""

    to: Literal["asked", "declined", "merged"]
    reason: Annotated[Text, StringConstraints(max_length=2000)] = ""
    into: UUID | None = None


class AskPublication(Body):
    """The needs that an ask becomes; without an organisation the asker gets one of their own."""

    needs: Annotated[list[NeedFields], Field(min_length=1, max_length=10)]
    organisation_id: UUID | None = None

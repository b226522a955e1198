"""Shapes of claims, work logs and confirmations."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from app.api.schemas.base import Body, Shape
from app.models.claims import ClaimState
from app.models.ledger import WorkStream


class ConfirmationInput(Body):
    """How many minutes of the logged work are confirmed, and in which stream they count."""

    minutes: Annotated[int, Field(ge=1, le=60 * 24 * 366)]
    stream: WorkStream = WorkStream.GIFT


class ClaimNeed(Shape):
    """The need of a claim."""

    id: UUID
    title: str
    organisation_name: str
    language: str


class ClaimWorker(Shape):
    """The worker of a claim, by pseudonym."""

    account_id: UUID
    handle: str
    display_name: str


class ClaimMove(Shape):
    """One move of a claim."""

    from_state: ClaimState | None = Field(serialization_alias="from")
    to_state: ClaimState = Field(serialization_alias="to")
    reason: str
    at: datetime
    by: str


class ConfirmationShape(Shape):
    """What was confirmed, and the entry that says so."""

    minutes: int
    stream: WorkStream
    entry_id: UUID
    at: datetime


class ClaimShape(Shape):
    """A claim, as its two parties see it."""

    id: UUID
    need: ClaimNeed
    worker: ClaimWorker
    state: ClaimState
    note: str
    minutes_logged: int
    possible_transitions: list[ClaimState]
    may_confirm: bool
    created_at: datetime
    updated_at: datetime
    version: int
    history: list[ClaimMove] = []
    confirmation: ConfirmationShape | None = None


class WorkLogShape(Shape):
    """Work done on a day."""

    id: UUID
    worked_on: date
    minutes: int
    note: str
    created_at: datetime

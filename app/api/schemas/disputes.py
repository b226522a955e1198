"""Shapes of disputes about entries."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from app.api.schemas.base import Body, Shape
from app.domain.disputes.rules import CaseSide
from app.models.base import Line, Text
from app.models.disputes import DisputeResolution, DisputeState, JudgeState, JudgeTier, ResolvedBy
from app.models.ledger import EntryKind, WorkStream

MINUTES_MAX = 60 * 24 * 366
Reason = Annotated[Text, StringConstraints(max_length=2000)]
WorkersMinutes = Annotated[
    int, Field(ge=0, le=MINUTES_MAX, description="How many minutes are the worker's in the end.")
]


class DisputeInput(Body):
    """Why somebody disputes an entry."""

    reason: Reason


class OfferInput(Body):
    """What one of the two sides would agree to."""

    minutes: WorkersMinutes


class JudgementInput(Body):
    """What one of the panel decides, and why."""

    minutes: WorkersMinutes
    reason: Reason


class JudgeInput(Body):
    """Whom one of the two sides would let judge."""

    handle: Annotated[Line, StringConstraints(min_length=1, max_length=32)]


class ReappealInput(Body):
    """Why the assembly should decide."""

    reason: Reason


class DisputePerson(Shape):
    """Somebody by the name that they chose."""

    account_id: UUID
    name: str


class DisputeOffer(Shape):
    """What one side would agree to, until the other one says the same."""

    minutes: int
    by: CaseSide


class DisputeSeatShape(Shape):
    """One of the panel: how they came to sit, and what they decided once that may be told."""

    number: int
    name: str
    tier: JudgeTier
    state: JudgeState
    pool_size: int
    pool_head: list[UUID] = Field(description="The first of the pool in the order of the draw.")
    answer_by: datetime
    minutes: int | None
    reason: str


class DisputeShape(Shape):
    """A dispute about an entry, as the asker stands to it."""

    id: UUID
    book_id: UUID
    organisation_id: UUID
    organisation_name: str
    entry_id: UUID
    entry_kind: EntryKind
    worked_on: date
    stream: WorkStream
    worker: DisputePerson
    opened_by: DisputePerson
    reason: str
    minutes: int = Field(description="What waits in suspense, or did.")
    takes: bool = Field(description="The entry took the minutes from the worker.")
    most: int = Field(description="The most that the end may give the worker.")
    state: DisputeState
    opened_at: datetime
    panel_due: datetime = Field(description="When the panel is drawn unless the two agree.")
    offer: DisputeOffer | None
    named: DisputePerson | None
    named_by: CaseSide | None
    seed: str = Field(description="From this anybody can make the draw again.")
    seats: list[DisputeSeatShape]
    seats_wanted: int
    resolution: DisputeResolution | None
    resolved_by: ResolvedBy | None
    final_minutes: int | None
    closed_at: datetime | None
    reappeal_until: datetime | None
    assembly_reason: str
    decision_id: UUID | None
    final: bool = Field(description="Nobody can appeal any more.")
    my_side: CaseSide | None
    my_seat: JudgeState | None
    may: list[str] = Field(description="What the asker can do now.")
    version: int

"""Shapes of claims, work logs and confirmations."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from app.api.schemas.base import Body, Shape
from app.domain.claims.rules import Awaited
from app.models.base import Text
from app.models.claims import ClaimKind, ClaimState, Elsewhere, PanelCause, Resolution
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


class SettlementInput(Body):
    """What one side of a dispute would agree to, in minutes; 0 means no hours at all."""

    minutes: Annotated[int, Field(ge=0, le=60 * 24 * 366)]


class DecisionInput(Body):
    """What a member of a panel decides: all of the logged minutes, fewer, or 0 for rejected."""

    minutes: Annotated[int, Field(ge=0, le=60 * 24 * 366)]
    reason: Annotated[Text, StringConstraints(max_length=2000)] = ""


class OfferShape(Shape):
    """What one side of a dispute would agree to."""

    minutes: int
    by: Literal["worker", "organisation"]


class JudgementShape(Shape):
    """What one member of a closed panel decided."""

    by: str
    minutes: int
    reason: str


class PanelBrief(Shape):
    """A panel, as the two parties see it: who decided what, once it is closed."""

    cause: PanelCause
    opened_at: datetime
    closed_at: datetime | None
    drawn: int
    decided: int
    resolution: Resolution | None
    minutes: int | None
    judgements: list[JudgementShape] = []


class ConfirmationShape(Shape):
    """What was confirmed, and the entry that says so."""

    minutes: int
    stream: WorkStream
    entry_id: UUID
    at: datetime


class NextStep(Shape):
    """What the clocks do next unless something happens: the sentence is `clock.<code>`."""

    code: str
    at: datetime


class ClaimElsewhere(Shape):
    """The part of a claim that lives on another instance."""

    part: Elsewhere = Field(description="Who or what lives there: the worker, or the need.")
    instance: str
    exchanging: bool = Field(description="False: nothing gets through at the moment.")
    answer_by: datetime = Field(description="An offer that nobody answered until then is over.")
    shown_name: str = Field(description="The name that the worker chose to show; mostly none.")
    contacts: list[dict[str, str]] = Field(description="How the accepted worker reaches them.")


class ClaimShape(Shape):
    """A claim, as its two parties see it."""

    id: UUID
    need: ClaimNeed
    worker: ClaimWorker
    kind: ClaimKind
    state: ClaimState
    note: str
    minutes_logged: int
    possible_transitions: list[ClaimState]
    may_confirm: bool
    may_settle: bool
    awaited_of: Awaited
    resolution: Resolution | None
    offer: OfferShape | None
    disputable_until: datetime | None
    disputed_at_entry: UUID | None = Field(
        None, description="Where worker-owners keep the book, credited work is disputed here."
    )
    next_step: NextStep | None = None
    may_keep: bool = False
    worker_is_member: bool = Field(
        False, description="The worker belongs to the organisation; somebody else confirms."
    )
    unread: int = Field(0, description="Messages of the other side that one has not read.")
    created_at: datetime
    updated_at: datetime
    version: int
    elsewhere: ClaimElsewhere | None = None
    history: list[ClaimMove] = []
    confirmation: ConfirmationShape | None = None
    panels: list[PanelBrief] = []


class WorkLogShape(Shape):
    """Work done on a day."""

    id: UUID
    worked_on: date
    minutes: int
    note: str
    created_at: datetime


class PanelNeed(ClaimNeed):
    """The need of a claim, with what was asked for."""

    body: str
    estimate_minutes: int | None


class PanelReason(Shape):
    """What one of the two sides said of the work, without a name."""

    by: Literal["worker", "organisation", "nobody"]
    to: ClaimState
    reason: str
    at: datetime


class PanelShape(Shape):
    """All that somebody who was drawn needs to decide, and nothing more."""

    id: UUID
    cause: PanelCause
    answer_by: datetime
    closed: bool
    need: PanelNeed
    worker: ClaimWorker
    minutes_logged: int
    work_logs: list[WorkLogShape]
    reasons: list[PanelReason]
    my_minutes: int | None
    my_reason: str
    others: list[JudgementShape]

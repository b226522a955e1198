"""Shapes of reports, holds and restricted accounts."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from app.api.schemas.base import Body, Shape
from app.models.base import Text
from app.models.moderation import ReportAbout, ReportDeed, ReportKind, ReportState, Said
from app.models.needs import NeedState


class ReportReceived(Shape):
    """A report as its reporter gets it back."""

    id: UUID
    state: ReportState
    about: ReportAbout
    subject_id: UUID
    kind: ReportKind
    words: str
    created_at: datetime


class ReportShape(ReportReceived):
    """A report as stewards read it: `said` is what was reported, as it read then.

    `reporter` and `account` are handles; a report by somebody without an account has no reporter.
    """

    said: str
    reporter: str | None
    account_id: UUID | None
    account: str | None
    organisation_id: UUID | None
    place_id: UUID | None
    version: int


class ReportDeedShape(Shape):
    """What a steward decided."""

    account_id: UUID | None
    deed: ReportDeed
    reason: str
    at: datetime


class ReportDetail(ReportShape):
    """A report with what was done about it and what else was reported of the same."""

    history: list[ReportDeedShape]
    others: list[ReportShape]
    possible_deeds: list[ReportDeed]


class ReportList(Shape):
    """A page of reports, and how much waits altogether."""

    items: list[ReportShape]
    next_cursor: str | None
    waiting: int
    held: int
    appeals: int


class ReportMove(Body):
    """What a steward decides, why, and which other waiting reports of the same it settles."""

    to: Literal["looked_at"] = "looked_at"
    deed: ReportDeed
    reason: Annotated[Text, StringConstraints(max_length=2000)] = ""
    also: Annotated[list[UUID], Field(max_length=100)] = []


class HoldInput(Body):
    """Why a need is held; its people read it."""

    reason: Said


class AppealInput(Body):
    """What a need's people answer to its hold."""

    words: Said


class HoldMove(Body):
    """Whether a held need goes back where it was, or is taken down for good."""

    to: Literal["released", "withdrawn"]
    reason: Annotated[Text, StringConstraints(max_length=2000)] = ""


class HoldShape(Shape):
    """A hold, as the need's people and the stewards read it."""

    id: UUID
    need_id: UUID
    need_title: str
    organisation_id: UUID | None
    state_before: NeedState
    reason: str
    held_at: datetime
    appeal: str
    appealed_at: datetime | None
    ended_at: datetime | None
    end_reason: str
    version: int


class RestrictedAccount(Shape):
    """An account, how far it reaches, and the stewards' reason."""

    account_id: UUID
    handle: str
    state: Literal["active", "limited", "blocked"]
    reason: str
    limited_at: datetime | None
    blocked_at: datetime | None


class AccountMove(Body):
    """How far an account shall reach from now on."""

    to: Literal["active", "limited", "blocked"]
    reason: Annotated[Text, StringConstraints(max_length=2000)] = ""

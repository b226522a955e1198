"""Tables of claims: a worker's application to a need and everything that follows."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import StringConstraints
from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from app.models.base import Fields, Text, choice, created, moment, texts


class ClaimState(StrEnum):
    """The life of a claim; the moves between states stand in domain/claims/rules.py."""

    APPLIED = "applied"
    ACCEPTED = "accepted"
    ACTIVE = "active"
    SUBMITTED = "submitted"
    CONFIRMED = "confirmed"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    RELEASED = "released"
    LAPSED = "lapsed"
    CHANGES_REQUESTED = "changes_requested"
    DISPUTED = "disputed"
    PANEL_REVIEW = "panel_review"
    REJECTED = "rejected"


class ClaimKind(StrEnum):
    """What is taken on: a place of a need, or an hour to find out what the need is."""

    WORK = "work"
    SCOPING = "scoping"


class Elsewhere(StrEnum):
    """Which part of a claim lives on another instance; what the two share is in `agreements`."""

    WORKER = "worker"
    NEED = "need"


class Resolution(StrEnum):
    """How a dispute or a panel ended."""

    CONFIRMED = "confirmed"
    PARTLY = "partly"
    REJECTED = "rejected"


class PanelCause(StrEnum):
    """Why two members who are not parties are asked."""

    UNANSWERED = "unanswered"
    DISPUTED = "disputed"


class SeatState(StrEnum):
    """What became of somebody drawn for a panel."""

    DRAWN = "drawn"
    DECIDED = "decided"
    DECLINED = "declined"
    MISSED = "missed"


class DrawTier(StrEnum):
    """From whom a seat was drawn: the nearest who are no party come first."""

    ORGANISATION = "organisation"
    STEWARDS = "stewards"
    OTHERS = "others"


# A claim in one of these states is alive: one per worker and need.
LIVE_STATES = (
    ClaimState.APPLIED,
    ClaimState.ACCEPTED,
    ClaimState.ACTIVE,
    ClaimState.SUBMITTED,
    ClaimState.CHANGES_REQUESTED,
    ClaimState.DISPUTED,
    ClaimState.PANEL_REVIEW,
)
# A claim for work in one of these states holds a place of its need; a scoping one holds none.
HOLDING_STATES = (*LIVE_STATES[1:], ClaimState.CONFIRMED)


def sql_list(states: tuple[ClaimState, ...]) -> str:
    """The states as a list for SQL, made of our own constants only."""
    return ", ".join(f"'{state.value}'" for state in states)


# One live claim per worker and need; to have helped with its scope keeps nobody from its work.
ONE_LIVE = f"state IN ({sql_list(LIVE_STATES)}) OR (state = 'confirmed' AND kind = 'work')"
ONE_SCOPING = f"kind = 'scoping' AND state IN ({sql_list(LIVE_STATES)})"


class ClaimFields(Fields):
    """What a worker says when applying."""

    note: Annotated[Text, StringConstraints(max_length=4000)] = ""
    kind: ClaimKind = ClaimKind.WORK
    # Where the need lives elsewhere: tell my name there, for this claim. Otherwise a pseudonym.
    share_name: bool = False
    # "This is for me", while a need's priority window is open: looked at once, kept nowhere.
    for_me: bool = Field(default=False, exclude=True, repr=False)


class WorkLogFields(Fields):
    """Work done on a day, in whole minutes."""

    worked_on: date
    minutes: Annotated[int, Field(ge=1, le=24 * 60)]
    note: Annotated[Text, StringConstraints(max_length=2000)] = ""


class Claim(SQLModel, table=True):
    """One row is the whole truth of a claim."""

    __tablename__ = "claims"
    __table_args__ = (
        Index(
            "uq_claims_one_live",
            "need_id",
            "account_id",
            unique=True,
            postgresql_where=text(ONE_LIVE),
        ),
        Index("uq_claims_one_scoping", "need_id", unique=True, postgresql_where=text(ONE_SCOPING)),
        Index("ix_claims_account", "account_id", text("created_at DESC"), "id"),
        Index("ix_claims_need_state", "need_id", "state"),
        Index("ix_claims_clock", "clock_at", "id", postgresql_where=text("clock_at IS NOT NULL")),
    )

    id: UUID = Field(primary_key=True)
    need_id: UUID = Field(foreign_key="needs.id")
    account_id: UUID = Field(foreign_key="accounts.id")
    kind: ClaimKind = choice(ClaimKind, name="kind", default=ClaimKind.WORK)
    state: ClaimState = choice(ClaimState, name="state", default=ClaimState.APPLIED)
    elsewhere: Elsewhere | None = choice(Elsewhere, name="elsewhere", default=None, nullable=True)
    note: str = ""
    accepted_at: datetime | None = moment(default=None, nullable=True)
    submitted_at: datetime | None = moment(default=None, nullable=True)
    # What its entries in the book sum to, and since when; kept while it is disputed again.
    confirmed_minutes: int | None = None
    confirmed_at: datetime | None = moment(default=None, nullable=True)
    resolution: Resolution | None = choice(
        Resolution, name="resolution", default=None, nullable=True
    )
    # What one side of a dispute would agree to (0: no hours at all), until the other side does.
    offer_minutes: int | None = None
    offer_by: UUID | None = None
    offer_by_worker: bool | None = None
    # The worker's last log, message or "still on it"; a move of the claim is a sign as well.
    heartbeat_at: datetime | None = moment(default=None, nullable=True)
    # When the clocks look at it again; set to the beginning of time by a trigger whenever its state
    # or a sign of life changes, so that no way of writing a claim forgets it. Null: no clock runs.
    clock_at: datetime | None = moment(default=None, nullable=True)
    created_at: datetime = created()
    updated_at: datetime = created()
    version: int = 1


class ClaimHistory(SQLModel, table=True):
    """One move of a claim: who, from, to, why, when."""

    __tablename__ = "claim_history"

    id: int | None = Field(
        default=None, primary_key=True, sa_type=BigInteger, sa_column_args=[Identity(always=True)]
    )
    claim_id: UUID = Field(foreign_key="claims.id", ondelete="CASCADE", index=True)
    account_id: UUID | None = None
    from_state: ClaimState | None = choice(
        ClaimState, name="from_state", default=None, nullable=True
    )
    to_state: ClaimState = choice(ClaimState, name="to_state")
    reason: str = ""
    request_id: str | None = Field(default=None, max_length=64)
    at: datetime = created()


class WorkLog(SQLModel, table=True):
    """Work that a worker logged on a claim; counted only when confirmed."""

    __tablename__ = "work_logs"
    __table_args__ = (CheckConstraint("minutes BETWEEN 1 AND 1440", name="minutes_of_one_day"),)

    id: UUID = Field(primary_key=True)
    claim_id: UUID = Field(foreign_key="claims.id", ondelete="CASCADE", index=True)
    worked_on: date
    minutes: int
    note: str = ""
    created_at: datetime = created()


class Panel(SQLModel, table=True):
    """Two members who are no party, asked about submitted work: how they were drawn and judged.

    The draw can be made again by anybody: see `draw_key` in domain/claims/rules.py.
    """

    __tablename__ = "panels"
    __table_args__ = (
        Index(
            "uq_panels_one_open",
            "claim_id",
            unique=True,
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index("ix_panels_claim", "claim_id"),
    )

    id: UUID = Field(primary_key=True)
    claim_id: UUID = Field(foreign_key="claims.id", ondelete="CASCADE")
    cause: PanelCause = choice(PanelCause, name="cause")
    seed: str = Field(max_length=64)
    opened_by: UUID | None = None
    opened_at: datetime = created()
    closed_at: datetime | None = moment(default=None, nullable=True)
    resolution: Resolution | None = choice(
        Resolution, name="resolution", default=None, nullable=True
    )
    minutes: int | None = None


class PanelSeat(SQLModel, table=True):
    """One person drawn for a panel, and what they decided."""

    __tablename__ = "panel_seats"
    __table_args__ = (
        UniqueConstraint("panel_id", "account_id"),
        UniqueConstraint("panel_id", "number"),
        Index("ix_panel_seats_account", "account_id", "state"),
        CheckConstraint("minutes >= 0", name="minutes_not_negative"),
    )

    id: UUID = Field(primary_key=True)
    panel_id: UUID = Field(foreign_key="panels.id", ondelete="CASCADE")
    account_id: UUID = Field(foreign_key="accounts.id")
    number: int
    tier: DrawTier = choice(DrawTier, name="tier")
    pool_size: int
    # The first of the pool in the order of the draw, the drawn one first.
    pool_head: list[str] = texts()
    state: SeatState = choice(SeatState, name="state", default=SeatState.DRAWN)
    drawn_at: datetime = created()
    answer_by: datetime = moment()
    resolution: Resolution | None = choice(
        Resolution, name="resolution", default=None, nullable=True
    )
    minutes: int | None = None
    reason: str = ""
    answered_at: datetime | None = moment(default=None, nullable=True)

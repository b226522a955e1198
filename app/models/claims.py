"""Tables of claims: a worker's application to a need and everything that follows."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import StringConstraints
from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, text
from sqlmodel import Field, SQLModel

from app.models.base import Fields, Text, choice, created, moment


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
    REJECTED = "rejected"


# A claim in one of these states is alive: one per worker and need.
LIVE_STATES = (
    ClaimState.APPLIED,
    ClaimState.ACCEPTED,
    ClaimState.ACTIVE,
    ClaimState.SUBMITTED,
    ClaimState.CHANGES_REQUESTED,
    ClaimState.DISPUTED,
)
# A claim in one of these states holds a place of its need.
HOLDING_STATES = (*LIVE_STATES[1:], ClaimState.CONFIRMED)


def sql_list(states: tuple[ClaimState, ...]) -> str:
    """The states as a list for SQL, made of our own constants only."""
    return ", ".join(f"'{state.value}'" for state in states)


class ClaimFields(Fields):
    """What a worker says when applying."""

    note: Annotated[Text, StringConstraints(max_length=4000)] = ""


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
            postgresql_where=text(f"state IN ({sql_list((*LIVE_STATES, ClaimState.CONFIRMED))})"),
        ),
        Index("ix_claims_account", "account_id", text("created_at DESC"), "id"),
        Index("ix_claims_need_state", "need_id", "state"),
    )

    id: UUID = Field(primary_key=True)
    need_id: UUID = Field(foreign_key="needs.id")
    account_id: UUID = Field(foreign_key="accounts.id")
    state: ClaimState = choice(ClaimState, name="state", default=ClaimState.APPLIED)
    note: str = ""
    accepted_at: datetime | None = moment(default=None, nullable=True)
    submitted_at: datetime | None = moment(default=None, nullable=True)
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

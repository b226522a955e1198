"""Tables of disputes about entries of a book, and of those who were drawn to decide them.

A dispute is about one entry and one worker's minutes in it, which wait in suspense meanwhile (R3).
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from app.models.base import choice, created, moment, texts


class DisputeState(StrEnum):
    """Who is asked at the moment."""

    TALKING = "talking"  # the two sides
    PANEL = "panel"  # three who are outside the case
    ASSEMBLY = "assembly"  # the worker-owners together
    CLOSED = "closed"


class DisputeResolution(StrEnum):
    """What became of the entry."""

    UPHELD = "upheld"
    CHANGED = "changed"
    TAKEN_BACK = "taken_back"


class ResolvedBy(StrEnum):
    """Who ended a dispute."""

    WITHDRAWAL = "withdrawal"  # whoever began it let it be
    AGREEMENT = "agreement"
    PANEL = "panel"
    ASSEMBLY = "assembly"


class JudgeState(StrEnum):
    """What became of somebody who was to judge."""

    DRAWN = "drawn"
    DECIDED = "decided"
    DECLINED = "declined"
    MISSED = "missed"


class JudgeTier(StrEnum):
    """How somebody came to sit: drawn among the worker-owners, or named by both sides."""

    WORKER_OWNERS = "worker_owners"
    NAMED = "named"


class Dispute(SQLModel, table=True):
    """One row is the whole truth of a dispute; the minutes themselves are in the book.

    `minutes` is what waits in suspense. `takes` says that the entry took them from the worker.
    """

    __tablename__ = "disputes"
    __table_args__ = (
        Index(
            "uq_disputes_one_open",
            "entry_id",
            unique=True,
            postgresql_where=text("final_at IS NULL"),
        ),
        Index("ix_disputes_entry", "entry_id"),
        Index("ix_disputes_book", "book_id", "id"),
        CheckConstraint("minutes > 0", name="minutes_above_zero"),
        CheckConstraint("final_minutes >= 0", name="final_minutes_not_negative"),
        CheckConstraint(
            "(state = 'closed') = (closed_at IS NOT NULL) AND "
            "(state <> 'closed' OR (resolution IS NOT NULL AND resolved_by IS NOT NULL "
            "AND final_minutes IS NOT NULL))",
            name="closed_says_how",
        ),
    )

    id: UUID = Field(primary_key=True)
    book_id: UUID = Field(foreign_key="books.id")
    entry_id: UUID = Field(foreign_key="entries.entry_id")
    worker_id: UUID = Field(index=True)
    minutes: int
    takes: bool = False
    opened_by: UUID = Field(index=True)
    reason: str = Field(max_length=2000)
    state: DisputeState = choice(DisputeState, name="state", default=DisputeState.TALKING)
    # What one side would agree to, in the worker's minutes, until the other side says the same.
    offer_minutes: int | None = None
    offer_by: UUID | None = None
    offer_by_worker: bool | None = None
    # From this the draw can be made again by anybody: see `draw_key` in domain/claims/rules.py.
    seed: str = Field(max_length=64)
    # Whom one side would let judge, until the other side names the same.
    named_id: UUID | None = None
    named_by_worker: bool | None = None
    resolution: DisputeResolution | None = choice(
        DisputeResolution, name="resolution", default=None, nullable=True
    )
    resolved_by: ResolvedBy | None = choice(
        ResolvedBy, name="resolved_by", default=None, nullable=True
    )
    final_minutes: int | None = None
    decision_id: UUID | None = Field(default=None, foreign_key="decisions.id")
    opened_at: datetime = created()
    panel_since: datetime | None = moment(default=None, nullable=True)
    assembly_since: datetime | None = moment(default=None, nullable=True)
    assembly_asked_by: UUID | None = None
    assembly_reason: str = Field(default="", max_length=2000)
    closed_at: datetime | None = moment(default=None, nullable=True)
    # From here on nobody can appeal any more; what hangs on the entry (claim, receipt) follows.
    final_at: datetime | None = moment(default=None, nullable=True)
    version: int = 1


class DisputeSeat(SQLModel, table=True):
    """One person on an appeal panel, how they came to sit there, and what they decided."""

    __tablename__ = "dispute_seats"
    __table_args__ = (
        UniqueConstraint("dispute_id", "account_id"),
        UniqueConstraint("dispute_id", "number"),
        Index("ix_dispute_seats_account", "account_id", "state"),
        CheckConstraint("minutes >= 0", name="minutes_not_negative"),
    )

    id: UUID = Field(primary_key=True)
    dispute_id: UUID = Field(foreign_key="disputes.id")
    account_id: UUID = Field(foreign_key="accounts.id")
    number: int
    tier: JudgeTier = choice(JudgeTier, name="tier")
    pool_size: int
    # The first of the pool in the order of the draw, the drawn one first.
    pool_head: list[str] = texts()
    state: JudgeState = choice(JudgeState, name="state", default=JudgeState.DRAWN)
    drawn_at: datetime = created()
    answer_by: datetime = moment()
    minutes: int | None = None
    reason: str = Field(default="", max_length=2000)
    answered_at: datetime | None = moment(default=None, nullable=True)

"""Tables of a book's periods: what is closed, signed by two and sealed together.

The migration makes the database itself keep three things: an entry never falls into a locked
period, a locked period and what hangs on it never change again, and periods follow one on the
other without a gap.
"""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from app.models.base import choice, created, data, moment


class PeriodState(StrEnum):
    """How far a period is on its way to its lock."""

    OPEN = "open"
    FROZEN = "frozen"  # no new work enters; its lines are being drawn up
    DRAFTED = "drafted"  # every worker's line stands; objections are heard
    SIGNED = "signed"  # one signed, or two, and then its lock is on its way
    LOCKED = "locked"
    REOPENED = "reopened"  # taken back before its lock, to be put right


# New work that falls into one of these counts on the first day after them (R8).
CLOSED_STATES = frozenset(
    {PeriodState.FROZEN, PeriodState.DRAFTED, PeriodState.SIGNED, PeriodState.LOCKED}
)
EDITABLE_STATES = frozenset({PeriodState.OPEN, PeriodState.REOPENED})


class ObjectionState(StrEnum):
    """What became of an objection to a draft."""

    OPEN = "open"
    KEPT = "kept"  # answered: the figures stay, and why
    CHANGED = "changed"  # answered: the period was taken back to be put right


class Period(SQLModel, table=True):
    """A stretch of days of a book, both ends included."""

    __tablename__ = "periods"
    __table_args__ = (
        UniqueConstraint("book_id", "number"),
        UniqueConstraint("book_id", "starts_on"),
        CheckConstraint("ends_on >= starts_on", name="ends_after_start"),
        CheckConstraint("number >= 1", name="number_from_one"),
        Index("ix_periods_days", "book_id", "ends_on"),
    )

    id: UUID = Field(primary_key=True)
    book_id: UUID = Field(foreign_key="books.id")
    number: int
    starts_on: date
    ends_on: date
    state: PeriodState = choice(PeriodState, name="state", default=PeriodState.OPEN)
    # What the accounts say was earned, in minor units; below zero it is a loss.
    surplus: int | None = Field(default=None, sa_type=BigInteger)
    surplus_by: UUID | None = None
    # Counts how often its lines were drawn up: a signature is under one draft and no other.
    draft: int = 0
    policy_id: UUID | None = Field(default=None, foreign_key="policies.id")
    frozen_at: datetime | None = moment(default=None, nullable=True)
    frozen_by: UUID | None = None
    # How many workers the draft has, and how many of their lines stand already.
    workers_total: int = 0
    workers_done: int = 0
    drafted_at: datetime | None = moment(default=None, nullable=True)
    objections_until: datetime | None = moment(default=None, nullable=True)
    # Until then a dispute, or its end, moves minutes of this period; after it, of the open one.
    settles_at: datetime | None = moment(default=None, nullable=True)
    # How many entries the draft was drawn from: they only grow, so another number is another draft.
    entries_drawn: int | None = None
    # Who took it back before its lock, each once: nobody keeps it open alone.
    reopened_by: list[str] | None = data(default=None, nullable=True)
    # The entries that the draft was drawn from, and what came out, each as one hash.
    entries_root: bytes | None = Field(default=None, sa_type=LargeBinary)
    outcome_hash: bytes | None = Field(default=None, sa_type=LargeBinary)
    # The outcome without its lines, under the names of policies.rules.Outcome.
    totals: dict[str, int | str] | None = data(default=None, nullable=True)
    # Set by the second signature: the moment that its closing entries carry.
    locks_at: datetime | None = moment(default=None, nullable=True)
    created_at: datetime = created()
    created_by: UUID
    updated_at: datetime = created()
    version: int = 1


class PeriodLine(SQLModel, table=True):
    """One worker's part of a period; drawn up step by step, final once the period is locked.

    Counts are minutes, money is minor units. `minutes` is what was found in the book, by status
    on the day of the work and by stream: a list of [status or null, stream, minutes].
    """

    __tablename__ = "period_lines"

    period_id: UUID = Field(primary_key=True, foreign_key="periods.id")
    account_id: UUID = Field(primary_key=True, index=True)
    draft: int
    minutes: list[list[str | int | None]] = data(default_factory=list)
    entries: int = 0
    # What policies.rules.OutcomeLine says, under the same names.
    given: int = 0
    counted: int = 0
    carried_in: int = 0
    carried_out: int = 0
    effective: int = 0
    eligible: bool = False
    reason: str = Field(default="", max_length=40)
    # Exact, as "p/q": a common denominator of many may have hundreds of digits.
    weighted: str = Field(default="0", sa_type=Text)
    share: str = Field(default="0", sa_type=Text)
    amount: int = Field(default=0, sa_type=BigInteger)
    capital_before: int = Field(default=0, sa_type=BigInteger)
    capital_after: int = Field(default=0, sa_type=BigInteger)


class PeriodObjection(SQLModel, table=True):
    """Somebody says that a draft is wrong, and why; it is answered before anybody signs."""

    __tablename__ = "period_objections"
    __table_args__ = (Index("ix_period_objections_of", "period_id", "id"),)

    id: UUID = Field(primary_key=True)
    period_id: UUID = Field(foreign_key="periods.id")
    draft: int
    account_id: UUID
    # May name people, so it can be erased with whoever wrote it.
    text: str = Field(max_length=2000)
    raised_at: datetime = created()
    state: ObjectionState = choice(ObjectionState, name="state", default=ObjectionState.OPEN)
    answer: str = Field(default="", max_length=2000)
    answered_by: UUID | None = None
    answered_at: datetime | None = moment(default=None, nullable=True)


class PeriodSignature(SQLModel, table=True):
    """Somebody signed a draft; append-only. It holds for the outcome it names and no other."""

    __tablename__ = "period_signatures"

    period_id: UUID = Field(primary_key=True, foreign_key="periods.id")
    draft: int = Field(primary_key=True)
    account_id: UUID = Field(primary_key=True)
    outcome_hash: bytes = Field(sa_type=LargeBinary)
    signed_at: datetime = created()


class PeriodLock(SQLModel, table=True):
    """The seal of a period; append-only. `document` is what the log takes up, byte for byte."""

    __tablename__ = "period_locks"
    __table_args__ = (UniqueConstraint("book_id", "number"),)

    period_id: UUID = Field(primary_key=True, foreign_key="periods.id")
    book_id: UUID = Field(foreign_key="books.id")
    number: int
    # RFC 6962 tree head over the period's entries in their order.
    root: bytes = Field(sa_type=LargeBinary)
    previous_root: bytes | None = Field(default=None, sa_type=LargeBinary)
    entries: int
    policy_id: UUID = Field(foreign_key="policies.id")
    outcome_hash: bytes = Field(sa_type=LargeBinary)
    # RFC 8785 canonical bytes of all of this.
    document: bytes = Field(sa_type=LargeBinary)
    locked_at: datetime = created()

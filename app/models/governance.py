"""Tables of decisions, of admission, and of leaving a co-operative.

What was proposed, who was on the roll, how each of them voted and what came of it is append-only,
like the book. Words that people wrote stand apart, so that they can be erased.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Identity,
    Index,
    LargeBinary,
    text,
)
from sqlmodel import Field, SQLModel

from app.models.base import choice, created, data, moment


class DecisionSubject(StrEnum):
    """What is decided; each does something of its own once it passed."""

    POLICY = "policy"  # adopt the rules of the periods to come
    ADMISSION = "admission"  # take somebody in as a worker-owner
    CONVERSION = "conversion"  # recognise gift work as standing
    APPEAL = "appeal"  # a panel's ruling, before all


class VoteChoice(StrEnum):
    """What one elector says."""

    YES = "yes"
    NO = "no"
    ABSTAIN = "abstain"


class VoteBase(StrEnum):
    """Of what a threshold is a fraction."""

    YES_NO = "yes_no"  # those who said yes or no
    CAST = "cast"  # all who voted, abstentions too
    ROLL = "roll"  # all who may vote


class ConversionSide(StrEnum):
    """Who has to sign before gift work can become standing."""

    WORKER = "worker"
    BOOK = "book"  # a worker-owner, for the co-operative


class Decision(SQLModel, table=True):
    """What is put to the worker-owners, under which rule, and until when."""

    __tablename__ = "decisions"
    __table_args__ = (
        CheckConstraint(
            "numerator BETWEEN 1 AND denominator AND denominator <= 1000", name="fraction"
        ),
        CheckConstraint(
            "quorum_numerator BETWEEN 0 AND quorum_denominator "
            "AND quorum_denominator BETWEEN 1 AND 1000",
            name="quorum",
        ),
        CheckConstraint("ends_at > opened_at", name="ends_later"),
        Index("ix_decisions_book", "book_id", "opened_at", "id"),
        Index("ix_decisions_subject", "subject_id"),
    )

    id: UUID = Field(primary_key=True)
    book_id: UUID = Field(foreign_key="books.id")
    subject: DecisionSubject = choice(DecisionSubject, name="subject")
    # The draft policy, ask, conversion or dispute that it is about.
    subject_id: UUID
    # What exactly is adopted, with ids and numbers only; rules.py says which for each subject.
    terms: dict[str, Any] = data()
    # SHA-256 of salt and text of what was said for it.
    note_hash: bytes | None = Field(default=None, sa_type=LargeBinary)
    base: VoteBase = choice(VoteBase, name="base")
    numerator: int
    denominator: int
    # More than the fraction, as a majority is; otherwise the fraction itself is enough.
    more_than: bool = False
    quorum_numerator: int
    quorum_denominator: int
    roll_size: int = Field(ge=1)
    opened_by: UUID
    opened_at: datetime = created()
    ends_at: datetime = moment()


class DecisionNote(SQLModel, table=True):
    """What was said for a proposal; it may name a person, so it can be erased."""

    __tablename__ = "decision_notes"

    decision_id: UUID = Field(primary_key=True, foreign_key="decisions.id")
    text: str = Field(max_length=4000)
    salt: bytes = Field(sa_type=LargeBinary)


class DecisionElector(SQLModel, table=True):
    """One of those who may vote: the roll, frozen when the decision was opened."""

    __tablename__ = "decision_electors"

    decision_id: UUID = Field(primary_key=True, foreign_key="decisions.id")
    account_id: UUID = Field(primary_key=True, index=True)


class DecisionVote(SQLModel, table=True):
    """How an elector voted: once, by name, for everybody on the roll to see."""

    __tablename__ = "decision_votes"
    __table_args__ = (
        ForeignKeyConstraint(
            ["decision_id", "account_id"],
            ["decision_electors.decision_id", "decision_electors.account_id"],
        ),
    )

    decision_id: UUID = Field(primary_key=True)
    account_id: UUID = Field(primary_key=True)
    choice: VoteChoice = choice(VoteChoice, name="choice")
    voted_at: datetime = created()


class DecisionOutcome(SQLModel, table=True):
    """How a decision ended: its counts, and whether what it decided could be carried out."""

    __tablename__ = "decision_outcomes"

    decision_id: UUID = Field(primary_key=True, foreign_key="decisions.id")
    passed: bool
    yes: int
    no: int
    abstain: int
    closed_at: datetime = created()
    # Why a decision that passed could not be carried out, as a code; null where it was.
    refused: str | None = Field(default=None, max_length=64)


class AdmissionAsk(SQLModel, table=True):
    """Somebody who asks to become a worker-owner; closed when decided or taken back."""

    __tablename__ = "admission_asks"
    __table_args__ = (
        Index(
            "uq_admission_asks_open",
            "book_id",
            "account_id",
            unique=True,
            postgresql_where=text("closed_at IS NULL"),
        ),
    )

    id: UUID = Field(primary_key=True)
    book_id: UUID = Field(foreign_key="books.id")
    account_id: UUID
    words: str = Field(default="", max_length=4000)
    asked_at: datetime = created()
    closed_at: datetime | None = moment(default=None, nullable=True)


class Training(SQLModel, table=True):
    """A training that somebody did, written down by another; append-only, the newest holds."""

    __tablename__ = "trainings"
    __table_args__ = (Index("ix_trainings_of", "book_id", "account_id", "id"),)

    id: int | None = Field(
        default=None, primary_key=True, sa_type=BigInteger, sa_column_args=[Identity(always=True)]
    )
    training_id: UUID = Field(unique=True)
    book_id: UUID = Field(foreign_key="books.id")
    account_id: UUID
    name: str = Field(max_length=60)
    done_on: date
    # Written down by mistake: from this row on it does not count.
    taken_back: bool = False
    recorded_by: UUID
    recorded_at: datetime = created()


class Conversion(SQLModel, table=True):
    """Gift work that somebody asks to have recognised as standing (R12)."""

    __tablename__ = "conversions"

    id: UUID = Field(primary_key=True)
    book_id: UUID = Field(foreign_key="books.id", index=True)
    account_id: UUID
    opened_by: UUID
    opened_at: datetime = created()
    # Taken back, refused or done: nothing more comes of it.
    closed_at: datetime | None = moment(default=None, nullable=True)


class ConversionEntry(SQLModel, table=True):
    """One of the gifts that a conversion is about."""

    __tablename__ = "conversion_entries"

    conversion_id: UUID = Field(primary_key=True, foreign_key="conversions.id")
    entry_id: UUID = Field(primary_key=True, foreign_key="entries.entry_id", index=True)


class ConversionSignature(SQLModel, table=True):
    """One side's yes to a conversion; append-only."""

    __tablename__ = "conversion_signatures"

    conversion_id: UUID = Field(primary_key=True, foreign_key="conversions.id")
    side: ConversionSide = choice(ConversionSide, name="side", primary_key=True)
    account_id: UUID
    signed_at: datetime = created()


class Exit(SQLModel, table=True):
    """Somebody who leaves a co-operative, until what is theirs is paid (R14)."""

    __tablename__ = "exits"
    __table_args__ = (
        CheckConstraint("instalments BETWEEN 1 AND 120", name="instalments"),
        CheckConstraint("interval_months BETWEEN 1 AND 24", name="interval"),
        Index(
            "uq_exits_open",
            "book_id",
            "account_id",
            unique=True,
            postgresql_where=text("closed_at IS NULL"),
        ),
    )

    id: UUID = Field(primary_key=True)
    book_id: UUID = Field(foreign_key="books.id")
    account_id: UUID
    left_on: date
    instalments: int
    interval_months: int
    first_due_on: date
    opened_at: datetime = created()
    closed_at: datetime | None = moment(default=None, nullable=True)


class ExitPayout(SQLModel, table=True):
    """One instalment of an exit; what it comes to is known when it is paid."""

    __tablename__ = "exit_payouts"

    exit_id: UUID = Field(primary_key=True, foreign_key="exits.id")
    number: int = Field(primary_key=True)
    due_on: date
    paid_at: datetime | None = moment(default=None, nullable=True)
    paid_by: UUID | None = None
    # Null where nothing was left to pay.
    entry_id: UUID | None = Field(default=None, foreign_key="entries.entry_id", unique=True)

"""Tables of the contribution ledger.

Entries and postings are append-only: the migration makes the database itself refuse UPDATE,
DELETE and TRUNCATE on them, and checks at commit that each entry's postings sum to zero.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import StringConstraints
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Identity,
    Index,
    LargeBinary,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from app.models.base import Fields, Line, choice, created, data, moment


class LedgerAccountKind(StrEnum):
    """Whose account it is."""

    WORKER = "worker"  # minutes of one worker, by stream
    ORGANISATION = "organisation"  # minutes that an organisation received, by stream
    SUSPENSE = "suspense"  # minutes of one worker that wait for the end of a dispute, by stream
    STANDING = "standing"  # gift minutes of one worker that the assembly recognised
    CAPITAL = "capital"  # money: one member's internal capital account
    RESERVE = "reserve"  # money: what belongs to all and to nobody
    POOL = "pool"  # money: the members' part of a surplus, on its way to them
    OUTSIDE = "outside"  # money: where surplus comes from, and pay-outs and losses go to


class WorkStream(StrEnum):
    """The streams in which work is counted apart."""

    LIVELIHOOD = "livelihood"
    GIFT = "gift"
    CARE = "care"
    GOVERNANCE = "governance"


class EntryKind(StrEnum):
    """Why an entry stands in the book."""

    CONTRIBUTION = "contribution"  # confirmed work
    CORRECTION = "correction"  # takes an entry back, or says it anew
    OPENING = "opening"  # what was there before the book
    SLIP = "slip"  # work written down on paper
    RECEIPT = "receipt"  # work confirmed on another instance, by its signed receipt
    DISPUTE = "dispute"  # into suspense
    RULING = "ruling"  # out of suspense
    CONVERSION = "conversion"  # gift work recognised as standing
    SURPLUS = "surplus"  # a period's surplus: to the reserve and the pool
    ALLOCATION = "allocation"  # from the pool to the members
    LOSS = "loss"  # a period's loss: from the reserve and the members
    PAYOUT = "payout"  # from a member's capital account to the member


class BookStatusKind(StrEnum):
    """What somebody is to a co-operative, from a day on."""

    PROBATIONARY = "probationary"
    WORKER_OWNER = "worker_owner"
    LEFT = "left"


class LogKind(StrEnum):
    """What a leaf of the instance's log is about."""

    ENTRY = "entry"
    POLICY = "policy"
    DECISION = "decision"
    STATUS = "status"
    LOCK = "lock"
    FORK = "fork"


class OfferState(StrEnum):
    """Whether a receipt that a worker offered to a book was taken into it."""

    OFFERED = "offered"
    TAKEN = "taken"
    DECLINED = "declined"


MINUTE = "minute"
SLIPS_MAX = 200
OPENING_LINES_MAX = 500
# As people write it in a list; looked up, never made an account of.
HandleSaid = Annotated[Line, StringConstraints(min_length=1, max_length=40)]
NoteSaid = Annotated[Line, StringConstraints(max_length=300)]
Reason = Annotated[Line, StringConstraints(min_length=3, max_length=1000)]
# In minor units; a co-operative with more than this would need another program.
AMOUNT_MAX = 10**13


class SlipFields(Fields):
    """One paper slip: who worked, on which day, how long, in which stream."""

    worker: HandleSaid
    worked_on: date
    minutes: Annotated[int, Field(ge=1, le=24 * 60)]
    stream: WorkStream
    note: NoteSaid = ""


class OpeningMinutes(Fields):
    """Minutes that a worker had given before the book began."""

    worker: HandleSaid
    stream: WorkStream
    minutes: Annotated[int, Field(ge=1, le=10**7)]


class OpeningCapital(Fields):
    """What stood on a member's internal capital account before the book; below zero it owes."""

    worker: HandleSaid
    amount: Annotated[int, Field(ge=-AMOUNT_MAX, le=AMOUNT_MAX)]


class OpeningFields(Fields):
    """What was there before the book: minutes, capital accounts and the reserve, on one day."""

    on: date
    minutes: Annotated[list[OpeningMinutes], Field(max_length=OPENING_LINES_MAX)] = []
    capital: Annotated[list[OpeningCapital], Field(max_length=OPENING_LINES_MAX)] = []
    reserve: Annotated[int, Field(ge=-AMOUNT_MAX, le=AMOUNT_MAX)] = 0


class CorrectionFields(Fields):
    """How long it really was (0: not at all), whose the rest is, and why."""

    minutes: Annotated[int, Field(ge=0, le=10**7)]
    worker: HandleSaid | None = None
    reason: Reason


class Book(SQLModel, table=True):
    """One organisation's ledger; a co-operative switches worker ownership on."""

    __tablename__ = "books"

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisations.id", unique=True)
    created_at: datetime = created()
    # Since when its worker-owners keep it: policies, periods, statements, admission.
    ownership_since: datetime | None = moment(default=None, nullable=True)
    currency: str = Field(default="EUR", max_length=3)
    version: int = 1


class LedgerAccount(SQLModel, table=True):
    """An account of a book. Accounts of minutes have a stream, accounts of money have none.

    `holder_id` is the worker's pseudonymous account id or the organisation's id.
    """

    __tablename__ = "ledger_accounts"
    __table_args__ = (
        UniqueConstraint(
            "book_id", "kind", "holder_id", "stream", postgresql_nulls_not_distinct=True
        ),
        CheckConstraint(
            "(stream IS NULL) = (kind IN ('capital', 'reserve', 'pool', 'outside'))",
            name="money_has_no_stream",
        ),
    )

    id: UUID = Field(primary_key=True)
    book_id: UUID = Field(foreign_key="books.id")
    kind: LedgerAccountKind = choice(LedgerAccountKind, name="kind")
    holder_id: UUID = Field(index=True)
    stream: WorkStream | None = choice(WorkStream, name="stream", default=None, nullable=True)


class Entry(SQLModel, table=True):
    """A journal transaction; two or more postings belong to it."""

    __tablename__ = "entries"
    __table_args__ = (
        Index("ix_entries_book", "book_id", "id"),
        # Most entries name few of these: an index that holds none of the empty ones costs nothing.
        Index("ix_entries_claim", "claim_id", "id", postgresql_where=text("claim_id IS NOT NULL")),
        Index("ix_entries_batch_id", "batch_id", postgresql_where=text("batch_id IS NOT NULL")),
        Index(
            "ix_entries_dispute_id", "dispute_id", postgresql_where=text("dispute_id IS NOT NULL")
        ),
        # An entry is corrected once.
        Index(
            "uq_entries_corrects",
            "corrects",
            unique=True,
            postgresql_where=text("corrects IS NOT NULL"),
        ),
        Index("ix_entries_booked", "book_id", "booked_on", "id"),
        Index(
            "ix_entries_receipt_id", "receipt_id", postgresql_where=text("receipt_id IS NOT NULL")
        ),
        # A receipt enters a book once; what changes that corrects the entry.
        Index(
            "uq_entries_receipt",
            "book_id",
            "receipt_id",
            unique=True,
            postgresql_where=text("kind = 'receipt'"),
        ),
        # A claim is credited once; what changes that corrects one entry.
        Index(
            "uq_entries_credit_of_claim",
            "claim_id",
            unique=True,
            postgresql_where=text("kind = 'contribution'"),
        ),
    )

    id: int | None = Field(
        default=None, primary_key=True, sa_type=BigInteger, sa_column_args=[Identity(always=True)]
    )
    entry_id: UUID = Field(unique=True)
    book_id: UUID = Field(foreign_key="books.id")
    kind: EntryKind = choice(EntryKind, name="kind")
    worked_on: date
    # The day on which it counts: that of the work, or, where that day's period is closed, the
    # first day after it. What was locked is never touched.
    booked_on: date
    claim_id: UUID | None = Field(default=None, foreign_key="claims.id")
    corrects: UUID | None = Field(default=None, foreign_key="entries.entry_id")
    # Those who decided, where it was not one member who confirmed.
    panel_id: UUID | None = Field(default=None, foreign_key="panels.id")
    receipt_id: UUID | None = Field(default=None, foreign_key="receipts.id")
    decision_id: UUID | None = Field(default=None, foreign_key="decisions.id")
    period_id: UUID | None = Field(default=None, foreign_key="periods.id")
    dispute_id: UUID | None = Field(default=None, foreign_key="disputes.id")
    # Entries that came together: a list of paper slips, the opening of the book.
    batch_id: UUID | None = None
    # SHA-256 of salt and text of its note: the text can be erased, the log stays as it is.
    note_hash: bytes | None = Field(default=None, sa_type=LargeBinary)
    recorded_by: UUID
    recorded_at: datetime = created()
    # Checked by the database at commit, so that nobody appends postings to an old entry.
    posting_count: int = Field(ge=2)


class Posting(SQLModel, table=True):
    """One side of an entry, in whole minutes or minor units of a currency."""

    __tablename__ = "postings"
    __table_args__ = (
        CheckConstraint("amount <> 0", name="amount_not_zero"),
        # What JSON can say exactly to everybody: a larger amount could never be in the log.
        CheckConstraint(
            "amount BETWEEN -9007199254740991 AND 9007199254740991", name="amount_exact"
        ),
        # The newest lines of an account, however many there are.
        Index("ix_postings_newest", "account_id", text("number DESC")),
    )

    entry_id: UUID = Field(primary_key=True, foreign_key="entries.entry_id")
    account_id: UUID = Field(primary_key=True, foreign_key="ledger_accounts.id")
    unit: str = Field(primary_key=True, max_length=10)
    amount: int = Field(sa_type=BigInteger)
    # The entry's own number, so that an account's lines have an order of their own.
    number: int | None = Field(default=None, sa_type=BigInteger)


class Balance(SQLModel, table=True):
    """The sum of an account's postings, kept in the same transaction as the postings.

    An organisation's account has none: it is the other side of what the workers gave, and all who
    write into a book would wait for it.
    """

    __tablename__ = "balances"

    account_id: UUID = Field(primary_key=True, foreign_key="ledger_accounts.id")
    unit: str = Field(primary_key=True, max_length=10)
    amount: int = Field(default=0, sa_type=BigInteger)


class EntryNote(SQLModel, table=True):
    """What somebody wrote about an entry; it may name a person, so it can be erased."""

    __tablename__ = "entry_notes"

    entry_id: UUID = Field(primary_key=True, foreign_key="entries.entry_id")
    text: str = Field(max_length=1000)
    salt: bytes = Field(sa_type=LargeBinary)


class EntryLink(SQLModel, table=True):
    """An entry that stands on another one and leaves it as it is: a conversion on its gifts."""

    __tablename__ = "entry_links"

    entry_id: UUID = Field(primary_key=True, foreign_key="entries.entry_id")
    linked_entry_id: UUID = Field(primary_key=True, foreign_key="entries.entry_id", index=True)


class BookStatus(SQLModel, table=True):
    """What somebody is to a co-operative from a day on; append-only, the newest holds."""

    __tablename__ = "book_statuses"
    __table_args__ = (Index("ix_book_statuses_of", "book_id", "account_id", "since", "id"),)

    id: int | None = Field(
        default=None, primary_key=True, sa_type=BigInteger, sa_column_args=[Identity(always=True)]
    )
    status_id: UUID = Field(unique=True)
    book_id: UUID = Field(foreign_key="books.id")
    account_id: UUID
    status: BookStatusKind = choice(BookStatusKind, name="status")
    since: date
    decision_id: UUID | None = Field(default=None, foreign_key="decisions.id")
    recorded_by: UUID | None = None
    recorded_at: datetime = created()


class LogPending(SQLModel, table=True):
    """What the instance's log has yet to take up, written with the thing itself.

    One worker gives leaves their places; so those who write never wait for each other.
    """

    __tablename__ = "log_pending"
    __table_args__ = (UniqueConstraint("kind", "subject"),)

    id: int | None = Field(
        default=None, primary_key=True, sa_type=BigInteger, sa_column_args=[Identity(always=True)]
    )
    kind: LogKind = choice(LogKind, name="kind")
    subject: UUID


class BookOpening(SQLModel, table=True):
    """What was there before a book: written by one person, entered by the word of another."""

    __tablename__ = "book_openings"

    book_id: UUID = Field(primary_key=True, foreign_key="books.id")
    document: dict[str, Any] = data()
    prepared_by: UUID
    prepared_at: datetime = created()
    confirmed_by: UUID | None = None
    confirmed_at: datetime | None = moment(default=None, nullable=True)
    batch_id: UUID | None = None
    version: int = 1


class ReceiptOffer(SQLModel, table=True):
    """A receipt from elsewhere that its worker offered to a book (R16); one offer for each book."""

    __tablename__ = "receipt_offers"
    __table_args__ = (Index("ix_receipt_offers_book", "book_id", "state", "offered_at"),)

    book_id: UUID = Field(primary_key=True, foreign_key="books.id")
    receipt_id: UUID = Field(
        primary_key=True, foreign_key="receipts.id", ondelete="CASCADE", index=True
    )
    account_id: UUID
    state: OfferState = choice(OfferState, name="state", default=OfferState.OFFERED)
    offered_at: datetime = created()
    decided_by: UUID | None = None
    decided_at: datetime | None = moment(default=None, nullable=True)
    reason: str = Field(default="", max_length=1000)

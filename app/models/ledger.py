"""Tables of the contribution ledger.

Entries and postings are append-only: the migration makes the database itself refuse UPDATE,
DELETE and TRUNCATE on them, and checks at commit that each entry's postings sum to zero.
"""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from app.models.base import choice, created


class LedgerAccountKind(StrEnum):
    """Whose account it is."""

    WORKER = "worker"
    ORGANISATION = "organisation"
    SUSPENSE = "suspense"


class WorkStream(StrEnum):
    """The streams in which work is counted apart."""

    LIVELIHOOD = "livelihood"
    GIFT = "gift"
    CARE = "care"
    GOVERNANCE = "governance"


class EntryKind(StrEnum):
    """Why an entry stands in the book."""

    CONTRIBUTION = "contribution"
    CORRECTION = "correction"


MINUTE = "minute"


class Book(SQLModel, table=True):
    """One organisation's ledger."""

    __tablename__ = "books"

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisations.id", unique=True)
    created_at: datetime = created()


class LedgerAccount(SQLModel, table=True):
    """An account of a book: a worker's per stream, or the receiving organisation's.

    `holder_id` is the worker's pseudonymous account id or the organisation's id.
    """

    __tablename__ = "ledger_accounts"
    __table_args__ = (UniqueConstraint("book_id", "kind", "holder_id", "stream"),)

    id: UUID = Field(primary_key=True)
    book_id: UUID = Field(foreign_key="books.id")
    kind: LedgerAccountKind = choice(LedgerAccountKind, name="kind")
    holder_id: UUID = Field(index=True)
    stream: WorkStream = choice(WorkStream, name="stream")


class Entry(SQLModel, table=True):
    """A journal transaction; two or more postings belong to it."""

    __tablename__ = "entries"
    __table_args__ = (
        Index("ix_entries_book", "book_id", "id"),
        Index("ix_entries_claim", "claim_id", "id"),
        # A claim is credited once; what changes that corrects one entry, each corrected once.
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
    claim_id: UUID | None = Field(default=None, foreign_key="claims.id")
    corrects: UUID | None = Field(default=None, foreign_key="entries.entry_id", unique=True)
    # Those who decided, where it was not one member who confirmed.
    panel_id: UUID | None = Field(default=None, foreign_key="panels.id")
    recorded_by: UUID
    recorded_at: datetime = created()
    # Checked by the database at commit, so that nobody appends postings to an old entry.
    posting_count: int = Field(ge=2)


class Posting(SQLModel, table=True):
    """One side of an entry, in whole minutes or minor units of a currency."""

    __tablename__ = "postings"
    __table_args__ = (
        CheckConstraint("amount <> 0", name="amount_not_zero"),
        Index("ix_postings_account", "account_id", "entry_id"),
    )

    entry_id: UUID = Field(primary_key=True, foreign_key="entries.entry_id")
    account_id: UUID = Field(primary_key=True, foreign_key="ledger_accounts.id")
    unit: str = Field(primary_key=True, max_length=10)
    amount: int = Field(sa_type=BigInteger)


class Balance(SQLModel, table=True):
    """The sum of an account's postings, kept in the same transaction as the postings."""

    __tablename__ = "balances"

    account_id: UUID = Field(primary_key=True, foreign_key="ledger_accounts.id")
    unit: str = Field(primary_key=True, max_length=10)
    amount: int = Field(default=0, sa_type=BigInteger)

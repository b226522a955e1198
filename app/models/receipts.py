"""Signed receipts of confirmed work: those we issued, those a peer sent, those people brought."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, text
from sqlmodel import Field, SQLModel

from app.models.base import choice, created, moment


class ReceiptState(StrEnum):
    """Whether its issuer still stands by a receipt, as far as we know."""

    VALID = "valid"
    REPLACED = "replaced"
    REVOKED = "revoked"


class ReceiptSource(StrEnum):
    """How a receipt came to us."""

    ISSUED = "issued"
    RECEIVED = "received"
    SHOWN = "shown"


class Receipt(SQLModel, table=True):
    """One signed document, whole, with the key that signed it: it verifies when all else is gone.

    `subject` is the opaque member id in it; `account_id` is who that is, where we know.
    """

    __tablename__ = "receipts"
    __table_args__ = (
        Index("uq_receipts_url", "url", unique=True, postgresql_where=text("source <> 'shown'")),
        # Anybody may show a file: it must not keep its owner from doing so as well.
        Index(
            "uq_receipts_shown",
            "url",
            "account_id",
            unique=True,
            postgresql_where=text("source = 'shown'"),
        ),
        Index(
            "uq_receipts_one_valid",
            "claim_id",
            unique=True,
            postgresql_where=text("source = 'issued' AND state = 'valid'"),
        ),
        Index("ix_receipts_account", "account_id", text("issued_at DESC"), "id"),
        CheckConstraint("minutes > 0", name="minutes_positive"),
    )

    id: UUID = Field(primary_key=True)
    url: str = Field(max_length=500)
    issuer: str = Field(max_length=500)
    key_id: str = Field(max_length=500)
    public_key: bytes = Field(sa_type=LargeBinary)
    document: bytes = Field(sa_type=LargeBinary)
    subject: str = Field(max_length=500, index=True)
    account_id: UUID | None = Field(default=None, foreign_key="accounts.id")
    claim_id: UUID | None = Field(default=None, foreign_key="claims.id", index=True)
    organisation_id: UUID | None = Field(default=None, foreign_key="organisations.id")
    # The one peer that is party to it, and the agreement that it is about.
    peer_id: UUID | None = Field(default=None, foreign_key="peers.id", ondelete="SET NULL")
    agreement: str = Field(default="", max_length=500)
    minutes: int
    issued_at: datetime = moment()
    source: ReceiptSource = choice(ReceiptSource, name="source")
    state: ReceiptState = choice(ReceiptState, name="state", default=ReceiptState.VALID)
    replaces: str | None = Field(default=None, max_length=500)
    replaced_by: str | None = Field(default=None, max_length=500)
    # For one that was shown: when the instance that knows its subject said that it is theirs.
    proven_at: datetime | None = moment(default=None, nullable=True)
    created_at: datetime = created()


class ReceiptCode(SQLModel, table=True):
    """A one-time code to carry to one's other instance, which signs whose receipts they are."""

    __tablename__ = "receipt_codes"

    code: str = Field(primary_key=True, max_length=64)
    account_id: UUID = Field(foreign_key="accounts.id", ondelete="CASCADE", index=True)
    expires_at: datetime = moment()
    used_at: datetime | None = moment(default=None, nullable=True)

"""Tables of the rules of a book: those that were adopted, in versions, and drafts of others.

What was adopted is append-only: the database itself refuses to change it. A draft is anybody's
work on the way to a decision.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, LargeBinary, UniqueConstraint
from sqlmodel import Field, SQLModel

from app.models.base import choice, created, data


class DraftState(StrEnum):
    """How far a draft of rules is."""

    OPEN = "open"
    PROPOSED = "proposed"  # the worker-owners decide about it, so it does not change
    ADOPTED = "adopted"
    WITHDRAWN = "withdrawn"


class AdoptedPolicy(SQLModel, table=True):
    """The rules that hold in a book from a day on; the next ones take their place, not them."""

    __tablename__ = "policies"
    __table_args__ = (
        UniqueConstraint("book_id", "version"),
        Index("ix_policies_day", "book_id", "valid_from", "version"),
    )

    id: UUID = Field(primary_key=True)
    book_id: UUID = Field(foreign_key="books.id")
    version: int = Field(ge=1)
    valid_from: date
    # The whole document, as domain/policies/document.py reads it, and SHA-256 over its RFC 8785
    # spelling: what was voted on is what holds.
    document: dict[str, Any] = data()
    document_hash: bytes = Field(sa_type=LargeBinary)
    decision_id: UUID | None = Field(default=None, foreign_key="decisions.id", unique=True)
    adopted_by: UUID | None = None
    adopted_at: datetime = created()


class PolicyDraft(SQLModel, table=True):
    """Rules that somebody would like to have, and why."""

    __tablename__ = "policy_drafts"
    __table_args__ = (Index("ix_policy_drafts_book", "book_id", "created_at", "id"),)

    id: UUID = Field(primary_key=True)
    book_id: UUID = Field(foreign_key="books.id")
    title: str = Field(max_length=120)
    reason: str = Field(default="", max_length=4000)
    document: dict[str, Any] = data()
    valid_from: date
    state: DraftState = choice(DraftState, name="state", default=DraftState.OPEN)
    # The decision about it, once there is one.
    decision_id: UUID | None = Field(default=None, foreign_key="decisions.id")
    policy_id: UUID | None = Field(default=None, foreign_key="policies.id", unique=True)
    created_by: UUID
    created_at: datetime = created()
    updated_at: datetime = created()
    version: int = 1

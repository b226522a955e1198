"""Tables of matching: where ranking walks, what people sent off their board, who was invited.

`match_needs` holds one row a skill of each need that can be taken now, `match_workers` one a
skill and language of each worker who wants to be found. Triggers keep both in the transaction
of what they follow (migration 0014), so no path of writing can forget them.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, SmallInteger, text
from sqlmodel import Field, SQLModel

from app.models.base import created, moment


class MatchNeed(SQLModel, table=True):
    """One skill that an open need asks for: its weight, the need's sum of weights and musts."""

    __tablename__ = "match_needs"
    __table_args__ = (
        Index(
            "ix_match_needs_walk",
            "skill",
            "language",
            text("posted_at DESC"),
            postgresql_include=["need_id", "weight", "total", "musts"],
        ),
    )

    need_id: UUID = Field(primary_key=True, foreign_key="needs.id", ondelete="CASCADE")
    skill: str = Field(primary_key=True, max_length=60)
    language: str = Field(max_length=8)
    posted_at: datetime = moment()
    weight: int = Field(sa_type=SmallInteger)
    total: int = Field(sa_type=SmallInteger)
    musts: int = Field(sa_type=SmallInteger)


class MatchWorker(SQLModel, table=True):
    """One skill of a worker who wants to be found, in one language they write."""

    __tablename__ = "match_workers"
    __table_args__ = (
        Index(
            "ix_match_workers_walk",
            "skill",
            "language",
            text("saved_at DESC"),
            postgresql_include=["account_id"],
        ),
    )

    account_id: UUID = Field(
        primary_key=True, foreign_key="profiles.account_id", ondelete="CASCADE"
    )
    skill: str = Field(primary_key=True, max_length=60)
    language: str = Field(primary_key=True, max_length=8)
    saved_at: datetime = moment()


class MatchDismissal(SQLModel, table=True):
    """A need that a worker does not want on their board."""

    __tablename__ = "match_dismissals"

    account_id: UUID = Field(primary_key=True, foreign_key="accounts.id", ondelete="CASCADE")
    need_id: UUID = Field(primary_key=True, foreign_key="needs.id", ondelete="CASCADE", index=True)
    created_at: datetime = created()


class MatchInvitation(SQLModel, table=True):
    """Once per need and worker: an organisation asks a worker who wants to be found."""

    __tablename__ = "match_invitations"
    __table_args__ = (Index("ix_match_invitations_by", "invited_by", "created_at"),)

    need_id: UUID = Field(primary_key=True, foreign_key="needs.id", ondelete="CASCADE")
    account_id: UUID = Field(
        primary_key=True, foreign_key="accounts.id", ondelete="CASCADE", index=True
    )
    invited_by: UUID | None = Field(default=None, foreign_key="accounts.id", ondelete="SET NULL")
    created_at: datetime = created()

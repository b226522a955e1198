"""The table of addresses that our stewards would like to be peers with."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field, SQLModel

from app.models.base import created, moment


class PeerWish(SQLModel, table=True):
    """An address that a steward wants to connect with and that has not answered yet."""

    __tablename__ = "peer_wishes"

    origin: str = Field(primary_key=True, max_length=300)
    account_id: UUID | None = Field(
        default=None, foreign_key="accounts.id", ondelete="SET NULL", index=True
    )
    tries: int = 0
    last_try_at: datetime = created()
    next_try_at: datetime = moment(index=True)
    # It answers by now: the stewards compare, and ask.
    answered_at: datetime | None = moment(default=None, nullable=True)
    created_at: datetime = created()

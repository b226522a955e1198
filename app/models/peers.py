"""Tables about peers beside their lanes: whom our stewards wish for, what each may use of us."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger
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


class PeerBudget(SQLModel, table=True):
    """What a peer has left of the requests and the bytes that it may use of us."""

    __tablename__ = "peer_budgets"

    peer_id: UUID = Field(primary_key=True, foreign_key="peers.id", ondelete="CASCADE")
    tokens: float
    refilled_at: datetime = moment()
    day: date
    bytes: int = Field(sa_type=BigInteger)

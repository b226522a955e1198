"""Tables of webhooks: where an organisation's tools are told, and what became of the telling."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import StringConstraints
from sqlalchemy import BigInteger, Index, LargeBinary, text
from sqlmodel import Field, SQLModel

from app.models.base import Fields, Line, choice, created, moment, texts

# Which addresses may be called is said in one place, the way out (app.infra.http_client).
CallbackUrl = Annotated[str, StringConstraints(min_length=1, max_length=2000)]


class WebhookDeliveryState(StrEnum):
    """What became of one message to a tool."""

    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"


class WebhookFields(Fields):
    """What an organisation says of a callback."""

    url: CallbackUrl
    description: Annotated[Line, StringConstraints(max_length=200)] = ""
    events: Annotated[list[Annotated[str, StringConstraints(max_length=60)]], Field(max_length=40)]


class Webhook(SQLModel, table=True):
    """A callback of an organisation. The secrets are sealed with the instance's key file.

    Two secrets are valid while one takes over from the other, so that nothing is missed.
    """

    __tablename__ = "webhooks"

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisations.id", ondelete="CASCADE", index=True)
    url: str = Field(max_length=2000)
    description: str = Field(default="", max_length=200)
    events: list[str] = texts()
    sealed_secret: bytes = Field(sa_type=LargeBinary)
    former_secret: bytes | None = Field(default=None, sa_type=LargeBinary)
    former_until: datetime | None = moment(default=None, nullable=True)
    active: bool = True
    disabled_reason: str = Field(default="", max_length=40)
    failing_since: datetime | None = moment(default=None, nullable=True)
    created_by: UUID | None = Field(default=None, foreign_key="accounts.id", ondelete="SET NULL")
    created_at: datetime = created()
    version: int = 1


class WebhookDelivery(SQLModel, table=True):
    """One message to one callback, exactly as it is sent; kept for thirty days."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        Index(
            "ix_webhook_deliveries_due", "next_try_at", postgresql_where=text("state = 'pending'")
        ),
        Index("ix_webhook_deliveries_listed", "webhook_id", text("created_at DESC"), "id"),
        Index("ix_webhook_deliveries_old", "created_at"),
    )

    id: UUID = Field(primary_key=True)
    webhook_id: UUID = Field(foreign_key="webhooks.id", ondelete="CASCADE")
    activity_id: int | None = Field(default=None, sa_type=BigInteger)
    event: str = Field(max_length=60)
    body: bytes = Field(sa_type=LargeBinary)
    state: WebhookDeliveryState = choice(
        WebhookDeliveryState, name="state", default=WebhookDeliveryState.PENDING
    )
    attempts: int = 0
    next_try_at: datetime = created()
    last_status: int | None = None
    last_error: str = Field(default="", max_length=60)
    created_at: datetime = created()
    tried_at: datetime | None = moment(default=None, nullable=True)

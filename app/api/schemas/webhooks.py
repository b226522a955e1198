"""Shapes of callbacks to tools, and of the messages themselves."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from app.api.schemas.base import Body, Shape
from app.domain.webhooks.rules import message_id_of
from app.models.webhooks import Webhook, WebhookDelivery, WebhookDeliveryState, WebhookFields


class NewWebhook(WebhookFields):
    """A callback to add to an organisation."""

    organisation_id: UUID


class WebhookSwitch(Body):
    """Whether messages are sent."""

    active: bool


class WebhookShape(Shape):
    """A callback; its secret is not shown again."""

    id: UUID
    organisation_id: UUID
    url: str
    description: str
    events: list[str]
    active: bool
    disabled_reason: Literal["", "gone", "failing"]
    failing_since: datetime | None
    created_at: datetime
    version: int

    @classmethod
    def of(cls, webhook: Webhook) -> "WebhookShape":
        """Show a callback."""
        return cls.model_validate(webhook)


class WebhookSecret(Shape):
    """A callback with its secret, this once."""

    webhook: WebhookShape
    secret: str


class WebhookDeliveryShape(Shape):
    """One message to a callback, and what became of it."""

    id: UUID
    message_id: str
    event: str
    state: WebhookDeliveryState
    attempts: int
    last_status: int | None
    last_error: Literal["", "unreachable", "refused", "secret"]
    created_at: datetime
    tried_at: datetime | None
    next_try_at: datetime | None
    body: str

    @classmethod
    def of(cls, delivery: WebhookDelivery) -> "WebhookDeliveryShape":
        """Show a message with its whole text."""
        waits = delivery.state == WebhookDeliveryState.PENDING
        return cls(
            id=delivery.id,
            message_id=message_id_of(delivery.id),
            event=delivery.event,
            state=delivery.state,
            attempts=delivery.attempts,
            last_status=delivery.last_status,
            last_error=delivery.last_error,  # type: ignore[arg-type]  # one of our own words
            created_at=delivery.created_at,
            tried_at=delivery.tried_at,
            next_try_at=delivery.next_try_at if waits else None,
            body=delivery.body.decode(),
        )


class WebhookMessageData(Shape):
    """What a message is about; whoever may know more asks the API."""

    id: UUID
    need_id: UUID
    organisation_id: UUID
    url: str


class WebhookMessage(Shape):
    """What a callback is sent, by Standard Webhooks 1.0."""

    type: str
    timestamp: datetime
    data: WebhookMessageData

"""Callbacks: an organisation's tools are told what happens to its needs and claims."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response, status

from app.api.dependencies import (
    DEFAULT_LIMIT,
    Cursor,
    Db,
    ExpectedVersion,
    Limit,
    OrganisationsWriter,
    Tools,
    set_next_link,
    set_version,
)
from app.api.routing import StrictRoute
from app.api.schemas.base import Listing
from app.api.schemas.webhooks import (
    NewWebhook,
    WebhookDeliveryShape,
    WebhookMessage,
    WebhookSecret,
    WebhookShape,
    WebhookSwitch,
)
from app.domain.webhooks import actions, queries
from app.domain.webhooks.actions import Means
from app.federation.peers.own_keys import KEY_FILE
from app.infra.http_client import policy_of
from app.infra.keys import load_or_create_key_file
from app.models.webhooks import WebhookFields

SEND_JOB = "send_webhooks"

router = APIRouter(prefix="/webhooks", route_class=StrictRoute, tags=["webhooks"])
# What we send, described beside what we answer (OpenAPI 3.1 `webhooks`).
messages = APIRouter()


@messages.post("organisation-event", operation_id="receive_organisation_event")
def receive_organisation_event(body: WebhookMessage) -> None:
    """Receive word of a need or a claim; answer 2xx within ten seconds."""


def _means(tools: Tools) -> Means:
    key = load_or_create_key_file(tools.data_dir / KEY_FILE)
    return Means(key, policy_of(tools))


Writing = Annotated[Means, Depends(_means)]


@router.get("", operation_id="list_webhooks")
async def list_webhooks(
    organisation_id: UUID, actor: OrganisationsWriter, db: Db
) -> Listing[WebhookShape]:
    """List an organisation's callbacks."""
    found = await queries.list_webhooks(db, actor, organisation_id)
    return Listing(items=[WebhookShape.of(webhook) for webhook in found])


@router.post("", status_code=status.HTTP_201_CREATED, operation_id="add_webhook")
async def add_webhook(
    body: NewWebhook, actor: OrganisationsWriter, means: Writing, response: Response, db: Db
) -> WebhookSecret:
    """Add a callback; the secret that signs its messages is answered here and never again."""
    fields = WebhookFields.model_validate(body.model_dump(exclude={"organisation_id"}))
    webhook, secret = await actions.add_webhook(db, actor, body.organisation_id, fields, means)
    response.headers["Location"] = f"/api/v1/webhooks/{webhook.id}"
    set_version(response, webhook.version)
    return WebhookSecret(webhook=WebhookShape.of(webhook), secret=secret)


@router.get("/{webhook_id}", operation_id="get_webhook")
async def get_webhook(
    webhook_id: UUID, actor: OrganisationsWriter, response: Response, db: Db
) -> WebhookShape:
    """Return a callback."""
    webhook = await queries.get_webhook_for(db, actor, webhook_id)
    set_version(response, webhook.version)
    return WebhookShape.of(webhook)


@router.put("/{webhook_id}", operation_id="change_webhook")
async def change_webhook(
    *,
    webhook_id: UUID,
    body: WebhookFields,
    actor: OrganisationsWriter,
    version: ExpectedVersion,
    means: Writing,
    response: Response,
    db: Db,
) -> WebhookShape:
    """Replace where a callback is and what it is told."""
    webhook = await queries.get_webhook_for(db, actor, webhook_id)
    await actions.change_webhook(db, actor, webhook, body, means, version)
    set_version(response, webhook.version)
    return WebhookShape.of(webhook)


@router.delete(
    "/{webhook_id}", status_code=status.HTTP_204_NO_CONTENT, operation_id="remove_webhook"
)
async def remove_webhook(
    webhook_id: UUID, actor: OrganisationsWriter, version: ExpectedVersion, db: Db
) -> None:
    """Remove a callback with its log."""
    webhook = await queries.get_webhook_for(db, actor, webhook_id)
    await actions.remove_webhook(db, actor, webhook, version)


@router.post("/{webhook_id}/switch", operation_id="switch_webhook")
async def switch_webhook(
    webhook_id: UUID, body: WebhookSwitch, actor: OrganisationsWriter, response: Response, db: Db
) -> WebhookShape:
    """Switch a callback on or off; one that had given up begins anew."""
    webhook = await queries.get_webhook_for(db, actor, webhook_id)
    await actions.switch_webhook(db, actor, webhook, active=body.active)
    set_version(response, webhook.version)
    return WebhookShape.of(webhook)


@router.post("/{webhook_id}/secret", operation_id="replace_webhook_secret")
async def replace_webhook_secret(
    webhook_id: UUID, actor: OrganisationsWriter, means: Writing, response: Response, db: Db
) -> WebhookSecret:
    """Make a new secret; for a day the former one signs as well."""
    webhook = await queries.get_webhook_for(db, actor, webhook_id)
    secret = await actions.replace_secret(db, actor, webhook, means)
    set_version(response, webhook.version)
    return WebhookSecret(webhook=WebhookShape.of(webhook), secret=secret)


@router.post(
    "/{webhook_id}/tests", status_code=status.HTTP_202_ACCEPTED, operation_id="test_webhook"
)
async def test_webhook(
    webhook_id: UUID, actor: OrganisationsWriter, db: Db
) -> WebhookDeliveryShape:
    """Send a message that says only that it is a test; the log shows what became of it."""
    webhook = await queries.get_webhook_for(db, actor, webhook_id)
    return WebhookDeliveryShape.of(await actions.send_test(db, actor, webhook))


@router.get("/{webhook_id}/deliveries", operation_id="list_webhook_deliveries")
async def list_webhook_deliveries(
    *,
    webhook_id: UUID,
    actor: OrganisationsWriter,
    request: Request,
    response: Response,
    db: Db,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Listing[WebhookDeliveryShape]:
    """List what was sent to a callback in the last thirty days, newest first."""
    webhook = await queries.get_webhook_for(db, actor, webhook_id)
    page = await queries.list_deliveries(db, webhook.id, limit, cursor)
    set_next_link(request, response, page.next_cursor)
    return Listing(
        items=[WebhookDeliveryShape.of(delivery) for delivery in page.items],
        next_cursor=page.next_cursor,
    )


@router.post(
    "/{webhook_id}/deliveries/{delivery_id}/retries",
    status_code=status.HTTP_202_ACCEPTED,
    operation_id="send_webhook_again",
)
async def send_webhook_again(
    webhook_id: UUID, delivery_id: UUID, actor: OrganisationsWriter, db: Db
) -> WebhookDeliveryShape:
    """Send a message once more, under its own id, so that the receiver knows it again."""
    webhook = await queries.get_webhook_for(db, actor, webhook_id)
    delivery = await queries.get_delivery(db, webhook, delivery_id)
    return WebhookDeliveryShape.of(await actions.send_again(db, actor, webhook, delivery))

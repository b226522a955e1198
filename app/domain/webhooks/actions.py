"""Writing callbacks, the messages to them, and what became of each attempt."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import SYSTEM, Actor, Scope, enforce
from app.domain.activity.actions import PENDING_MARK, record
from app.domain.organisations.queries import lock_organisation, membership
from app.domain.webhooks import errors, queries, rules
from app.domain.webhooks.policy import may_manage
from app.errors import StaleError
from app.infra import clock, ids, keys
from app.infra.http_client import OutboundError, OutboundPolicy
from app.models.activity import Activity
from app.models.webhooks import Webhook, WebhookDelivery, WebhookDeliveryState, WebhookFields

SEAL_PURPOSE = "webhook secret"
LEASE = timedelta(seconds=60)


@dataclass(frozen=True)
class Means:
    """What writing a callback needs beside the database: the seal, and whom we may call."""

    key: bytes
    policy: OutboundPolicy


@dataclass(frozen=True)
class Message:
    """A message that is due, with everything that one attempt needs."""

    delivery_id: UUID
    webhook_id: UUID
    url: str
    body: bytes
    sealed_secrets: Sequence[bytes]


async def add_webhook(
    session: AsyncSession, actor: Actor, organisation_id: UUID, fields: WebhookFields, means: Means
) -> tuple[Webhook, str]:
    """Add a callback; its secret is returned here and never again."""
    await _may(session, actor, organisation_id)
    _check(fields, means)
    statement = select(func.count()).where(Webhook.organisation_id == organisation_id)
    if (await session.exec(statement)).one() >= rules.PER_ORGANISATION_MAX:
        raise errors.webhooks_full(rules.PER_ORGANISATION_MAX)
    secret = rules.new_secret()
    webhook = Webhook(
        id=ids.private_id(),
        organisation_id=organisation_id,
        url=fields.url,
        description=fields.description,
        events=sorted(set(fields.events)),
        sealed_secret=_seal(means, secret),
        created_by=actor.account_id,
    )
    session.add(webhook)
    record(session, actor, "webhook.added", webhook.id)
    return webhook, secret


async def change_webhook(
    session: AsyncSession,
    actor: Actor,
    webhook: Webhook,
    fields: WebhookFields,
    means: Means,
    expected_version: int,
) -> Webhook:
    """Replace what is said of a callback, if nobody changed it since `expected_version`."""
    await _may(session, actor, webhook.organisation_id)
    _check_version(webhook, expected_version)
    _check(fields, means)
    webhook.url, webhook.description = fields.url, fields.description
    webhook.events = sorted(set(fields.events))
    webhook.version += 1
    record(session, actor, "webhook.changed", webhook.id)
    return webhook


async def switch_webhook(
    session: AsyncSession, actor: Actor, webhook: Webhook, *, active: bool
) -> Webhook:
    """Switch a callback on or off; one that gave up begins anew."""
    await _may(session, actor, webhook.organisation_id)
    webhook.active, webhook.disabled_reason, webhook.failing_since = active, "", None
    webhook.version += 1
    record(session, actor, "webhook.changed", webhook.id)
    return webhook


async def remove_webhook(
    session: AsyncSession, actor: Actor, webhook: Webhook, expected_version: int
) -> None:
    """Remove a callback with its log; what was on its way is not sent."""
    await _may(session, actor, webhook.organisation_id)
    _check_version(webhook, expected_version)
    record(session, actor, "webhook.removed", webhook.id)
    await session.delete(webhook)


async def replace_secret(
    session: AsyncSession, actor: Actor, webhook: Webhook, means: Means
) -> str:
    """Give a callback a new secret; the former one signs beside it for a day."""
    await _may(session, actor, webhook.organisation_id)
    secret = rules.new_secret()
    webhook.former_secret = webhook.sealed_secret
    webhook.former_until = clock.now() + rules.FORMER_SECRET_FOR
    webhook.sealed_secret = _seal(means, secret)
    webhook.version += 1
    record(session, actor, "webhook.changed", webhook.id)
    return secret


async def send_test(session: AsyncSession, actor: Actor, webhook: Webhook) -> WebhookDelivery:
    """Write a message that says only that it is a test."""
    await _may(session, actor, webhook.organisation_id)
    if not webhook.active:
        raise errors.webhook_off()
    data = {"organisation_id": str(webhook.organisation_id)}
    return _write(session, webhook.id, rules.TEST_EVENT, data)


async def send_again(
    session: AsyncSession, actor: Actor, webhook: Webhook, delivery: WebhookDelivery
) -> WebhookDelivery:
    """Put a message on its way once more, under its own id."""
    await _may(session, actor, webhook.organisation_id)
    if not webhook.active:
        raise errors.webhook_off()
    delivery.state, delivery.attempts = WebhookDeliveryState.PENDING, 0
    delivery.next_try_at = clock.now()
    session.info[PENDING_MARK] = True
    return delivery


async def tell_webhooks(session: AsyncSession, activity: Activity, origin: str) -> None:
    """Write a message to every callback that wants to hear of this activity.

    It names what happened and where to read it, never who did it nor what was said: a reader of
    the message who may know more asks the API with its own token.
    """
    found = await queries.organisation_of(session, activity.noun, activity.object_id)
    if found is None:
        return
    organisation_id, need_id = found
    path = "claims" if activity.noun == "claim" else "needs"
    data = {
        "id": str(activity.object_id),
        "need_id": str(need_id),
        "organisation_id": str(organisation_id),
        "url": f"{origin}/api/v1/{path}/{activity.object_id}",
    }
    for webhook_id in await queries.listening(session, organisation_id, activity.verb):
        message = _write(session, webhook_id, activity.verb, data)
        message.activity_id = activity.id


async def claim_due(
    session: AsyncSession, limit: int, *, busy: Collection[UUID] = ()
) -> Sequence[Message]:
    """Take what is due for an attempt: one message a callback at a time, under a lease.

    A worker that dies leaves a lease that runs out; the receiver knows the message by its id.
    """
    due = (
        select(WebhookDelivery, Webhook)
        .join(Webhook, col(Webhook.id) == col(WebhookDelivery.webhook_id))
        .where(
            WebhookDelivery.state == WebhookDeliveryState.PENDING,
            col(WebhookDelivery.next_try_at) <= clock.now(),
            col(Webhook.active),
            col(Webhook.id).not_in(list(busy)),
        )
        .order_by(col(WebhookDelivery.next_try_at), col(WebhookDelivery.created_at))
        .limit(limit)
        .with_for_update(skip_locked=True, of=WebhookDelivery)
    )
    messages: dict[UUID, Message] = {}
    for delivery, webhook in (await session.exec(due)).all():
        if webhook.id in messages:
            continue
        delivery.next_try_at = clock.now() + LEASE
        messages[webhook.id] = Message(
            delivery.id, webhook.id, webhook.url, delivery.body, _valid_secrets(webhook)
        )
    return list(messages.values())


async def note_attempt(
    session: AsyncSession, message: Message, status: int | None, error: str
) -> None:
    """Write down what became of an attempt, and when there is another one."""
    webhook = await session.get(Webhook, message.webhook_id, with_for_update=True)
    delivery = await session.get(WebhookDelivery, message.delivery_id, with_for_update=True)
    if webhook is None or delivery is None:
        return  # removed while it was on its way
    now = clock.now()
    delivery.attempts += 1
    delivery.tried_at, delivery.last_status, delivery.last_error = now, status, error
    if status is not None and 200 <= status < 300:
        delivery.state, webhook.failing_since = WebhookDeliveryState.SENT, None
        return
    webhook.failing_since = webhook.failing_since or now
    pause = rules.pause_after(delivery.attempts)
    if status == rules.GONE or pause is None:
        delivery.state = WebhookDeliveryState.FAILED
        reason = "gone" if status == rules.GONE else "failing"
        await _give_up(session, webhook, reason)
    else:
        delivery.next_try_at = now + pause


async def forget_old(session: AsyncSession) -> None:
    """Drop the log of what was sent or given up a month ago."""
    await session.execute(
        delete(WebhookDelivery).where(
            col(WebhookDelivery.created_at) < clock.now() - rules.KEPT_FOR,
            col(WebhookDelivery.state) != WebhookDeliveryState.PENDING,
        )
    )


async def _give_up(session: AsyncSession, webhook: Webhook, reason: str) -> None:
    """Switch a callback off and let its owners know."""
    if not webhook.active:
        return
    webhook.active, webhook.disabled_reason = False, reason
    webhook.version += 1
    owners = await queries.owners_of(session, webhook.organisation_id)
    record(
        session,
        SYSTEM,
        "webhook.switched_off",
        webhook.id,
        organisation_id=str(webhook.organisation_id),
        account_ids=[str(owner) for owner in owners],
    )


def _write(
    session: AsyncSession, webhook_id: UUID, event: str, data: dict[str, Any]
) -> WebhookDelivery:
    now = clock.now()
    document = {"type": event, "timestamp": now.isoformat(), "data": data}
    delivery = WebhookDelivery(
        id=ids.private_id(),
        webhook_id=webhook_id,
        event=event,
        body=json.dumps(document, separators=(",", ":")).encode(),
        next_try_at=now,
        created_at=now,
    )
    session.add(delivery)
    session.info[PENDING_MARK] = True
    return delivery


async def _may(session: AsyncSession, actor: Actor, organisation_id: UUID) -> None:
    """Let only an owner pass; strangers learn nothing. The lock makes the count exact."""
    account_id = actor.require(Scope.ORGANISATIONS_WRITE)
    organisation = await lock_organisation(session, organisation_id)
    enforce(may_manage(await membership(session, organisation_id, account_id), organisation))


def _check(fields: WebhookFields, means: Means) -> None:
    if not fields.events or not set(fields.events) <= set(rules.EVENTS):
        raise errors.webhook_events_unknown()
    try:
        means.policy.check_url(fields.url)
    except OutboundError:
        raise errors.webhook_url_refused() from None


def _check_version(webhook: Webhook, expected: int) -> None:
    if webhook.version != expected:
        raise StaleError("version_stale", extra={"version": webhook.version})


def _seal(means: Means, secret: str) -> bytes:
    return keys.seal(means.key, secret.encode(), purpose=SEAL_PURPOSE)


def _valid_secrets(webhook: Webhook) -> list[bytes]:
    former = webhook.former_secret
    if former is None or webhook.former_until is None or webhook.former_until <= clock.now():
        return [webhook.sealed_secret]
    return [webhook.sealed_secret, former]

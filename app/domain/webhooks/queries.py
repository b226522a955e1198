"""Reading callbacks and what became of their messages."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.organisations.queries import get_organisation, membership
from app.domain.webhooks import errors
from app.domain.webhooks.policy import may_see
from app.errors import InvalidError
from app.infra.pagination import Page, cut_page, decode_cursor, encode_cursor
from app.models.claims import Claim
from app.models.needs import Need
from app.models.organisations import MemberRole, Membership
from app.models.webhooks import Webhook, WebhookDelivery


async def get_webhook_for(session: AsyncSession, actor: Actor, webhook_id: UUID) -> Webhook:
    """Return a callback to whoever may know of it."""
    webhook = await session.get(Webhook, webhook_id)
    if webhook is None:
        raise errors.webhook_not_found()
    own = await membership(session, webhook.organisation_id, actor.account_id)
    if not may_see(actor, own):
        raise errors.webhook_not_found()
    return webhook


async def list_webhooks(
    session: AsyncSession, actor: Actor, organisation_id: UUID
) -> Sequence[Webhook]:
    """Return an organisation's callbacks, oldest first; there are few."""
    organisation = await get_organisation(session, organisation_id)
    own = await membership(session, organisation.id, actor.account_id)
    if not may_see(actor, own):
        raise errors.webhook_not_found()
    statement = (
        select(Webhook)
        .where(Webhook.organisation_id == organisation_id)
        .order_by(col(Webhook.created_at), col(Webhook.id))
    )
    return (await session.exec(statement)).all()


async def list_deliveries(
    session: AsyncSession, webhook_id: UUID, limit: int, cursor: str | None
) -> Page[WebhookDelivery]:
    """Return what was sent to a callback, newest first."""
    statement = select(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook_id)
    if cursor is not None:
        moment, last = _position(cursor)
        at, key = col(WebhookDelivery.created_at), col(WebhookDelivery.id)
        statement = statement.where(or_(at < moment, and_(at == moment, key > last)))
    statement = statement.order_by(
        col(WebhookDelivery.created_at).desc(), col(WebhookDelivery.id)
    ).limit(limit + 1)
    rows = (await session.exec(statement)).all()
    return cut_page(rows, limit, lambda row: encode_cursor(row.created_at.isoformat(), row.id))


async def get_delivery(
    session: AsyncSession, webhook: Webhook, delivery_id: UUID
) -> WebhookDelivery:
    """Return one message of a callback."""
    delivery = await session.get(WebhookDelivery, delivery_id)
    if delivery is None or delivery.webhook_id != webhook.id:
        raise errors.webhook_not_found()
    return delivery


async def organisation_of(
    session: AsyncSession, noun: str, object_id: UUID
) -> tuple[UUID, UUID] | None:
    """Return the organisation and the need that an activity is about, if both are ours."""
    statement = select(Need.organisation_id, Need.id)
    if noun == "claim":
        statement = statement.join(Claim, col(Claim.need_id) == col(Need.id)).where(
            Claim.id == object_id
        )
    else:
        statement = statement.where(Need.id == object_id)
    found = (await session.exec(statement)).first()
    return (found[0], found[1]) if found is not None and found[0] is not None else None


async def listening(session: AsyncSession, organisation_id: UUID, event: str) -> Sequence[UUID]:
    """Return the organisation's callbacks that want to hear of such an event."""
    statement = select(Webhook.id).where(
        Webhook.organisation_id == organisation_id,
        col(Webhook.active),
        col(Webhook.events).contains([event]),
    )
    return (await session.exec(statement)).all()


async def owners_of(session: AsyncSession, organisation_id: UUID) -> Sequence[UUID]:
    """Return the accounts that run an organisation."""
    statement = select(Membership.account_id).where(
        Membership.organisation_id == organisation_id, Membership.role == MemberRole.OWNER
    )
    return (await session.exec(statement)).all()


def _position(cursor: str) -> tuple[datetime, UUID]:
    try:
        moment, last = decode_cursor(cursor, 2)
        return datetime.fromisoformat(moment or ""), UUID(last or "")
    except ValueError:
        raise InvalidError("cursor_invalid") from None

"""How long things are kept: so that a peer may be away for a month and nothing grows for ever.

our log            30 days, then the manifest stands for it; private messages until they arrive
messages of peers  30 days after they were settled; parked ones until somebody decides
tombstones         a year, so that nothing late revives what is gone
"""

from datetime import timedelta

from sqlalchemy import and_, delete, exists, func, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.federation.peers.actions import expire_requests
from app.federation.peers.epochs import lock_outbox
from app.infra import clock
from app.models.federation import (
    ActorFetch,
    Delivery,
    DeliveryState,
    FederationEvent,
    IncomingMessage,
    IncomingState,
    PeerOutbox,
    RemoteObject,
    SeenNonce,
)

LOG_KEPT = timedelta(days=30)
PRIVATE_KEPT = timedelta(days=365)
TOMBSTONES_KEPT = timedelta(days=365)
NONCES_KEPT = timedelta(minutes=15)
FETCHES_KEPT = timedelta(hours=1)
MESSAGES_KEPT = timedelta(days=30)


async def purge(session: AsyncSession) -> None:
    """Forget nonces of dead signatures, messages long settled, proposals nobody answered."""
    now = clock.now()
    await expire_requests(session)
    await session.execute(delete(SeenNonce).where(col(SeenNonce.at) < now - NONCES_KEPT))
    await session.execute(delete(ActorFetch).where(col(ActorFetch.at) < now - FETCHES_KEPT))
    await session.execute(
        delete(IncomingMessage).where(
            col(IncomingMessage.done_at) < now - MESSAGES_KEPT,
            col(IncomingMessage.state) != IncomingState.PARKED,
        )
    )
    await session.execute(
        delete(RemoteObject).where(
            col(RemoteObject.gone), col(RemoteObject.updated_at) < now - TOMBSTONES_KEPT
        )
    )


async def prune_logs(session: AsyncSession) -> int:
    """Forget what peers were told long ago; answers in how many lanes anything was forgotten."""
    before = clock.now() - LOG_KEPT
    old = exists().where(
        col(Delivery.peer_id) == col(PeerOutbox.peer_id),
        col(Delivery.seq) == col(PeerOutbox.oldest_seq),
        col(Delivery.created_at) < before,
    )
    lanes = select(PeerOutbox.peer_id).where(old, PeerOutbox.oldest_seq < PeerOutbox.last_seq)
    peer_ids = (await session.exec(lanes.order_by(col(PeerOutbox.peer_id)))).all()
    for peer_id in peer_ids:
        await _prune(session, await lock_outbox(session, peer_id))
    if peer_ids:
        unsent = exists().where(col(Delivery.event_id) == col(FederationEvent.id))
        await session.execute(
            delete(FederationEvent).where(col(FederationEvent.created_at) < before, ~unsent)
        )
    return len(peer_ids)


async def _prune(session: AsyncSession, outbox: PeerOutbox) -> None:
    """Prune one log, but for its newest message: it is what a peer that is away is tried with."""
    now = clock.now()
    mine = and_(col(Delivery.peer_id) == outbox.peer_id, col(Delivery.seq) < outbox.last_seq)
    upto = select(func.max(col(Delivery.seq))).where(
        mine, col(Delivery.created_at) < now - LOG_KEPT
    )
    last = (await session.exec(upto)).one()
    if last is None:
        return
    listed = select(col(FederationEvent.id)).where(
        col(FederationEvent.id) == col(Delivery.event_id), col(FederationEvent.listed)
    )
    await session.execute(
        delete(Delivery).where(
            mine,
            col(Delivery.seq) <= last,
            or_(
                col(Delivery.state) != DeliveryState.PENDING,
                listed.exists(),
                col(Delivery.created_at) < now - PRIVATE_KEPT,
            ),
        )
    )
    outbox.oldest_seq = last + 1

"""Beginning a new epoch: we came back from a backup, or our sequence cannot be trusted any more.

Peers that see it read our whole manifest, and what it says counts, whatever versions they have.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import delete, func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import SYSTEM
from app.domain.activity.actions import record
from app.errors import NotFoundError
from app.federation.peers.lanes import new_epoch_name
from app.federation.peers.post import send_ordered
from app.federation.rules import with_past
from app.infra import clock
from app.models.federation import Delivery, DeliveryState, FederationEvent, PeerOutbox

# One backup is restored once: all lanes notice it within a day, and stewards are told once.
TOLD_AGAIN_AFTER = timedelta(days=1)
# A peer that asks for what we never said makes us count anew at most so often.
NOTICED_AGAIN_AFTER = timedelta(hours=1)
# What a backup says of what peers hold is held against our needs at once.
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_log = structlog.get_logger(__name__)


async def lock_outbox(session: AsyncSession, peer_id: UUID) -> PeerOutbox:
    """Return the outgoing lane of a peer, locked and fresh."""
    statement = (
        select(PeerOutbox)
        .where(PeerOutbox.peer_id == peer_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    outbox = (await session.exec(statement)).first()
    if outbox is None:
        raise NotFoundError("peer_not_found")
    return outbox


async def begin_epochs(session: AsyncSession) -> int:
    """Begin a new epoch for all peers, after a restore; answers for how many."""
    peer_ids = (
        await session.exec(select(PeerOutbox.peer_id).order_by(col(PeerOutbox.peer_id)))
    ).all()
    for peer_id in peer_ids:
        await begin_epoch(session, await lock_outbox(session, peer_id))
    return len(peer_ids)


async def begin_epoch(session: AsyncSession, outbox: PeerOutbox, *, noticed: bool = False) -> None:
    """Count anew for a peer; what is private to us and it and has not arrived is sent again.

    `noticed`: nobody told us, we found out because the peer knows more of us than we do.
    """
    if noticed:
        await _tell_stewards(session, outbox)
    unsent = await _private_unsent(session, outbox.peer_id)
    await session.execute(
        delete(Delivery).where(
            col(Delivery.peer_id) == outbox.peer_id, col(Delivery.seq).is_not(None)
        )
    )
    outbox.past_epochs = with_past(outbox.past_epochs, outbox.epoch)
    outbox.epoch, outbox.epoch_at = new_epoch_name(), clock.now()
    outbox.last_seq = outbox.acknowledged_seq = 0
    outbox.oldest_seq, outbox.nudged_at, outbox.checked_at = 1, None, LONG_AGO
    session.add(outbox)
    await session.flush()
    await send_ordered(session, outbox.peer_id, unsent)
    _log.warning("new epoch", peer=str(outbox.peer_id), noticed=noticed)


def noticed_lately(outbox: PeerOutbox) -> bool:
    """Whether we count anew for a peer since a short while; the first epoch is no such thing."""
    return bool(outbox.past_epochs) and clock.now() - outbox.epoch_at < NOTICED_AGAIN_AFTER


async def _private_unsent(session: AsyncSession, peer_id: UUID) -> Sequence[int]:
    statement = (
        select(col(Delivery.event_id))
        .join(FederationEvent, col(FederationEvent.id) == col(Delivery.event_id))
        .where(
            col(Delivery.peer_id) == peer_id,
            col(Delivery.seq).is_not(None),
            col(Delivery.state) == DeliveryState.PENDING,
            ~col(FederationEvent.listed),
        )
        .order_by(col(Delivery.seq))
    )
    return (await session.exec(statement)).all()


async def _tell_stewards(session: AsyncSession, outbox: PeerOutbox) -> None:
    lately = select(func.count()).where(
        col(PeerOutbox.epoch_at) > clock.now() - TOLD_AGAIN_AFTER,
        func.cardinality(col(PeerOutbox.past_epochs)) > 0,
    )
    if (await session.exec(lately)).one() == 0:
        record(session, SYSTEM, "peer.restore_noticed", outbox.peer_id)

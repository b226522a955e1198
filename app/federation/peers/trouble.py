"""What stewards must hear of without looking: a silence that lasts, and messages that wait.

Each is recorded once, in the transaction that marks it as told.
"""

from collections import Counter
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, update
from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import SYSTEM
from app.domain.activity.actions import record
from app.federation.peers.health import UNREACHABLE_AFTER
from app.infra import clock
from app.models.federation import (
    Delivery,
    DeliveryState,
    IncomingMessage,
    IncomingState,
    Peer,
    PeerOutbox,
    PeerState,
)


async def tell_of_trouble(session: AsyncSession) -> int:
    """Record what stewards are yet to hear of; answers how much that was."""
    return await _of_silence(session) + await _of_messages(session)


async def _of_silence(session: AsyncSession) -> int:
    """A peer that has been out of reach for a week: told once for each such time."""
    since = func.coalesce(PeerOutbox.last_success_at, Peer.active_since, Peer.created_at)
    silent = (
        select(Peer, since)
        .join(PeerOutbox, col(PeerOutbox.peer_id) == col(Peer.id))
        .where(
            Peer.state == PeerState.ACTIVE,
            PeerOutbox.failures > 0,
            since < clock.now() - UNREACHABLE_AFTER,
            or_(col(Peer.silence_told_at).is_(None), col(Peer.silence_told_at) < since),
        )
        .with_for_update(of=Peer, skip_locked=True, key_share=True)
    )
    found: list[tuple[Peer, datetime]] = list((await session.exec(silent)).all())
    for peer, began in found:
        peer.silence_told_at = clock.now()
        record(session, SYSTEM, "peer.unreachable", peer.id, since=began.isoformat())
    return len(found)


async def _of_messages(session: AsyncSession) -> int:
    """Messages that were parked here or refused for good there since we last told."""
    now = clock.now()
    parked = (
        update(IncomingMessage)
        .where(
            col(IncomingMessage.state) == IncomingState.PARKED,
            col(IncomingMessage.told_at).is_(None),
        )
        .values(told_at=now)
        .returning(col(IncomingMessage.peer_id))
    )
    refused = (
        update(Delivery)
        .where(
            col(Delivery.state) == DeliveryState.DEAD,
            col(Delivery.dropped_at).is_(None),
            col(Delivery.told_at).is_(None),
        )
        .values(told_at=now)
        .returning(col(Delivery.peer_id))
    )
    counted: Counter[UUID] = Counter()
    for statement in (parked, refused):
        counted.update(await _touched(session, statement))
    for peer_id, n in counted.items():
        record(session, SYSTEM, "peer.message_parked", peer_id, n=n)
    return len(counted)


async def _touched(session: AsyncSession, statement: Any) -> list[UUID]:
    unseen = statement.execution_options(synchronize_session=False)
    return list((await session.execute(unseen)).scalars())

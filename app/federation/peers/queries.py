"""Reading peers: who they are, and in one sentence how it goes with them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.errors import NotFoundError
from app.federation.peers.clocks import minutes_apart
from app.infra import clock, keys
from app.models.federation import (
    Delivery,
    DeliveryState,
    Peer,
    PeerInbox,
    PeerOutbox,
    PeerState,
)

UNREACHABLE_AFTER = timedelta(days=7)
SECONDS_PER_MINUTE = 60


@dataclass(frozen=True)
class Health:
    """How it goes with a peer: a code for programs, with what its sentence names."""

    code: str
    params: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PeerView:
    """A peer as stewards see it."""

    peer: Peer
    waiting: int
    health: Health

    @property
    def fingerprint(self) -> str:
        """The pinned key, to be compared over another channel."""
        return keys.fingerprint(public_key_of(self.peer))

    @property
    def candidate_fingerprint(self) -> str | None:
        """The key that the peer shows by now and nobody has approved."""
        if self.peer.candidate_key is None:
            return None
        return keys.fingerprint(keys.load_public_key(self.peer.candidate_key))


def public_key_of(peer: Peer) -> Ed25519PublicKey:
    """Return the pinned key of a peer."""
    return keys.load_public_key(peer.public_key)


async def peer_by_origin(session: AsyncSession, origin: str) -> Peer | None:
    """Return what we hold of an origin, whatever its state."""
    return (await session.exec(select(Peer).where(Peer.origin == origin))).first()


async def lock_peer(session: AsyncSession, peer_id: UUID) -> Peer:
    """Return a peer's row, locked and fresh, to move its state."""
    statement = (
        select(Peer)
        .where(Peer.id == peer_id)
        .with_for_update(key_share=True)  # messages may still be stored meanwhile
        .execution_options(populate_existing=True)
    )
    peer = (await session.exec(statement)).first()
    if peer is None:
        raise NotFoundError("peer_not_found")
    return peer


async def active_peers(session: AsyncSession) -> Sequence[Peer]:
    """List the peers that we exchange needs with, in an order that all writers lock by."""
    statement = select(Peer).where(Peer.state == PeerState.ACTIVE).order_by(col(Peer.id))
    return (await session.exec(statement)).all()


async def count_active(session: AsyncSession) -> int:
    """Count the peers that we exchange needs with."""
    statement = select(func.count()).where(col(Peer.state) == PeerState.ACTIVE)
    return (await session.exec(statement)).one()


async def count_requests(session: AsyncSession) -> int:
    """Count the proposals of strangers that wait for our stewards."""
    statement = select(func.count()).where(col(Peer.state) == PeerState.REQUESTED)
    return (await session.exec(statement)).one()


async def requests_before(session: AsyncSession, moment: datetime) -> Sequence[UUID]:
    """List the proposals of strangers that came before a moment and wait for our stewards."""
    statement = select(Peer.id).where(
        Peer.state == PeerState.REQUESTED, col(Peer.state_at) < moment
    )
    return (await session.exec(statement)).all()


async def list_views_for(session: AsyncSession, actor: Actor) -> list[PeerView]:
    """List all peers, by origin; for stewards."""
    actor.require_steward()
    statement = select(Peer).where(Peer.state != PeerState.NONE).order_by(col(Peer.origin))
    peers = (await session.exec(statement)).all()
    return [await _view(session, peer) for peer in peers]


async def get_view_for(session: AsyncSession, actor: Actor, peer_id: UUID) -> PeerView:
    """Return one peer; for stewards."""
    actor.require_steward()
    peer = await session.get(Peer, peer_id)
    if peer is None or peer.state == PeerState.NONE:
        raise NotFoundError("peer_not_found")
    return await _view(session, peer)


async def _view(session: AsyncSession, peer: Peer) -> PeerView:
    waiting = (
        await session.exec(
            select(func.count()).where(
                col(Delivery.peer_id) == peer.id, col(Delivery.state) == DeliveryState.PENDING
            )
        )
    ).one()
    outbox = await session.get(PeerOutbox, peer.id, populate_existing=True)
    inbox = await session.get(PeerInbox, peer.id, populate_existing=True)
    apart = minutes_apart(outbox, inbox)
    if apart is not None and peer.state == PeerState.ACTIVE:
        return PeerView(peer, waiting, Health("clocks_differ", {"minutes": apart}))
    return PeerView(peer, waiting, health_of(peer, outbox, waiting))


def health_of(peer: Peer, outbox: PeerOutbox | None, waiting: int) -> Health:
    """Say in one sentence how it goes with a peer."""
    if peer.state != PeerState.ACTIVE or outbox is None:
        return Health(peer.state.value)
    if outbox.failures == 0:
        return Health("delivering", {"n": waiting}) if waiting else Health("well")
    since = outbox.last_success_at or peer.active_since or peer.created_at
    if clock.now() - since > UNREACHABLE_AFTER:
        return Health("unreachable", {"since": since})
    if outbox.last_failure in {"not-peer", "peer-suspended", "key-changed", "clock-skew"}:
        return Health(outbox.last_failure.replace("-", "_") + "_there", {"n": waiting})
    wait = max((outbox.next_attempt_at - clock.now()).total_seconds(), 0)
    return Health("retrying", {"n": waiting, "minutes": round(wait / SECONDS_PER_MINUTE)})

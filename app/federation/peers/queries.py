"""Reading peers: who they are, how it goes with them, and what was decided about them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.needs.mirroring import SHOWN
from app.errors import NotFoundError
from app.federation.peers.clocks import minutes_apart
from app.federation.peers.health import UNREACHABLE_AFTER, Health, Lanes, health_of
from app.infra import keys
from app.models.activity import Activity
from app.models.agreements import Agreement
from app.models.claims import LIVE_STATES, Claim
from app.models.federation import (
    Delivery,
    DeliveryState,
    IncomingMessage,
    IncomingState,
    Peer,
    PeerInbox,
    PeerOutbox,
    PeerState,
)
from app.models.identity import Account
from app.models.needs import Audience, Need

__all__ = [
    "UNREACHABLE_AFTER", "Counts", "Health", "PeerView", "Step", "active_peers", "count_active",
    "count_open_claims", "count_requests", "get_view_for", "history_of", "list_views_for",
    "lock_peer", "peer_by_origin", "public_key_of", "requests_before",
]  # fmt: skip
HISTORY_MAX = 100


@dataclass(frozen=True)
class Counts:
    """How much there is between a peer and us."""

    theirs_here: int = 0
    ours_there: int = 0
    waiting: int = 0
    parked: int = 0
    refused: int = 0
    refused_there: int = 0

    @property
    def for_people(self) -> int:
        """The messages that only a person can take further."""
        return self.parked + self.refused + self.refused_there


@dataclass(frozen=True)
class PeerView:
    """A peer as stewards see it."""

    peer: Peer
    health: Health
    counts: Counts = field(default_factory=Counts)

    @property
    def waiting(self) -> int:
        """How many messages wait for it."""
        return self.counts.waiting

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


@dataclass(frozen=True)
class Step:
    """Something that was decided about a peer, or that it did."""

    verb: str
    at: datetime
    handle: str
    reason: str
    by_us: bool


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
    return await _views(session, (await session.exec(statement)).all())


async def get_view_for(session: AsyncSession, actor: Actor, peer_id: UUID) -> PeerView:
    """Return one peer; for stewards."""
    actor.require_steward()
    peer = await session.get(Peer, peer_id)
    if peer is None or peer.state == PeerState.NONE:
        raise NotFoundError("peer_not_found")
    (view,) = await _views(session, [peer])
    return view


async def count_open_claims(session: AsyncSession, peer_id: UUID) -> int:
    """Count the claims under way between a peer's people and ours."""
    statement = (
        select(func.count())
        .select_from(Claim)
        .join(Agreement, col(Agreement.claim_id) == col(Claim.id))
        .where(Agreement.peer_id == peer_id, col(Claim.state).in_(LIVE_STATES))
    )
    return (await session.exec(statement)).one()


async def history_of(session: AsyncSession, actor: Actor, peer_id: UUID) -> list[Step]:
    """List who decided what about a peer and when, the newest first; for stewards."""
    actor.require_steward()
    statement = (
        select(Activity, col(Account.handle))
        .outerjoin(Account, col(Account.id) == col(Activity.account_id))
        .where(Activity.noun == "peer", Activity.object_id == peer_id)
        .order_by(col(Activity.id).desc())
        .limit(HISTORY_MAX)
    )
    return [
        Step(
            verb=activity.verb.removeprefix("peer."),
            at=activity.at,
            handle=handle or "",
            reason=str(activity.details.get("reason", "")),
            by_us=activity.account_id is not None,
        )
        for activity, handle in (await session.exec(statement)).all()
    ]


async def _views(session: AsyncSession, peers: Sequence[Peer]) -> list[PeerView]:
    """Put together what belongs to peers, in few statements however many they are."""
    ids = [peer.id for peer in peers]
    outboxes = await _rows(session, PeerOutbox, ids)
    inboxes = await _rows(session, PeerInbox, ids)
    waiting = await _waiting(session, ids)
    counts = await _counts(session, peers)
    views = []
    for peer in peers:
        n, oldest = waiting.get(peer.id, (0, None))
        outbox, inbox = outboxes.get(peer.id), inboxes.get(peer.id)
        lanes = Lanes(outbox, inbox, n, oldest, minutes_apart(outbox, inbox))
        counted = Counts(waiting=n, **counts[peer.id])
        views.append(PeerView(peer, health_of(peer, lanes), counted))
    return views


async def _rows(session: AsyncSession, table: Any, ids: Sequence[UUID]) -> dict[UUID, Any]:
    statement = select(table).where(col(table.peer_id).in_(ids))
    fresh = statement.execution_options(populate_existing=True)
    return {row.peer_id: row for row in (await session.exec(fresh)).all()}


async def _waiting(
    session: AsyncSession, ids: Sequence[UUID]
) -> dict[UUID, tuple[int, datetime | None]]:
    statement = (
        select(col(Delivery.peer_id), func.count(), func.min(Delivery.created_at))
        .where(col(Delivery.peer_id).in_(ids), col(Delivery.state) == DeliveryState.PENDING)
        .group_by(col(Delivery.peer_id))
    )
    return {peer_id: (n, oldest) for peer_id, n, oldest in (await session.exec(statement)).all()}


async def _counts(session: AsyncSession, peers: Sequence[Peer]) -> dict[UUID, dict[str, int]]:
    ids = [peer.id for peer in peers]
    theirs = await _grouped(session, Need.peer_id, ids, col(Need.state).in_(SHOWN))
    dead = col(Delivery.state) == DeliveryState.DEAD, col(Delivery.dropped_at).is_(None)
    refused_there = await _grouped(session, Delivery.peer_id, ids, *dead)
    incoming = IncomingMessage.peer_id
    by_state = {
        name: await _grouped(session, incoming, ids, col(IncomingMessage.state) == state)
        for name, state in (("parked", IncomingState.PARKED), ("refused", IncomingState.REFUSED))
    }
    to_all, named = await _ours(session)
    return {
        peer.id: {
            "theirs_here": theirs.get(peer.id, 0),
            "ours_there": (
                to_all + named.get(str(peer.id), 0) if peer.state == PeerState.ACTIVE else 0
            ),
            "refused_there": refused_there.get(peer.id, 0),
            **{name: found.get(peer.id, 0) for name, found in by_state.items()},
        }
        for peer in peers
    }


async def _grouped(
    session: AsyncSession, column: Any, ids: Sequence[UUID], *conditions: Any
) -> Mapping[UUID, int]:
    statement = (
        select(col(column), func.count())
        .where(col(column).in_(ids), *conditions)
        .group_by(col(column))
    )
    return dict((await session.exec(statement)).all())


async def _ours(session: AsyncSession) -> tuple[int, dict[str, int]]:
    """Count our needs that every peer may see, and those that only named peers may."""
    ours = (
        col(Need.origin_url).is_(None),
        col(Need.published_at).is_not(None),
        col(Need.state).in_(SHOWN),
    )
    shared = col(Need.audience).in_((Audience.PEERS, Audience.PUBLIC))
    to_all = (await session.exec(select(func.count()).where(*ours, shared))).one()
    one = func.unnest(Need.audience_peers).label("one")
    listed = select(one).where(*ours, col(Need.audience) == Audience.NAMED_PEERS).subquery()
    statement = select(listed.c.one, func.count()).group_by(listed.c.one)
    named = {str(one): int(n) for one, n in (await session.execute(statement)).all()}
    return to_all, named

"""Peers that only stand in the database: for pages and lists, where nobody has to answer."""

from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.infra import clock, ids
from app.infra.database import transaction
from app.models.federation import Peer, PeerInbox, PeerOutbox, PeerState
from app.models.needs import Need, NeedState
from tests.factories.world import World


async def add_peer(
    world: World,
    host: str,
    state: PeerState = PeerState.ACTIVE,
    *,
    failures: int = 0,
    failure: str = "",
    heard_at: datetime | None = None,
    **fields: Any,
) -> Peer:
    """Write a peer with both its lanes, as the handshake would have."""
    origin, now = f"https://{host}", clock.now()
    peer = Peer(
        id=ids.private_id(), origin=origin, actor_url=f"{origin}/actor",
        inbox_url=f"{origin}/inbox", key_id=f"{origin}/actor#key", public_key=new_key(),
        name=f"<b>{host}</b>", state=state, active_since=now - timedelta(days=20), **fields,
    )  # fmt: skip
    lane = PeerOutbox(
        peer_id=peer.id, failures=failures, last_failure=failure, last_failure_at=now,
        last_success_at=heard_at or now, next_attempt_at=now + timedelta(minutes=15),
    )  # fmt: skip
    async with transaction(world.runtime.sessions) as session:
        session.add(peer)
        await session.flush()
        session.add(lane)
        session.add(PeerInbox(peer_id=peer.id, last_message_at=now))
    return peer


async def add_need_of(world: World, peer: Peer, title: str) -> Need:
    """Write a need of a peer, as its Create would have."""
    need_id = ids.public_id()
    host = peer.origin.partition("://")[2]
    need = Need(
        id=need_id, organisation_name="There", title=title, language="en", state=NeedState.OPEN,
        peer_id=peer.id, origin_instance=host, origin_url=f"{peer.origin}/needs/{need_id}",
        published_at=clock.now(), skill_slugs=["wordpress"], search_text=title.lower(),
    )  # fmt: skip
    async with transaction(world.runtime.sessions) as session:
        session.add(need)
    return need


def new_key() -> bytes:
    """Return a public key that nobody else has."""
    return Ed25519PrivateKey.generate().public_key().public_bytes_raw()

"""Signed messages of many peers, as the product's own instances would send them."""

import json
import secrets
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text

from app.federation.wire.context import ACTIVITY_JSON, NATIVE_CONTEXT, PUBLIC
from app.infra import clock, ids
from app.infra.database import make_engine, make_sessions, transaction
from app.infra.signatures import HttpMessage, Signer, sign_request
from app.models.federation import Peer, PeerInbox, PeerKey, PeerState


@dataclass(frozen=True)
class Sender:
    """A peer of the bench: where it says it is, and its key."""

    origin: str
    key: Ed25519PrivateKey


async def make_senders(url: str, count: int) -> list[Sender]:
    """Make active peers, and the table in which the floor keeps what it accepts."""
    made = [
        Sender(f"https://peer-{number}.example", Ed25519PrivateKey.generate())
        for number in range(count)
    ]
    engine = make_engine(url)
    async with transaction(make_sessions(engine)) as session:
        await session.execute(
            text("CREATE TABLE bench_messages (activity_id text PRIMARY KEY, body bytea NOT NULL)")
        )
        peers = [_peer(sender) for sender in made]
        session.add_all(peers)
        await session.flush()
        session.add_all([PeerInbox(peer_id=peer.id) for peer in peers])
        session.add_all([_key(peer) for peer in peers])
    await engine.dispose()
    return made


def _peer(sender: Sender) -> Peer:
    return Peer(
        id=ids.public_id(),
        origin=sender.origin,
        actor_url=f"{sender.origin}/actor",
        inbox_url=f"{sender.origin}/inbox",
        key_id=f"{sender.origin}/actor#key",
        public_key=sender.key.public_key().public_bytes_raw(),
        state=PeerState.ACTIVE,
    )


def _key(peer: Peer) -> PeerKey:
    assert peer.public_key is not None
    return PeerKey(peer_id=peer.id, key_id=peer.key_id, public_key=peer.public_key)


def letter(sender: Sender, inbox: str) -> tuple[list[str], bytes]:
    """Write and sign that a need was shared; return header lines and body."""
    address = f"{sender.origin}/needs/{secrets.token_hex(8)}"
    said = {
        "@context": NATIVE_CONTEXT,
        "id": f"{sender.origin}/activities/{secrets.token_hex(8)}",
        "type": "Create",
        "actor": f"{sender.origin}/actor",
        "to": PUBLIC,
        "published": "2026-11-20T10:00:00Z",
        "object": _need(sender.origin, address),
    }
    body = json.dumps(said).encode()
    message = HttpMessage("POST", inbox, [("Content-Type", ACTIVITY_JSON)], body)
    signer = Signer(private_key=sender.key, key_id=f"{sender.origin}/actor#key")
    headers = sign_request(signer, message, nonce=secrets.token_urlsafe(18), now=clock.now())
    return [f"{name}: {value}" for name, value in headers.items()], body


def _need(origin: str, address: str) -> dict[str, object]:
    return {
        "type": "Proposal",
        "id": address,
        "version": 1,
        "status": "open",
        "purpose": "request",
        "attributedTo": f"{origin}/actor",
        "name": "Two people to lift a piano",
        "content": "<p>Saturday 10:00, three hours.</p>",
        "published": "2026-11-20T09:00:00Z",
        "updated": "2026-11-20T09:00:00Z",
        "publishes": {
            "type": "Intent",
            "id": f"{address}#primary",
            "action": "deliverService",
            "resourceQuantity": {"hasUnit": "hour", "hasNumericalValue": "3"},
        },
        "unitBased": True,
        "url": address,
        "to": PUBLIC,
        "organisation": "Old Town Movers",
        "language": "en",
        "kind": "labour",
        "stream": "gift",
        "urgency": "normal",
        "places": 2,
        "taken": 0,
        "remote": False,
    }

"""Signed messages of many peers, as the product's own instances would send them."""

import json
import secrets
import uuid
from dataclasses import dataclass

import asyncpg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.federation.wire.context import ACTIVITY_JSON, NATIVE_CONTEXT, PUBLIC
from app.infra import clock
from app.infra.signatures import HttpMessage, Signer, sign_request


@dataclass(frozen=True)
class Sender:
    """A peer of the bench: where it says it is, and its key."""

    origin: str
    key: Ed25519PrivateKey


async def make_senders(url: str, count: int) -> list[Sender]:
    """Make active peers, and the table in which the floor keeps what it accepts."""
    connection = await asyncpg.connect(url)
    await connection.execute(
        "CREATE TABLE bench_messages (activity_id text PRIMARY KEY, body bytea NOT NULL)"
    )
    made = [
        Sender(f"https://peer-{number}.example", Ed25519PrivateKey.generate())
        for number in range(count)
    ]
    for sender in made:
        peer_id = uuid.UUID(bytes=secrets.token_bytes(16), version=4)
        await connection.execute(
            "INSERT INTO peers (id, origin, actor_url, inbox_url, key_id, public_key, name, "
            "software, state, created_at, state_at, version) "
            "VALUES ($1, $2, $3, $4, $5, $6, '', '', 'active', now(), now(), 1)",
            peer_id, sender.origin, f"{sender.origin}/actor", f"{sender.origin}/inbox",
            f"{sender.origin}/actor#key", sender.key.public_key().public_bytes_raw(),
        )  # fmt: skip
        await connection.execute(
            "INSERT INTO peer_inboxes (peer_id, epoch, applied_seq, pull_failures, pull_after) "
            "VALUES ($1, '', 0, 0, now())",
            peer_id,
        )
    await connection.close()
    return made


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

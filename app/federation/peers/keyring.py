"""The keys of peers: which are accepted, since when, and which were, for what they signed then.

A key comes in two ways: people approve it (pinned), or a key that is accepted already vouches for
it (rotated). Rows are never deleted: a receipt is checked by the key that was valid when it was
signed. Nothing is stored under a key id that only a sender has named.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import or_, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.federation.peers.discovery import Discovered, ShownKey
from app.infra import clock, keys
from app.infra.signatures import (
    HttpAnswer,
    HttpMessage,
    Proven,
    SignatureRefusedError,
    read_claimed,
    verify_answer,
    verify_request,
)
from app.models.federation import KeyArrival, Peer, PeerKey

Accepted = Mapping[str, Ed25519PublicKey]


async def accepted_keys(session: AsyncSession, peer_id: UUID) -> Accepted:
    """Return the keys by which a peer is proven now, by their addresses."""
    now = clock.now()
    statement = (
        select(PeerKey.key_id, PeerKey.public_key)
        .where(
            col(PeerKey.peer_id) == peer_id,
            col(PeerKey.revoked_at).is_(None),
            or_(col(PeerKey.accepted_until).is_(None), col(PeerKey.accepted_until) > now),
        )
        .order_by(col(PeerKey.accepted_from), col(PeerKey.id))
    )
    rows = (await session.exec(statement)).all()
    return {key_id: keys.load_public_key(raw) for key_id, raw in rows}


def prove_request(message: HttpMessage, accepted: Accepted) -> Proven:
    """Prove a request by the accepted key that it names."""
    key_id, key = _named(message.header_lines, accepted)
    return verify_request(message, key, key_id, now=clock.now())


def prove_answer(answer: HttpAnswer, accepted: Accepted) -> Proven:
    """Prove an answer by the accepted key that it names."""
    key_id, key = _named(answer.header_lines, accepted)
    return verify_answer(answer, key, key_id, now=clock.now())


def _named(lines: Sequence[tuple[str, str]], accepted: Accepted) -> tuple[str, Ed25519PublicKey]:
    key_id = read_claimed(lines).key_id
    if key_id not in accepted:
        raise SignatureRefusedError("invalid", "by a key that is not accepted")
    return key_id, accepted[key_id]


async def pin_key(session: AsyncSession, peer: Peer, shown: ShownKey) -> None:
    """Hold a peer to one key alone, as people approved it; all others end.

    Only one, though its actor may show several: people compare one fingerprint.
    """
    now = clock.now()
    await _end(session, peer.id, now, keep={shown.raw})
    await _accept(session, peer.id, shown, KeyArrival.PINNED, now)
    use_key(peer, shown)


async def living_keys(session: AsyncSession, peer_id: UUID) -> set[bytes]:
    """Return the keys of a peer that were not revoked, those that ended included."""
    statement = select(PeerKey.public_key).where(
        PeerKey.peer_id == peer_id, col(PeerKey.revoked_at).is_(None)
    )
    return set((await session.exec(statement)).all())


async def follow(session: AsyncSession, peer_id: UUID, shown: Sequence[ShownKey]) -> None:
    """Accept the keys that an accepted one vouches for and that their origin shows."""
    now = clock.now()
    for key in shown:
        await _accept(session, peer_id, key, KeyArrival.ROTATED, now)


def use_key(peer: Peer, shown: ShownKey) -> None:
    """Show people this key as the peer's."""
    peer.key_id, peer.public_key = shown.key_id, shown.raw


async def end_missing(session: AsyncSession, peer_id: UUID, found: Discovered) -> None:
    """Accept no longer what the origin shows no more."""
    await _end(session, peer_id, clock.now(), keep={key.raw for key in found.keys})


async def revoke(session: AsyncSession, peer_id: UUID, raw: bytes, at: datetime) -> bool:
    """Accept a key never again; what it signed before a moment still holds.

    The earliest moment that was said counts: nobody gives a stolen key more time.
    """
    changed = await session.execute(
        update(PeerKey)
        .where(
            col(PeerKey.peer_id) == peer_id,
            col(PeerKey.public_key) == raw,
            or_(col(PeerKey.revoked_at).is_(None), col(PeerKey.revoked_at) > at),
        )
        .values(revoked_at=min(at, clock.now()))
        .returning(col(PeerKey.id))
    )
    return changed.first() is not None


async def _accept(
    session: AsyncSession, peer_id: UUID, shown: ShownKey, came: KeyArrival, now: datetime
) -> None:
    """Accept a key; one that was revoked stays so."""
    statement = insert(PeerKey).values(
        peer_id=peer_id,
        key_id=shown.key_id,
        public_key=shown.raw,
        came=came,
        accepted_from=now,
        accepted_until=shown.expires,
    )
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["peer_id", "key_id", "public_key"],
            set_={"accepted_until": shown.expires},
        )
    )


async def _end(session: AsyncSession, peer_id: UUID, now: datetime, keep: set[bytes]) -> None:
    await session.execute(
        update(PeerKey)
        .where(
            col(PeerKey.peer_id) == peer_id,
            col(PeerKey.public_key).not_in(keep),
            or_(col(PeerKey.accepted_until).is_(None), col(PeerKey.accepted_until) > now),
        )
        .values(accepted_until=now)
    )

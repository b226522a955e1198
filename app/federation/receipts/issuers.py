"""Where the keys of an issuer come from: ourselves, a pinned peer, or one look at a stranger."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.federation.peers.discovery import clients_of, may_fetch
from app.federation.peers.identity import our_identity
from app.federation.peers.queries import peer_by_origin
from app.federation.receipts.known_keys import KnownKey, keys_in
from app.federation.wire.addresses import origin_of
from app.federation.wire.context import ACTIVITY_JSON, ACTIVITY_MEDIA_TYPES
from app.infra.http_client import OutboundError, Outgoing, call, guarded_client
from app.infra.runtime import Runtime
from app.infra.strict_json import StrictJsonError, parse_json
from app.models.federation import FetchCause, InstanceKey, KeyKind, Peer, PeerKey, PeerState
from app.models.receipts import Receipt

OK = 200


async def keys_of_issuer(
    session: AsyncSession, runtime: Runtime, issuer: str
) -> Sequence[KnownKey] | None:
    """Return the keys that we hold of an issuer without asking anybody; None for a stranger."""
    origin = origin_of(issuer)
    if origin == runtime.origin:
        ours = await our_identity(session, runtime)
        return [_own(issuer, key) for key in ours.keys if key.kind == KeyKind.ED25519]
    peer = await peer_by_origin(session, origin)
    # Until stewards have compared it, the key of one that asks is no better than a stranger's.
    if peer is None or peer.state in {PeerState.NONE, PeerState.REQUESTED, PeerState.PROPOSED}:
        return None
    rows = (await session.exec(select(PeerKey).where(PeerKey.peer_id == peer.id))).all()
    listed = [_theirs(issuer, row) for row in rows]
    return listed or [KnownKey(peer.actor_url, peer.key_id, peer.public_key)]


async def held_keys(session: AsyncSession, origin: str) -> Sequence[KnownKey]:
    """Return all keys in a database: our own, our peers', and those that came with receipts."""
    own = (await session.exec(select(InstanceKey))).all()
    theirs = await session.exec(select(PeerKey, Peer.actor_url).where(PeerKey.peer_id == Peer.id))
    kept = await session.exec(select(Receipt.issuer, Receipt.key_id, Receipt.public_key).distinct())
    listed = [
        *(_own(f"{origin}/actor", key) for key in own if key.kind == KeyKind.ED25519),
        *(_theirs(actor, row) for row, actor in theirs.all()),
    ]
    named = {(key.key_id, key.public_key) for key in listed}
    # What a list of keys says of its end counts; a key in no list was good when it came.
    return [
        *listed,
        *(KnownKey(*row) for row in kept.all() if (row[1], row[2]) not in named),
    ]


def _own(issuer: str, key: InstanceKey) -> KnownKey:
    return _known(issuer, f"{issuer}#{key.name}", key.public_key, key.expires_at, key.revoked_at)


def _theirs(issuer: str, key: PeerKey) -> KnownKey:
    return _known(issuer, key.key_id, key.public_key, key.accepted_until, key.revoked_at)


def _known(
    issuer: str, key_id: str, raw: bytes, until: datetime | None, revoked_at: datetime | None
) -> KnownKey:
    ends = [end for end in (until, revoked_at) if end is not None]
    return KnownKey(issuer, key_id, raw, min(ends, default=None), revoked_at is not None)


async def ask_for_keys(
    session: AsyncSession, runtime: Runtime, issuer: str
) -> Sequence[KnownKey] | None:
    """Ask a stranger once for its keys, over TLS at its own address; None when it cannot be."""
    if not await may_fetch(session, origin_of(issuer), FetchCause.SHOWN):
        return None
    found = await _keys_at(runtime, f"{issuer}/keys")
    return [key for key in found if key.issuer == issuer]


async def _keys_at(runtime: Runtime, url: str) -> Sequence[KnownKey]:
    try:
        async with guarded_client(clients_of(runtime).policy) as client:
            answer = await call(client, Outgoing("GET", url, {"Accept": ACTIVITY_JSON}))
        if answer.status != OK or answer.media_type not in ACTIVITY_MEDIA_TYPES:
            return ()
        return keys_in(parse_json(answer.body))
    except (OutboundError, StrictJsonError):
        return ()

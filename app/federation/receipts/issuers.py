"""Where the keys of an issuer come from: ourselves, a pinned peer, or one look at a stranger."""

from collections.abc import Sequence

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
from app.models.federation import PeerState

OK = 200


async def keys_of_issuer(
    session: AsyncSession, runtime: Runtime, issuer: str
) -> Sequence[KnownKey] | None:
    """Return the keys that we hold of an issuer without asking anybody; None for a stranger."""
    origin = origin_of(issuer)
    if origin == runtime.origin:
        ours = await our_identity(session, runtime)
        return [KnownKey(issuer, ours.signer.key_id, ours.public_key.public_bytes_raw())]
    peer = await peer_by_origin(session, origin)
    # Until stewards have compared it, the key of one that asks is no better than a stranger's.
    if peer is None or peer.state in {PeerState.NONE, PeerState.REQUESTED, PeerState.PROPOSED}:
        return None
    return [KnownKey(peer.actor_url, peer.key_id, peer.public_key)]


async def ask_for_keys(
    session: AsyncSession, runtime: Runtime, issuer: str
) -> Sequence[KnownKey] | None:
    """Ask a stranger once for its keys, over TLS at its own address; None when it cannot be."""
    if not await may_fetch(session, origin_of(issuer)):
        return None
    for url in (f"{issuer}/keys", issuer):
        found = [key for key in await _keys_at(runtime, url) if key.issuer == issuer]
        if found:
            return found
    return None


async def _keys_at(runtime: Runtime, url: str) -> Sequence[KnownKey]:
    try:
        async with guarded_client(clients_of(runtime).policy) as client:
            answer = await call(client, Outgoing("GET", url, {"Accept": ACTIVITY_JSON}))
        if answer.status != OK or answer.media_type not in ACTIVITY_MEDIA_TYPES:
            return ()
        return keys_in(parse_json(answer.body))
    except (OutboundError, StrictJsonError):
        return ()

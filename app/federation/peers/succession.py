"""A peer's own word that its keys change: taken when an accepted key signs it.

The word of a key alone could be a thief's, so the origin is asked too: a key is accepted when both
show it. A key may always revoke itself: whoever holds it could do worse.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import SYSTEM
from app.domain.activity.actions import record
from app.federation.peers import keyring, queries
from app.federation.peers.actions import note_other_key, release_held
from app.federation.peers.discovery import (
    FETCH_AGAIN_AFTER,
    Discovered,
    NotFoundAsPeerError,
    ShownKey,
    discover,
    may_fetch,
    revoked_among,
    revoked_keys,
    shown_keys,
)
from app.federation.wire.actors import Actor
from app.federation.wire.problems import RATE_LIMIT, RefusedError
from app.infra import clock
from app.infra.database import transaction
from app.infra.runtime import Runtime
from app.models.federation import FetchCause, Peer

ASK_AGAIN_SECONDS = int(FETCH_AGAIN_AFTER[FetchCause.ANNOUNCED].total_seconds())


@dataclass(frozen=True)
class Word:
    """What a peer says of its keys, and by which of them."""

    shown: Sequence[ShownKey]
    revoked: Mapping[bytes, datetime]
    signer: bytes


async def take_word(
    session: AsyncSession, runtime: Runtime, peer: Peer, said: Actor, key_id: str
) -> bool:
    """Follow a peer to the keys that it announces; answers whether anything changed.

    When this returns, the new keys are accepted: the peer may use them as soon as it hears so.
    A key that revokes itself is refused from now on, whether the origin answers or not.
    """
    accepted = await keyring.accepted_keys(session, peer.id)
    signer = accepted[key_id].public_bytes_raw() if key_id in accepted else b""
    known = await keyring.living_keys(session, peer.id)
    revoked = {
        raw: at for raw, at in revoked_among(peer.actor_url, said.assertionMethod).items()
        if raw in known
    }  # fmt: skip
    word = Word(shown_keys(said), revoked, signer)
    if not revoked and {key.raw for key in word.shown} == _raw(accepted):
        return await _set_order(session, peer, word, accepted)
    found: Discovered | None = None
    confirmed: Mapping[bytes, datetime] = {}
    if await _may_ask(runtime, peer):
        found = await _ask(runtime, peer)
        confirmed = await _ask_revoked(runtime, peer) if revoked else {}
    if found is None and signer not in revoked:
        raise RefusedError(RATE_LIMIT, retry_after_seconds=ASK_AGAIN_SECONDS)
    peer = await queries.lock_peer(session, peer.id)
    await _revoke(session, peer, word, confirmed)
    if found is not None:
        await _follow(session, peer, word, found)
    await _conclude(session, peer, word)
    record(session, SYSTEM, "peer.keys_changed", peer.id)
    return True


def _raw(accepted: keyring.Accepted) -> set[bytes]:
    return {key.public_bytes_raw() for key in accepted.values()}


async def _set_order(
    session: AsyncSession, peer: Peer, word: Word, accepted: keyring.Accepted
) -> bool:
    """Show people the key that the peer signs with by now; none comes and none goes."""
    first = word.shown[0]
    if peer.public_key == first.raw and first.key_id in accepted:
        return False
    peer = await queries.lock_peer(session, peer.id)
    keyring.use_key(peer, first)
    return True


async def _may_ask(runtime: Runtime, peer: Peer) -> bool:
    """In a transaction of its own: a word that is refused has used up the question as well."""
    async with transaction(runtime.sessions) as apart:
        return await may_fetch(apart, peer.origin, FetchCause.ANNOUNCED)


async def _ask(runtime: Runtime, peer: Peer) -> Discovered | None:
    try:
        return await discover(runtime, peer.origin)
    except NotFoundAsPeerError:
        return None


async def _ask_revoked(runtime: Runtime, peer: Peer) -> Mapping[bytes, datetime]:
    try:
        return await revoked_keys(runtime, peer.origin)
    except NotFoundAsPeerError:
        return {}


async def _revoke(
    session: AsyncSession, peer: Peer, word: Word, confirmed: Mapping[bytes, datetime]
) -> None:
    """Revoke what the origin confirms, from when it says; a key that revokes itself, from now.

    A thief who dates the end of a key back would take the receipts of years with it.
    """
    for raw in word.revoked:
        if raw in confirmed:
            await keyring.revoke(session, peer.id, raw, confirmed[raw])
        elif raw == word.signer:
            await keyring.revoke(session, peer.id, raw, clock.now())


async def _follow(session: AsyncSession, peer: Peer, word: Word, found: Discovered) -> None:
    vouched = {key.raw for key in word.shown}
    if word.signer in await keyring.living_keys(session, peer.id) or not word.signer:
        await keyring.follow(session, peer.id, [k for k in found.keys if k.raw in vouched])
    await keyring.end_missing(session, peer.id, found)


async def _conclude(session: AsyncSession, peer: Peer, word: Word) -> None:
    """See where this leaves us: with a key to go on with, or with none that people approved."""
    accepted = _raw(await keyring.accepted_keys(session, peer.id))
    going_on = [key for key in word.shown if key.raw in accepted]
    if not accepted and word.shown:
        await note_other_key(session, peer.id, word.shown[0])
    if going_on and peer.public_key not in accepted:
        keyring.use_key(peer, going_on[0])
    if peer.candidate_key in accepted:
        await release_held(session, peer)

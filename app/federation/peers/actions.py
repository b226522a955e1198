"""Moving where we stand with a peer: by our stewards, or by what they sent us.

Both sides must approve. Our approval is the act of sending: the Offer when we ask, the Accept
when they asked. The key is pinned with it, and its fingerprint is there to be compared.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import SYSTEM, Actor
from app.domain.activity.actions import record
from app.domain.needs import mirroring
from app.errors import ConflictError, InvalidError, UpstreamError
from app.federation.peers import keyring, queries
from app.federation.peers.discovery import Discovered, NotFoundAsPeerError, ShownKey, discover
from app.federation.peers.identity import Identity, our_identity
from app.federation.peers.lanes import as_counted
from app.federation.peers.post import send_letter
from app.federation.peers.states import stewards_may, they_may
from app.federation.wire.addresses import AddressError, normal_origin
from app.federation.wire.context import NATIVE_CONTEXT, PEER_RELATIONSHIP, PROFILE
from app.federation.wire.documents import Message
from app.federation.wire.peering import (
    AcceptPeering,
    OfferPeering,
    RejectPeering,
    Relationship,
    UndoPeering,
)
from app.federation.wire.problems import STATE_CONFLICT, RefusedError
from app.infra import clock, keys
from app.infra.http_client import OutboundError, policy_of
from app.infra.ids import public_id
from app.infra.runtime import Runtime
from app.models.base import one_line
from app.models.federation import Peer, PeerInbox, PeerOutbox, PeerState

ACCEPT_ARRIVES_WITHIN = timedelta(seconds=10)
POLICY_PATH = "/policy"
REQUESTS_KEPT = timedelta(days=30)
NAME_CHARACTERS_MAX = 200
SOFTWARE_CHARACTERS_MAX = 100


@dataclass(frozen=True)
class Wanted:
    """A steward's decision about a peer: where to, why, and the key that was looked at.

    A fingerprint that is given must be the key's by now: nobody approves what they did not see.
    """

    to: PeerState
    reason: str = ""
    fingerprint: str = ""


def origin_typed(runtime: Runtime, typed: str) -> str:
    """Return the origin of what a steward typed, if another instance can live there."""
    try:
        origin = normal_origin(typed)
        if origin == runtime.origin:
            raise InvalidError("peer_is_self")
        policy_of(runtime).check_url(origin)
    except (AddressError, OutboundError):
        raise InvalidError("peer_origin_invalid") from None
    return origin


async def propose_peering(
    session: AsyncSession,
    runtime: Runtime,
    actor: Actor,
    typed_origin: str,
    fingerprint: str = "",
) -> Peer:
    """Ask another instance to be our peer; a steward's act, and our side's approval.

    Where an instance wants a decision of its members first, this is where it has to be at hand.
    """
    actor.require_steward()
    origin = origin_typed(runtime, typed_origin)
    found = await _discover(runtime, origin)
    peer = await queries.peer_by_origin(session, origin)
    if peer is None:
        peer = await new_peer(session, found, found.keys[0])
    else:
        peer = await queries.lock_peer(session, peer.id)
    wanted = Wanted(PeerState.PROPOSED, fingerprint=fingerprint)
    await _move_by_steward(session, runtime, actor, peer, wanted, found)
    return peer


async def move_peer(
    session: AsyncSession, runtime: Runtime, actor: Actor, peer_id: UUID, wanted: Wanted
) -> Peer:
    """Approve, suspend, end or block: a steward's act."""
    actor.require_steward()
    found = None
    if wanted.to == PeerState.PROPOSED:
        # Asked before the row is locked: the answer may take its time.
        known = await queries.get_view_for(session, actor, peer_id)
        found = await _discover(runtime, known.peer.origin)
    peer = await queries.lock_peer(session, peer_id)
    await _move_by_steward(session, runtime, actor, peer, wanted, found)
    return peer


async def _discover(runtime: Runtime, origin: str) -> Discovered:
    try:
        return await discover(runtime, origin)
    except NotFoundAsPeerError as error:
        raise UpstreamError("peer_unreachable", detail=str(error)) from error


async def _move_by_steward(
    session: AsyncSession,
    runtime: Runtime,
    actor: Actor,
    peer: Peer,
    wanted: Wanted,
    found: Discovered | None,
) -> None:
    possible = stewards_may(peer.state)
    if wanted.to not in possible:
        extra = {"possible_transitions": [state.value for state in possible]}
        raise ConflictError("peer_state_conflict", extra=extra)
    ours = await as_counted(session, await our_identity(session, runtime), peer.id)
    if found is not None:
        await pin(session, peer, found, found.keys[0])
    looked_at = "".join(wanted.fingerprint.split())
    if looked_at and looked_at != "".join(keys.fingerprint(queries.public_key_of(peer)).split()):
        raise ConflictError("peer_key_differs")
    message = _letter(ours, peer, wanted.to)
    if message is not None:
        await send_letter(session, peer.id, message)
    await _enter(session, actor, peer, wanted.to, wanted.reason)


def _letter(ours: Identity, peer: Peer, to: PeerState) -> Message | None:
    """Write what the peer is told of a steward's act; suspending and blocking are silent."""
    now = clock.now()
    envelope = {
        "context": NATIVE_CONTEXT,
        "actor": ours.actor_url,
        "to": peer.actor_url,
        "published": now,
    }
    if to == PeerState.PROPOSED:
        peer.offer_id, peer.answer_id = ours.new_id("peering"), None
        offered = Relationship(
            subject=ours.actor_url,
            relationship=PEER_RELATIONSHIP,
            object=peer.actor_url,
            profile=PROFILE,
            epoch=ours.epoch,
            policy=f"{ours.origin}{POLICY_PATH}",
        )
        return OfferPeering.model_validate({**envelope, "id": peer.offer_id, "object": offered})
    if to == PeerState.ACTIVE and peer.state == PeerState.REQUESTED:
        return accept_letter(ours, peer)
    if to == PeerState.ENDED:
        own = _own_act(ours, peer)
        kind = RejectPeering if own is None else UndoPeering
        values = {**envelope, "id": ours.new_id("peering"), "object": own or peer.offer_id}
        return kind.model_validate(values) if peer.offer_id else None
    return None


def accept_letter(ours: Identity, peer: Peer) -> AcceptPeering:
    """Write our Accept of the Offer we hold; the same one whenever it is asked for again."""
    peer.answer_id = peer.answer_id or ours.new_id("peering")
    values = {
        "context": NATIVE_CONTEXT,
        "id": peer.answer_id,
        "actor": ours.actor_url,
        "to": peer.actor_url,
        "published": peer.state_at,
        "object": peer.offer_id,
        "epoch": ours.epoch,
    }
    return AcceptPeering.model_validate(values)


def _own_act(ours: Identity, peer: Peer) -> str | None:
    for act in (peer.offer_id, peer.answer_id):
        if act is not None and act.startswith(f"{ours.origin}/"):
            return act
    return None


async def move_by_them(session: AsyncSession, peer: Peer, to: PeerState) -> None:
    """Move where we stand by a verified message of theirs, as far as the table allows."""
    if not they_may(peer.state, to):
        raise RefusedError(STATE_CONFLICT, f"{peer.state} to {to}")
    await _enter(session, SYSTEM, peer, to)


async def note_other_key(session: AsyncSession, peer_id: UUID, shown: ShownKey) -> None:
    """Stop everything with a peer that shows a key for which no accepted one vouches."""
    peer = await queries.lock_peer(session, peer_id)
    if not they_may(peer.state, PeerState.KEY_CHANGED):
        return
    peer.candidate_key, peer.candidate_key_id = shown.raw, shown.key_id
    peer.held_state = peer.state.value
    await _enter(session, SYSTEM, peer, PeerState.KEY_CHANGED)


async def release_held(session: AsyncSession, peer: Peer) -> None:
    """Stand again where we stood: a key that people approved vouches for the new one after all."""
    if peer.state != PeerState.KEY_CHANGED or peer.held_state is None:
        return
    before, peer.held_state = PeerState(peer.held_state), None
    peer.candidate_key = peer.candidate_key_id = None
    await _enter(session, SYSTEM, peer, before)


async def expire_requests(session: AsyncSession) -> None:
    """Let proposals go that our stewards did not answer in time."""
    before = clock.now() - REQUESTS_KEPT
    for peer_id in await queries.requests_before(session, before):
        peer = await queries.lock_peer(session, peer_id)
        if peer.state == PeerState.REQUESTED and peer.state_at < before:
            await _enter(session, SYSTEM, peer, PeerState.ENDED)


async def _enter(
    session: AsyncSession, actor: Actor, peer: Peer, to: PeerState, reason: str = ""
) -> None:
    before, now = peer.state, clock.now()
    peer.state, peer.state_at = to, now
    peer.version += 1
    if to == PeerState.ACTIVE:
        peer.active_since = now
        peer.candidate_key = peer.candidate_key_id = None
        await mirroring.show_needs_of(session, peer.id)
        # Whoever has yet to get our Accept would not answer us at once.
        pause = ACCEPT_ARRIVES_WITHIN if before == PeerState.REQUESTED else timedelta(0)
        await _ask_for_news(session, peer, now + pause)
    elif before == PeerState.ACTIVE:
        await mirroring.hide_needs_of(session, peer.id)
    outbox = await session.get(PeerOutbox, peer.id, with_for_update=True)
    if outbox is not None:
        # A new state is a reason to try at once.
        outbox.failures, outbox.last_failure, outbox.next_attempt_at = 0, "", now
    details = {"reason": reason} if reason else {}
    record(session, actor, f"peer.{_VERBS[to]}", peer.id, **details)


async def _ask_for_news(session: AsyncSession, peer: Peer, at: datetime) -> None:
    """Let the worker read the peer's log: we have not heard from it since it became active."""
    lane = await session.get(PeerInbox, peer.id, with_for_update=True)
    if lane is not None:
        lane.last_message_at, lane.pull_failures, lane.pull_after = None, 0, at
        # What we hold from before may be long out of date.
        lane.manifest_due = lane.manifest_due or lane.held_count > 0


_VERBS = {
    PeerState.NONE: "met",
    PeerState.PROPOSED: "proposed",
    PeerState.REQUESTED: "requested",
    PeerState.ACTIVE: "activated",
    PeerState.SUSPENDED: "suspended",
    PeerState.KEY_CHANGED: "key_changed",
    PeerState.ENDED: "ended",
    PeerState.BLOCKED: "blocked",
}


async def new_peer(session: AsyncSession, found: Discovered, shown: ShownKey) -> Peer:
    """Make the rows of a peer that we have not met before, held to one key of those it shows."""
    peer = Peer(
        id=public_id(),
        origin=found.origin,
        actor_url=found.actor_url,
        inbox_url=found.inbox_url,
        key_id=shown.key_id,
        public_key=shown.raw,
    )
    session.add(peer)
    await session.flush()  # the lanes refer to it
    await pin(session, peer, found, shown)
    session.add(PeerOutbox(peer_id=peer.id))
    session.add(PeerInbox(peer_id=peer.id))
    await session.flush()
    return peer


async def pin(session: AsyncSession, peer: Peer, found: Discovered, shown: ShownKey) -> None:
    """Hold a peer to a key that it shows now; only a steward's act or a first Offer does so."""
    await keyring.pin_key(session, peer, shown)
    peer.held_state = peer.candidate_key = peer.candidate_key_id = None
    peer.actor_url, peer.inbox_url = found.actor_url, found.inbox_url
    peer.name = one_line(found.name)[:NAME_CHARACTERS_MAX]
    peer.software = one_line(found.software)[:SOFTWARE_CHARACTERS_MAX]

"""Our keys over time: the next one beside the current, then in its place; and what was stolen.

rotate ── the next key is shown; its announcement, signed by the current one, goes to all peers
   └─ each peer that has answered it is signed to with the next key (identity.our_identity)
turn ── all have answered, or a day has passed: next → current → retiring, 30 days listed
   └─ retired: only in the list of all keys, its private half destroyed
revoke ── never again, from a moment on; the key itself tells peers so
"""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import exists
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import SYSTEM, Actor
from app.domain.activity.actions import record
from app.errors import ConflictError, InvalidError, NotFoundError
from app.federation.peers.identity import Identity, our_identity
from app.federation.peers.own_keys import new_key, our_keys
from app.federation.peers.post import Said, send_letter, write_events
from app.federation.wire.actors import UpdateActor
from app.federation.wire.context import NATIVE_CONTEXT, PUBLIC
from app.infra import clock
from app.infra.runtime import Runtime
from app.models.federation import (
    Delivery,
    DeliveryState,
    FederationEvent,
    InstanceKey,
    KeyKind,
    KeyState,
    Peer,
    PeerState,
)

TAKEN_WITHIN = timedelta(hours=24)
LISTED_AFTERWARDS = timedelta(days=30)
# Keys belong to the instance, which has no row.
THE_INSTANCE = UUID(int=0)
# Whoever has no key of ours pinned hears nothing of them.
WITHOUT_OUR_KEY = (PeerState.NONE, PeerState.ENDED, PeerState.BLOCKED)


async def list_keys(
    session: AsyncSession, runtime: Runtime, actor: Actor
) -> tuple[Identity, Sequence[InstanceKey]]:
    """Return who we are and every key we ever had, oldest first; for stewards."""
    actor.require_steward()
    ours = await our_identity(session, runtime)
    return ours, ours.keys


async def rotate_key(session: AsyncSession, runtime: Runtime, actor: Actor) -> InstanceKey:
    """Make the next key, and let the current one tell all peers of it."""
    actor.require_steward()
    rows = await _locked(session, runtime)
    if _find(rows, KeyState.NEXT) is not None:
        raise ConflictError("key_rotation_under_way")
    current = _current(rows)
    ours = await our_identity(session, runtime)
    letter = ours.new_id("activities")
    name = _fresh_name()
    row = new_key(
        runtime, name, current.epoch, state=KeyState.NEXT, current_at=None, announcement=letter
    )
    session.add(row)
    current.letters = [*current.letters, letter]
    await session.flush()
    await _tell(session, runtime, letter)
    record(session, actor, "instance.key_rotated", THE_INSTANCE, key=name)
    return row


async def revoke_key(
    session: AsyncSession,
    runtime: Runtime,
    actor: Actor,
    name: str = "",
    *,
    since: datetime | None = None,
    reason: str = "",
) -> InstanceKey:
    """Revoke a key, the current one if none is named; what it signed before `since` holds.

    When peers do not know the next key yet, the one that takes its place has nobody to vouch for
    it: their stewards, and then ours, approve anew.
    """
    actor.require_steward()
    now = clock.now()
    rows = await _locked(session, runtime)
    row = _named(rows, name) if name else _current(rows)
    if row.state == KeyState.REVOKED:
        raise ConflictError("key_revoked_already")
    if since is not None and since > now:
        raise InvalidError("key_revoked_in_future")
    before, row.state = row.state, KeyState.REVOKED
    row.revoked_at, row.announcement = since or now, None
    await session.flush()  # its place must be free before another takes it
    if before == KeyState.CURRENT:
        await _succeed(session, runtime, rows, row)
    ours = await our_identity(session, runtime)
    letter = ours.new_id("activities")
    if row.sealed_private_key:
        row.letters = [*row.letters, letter]
        await session.flush()
    await _tell(session, runtime, letter, row)
    record(session, actor, "instance.key_revoked", THE_INSTANCE, key=row.name, reason=reason)
    return row


async def turn_keys(session: AsyncSession, runtime: Runtime) -> int:
    """Take the steps that are due; answers how many."""
    if not await _any_on_its_way(session):
        return 0
    rows = await _locked(session, runtime)
    taken = 0
    following = _find(rows, KeyState.NEXT)
    if following is not None and await _is_due(session, following):
        await _promote(session, runtime, rows, following)
        taken += 1
    for row in rows:
        taken += await _let_go(session, runtime, row)
    return taken


async def _any_on_its_way(session: AsyncSession) -> bool:
    moving = (KeyState.NEXT, KeyState.RETIRING, KeyState.REVOKED)
    statement = select(InstanceKey.name).where(
        col(InstanceKey.state).in_(moving), col(InstanceKey.sealed_private_key) != b""
    )
    return (await session.exec(statement.limit(1))).first() is not None


async def _is_due(session: AsyncSession, following: InstanceKey) -> bool:
    """Whether the next key takes over; peers that came meanwhile are told of it first."""
    letter = following.announcement or ""
    for peer_id in await _untold(session, letter):
        await _send_again(session, letter, peer_id)
    waiting = (
        select(col(Delivery.id))
        .join(FederationEvent, col(FederationEvent.id) == col(Delivery.event_id))
        .join(Peer, col(Peer.id) == col(Delivery.peer_id))
        .where(
            col(FederationEvent.activity_id) == letter,
            col(Delivery.state) == DeliveryState.PENDING,
            col(Peer.state).not_in(WITHOUT_OUR_KEY),
        )
        .limit(1)
    )
    if (await session.exec(waiting)).first() is None:
        return True
    return clock.now() >= following.created_at + TAKEN_WITHIN


async def _promote(
    session: AsyncSession, runtime: Runtime, rows: Sequence[InstanceKey], following: InstanceKey
) -> None:
    now, current = clock.now(), _current(rows)
    current.state, current.expires_at = KeyState.RETIRING, now + LISTED_AFTERWARDS
    await session.flush()
    following.state, following.current_at = KeyState.CURRENT, now
    await session.flush()
    await _tell(session, runtime, (await our_identity(session, runtime)).new_id("activities"))
    record(session, SYSTEM, "instance.key_in_use", THE_INSTANCE, key=following.name)


async def _let_go(session: AsyncSession, runtime: Runtime, row: InstanceKey) -> int:
    """Stop listing a key after its time, and destroy what signs no more."""
    now = clock.now()
    if row.state == KeyState.RETIRING and row.expires_at is not None and row.expires_at <= now:
        row.state, row.sealed_private_key, row.letters = KeyState.RETIRED, b"", []
        await session.flush()
        await _tell(session, runtime, (await our_identity(session, runtime)).new_id("activities"))
        return 1
    revoked_long_ago = row.revoked_at is not None and row.revoked_at + LISTED_AFTERWARDS <= now
    if row.state == KeyState.REVOKED and row.sealed_private_key and revoked_long_ago:
        row.sealed_private_key, row.letters = b"", []
        await session.flush()
        return 1
    return 0


async def _succeed(
    session: AsyncSession, runtime: Runtime, rows: Sequence[InstanceKey], revoked: InstanceKey
) -> None:
    """Let the next key sign in the place of a revoked one, or a new one if there is none."""
    following = _find(rows, KeyState.NEXT)
    if following is not None:
        following.state, following.current_at = KeyState.CURRENT, clock.now()
    else:
        session.add(new_key(runtime, _fresh_name(), revoked.epoch))
    await session.flush()


async def _tell(session: AsyncSession, runtime: Runtime, letter: str, *more: InstanceKey) -> None:
    """Send all peers what our actor is by now."""
    ours = await our_identity(session, runtime)
    message = UpdateActor.model_validate(
        {
            "context": NATIVE_CONTEXT,
            "id": letter,
            "actor": ours.actor_url,
            "to": PUBLIC,
            "published": clock.now(),
            "object": ours.actor("", *more),
        }
    )
    peer_ids = await _untold(session, letter)
    if not peer_ids:
        await write_events(session, [Said(message)])
    for peer_id in peer_ids:
        await send_letter(session, peer_id, message)


async def _untold(session: AsyncSession, letter: str) -> Sequence[UUID]:
    """List the peers that have our key and to whom a message has not been sent."""
    sent = (
        exists()
        .where(col(Delivery.peer_id) == col(Peer.id))
        .where(
            col(Delivery.event_id).in_(
                select(col(FederationEvent.id)).where(FederationEvent.activity_id == letter)
            )
        )
    )
    statement = (
        select(Peer.id).where(col(Peer.state).not_in(WITHOUT_OUR_KEY), ~sent).order_by(col(Peer.id))
    )
    return (await session.exec(statement)).all()


async def _send_again(session: AsyncSession, letter: str, peer_id: UUID) -> None:
    """Send the announcement to one more peer: the same message, as it was written."""
    found = select(FederationEvent.body).where(FederationEvent.activity_id == letter)
    body = (await session.exec(found)).first()
    if body is not None:
        await send_letter(session, peer_id, UpdateActor.model_validate_json(body))


async def _locked(session: AsyncSession, runtime: Runtime) -> Sequence[InstanceKey]:
    """Return our keys, locked: two that change them follow one another."""
    await our_keys(session, runtime)
    statement = (
        select(InstanceKey)
        .order_by(col(InstanceKey.created_at), col(InstanceKey.name))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return (await session.exec(statement)).all()


def _find(rows: Sequence[InstanceKey], state: KeyState) -> InstanceKey | None:
    return next((r for r in rows if (r.kind, r.state) == (KeyKind.ED25519, state)), None)


def _current(rows: Sequence[InstanceKey]) -> InstanceKey:
    row = _find(rows, KeyState.CURRENT)
    if row is None:
        raise NotFoundError("key_not_found")
    return row


def _named(rows: Sequence[InstanceKey], name: str) -> InstanceKey:
    fragment = name.rpartition("#")[2]
    for row in rows:
        if (row.kind, row.name) == (KeyKind.ED25519, fragment):
            return row
    raise NotFoundError("key_not_found")


def _fresh_name() -> str:
    return f"ed25519-{clock.today().isoformat()}-{secrets.token_hex(2)}"

"""Asking another instance who it is; only when a steward or a proven need asks us to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import ValidationError
from sqlalchemy import func, or_
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.federation.wire.actors import Actor, KeyList, Multikey
from app.federation.wire.addresses import AddressError, origin_of
from app.federation.wire.context import ACTIVITY_JSON, ACTIVITY_MEDIA_TYPES
from app.federation.wire.limits import LimitError, check_limits
from app.infra import clock, keys
from app.infra.http_client import (
    OutboundError,
    OutboundPolicy,
    Outgoing,
    fetch,
    guarded_client,
    policy_of,
)
from app.infra.runtime import Runtime
from app.infra.strict_json import StrictJsonError, parse_json
from app.models.federation import ActorFetch, FetchCause

FETCH_AGAIN_AFTER = {
    FetchCause.CLAIMED: timedelta(minutes=5),
    FetchCause.ANNOUNCED: timedelta(minutes=1),
    FetchCause.INTRODUCED: timedelta(minutes=5),
    FetchCause.SHOWN: timedelta(minutes=5),
}
FETCHES_PER_MINUTE_MAX = 10
_CLIENTS = "federation.clients"
_log = structlog.get_logger(__name__)


class NotFoundAsPeerError(Exception):
    """The other side is no instance that we can speak with; the reason is for the log."""


@dataclass(frozen=True)
class ShownKey:
    """A key that an actor shows as its own, sound and not revoked."""

    key_id: str
    raw: bytes
    expires: datetime | None = None


@dataclass(frozen=True)
class Discovered:
    """What an instance says of itself, checked to belong together."""

    origin: str
    actor_url: str
    inbox_url: str
    keys: Sequence[ShownKey]
    name: str
    software: str

    @property
    def public_key(self) -> Ed25519PublicKey:
        """The key that it signs with; the others are for a change of keys."""
        return keys.load_public_key(self.keys[0].raw)

    def key(self, key_id: str) -> ShownKey | None:
        """Return the key that it shows under an address, if any."""
        return next((key for key in self.keys if key.key_id == key_id), None)


class PeerClients:
    """One HTTP client per peer, kept for the life of the process."""

    def __init__(self, policy: OutboundPolicy) -> None:
        """Make no client yet."""
        self.policy = policy
        self._clients: dict[str, httpx.AsyncClient] = {}

    def of(self, origin: str) -> httpx.AsyncClient:
        """Return the client for a peer's origin."""
        if origin not in self._clients:
            self._clients[origin] = guarded_client(self.policy)
        return self._clients[origin]

    async def aclose(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()


def clients_of(runtime: Runtime) -> PeerClients:
    """Return this process's clients."""
    found: Any = runtime.shared.get(_CLIENTS)
    if isinstance(found, PeerClients):
        return found
    clients = PeerClients(policy_of(runtime))
    runtime.shared[_CLIENTS] = clients
    return clients


async def discover(runtime: Runtime, origin: str) -> Discovered:
    """Fetch an instance's actor and check that all it says is of its own origin."""
    url = f"{origin}/actor"
    try:
        actor = Actor.model_validate(await _fetch(runtime, origin, url))
    except ValidationError as error:
        raise NotFoundAsPeerError("not an actor as we know them") from error
    return _checked(origin, url, actor)


async def revoked_keys(runtime: Runtime, origin: str) -> Mapping[bytes, datetime]:
    """Ask an instance which keys it revoked, and from when on."""
    actor_url = f"{origin}/actor"
    try:
        listed = KeyList.model_validate(await _fetch(runtime, origin, f"{actor_url}/keys"))
    except ValidationError as error:
        raise NotFoundAsPeerError("not a list of keys") from error
    return revoked_among(actor_url, listed.items)


async def _fetch(runtime: Runtime, origin: str, url: str) -> Any:
    policy = clients_of(runtime).policy
    try:
        async with guarded_client(policy) as client:
            answer = await fetch(client, Outgoing("GET", url, {"Accept": ACTIVITY_JSON}))
    except OutboundError as error:
        _log.info("discovery failed", origin=origin, error=error.detail)
        raise NotFoundAsPeerError(error.detail) from error
    if answer.status != 200 or answer.media_type not in ACTIVITY_MEDIA_TYPES:
        # The media type matters: somebody's uploaded file must not pass for an actor.
        raise NotFoundAsPeerError(f"{answer.status} {answer.media_type}")
    try:
        raw = parse_json(answer.body)
        check_limits(raw)
    except (StrictJsonError, LimitError) as error:
        raise NotFoundAsPeerError("not a document as we know them") from error
    return raw


def _checked(origin: str, url: str, actor: Actor) -> Discovered:
    try:
        same_origin = origin_of(actor.inbox) == origin
    except AddressError as error:
        raise NotFoundAsPeerError("inbox") from error
    if actor.id != url or not same_origin:
        raise NotFoundAsPeerError("the actor speaks for another address")
    shown = shown_keys(actor)
    if not shown:
        raise NotFoundAsPeerError("no Ed25519 key that we would trust")
    return Discovered(
        origin=origin,
        actor_url=actor.id,
        inbox_url=actor.inbox,
        keys=shown,
        name=actor.name,
        software=actor.generator.name if actor.generator else "",
    )


def shown_keys(actor: Actor) -> Sequence[ShownKey]:
    """Return the keys of an actor document that could be accepted, in its order."""
    now = clock.now()
    found: dict[str, ShownKey] = {}
    for method in actor.assertionMethod:
        raw = _own_key(actor.id, method)
        ended = method.revoked is not None or (method.expires is not None and method.expires <= now)
        if raw is not None and not ended:
            found.setdefault(method.id, ShownKey(method.id, raw, method.expires))
    return tuple(found.values())


def revoked_among(actor_url: str, methods: Sequence[Multikey]) -> Mapping[bytes, datetime]:
    """Return the keys that a list says are revoked, and from when on."""
    found = {}
    for method in methods:
        raw = _own_key(actor_url, method)
        if raw is not None and method.revoked is not None:
            found[raw] = method.revoked
    return found


def _own_key(actor_url: str, method: Multikey) -> bytes | None:
    """Return a key's bytes when the actor controls it and its address is below the actor's."""
    page, mark, fragment = method.id.partition("#")
    if method.controller != actor_url or page != actor_url or not (mark and fragment):
        return None
    try:
        return keys.decode_multikey(method.publicKeyMultibase).public_bytes_raw()
    except keys.KeyRefusedError:
        return None


async def may_fetch(
    session: AsyncSession, origin: str, cause: FetchCause = FetchCause.CLAIMED
) -> bool:
    """Take one of the few fetches that others can cause; each cause is counted apart.

    Nothing is remembered under a key id, which any sender could name to have it refused later.
    """
    now, pause = clock.now(), FETCH_AGAIN_AFTER[cause]
    recent = select(func.count()).where(
        col(ActorFetch.at) > now - timedelta(minutes=1),
        col(ActorFetch.at) <= now,  # nothing happened later: then the clock was set back
        col(ActorFetch.cause) == cause,
    )
    if (await session.exec(recent)).one() >= FETCHES_PER_MINUTE_MAX:
        return False
    taken = await session.execute(
        insert(ActorFetch)
        .values(origin=origin, cause=cause, at=now)
        .on_conflict_do_update(
            index_elements=["origin", "cause"],
            set_={"at": now},
            where=or_(col(ActorFetch.at) <= now - pause, col(ActorFetch.at) > now + pause),
        )
        .returning(col(ActorFetch.origin))
    )
    return taken.first() is not None

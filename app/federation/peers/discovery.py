"""Asking another instance who it is; only when a steward or a proven need asks us to."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import ValidationError
from sqlalchemy import func, or_
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.federation.wire.actors import Actor, Multikey
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
}
FETCHES_PER_MINUTE_MAX = 10
_CLIENTS = "federation.clients"
_log = structlog.get_logger(__name__)


class NotFoundAsPeerError(Exception):
    """The other side is no instance that we can speak with; the reason is for the log."""


@dataclass(frozen=True)
class Discovered:
    """What an instance says of itself, checked to belong together."""

    origin: str
    actor_url: str
    inbox_url: str
    key_id: str
    public_key: Ed25519PublicKey
    name: str
    software: str


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
        actor = Actor.model_validate(raw)
    except (StrictJsonError, LimitError, ValidationError) as error:
        raise NotFoundAsPeerError("not an actor as we know them") from error
    return _checked(origin, url, actor)


def _checked(origin: str, url: str, actor: Actor) -> Discovered:
    try:
        same_origin = origin_of(actor.inbox) == origin
    except AddressError as error:
        raise NotFoundAsPeerError("inbox") from error
    if actor.id != url or not same_origin:
        raise NotFoundAsPeerError("the actor speaks for another address")
    key_id, public_key = _usable_key(actor)
    return Discovered(
        origin=origin,
        actor_url=actor.id,
        inbox_url=actor.inbox,
        key_id=key_id,
        public_key=public_key,
        name=actor.name,
        software=actor.generator.name if actor.generator else "",
    )


def _usable_key(actor: Actor) -> tuple[str, Ed25519PublicKey]:
    for method in actor.assertionMethod:
        if _is_own(actor, method):
            try:
                return method.id, keys.decode_multikey(method.publicKeyMultibase)
            except keys.KeyRefusedError:
                continue
    raise NotFoundAsPeerError("no Ed25519 key that we would trust")


def _is_own(actor: Actor, method: Multikey) -> bool:
    return method.controller == actor.id and method.id.partition("#")[0] == actor.id


async def may_fetch(
    session: AsyncSession, origin: str, cause: FetchCause = FetchCause.CLAIMED
) -> bool:
    """Take one of the few fetches that others can cause; a peer's own announcement counts apart.

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

"""Who answers at an address: read before anything is asked, and again once a day.

The actor is what counts: it holds the key. NodeInfo says the rest (languages, how many needs are
open, what the community asks of its peers), and an instance without it is an instance all the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, Field, ValidationError
from sqlmodel import col, func, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.errors import UpstreamError
from app.federation.peers.actions import NAME_CHARACTERS_MAX, origin_typed
from app.federation.peers.discovery import Discovered, NotFoundAsPeerError, clients_of, discover
from app.federation.wire.addresses import AddressError, origin_of
from app.infra import clock, keys
from app.infra.database import transaction
from app.infra.http_client import OutboundError, Outgoing, call, guarded_client
from app.infra.runtime import Runtime
from app.infra.strict_json import StrictJsonError, parse_json
from app.models.base import one_line
from app.models.federation import Peer, PeerState

NODEINFO_PATH = "/nodeinfo/2.1"
NODEINFO_BYTES_MAX = 65_536
LANGUAGES_MAX = 40
OPEN_NEEDS_MAX = 10_000_000


class _Usage(BaseModel):
    localPosts: int | None = Field(default=None, ge=0, le=OPEN_NEEDS_MAX)  # noqa: N815


class _Metadata(BaseModel):
    languages: list[str] = Field(default_factory=list, max_length=200)
    policy: str = Field(default="", max_length=500)


class _Software(BaseModel):
    name: str = Field(default="", max_length=200)
    version: str = Field(default="", max_length=200)


class _NodeInfo(BaseModel):
    """The part of NodeInfo that we read; all else in it is left alone."""

    usage: _Usage = _Usage()
    metadata: _Metadata = _Metadata()
    software: _Software = _Software()


@dataclass(frozen=True)
class Introduction:
    """Who answers at an address."""

    found: Discovered
    software: str = ""
    languages: Sequence[str] = ()
    open_needs: int | None = None
    policy_url: str = ""

    @property
    def fingerprint(self) -> str:
        """The key that it shows, to be compared over another channel."""
        return keys.fingerprint(self.found.public_key)


async def look_at(runtime: Runtime, actor: Actor, typed_origin: str) -> Introduction:
    """Show a steward who answers at an address; nothing is asked and nothing is kept."""
    actor.require_steward()
    origin = origin_typed(runtime, typed_origin)
    try:
        return await introduce(runtime, origin)
    except NotFoundAsPeerError as error:
        raise UpstreamError("peer_unreachable", detail=str(error)) from error


async def introduce(runtime: Runtime, origin: str) -> Introduction:
    """Ask an instance who it is; raises NotFoundAsPeerError."""
    found = await discover(runtime, origin)
    said = await _node_info(runtime, origin)
    name, version = one_line(said.software.name), one_line(said.software.version)
    return Introduction(
        found=found,
        software=f"{one_line(found.software) or name} {version}".strip()[:100],
        languages=_languages(said.metadata.languages),
        open_needs=said.usage.localPosts,
        policy_url=_own_address(said.metadata.policy, origin),
    )


async def _node_info(runtime: Runtime, origin: str) -> _NodeInfo:
    outgoing = Outgoing("GET", f"{origin}{NODEINFO_PATH}", {"Accept": "application/json"})
    try:
        async with guarded_client(clients_of(runtime).policy) as client:
            answer = await call(client, outgoing, bytes_max=NODEINFO_BYTES_MAX)
        if answer.status != 200:
            return _NodeInfo()
        raw: Any = parse_json(answer.body)
        return _NodeInfo.model_validate(raw)
    except (OutboundError, StrictJsonError, ValidationError):
        return _NodeInfo()


def _languages(said: Sequence[str]) -> list[str]:
    codes = (code.lower() for code in said if code.isascii() and 2 <= len(code) <= 12)
    known = [code for code in codes if code.replace("-", "").isalnum()]
    return list(dict.fromkeys(known))[:LANGUAGES_MAX]


def _own_address(said: str, origin: str) -> str:
    """Return an address of the instance itself; any other is nothing it can promise for."""
    try:
        return said if said and origin_of(said) == origin else ""
    except AddressError:
        return ""


async def peers_to_describe(session: AsyncSession, before: Any, limit: int) -> Sequence[Peer]:
    """List peers, and who asks to be one, whose description is older than a moment."""
    statement = (
        select(Peer)
        .where(
            col(Peer.state).in_((PeerState.ACTIVE, PeerState.REQUESTED)),
            or_(col(Peer.described_at).is_(None), col(Peer.described_at) < before),
        )
        # By lot, so that some who never answer do not keep the others waiting.
        .order_by(func.random())
        .limit(limit)
    )
    return (await session.exec(statement)).all()


async def describe(runtime: Runtime, peer: Peer) -> None:
    """Read again what an active peer says of itself; its key stays the one that was approved."""
    try:
        said = await introduce(runtime, peer.origin)
    except NotFoundAsPeerError:
        said = None
    async with transaction(runtime.sessions) as session:
        row = await session.get(Peer, peer.id, with_for_update={"key_share": True})
        if row is None:
            return
        # Not heard is not read: it is tried again at the next round.
        if said is not None:
            take(row, said)


def take(peer: Peer, said: Introduction) -> None:
    """Write down what an instance says of itself."""
    peer.languages = list(said.languages)
    peer.open_needs, peer.software = said.open_needs, said.software
    peer.policy_url = said.policy_url or peer.policy_url
    peer.name = one_line(said.found.name)[:NAME_CHARACTERS_MAX] or peer.name
    peer.described_at = clock.now()

"""A fault that nobody foresaw is one peer's, whatever the worker is doing with it."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from app.federation import inbox, sync
from app.federation.peers.actions import new_peer
from app.federation.peers.discovery import Discovered, ShownKey
from app.infra.database import transaction
from app.models.federation import Peer, PeerState
from app.workers import federation
from app.workers.federation import describe_peers, process_inbox
from tests.factories.instances import Pair

ODD = "https://odd.example"


async def odd_peer(pair: Pair) -> UUID:
    """Give south a second peer; it sorts before and after north often enough."""
    key = (await pair.north.identity()).public_key
    shown = ShownKey(f"{ODD}/actor#k", key.public_bytes_raw())
    async with transaction(pair.south.runtime.sessions) as session:
        found = Discovered(ODD, f"{ODD}/actor", f"{ODD}/inbox", (shown,), "", "")
        peer = await new_peer(session, found, shown)
        peer.state = PeerState.ACTIVE
    return peer.id


async def test_applying_and_describing_go_on_for_the_others(
    peers: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd, asked = await odd_peer(peers), []
    real = inbox.process

    async def stumble(session: Any, runtime: Any, peer_id: UUID) -> Any:
        asked.append(peer_id)
        if peer_id == odd:
            raise ZeroDivisionError
        return await real(session, runtime, peer_id)

    monkeypatch.setattr(inbox, "process", stumble)
    monkeypatch.setattr(sync, "silent_peers", lambda _: both([odd]))
    owner = await peers.north.sign_up("owner")
    organisation = await peers.north.organisation(owner)
    await peers.north.open_need(owner, organisation, audience="peers")
    await peers.north.work()
    await process_inbox(peers.south.runtime)
    assert odd in asked
    assert len(await peers.south.mirrored()) == 1

    async with transaction(peers.south.runtime.sessions) as session:
        await session.execute(update(Peer).values(described_at=None))
    described: list[str] = []

    async def describe(_: Any, peer: Peer) -> None:
        if peer.origin == ODD:
            raise ZeroDivisionError
        described.append(peer.origin)

    monkeypatch.setattr(federation, "describe", describe)
    assert await describe_peers(peers.south.runtime) == 0
    assert described == [peers.north.origin]


async def both(found: list[UUID]) -> list[UUID]:
    """Answer as the query does."""
    return found

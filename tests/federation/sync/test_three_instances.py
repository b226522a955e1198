"""500 events in random orders, with duplicates and a week's gap, on three instances.

Three databases, each with the real code of the inbox; what stands before it (the signature) is
tried elsewhere. Every instance hears the same owner in an order of its own.
"""

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlmodel import select

from app.federation import inbox
from app.federation.peers.lanes import take_up_epoch
from app.federation.rules import NOTHING, Holding, content_hash, holding_of
from app.federation.verification import verified_from_log
from app.infra import clock
from app.infra.database import transaction
from app.infra.ids import public_id
from app.infra.runtime import Runtime, make_runtime
from app.models.federation import Peer, PeerInbox, PeerOutbox, PeerState, RemoteObject
from tests.conftest import Services, empty, make_settings
from tests.factories.instances import activity, proposal, tombstone
from tests.factories.world import Json
from tests.federation.conftest import make_database_apart
from tests.sizes import WHOLE

ORIGIN = "https://owner.example"
EPOCH = "e-0001"
EVENTS = 500
OBJECTS = 60
# For each of three instances.
ORDERS = 50 if WHOLE else 2
GAP = range(200, 280)
BATCH = 110


@dataclass
class Copy:
    """An instance that holds what the owner has."""

    runtime: Runtime
    owner_url: str
    peer_id: UUID = field(default_factory=public_id)


def events(source: random.Random) -> tuple[list[Json], dict[str, bytes]]:
    """Return what an owner says, in its order, and what is to be held in the end."""
    said: list[Json] = []
    versions: dict[int, int] = {}
    last: dict[str, bytes] = {}
    for _ in range(EVENTS):
        number = source.randrange(OBJECTS)
        kind = "Update" if number in versions else "Create"
        versions[number] = version = versions.get(number, 0) + 1
        about = proposal(ORIGIN, number, version=version, name=f"Need {number} as of {version}")
        if source.random() < 0.2:
            kind, about = "Delete", tombstone(ORIGIN, number, version=version)
        said.append(activity(ORIGIN, kind, about))
        last[about["id"]] = NOTHING if kind == "Delete" else content_hash(about)
    return said, {url: sha256 for url, sha256 in last.items() if sha256 != NOTHING}


@pytest.fixture
async def copies(
    database: Services, second_services: Services, servers: Services, tmp_path: Path
) -> AsyncIterator[list[Copy]]:
    third = await make_database_apart(servers, "tornallom_test_third")
    made = []
    for name, services in (("a", database), ("b", second_services), ("c", third)):
        runtime = make_runtime(**make_settings(services, tmp_path / name).tools())
        made.append(Copy(runtime, services.owner_url))
    yield made
    for copy in made:
        await copy.runtime.close()
    await empty(second_services.owner_url)


async def begin(copy: Copy) -> None:
    """Forget everything that was heard, and know the owner."""
    await empty(copy.owner_url)
    async with transaction(copy.runtime.sessions) as session:
        peer = Peer(
            id=copy.peer_id,
            origin=ORIGIN,
            actor_url=f"{ORIGIN}/actor",
            inbox_url=f"{ORIGIN}/inbox",
            key_id=f"{ORIGIN}/actor#k",
            public_key=bytes(32),
            state=PeerState.ACTIVE,
        )
        session.add(peer)
        await session.flush()
        session.add_all([PeerOutbox(peer_id=peer.id), PeerInbox(peer_id=peer.id)])
        await session.flush()
        await take_up_epoch(session, peer.id, EPOCH)


async def hear(copy: Copy, messages: list[tuple[int, Json]]) -> None:
    """Store messages as they come and apply what can be applied."""
    async with transaction(copy.runtime.sessions) as session:
        peer = await session.get(Peer, copy.peer_id)
        assert peer is not None
        letters = [
            (verified_from_log(peer, body, seq=seq, epoch=EPOCH), "") for seq, body in messages
        ]
        await inbox.store_all(session, letters)
    more = True
    while more:
        async with transaction(copy.runtime.sessions) as session:
            more = (await inbox.process(session, copy.runtime, copy.peer_id)).more


async def result(copy: Copy) -> tuple[Holding, dict[str, bytes], int]:
    """Return the running digest, what stands in the rows, and how far the copy came."""
    async with copy.runtime.sessions() as session:
        lane = await session.get(PeerInbox, copy.peer_id)
        rows = (await session.exec(select(RemoteObject))).all()
    assert lane is not None
    found = {row.url: row.sha256 for row in rows if row.sha256 != NOTHING}
    return Holding(lane.held_count, lane.held_digest), found, lane.applied_seq


@pytest.mark.slow
@pytest.mark.timeout(3_600 if WHOLE else 600)
async def test_every_order_ends_in_identical_digests(copies: list[Copy]) -> None:
    source = random.Random(500)
    said, last = events(source)
    for _ in range(ORDERS):
        digests = set()
        for copy in copies:
            await begin(copy)
            order = [(seq, body) for seq, body in enumerate(said, 1) if seq not in GAP]
            order += source.sample(order, EVENTS // 10)
            source.shuffle(order)
            for at in range(0, len(order), BATCH):
                await hear(copy, order[at : at + BATCH])
            # It waits for what is missing, and does not spin over more than a batch behind it.
            assert (await result(copy))[2] == GAP.start - 1
            with clock.moved(timedelta(days=7)):
                await hear(copy, [(seq, said[seq - 1]) for seq in GAP])
            running, found, applied = await result(copy)
            assert found == last
            assert applied == EVENTS
            digests.add(running)
        assert digests == {holding_of(last.items())}

"""1,000 dead peers: those that live do not notice, and nothing grows with the dead."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import insert
from sqlmodel import SQLModel, col, func, select

from app.federation import delivery
from app.federation.delivery import Lanes, deliver_due
from app.federation.peers.discovery import clients_of
from app.federation.peers.identity import our_identity
from app.infra import clock
from app.infra.database import transaction
from app.infra.http_client import Answer, OutboundError, Outgoing
from app.infra.ids import public_id
from app.infra.runtime import Runtime
from app.models.federation import (
    Delivery,
    DeliveryState,
    FederationEvent,
    Peer,
    PeerInbox,
    PeerOutbox,
    PeerState,
)
from tests.factories.world import Json, World

DEAD, LIVE, MESSAGES = 1_000, 20, 3
_PLACES = Lanes.TRIED.value + Lanes.SILENT.value


class Country:
    """Some answer at once; the dead never do."""

    def __init__(self) -> None:
        self.waiting = 0
        self.most_waiting = 0
        self.answered: dict[str, int] = {}
        self.all_live = asyncio.Event()

    async def __call__(self, client: object, outgoing: Outgoing, **limits: int) -> Answer:
        host = outgoing.url.split("/")[2]
        if host.startswith("dead"):
            self.waiting += 1
            self.most_waiting = max(self.most_waiting, self.waiting)
            await asyncio.Event().wait()
            raise OutboundError("never reached")
        self.answered[host] = self.answered.get(host, 0) + 1
        if sum(self.answered.values()) == LIVE * MESSAGES:
            self.all_live.set()
        return Answer(202, (), b"")


def rows_of(name: str, **lane: object) -> tuple[Json, Json, Json]:
    """Return the rows of a peer."""
    origin, now, peer_id = f"https://{name}.example", clock.now(), public_id()
    peer = Peer(
        id=peer_id,
        origin=origin,
        actor_url=f"{origin}/actor",
        inbox_url=f"{origin}/inbox",
        key_id=f"{origin}/actor#k",
        public_key=bytes(32),
        state=PeerState.ACTIVE,
        active_since=now,
    )
    outbox = PeerOutbox(
        **{"peer_id": peer_id, "last_seq": MESSAGES, "epoch": "e-0001", **lane}  # type: ignore[arg-type]
    )
    return peer.model_dump(), outbox.model_dump(), PeerInbox(peer_id=peer_id).model_dump()


async def settle(runtime: Runtime) -> None:
    """Write a thousand and twenty peers, with mail for each."""
    now, day = clock.now(), timedelta(days=1)
    found = [
        rows_of(f"dead-{n}", failures=3, last_success_at=now - day * (8 if n % 2 else 1))
        for n in range(DEAD)
    ]
    found += [rows_of(f"live-{n}", last_success_at=now) for n in range(LIVE)]
    async with transaction(runtime.sessions) as session:
        await our_identity(session, runtime)  # makes our keys, as a start does
        tables: tuple[type[SQLModel], ...] = (Peer, PeerOutbox, PeerInbox)
        for table, rows in zip(tables, zip(*found, strict=True), strict=True):
            await session.execute(insert(table), list(rows))
        event = {"activity_type": "Create", "body": b"{}", "created_at": now}
        events = [
            {**event, "activity_id": f"https://here.example/{n}", "object_url": "",
             "object_version": 0, "listed": False}
            for n in range(MESSAGES)
        ]  # fmt: skip
        statement = insert(FederationEvent).returning(col(FederationEvent.id))
        event_ids = (await session.execute(statement, events)).scalars().all()
        mail = [
            {"peer_id": peer["id"], "event_id": event_id, "seq": seq, "attempts": 0,
             "state": DeliveryState.PENDING, "last_code": "", "created_at": now}
            for peer, _, _ in found
            for seq, event_id in enumerate(event_ids, 1)
        ]  # fmt: skip
        await session.execute(insert(Delivery), mail)


async def nothing_to_write() -> int:
    return 0


async def test_a_thousand_dead_peers_delay_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    country = Country()
    monkeypatch.setattr(delivery, "call", country)
    await settle(world.runtime)
    running = asyncio.create_task(deliver_due(world.runtime, nothing_to_write))
    waiting = asyncio.create_task(country.all_live.wait())
    await asyncio.wait({running, waiting}, timeout=60, return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        running.result()
    assert country.answered == {f"live-{n}.example": MESSAGES for n in range(LIVE)}
    # However many are dead, a handful is waited for, and only those have a connection at all.
    assert country.most_waiting <= _PLACES
    assert len(clients_of(world.runtime)._clients) <= LIVE + _PLACES
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    async with world.runtime.sessions() as session:
        lost = select(func.count()).where(col(Delivery.state) != DeliveryState.PENDING)
        pending = select(func.count()).where(col(Delivery.state) == DeliveryState.PENDING)
        settled = (await session.exec(lost)).one()
        assert settled + (await session.exec(pending)).one() == (DEAD + LIVE) * MESSAGES

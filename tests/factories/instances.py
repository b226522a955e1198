"""Instances that listen on a port and talk to each other, and what one may say to another."""

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from sqlmodel import SQLModel, col, func, select

from app.federation import outbox
from app.federation.budgets import Budget, set_budget
from app.federation.peers.identity import Identity, our_identity
from app.federation.wire.context import ACTIVITY_JSON, NATIVE_CONTEXT, PUBLIC
from app.infra.database import transaction
from app.infra.ids import public_id
from app.infra.signatures import HttpMessage
from app.models.federation import (
    Delivery,
    DeliveryState,
    IncomingMessage,
    IncomingState,
    Peer,
    PeerOutbox,
    RemoteObject,
    SeenNonce,
)
from app.models.needs import Need
from app.settings import Settings
from app.workers.activity import react_to_activities
from tests.factories.application import make_application
from tests.factories.world import Json, World

# For plain http on loopback; loading the machine's certificates costs more than the request.
PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
STORED: tuple[type[SQLModel], ...] = (IncomingMessage, SeenNonce, RemoteObject, Need, Peer)


@dataclass
class Instance(World):
    """An instance that can be called at its origin."""

    name: str = ""
    server: uvicorn.Server | None = field(default=None, repr=False)

    @property
    def origin(self) -> str:
        """Where it listens."""
        return self.runtime.origin

    async def identity(self) -> Identity:
        """Return who it is to its peers, key included."""
        async with transaction(self.runtime.sessions) as session:
            return await our_identity(session, self.runtime)

    async def write_mail(self) -> None:
        """Write what peers are to be told, without sending it."""
        await react_to_activities(self.runtime)
        async with transaction(self.runtime.sessions) as session:
            await outbox.tell_peers(session, self.runtime)

    async def stored(self) -> dict[str, int]:
        """Count the rows that a message could have left behind."""
        async with self.runtime.sessions() as session:
            return {
                model.__name__: (await session.exec(select(func.count()).select_from(model))).one()
                for model in STORED
            }

    async def peer(self) -> Json:
        """Return the one peer, as its stewards see it."""
        assert self.steward is not None
        (peer,) = (await self.steward.get("/peers"))["items"]
        result: Json = peer
        return result

    async def mirrored(self) -> list[Need]:
        """Return the needs of peers that it holds."""
        async with self.runtime.sessions() as session:
            statement = (
                select(Need).where(col(Need.origin_url).is_not(None)).order_by(col(Need.origin_url))
            )
            return list((await session.exec(statement)).all())


@asynccontextmanager
async def serving(
    settings: Settings,
    name: str,
    listening: socket.socket,
    *,
    certificate: Path | None = None,
) -> AsyncIterator[Instance]:
    """Run an instance on a socket until the block ends; over https with a certificate and key."""
    application = make_application(settings)
    # Tests say in seconds what instances say in days; budgets have tests of their own.
    set_budget(application.state.runtime, Budget(requests_per_minute=60_000, burst=60_000))
    config = uvicorn.Config(
        application,
        log_config=None,
        lifespan="on",
        server_header=False,
        http="h11",
        ssl_certfile=certificate,
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:
        await asyncio.sleep(0.01)
        if task.done():
            task.result()
    instance = Instance(application, name=name, server=server)
    await instance.set_up(name)
    try:
        yield instance
    finally:
        server.should_exit = True
        await task


@dataclass
class Pair:
    """Two instances: north has needs, south hears of them."""

    north: Instance
    south: Instance

    async def work(self) -> None:
        """Let both do all that waits, until neither has anything left."""
        for _ in range(3):
            await self.north.work()
            await self.south.work()

    async def stuck(self) -> list[str]:
        """Say what did not get through: for the one run in thousands in which a test wonders."""
        found = []
        for instance in (self.north, self.south):
            async with instance.runtime.sessions() as session:
                lanes = (await session.exec(select(PeerOutbox))).all()
                sent = col(Delivery.state) == DeliveryState.PENDING
                mails = (await session.exec(select(Delivery).where(sent))).all()
                heard = col(IncomingMessage.state) == IncomingState.RECEIVED
                waiting = (await session.exec(select(IncomingMessage).where(heard))).all()
            found += [f"{instance.name}: {row!r}" for row in (*lanes, *mails, *waiting)]
        return found

    async def shake_hands(self) -> None:
        """Become peers: north proposes, south approves."""
        assert self.north.steward is not None
        assert self.south.steward is not None
        proposed = await self.north.steward.post("/peers", {"origin": self.south.origin})
        assert proposed["state"] == "proposed"
        await self.work()
        asked = await self.south.peer()
        assert asked["state"] == "requested"
        await self.south.steward.move(f"/peers/{asked['id']}", "active")
        await self.work()
        assert (await self.north.peer())["state"] == "active"

    async def tell(self, said: Json, *, seq: str | None = None) -> httpx.Response:
        """Let north say something to south, well signed."""
        return await send(await self.letter(said, seq=seq))

    async def letter(self, said: Json | bytes, *, seq: str | None = None) -> "Letter":
        """Sign a message as north for south's inbox, without sending it."""
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        return sign(await self.north.identity(), f"{self.south.origin}/inbox", body, seq=seq)

    def create(self, number: int = 1, **need: Any) -> Json:
        """Return what north says when it shares a need."""
        return activity(self.north.origin, "Create", proposal(self.north.origin, number, **need))


@dataclass
class Letter:
    """A request as it goes over the wire; tests alter what they like."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes


def sign(identity: Identity, url: str, body: bytes, *, seq: str | None = None) -> Letter:
    """Sign a POST."""
    lines = [("Content-Type", ACTIVITY_JSON)]
    if seq is not None:
        lines.append(("Ma-Seq", seq))
    headers = identity.sign(HttpMessage("POST", url, lines, body))
    return Letter("POST", url, headers, body)


async def send(letter: Letter) -> httpx.Response:
    """Send a letter as it stands."""
    async with httpx.AsyncClient(trust_env=False, verify=PLAIN, timeout=60) as client:
        return await client.request(
            letter.method, letter.url, headers=letter.headers, content=letter.body
        )


def activity(origin: str, kind: str, about: Any, **changes: Any) -> Json:
    """Return a message of an origin about something."""
    return {
        "@context": NATIVE_CONTEXT,
        "id": f"{origin}/activities/{public_id()}",
        "type": kind,
        "actor": f"{origin}/actor",
        "to": PUBLIC,
        "published": "2026-11-20T10:00:00Z",
        "object": about,
        **changes,
    }


def proposal(origin: str, number: int = 1, **changes: Any) -> Json:
    """Return a need of an origin."""
    address = f"{origin}/needs/{number}"
    return {
        "type": "Proposal",
        "id": address,
        "version": 1,
        "status": "open",
        "purpose": "request",
        "attributedTo": f"{origin}/actor",
        "name": "Two people to lift a piano",
        "content": "<p>Saturday 10:00, three hours.</p>",
        "published": "2026-11-20T09:00:00Z",
        "updated": "2026-11-20T09:00:00Z",
        "publishes": {
            "type": "Intent",
            "id": f"{address}#primary",
            "action": "deliverService",
            "resourceQuantity": {"hasUnit": "hour", "hasNumericalValue": "3"},
        },
        "unitBased": True,
        "url": address,
        "to": PUBLIC,
        "organisation": "Old Town Movers",
        "language": "en",
        "kind": "labour",
        "stream": "gift",
        "urgency": "normal",
        "places": 2,
        "taken": 0,
        "remote": False,
        **changes,
    }


def tombstone(origin: str, number: int = 1, version: int = 2) -> Json:
    """Return that a need of an origin is gone."""
    return {
        "type": "Tombstone",
        "formerType": "Proposal",
        "id": f"{origin}/needs/{number}",
        "version": version,
        "deleted": "2026-11-20T12:00:00Z",
    }


async def say(sender: Instance, to: Instance, kind: str, about: Any, **more: Any) -> str:
    """Say something well signed; answers the problem's code, or nothing."""
    message: Json = {
        "@context": NATIVE_CONTEXT,
        "id": f"{sender.origin}/activities/{public_id()}",
        "type": kind,
        "actor": f"{sender.origin}/actor",
        "to": f"{to.origin}/actor",
        "published": "2026-11-20T10:00:00Z",
        "object": about,
        **more,
    }
    letter = sign(await sender.identity(), f"{to.origin}/inbox", json.dumps(message).encode())
    answer = await send(letter)
    return "" if answer.status_code == 202 else str(answer.json()["code"])

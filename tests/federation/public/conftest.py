"""An instance, and servers of the fediverse that have never heard of it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from socket import socket
from typing import Any

import pytest
from sqlmodel import SQLModel, delete, func, select

from app.infra.database import transaction
from app.infra.ids import public_id
from app.models.federation import Peer, PeerState
from app.models.followers import (
    Follower,
    PublicDelivery,
    PublicMessage,
    PublicPost,
    RemoteActor,
    RemoteServer,
    StrangerFetch,
)
from tests.conftest import Services, make_settings
from tests.factories.fediverse import Server, running_server
from tests.factories.instances import Instance, serving
from tests.factories.world import Json, Person
from tests.federation.conftest import free_socket, make_database_apart

SERVERS_MAX = 60
STORED: tuple[type[SQLModel], ...] = (
    Follower, RemoteActor, RemoteServer, PublicMessage, PublicPost, PublicDelivery,
)  # fmt: skip
Start = Callable[..., AbstractAsyncContextManager[Server]]


@dataclass
class Town:
    """An instance with an organisation, and places for servers around it."""

    instance: Instance
    sockets: list[socket]
    owner: Person = field(repr=False)
    organisation: Json = field(repr=False)

    @property
    def origin(self) -> str:
        """Where the instance is."""
        return self.instance.origin

    def server(self, **settings: Any) -> AbstractAsyncContextManager[Server]:
        """Start a server that the instance may call."""
        return running_server(self.sockets.pop(), **settings)

    async def need(self, **changes: Any) -> Json:
        """Open a need."""
        return await self.instance.open_need(self.owner, self.organisation, **changes)

    @asynccontextmanager
    async def blocking(self, origin: str) -> AsyncIterator[None]:
        """Have the stewards block an origin for a while."""
        peer = Peer(
            id=public_id(),
            origin=origin,
            actor_url=f"{origin}/actor",
            inbox_url=f"{origin}/inbox",
            key_id=f"{origin}/actor#key",
            public_key=b"\x01" * 32,
            state=PeerState.BLOCKED,
        )
        async with transaction(self.instance.runtime.sessions) as session:
            session.add(peer)
        yield
        async with transaction(self.instance.runtime.sessions) as session:
            await session.execute(delete(Peer))

    async def stored(self) -> dict[str, int]:
        """Count what a message could have left behind."""
        async with self.instance.runtime.sessions() as session:
            return {
                model.__name__: (await session.exec(select(func.count()).select_from(model))).one()
                for model in STORED
            }


@pytest.fixture(scope="module")
async def town(
    servers: Services, worker_id: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Town]:
    """One instance for a whole module."""
    database = await make_database_apart(servers, f"tornallom_test_{worker_id}_town")
    ours, *others = [free_socket() for _ in range(SERVERS_MAX)]
    origins = tuple(f"http://127.0.0.1:{each.getsockname()[1]}" for each in (ours, *others))
    folder = tmp_path_factory.mktemp("town")
    settings = make_settings(database, folder, base_url=origins[0], dev_peers=origins)
    async with serving(settings, "town", ours) as instance:
        owner = await instance.sign_up("owner")
        organisation = await instance.organisation(owner)
        yield Town(instance, others, owner, organisation)
    for unused in others:
        unused.close()


@pytest.fixture(autouse=True)
async def nobody_follows(town: Town) -> None:
    """Let each test begin without followers; needs may be left of others."""
    async with transaction(town.instance.runtime.sessions) as session:
        models: tuple[Any, ...] = (*STORED[::-1], StrangerFetch)
        for model in models:
            await session.execute(delete(model))
    await town.instance.write_mail()

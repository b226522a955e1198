"""Two instances that really talk: two databases, two keys, two ports on loopback."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from tests.conftest import Services, empty, make_database, make_settings
from tests.factories.instances import Instance, Pair, serving


def free_socket() -> socket.socket:
    """Take a port on loopback and keep it."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", 0))
    return listening


@pytest.fixture(scope="session")
def second_services(servers: Services, worker_id: str) -> Services:
    """The database of the second instance."""
    return asyncio.run(make_database(servers, f"tornallom_test_{worker_id}_second"))


@pytest.fixture
async def pair(
    database: Services, second_services: Services, tmp_path: Path
) -> AsyncIterator[Pair]:
    """Two running instances that do not know each other yet."""
    async with running(database, second_services, tmp_path) as both:
        yield both
    await empty(second_services.owner_url)


@pytest.fixture
async def peers(pair: Pair) -> Pair:
    """Two running instances whose stewards have both approved."""
    await pair.shake_hands()
    return pair


@pytest.fixture(scope="module")
async def old_friends(
    servers: Services, worker_id: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Pair]:
    """Peers that a whole module shares, for the many cases that leave nothing behind."""
    name = f"tornallom_test_{worker_id}_friends"
    databases = [await make_database_apart(servers, f"{name}_{number}") for number in (1, 2)]
    folder = tmp_path_factory.mktemp("friends")
    async with running(databases[0], databases[1], folder) as both:
        await both.shake_hands()
        yield both


async def make_database_apart(servers: Services, name: str) -> Services:
    """Make a database from within a running loop; migrating needs a loop of its own."""
    return await asyncio.to_thread(lambda: asyncio.run(make_database(servers, name)))


@asynccontextmanager
async def running(first: Services, second: Services, folder: Path) -> AsyncIterator[Pair]:
    """Run north on one database and south on another."""
    sockets = free_socket(), free_socket()
    origins = tuple(f"http://127.0.0.1:{taken.getsockname()[1]}" for taken in sockets)
    instances: list[Instance] = []
    async with AsyncExitStack() as stack:
        places = zip(("north", "south"), sockets, origins, (first, second), strict=True)
        for name, listening, origin, services in places:
            settings = make_settings(services, folder / name, base_url=origin, dev_peers=origins)
            instances.append(await stack.enter_async_context(serving(settings, name, listening)))
        yield Pair(*instances)

"""Two real instances that a whole module shares, and that only meet through faulty proxies."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from tests.conftest import Services, make_settings
from tests.factories.faulty import Apart, FaultyProxy
from tests.factories.instances import Instance, Pair, serving
from tests.federation.conftest import free_socket, make_database_apart


@pytest.fixture(scope="module")
async def apart(
    servers: Services, worker_id: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Apart]:
    """Peers, each of which knows the other by the address of the proxy before it."""
    folder = tmp_path_factory.mktemp("apart")
    sockets = free_socket(), free_socket()
    instances: list[Instance] = []
    async with AsyncExitStack() as stack:
        proxies = []
        for taken in sockets:
            proxy = FaultyProxy(taken.getsockname()[1])
            await stack.enter_async_context(proxy.running())
            proxies.append(proxy)
        origins = tuple(proxy.origin for proxy in proxies)
        for name, listening, origin in zip(("north", "south"), sockets, origins, strict=True):
            services = await make_database_apart(servers, f"tornallom_test_{worker_id}_{name}")
            settings = make_settings(services, folder / name, base_url=origin, dev_peers=origins)
            instances.append(await stack.enter_async_context(serving(settings, name, listening)))
        pair = Pair(*instances)
        await pair.shake_hands()
        yield Apart(pair, *proxies)

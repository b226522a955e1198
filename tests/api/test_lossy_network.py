"""Two thousand intents through a network that loses, cuts and doubles: each has one effect.

A client that hears nothing cannot know whether it happened. With the same Idempotency-Key it may
ask again until it hears something, and what it meant happens exactly once.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import httpx
import pytest

from app.domain.administration.invariants import count_violations
from app.infra.database import transaction
from tests.conftest import Services
from tests.factories.crowd import Caller, caller_for, crowd
from tests.factories.lossy import Fault, LossyProxy
from tests.factories.processes import Api, api_processes
from tests.factories.world import Json, World, need_input, work_day

NEEDS, WORKERS_EACH, LOGS_EACH, AT_ONCE = 110, 2, 4, 16
TRIES_MAX = 60


@dataclass
class Network:
    """Clients behind lossy proxies, and what they meant to do."""

    doors: list[httpx.AsyncClient]
    intents: int = 0
    requests: int = 0
    replayed: int = 0
    answers: dict[str, bytes] = field(default_factory=dict)

    async def post(self, who: Caller, path: str, body: Json) -> Json:
        """Mean something once, and ask until there is an answer."""
        self.intents += 1
        key = f"intent {self.intents}"
        for attempt in range(TRIES_MAX):
            self.requests += 1
            try:
                answer = await self.doors[attempt % len(self.doors)].post(
                    path,
                    json=body,
                    headers={**who.headers, "Idempotency-Key": key, "Connection": "close"},
                )
            except httpx.TransportError:
                continue
            if answer.status_code == 503 or answer.json().get("code") == "idempotency_in_progress":
                continue
            assert answer.status_code in {200, 201}, f"{path}: {answer.text}"
            self.replayed += "idempotent-replayed" in answer.headers
            result: Json = answer.json()
            return result
        message = f"{path} was never answered"
        raise AssertionError(message)


@pytest.fixture(scope="module")
def apis(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Api]]:
    folder = tmp_path_factory.mktemp("lossy")
    settings = {
        "DATABASE_URL": services.app_url,
        "DATABASE_OWNER_URL": services.owner_url,
        "REDIS_URL": services.redis_url,
        "DATA_DIR": str(folder),
    }
    with api_processes(settings, folder, 2) as started:
        yield started


@pytest.fixture
async def proxies(apis: list[Api]) -> AsyncIterator[list[LossyProxy]]:
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(LossyProxy(api.port, seed).running())
            for seed, api in enumerate(apis)
        ]


@pytest.fixture
async def network(proxies: list[LossyProxy]) -> AsyncIterator[Network]:
    async with AsyncExitStack() as stack:
        yield Network(
            [
                await stack.enter_async_context(
                    httpx.AsyncClient(base_url=f"{proxy.origin}/api/v1", timeout=60)
                )
                for proxy in proxies
            ]
        )


async def whole_life(network: Network, owner: Caller, workers: list[Caller], wanted: Json) -> None:
    """One need from its draft to the entries of its work: every step an intent."""
    need = await network.post(owner, "/needs", wanted)
    for state in ("review", "open"):
        await network.post(owner, f"/needs/{need['id']}/transitions", {"to": state})
    for worker in workers:
        claim = await network.post(worker, f"/needs/{need['id']}/claims", {"note": "mine"})
        path = f"/claims/{claim['id']}"
        await network.post(owner, f"{path}/transitions", {"to": "accepted"})
        for number in range(LOGS_EACH):
            log = {"worked_on": work_day(), "minutes": 30, "note": f"part {number}"}
            await network.post(worker, f"{path}/work-logs", log)
        await network.post(worker, f"{path}/transitions", {"to": "submitted"})
        await network.post(owner, f"{path}/confirmation", {"minutes": 30 * LOGS_EACH})


async def count(world: World, statement: str) -> int:
    async with world.runtime.engine.connect() as connection:
        return int((await connection.exec_driver_sql(statement)).scalar_one())


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_two_thousand_intents_have_one_effect_each(
    world: World, proxies: list[LossyProxy], network: Network
) -> None:
    boss = await world.sign_up("owner")
    organisation = await world.organisation(boss)
    owner = await caller_for(world.runtime, boss.id)
    workers = await crowd(world.runtime, NEEDS * WORKERS_EACH)
    room = asyncio.Semaphore(AT_ONCE)

    async def live(number: int) -> None:
        async with room:
            mine = workers[number * WORKERS_EACH : (number + 1) * WORKERS_EACH]
            wanted = need_input(organisation, title=f"Need {number}", places=WORKERS_EACH)
            await whole_life(network, owner, mine, wanted)

    async with asyncio.TaskGroup() as group:
        for number in range(NEEDS):
            group.create_task(live(number))

    claims = NEEDS * WORKERS_EACH
    assert network.intents == NEEDS * 3 + claims * (LOGS_EACH + 4) >= 2_000
    faults: dict[Fault, int] = {
        fault: sum(proxy.happened[fault] for proxy in proxies) for fault in Fault
    }
    assert min(faults.values()) > 100, faults
    assert network.requests > network.intents + 1_000
    assert network.replayed > 100, "without keys these would have happened twice"

    assert await count(world, "SELECT count(*) FROM needs") == NEEDS
    assert await count(world, "SELECT count(DISTINCT title) FROM needs") == NEEDS
    assert await count(world, "SELECT count(*) FROM claims") == claims
    assert await count(world, "SELECT count(*) FROM work_logs") == claims * LOGS_EACH
    assert await count(world, "SELECT count(*) FROM entries") == claims
    for state, times in (("accepted", claims), ("submitted", claims), ("confirmed", claims)):
        moves = f"SELECT count(*) FROM claim_history WHERE to_state = '{state}'"  # noqa: S608
        assert await count(world, moves) == times, state
    opened = "SELECT count(*) FROM need_history WHERE to_state = 'open'"
    assert await count(world, opened) == NEEDS
    async with transaction(world.runtime.sessions) as session:
        assert set((await count_violations(session)).values()) == {0}

"""Faults in the middle of the work: what was acknowledged stays, one intent has one effect.

The cluster here is one of its own, because it is killed; kill -9 proves what a crash of a
process does, not what a power cut does to a disk that lies.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest

from app.infra import migrate
from app.infra.embedded import EmbeddedPostgres, EmbeddedValkey, start_postgres, start_valkey
from app.main import create_app
from app.settings import Settings
from tests.conftest import ORIGIN
from tests.factories.crowd import Caller, caller_for, crowd, submitted
from tests.factories.processes import Api, Process, wait_until
from tests.factories.world import Json, Person, World

DATABASE = "tornallom_crash"
CLAIMS = 12


@dataclass
class House:
    """A cluster, a Valkey, processes that serve them, and a world to look at it all."""

    folder: Path
    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey
    world: World
    owning: Caller
    need: Json
    apis: list[Api] = field(default_factory=list)
    worker: Process | None = None

    def settings(self) -> dict[str, str]:
        """The settings of a process beside us."""
        return {
            "DATABASE_URL": self.postgres.url(DATABASE, role="app"),
            "DATABASE_OWNER_URL": self.postgres.url(DATABASE, role="owner"),
            "REDIS_URL": self.valkey.url(),
            "DATA_DIR": str(self.folder),
            "SWEEP_SECONDS": "1",
        }

    def start(self) -> None:
        """Start whatever does not run."""
        self.postgres.revive()
        self.valkey.revive()
        alive = [api for api in self.apis if api.process.poll() is None]
        self.apis = [*alive, *(Api(self.settings(), self.folder) for _ in range(2 - len(alive)))]
        if self.worker is None or self.worker.process.poll() is not None:
            self.worker = Process(["worker"], self.settings(), self.folder / "worker.log")
        for api in self.apis:
            api.wait()

    def kill(self, victim: str) -> None:
        """Kill -9: one API process, both, the cluster, or all there is."""
        assert self.worker is not None
        if victim == "everything":
            self.worker.kill()
            os.kill(self.postmaster("valkey"), signal.SIGKILL)
        for api in {"one api": self.apis[:1], "postgres": []}.get(victim, self.apis):
            api.kill()
        if victim in {"postgres", "everything"}:
            os.kill(self.postmaster("postgres"), signal.SIGKILL)

    def postmaster(self, which: str) -> int:
        """The process id of a server of ours."""
        server = self.postgres if which == "postgres" else self.valkey
        process = server._process
        assert process is not None
        return process.pid

    def reader(self) -> Person:
        """The owner, in our own process."""
        person = self.world.stranger()
        person.http.headers.update(self.owning.headers)
        return person

    async def count(self, statement: str) -> int:
        """Ask the database itself."""
        async with self.world.runtime.engine.connect() as connection:
            return int((await connection.exec_driver_sql(statement)).scalar_one())

    async def new_claims(self) -> list[str]:
        """Submitted claims of new people."""
        number = await self.count("SELECT count(*) FROM accounts")
        people = await crowd(self.world.runtime, CLAIMS, name=f"worker{number}x")
        return await submitted(self.world.runtime, self.need["id"], people)


@pytest.fixture(scope="module")
def servers_of_ours() -> Iterator[tuple[Path, EmbeddedPostgres, EmbeddedValkey]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="tnl-crash-")))
        postgres = stack.enter_context(start_postgres(folder))
        valkey = stack.enter_context(start_valkey(folder))
        postgres.ensure_database(DATABASE)
        asyncio.run(migrate.upgrade(postgres.url(DATABASE, role="owner")))
        yield folder, postgres, valkey


@pytest.fixture(scope="module")
async def house(
    servers_of_ours: tuple[Path, EmbeddedPostgres, EmbeddedValkey],
) -> AsyncIterator[House]:
    folder, postgres, valkey = servers_of_ours
    settings = Settings(
        data_dir=folder,
        base_url=ORIGIN,
        database_url=postgres.url(DATABASE, role="app"),
        redis_url=valkey.url(),
    )
    application = create_app(settings)
    async with application.router.lifespan_context(application):
        world = World(application)
        owner = await world.sign_up("owner")
        need = await world.open_need(owner, await world.organisation(owner), places=500)
        owning = await caller_for(world.runtime, owner.id)
        made = House(folder, postgres, valkey, world, owning, need)
        made.start()
        yield made
        for process in [*made.apis, made.worker]:
            if process is not None:
                process.stop()


class Storm:
    """Confirmations of many claims at once, one key each, over both processes."""

    def __init__(self, house: House, claims: list[str]) -> None:
        self.house = house
        self.claims = claims
        self.answers: dict[str, httpx.Response] = {}

    async def rage(self, victim: str, *, after: int) -> None:
        """Send all; kill once some are answered, while the others are under way."""
        tasks = [asyncio.create_task(self._confirm(n, c)) for n, c in enumerate(self.claims)]
        while len(self.answers) < after and not all(task.done() for task in tasks):
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED, timeout=0.005)
        self.house.kill(victim)
        await asyncio.gather(*tasks)

    async def _confirm(self, number: int, claim: str) -> None:
        api = self.house.apis[number % len(self.house.apis)]
        try:
            answer = await confirm(api, self.house.owning, claim)
        except httpx.TransportError:
            return  # whether it happened is exactly what nobody knows
        if answer.status_code == 201:
            self.answers[claim] = answer
        else:
            check_unavailable(answer)


async def confirm(api: Api, who: Caller, claim: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=f"{api.origin}/api/v1", timeout=60) as client:
        return await client.post(
            f"/claims/{claim}/confirmation",
            json={"minutes": 60},
            headers={**who.headers, "Idempotency-Key": f"confirm {claim}"},
        )


def check_unavailable(answer: httpx.Response) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert 1 <= int(answer.headers["retry-after"]) <= 5
    assert answer.json()["code"] == "database_unavailable"


HALF_DONE = """
    SELECT count(*) FROM claims c LEFT JOIN entries e ON e.claim_id = c.id
    WHERE (c.state = 'confirmed') <> (e.id IS NOT NULL)
"""
UNBALANCED = """
    SELECT count(*) FROM (
        SELECT account_id, unit, amount FROM balances
        EXCEPT SELECT account_id, unit, sum(amount) FROM postings GROUP BY 1, 2
    ) AS wrong
"""


@pytest.mark.slow
@pytest.mark.parametrize("after", [1, 5])
@pytest.mark.parametrize("victim", ["one api", "both apis", "postgres", "everything"])
async def test_killed_in_the_middle_of_confirmations(house: House, victim: str, after: int) -> None:
    house.start()
    before = await house.count("SELECT count(*) FROM entries")
    claims = await house.new_claims()
    storm = Storm(house, claims)
    await storm.rage(victim, after=after)

    house.start()
    await settled(house)
    assert await house.count(HALF_DONE) == 0, "each is confirmed with its entry, or not at all"
    assert await house.count(UNBALANCED) == 0
    for claim, answer in storm.answers.items():
        kept = (await house.reader().get(f"/claims/{claim}"))["confirmation"]
        assert kept["entry_id"] == answer.json()["entry"]["entry_id"], "acknowledged is durable"

    for number, claim in enumerate(claims):
        again = await confirm(house.apis[number % 2], house.owning, claim)
        assert again.status_code == 201, again.text
        if claim in storm.answers:
            assert again.json() == storm.answers[claim].json()
            assert again.headers["idempotent-replayed"] == "true"
    assert await house.count("SELECT count(*) FROM entries") == before + CLAIMS
    assert await house.count("SELECT coalesce(sum(amount), 0) FROM postings") == 0
    assert await house.count(HALF_DONE) == await house.count(UNBALANCED) == 0


def readiness(api: Api) -> httpx.Response:
    return httpx.get(f"{api.origin}/readyz", timeout=30)


async def settled(house: House) -> None:
    """Wait until the database answers us, and each API process, again."""
    for api in house.apis:
        wait_until(lambda api=api: readiness(api).status_code == 200, 30)  # type: ignore[misc]
    deadline = asyncio.get_running_loop().time() + 30
    while (await house.world.stranger().ask("GET", "/needs")).status_code != 200:
        assert asyncio.get_running_loop().time() < deadline


@pytest.mark.slow
async def test_without_postgres_503_and_back_without_a_restart(house: House) -> None:
    house.start()
    await settled(house)
    pids = [api.process.pid for api in house.apis]
    (claim, *_) = await house.new_claims()
    house.postgres.stop()
    async with httpx.AsyncClient(base_url=house.apis[0].origin, timeout=30) as client:
        for path in ("/api/v1/needs", "/api/v1/instance", "/api/v1/me/claims", "/api/v1/books"):
            check_unavailable(await client.get(path, headers=house.owning.headers))
        check_unavailable(await confirm(house.apis[0], house.owning, claim))
        assert (await client.get("/livez")).status_code == 200
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["database"]) == (503, "unreachable")
    house.postgres.revive()
    await settled(house)
    assert (await confirm(house.apis[0], house.owning, claim)).status_code == 201
    assert [api.process.pid for api in house.apis] == pids
    assert all(api.process.poll() is None for api in house.apis)


@pytest.mark.slow
async def test_without_redis_everything_goes_on_by_the_sweep(house: House) -> None:
    house.start()
    await settled(house)
    assert house.worker is not None
    pid = house.worker.process.pid
    house.valkey.stop()
    (claim, *_) = await house.new_claims()
    done = await confirm(house.apis[0], house.owning, claim)
    assert done.status_code == 201, done.text
    ready = readiness(house.apis[0])
    assert ready.status_code == 200, "Redis only wakes workers"
    assert ready.json()["doorbell"] != "ok"
    await everything_reacted_to(house)
    house.valkey.revive()
    wait_until(lambda: readiness(house.apis[0]).json()["doorbell"] == "ok")
    (claim, *_) = await house.new_claims()
    assert (await confirm(house.apis[1], house.owning, claim)).status_code == 201
    await everything_reacted_to(house)
    assert house.worker.process.pid == pid
    assert house.worker.process.poll() is None, "the worker lived through it"


async def everything_reacted_to(house: House) -> None:
    deadline = asyncio.get_running_loop().time() + 30
    while await house.count("SELECT count(*) FROM activities WHERE pending"):
        assert asyncio.get_running_loop().time() < deadline, "work was left undone"

"""Two peers, one of which has a book that grows, is backed up and comes back."""

from dataclasses import dataclass, field
from datetime import timedelta

import httpx
import pytest

from app.domain.witnesses.rules import host_of
from app.federation.witnesses.offering import ASKED
from app.federation.witnesses.outside import path_of
from app.infra import clock
from tests.conftest import Services
from tests.factories.backups import restore_backup, take_backup
from tests.factories.instances import PLAIN, Instance, Pair
from tests.factories.world import Json, Person


@dataclass
class Ledger:
    """North's book, and south that watches over it."""

    pair: Pair
    owner: Person
    worker: Person
    organisation: Json
    owner_url: str
    minutes: int = 0
    claims: list[Json] = field(default_factory=list)

    @property
    def north(self) -> Instance:
        """Whose ledger it is."""
        return self.pair.north

    @property
    def south(self) -> Instance:
        """The witness."""
        return self.pair.south

    @property
    def steward(self) -> Person:
        """Who decides in north."""
        assert self.north.steward is not None
        return self.north.steward

    async def submitted(self) -> Json:
        """Work that waits for its confirmation."""
        need = await self.north.open_need(self.owner, self.organisation)
        return await self.north.submitted_claim(self.worker, self.owner, need)

    async def grow(self, times: int = 1) -> None:
        """Confirm work and let it be signed, eleven minutes later each time."""
        for _ in range(times):
            await self.north.confirm(self.owner, await self.submitted())
        await self.later()

    async def later(self) -> None:
        """Let both work when the next checkpoint is due."""
        self.minutes += 11
        with clock.moved(timedelta(minutes=self.minutes)):
            await self.pair.work()

    async def back_up(self) -> None:
        """Keep north's database as it is."""
        await take_backup(self.owner_url)

    async def come_back(self, *, with_file: bool = False) -> None:
        """Restore north's database and start anew; the file beside it may be lost."""
        await restore_backup(self.owner_url)
        self.north.runtime.shared.pop(ASKED, None)
        if not with_file:
            path_of(self.north.runtime).unlink(missing_ok=True)

    async def standing(self, of: Instance | None = None) -> Json:
        """Where a log stands, as anybody may read it."""
        return await (of or self.north).stranger().get("/ledger/standing")

    async def held_by_south(self) -> str:
        """What south signed last of north's log, as anybody may read it."""
        host = host_of(self.north.origin)
        answer = await fetch(f"{self.south.origin}/witness/{host}/checkpoint")
        assert answer.status_code == 200
        return answer.text

    async def notices(self, of: Instance) -> set[str]:
        """The kinds of notices that an instance's steward has."""
        assert of.steward is not None
        return {each["kind"] for each in (await of.steward.get("/me/notifications"))["items"]}


async def fetch(url: str) -> httpx.Response:
    """Read something as a stranger from afar."""
    async with httpx.AsyncClient(trust_env=False, verify=PLAIN) as client:
        return await client.get(url)


@pytest.fixture
async def ledger(peers: Pair, database: Services) -> Ledger:
    """Two peers; north has an organisation with a book."""
    north = peers.north
    owner, worker = await north.sign_up("owner"), await north.sign_up("worker")
    return Ledger(peers, owner, worker, await north.organisation(owner), database.owner_url)

"""Two hundred times each: a confirmation beside what contradicts it. At most one credit, ever."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence

import httpx
import pytest

from tests.api.test_races import BALANCED, Race, told
from tests.conftest import Services
from tests.factories.crowd import Caller, caller_for, crowd, submitted
from tests.factories.processes import Api, api_processes, callers
from tests.factories.world import World

RACES = 200
# Pairs that run beside each other: enough to meet, few enough for one machine.
WIDTH = 10
MORE_THAN_ONCE = """
    SELECT count(*) FROM (
        SELECT claim_id FROM entries WHERE kind = 'contribution' GROUP BY 1 HAVING count(*) > 1
    ) AS twice
"""
NOT_AS_CONFIRMED = """
    SELECT count(*) FROM claims LEFT JOIN (
        SELECT e.claim_id, sum(p.amount) AS minutes FROM entries e JOIN postings p USING (entry_id)
        JOIN ledger_accounts a ON a.id = p.account_id WHERE a.kind = 'worker' GROUP BY 1
    ) AS credited ON credited.claim_id = claims.id
    WHERE coalesce(credited.minutes, 0) <> coalesce(claims.confirmed_minutes, 0)
"""
CONFIRM = {"minutes": 60, "stream": "gift"}


@pytest.fixture(scope="module")
def apis(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Api]]:
    folder = tmp_path_factory.mktemp("confirm-races")
    settings = {
        "DATABASE_URL": services.app_url,
        "DATABASE_OWNER_URL": services.owner_url,
        "REDIS_URL": services.redis_url,
        "DATA_DIR": str(folder),
    }
    with api_processes(settings, folder, 2) as started:
        yield started


class Scene:
    """An organisation with two members who may confirm, and two hundred claims that wait."""

    def __init__(self, race: Race, member: Caller, workers: Sequence[Caller]) -> None:
        """The claims follow."""
        self.race, self.member, self.workers = race, member, workers
        self.claims: list[str] = []

    async def at_once(self, pairs: Sequence[Sequence[Awaitable[httpx.Response]]]) -> Counter[str]:
        """Let each pair race, and count how the two ended."""
        gate = asyncio.Semaphore(WIDTH)

        async def meet(pair: Sequence[Awaitable[httpx.Response]]) -> str:
            async with gate:
                answers = await asyncio.gather(*pair)
            told([answer for answer in answers if answer.content])
            return " ".join(str(answer.status_code) for answer in answers)

        return Counter(await asyncio.gather(*(meet(pair) for pair in pairs)))

    def confirm(self, number: int, who: Caller) -> Awaitable[httpx.Response]:
        path = f"/claims/{self.claims[number]}/confirmation"
        return self.race.post(number, who, path, CONFIRM, key=f"{number} {who.account_id}")

    def move(self, number: int, who: Caller, to: str) -> Awaitable[httpx.Response]:
        path = f"/claims/{self.claims[number]}/transitions"
        return self.race.post(number + 1, who, path, {"to": to, "reason": "Something is missing"})

    async def check(self, least: int) -> None:
        """At most one credit a claim, as long as was confirmed, and the sums hold."""
        assert await self.race.count(MORE_THAN_ONCE) == 0
        assert await self.race.count(NOT_AS_CONFIRMED) == 0
        assert await self.race.count(BALANCED) == 0
        assert await self.race.count("SELECT coalesce(sum(amount), 0) FROM postings") == 0
        credited = await self.race.count("SELECT count(*) FROM entries WHERE kind = 'contribution'")
        assert least <= credited <= RACES


@pytest.fixture
async def scene(world: World, apis: list[Api]) -> AsyncIterator[Scene]:
    owner = await world.sign_up("owner")
    organisation = await world.organisation(owner)
    member = await world.sign_up("member")
    seat = {"handle": "member", "role": "member", "worker_owner": True}
    await owner.post(f"/organisations/{organisation['id']}/members", seat)
    need = await world.open_need(owner, organisation, places=RACES + 1)
    owning = await caller_for(world.runtime, owner.id)
    other = await caller_for(world.runtime, member.id)
    workers = await crowd(world.runtime, RACES)
    async with callers(apis) as doors:
        made = Scene(Race(world, doors, owner, owning, organisation), other, workers)
        made.claims = await submitted(world.runtime, need["id"], workers)
        yield made


async def test_two_confirmers_200_times(scene: Scene) -> None:
    pairs = [
        (scene.confirm(n, scene.race.owning), scene.confirm(n, scene.member)) for n in range(RACES)
    ]
    ended = await scene.at_once(pairs)
    assert set(ended) <= {"201 409", "409 201"}
    await scene.check(least=RACES)


async def test_confirm_and_dispute_200_times(scene: Scene) -> None:
    pairs = [
        (scene.confirm(n, scene.race.owning), scene.move(n, scene.member, "disputed"))
        for n in range(RACES)
    ]
    ended = await scene.at_once(pairs)
    # Confirmed work may be disputed, and in a dispute all of it may still be confirmed.
    assert set(ended) <= {"201 200", "201 409", "409 200"}
    await scene.check(least=0)


async def test_confirm_and_withdraw_200_times(scene: Scene) -> None:
    pairs = [
        (scene.confirm(n, scene.race.owning), scene.move(n, scene.workers[n], "withdrawn"))
        for n in range(RACES)
    ]
    ended = await scene.at_once(pairs)
    assert set(ended) <= {"201 409", "409 200"}
    withdrawn = "SELECT count(*) FROM claims WHERE state = 'withdrawn'"
    assert await scene.race.count(withdrawn) == ended["409 200"]
    await scene.check(least=ended["201 409"])


async def test_role_removed_meanwhile_200_times(scene: Scene) -> None:
    race = scene.race
    members = f"/organisations/{race.organisation['id']}/members"

    async def leave(number: int) -> httpx.Response:
        return await race.doors[number % 2].delete(
            f"{members}/{scene.member.account_id}", headers=race.owning.headers
        )

    ended: Counter[str] = Counter()
    for begin in range(0, RACES, WIDTH):
        pairs = [[scene.confirm(n, scene.member)] for n in range(begin, begin + WIDTH)]
        pairs[begin % WIDTH].append(leave(begin // WIDTH))
        ended += await scene.at_once(pairs)
        seat = {"handle": "member", "role": "member", "worker_owner": True}
        await race.owner.post(members, seat)
    alone = {ending.split()[0] for ending in ended}
    # Who is no member any more learns nothing of the claim.
    assert alone <= {"201", "404"}
    done = sum(times for ending, times in ended.items() if ending.startswith("201"))
    credited = "SELECT count(*) FROM entries WHERE kind = 'contribution'"
    assert await race.count(credited) == done
    await scene.check(least=done)

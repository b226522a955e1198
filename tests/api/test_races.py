"""Many at once over two API processes: never more places than there are, never two entries."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx
import pytest

from tests.conftest import Services
from tests.factories.crowd import Caller, applications, caller_for, crowd
from tests.factories.crowd import submitted as crowd_submitted
from tests.factories.processes import Api, api_processes, callers
from tests.factories.world import Json, Person, World, work_day

CLAIMANTS = 200
PLACES = 3


@dataclass
class Race:
    """A world, two processes that serve it, and an organisation in it."""

    world: World
    doors: list[httpx.AsyncClient]
    owner: Person
    owning: Caller
    organisation: Json

    async def post(
        self, door: int, who: Caller, path: str, body: Json | None = None, key: str | None = None
    ) -> httpx.Response:
        """Send one request through one of the two processes; again where it says to try later.

        A busy machine answers 503 rather than let a queue grow without end.
        """
        headers = {**who.headers, **({"Idempotency-Key": key} if key else {})}
        deadline = time.monotonic() + 60
        while True:
            answer = await self.doors[door % 2].post(path, json=body or {}, headers=headers)
            if answer.status_code != 503 or time.monotonic() > deadline:
                return answer
            assert answer.headers["retry-after"], answer.text

    async def count(self, statement: str) -> int:
        """Ask the database itself."""
        async with self.world.runtime.engine.connect() as connection:
            return int((await connection.exec_driver_sql(statement)).scalar_one())


@pytest.fixture(scope="module")
def apis(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Api]]:
    folder = tmp_path_factory.mktemp("races")
    settings = {
        "DATABASE_URL": services.app_url,
        "DATABASE_OWNER_URL": services.owner_url,
        "REDIS_URL": services.redis_url,
        "DATA_DIR": str(folder),
    }
    with api_processes(settings, folder, 2) as started:
        yield started


@pytest.fixture
async def race(world: World, apis: list[Api]) -> AsyncIterator[Race]:
    owner = await world.sign_up("owner")
    organisation = await world.organisation(owner)
    owning = await caller_for(world.runtime, owner.id)
    async with callers(apis) as doors:
        yield Race(world, doors, owner, owning, organisation)


async def at_once(requests: Sequence[Awaitable[httpx.Response]]) -> list[httpx.Response]:
    return list(await asyncio.gather(*requests))


def told(answers: Sequence[httpx.Response]) -> Counter[Any]:
    """Count the answers by status and code; each refusal must be a problem with its reason."""
    for answer in answers:
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json", answer.text
            assert answer.json()["detail"], answer.text
            assert "{" not in answer.json()["detail"], answer.text
    return Counter((a.status_code, a.json().get("code")) for a in answers)


async def test_200_claimants_of_3_places_are_3(race: Race) -> None:
    need = await race.world.open_need(race.owner, race.organisation, instant=True, places=PLACES)
    people = await crowd(race.world.runtime, CLAIMANTS)
    path = f"/needs/{need['id']}/claims"
    answers = await at_once([race.post(n, who, path) for n, who in enumerate(people)])

    assert told(answers) == {(201, None): PLACES, (409, "need_full"): CLAIMANTS - PLACES}
    assert "3" in next(a for a in answers if a.status_code == 409).json()["detail"]
    after = await race.owner.get(f"/needs/{need['id']}")
    assert (after["taken"], after["places"]) == (PLACES, PLACES)
    assert await race.count("SELECT count(*) FROM claims WHERE state = 'accepted'") == PLACES
    assert await race.count("SELECT count(*) FROM claims") == PLACES
    assert await race.count("SELECT count(*) FROM claim_history") == PLACES

    # A place that is given back is free for the next one, and for one only.
    winner = next(n for n, a in enumerate(answers) if a.status_code == 201)
    claim = answers[winner].json()["id"]
    freed = await race.post(0, people[winner], f"/claims/{claim}/transitions", {"to": "withdrawn"})
    assert freed.status_code == 200, freed.text
    losers = [who for who, a in zip(people, answers, strict=True) if a.status_code == 409][:20]
    again = await at_once([race.post(n, who, path) for n, who in enumerate(losers)])
    assert told(again) == {(201, None): 1, (409, "need_full"): 19}


async def test_200_acceptances_for_3_places_are_3(race: Race) -> None:
    need = await race.world.open_need(race.owner, race.organisation, places=PLACES)
    people = await crowd(race.world.runtime, CLAIMANTS)
    claims = await applications(race.world.runtime, need["id"], people)
    answers = await at_once(
        [
            race.post(n, race.owning, f"/claims/{claim}/transitions", {"to": "accepted"})
            for n, claim in enumerate(claims)
        ]
    )

    assert told(answers) == {(200, None): PLACES, (409, "need_full"): CLAIMANTS - PLACES}
    assert (await race.owner.get(f"/needs/{need['id']}"))["taken"] == PLACES
    assert await race.count("SELECT count(*) FROM claims WHERE state = 'accepted'") == PLACES
    # Whoever was refused still waits and can be accepted once a place is free.
    assert await race.count("SELECT count(*) FROM claims WHERE state = 'applied'") == 197


@pytest.mark.parametrize("instant", [True, False])
async def test_a_double_click_is_one_claim(race: Race, instant: bool) -> None:
    need = await race.world.open_need(race.owner, race.organisation, instant=instant, places=5)
    path = f"/needs/{need['id']}/claims"
    same, other, none = await crowd(race.world.runtime, 3)

    answers = await at_once([race.post(n, same, path, key="one click") for n in range(6)])
    assert told(answers) == {(201, None): 6}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sum("idempotent-replayed" in answer.headers for answer in answers) == 5
    answers = await at_once([race.post(n, other, path, key=f"click {n}") for n in range(6)])
    assert told(answers) == {(201, None): 1, (409, "claim_exists"): 5}
    answers = await at_once([race.post(n, none, path) for n in range(6)])
    assert told(answers) == {(201, None): 1, (409, "claim_exists"): 5}
    assert await race.count("SELECT count(*) FROM claims") == 3
    assert (await race.owner.get(f"/needs/{need['id']}"))["taken"] == (3 if instant else 0)


async def test_one_worker_at_many_needs_stays_within_the_limits(race: Race) -> None:
    (who,) = await crowd(race.world.runtime, 1)
    needs = [
        await race.world.open_need(race.owner, race.organisation, instant=instant)
        for instant in [True] * 8 + [False] * 8
    ]
    answers = await at_once(
        [race.post(n, who, f"/needs/{need['id']}/claims") for n, need in enumerate(needs)]
    )
    counted = told(answers)
    assert counted[201, None] <= 6
    assert {status for status, _ in counted} == {201, 409}
    assert await race.count("SELECT count(*) FROM claims WHERE state = 'accepted'") <= 3
    assert await race.count("SELECT count(*) FROM claims WHERE state = 'applied'") <= 3


async def test_nobody_applies_to_a_need_that_is_just_withdrawn(race: Race) -> None:
    people = await crowd(race.world.runtime, 12)
    for n, who in enumerate(people):
        need = await race.world.open_need(race.owner, race.organisation)
        path = f"/needs/{need['id']}"
        answers = await at_once(
            [
                race.post(n, who, f"{path}/claims"),
                race.post(
                    n + 1, race.owning, f"{path}/transitions", {"to": "withdrawn", "reason": "no"}
                ),
            ]
        )
        assert {answer.status_code for answer in answers} <= {200, 201, 409, 410}, told(answers)
        assert not all(answer.is_success for answer in answers), told(answers)
    lost = (
        "SELECT count(*) FROM claims c JOIN needs n ON n.id = need_id WHERE n.state = 'withdrawn'"
    )
    assert await race.count(lost) == 0


async def submitted(race: Race, count: int) -> list[str]:
    """Return claims of different workers whose work waits for its confirmation."""
    people = await crowd(race.world.runtime, count)
    need = await race.world.open_need(race.owner, race.organisation, instant=True, places=count)
    claims = []
    for who in people:
        claim = (await race.post(0, who, f"/needs/{need['id']}/claims")).json()["id"]
        log = {"worked_on": work_day(), "minutes": 60}
        await race.post(0, who, f"/claims/{claim}/work-logs", log)
        moved = await race.post(0, who, f"/claims/{claim}/transitions", {"to": "submitted"})
        assert moved.json()["state"] == "submitted", moved.text
        claims.append(claim)
    return claims


BALANCED = """
    SELECT count(*) FROM (
        SELECT account_id, unit, amount FROM balances
        EXCEPT SELECT account_id, unit, sum(amount) FROM postings GROUP BY 1, 2
    ) AS wrong
"""


async def test_two_confirmers_at_once_post_one_entry(race: Race) -> None:
    member = await race.world.sign_up("member")
    seat = {"handle": "member", "role": "member", "worker_owner": False}
    await race.owner.post(f"/organisations/{race.organisation['id']}/members", seat)
    other = await caller_for(race.world.runtime, member.id)
    for claim in await submitted(race, 6):
        path, body = f"/claims/{claim}/confirmation", {"minutes": 60}
        answers = await at_once(
            [
                race.post(0, race.owning, path, body, key="a"),
                race.post(1, other, path, body, key="b"),
                race.post(0, race.owning, path, body, key="c"),
                race.post(1, race.owning, path, body, key="a"),
            ]
        )
        counted = told(answers)
        assert counted[201, None] in {1, 2}, "once, and once more as its replay"
        assert len({a.json()["entry"]["entry_id"] for a in answers if a.is_success}) == 1
        assert set(counted) == {(201, None), (409, "confirmation_state")}
    assert await race.count("SELECT count(*) FROM entries") == 6
    assert await race.count("SELECT sum(amount) FROM postings") == 0
    assert await race.count(BALANCED) == 0


@pytest.mark.parametrize("to", ["changes_requested", "disputed"])
async def test_confirming_and_asking_for_changes_at_once(race: Race, to: str) -> None:
    for number, claim in enumerate(await submitted(race, 8)):
        confirm = race.post(
            number, race.owning, f"/claims/{claim}/confirmation", {"minutes": 60}, key="k"
        )
        move = race.post(
            number + 1, race.owning, f"/claims/{claim}/transitions", {"to": to, "reason": "why"}
        )
        confirmed, moved = await at_once([confirm, move])
        told([confirmed, moved])
        assert {confirmed.status_code, moved.status_code} <= {200, 201, 409}
        state = (await race.owner.get(f"/claims/{claim}"))["state"]
        if confirmed.status_code == 201 and state != "confirmed":  # disputed after it
            assert (to, moved.status_code, state) == ("disputed", 200, "disputed")
        else:
            assert (state == "confirmed") == (confirmed.status_code == 201)
    consistent = """
        SELECT count(*) FROM claims c LEFT JOIN entries e ON e.claim_id = c.id
        WHERE (c.confirmed_minutes IS NOT NULL) <> (e.id IS NOT NULL)
    """
    assert await race.count(consistent) == 0
    assert await race.count(BALANCED) == 0


async def test_many_confirmations_of_one_book_do_not_block_each_other(race: Race) -> None:
    claims = await submitted(race, 40)
    answers = await at_once(
        [
            race.post(n, race.owning, f"/claims/{claim}/confirmation", {"minutes": 60}, key="k")
            for n, claim in enumerate(claims)
        ]
    )
    assert told(answers) == {(201, None): 40}
    (book,) = (await race.owner.get("/books"))["items"]
    seen = await race.owner.get(f"/books/{book['id']}")
    assert (seen["total_minutes"], seen["entries"], seen["sums"]) == (2400, 40, {"minute": 0})
    assert await race.count(BALANCED) == 0
    assert await race.count("SELECT count(*) FROM needs WHERE state = 'done'") == 1


THOUSAND = 1_000
OVER = "SELECT count(*) FROM needs WHERE taken > places OR taken < 0"
DISAGREE = """
    SELECT count(*) FROM needs WHERE taken <> (
        SELECT count(*) FROM claims WHERE claims.need_id = needs.id AND state = 'accepted'
    )
"""


async def steady(send: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    """Send again where the line broke, as a client with a key does on a busy machine."""
    for _ in range(5):
        try:
            return await send()
        except httpx.TransportError:
            continue
    return await send()


async def in_turns(
    requests: Sequence[Callable[[], Awaitable[httpx.Response]]], width: int = 60
) -> list[httpx.Response]:
    """Send all, so many at a time: enough to race, few enough for one machine."""
    gate = asyncio.Semaphore(width)

    async def one(send: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
        async with gate:
            return await send()

    return list(await asyncio.gather(*(one(send) for send in requests)))


@pytest.mark.slow
@pytest.mark.parametrize("places", [1, 5, 17])
async def test_1000_claimants_while_places_are_lowered_and_people_withdraw(
    race: Race, places: int
) -> None:
    need = await race.world.open_need(race.owner, race.organisation, instant=True, places=places)
    path = f"/needs/{need['id']}"
    people = await crowd(race.world.runtime, THOUSAND)
    over: list[int] = []
    withdrawn: list[str] = []

    async def claim(number: int) -> httpx.Response:
        answer = await steady(
            lambda: race.post(number, people[number], f"{path}/claims", key=f"claim {number}")
        )
        if answer.status_code == 201 and number % 2:
            claimed = f"/claims/{answer.json()['id']}/transitions"
            freed = await steady(
                lambda: race.post(
                    number + 1, people[number], claimed, {"to": "withdrawn"}, key=f"back {number}"
                )
            )
            assert freed.status_code == 200, freed.text
            withdrawn.append(answer.json()["id"])
        if number % 50 == 0:
            over.append(await race.count(OVER))
        return answer

    async def resize(number: int) -> httpx.Response:
        """Lower the places, or raise them again: refused while claims hold more, never a fault."""
        seen = await race.owner.get(path)
        body = {"places": places if number % 2 else max(1, places // 2)}
        headers = {**race.owning.headers, "If-Match": f'"{seen["version"]}"'}
        return await steady(lambda: race.doors[number % 2].patch(path, json=body, headers=headers))

    resizing = [partial(resize, number) for number in range(20)]
    claiming = [partial(claim, number) for number in range(THOUSAND)]
    answers, resized = await asyncio.gather(in_turns(claiming), in_turns(resizing, 1))

    assert {answer.status_code for answer in answers} <= {201, 409}, told(answers)
    assert {answer.status_code for answer in resized} <= {200, 409, 412, 503}, told(resized)
    assert set(over) == {0}
    assert await race.count(OVER) == 0
    assert await race.count(DISAGREE) == 0
    made = sum(answer.status_code == 201 for answer in answers)
    after = await race.owner.get(path)
    assert made - len(withdrawn) == after["taken"] <= after["places"] <= places
    # Every place that is free can be claimed, and no more than that.
    losers = [who for who, a in zip(people, answers, strict=True) if a.status_code == 409]
    free = after["places"] - after["taken"]
    again = await in_turns(
        [partial(race.post, n, who, f"{path}/claims") for n, who in enumerate(losers[: free + 5])]
    )
    assert sum(answer.status_code == 201 for answer in again) == free
    assert (await race.owner.get(path))["taken"] == after["places"]


async def test_confirming_and_taking_back_at_once_is_one_credit_at_most(race: Race) -> None:
    people = await crowd(race.world.runtime, 6)
    need = await race.world.open_need(race.owner, race.organisation, instant=True, places=6)
    claims = await crowd_submitted(race.world.runtime, need["id"], people)
    for number, (who, claim) in enumerate(zip(people, claims, strict=True)):
        path = f"/claims/{claim}"
        answers = await at_once(
            [
                race.post(number, race.owning, f"{path}/confirmation", {"minutes": 60}, key="a"),
                race.post(number + 1, who, f"{path}/transitions", {"to": "active"}),
                race.post(number, who, f"{path}/transitions", {"to": "disputed", "reason": "wait"}),
                race.post(
                    number + 1, race.owning, f"{path}/confirmation", {"minutes": 60}, key="b"
                ),
            ]
        )
        assert {answer.status_code for answer in answers} <= {200, 201, 409}, told(answers)
        # What was confirmed can be disputed and given in to: it is the same credit.
        created = sum(answer.status_code == 201 for answer in answers)
        assert created <= (2 if answers[2].status_code == 200 else 1), told(answers)
    twice = "SELECT count(*) FROM (SELECT FROM entries GROUP BY claim_id HAVING count(*) > 1) AS x"
    assert await race.count(twice) == 0
    booked = """
        SELECT count(*) FROM claims c LEFT JOIN entries e ON e.claim_id = c.id
        WHERE (c.confirmed_minutes IS NOT NULL) <> (e.id IS NOT NULL)
    """
    assert await race.count(booked) == 0
    assert await race.count(BALANCED) == 0

"""A claim's hours lie on the days of its logs, and nobody's day has more than 24 of them."""

import asyncio
from dataclasses import dataclass
from datetime import date, timedelta
from secrets import token_hex
from typing import Any

import pytest

from app.domain.claims.rules import MINUTES_A_DAY
from tests.factories import books
from tests.factories.world import Json, Person, World, work_day

TRIES = 3  # so many places one worker holds at once
MONDAY, TUESDAY, WEDNESDAY = [
    (date.fromisoformat(work_day()) + timedelta(days=number)).isoformat() for number in range(3)
]


@dataclass
class House:
    """A co-operative with a worker."""

    coop: books.Cooperative

    async def claim(self, *logs: tuple[str, int], submit: bool = True) -> str:
        """Return the path of a claim of the worker's with its logs."""
        need = await self.coop.world.open_need(
            self.coop.owner, self.coop.organisation, instant=True
        )
        claim = await self.coop.worker.post(f"/needs/{need['id']}/claims", {})
        path = f"/claims/{claim['id']}"
        for day, minutes in logs:
            await self.log(path, day, minutes)
        if submit:
            await self.coop.worker.move(path, "submitted")
        return path

    async def log(self, path: str, day: str, minutes: int, *, expect: int = 201) -> Json:
        """Log work."""
        body = {"worked_on": day, "minutes": minutes, "note": ""}
        return await self.coop.worker.post(f"{path}/work-logs", body, expect=expect)

    async def confirm(self, path: str, minutes: int, *, expect: int = 201) -> Json:
        """Confirm it."""
        body = {"minutes": minutes, "stream": "livelihood"}
        return await self.coop.owner.post(
            f"{path}/confirmation", body, key=token_hex(8), expect=expect
        )

    async def slip(self, day: str, minutes: int, worker: str = "worker", **said: Any) -> str:
        """Write a slip; return its entry, or why it is refused."""
        slip = self.coop.slip(worker, minutes, worked_on=day)
        answer = await self.coop.write(slip, by=self.coop.owner, **said)
        if "errors" in answer:
            return str(answer["errors"][0]["code"])
        return str(answer["entry_ids"][0])

    async def correct(self, entry: str, minutes: int, by: Person, **said: Any) -> Json:
        """Correct an entry."""
        expect = said.pop("expect", 201)
        body = {"minutes": minutes, "reason": "It was otherwise", **said}
        return await by.post(f"/entries/{entry}/correction", body, key=token_hex(8), expect=expect)


@pytest.fixture
async def house(world: World) -> House:
    coop = await books.cooperative(world)
    return House(coop)


async def test_what_books_say_of_a_day_is_told_when_work_is_logged_on_it(house: House) -> None:
    await house.slip(MONDAY, 1000)
    path = await house.claim((MONDAY, 400), submit=False)
    refused = await house.log(path, MONDAY, 41, expect=422)
    assert (refused["code"], refused["errors"][0]["code"]) == ("day_overfull", "day_overfull")
    assert "40" in refused["detail"]
    await house.log(path, MONDAY, 40)
    await house.log(path, TUESDAY, MINUTES_A_DAY)
    await house.coop.worker.move(path, "submitted")
    await house.confirm(path, 440 + MINUTES_A_DAY)


async def test_a_day_that_filled_up_meanwhile_is_named_to_who_hands_in_and_who_confirms(
    house: House,
) -> None:
    waits = await house.claim((MONDAY, 600), (TUESDAY, 600))
    begun = await house.claim((MONDAY, 60), submit=False)
    slip = await house.slip(MONDAY, 1400)
    for refused in (
        await house.coop.worker.move(begun, "submitted", expect=409),
        await house.confirm(waits, 1200, expect=409),
    ):
        assert (refused["code"], refused["day"]) == ("claim_day_full", MONDAY)
        assert refused["minutes_there"] == 1400
        assert MONDAY in refused["detail"]
        assert "23:20" in refused["detail"]
    assert refused["minutes_max"] == 640
    assert "640" in refused["detail"]
    # The book was wrong: then all of it is confirmed.
    await house.correct(slip, 780, house.coop.owner)
    await house.coop.worker.move(begun, "submitted")
    await house.confirm(waits, 1200)
    await house.confirm(begun, 60)
    assert await house.slip(MONDAY, 1, expect=422) == "slip_day_full"


async def test_confirmed_hours_fill_the_days_of_their_logs(house: House) -> None:
    days = (MONDAY, TUESDAY, WEDNESDAY)
    path = await house.claim(*((day, 1200) for day in days))
    await house.confirm(path, 3600)
    for day in days:
        assert await house.slip(day, 241, expect=422) == "slip_day_full"
        await house.slip(day, 240)
    assert await house.coop.minutes() == {"worker": 3 * MINUTES_A_DAY}


async def test_fewer_minutes_than_logged_are_those_that_can_be_true(house: House) -> None:
    """All of Monday's and what Tuesday has room for; a share of each day would be refused."""
    path = await house.claim((MONDAY, 720), (TUESDAY, 720))
    await house.slip(TUESDAY, 1200)
    refused = await house.confirm(path, 961, expect=409)
    assert (refused["code"], refused["day"], refused["minutes_max"]) == (
        "claim_day_full",
        TUESDAY,
        960,
    )
    await house.confirm(path, 960)
    assert await house.slip(TUESDAY, 1, expect=422) == "slip_day_full"
    assert await house.slip(MONDAY, 721, expect=422) == "slip_day_full"
    await house.slip(MONDAY, 720)
    assert await house.coop.minutes() == {"worker": 2 * MINUTES_A_DAY}


async def test_days_go_with_the_hours_to_whose_they_are(house: House) -> None:
    path = await house.claim((MONDAY, 1200), (TUESDAY, 1200))
    entry = (await house.confirm(path, 2400))["entry"]["entry_id"]
    await house.slip(TUESDAY, 241, "keeper")
    owner = house.coop.owner
    full = await house.correct(entry, 0, owner, worker="keeper", expect=422)
    assert full["code"] == "correction_day"
    await house.correct(entry, 1, owner, worker="keeper")
    assert await house.slip(MONDAY, 241, "keeper", expect=422) == "slip_day_full"
    assert (await house.coop.minutes())["keeper"] == 2399 + 241
    await house.slip(MONDAY, 1439, "worker")


async def test_a_settlement_and_a_ruling_give_no_more_than_fits(house: House) -> None:
    coop = house.coop
    path = await house.claim((MONDAY, MINUTES_A_DAY))
    await coop.owner.move(path, "disputed", "It was shorter")
    await house.slip(MONDAY, 400)
    offer = f"{path}/settlement"
    refused = await coop.worker.post(offer, {"minutes": 1041}, expect=409)
    assert (refused["code"], refused["minutes_max"]) == ("claim_day_full", 1040)
    await house.confirm(path, MINUTES_A_DAY, expect=409)
    for person in (coop.worker, coop.owner):
        await person.post(offer, {"minutes": 600}, expect=200)
    # The dispute in the book: the rest of the day, and not all that was logged.
    (entry, *_) = [
        each["entry_id"]
        for each in (await coop.owner.get(f"{coop.path}/entries"))["items"]
        if each["kind"] == "contribution"
    ]
    body = {"reason": "It was longer"}
    dispute = await coop.worker.post(f"/entries/{entry}/disputes", body, key="d")
    offers = f"/disputes/{dispute['id']}/offers"
    refused = await coop.worker.post(offers, {"minutes": 1041}, expect=422)
    assert refused["code"] == "dispute_minutes"
    for person in (coop.worker, coop.owner):
        await person.post(offers, {"minutes": 1040}, expect=200)
    assert await coop.minutes() == {"worker": MINUTES_A_DAY}


async def test_of_a_slip_and_a_confirmation_at_once_one_enters(house: House) -> None:
    day = date.fromisoformat(MONDAY)
    for number in range(TRIES):
        on = (day + timedelta(days=number)).isoformat()
        path = await house.claim((on, 800))
        slips = {"slips": [house.coop.slip("worker", 800, worked_on=on)]}
        body = {"minutes": 800, "stream": "livelihood"}
        answers = await asyncio.gather(
            *(
                house.coop.owner.ask(
                    "POST", where, json=said, headers={"Idempotency-Key": token_hex(8)}
                )
                for where, said in (
                    (f"{house.coop.path}/slips", slips),
                    (f"{path}/confirmation", body),
                )
            )
        )
        assert sorted(answer.status_code for answer in answers) in ([201, 409], [201, 422])
        assert await house.coop.minutes() == {"worker": 800 * (number + 1)}

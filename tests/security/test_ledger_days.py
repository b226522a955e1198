"""Nobody's day becomes longer than 24 hours, by whichever road and however many at once."""

import asyncio
from datetime import date, timedelta
from itertools import chain, combinations
from secrets import token_hex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.claims.days import RECEIPT_DAYS, receipt_days
from app.domain.claims.laying import Days, Work
from app.domain.claims.rules import MINUTES_A_DAY as DAY_MINUTES
from app.infra import clock
from app.models.receipts import Receipt
from tests.factories import books
from tests.factories.world import Json, World

DAY = "2026-03-02"
TRIES = 5


def _key() -> dict[str, str]:
    return {"Idempotency-Key": token_hex(8)}


async def _slip(coop: books.Cooperative, minutes: int, day: str, *, expect: int = 201) -> str:
    answer = await coop.write(
        coop.slip("worker", minutes, worked_on=day), by=coop.owner, expect=expect
    )
    if expect != 201:
        return str(answer["errors"][0]["code"])
    (entry,) = answer["entry_ids"]
    return str(entry)


async def _dispute(coop: books.Cooperative, entry: str) -> str:
    path, body = f"/entries/{entry}/disputes", {"reason": "It was longer"}
    return str((await coop.worker.post(path, body, key=token_hex(8)))["id"])


async def test_two_rulings_at_the_same_moment_share_one_day(world: World) -> None:
    """Each alone would fit: the one that comes second sees what the first one left."""
    coop = await books.cooperative(world)
    for number in range(1, TRIES + 1):
        day = f"2026-03-0{number}"
        entries = [await _slip(coop, 300, day) for _ in range(2)]
        disputes = [await _dispute(coop, entry) for entry in entries]
        body = {"minutes": DAY_MINUTES - 300}
        for dispute in disputes:
            await coop.worker.post(f"/disputes/{dispute}/offers", body, expect=200)
        answers = await asyncio.gather(
            *(coop.owner.ask("POST", f"/disputes/{one}/offers", json=body) for one in disputes)
        )
        assert sorted(answer.status_code for answer in answers) == [200, 422]
        (refused,) = [answer.json() for answer in answers if answer.status_code == 422]
        assert refused["code"] == "dispute_minutes"
        # What is in question is nobody's, and a part of its day all the same.
        assert await _slip(coop, 1, day, expect=422) == "slip_day_full"
        assert await coop.minutes() == {"worker": number * (DAY_MINUTES - 300)}


async def test_two_books_share_one_day(world: World) -> None:
    coop = await books.cooperative(world)
    other = await world.organisation(coop.owner, name="Second House")
    members = f"/organisations/{other['id']}/members"
    await coop.owner.post(members, {"handle": "worker", "role": "member", "worker_owner": False})
    ownership = f"/organisations/{other['id']}/ownership"
    second = await coop.owner.post(ownership, {"currency": "EUR"}, key=token_hex(8))
    for number in range(1, TRIES + 1):
        slips = {"slips": [coop.slip("worker", 800, worked_on=f"2026-03-0{number}")]}
        answers = await asyncio.gather(
            *(
                coop.owner.ask("POST", f"/books/{book}/slips", json=slips, headers=_key())
                for book in (coop.book["id"], second["id"])
            )
        )
        assert sorted(answer.status_code for answer in answers) == [201, 422]


async def test_what_waits_in_suspense_keeps_its_place_in_the_day(world: World) -> None:
    """A friend disputes a slip, another fills its day, and the friend lets it be."""
    coop = await books.cooperative(world)
    dispute = await _dispute(coop, await _slip(coop, 1000, DAY))
    assert await _slip(coop, 441, DAY, expect=422) == "slip_day_full"
    await _slip(coop, 440, DAY)
    await coop.worker.post(f"/disputes/{dispute}/withdrawal", expect=200)
    assert await coop.minutes() == {"worker": DAY_MINUTES}


async def test_what_a_correction_took_comes_back_as_far_as_its_day_has_room(world: World) -> None:
    coop = await books.cooperative(world)
    entry = await _slip(coop, 1000, DAY)
    body = {"minutes": 0, "reason": "Never here"}
    (back,) = (await coop.owner.post(f"/entries/{entry}/correction", body, key="c"))["entry_ids"]
    await _slip(coop, 900, DAY)
    dispute = await _dispute(coop, back)
    offers = f"/disputes/{dispute}/offers"
    assert (await coop.worker.post(offers, {"minutes": 541}, expect=422))["code"] == (
        "dispute_minutes"
    )
    for person in (coop.worker, coop.owner):
        await person.post(offers, {"minutes": 540}, expect=200)
    assert await coop.minutes() == {"worker": DAY_MINUTES}


async def test_an_opening_is_no_days_work_and_makes_no_room_for_any(world: World) -> None:
    """A balance of many days is written on one: neither it nor what changes it fills the day."""
    coop = await books.cooperative(world)
    lines = [{"worker": "worker", "stream": "care", "minutes": 10_000}]
    opening = await coop.owner.post(f"{coop.path}/opening", {"on": DAY, "minutes": lines}, key="o")
    path = f"{coop.path}/opening/confirmation"
    await coop.keeper.post(path, {"version": opening["version"]}, key="v")
    await _slip(coop, 1000, DAY)
    entries = (await coop.owner.get(f"{coop.path}/entries"))["items"]
    (opened,) = [entry["entry_id"] for entry in entries if entry["kind"] == "opening"]
    body = {"minutes": 9000, "reason": "A sheet was counted twice"}
    await coop.owner.post(f"/entries/{opened}/correction", body, key="c")
    assert await _slip(coop, 441, DAY, expect=422) == "slip_day_full"
    await _slip(coop, 440, DAY)
    assert await coop.minutes() == {"worker": 9000 + DAY_MINUTES}


async def _take(coop: books.Cooperative, receipt: Receipt, *, expect: int = 200) -> Json:
    offers = f"{coop.path}/receipts"
    await coop.worker.post(offers, {"receipt_id": str(receipt.id)}, key=token_hex(8))
    path = f"{offers}/{receipt.id}/decision"
    return await coop.keeper.post(path, {"take": True}, expect=expect)


async def test_a_lying_peers_receipts_make_no_day_longer(world: World) -> None:
    coop = await books.cooperative(world)
    elsewhere = books.issuer(world)
    await _slip(coop, 1000, DAY)
    too_much = await elsewhere.receipt(coop.worker, 441, on=DAY)
    assert (await _take(coop, too_much, expect=409))["code"] == "receipt_day_full"
    await _take(coop, await elsewhere.receipt(coop.worker, 440, on=DAY))
    assert await _slip(coop, 1, DAY, expect=422) == "slip_day_full"
    # More than a day: the work of the days before as well, as far as they have room.
    for minutes, code in ((RECEIPT_DAYS * DAY_MINUTES + 1, "receipt_too_long"),
                          (RECEIPT_DAYS * DAY_MINUTES, "receipt_day_full")):  # fmt: skip
        long = await elsewhere.receipt(coop.worker, minutes, on=DAY)
        assert (await _take(coop, long, expect=409))["code"] == code
    await _take(coop, await elsewhere.receipt(coop.worker, 40 * 60, on=DAY))
    whole_month = await elsewhere.receipt(coop.worker, 30 * DAY_MINUTES, on=DAY)
    assert (await _take(coop, whole_month, expect=409))["code"] == "receipt_day_full"
    assert await coop.minutes() == {"worker": DAY_MINUTES + 40 * 60}


async def test_of_two_receipts_at_once_one_is_taken(world: World) -> None:
    coop = await books.cooperative(world)
    elsewhere = books.issuer(world)
    for number in range(1, TRIES + 1):
        receipts = [
            await elsewhere.receipt(coop.worker, 800, on=f"2026-03-0{number}") for _ in range(2)
        ]
        offers = f"{coop.path}/receipts"
        for receipt in receipts:
            await coop.worker.post(offers, {"receipt_id": str(receipt.id)}, key=token_hex(8))
        answers = await asyncio.gather(
            *(
                coop.keeper.ask("POST", f"{offers}/{one.id}/decision", json={"take": True})
                for one in receipts
            )
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409]


@given(
    st.lists(st.integers(0, DAY_MINUTES), min_size=RECEIPT_DAYS, max_size=RECEIPT_DAYS),
    st.integers(1, RECEIPT_DAYS * DAY_MINUTES),
)
def test_a_receipt_fits_exactly_where_some_stretch_of_days_has_room(
    worked: list[int], minutes: int
) -> None:
    span = receipt_days(clock.today(), minutes)
    assert len(span) == (1 if minutes <= DAY_MINUTES else RECEIPT_DAYS)
    days = dict(zip(span, worked, strict=False))
    room = sum(DAY_MINUTES - days[day] for day in span)
    laid = Days.of(Work({day: DAY_MINUTES}, some) for day, some in days.items())
    assert laid.room(Work(dict.fromkeys(span, DAY_MINUTES), minutes)) == min(minutes, room)


@pytest.mark.parametrize("minutes", [0, 1, DAY_MINUTES])
def test_an_overfull_day_lends_nothing(minutes: int) -> None:
    day = clock.today()
    laid = Days.of([Work({day: DAY_MINUTES}, DAY_MINUTES + 1)])
    before = day - timedelta(days=1)
    assert laid.room(Work({day: DAY_MINUTES}, max(1, minutes))) == 0
    # Nor does it take anything from the day before it.
    assert laid.room(Work({before: minutes, day: DAY_MINUTES}, minutes)) == minutes


FEW_DAYS = [date(2026, 3, day) for day in range(1, 5)]
works = st.builds(
    lambda days, part: Work(days, sum(days.values()) * part // 100),
    st.dictionaries(st.sampled_from(FEW_DAYS), st.integers(1, DAY_MINUTES), min_size=1, max_size=4),
    st.integers(0, 100),
)


def _placed(all_work: list[Work]) -> int:
    """Return how much can be laid, by the smallest cut (Ford and Fulkerson 1956)."""
    every = chain.from_iterable(combinations(FEW_DAYS, n) for n in range(len(FEW_DAYS) + 1))
    return min(
        DAY_MINUTES * len(full)
        + sum(
            min(work.minutes, sum(most for day, most in work.days.items() if day not in full))
            for work in all_work
        )
        for full in every
    )


@given(st.lists(works, max_size=5), works)
def test_work_has_room_exactly_where_some_way_to_lay_all_of_it_has(
    others: list[Work], more: Work
) -> None:
    """Minutes of days from logs and confirmed minutes: never refused where they could be true."""
    expected = _placed([*others, more]) - _placed(others)
    assert Days.of(others).room(more) == expected
    assert Days.of([*others, more]).surplus() == (
        sum(work.minutes for work in [*others, more]) - _placed([*others, more])
    )

"""Nobody alone keeps a period from being closed: not by disputing, not by taking it back."""

from datetime import datetime, timedelta
from secrets import token_hex

import pytest
from sqlmodel import col, select

from app.infra import clock
from app.infra.database import transaction
from app.models.ledger import Entry, EntryKind
from tests.factories.periods import FIRST, LAST, Cooperative, cooperative
from tests.factories.world import Json, World

DAY = timedelta(days=1)


async def _drafted(world: World, slips: int) -> tuple[Cooperative, Json, list[str]]:
    """Return a quarter whose draft people read, and the entries of Anna in it."""
    made = await cooperative(world, "anna", "berta", "carles", "dina")
    entries = [str(await made.give(made.id_of("anna"), 600)) for _ in range(slips)]
    await made.give(made.id_of("berta"), 6000)
    period = await made.draw_up(await made.open(LAST, 1_000_000, FIRST))
    assert period["state"] == "drafted"
    return made, period, entries


async def _dispute(made: Cooperative, entry: str, *, expect: int = 201) -> Json:
    path, body = f"/entries/{entry}/disputes", {"reason": "Never there"}
    return await made.members["dina"].post(path, body, key=token_hex(8), expect=expect)


async def _read(made: Cooperative, period: Json) -> Json:
    await made.world.work()
    return await made.owner.get(f"/periods/{period['id']}")


async def _counted(made: Cooperative, period: Json, name: str = "anna") -> int:
    return int((await made.lines(period))[str(made.id_of(name))]["counted"])


def _until(period: Json) -> datetime:
    return datetime.fromisoformat(period["objections_until"])


async def test_disputing_entry_after_entry_moves_the_end_by_a_week_at_most(world: World) -> None:
    """Each dispute takes its minutes out at once; the days for objections are not begun anew."""
    made, period, entries = await _drafted(world, slips=6)
    end = _until(period)
    for number, (days, entry) in enumerate(zip((1, 20, 28, 29), entries, strict=False), 1):
        with clock.moved(days * DAY):
            await made.sign_in_again()
            await _dispute(made, entry)
            period = await _read(made, period)
            assert period["state"] == "drafted"
            assert await _counted(made, period) == (6 - number) * 600
            assert end <= _until(period) <= end + 7 * DAY
    assert _until(period) > end + 5 * DAY, "what changed last can be read for a week"
    with clock.moved(31 * DAY):
        await made.sign_in_again()
        # The days are over in which disputes change it, whoever disputes what.
        refused = await _dispute(made, entries[4], expect=409)
        assert refused["code"] == "dispute_locked"
        early = await made.sign(period, "anna", expect=409)
        assert early["code"] == "period_objections_open"
        # Who reads the new figures may still object, and is answered.
        path, body = f"/periods/{period['id']}/objections", {"text": "Mine were right"}
        objection = await made.members["anna"].post(path, body, key=token_hex(8))
        answer = {"kept": True, "answer": "They are before the panel"}
        path = f"/period-objections/{objection['id']}/answer"
        await made.owner.post(path, answer, expect=200, key="a")
        period = await _read(made, period)
    with clock.moved(37 * DAY):
        await made.sign_in_again()
        for name in ("anna", "berta"):
            await made.sign(period, name)
        locked = await _read(made, period)
        assert locked["state"] == "locked"
        assert await _counted(made, locked) == 2 * 600


async def test_what_is_decided_after_the_days_counts_in_the_open_period(world: World) -> None:
    made, period, entries = await _drafted(world, slips=2)
    with clock.moved(10 * DAY):
        await made.sign_in_again()
        disputes = [await _dispute(made, entry) for entry in entries]
        period = await _read(made, period)
        assert await _counted(made, period) == 0
        # Decided in time, it comes back into the very period.
        await made.members["dina"].post(f"/disputes/{disputes[0]['id']}/withdrawal", expect=200)
        period = await _read(made, period)
        assert await _counted(made, period) == 600
    with clock.moved(31 * DAY):
        await made.sign_in_again()
        await made.members["dina"].post(f"/disputes/{disputes[1]['id']}/withdrawal", expect=200)
        same = await _read(made, period)
        assert (same["outcome_hash"], same["draft"]) == (period["outcome_hash"], period["draft"])
        for name in ("anna", "berta"):
            await made.sign(period, name)
        assert (await _read(made, period))["state"] == "locked"
        async with transaction(world.runtime.sessions) as session:
            rulings = select(col(Entry.booked_on)).where(Entry.kind == EntryKind.RULING)
            ruled = (await session.exec(rulings)).all()
        assert sorted(ruled) == [FIRST, LAST + DAY]


async def test_a_period_is_taken_back_once_by_each(world: World) -> None:
    made, period, _ = await _drafted(world, slips=1)
    path = f"/periods/{period['id']}/transitions"
    body = {"to": "reopened", "version": period["version"], "reason": "Something is missing"}
    reopened = await made.owner.post(path, body, expect=200)
    period = await made.draw_up(reopened)
    again = {**body, "version": period["version"]}
    refused = await made.owner.post(path, again, expect=409)
    assert refused["code"] == "period_reopened_before"
    # Nor with a friend who objects, so that it is taken back for them.
    objections = f"/periods/{period['id']}/objections"
    objection = await made.members["anna"].post(objections, {"text": "Too little"}, key="o")
    answer = {"kept": False, "answer": "Right"}
    path_of_answer = f"/period-objections/{objection['id']}/answer"
    refused = await made.owner.post(path_of_answer, answer, expect=409, key="r")
    assert refused["code"] == "period_reopened_before"
    await made.members["berta"].post(path_of_answer, answer, expect=200, key="s")
    assert (await _read(made, period))["state"] == "reopened"


@pytest.mark.parametrize("days", [0, 29])
async def test_a_draft_taken_back_by_people_is_heard_for_all_its_days(
    world: World, days: int
) -> None:
    made, period, _ = await _drafted(world, slips=1)
    with clock.moved(days * DAY):
        await made.sign_in_again()
        body = {"to": "reopened", "version": period["version"], "reason": "A slip is missing"}
        reopened = await made.owner.post(f"/periods/{period['id']}/transitions", body, expect=200)
        again = await made.draw_up(reopened)
        assert _until(again) >= clock.now() + 30 * DAY - timedelta(hours=1)

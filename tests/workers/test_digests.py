"""A digest comes once a period at its reader's hour, whatever the clocks and the workers do."""

import asyncio
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.notifications import digests
from app.domain.notifications.rules import digest_period
from app.infra import clock
from app.models.notifications import MailWish
from app.workers.main import run_until_idle
from tests.api.test_notifications import letters, proven
from tests.factories.world import World

NOON = datetime(2026, 3, 18, 12, tzinfo=UTC)
ZONES = st.sampled_from(["UTC", "Europe/Athens", "Europe/Amsterdam", "America/Bogota"])
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


@given(MOMENTS, st.integers(0, 23), ZONES, st.sampled_from([MailWish.DAILY, MailWish.WEEKLY]))
def test_the_newest_digest_is_due_already_and_the_next_one_is_not(
    now: datetime, hour: int, zone: str, wish: MailWish
) -> None:
    name, due = digest_period(wish, now, hour, zone)
    assert due <= now
    days = 1 if wish is MailWish.DAILY else 7
    assert now - due < timedelta(days=days, hours=2)  # a change of the clocks moves it by one
    assert digest_period(wish, due, hour, zone)[0] == name


@pytest.mark.parametrize(
    "day", [datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)]
)
def test_a_change_of_the_clocks_leaves_no_day_out_and_doubles_none(day: datetime) -> None:
    for hour in range(24):
        begin = day - timedelta(days=1)
        names = [
            digest_period(MailWish.DAILY, begin + timedelta(minutes=10 * n), hour, "Europe/Athens")[
                0
            ]
            for n in range(6 * 72)
        ]
        days = list(dict.fromkeys(names))
        assert names == sorted(names)
        assert len(days) in {3, 4}
        assert day.astimezone(ZoneInfo("Europe/Athens")).date().isoformat() in " ".join(days)


async def test_a_digest_comes_once_even_when_the_worker_was_away_at_its_hour(world: World) -> None:
    owner = await proven(world, "owner")
    await world.organisation(owner)
    before = len(letters(world, "owner"))
    await world.work()
    assert len(letters(world, "owner")) == before  # not before the hour
    with clock.moved(timedelta(days=1, hours=3)):  # nobody worked at the hour itself
        await world.work()
        await world.work()
        (digest,) = letters(world, "owner")[before:]
        assert "• Forn Roig was accepted" in digest
        assert "List-Id: <digest.127.0.0.1>" in digest
    with clock.moved(timedelta(days=2, hours=3)):
        await world.work()
        assert len(letters(world, "owner")) == before + 1  # nothing new: no letter


async def test_two_workers_at_the_same_hour_send_one_digest(world: World) -> None:
    owner = await proven(world, "owner")
    await world.organisation(owner)
    await world.work()
    before = len(letters(world, "owner"))
    with clock.moved(timedelta(days=1, hours=3)):
        await asyncio.gather(*(run_until_idle(world.runtime) for _ in range(3)))
        assert len(letters(world, "owner")) == before + 1


@pytest.mark.parametrize("joined", [NOON, NOON.replace(hour=5)])
async def test_a_need_is_told_once_whatever_hours_nobody_worked(
    world: World, joined: datetime
) -> None:
    """Posted before or after that day's hour, and the worker of this instance away at it."""
    with clock.frozen(joined):
        owner = await world.sign_up("owner")
        worker = await proven(world, "worker")
        body = {"skills": [{"slug": "wordpress"}], "languages": ["en"], "hours_per_week": 5}
        assert (await worker.ask("PUT", "/me/profile", json=body)).status_code == 200
        organisation = await world.organisation(owner)
        skills = [{"slug": "wordpress", "weight": "nice"}]
        await world.open_need(owner, organisation, title="The first one", skills=skills)
    await _told(world, joined + timedelta(days=3, hours=3), "The first one")
    with clock.frozen(joined + timedelta(days=3, hours=4)):
        await world.open_need(owner, organisation, title="The second one", skills=skills)
    (second,) = await _told(world, joined + timedelta(days=9), "The second one")
    assert "The first one" not in second
    assert await _told(world, joined + timedelta(days=10)) == []


async def _told(world: World, moment: datetime, *titles: str) -> list[str]:
    before = len(letters(world, "worker"))
    with clock.frozen(moment):
        await world.work()
    told = letters(world, "worker")[before:]
    assert len(told) == len(titles)
    assert all(title in letter for title, letter in zip(titles, told, strict=True))
    return told


@pytest.mark.parametrize("many", [1, 1_000])
async def test_a_digest_names_what_is_new_and_fits_alone_or_with_many(
    world: World, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    """Whether boards are ranked one by one or all at once, each letter says the same."""
    monkeypatch.setattr(digests, "MANY", many)
    owner = await world.sign_up("owner")
    worker, other = await proven(world, "worker"), await proven(world, "other")
    for person, slug in ((worker, "wordpress"), (other, "translation")):
        body = {"skills": [{"slug": slug}], "languages": ["en"], "hours_per_week": 5}
        assert (await person.ask("PUT", "/me/profile", json=body)).status_code == 200
    organisation = await world.organisation(owner)
    with clock.moved(timedelta(days=-3)):
        for number in range(6):  # older, and better: what is new must not drown in it
            await world.open_need(owner, organisation, title=f"Old {number}", urgency="high")
    nice = [{"slug": "wordpress", "weight": "nice"}, {"slug": "podcast", "weight": "nice"}]
    await world.open_need(owner, organisation, title="Brand new", skills=nice)
    before = len(letters(world, "worker"))
    with clock.moved(timedelta(days=1, hours=3)):
        await world.work()
        (digest,) = letters(world, "worker")[before:]
        assert "• Brand new" in digest
        assert "Old" not in digest
        assert not any("Brand new" in each for each in letters(world, "other"))

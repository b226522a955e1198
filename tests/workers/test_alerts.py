"""Somebody is told of a new need once, at their hour, whatever the workers and the clocks do."""

import asyncio
from datetime import UTC, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.feeds import alerts
from app.domain.feeds.rules import INSTANT_PAUSE, NEEDS_TOLD_MAX, last_due
from app.domain.organisations.blocking import block_organisation
from app.infra import clock
from app.infra.database import transaction
from app.models.feeds import Often
from app.workers.activity import react_to_activities, tidy_up
from app.workers.feeds import send_alerts
from app.workers.main import run_until_idle
from tests.api.test_notifications import kinds, letters, proven
from tests.factories.world import Json, Person, World
from tests.pages.reading import Reader
from tests.pages.test_searches import asked, subscribed

ZONES = st.sampled_from(["UTC", "Europe/Athens", "Europe/Amsterdam", "America/Bogota"])
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
ATHENS = ZoneInfo("Europe/Athens")


@given(MOMENTS, st.integers(0, 23), ZONES, st.sampled_from([Often.DAILY, Often.WEEKLY]))
def test_the_hour_that_counts_is_the_newest_one_that_has_come(
    now: datetime, hour: int, zone: str, often: Often
) -> None:
    due = last_due(often, now, hour, zone)
    assert due is not None
    assert due <= now
    assert now - due < timedelta(days=1 if often is Often.DAILY else 7, hours=2)
    local = due.astimezone(ZoneInfo(zone))
    assert local.hour in {hour, hour + 1}  # an hour that the clocks leave out is the next one
    if often is Often.WEEKLY:
        assert local.weekday() == 0
    assert last_due(often, due, hour, zone) == due
    assert last_due(Often.INSTANT, now, hour, zone) == now
    assert last_due(Often.OFF, now, hour, zone) is None


class Scene:
    """An organisation that asks, and somebody with an account who listens."""

    def __init__(self, world: World, owner: Person, organisation: Json, person: Person) -> None:
        self.world, self.owner, self.organisation = world, owner, organisation
        self.person = person
        self.before = len(letters(world, "person"))

    async def listen(self, often: str, person: Person | None = None, **filters: object) -> Json:
        body = {"filters": filters, "often": often}
        return await (person or self.person).post("/me/saved-searches", body)

    async def open(self, title: str, **changes: object) -> Json:
        changes = {"audience": "public", "title": title, **changes}
        return await self.world.open_need(self.owner, self.organisation, **changes)

    def told(self, handle: str = "person") -> list[str]:
        """The letters that came since."""
        return letters(self.world, handle)[self.before if handle == "person" else 0 :]


@pytest.fixture
async def scene(world: World) -> Scene:
    owner = await world.sign_up("owner")
    organisation = await world.organisation(owner, "Forn Roig")
    return Scene(world, owner, organisation, await proven(world, "person"))


async def test_at_once_is_one_letter_and_one_notice_each(scene: Scene) -> None:
    await scene.open("Before")
    await scene.world.work()
    await scene.listen("instant", q="poster")
    need = await scene.open("A poster")
    await scene.open("A server")
    for _ in range(3):
        await scene.world.work()
    (letter,) = scene.told()
    assert "Subject: A poster" in letter
    assert f"/needs/{need['id']}" in letter
    assert "Forn Roig" in letter
    assert "List-Id: <alerts.127.0.0.1>" in letter
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in letter
    assert await kinds(scene.person) == ["search_matched"]


async def test_what_comes_in_quick_succession_comes_together(scene: Scene) -> None:
    await scene.listen("instant")
    await scene.open("First")
    await scene.world.work()
    for title in ("Second", "Third"):
        await scene.open(title)
        await scene.world.work()
    assert len(scene.told()) == 1
    with clock.moved(INSTANT_PAUSE + timedelta(seconds=1)):
        await scene.world.work()
        await scene.world.work()
    second = scene.told()[1]
    assert "Second" in second
    assert "Third" in second
    assert "First" not in second
    assert len(scene.told()) == 2


async def test_many_at_once_are_one_letter_that_ends(scene: Scene) -> None:
    await scene.listen("instant")
    for number in range(NEEDS_TOLD_MAX + 3):
        await scene.open(f"Need number {number}")
    await scene.world.work()
    (letter,) = scene.told()
    assert letter.count("/needs/") == NEEDS_TOLD_MAX
    assert "And 3 more in the list." in letter


async def test_a_day_and_a_week_end_at_the_readers_own_hour(scene: Scene) -> None:
    fields = {"mail": {}, "hour": 18, "time_zone": "Europe/Athens"}
    answer = await scene.person.ask(
        "PUT", "/me/notification-settings", json=fields, headers={"If-Match": '"1"'}
    )
    assert answer.status_code == 200, answer.text
    today = clock.today("Europe/Athens")
    day = today + timedelta(days=2 if today.weekday() == 6 else 1)  # any day but a Monday
    evening = datetime.combine(day, time(18), ATHENS)
    monday = datetime.combine(day + timedelta(days=7 - day.weekday()), time(18), ATHENS)
    with clock.frozen(evening - timedelta(hours=5)):
        await scene.listen("daily", q="poster")
        await scene.listen("weekly", q="poster", remote=True)
        await scene.open("A poster")
        await scene.world.work()
    counts = []
    second = timedelta(seconds=1)
    for moment in (evening - second, evening, evening + second, monday - second, monday):
        with clock.frozen(moment):
            await scene.world.work()
        counts.append(len(scene.told()))
    assert counts == [0, 1, 1, 1, 2]


async def test_nothing_new_is_no_letter(scene: Scene) -> None:
    await scene.listen("daily")
    for day in range(1, 9):
        with clock.moved(timedelta(days=day)):
            await scene.world.work()
    assert scene.told() == []


async def test_a_worker_that_was_away_for_days_writes_one_letter(scene: Scene) -> None:
    await scene.listen("daily")
    await scene.open("A poster")
    with clock.moved(timedelta(days=4)):
        await scene.world.work()
        await scene.world.work()
    assert len(scene.told()) == 1


async def test_two_workers_tell_of_a_need_once(scene: Scene) -> None:
    await scene.listen("instant")
    before = {"person": scene.before}
    for handle in ("other", "another"):
        await scene.listen("instant", await proven(scene.world, handle))
        before[handle] = len(letters(scene.world, handle))
    for title in ("First", "Second"):
        await scene.open(title)
    await asyncio.gather(*(run_until_idle(scene.world.runtime) for _ in range(3)))
    with clock.moved(INSTANT_PAUSE * 2):
        await asyncio.gather(*(run_until_idle(scene.world.runtime) for _ in range(3)))
    for handle, count in before.items():
        found = letters(scene.world, handle)[count:]
        for title in ("First", "Second"):
            assert sum(title in letter for letter in found) == 1, (handle, title)


class PowerCutError(Exception):
    """The worker dies here."""


@pytest.mark.parametrize("step", ["match_new_needs", "tell_due"])
async def test_a_crash_between_two_steps_loses_and_doubles_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    await scene.listen("instant")
    await scene.open("A poster")
    whole = getattr(alerts, step)

    async def cut(session: AsyncSession, *rest: object) -> object:
        done = await whole(session, *rest)
        if done not in (0, (0, None)):
            raise PowerCutError
        return done

    with monkeypatch.context() as patch:
        patch.setattr(f"app.workers.feeds.{step}", cut)
        await react_to_activities(scene.world.runtime)
        with pytest.raises(PowerCutError):
            await send_alerts(scene.world.runtime)
    assert scene.told() == []
    await scene.world.work()
    await scene.world.work()
    assert len(scene.told()) == 1
    assert await kinds(scene.person) == ["search_matched"]


async def test_what_is_gone_by_its_hour_is_not_told(scene: Scene) -> None:
    await scene.listen("daily")
    gone = await scene.open("Withdrawn")
    paused = await scene.open("Paused")
    await scene.open("Open")
    await scene.world.work()
    await scene.owner.move(f"/needs/{gone['id']}", "withdrawn", "solved")
    await scene.owner.move(f"/needs/{paused['id']}", "paused", "later")
    with clock.moved(timedelta(days=1)):
        await scene.world.work()
    (letter,) = scene.told()
    assert "Subject: Open" in letter
    assert "Withdrawn" not in letter
    assert "Paused" not in letter
    # What was only paused is news when it is open again.
    with clock.moved(timedelta(days=1, minutes=1)):
        await scene.owner.move(f"/needs/{paused['id']}", "open")
    with clock.moved(timedelta(days=2)):
        await scene.world.work()
    assert "Subject: Paused" in scene.told()[1]
    assert len(scene.told()) == 2


async def test_what_is_gone_between_the_note_and_the_letter_is_not_told(scene: Scene) -> None:
    await scene.listen("instant")
    need = await scene.open("A poster")
    await react_to_activities(scene.world.runtime)
    await send_alerts(scene.world.runtime)  # the letter is written, and not sent yet
    await scene.owner.move(f"/needs/{need['id']}", "paused", "later")
    await scene.world.work()
    assert scene.told() == []


async def test_a_stranger_is_told_of_what_a_stranger_sees(scene: Scene) -> None:
    await scene.listen("instant")
    await subscribed(scene.world, Reader(scene.world), "", often="instant")
    before = len(letters(scene.world, "asker"))
    await scene.open("For us only", audience="instance")
    await scene.world.work()
    assert len(letters(scene.world, "asker")) == before
    assert "For us only" in scene.told()[0]


async def test_an_organisation_one_has_blocked_is_not_told_of(scene: Scene) -> None:
    other = await proven(scene.world, "other")
    before = len(letters(scene.world, "other"))
    await scene.listen("instant")
    await scene.listen("instant", other)
    async with transaction(scene.world.runtime.sessions) as session:
        actor = Actor(account_id=UUID(scene.person.id))
        await block_organisation(session, actor, UUID(scene.organisation["id"]))
    await scene.open("A poster")
    await scene.world.work()
    assert scene.told() == []
    assert "search_matched" not in await kinds(scene.person)
    assert len(letters(scene.world, "other")) == before + 1


async def test_who_has_no_address_is_told_here_only(scene: Scene) -> None:
    plain = await scene.world.sign_up("plain")
    await scene.listen("instant", plain)
    need = await scene.open("A poster")
    await scene.world.work()
    (notice,) = (await plain.get("/me/notifications"))["items"]
    assert (notice["kind"], notice["need_id"]) == ("search_matched", need["id"])
    assert "A poster" in notice["title"]
    assert letters(scene.world, "plain") == []


async def test_what_was_switched_off_is_silent_and_has_no_backlog(scene: Scene) -> None:
    search = await scene.listen("daily")
    path = f"/me/saved-searches/{search['id']}"
    await scene.open("While it was on")
    await scene.world.work()
    off = await scene.person.change(path, {"often": "off"}, search["version"])
    await scene.open("While it was off")
    with clock.moved(timedelta(days=2)):
        await scene.world.work()
        await scene.person.change(path, {"often": "instant"}, off["version"])
        await scene.world.work()
        assert scene.told() == []
        await scene.open("Afterwards")
        await scene.world.work()
    (letter,) = scene.told()
    assert "Subject: Afterwards" in letter


async def test_a_discreet_letter_says_nothing(scene: Scene) -> None:
    body = {"mail": {}, "discreet": True}
    headers = {"If-Match": '"1"'}
    answer = await scene.person.ask("PUT", "/me/notification-settings", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    await scene.listen("instant")
    await scene.open("A canary")
    await scene.world.work()
    (letter,) = scene.told()
    assert "canary" not in letter.lower()
    assert "Forn Roig" not in letter


async def test_hostile_words_stay_in_the_body_of_a_letter(scene: Scene) -> None:
    await scene.listen("instant")
    await scene.open("Poster\u2028Bcc: all@example.org <script>")
    await scene.world.work()
    (letter,) = scene.told()
    assert "\nBcc:" not in letter.partition("\n\n")[0]


async def test_what_nobody_confirmed_is_forgotten_with_its_address(scene: Scene) -> None:
    await asked(Reader(scene.world))
    await scene.world.work()
    assert await _rows(scene.world, "saved_searches") == 1
    with clock.moved(timedelta(days=7, minutes=1)):
        await tidy_up(scene.world.runtime)
    assert await _rows(scene.world, "saved_searches") == 0
    assert await _rows(scene.world, "letters", "address = 'asker@example.org'") == 0


async def _rows(world: World, table: str, condition: str = "true") -> int:
    counted = text(f"SELECT count(*) FROM {table} WHERE {condition}")  # noqa: S608 - our own words
    async with transaction(world.runtime.sessions) as session:
        return int((await session.execute(counted)).scalar_one())

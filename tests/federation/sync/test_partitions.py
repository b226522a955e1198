"""Silence for an hour, a week, a month; backups of either side. Afterwards both hold the same."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlmodel import col, func, select

from app.federation import retention
from app.federation.peers import epochs
from app.infra import clock
from app.infra.database import transaction
from app.models.activity import Activity
from app.models.federation import Delivery, FederationEvent, PeerInbox, PeerOutbox, RemoteObject
from app.workers.federation import deliver_messages, process_inbox, tidy_peers
from tests.factories.holdings import GREETED, back_to_now, back_up, in_step, restore, told
from tests.factories.instances import Instance, Pair
from tests.factories.lines import Line
from tests.factories.world import Json, Person


@dataclass
class Village:
    """North with somebody who posts, and south."""

    pair: Pair
    owner: Person
    organisation: Json

    async def post(self, title: str) -> Json:
        need: Json = await self.pair.north.open_need(
            self.owner, self.organisation, title=title, audience="public"
        )
        return need

    async def rename(self, need: Json, title: str) -> Json:
        path = f"/needs/{need['id']}"
        return await self.owner.change(path, {"title": title}, need["version"])

    async def withdraw(self, need: Json) -> None:
        await self.owner.move(f"/needs/{need['id']}", "withdrawn", "no longer needed")

    async def shown(self) -> set[str]:
        """Return what south shows of north."""
        mirrored = await self.pair.south.mirrored()
        return {need.title for need in mirrored if need.state != "withdrawn"}


@pytest.fixture(scope="module")
async def village(old_friends: Pair) -> Village:
    owner = await old_friends.north.sign_up("owner")
    return Village(old_friends, owner, await old_friends.north.organisation(owner))


async def lane(instance: Instance) -> PeerOutbox:
    async with instance.runtime.sessions() as session:
        return (await session.exec(select(PeerOutbox))).one()


async def chores(instance: Instance) -> None:
    """Do what concerns peers, once."""
    await tidy_peers(instance.runtime)
    await process_inbox(instance.runtime)
    await deliver_messages(instance.runtime)


async def meet(pair: Pair) -> None:
    """Let both do what concerns peers until nothing is left to say."""
    for _ in range(3):
        await chores(pair.north)
        await chores(pair.south)


@pytest.mark.parametrize("hours", [1, 8 * 24, 40 * 24])
async def test_partition(village: Village, line: Line, hours: int) -> None:
    pair, north = village.pair, village.pair.north
    changed = await village.post(f"Old words {hours}")
    withdrawn = await village.post(f"Gone meanwhile {hours}")
    await pair.work()
    assert {f"Old words {hours}", f"Gone meanwhile {hours}"} <= await village.shown()

    line.down = True
    await village.rename(changed, f"New words {hours}")
    await village.withdraw(withdrawn)
    await village.post(f"Newcomer {hours}")
    await north.write_mail()
    await deliver_messages(north.runtime)
    silence = timedelta(hours=hours)
    with clock.moved(silence - timedelta(minutes=30)):
        await chores(north)
        await chores(pair.south)
        waiting = await lane(north)
        assert waiting.failures > 0
        rest = waiting.next_attempt_at - clock.now()
        # A week of silence: once a day is enough.
        assert (rest > timedelta(hours=23)) == (hours > 7 * 24)
        pruned = waiting.oldest_seq > 1
    assert pruned == (hours > 30 * 24)

    line.down = False
    with clock.moved(silence):
        # Only south does anything: one request of its is enough for north to send at once.
        pair.south.runtime.shared.pop(GREETED, None)
        await process_inbox(pair.south.runtime)
        assert (await lane(north)).failures == 0
        await meet(pair)
    await back_to_now(pair)
    assert {f"New words {hours}", f"Newcomer {hours}"} <= await village.shown()
    assert f"Gone meanwhile {hours}" not in await village.shown()
    assert await in_step(pair)


async def test_sender_restored_from_backup(village: Village) -> None:
    pair = village.pair
    kept = await village.post("As the backup has it")
    withdrawn = await village.post("Back from the backup")
    await pair.work()
    saved = await back_up(pair.north)
    later = await village.rename(kept, "Said after the backup")
    await village.withdraw(withdrawn)
    await village.post("Posted after the backup")
    await pair.work()
    assert {"Said after the backup", "Posted after the backup"} <= await village.shown()
    before = (await lane(pair.north)).epoch

    await restore(pair.north, saved)
    await pair.work()  # north asks for news on its start, and south finds that it forgot some
    assert (await lane(pair.north)).epoch != before
    shown = await village.shown()
    assert {"As the backup has it", "Back from the backup"} <= shown
    assert not {"Said after the backup", "Posted after the backup"} & shown
    assert await in_step(pair)
    url = f"{pair.north.origin}/needs/{kept['id']}"
    async with pair.south.runtime.sessions() as session:
        row = await session.get(RemoteObject, url)
    assert row is not None
    assert row.version == kept["version"] < later["version"]  # the owner wins
    async with pair.north.runtime.sessions() as session:
        noticed = select(func.count()).where(col(Activity.verb) == "peer.restore_noticed")
        assert (await session.exec(noticed)).one() == 1
    # And life goes on from there.
    await village.rename({"id": kept["id"], "version": kept["version"]}, "Said once more")
    await pair.work()
    assert "Said once more" in await village.shown()
    assert await in_step(pair)


async def test_sender_restored_from_backup_that_speaks_before_it_is_noticed(
    village: Village, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The restore of the test before was a moment ago.
    monkeypatch.setattr(epochs, "NOTICED_AGAIN_AFTER", timedelta(0))
    pair = village.pair
    await village.post("Before the second backup")
    await pair.work()
    saved = await back_up(pair.north)
    for number in range(3):
        await village.post(f"Forgotten {number}")
    await pair.work()
    await restore(pair.north, saved)
    pair.north.runtime.shared[GREETED] = True  # it does not look around first
    await village.post("With a number that was given before")
    await pair.north.write_mail()
    await deliver_messages(pair.north.runtime)
    await meet(pair)
    shown = await village.shown()
    assert "With a number that was given before" in shown
    assert not any(title.startswith("Forgotten") for title in shown)
    assert await in_step(pair)


async def test_receiver_restored(village: Village) -> None:
    pair = village.pair
    need = await village.post("Known to the backup")
    await pair.work()
    saved = await back_up(pair.south)
    await village.rename(need, "Heard after the backup")
    await village.post("New after the backup")
    await pair.work()
    await restore(pair.south, saved)
    assert "Heard after the backup" not in await village.shown()
    await process_inbox(pair.south.runtime)  # its number is old, so it reads the log from there
    assert {"Heard after the backup", "New after the backup"} <= await village.shown()
    assert await in_step(pair)
    async with pair.south.runtime.sessions() as session:
        inbox = (await session.exec(select(PeerInbox))).one()
    assert inbox.applied_seq == (await lane(pair.north)).last_seq
    assert not inbox.manifest_due


async def test_what_is_kept_and_for_how_long(village: Village) -> None:
    pair = village.pair
    need = await village.post("Soon a tombstone")
    await pair.work()
    await village.withdraw(need)
    await village.post("The newest word")
    await pair.work()
    url = f"{pair.north.origin}/needs/{need['id']}"
    with clock.moved(timedelta(days=29)):
        await tidy_peers(pair.north.runtime)
    assert await kept_messages(pair.north) > 1
    with clock.moved(timedelta(days=31)):
        await tidy_peers(pair.north.runtime)
        await tidy_peers(pair.south.runtime)
    assert await kept_messages(pair.north) == 1  # the newest stays
    assert (await lane(pair.north)).oldest_seq == (await lane(pair.north)).last_seq
    assert await told(pair.north)
    async with transaction(pair.south.runtime.sessions) as session:
        assert await session.get(RemoteObject, url) is not None
    with clock.moved(retention.TOMBSTONES_KEPT - timedelta(days=1)):
        await tidy_peers(pair.south.runtime)
    async with transaction(pair.south.runtime.sessions) as session:
        tombstone = await session.get(RemoteObject, url)
        assert tombstone is not None
        assert tombstone.gone
    with clock.moved(retention.TOMBSTONES_KEPT + timedelta(days=1)):
        await tidy_peers(pair.south.runtime)
    async with transaction(pair.south.runtime.sessions) as session:
        assert await session.get(RemoteObject, url) is None


async def kept_messages(instance: Instance) -> int:
    async with instance.runtime.sessions() as session:
        numbered = select(func.count()).where(col(Delivery.seq).is_not(None))
        events = select(func.count()).select_from(FederationEvent)
        found = (await session.exec(numbered)).one()
        assert (await session.exec(events)).one() >= found
        return found

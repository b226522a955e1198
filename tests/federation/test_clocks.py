"""Clocks that differ: refused, told to both sides' stewards, well again when they agree."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest

from app.infra import clock
from app.models.federation import PeerInbox, PeerOutbox
from tests.factories.instances import Instance, Pair
from tests.factories.world import Json


class OffClock:
    """The clock of an instance that is set wrong."""

    def __init__(self, by: timedelta) -> None:
        self.by = by

    def now(self) -> datetime:
        return clock.now() + self.by


@contextmanager
def sending_at(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> Iterator[None]:
    """Let whoever sends meanwhile have a clock that is off; who receives has the right one."""
    with monkeypatch.context() as patch:
        for module in ("identity", "clocks"):
            patch.setattr(f"app.federation.peers.{module}.clock", OffClock(by))
        patch.setattr("app.federation.delivery.clock", OffClock(by))
        yield


async def health(instance: Instance) -> Json:
    found: Json = (await instance.peer())["health"]
    return found


@pytest.mark.parametrize("hours", [2, -2])
async def test_a_wrong_clock_is_told_and_mended(
    peers: Pair, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    north, south = peers.north, peers.south
    owner = await north.sign_up("owner")
    await north.open_need(owner, await north.organisation(owner), audience="public")
    with sending_at(monkeypatch, timedelta(hours=hours)):
        await north.work()
    assert await south.mirrored() == []
    for instance in (north, south):
        seen = await health(instance)
        assert seen["code"] == "clocks_differ"
        assert "differ by 2 h" in seen["text"]

    # The clock is set right; whatever was planned by the wrong one must not be waited for.
    with clock.moved(timedelta(minutes=6)):
        await peers.work()
        assert len(await south.mirrored()) == 1
        assert (await health(north))["code"] == (await health(south))["code"] == "well"


async def test_lanes_that_wait_for_a_time_far_off_go_on_when_the_clock_is_set_back(
    peers: Pair,
) -> None:
    north = peers.north
    with clock.moved(timedelta(hours=2)):
        later = clock.now() + timedelta(seconds=60)
        async with north.runtime.sessions() as session:
            outbox, inbox = await lanes(north)
            outbox.leased_until = outbox.next_attempt_at = later
            inbox.last_message_at = clock.now()
            session.add_all([outbox, inbox])
            await session.commit()
    owner = await north.sign_up("owner")
    await north.open_need(owner, await north.organisation(owner), audience="public")
    await peers.work()
    assert len(await peers.south.mirrored()) == 1
    outbox, inbox = await lanes(north)
    assert outbox.leased_until <= clock.now()
    assert inbox.last_message_at is None or inbox.last_message_at <= clock.now()


async def lanes(instance: Instance) -> tuple[PeerOutbox, PeerInbox]:
    peer_id = (await instance.peer())["id"]
    async with instance.runtime.sessions() as session:
        outbox = await session.get(PeerOutbox, peer_id)
        inbox = await session.get(PeerInbox, peer_id)
        assert outbox is not None
        assert inbox is not None
        session.expunge_all()
        return outbox, inbox

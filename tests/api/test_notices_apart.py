"""Notices when what carries them is away, in another process, or no longer theirs to hear."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from app.infra import wakeups
from app.infra.embedded import start_valkey
from tests.api.test_activity_stream import stream, until, until_idle
from tests.api.test_notifications import applied, kinds, letters, proven
from tests.conftest import Services, make_settings
from tests.factories.application import make_application
from tests.factories.world import Person, World

AWAY = "redis://127.0.0.1:1/0"


@contextlib.asynccontextmanager
async def instance(database: Services, folder: Path, redis_url: str) -> AsyncIterator[World]:
    """A process of an instance; several on one database are one instance."""
    application = make_application(make_settings(database, folder, redis_url=redis_url))
    async with application.router.lifespan_context(application):
        yield World(application)


def same_browser(world: World, person: Person) -> Person:
    """The same person, whose next request another process answers."""
    again = Person(world.application, world.runtime.origin)
    again.http.cookies.update(person.http.cookies)
    again.me = person.me
    return again


async def test_without_redis_everybody_is_told_all_the_same(
    database: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the app, on a stream that looks by itself, and by mail; no request falls over."""
    monkeypatch.setattr(wakeups, "ALONE_SECONDS", 0.2)
    async with instance(database, tmp_path, AWAY) as world:
        owner = await world.sign_up("owner")
        worker = await proven(world, "worker")
        async with stream(world, worker) as sent:
            await until(sent, "event: hello")
            _, _, claim = await applied(world, worker, owner)
            await owner.move(f"/claims/{claim['id']}", "declined", "somebody was first")
            await world.work()
            assert "claim_declined" in await until(sent, "event: notice")
            assert sent[0] == "200"
        assert "claim_declined" in await kinds(worker)
        assert "claim_applied" in await kinds(owner)
        assert "was declined" in letters(world, "worker")[-1]


async def test_a_stream_lives_through_redis_going_and_coming_back(
    database: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wakeups, "ALONE_SECONDS", 0.2)
    monkeypatch.setattr(wakeups, "RECONNECT_SECONDS", 0.1)
    monkeypatch.setattr(wakeups, "LISTENING_SECONDS", 600.0)  # only a word can be what wakes it
    with TemporaryDirectory(prefix="tnl-") as short:
        folder = Path(short)
        async with contextlib.AsyncExitStack() as running:
            valkey = running.enter_context(contextlib.ExitStack())
            url = valkey.enter_context(start_valkey(folder)).url()
            world = await running.enter_async_context(instance(database, tmp_path, url))
            owner = await world.sign_up("owner")
            sent = await running.enter_async_context(stream(world, owner))
            await until(sent, "event: hello")
            await world.organisation(owner, "First")
            await world.work()
            await until(sent, '"unread":1')
            valkey.close()
            await world.organisation(owner, "Second")
            await world.work()
            await until(sent, '"unread":2')
            valkey.enter_context(start_valkey(folder))
            await until_hearing(world)
            await world.organisation(owner, "Third")
            await world.work()
            told = await until(sent, '"unread":3')
            assert told.count("event: hello") == 1  # one stream all the while
            assert told.count("event: notice") == 3  # each once


async def until_hearing(world: World) -> None:
    """Wait until the process listens to Redis again."""
    async with asyncio.timeout(20):
        while not world.runtime.wakeups._hears:  # noqa: ASYNC110 - nothing else tells
            await asyncio.sleep(0.02)


async def test_a_stream_of_one_process_tells_what_the_worker_of_another_did(
    database: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wakeups, "LISTENING_SECONDS", 600.0)
    monkeypatch.setattr(wakeups, "ALONE_SECONDS", 600.0)
    async with (
        instance(database, tmp_path, database.redis_url) as one,
        instance(database, tmp_path, database.redis_url) as two,
    ):
        owner, other = await one.sign_up("owner"), await one.sign_up("other")
        async with stream(one, owner) as mine, stream(one, other) as theirs:
            await until(mine, "event: hello")
            await until(theirs, "event: hello")
            await until_hearing(one)
            two.steward = same_browser(two, await one.set_up())
            await two.organisation(same_browser(two, owner))
            await two.work()
            assert "organisation_accepted" in await until(mine, "event: notice")
            assert "event: notice" not in "".join(theirs)
        assert await kinds(same_browser(two, owner)) == ["organisation_accepted"]


async def test_who_is_removed_hears_nothing_more_on_an_open_stream(world: World) -> None:
    owner, member = await world.sign_up("owner"), await world.sign_up("member")
    organisation = await world.organisation(owner)
    path = f"/organisations/{organisation['id']}/members"
    await owner.post(path, {"handle": "member", "role": "member"})
    need = await world.open_need(owner, organisation, places=3)
    first, second = await world.sign_up("first"), await world.sign_up("second")
    await world.work()
    async with stream(world, member) as sent, stream(world, owner) as kept:
        await until(sent, "event: hello")
        await until(kept, "event: hello")
        await first.post(f"/needs/{need['id']}/claims", {"note": "hello"})
        await world.work()
        await until(sent, "claim_applied")
        await until_idle(world)
        # Told while still a member, removed before the stream looks: it looks as they are now.
        await second.post(f"/needs/{need['id']}/claims", {"note": "hello"})
        assert (await owner.ask("DELETE", f"{path}/{member.id}")).status_code == 204
        await world.work()
        told = await until(sent, "member_removed")
        assert told.count("claim_applied") == 1
        assert (await until(kept, '"unread":3')).count("claim_applied") == 2

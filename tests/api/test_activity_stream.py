"""The stream tells who may know, resumes where it was, and holds nothing while it waits."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from sqlalchemy import text

from tests.factories.world import Person, World

END = "\n(end)"


@contextlib.asynccontextmanager
async def stream(world: World, person: Person, last: str | None = None) -> AsyncIterator[list[str]]:
    """An open stream; what it was sent so far, piece by piece."""
    cookie = "; ".join(f"{c.name}={c.value}" for c in person.http.cookies.jar)
    headers = [(b"host", b"127.0.0.1:8080"), (b"cookie", cookie.encode())]
    if last is not None:
        headers.append((b"last-event-id", last.encode()))
    scope: dict[str, Any] = {
        "type": "http", "method": "GET", "path": "/api/v1/activity-stream", "raw_path": b"",
        "query_string": b"", "headers": headers, "http_version": "1.1", "scheme": "http",
        "server": ("127.0.0.1", 8080), "client": ("127.0.0.1", 1), "root_path": "", "asgi": {},
    }  # fmt: skip
    sent: list[str] = []
    gone = asyncio.Event()
    asked = False

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if not asked:
            asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            sent.append(str(message["status"]))
        elif message.get("body"):
            sent.append(message["body"].decode())
        elif not message.get("more_body"):
            sent.append(END)

    task = asyncio.create_task(world.application(scope, receive, send))
    try:
        yield sent
    finally:
        gone.set()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(sent: list[str], what: str) -> str:
    """Wait until the stream has said something."""
    async with asyncio.timeout(20):
        while what not in "".join(sent):  # noqa: ASYNC110 - what an application sends is polled
            await asyncio.sleep(0.02)
    return "".join(sent)


async def until_idle(world: World) -> None:
    """Wait until no connection to the database is held: a waiting stream holds none."""
    async with asyncio.timeout(5):
        while world.runtime.engine.pool.checkedout():  # type: ignore[attr-defined]  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_it_tells_what_comes_and_what_came_meanwhile(world: World) -> None:
    owner = await world.sign_up("owner")
    async with stream(world, owner) as sent:
        await until(sent, "event: hello")
        await until_idle(world)
        await world.organisation(owner)
        await world.work()
        told = await until(sent, "organisation_accepted")
        assert "Forn Roig" not in told  # ids, never words
        assert "id: 1" in told
    async with stream(world, owner, last="0") as sent:
        assert "organisation_accepted" in await until(sent, "event: notice")


async def test_a_session_that_ended_hears_nothing_more(world: World) -> None:
    owner = await world.sign_up("owner")
    async with stream(world, owner) as sent:
        await until(sent, "still here")  # it has looked once, and waits
        await world.organisation(owner)
        assert END not in sent
        async with world.runtime.engine.begin() as connection:
            await connection.execute(text("DELETE FROM sessions"))
        await world.work()  # what it would have been told of
        assert "event: notice" not in await until(sent, END)


async def test_one_person_holds_a_few_streams(world: World) -> None:
    owner = await world.sign_up("owner")
    async with contextlib.AsyncExitStack() as many:
        for _ in range(6):
            sent = await many.enter_async_context(stream(world, owner))
            await until(sent, "event: hello")
        refused = await owner.ask("GET", "/activity-stream")
        assert refused.status_code == 429


async def test_strangers_have_none(world: World) -> None:
    assert (await world.stranger().ask("GET", "/activity-stream")).status_code == 401

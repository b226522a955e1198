"""Emptying databases between tests, over connections that stay open from one test to the next.

A new connection learns all tables anew before it can empty them, and that takes ten times as long
as emptying them. A connection belongs to an event loop, and each test has its own: so these live on
the loop of a thread.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from sqlalchemy.engine import make_url


class Sweeper:
    """Whoever holds the connections that empty databases."""

    def __init__(self) -> None:
        """Nothing connects before something is to be emptied."""
        self._loop = asyncio.new_event_loop()
        self._connections: dict[str, asyncpg.Connection] = {}

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Keep a thread for it until the block ends."""
        thread = threading.Thread(target=self._loop.run_forever, name="sweeper", daemon=True)
        thread.start()
        try:
            yield
        finally:
            asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join()
            self._loop.close()

    async def sweep(self, owner_url: str, statement: str, otherwise: str) -> None:
        """Run a statement, or the other one as an owner who is no superuser."""
        asked = self._sweep(owner_url, statement, otherwise)
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(asked, self._loop))

    async def _sweep(self, owner_url: str, statement: str, otherwise: str) -> None:
        connection = self._connections.get(owner_url)
        if connection is None or connection.is_closed():  # its database was dropped and made anew
            plain = make_url(owner_url).set(drivername="postgresql")
            connection = await asyncpg.connect(plain.render_as_string(hide_password=False))
            self._connections[owner_url] = connection
        try:
            await connection.execute(statement)
        except asyncpg.InsufficientPrivilegeError:
            await connection.execute(otherwise)

    async def _close(self) -> None:
        for connection in self._connections.values():
            await connection.close()

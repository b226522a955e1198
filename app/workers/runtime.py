"""How a worker runs its chores: one at a time each, again when rung meanwhile, never dead."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog

from app.infra.runtime import Runtime

# A chore looks for what waits in the database, does it, and says how much it did.
ChoreFunction = Callable[[Runtime], Awaitable[int]]
_log = structlog.get_logger("app.workers")


class Chore:
    """A chore of this process: rings that come while it runs make it run once more."""

    def __init__(self, name: str, run: ChoreFunction, runtime: Runtime) -> None:
        """`name` is what the doorbell calls it by."""
        self.name = name
        self._run = run
        self._runtime = runtime
        self._running = False
        self._again = False

    async def ring(self) -> bool:
        """Do what waits; a failure is logged and the rows wait for the next round.

        Answers whether something was done: then others may have more to do.
        """
        self._again = True
        if self._running:
            return False
        self._running = True
        moved = False
        try:
            while self._again:
                self._again = False
                moved |= await self._once()
        finally:
            self._running = False
        return moved

    async def _once(self) -> bool:
        started = time.perf_counter()
        try:
            done = await self._run(self._runtime)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - one chore's fault must not stop the others
            _log.error("chore failed", job=self.name, error=type(error).__name__)
            return False
        if done:
            milliseconds = round((time.perf_counter() - started) * 1000, 1)
            _log.info("chore", job=self.name, count=done, milliseconds=milliseconds)
        return done > 0

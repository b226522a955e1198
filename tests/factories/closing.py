"""A worker's chore of closing one period, in a process that kills itself before a commit.

`python -m tests.factories.closing PERIOD_ID STEP`: the given step (from 1; 0 is the lock) is done
and then, before anything of it is committed, the process is gone (kill -9).
"""

import asyncio
import os
import signal
import sys
from typing import Any
from uuid import UUID

from app.domain.periods import drafting, sealing
from app.infra.runtime import make_runtime
from app.settings import load_settings
from app.workers.periods import close_period

_draw, _lock = drafting.draw_step, sealing.lock_signed


async def main(period_id: UUID, kill_at: int) -> None:
    """Close the period until the step at which to die."""
    steps = 0

    async def draw_step(session: Any, period_id: UUID) -> Any:
        nonlocal steps
        progress = await _draw(session, period_id)
        await session.flush()
        steps += progress is not None
        if kill_at and steps == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return progress

    async def lock_signed(session: Any, period_id: UUID) -> Any:
        locked = await _lock(session, period_id)
        await session.flush()
        if locked is not None and kill_at == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return locked

    drafting.draw_step, sealing.lock_signed = draw_step, lock_signed
    runtime = make_runtime(**load_settings().tools())
    try:
        await close_period(runtime, period_id)
    finally:
        await runtime.close()


if __name__ == "__main__":
    asyncio.run(main(UUID(sys.argv[1]), int(sys.argv[2])))

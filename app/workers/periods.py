"""The chore that closes periods: draws up what was frozen, locks what two have signed.

Each step is a transaction of its own, so that it may die anywhere and another worker goes on.
"""

from collections.abc import Callable
from uuid import UUID

import structlog

from app.domain.periods import drafting, sealing
from app.domain.periods.queries import waiting_periods
from app.infra.database import transaction
from app.infra.runtime import Runtime

_log = structlog.get_logger("app.workers")


async def close_periods(runtime: Runtime) -> int:
    """Take every step that periods wait for; answers how many were taken."""
    async with transaction(runtime.sessions) as session:
        waiting = await waiting_periods(session)
    taken = 0
    for period_id in waiting:
        try:
            taken += await close_period(runtime, period_id)
        except Exception as error:  # noqa: BLE001 - the others go on; this one is tried again
            _log.error("period not closed", period_id=str(period_id), error=type(error).__name__)
    return taken


async def close_period(
    runtime: Runtime, period_id: UUID, told: Callable[[int, int], None] | None = None
) -> int:
    """Take the steps that one period waits for; `told` hears how many lines of how many stand."""
    async with transaction(runtime.sessions) as session:
        taken = int(await sealing.redraw_changed(session, period_id))
    while True:
        async with transaction(runtime.sessions) as session:
            progress = await drafting.draw_step(session, period_id)
        if progress is None:
            break
        taken += 1
        if told is not None:
            told(progress.done, progress.total)
        _log.info("period drawn up", period_id=str(period_id), **vars(progress))
    async with transaction(runtime.sessions) as session:
        locked = await sealing.lock_signed(session, period_id)
    return taken + (locked is not None)

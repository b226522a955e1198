"""The chore that reacts to what happened."""

from datetime import timedelta

import structlog
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.activity import idempotency
from app.domain.identity import actions as identity
from app.infra import clock
from app.infra.database import transaction
from app.infra.runtime import Runtime
from app.models.activity import Activity, Reaction
from app.workers import reactions

BATCH = 200
RETRY_SECONDS = (5, 15, 60, 300, 900, 3600)
_log = structlog.get_logger("app.workers")


async def react_to_activities(runtime: Runtime) -> int:
    """React to everything that waits, a batch a transaction; answers how many were handled."""
    handled = 0
    while True:
        async with transaction(runtime.sessions) as session:
            waiting = await _claim_batch(session)
            for activity in waiting:
                await _react(session, runtime, activity)
        handled += len(waiting)
        if len(waiting) < BATCH:
            return handled


async def _claim_batch(session: AsyncSession) -> list[Activity]:
    """Lock what waits and nobody else is at; ids are no order of commit, so none is assumed."""
    statement = (
        select(Activity)
        .where(col(Activity.pending), col(Activity.next_try_at) <= clock.now())
        .order_by(col(Activity.id))
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    return list((await session.exec(statement)).all())


async def _react(session: AsyncSession, runtime: Runtime, activity: Activity) -> None:
    failed = ""
    for reaction in reactions.REACTIONS.get(activity.verb, ()):
        try:
            async with session.begin_nested():
                await _run_once(session, runtime, activity, reaction)
        except Exception as error:  # noqa: BLE001 - the others still run; this one is tried again
            failed = f"{reaction.name}: {type(error).__name__}"
            _log.error(
                "reaction failed",
                reaction=reaction.name,
                activity_id=activity.id,
                error=type(error).__name__,
            )
    if failed:
        delay = RETRY_SECONDS[min(activity.attempts, len(RETRY_SECONDS) - 1)]
        activity.attempts += 1
        activity.last_error = failed
        activity.next_try_at = clock.now() + timedelta(seconds=delay)
    else:
        activity.pending = False
        activity.last_error = None


async def _run_once(
    session: AsyncSession, runtime: Runtime, activity: Activity, reaction: reactions.Reaction
) -> None:
    if activity.id is None or await _has_run(session, activity.id, reaction.name):
        return
    await reaction.run(session, runtime, activity)
    session.add(Reaction(activity_id=activity.id, name=reaction.name))
    await session.flush()  # a clash with another worker must show inside the savepoint


async def _has_run(session: AsyncSession, activity_id: int, name: str) -> bool:
    statement = select(Reaction).where(Reaction.activity_id == activity_id, Reaction.name == name)
    return (await session.exec(statement)).first() is not None


async def tidy_up(runtime: Runtime) -> int:
    """Forget what has had its time: kept answers, ended sessions, counted failures."""
    async with transaction(runtime.sessions) as session:
        await idempotency.forget_expired(session)
        await identity.forget_expired(session)
    return 0

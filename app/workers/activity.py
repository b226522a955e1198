"""The chore that reacts to what happened, and tells the people whom it concerns."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

import structlog
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.activity import idempotency
from app.domain.asks.review import forget_asks
from app.domain.feeds import actions as feeds
from app.domain.identity import actions as identity
from app.domain.needs import import_undoing
from app.domain.notifications.actions import WOKEN_MARK, forget_old, tell
from app.domain.notifications.rules import NOTICES
from app.infra import clock
from app.infra.database import transaction
from app.infra.runtime import Runtime
from app.models.activity import Activity, Reaction
from app.workers import followers, reactions, webhooks

BATCH = 200
RETRY_SECONDS = (5, 15, 60, 300, 900, 3600)
# After about a day of tries an activity is put aside: `doctor` tells of it, and nothing is lost.
ATTEMPTS_MAX = 30
TELL = "notifications.tell"
_Ran = set[tuple[int, str]]
_log = structlog.get_logger("app.workers")


async def react_to_activities(runtime: Runtime) -> int:
    """React to everything that waits, a batch a transaction; answers how many were handled."""
    handled = 0
    while True:
        async with transaction(runtime.sessions) as session:
            waiting = await _claim_batch(session)
            await _react_to_all(session, runtime, waiting)
            woken = session.info.pop(WOKEN_MARK, set())
        await runtime.wakeups.wake(woken)
        handled += len(waiting)
        if len(waiting) < BATCH:
            return handled


async def _claim_batch(session: AsyncSession) -> list[Activity]:
    """Lock what waits and nobody else is at; ids are no order of commit, so none is assumed."""
    statement = (
        select(Activity)
        .where(
            col(Activity.pending),
            col(Activity.next_try_at) <= clock.now(),
            col(Activity.attempts) < ATTEMPTS_MAX,
        )
        .order_by(col(Activity.id))
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    return list((await session.exec(statement)).all())


async def _react_to_all(
    session: AsyncSession, runtime: Runtime, waiting: Sequence[Activity]
) -> None:
    ran = await _ran_before(session, waiting)
    failures: dict[int, str] = {}
    for activity in waiting:
        await _react(session, runtime, activity, ran, failures)
    await _tell_people(session, waiting, ran, failures)
    for activity in waiting:
        _settle(activity, failures.get(_id(activity), ""))


def _id(activity: Activity) -> int:
    if activity.id is None:
        message = "an activity that was read has its number"
        raise RuntimeError(message)
    return activity.id


async def _ran_before(session: AsyncSession, waiting: Sequence[Activity]) -> _Ran:
    """Return what ran for these already, in one look for the whole batch."""
    if not waiting:
        return set()
    statement = select(Reaction.activity_id, Reaction.name).where(
        col(Reaction.activity_id).in_([_id(each) for each in waiting])
    )
    return set((await session.exec(statement)).all())


async def _react(
    session: AsyncSession,
    runtime: Runtime,
    activity: Activity,
    ran: _Ran,
    failures: dict[int, str],
) -> None:
    for reaction in reactions.REACTIONS.get(activity.verb, ()):
        if (_id(activity), reaction.name) in ran:
            continue
        try:
            async with session.begin_nested():
                await reaction.run(session, runtime, activity)
                await _note(session, [activity], reaction.name)
        except Exception as error:  # noqa: BLE001 - the others still run; this one is tried again
            _failed(activity, reaction.name, error, failures)


async def _tell_people(
    session: AsyncSession, waiting: Sequence[Activity], ran: _Ran, failures: dict[int, str]
) -> None:
    """Tell people of the whole batch at once; where that fails, of one activity at a time."""
    concerning = [each for each in waiting if each.verb in NOTICES and (_id(each), TELL) not in ran]
    if not concerning:
        return
    try:
        await _tell(session, concerning)
    except Exception:  # noqa: BLE001 - whose fault it was shows below
        for activity in concerning:
            try:
                await _tell(session, [activity])
            except Exception as error:  # noqa: BLE001 - the others are told; this is tried again
                _failed(activity, TELL, error, failures)


async def _tell(session: AsyncSession, activities: Sequence[Activity]) -> None:
    async with session.begin_nested():
        await tell(session, activities)
        await _note(session, activities, TELL)


async def _note(session: AsyncSession, activities: Iterable[Activity], name: str) -> None:
    """Write that a reaction ran; a clash with another worker shows here, inside the savepoint."""
    rows = [{"activity_id": _id(each), "name": name, "at": clock.now()} for each in activities]
    await session.flush()
    await session.execute(insert(Reaction).values(rows))


def _failed(activity: Activity, name: str, error: Exception, failures: dict[int, str]) -> None:
    failures[_id(activity)] = f"{name}: {type(error).__name__}"
    _log.error(
        "reaction failed", reaction=name, activity_id=activity.id, error=type(error).__name__
    )


def _settle(activity: Activity, failed: str) -> None:
    if not failed:
        activity.pending = False
        activity.last_error = None
        return
    delay = RETRY_SECONDS[min(activity.attempts, len(RETRY_SECONDS) - 1)]
    activity.attempts += 1
    activity.last_error = failed
    activity.next_try_at = clock.now() + timedelta(seconds=delay)
    if activity.attempts >= ATTEMPTS_MAX:
        _log.error("activity put aside", activity_id=activity.id, verb=activity.verb)


async def tidy_up(runtime: Runtime) -> int:
    """Forget what has had its time: kept answers, ended sessions, counted failures."""
    async with transaction(runtime.sessions) as session:
        await idempotency.forget_expired(session)
        await identity.forget_expired(session)
        await import_undoing.forget_old(session)
        await forget_old(session)
        await forget_asks(session)
        await feeds.forget_old(session)
    await webhooks.forget_old(runtime)
    await followers.forget_strangers(runtime)
    return 0

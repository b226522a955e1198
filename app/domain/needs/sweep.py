"""Taking the steps that are due on needs, each in a transaction of its own, as claims/sweep.py."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import func, tuple_
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import SYSTEM
from app.domain.activity.actions import record
from app.domain.activity.clocks import NOTHING, steps_taken, take_step
from app.domain.needs.actions import apply_move
from app.domain.needs.clocks import DEADLINE, RENEWAL, Due, Running, end_of_day, next_step
from app.domain.needs.queries import has_claim_in
from app.domain.needs.rules import TRANSITIONS
from app.domain.organisations.queries import get_organisation
from app.infra import clock
from app.models.claims import LIVE_STATES, Claim
from app.models.needs import Need, NeedState
from app.models.organisations import Membership

CANDIDATES_MAX = 500
RETRY_AFTER = timedelta(minutes=15)
# While somebody is on a need its clocks stand still, and no row of the need tells when that ends.
LOOK_AGAIN = timedelta(days=1)
_log = structlog.get_logger("app.clocks")


@dataclass(frozen=True)
class Candidate:
    """A need that its clocks may want."""

    at: datetime
    need_id: UUID


async def due_needs(session: AsyncSession, after: Candidate | None) -> Sequence[Candidate]:
    """Return needs whose clocks may want something, the longest waiting first."""
    statement = (
        select(Need.clock_at, Need.id)
        .where(col(Need.clock_at) <= clock.now())
        .order_by(col(Need.clock_at), col(Need.id))
        .limit(CANDIDATES_MAX)
    )
    if after is not None:
        place = tuple_(col(Need.clock_at), col(Need.id))
        statement = statement.where(place > tuple_(after.at, after.need_id))
    return [Candidate(*row) for row in await session.execute(statement)]


async def turn_need(session: AsyncSession, need_id: UUID) -> int:
    """Take what is due on one need; answers how many steps were taken."""
    statement = (
        select(Need)
        .where(Need.id == need_id, col(Need.clock_at) <= clock.now())
        .with_for_update(skip_locked=True, key_share=True)
        .execution_options(populate_existing=True)
    )
    need = (await session.exec(statement)).first()
    if need is None:
        return 0
    try:
        async with session.begin_nested():
            steps, look_at = await _turn(session, need)
    except Exception as error:  # noqa: BLE001 - one need must not hold up the others
        _log.error("clock failed", need_id=str(need_id), error=type(error).__name__)
        steps, look_at = 0, clock.now() + RETRY_AFTER
    await session.flush()  # a changed state resets what is written next
    again = update(Need).where(col(Need.id) == need_id).values(clock_at=look_at)
    await session.execute(again.execution_options(synchronize_session=False))
    return steps


async def _turn(session: AsyncSession, need: Need) -> tuple[int, datetime | None]:
    steps = 0
    if need.state not in RENEWAL.runs_in | DEADLINE.runs_in or need.organisation_id is None:
        return 0, None
    if await has_claim_in(session, need, LIVE_STATES):
        return 0, clock.now() + LOOK_AGAIN
    while (due := await next_of_need(session, need)) is not None and due.at <= clock.now():
        if not await take_step(session, need.id, due.clock.name, due.step.name, due.since):
            break  # a step is in the table exactly when its effect happened
        following = await next_of_need(session, need) or replace(due, at=clock.now())
        await EFFECTS[due.code](session, need, following)
        await session.flush()
        steps += 1
    return steps, min(due.at, clock.now() + LOOK_AGAIN) if due else None


async def next_of_need(session: AsyncSession, need: Need) -> Due | None:
    """Return what a need's clocks do next, as long as nobody is on it."""
    taken = (await steps_taken(session, [need.id])).get(need.id, NOTHING)
    due = [
        step
        for running in await _running(session, need)
        if (step := next_step(running, taken.get((running.clock.name, running.since), {})))
    ]
    return min(due, key=lambda step: step.at) if due else None


async def _running(session: AsyncSession, need: Need) -> list[Running]:
    if need.organisation_id is None:
        return []
    zone = (await get_organisation(session, need.organisation_id)).time_zone
    running = []
    if need.state in RENEWAL.runs_in:
        since = max(m for m in (await _last_signs(session, need)) if m is not None)
        running.append(Running(RENEWAL, since, zone, need.clocks))
    if need.state in DEADLINE.runs_in and need.deadline is not None:
        running.append(Running(DEADLINE, end_of_day(need.deadline, zone), zone, need.clocks))
    return running


async def _last_signs(session: AsyncSession, need: Need) -> list[datetime | None]:
    last_claim = select(func.max(Claim.updated_at)).where(Claim.need_id == need.id)
    return [
        need.created_at,
        need.published_at,
        need.updated_at,
        need.renewed_at,
        (await session.exec(last_claim)).one(),
    ]


async def _tell_members(session: AsyncSession, verb: str, need: Need, following: Due) -> None:
    statement = select(Membership.account_id).where(
        Membership.organisation_id == need.organisation_id
    )
    record(
        session,
        SYSTEM,
        verb,
        need.id,
        need_id=str(need.id),
        organisation_id=str(need.organisation_id),
        tell=sorted(str(person) for person in await session.exec(statement)),
        until=following.at.isoformat(),
    )


async def _ask_to_renew(session: AsyncSession, need: Need, following: Due) -> None:
    await _tell_members(session, "need.renewal_asked", need, following)


async def _archive(session: AsyncSession, need: Need, following: Due) -> None:
    if NeedState.ARCHIVED not in TRANSITIONS[need.state]:
        apply_move(session, SYSTEM, need, NeedState.EXPIRED)
    apply_move(session, SYSTEM, need, NeedState.ARCHIVED)
    await _tell_members(session, "need.archived", need, following)


async def _expire(session: AsyncSession, need: Need, following: Due) -> None:
    apply_move(session, SYSTEM, need, NeedState.EXPIRED)
    await _tell_members(session, "need.expired", need, following)


Effect = Callable[[AsyncSession, Need, Due], Awaitable[None]]
EFFECTS: Mapping[str, Effect] = {
    "renewal_ask": _ask_to_renew,
    "renewal_archive": _archive,
    "deadline_expire": _expire,
}

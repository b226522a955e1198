"""Holds of needs: which one is live, how it ends, and for how long the clocks stood still.

Who holds and releases stands in domain/moderation; what a need itself has to know stands here.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.infra import clock
from app.models.needs import Hold


async def live_hold(session: AsyncSession, need_id: UUID) -> Hold | None:
    """Return the hold that a need is under."""
    statement = select(Hold).where(Hold.need_id == need_id, col(Hold.ended_at).is_(None))
    return (await session.exec(statement)).first()


async def end_hold(session: AsyncSession, actor: Actor, need_id: UUID, reason: str) -> None:
    """Note that a locked need is held no longer, whichever way that came."""
    hold = await live_hold(session, need_id)
    if hold is not None:
        hold.ended_at = clock.now()
        hold.ended_by = actor.account_id
        hold.end_reason = reason
        hold.version += 1


async def pauses_of(
    session: AsyncSession, need_ids: Collection[UUID]
) -> Mapping[UUID, list[tuple[datetime, datetime]]]:
    """Return from when to when needs were held; few ever were."""
    if not need_ids:
        return {}
    statement = select(Hold.need_id, Hold.held_at, Hold.ended_at).where(
        col(Hold.need_id).in_(set(need_ids)), col(Hold.ended_at).is_not(None)
    )
    found: dict[UUID, list[tuple[datetime, datetime]]] = {}
    for need_id, begin, end in await session.exec(statement):
        if end is not None:
            found.setdefault(need_id, []).append((begin, end))
    return found

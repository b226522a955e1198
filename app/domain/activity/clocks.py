"""The steps that clocks have taken. A row is written in the transaction of the step's effect."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.infra import clock
from app.models.activity import ClockStep

# By clock and the moment it counts from: which steps were taken when.
Taken = Mapping[tuple[str, datetime], Mapping[str, datetime]]
NOTHING: Taken = {}


async def take_step(
    session: AsyncSession, object_id: UUID, name: str, step: str, since: datetime
) -> bool:
    """Write down that a step is taken; False when it was before, and must not be again."""
    row = {
        "object_id": object_id, "clock": name, "step": step, "since": since, "at": clock.now(),
    }  # fmt: skip
    statement = insert(ClockStep).values(row).on_conflict_do_nothing()
    written = await session.execute(statement.returning(col(ClockStep.at)))
    return written.first() is not None


async def steps_taken(session: AsyncSession, object_ids: Collection[UUID]) -> dict[UUID, Taken]:
    """Return which steps were taken for some objects."""
    if not object_ids:
        return {}
    found: dict[UUID, dict[tuple[str, datetime], dict[str, datetime]]] = {}
    statement = select(ClockStep).where(col(ClockStep.object_id).in_(object_ids))
    for row in await session.exec(statement):
        of_object = found.setdefault(row.object_id, defaultdict(dict))
        of_object[row.clock, row.since][row.step] = row.at
    return dict(found)

"""The day on which an entry counts (R8). A pure look at the book's periods.

New work of a day that lies in a frozen or locked period counts on the first day after the last
such period. What changes an entry (a dispute, its ruling) stays where that entry counts until
the period is locked: disputed work waits outside the period that it was in (R3).
"""

from datetime import date
from uuid import UUID

from sqlalchemy import func, text
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.models.periods import Period, PeriodState

# Whoever closes a period holds this alone; whoever posts an entry shares it (migration 0030).
LOCK_PERIODS = text("SELECT pg_advisory_xact_lock(hashtextextended('periods:' || :book_id, 0))")


async def booking_day(session: AsyncSession, book_id: UUID, worked_on: date) -> date:
    """Return the day on which new work of a day counts; no period closes meanwhile."""
    day: date = (await session.exec(select(func.booked_day(book_id, worked_on)))).one()
    return day


async def changing_day(session: AsyncSession, book_id: UUID, booked_on: date) -> date:
    """Return the day on which a change of an entry counts: the entry's own until it is locked."""
    after = await booking_day(session, book_id, booked_on)  # first: it holds the periods still
    statement = select(Period.id).where(
        Period.book_id == book_id,
        Period.state == PeriodState.LOCKED,
        Period.starts_on <= booked_on,
        Period.ends_on >= booked_on,
    )
    return booked_on if (await session.exec(statement)).first() is None else after


async def lock_periods(session: AsyncSession, book_id: UUID) -> None:
    """Wait until nobody is posting into the book, and keep it so until this transaction ends."""
    await session.execute(LOCK_PERIODS, {"book_id": str(book_id)})

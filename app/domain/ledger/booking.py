"""The day on which an entry counts (R8). A pure look at the book's periods.

New work of a day that lies in a frozen or locked period counts on the first day after the last
such period. What changes an entry (a dispute, its ruling) stays where that entry counts until
the period is locked: disputed work waits outside the period that it was in (R3).
"""

from datetime import date
from uuid import UUID

from sqlalchemy import func, text
from sqlmodel import and_, col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.infra import clock
from app.models.periods import CLOSED_STATES, Period, PeriodState

# Whoever closes a period holds this alone; whoever posts an entry shares it (migration 0030).
LOCK_PERIODS = text("SELECT pg_advisory_xact_lock(hashtextextended('periods:' || :book_id, 0))")


async def booking_day(session: AsyncSession, book_id: UUID, worked_on: date) -> date:
    """Return the day on which new work of a day counts; no period closes meanwhile."""
    day: date = (await session.exec(select(func.booked_day(book_id, worked_on)))).one()
    return day


async def changing_day(session: AsyncSession, book_id: UUID, booked_on: date) -> date:
    """Return the day on which a change of an entry counts: the entry's own until it is settled."""
    after = await booking_day(session, book_id, booked_on)  # first: it holds the periods still
    return after if await is_settled(session, book_id, booked_on) else booked_on


async def is_settled(session: AsyncSession, book_id: UUID, booked_on: date) -> bool:
    """Say whether nothing moves minutes of a day's period any more.

    It is locked, or it was drawn up and the days are over in which disputes change it. What is
    decided later counts in the open period: so nobody holds up a closing by disputing.
    """
    statement = select(Period.id).where(
        Period.book_id == book_id,
        Period.starts_on <= booked_on,
        Period.ends_on >= booked_on,
        or_(
            col(Period.state) == PeriodState.LOCKED,
            and_(
                col(Period.state).in_(CLOSED_STATES),
                col(Period.settles_at).is_not(None),
                col(Period.settles_at) <= clock.now(),
            ),
        ),
    )
    return (await session.exec(statement)).first() is not None


async def lock_periods(session: AsyncSession, book_id: UUID) -> None:
    """Wait until nobody is posting into the book, and keep it so until this transaction ends."""
    await session.execute(LOCK_PERIODS, {"book_id": str(book_id)})

"""How long people worked on a day, over all books: a day has 24 hours.

What waits in suspense is part of its day, for it may come back. An opening is not: it is the
balance of many days, written on one of them, and neither is what changes an opening later.
"""

from collections.abc import Collection, Mapping
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import Date, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel.ext.asyncio.session import AsyncSession

from app.models.ledger import Entry

DAY_MINUTES = 24 * 60
# A receipt says on which day its work ended, and not on which it began.
RECEIPT_DAYS = 31
DayOfWork = tuple[UUID, date]
LOCK_DAYS = text("SELECT pg_advisory_xact_lock(hashtextextended('days:' || :worker, 0))")
# An entry of an opening is booked on its day: it is there before the first period. What changes
# it names it, or the dispute about it, or (whose the rest is) is linked to it.
OPENINGS = """
    opening (entry_id) AS (
        SELECT entry_id FROM entries
        WHERE kind = 'opening' AND booked_on = ANY (:days) AND book_id IN (
            SELECT book_id FROM ledger_accounts
            WHERE holder_id = ANY (:workers) AND kind = 'worker'
        )
        UNION
        SELECT later.entry_id FROM opening, LATERAL (
            SELECT entry_id FROM entries WHERE corrects = opening.entry_id
            UNION ALL
            SELECT entry_id FROM entry_links WHERE linked_entry_id = opening.entry_id
            UNION ALL
            SELECT entries.entry_id FROM entries JOIN disputes ON disputes.id = dispute_id
            WHERE disputes.entry_id = opening.entry_id
        ) AS later
    )
"""
WORKED = text(
    f"WITH RECURSIVE {OPENINGS}"  # noqa: S608 - our own words
    """
    SELECT holder_id, worked_on, sum(amount) FROM ledger_accounts
        JOIN postings ON account_id = ledger_accounts.id
        JOIN entries USING (entry_id)
    WHERE holder_id = ANY (:workers) AND ledger_accounts.kind IN ('worker', 'suspense')
        AND unit = 'minute' AND worked_on = ANY (:days)
        AND NOT EXISTS (SELECT FROM opening WHERE opening.entry_id = entries.entry_id)
    GROUP BY holder_id, worked_on
    """
).bindparams(bindparam("workers", type_=ARRAY(Uuid())), bindparam("days", type_=ARRAY(Date())))
OF_OPENING = text(
    f"WITH RECURSIVE {OPENINGS} SELECT 1 FROM opening WHERE entry_id = :entry_id"  # noqa: S608
).bindparams(bindparam("workers", type_=ARRAY(Uuid())), bindparam("days", type_=ARRAY(Date())))


async def lock_days(session: AsyncSession, workers: Collection[UUID]) -> None:
    """Let nobody else look how full these people's days are until this transaction ends.

    Taken after the book or the dispute that something is written about, and before any balance;
    those who may write into several books hold all of them first.
    """
    for worker in sorted(workers):
        await session.execute(LOCK_DAYS, {"worker": str(worker)})


async def minutes_by_day(
    session: AsyncSession, workers: Collection[UUID], days: Collection[date]
) -> dict[DayOfWork, int]:
    """Return how long people worked on some days, in all books."""
    values = {"workers": list(workers), "days": list(days)}
    rows = (await session.execute(WORKED, values)).all()
    return {(holder, day): int(total) for holder, day, total in rows}


async def is_of_one_day(session: AsyncSession, entry: Entry, worker: UUID, minutes: int) -> bool:
    """Say whether an entry is work of its day, and not of several that ended on it."""
    if entry.claim_id or entry.receipt_id or minutes > DAY_MINUTES:
        return False
    values = {"workers": [worker], "days": [entry.worked_on], "entry_id": entry.entry_id}
    return (await session.execute(OF_OPENING, values)).first() is None


async def receipt_fits(session: AsyncSession, worker: UUID, last: date, minutes: int) -> bool:
    """Say whether a receipt's work fits in beside all other work, whichever day it began on.

    Work of less than a day was done on its day. Longer work fits where any of the stretches of
    days that end there has room for it: another instance's word is believed no further than that.
    """
    span = receipt_days(last, minutes)
    worked = await minutes_by_day(session, {worker}, span)
    return fits({day: total for (_, day), total in worked.items()}, span, minutes)


def receipt_days(last: date, minutes: int) -> list[date]:
    """Return the days on which a receipt's work may have been done, the last one first."""
    longest = 1 if minutes <= DAY_MINUTES else RECEIPT_DAYS
    known = min(longest, last.toordinal())  # there is no day before the first of the calendar
    return [last - timedelta(days=back) for back in range(known)]


def fits(worked: Mapping[date, int], span: Collection[date], minutes: int) -> bool:
    """Say whether minutes fit in the last one or more of some days, the last of which is first."""
    room = 0
    for day in span:
        room += DAY_MINUTES - worked.get(day, 0)
        if minutes <= room:
            return True
    return False

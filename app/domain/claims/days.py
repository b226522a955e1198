"""How long people worked on a day, over all books and by every road: a day has 24 hours.

A slip names its day. A claim's hours are those of its work logs: where fewer minutes count than
were logged, they are any of those. A receipt names its last day alone: up to a day's work was done
on it, longer work on any of the 31 days that end there. So work fits where there is a way to lay
all of it on days of 24 hours.

What waits in suspense is part of its day, for it may come back. An opening is not: it is the
balance of many days, written on one of them, and neither is what changes an opening later.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import Date, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.claims import errors
from app.domain.claims.laying import Days, Work
from app.domain.claims.rules import MINUTES_A_DAY
from app.models.claims import LIVE_STATES, Claim, Elsewhere, WorkLog
from app.models.ledger import Entry
from app.models.receipts import Receipt

# A receipt says on which day its work ended, and not on which it began.
RECEIPT_DAYS = 31
LOCK_DAYS = text("SELECT pg_advisory_xact_lock(hashtextextended('days:' || :worker, 0))")
# From what an entry follows: what it corrects, what the dispute was about that moved it, or (whose
# the rest is) what it is linked to. A conversion of gifts is no work.
ABOVE = """
    LATERAL (
        SELECT one.corrects AS entry_id WHERE one.corrects IS NOT NULL
        UNION ALL
        SELECT disputes.entry_id FROM disputes WHERE disputes.id = one.dispute_id
        UNION ALL
        SELECT linked_entry_id FROM entry_links
        WHERE entry_links.entry_id = one.entry_id AND one.kind <> 'conversion'
    ) AS above
"""
ORIGIN = f"""
    origin AS (
        SELECT DISTINCT ON (up.entry_id) up.entry_id, one.claim_id, one.receipt_id,
            one.kind = 'opening' AS opening
        FROM up JOIN entries one ON one.entry_id = up.at
        WHERE one.claim_id IS NOT NULL OR one.receipt_id IS NOT NULL OR one.kind = 'opening'
        ORDER BY up.entry_id, opening DESC, one.id
    ), up (entry_id, at) AS (
        SELECT entry_id, entry_id FROM asked
        UNION
        SELECT up.entry_id, above.entry_id FROM up JOIN entries one ON one.entry_id = up.at, {ABOVE}
    )
"""  # noqa: S608 - our own words
WORKED = text(
    f"""
    WITH RECURSIVE asked AS (
        SELECT holder_id, entries.entry_id, worked_on, sum(amount) AS amount
        FROM ledger_accounts JOIN postings ON account_id = ledger_accounts.id
            JOIN entries USING (entry_id)
        WHERE holder_id = ANY (:workers) AND ledger_accounts.kind IN ('worker', 'suspense')
            AND unit = 'minute' AND worked_on >= :since
        GROUP BY holder_id, entries.entry_id, worked_on
    ), {ORIGIN}
    SELECT holder_id, worked_on, claim_id, receipt_id, sum(amount)
    FROM asked LEFT JOIN origin USING (entry_id)
    WHERE opening IS NOT TRUE
    GROUP BY holder_id, worked_on, claim_id, receipt_id HAVING sum(amount) > 0
    """  # noqa: S608 - our own words
).bindparams(bindparam("workers", type_=ARRAY(Uuid())), bindparam("since", type_=Date()))
OF_ENTRY = text(
    f"""
    WITH RECURSIVE asked AS (SELECT CAST(:entry_id AS uuid) AS entry_id), {ORIGIN}
    SELECT claim_id, receipt_id, opening FROM origin
    """  # noqa: S608 - our own words
)


@dataclass(frozen=True)
class Origin:
    """Where work comes from: a claim, a receipt, or (neither) a slip of its day."""

    worked_on: date
    claim_id: UUID | None = None
    receipt_id: UUID | None = None


async def lock_days(session: AsyncSession, workers: Collection[UUID]) -> None:
    """Let nobody else look how full these people's days are until this transaction ends.

    Taken after the book, the claim or the dispute that something is written about, and before any
    balance; those who may write into several books hold all of them first.
    """
    for worker in sorted(workers):
        await session.execute(LOCK_DAYS, {"worker": str(worker)})


async def work_of(
    session: AsyncSession, workers: Collection[UUID], days: Collection[date]
) -> dict[UUID, dict[Origin, Work]]:
    """Return all work in books that bears on some days, by worker and by where it comes from."""
    since = min(days)
    while True:
        found = await _work_since(session, workers, since)
        # Work that may have been done before those days needs all that was done there, too.
        movable = [work for each in found.values() for work in each.values() if work.is_movable]
        earliest = min([since, *(min(work.days) for work in movable)])
        if earliest == since:
            return found
        since = earliest


async def _work_since(
    session: AsyncSession, workers: Collection[UUID], since: date
) -> dict[UUID, dict[Origin, Work]]:
    values = {"workers": list(workers), "since": since}
    rows = (await session.execute(WORKED, values)).all()
    logs = await _days_of_claims(session, {row[2] for row in rows if row[2]})
    spans = await _spans(session, {row[3] for row in rows if row[3]})
    found: defaultdict[UUID, dict[Origin, Work]] = defaultdict(dict)
    for worker, day, claim_id, receipt_id, minutes in rows:
        days = logs.get(claim_id) or _span(day, spans.get(receipt_id, 0))
        found[worker][Origin(day, claim_id, receipt_id)] = Work(days, int(minutes))
    return found


async def _days_of_claims(
    session: AsyncSession, claim_ids: Collection[UUID]
) -> dict[UUID, dict[date, int]]:
    found: defaultdict[UUID, dict[date, int]] = defaultdict(dict)
    if claim_ids:
        logs = select(WorkLog).where(col(WorkLog.claim_id).in_(claim_ids))
        for log in await session.exec(logs):
            days = found[log.claim_id]
            days[log.worked_on] = days.get(log.worked_on, 0) + log.minutes
    return found


async def _spans(session: AsyncSession, receipt_ids: Collection[UUID]) -> dict[UUID, int]:
    if not receipt_ids:
        return {}
    statement = select(Receipt.id, Receipt.minutes).where(col(Receipt.id).in_(receipt_ids))
    return dict((await session.exec(statement)).all())


def _span(last: date, minutes: int) -> dict[date, int]:
    return dict.fromkeys(receipt_days(last, minutes), MINUTES_A_DAY)


def receipt_days(last: date, minutes: int) -> list[date]:
    """Return the days on which a receipt's work may have been done, the last one first."""
    longest = 1 if minutes <= MINUTES_A_DAY else RECEIPT_DAYS
    known = min(longest, last.toordinal())  # there is no day before the first of the calendar
    return [last - timedelta(days=back) for back in range(known)]


async def days_of_entry(
    session: AsyncSession, entry: Entry
) -> tuple[Origin, Mapping[date, int]] | None:
    """Return where an entry's work comes from and its days; None for the balance of many days."""
    row = (await session.execute(OF_ENTRY, {"entry_id": entry.entry_id})).one_or_none()
    if row is None:
        return Origin(entry.worked_on), _span(entry.worked_on, 0)
    if row.opening:
        return None
    origin = Origin(entry.worked_on, row.claim_id, row.receipt_id)
    if row.claim_id is not None:
        logs = await _days_of_claims(session, {row.claim_id})
        return origin, logs.get(row.claim_id) or _span(entry.worked_on, 0)
    minutes = (await _spans(session, {row.receipt_id}))[row.receipt_id]
    return origin, _span(entry.worked_on, minutes)


async def room_for(
    session: AsyncSession,
    worker: UUID,
    origin: Origin | None,
    days: Mapping[date, int],
    wanted: int,
) -> int:
    """Return how many of some minutes fit in on their days beside what comes from elsewhere."""
    works = (await work_of(session, {worker}, days)).get(worker, {})
    others = Days.of(work for where, work in works.items() if where != origin)
    return others.room(Work(days, wanted))


async def receipt_fits(session: AsyncSession, worker: UUID, last: date, minutes: int) -> bool:
    """Say whether a receipt's work fits in beside all other work, whichever days it was done."""
    return await room_for(session, worker, None, _span(last, minutes), minutes) == minutes


async def check_claim(session: AsyncSession, claim: Claim, minutes: int) -> None:
    """Refuse so many minutes of a claim where its days have no room for them any more.

    Nothing is known of the other days of a guest. What stands in the book already fits.
    """
    logged = (await _days_of_claims(session, {claim.id})).get(claim.id, {})
    if claim.elsewhere == Elsewhere.WORKER or minutes == 0 or not logged:
        return
    works = (await work_of(session, {claim.account_id}, logged)).get(claim.account_id, {})
    own = sum(work.minutes for origin, work in works.items() if origin.claim_id == claim.id)
    others = Days.of(work for origin, work in works.items() if origin.claim_id != claim.id)
    if minutes <= own or others.room(Work(logged, minutes)) == minutes:
        return
    day = max(logged, key=lambda each: (others.on(each) + logged[each], each))
    most = others.room(Work(logged, sum(logged.values())))
    raise errors.claim_day_full(day, others.on(day), most)


async def left_of_day(session: AsyncSession, account_id: UUID, day: date) -> int:
    """Return what is left of a day to log: beside what books say, and what else was logged."""
    works = (await work_of(session, {account_id}, {day})).get(account_id, {})
    days = Days.of(works.values())
    statement = select(func.coalesce(func.sum(WorkLog.minutes), 0)).where(
        WorkLog.claim_id == Claim.id,
        Claim.account_id == account_id,
        WorkLog.worked_on == day,
        col(Claim.state).in_(LIVE_STATES),
        col(Claim.confirmed_at).is_(None),
    )
    days.add(Work({day: MINUTES_A_DAY}, int((await session.exec(statement)).one())))
    return days.room(Work({day: MINUTES_A_DAY}, MINUTES_A_DAY))

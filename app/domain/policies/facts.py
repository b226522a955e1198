"""What a stretch of days is made of, read from the book: minutes, what is carried, the money."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col, func
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.policies.rules import Counted, WorkerFacts
from app.models.ledger import (
    MINUTE,
    Balance,
    BookStatus,
    BookStatusKind,
    Entry,
    LedgerAccount,
    LedgerAccountKind,
    Posting,
    WorkStream,
)
from app.models.periods import Period, PeriodLine, PeriodState


async def minutes_between(
    session: AsyncSession, book_id: UUID, first: date, last: date
) -> dict[UUID, dict[Counted, int]]:
    """Return each worker's minutes that count on some days, by status and stream (R2).

    The status is that of the day of the work, also where a correction is booked on a later day.
    """
    status = (
        select(col(BookStatus.status))
        .where(
            col(BookStatus.book_id) == col(Entry.book_id),
            col(BookStatus.account_id) == col(LedgerAccount.holder_id),
            col(BookStatus.since) <= col(Entry.worked_on),
        )
        .order_by(col(BookStatus.since).desc(), col(BookStatus.id).desc())
        .limit(1)
        .correlate(Entry, LedgerAccount)
        .scalar_subquery()
        .label("status")
    )
    lines = (
        select(
            col(LedgerAccount.holder_id).label("holder"),
            status,
            col(LedgerAccount.stream).label("stream"),
            col(Posting.amount).label("amount"),
        )
        .select_from(Entry)
        .join(Posting, col(Posting.entry_id) == col(Entry.entry_id))
        .join(LedgerAccount, col(LedgerAccount.id) == col(Posting.account_id))
        .where(
            col(Entry.book_id) == book_id,
            col(Entry.booked_on).between(first, last),
            col(LedgerAccount.kind) == LedgerAccountKind.WORKER,
            col(Posting.unit) == MINUTE,
        )
        .subquery()
    )
    statement = select(
        lines.c.holder, lines.c.status, lines.c.stream, func.sum(lines.c.amount)
    ).group_by(lines.c.holder, lines.c.status, lines.c.stream)
    found: dict[UUID, dict[Counted, int]] = defaultdict(dict)
    for holder, kind, stream, minutes in await session.execute(statement):
        held = None if kind is None else BookStatusKind(kind)
        found[holder][held, WorkStream(stream)] = int(minutes)
    return dict(found)


async def carried_before(session: AsyncSession, book_id: UUID, first: date) -> dict[UUID, int]:
    """Return what the last locked period before a day left below zero (R8)."""
    newest = (
        select(col(Period.id))
        .where(
            col(Period.book_id) == book_id,
            col(Period.state) == PeriodState.LOCKED,
            col(Period.ends_on) < first,
        )
        .order_by(col(Period.ends_on).desc())
        .limit(1)
        .scalar_subquery()
    )
    statement = select(col(PeriodLine.account_id), col(PeriodLine.carried_out)).where(
        col(PeriodLine.period_id) == newest, col(PeriodLine.carried_out) < 0
    )
    return {holder: int(carried) for holder, carried in await session.execute(statement)}


async def money_of(
    session: AsyncSession, book_id: UUID, unit: str, *, without: UUID | None = None
) -> tuple[int, dict[UUID, int]]:
    """Return the reserve and each member's capital account, as they stand.

    `without` names a period: what its own closing moved is left out.
    """
    kinds = (LedgerAccountKind.CAPITAL, LedgerAccountKind.RESERVE)
    statement = (
        select(col(LedgerAccount.kind), col(LedgerAccount.holder_id), col(Balance.amount))
        .join(Balance, col(Balance.account_id) == col(LedgerAccount.id))
        .where(
            col(LedgerAccount.book_id) == book_id,
            col(LedgerAccount.kind).in_(kinds),
            col(Balance.unit) == unit,
        )
    )
    reserve, capital = 0, defaultdict[UUID, int](int)
    moved = await _moved_by(session, without, unit) if without else {}
    for kind, holder, amount in await session.execute(statement):
        held = int(amount) - moved.get((kind, holder), 0)
        if kind == LedgerAccountKind.RESERVE:
            reserve += held
        else:
            capital[holder] += held
    return reserve, dict(capital)


async def _moved_by(
    session: AsyncSession, period_id: UUID, unit: str
) -> Mapping[tuple[LedgerAccountKind, UUID], int]:
    statement = (
        select(col(LedgerAccount.kind), col(LedgerAccount.holder_id), func.sum(col(Posting.amount)))
        .join(Posting, col(Posting.account_id) == col(LedgerAccount.id))
        .join(Entry, col(Entry.entry_id) == col(Posting.entry_id))
        .where(col(Entry.period_id) == period_id, col(Posting.unit) == unit)
        .group_by(col(LedgerAccount.kind), col(LedgerAccount.holder_id))
    )
    return {(kind, holder): int(sum_) for kind, holder, sum_ in await session.execute(statement)}


def workers_of(
    minutes: Mapping[UUID, Mapping[Counted, int]], carried: Mapping[UUID, int]
) -> tuple[WorkerFacts, ...]:
    """Return whoever worked, or still has something below zero."""
    holders = sorted({*minutes, *carried})
    return tuple(
        WorkerFacts(holder, minutes.get(holder, {}), carried.get(holder, 0)) for holder in holders
    )

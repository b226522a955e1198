"""Drawing a frozen period up, worker by worker, in short steps that are each committed.

Killed anywhere, the next step goes on where the last one ended. What the steps found is checked
against the entries once more at the end: where they changed meanwhile, it begins anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import delete
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import SYSTEM
from app.domain.activity.actions import record
from app.domain.ledger.booking import lock_periods
from app.domain.ledger.posting import account_of
from app.domain.periods import queries, reading
from app.domain.periods.rules import (
    WORKERS_A_STEP,
    objections_end,
    outcome_hash,
    totals_of,
)
from app.domain.policies.document import fraction_text
from app.domain.policies.facts import carried_before, minutes_between
from app.domain.policies.rules import Outcome, OutcomeLine
from app.infra import clock
from app.models.ledger import Book, LedgerAccountKind
from app.models.periods import Period, PeriodLine, PeriodState

# Fields that a line takes over from the outcome as they are.
FIGURES = (
    "given", "counted", "carried_in", "carried_out", "effective", "eligible", "amount",
    "capital_before", "capital_after",
)  # fmt: skip


@dataclass(frozen=True)
class Progress:
    """How far a draft is."""

    done: int
    total: int
    finished: bool


async def draw_step(session: AsyncSession, period_id: UUID) -> Progress | None:
    """Take one step of a frozen period's draft; None where there is nothing to draw up."""
    period = await queries.lock_period(session, period_id)
    if period.state != PeriodState.FROZEN:
        return None
    book = await session.get_one(Book, period.book_id)
    if period.entries_root is None:
        period.entries_root, _ = await reading.entries_root(session, period)
    people = await reading.people_of(session, period, book)
    waiting = await _waiting(session, period, people)
    period.workers_total = len(people)
    if waiting:
        await _draw_lines(session, period, waiting[:WORKERS_A_STEP])
        period.workers_done = len(people) - len(waiting[WORKERS_A_STEP:])
        return Progress(period.workers_done, len(people), finished=False)
    await lock_periods(session, book.id)  # what is on its way in is seen
    root, period.entries_drawn = await reading.entries_root(session, period)
    if root != period.entries_root:
        begin_draft(period)
        return Progress(0, len(people), finished=False)
    await _finish(session, period, book, people)
    return Progress(len(people), len(people), finished=True)


def begin_draft(period: Period) -> None:
    """Let a frozen period be drawn up from the beginning; signatures under another draft fall."""
    period.draft += 1
    period.workers_done = 0
    period.entries_root = period.outcome_hash = period.totals = period.entries_drawn = None
    period.drafted_at = period.locks_at = None


def begin_hearing(period: Period) -> None:
    """Let objections be heard from the beginning, too: people changed what the period is."""
    begin_draft(period)
    period.objections_until = period.settles_at = None


async def _waiting(session: AsyncSession, period: Period, people: Sequence[UUID]) -> list[UUID]:
    drawn = select(PeriodLine.account_id).where(
        PeriodLine.period_id == period.id, PeriodLine.draft == period.draft
    )
    done = set((await session.exec(drawn)).all())
    return [account_id for account_id in people if account_id not in done]


async def _draw_lines(session: AsyncSession, period: Period, people: Sequence[UUID]) -> None:
    """Write what the book says of some workers; the amounts follow once all are there."""
    minutes = await minutes_between(session, period.book_id, period.starts_on, period.ends_on)
    carried = await carried_before(session, period.book_id, period.starts_on)
    counts = await reading.entries_by_worker(session, period, people)
    for account_id in people:
        found = minutes.get(account_id, {})
        line = PeriodLine(
            period_id=period.id,
            account_id=account_id,
            draft=period.draft,
            minutes=sorted(
                (
                    [status.value if status else None, stream.value, given]
                    for (status, stream), given in found.items()
                ),
                key=str,
            ),
            entries=counts.get(account_id, 0),
            given=sum(found.values()),
            carried_in=carried.get(account_id, 0),
        )
        await session.merge(line)


async def _finish(
    session: AsyncSession, period: Period, book: Book, people: Sequence[UUID]
) -> None:
    outcome = await reading.outcome_of(session, period, book)
    lines = {line.account_id: line for line in await queries.all_lines(session, period.id)}
    for part in outcome.lines:
        _fill(lines[part.account_id], part)
    await session.execute(
        delete(PeriodLine).where(
            col(PeriodLine.period_id) == period.id, col(PeriodLine.account_id).not_in(people)
        )
    )
    await _open_accounts(session, book, outcome)
    now = clock.now()
    period.state = PeriodState.DRAFTED
    period.outcome_hash, period.totals = outcome_hash(outcome), totals_of(outcome)
    anew = period.settles_at is not None
    period.drafted_at, period.objections_until = now, objections_end(now, period.settles_at)
    period.settles_at = period.settles_at or period.objections_until
    period.workers_done = period.workers_total
    period.updated_at = now
    period.version += 1
    tell = {str(line.account_id) for line in outcome.lines}
    tell |= {str(each) for each in await queries.keepers_of(session, book.organisation_id)}
    record(
        session,
        SYSTEM,
        "period.drawn_anew" if anew else "period.drafted",
        period.id,
        book_id=str(book.id),
        organisation_id=str(book.organisation_id),
        tell=sorted(tell),
    )


def _fill(line: PeriodLine, part: OutcomeLine) -> None:
    for name in FIGURES:
        setattr(line, name, getattr(part, name))
    line.reason = part.reason.value
    line.weighted, line.share = fraction_text(part.weighted), fraction_text(part.share)


async def _open_accounts(session: AsyncSession, book: Book, outcome: Outcome) -> None:
    """Open the accounts that the lock posts to, so that it finds the same ones each time."""
    for kind in (LedgerAccountKind.OUTSIDE, LedgerAccountKind.RESERVE, LedgerAccountKind.POOL):
        await account_of(session, book.id, kind, book.organisation_id)
    for line in outcome.lines:
        if line.amount:
            await account_of(session, book.id, LedgerAccountKind.CAPITAL, line.account_id)

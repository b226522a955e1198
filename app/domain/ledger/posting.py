"""How an entry enters a book. Entries are only ever added; the database refuses everything else.

Whatever credits, takes back, waits or pays does it through `post_entry`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.activity.actions import record
from app.domain.ledger.rules import PostingLine, is_balanced
from app.infra import clock, ids
from app.models.ledger import (
    Balance,
    Book,
    Entry,
    EntryKind,
    LedgerAccount,
    LedgerAccountKind,
    LogKind,
    LogPending,
    Posting,
    WorkStream,
)


@dataclass(frozen=True)
class NewEntry:
    """An entry to post: why, when the work was done, who answers for it, and what it stands on.

    `booked_on` is the day on which it counts, that of the work unless said otherwise. An entry
    that may be posted again after a fault brings its own id and moment.
    """

    kind: EntryKind
    worked_on: date
    recorded_by: UUID
    claim_id: UUID | None = None
    corrects: UUID | None = None
    panel_id: UUID | None = None
    receipt_id: UUID | None = None
    decision_id: UUID | None = None
    period_id: UUID | None = None
    dispute_id: UUID | None = None
    batch_id: UUID | None = None
    booked_on: date | None = None
    entry_id: UUID | None = None
    recorded_at: datetime | None = None


async def post_entry(
    session: AsyncSession,
    actor: Actor,
    book_id: UUID,
    new: NewEntry,
    lines: Sequence[PostingLine],
) -> Entry:
    """Add a balanced entry and move the balances with it.

    Balances are taken in the order of their ids, so that entries over the same accounts never
    wait for each other in a circle.
    """
    if not is_balanced(lines):
        message = "an entry's postings must be two or more and sum to zero"
        raise ValueError(message)
    entry = Entry(
        entry_id=new.entry_id or ids.private_id(),
        book_id=book_id,
        kind=new.kind,
        worked_on=new.worked_on,
        booked_on=new.booked_on or new.worked_on,
        claim_id=new.claim_id,
        corrects=new.corrects,
        panel_id=new.panel_id,
        receipt_id=new.receipt_id,
        decision_id=new.decision_id,
        period_id=new.period_id,
        dispute_id=new.dispute_id,
        batch_id=new.batch_id,
        recorded_by=new.recorded_by,
        recorded_at=new.recorded_at or clock.now(),
        posting_count=len(lines),
    )
    session.add(entry)
    session.add(LogPending(kind=LogKind.ENTRY, subject=entry.entry_id))
    await session.flush()  # postings name the entry
    for line in sorted(lines, key=lambda line: line.account_id):
        session.add(
            Posting(
                entry_id=entry.entry_id,
                account_id=line.account_id,
                unit=line.unit,
                amount=line.amount,
            )
        )
        await _add_to_balance(session, line)
    record(session, actor, "entry.posted", entry.entry_id)
    return entry


async def _add_to_balance(session: AsyncSession, line: PostingLine) -> None:
    statement = insert(Balance).values(
        account_id=line.account_id, unit=line.unit, amount=line.amount
    )
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["account_id", "unit"],
            set_={"amount": col(Balance.amount) + statement.excluded.amount},
        )
    )


async def book_of(session: AsyncSession, organisation_id: UUID) -> UUID:
    """Return the organisation's book, opening it with its first entry."""
    await session.execute(
        insert(Book)
        .values(id=ids.private_id(), organisation_id=organisation_id, created_at=clock.now())
        .on_conflict_do_nothing()
    )
    statement = select(Book.id).where(Book.organisation_id == organisation_id)
    return (await session.exec(statement)).one()


async def account_of(
    session: AsyncSession,
    book_id: UUID,
    kind: LedgerAccountKind,
    holder_id: UUID,
    stream: WorkStream | None = None,
) -> UUID:
    """Return an account of a book, opening it when it is first used; money has no stream."""
    values = {"book_id": book_id, "kind": kind, "holder_id": holder_id, "stream": stream}
    await session.execute(
        insert(LedgerAccount).values(id=ids.private_id(), **values).on_conflict_do_nothing()
    )
    statement = select(LedgerAccount.id).filter_by(**values)
    return (await session.exec(statement)).one()

"""What one act wrote into a book: the entries that came together, for those who keep it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select as core_select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.ledger.people import names_in
from app.models.ledger import (
    MINUTE,
    Entry,
    LedgerAccount,
    LedgerAccountKind,
    Posting,
    WorkStream,
)

SHOWN = (LedgerAccountKind.WORKER, LedgerAccountKind.CAPITAL, LedgerAccountKind.RESERVE)


@dataclass(frozen=True)
class WrittenLine:
    """One entry of a batch: whose it is, and how much."""

    holder: str
    entry_id: UUID
    worked_on: date
    account: LedgerAccountKind
    holder_id: UUID
    stream: WorkStream | None
    unit: str
    amount: int


@dataclass(frozen=True)
class Written:
    """The entries of a batch, in the order in which they were written."""

    lines: Sequence[WrittenLine]

    @property
    def minutes(self) -> int:
        """All time in it."""
        return sum(line.amount for line in self.lines if line.unit == MINUTE)

    @property
    def people(self) -> int:
        """How many people's time or money it moves."""
        own = (line for line in self.lines if line.account != LedgerAccountKind.RESERVE)
        return len({line.holder_id for line in own})


async def batch_named(
    session: AsyncSession, book_id: UUID, named: str, reader: UUID | None
) -> Written | None:
    """Return a batch of this book by its name in an address; None where there is none.

    For those who keep the book: the caller has made sure that the reader does.
    """
    try:
        batch_id = UUID(named)
    except ValueError:
        return None
    columns: list[Any] = [
        Entry.entry_id, Entry.worked_on, LedgerAccount.kind, LedgerAccount.holder_id,
        LedgerAccount.stream, Posting.unit, Posting.amount,
    ]  # fmt: skip
    statement = (
        core_select(*columns)
        .select_from(Entry)
        .join(Posting, col(Posting.entry_id) == col(Entry.entry_id))
        .join(LedgerAccount, col(LedgerAccount.id) == col(Posting.account_id))
        .where(
            col(Entry.book_id) == book_id,
            col(Entry.batch_id) == batch_id,
            col(LedgerAccount.kind).in_(SHOWN),
        )
        .order_by(col(Entry.id))
    )
    rows = (await session.execute(statement)).all()
    names = await names_in(session, book_id, {row.holder_id for row in rows}, reader)
    found = [WrittenLine(names[row.holder_id], *row) for row in rows]
    return Written(found) if found else None

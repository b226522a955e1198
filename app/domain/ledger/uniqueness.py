"""A receipt counts once here: in one book, whoever brought it and however often (R16).

The same signed document may be held by several accounts. What makes it one is its address.
"""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.ledger import errors
from app.models.federation import InstanceKey
from app.models.ledger import Entry, EntryKind
from app.models.receipts import Receipt, ReceiptSource

LOCK_RECEIPT = text("SELECT pg_advisory_xact_lock(hashtextextended('receipt:' || :url, 0))")
# All that hangs on the entries of a receipt: what corrects them, what was given to somebody else
# of them, what disputes about them moved. It stands where any of its minutes are still a
# worker's or wait in suspense, or where a dispute may still bring them back.
BOOKS_WITH = text(
    """
    WITH RECURSIVE of_receipt (entry_id) AS (
        SELECT entry_id FROM entries JOIN receipts ON receipts.id = receipt_id WHERE url = :url
        UNION
        SELECT later.entry_id FROM of_receipt, LATERAL (
            SELECT entry_id FROM entries WHERE corrects = of_receipt.entry_id
            UNION ALL
            SELECT entry_links.entry_id FROM entry_links
                JOIN entries ON entries.entry_id = entry_links.entry_id AND kind <> 'conversion'
            WHERE linked_entry_id = of_receipt.entry_id
            UNION ALL
            SELECT entries.entry_id FROM entries JOIN disputes ON disputes.id = dispute_id
            WHERE disputes.entry_id = of_receipt.entry_id
        ) AS later
    )
    SELECT entries.book_id FROM of_receipt JOIN entries USING (entry_id)
        JOIN postings USING (entry_id)
        JOIN ledger_accounts ON ledger_accounts.id = postings.account_id
    WHERE ledger_accounts.kind IN ('worker', 'suspense') AND unit = 'minute'
    GROUP BY entries.book_id HAVING sum(amount) > 0
    UNION
    SELECT disputes.book_id FROM of_receipt JOIN disputes USING (entry_id)
    WHERE final_at IS NULL
    """
)


async def lock_receipts(session: AsyncSession, urls: Iterable[str]) -> None:
    """Let nobody else look where these receipts stand until this transaction ends.

    Taken after the books, and before anybody's days.
    """
    for url in sorted(urls):
        await session.execute(LOCK_RECEIPT, {"url": url})


async def books_with(session: AsyncSession, url: str) -> set[UUID]:
    """Return the books in which a receipt stands; what was taken back whole stands in none."""
    return set((await session.execute(BOOKS_WITH, {"url": url})).scalars())


async def check_one_book(session: AsyncSession, book_id: UUID, receipt: Receipt) -> None:
    """Refuse a receipt that stands in another book of this instance."""
    if await books_with(session, receipt.url) - {book_id}:
        raise errors.receipt_not_for_book("receipt_in_other_book")


async def in_book(session: AsyncSession, book_id: UUID, receipt: Receipt) -> bool:
    """Say whether the same signed document ever came into a book, whichever way it came to us.

    What was wrong with it there is corrected there: it does not come in a second time.
    """
    statement = (
        select(Entry.id)
        .where(
            Entry.book_id == book_id,
            Entry.kind == EntryKind.RECEIPT,
            Entry.receipt_id == Receipt.id,
            Receipt.url == receipt.url,
        )
        .limit(1)
    )
    return (await session.exec(statement)).first() is not None


async def is_of_here(session: AsyncSession, receipt: Receipt) -> bool:
    """Say whether this instance itself issued a receipt, by whichever way it came back."""
    ours = select(InstanceKey.name).where(InstanceKey.public_key == receipt.public_key)
    issued = select(Receipt.id).where(
        Receipt.url == receipt.url, col(Receipt.source) == ReceiptSource.ISSUED
    )
    found = [(await session.exec(each.limit(1))).first() for each in (ours, issued)]
    return any(each is not None for each in found)

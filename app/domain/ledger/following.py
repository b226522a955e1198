"""What follows in a book when a receipt that stands in it is taken back or replaced (R16).

What stands on it is taken back, once: the whole entry, or what a ruling left of it. While a
dispute about the entry goes on its minutes are not touched; the end of the dispute asks again.
"""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from sqlmodel import col, func, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import SYSTEM
from app.domain.claims.days import lock_days, receipt_fits
from app.domain.ledger import queries
from app.domain.ledger.keeping import lock_book
from app.domain.ledger.offers import credit, proves, view_of
from app.domain.ledger.posting import NewEntry, post_entry
from app.domain.ledger.rules import opposite
from app.domain.ledger.uniqueness import books_with, in_book, lock_receipts
from app.domain.receipts.queries import successor_of
from app.infra import clock
from app.models.disputes import Dispute, DisputeResolution
from app.models.ledger import Book, Entry, EntryKind, OfferState, Posting, ReceiptOffer, WorkStream
from app.models.receipts import Receipt, ReceiptState


async def follow_receipt(session: AsyncSession, receipt_id: UUID) -> None:
    """Take back what stands in books on a receipt that its issuer took back or replaced.

    A shorter receipt takes its place at once. For a longer one those who keep the book are asked:
    it is offered to them.
    """
    receipt = await session.get(Receipt, receipt_id)
    if receipt is None:
        return
    fallen = [
        (old, entry)
        for old in await _no_longer_valid(session, receipt)
        for entry in await _standing_entries(session, old.id)
    ]
    for book_id in sorted({entry.book_id for _, entry in fallen}):
        await lock_book(session, book_id)
    await lock_receipts(session, await _addresses(session, receipt))
    await lock_days(session, {old.account_id for old, _ in fallen if old.account_id is not None})
    for old, entry in fallen:
        await _follow(session, old, entry)


async def _follow(session: AsyncSession, old: Receipt, entry: Entry) -> None:
    """Take back what of an entry stands, once no dispute about it goes on."""
    if entry.entry_id not in {each.entry_id for each in await _standing_entries(session, old.id)}:
        return  # somebody corrected it meanwhile
    disputes = select(Dispute).where(Dispute.entry_id == entry.entry_id).order_by(col(Dispute.id))
    about = (await session.exec(disputes)).all()
    if any(each.final_at is None for each in about):
        return  # its minutes wait, and its end brings us here again
    lines = await queries.lines_of(session, entry.entry_id)
    stream = await queries.stream_of(session, entry.entry_id)
    counted = max(line.amount for line in lines)
    ruled = next((each for each in about if each.resolution != DisputeResolution.UPHELD), None)
    if ruled is not None:
        counted = await _left_by_rulings(session, entry)
        lines = [replace(line, amount=counted if line.amount > 0 else -counted) for line in lines]
    if counted == 0:
        return
    back = NewEntry(
        EntryKind.CORRECTION,
        entry.worked_on,
        entry.recorded_by,
        # A ruling stands between: what it left is taken back, and not the whole entry.
        corrects=entry.entry_id if ruled is None else None,
        dispute_id=ruled.id if ruled else None,
        links=(entry.entry_id,) if ruled else (),
        receipt_id=old.id,
    )
    await post_entry(session, SYSTEM, entry.book_id, back, opposite(lines))
    await _succeed(session, old, entry, counted, stream)


async def _left_by_rulings(session: AsyncSession, entry: Entry) -> int:
    """Return what of an entry is the worker's after all that was ruled about it."""
    about = select(Dispute.id).where(Dispute.entry_id == entry.entry_id)
    worker = await queries.worker_of(session, entry.entry_id)
    statement = select(func.sum(Posting.amount)).where(
        Posting.entry_id == Entry.entry_id,
        Posting.account_id == worker,
        or_(col(Entry.entry_id) == entry.entry_id, col(Entry.dispute_id).in_(about)),
    )
    return int((await session.exec(statement)).one() or 0)


async def _succeed(
    session: AsyncSession, old: Receipt, entry: Entry, counted: int, stream: WorkStream
) -> None:
    """Let a shorter receipt take the place of the one that it replaces; offer a longer one."""
    book = await session.get_one(Book, entry.book_id)
    newer = None
    if old.account_id is not None:
        newer = await successor_of(session, old.account_id, old.url)
    if newer is None or newer.state != ReceiptState.VALID or newer.issuer != old.issuer:
        return
    if newer.account_id is None or await in_book(session, book.id, newer):
        return  # taken in by itself, before we heard of the one that it replaces
    if await books_with(session, newer.url):
        return  # it stands in another book, and counts once
    offer = await session.get(ReceiptOffer, (book.id, newer.id))
    if offer is None:
        offer = ReceiptOffer(book_id=book.id, receipt_id=newer.id, account_id=newer.account_id)
        session.add(offer)
    view = view_of(offer, newer, "")
    fits = await receipt_fits(session, newer.account_id, view.worked_on, newer.minutes)
    if newer.minutes <= counted and fits and proves(newer):
        await credit(session, SYSTEM, book, view, stream, entry.recorded_by)
        offer.state, offer.decided_by = OfferState.TAKEN, entry.recorded_by
        offer.decided_at = clock.now()


async def _addresses(session: AsyncSession, receipt: Receipt) -> set[str]:
    """Return the addresses of a receipt and of those that may take its place."""
    newer = select(Receipt.url).where(Receipt.replaces == receipt.url)
    return {receipt.url, *(await session.exec(newer)).all()}


async def _no_longer_valid(session: AsyncSession, receipt: Receipt) -> Sequence[Receipt]:
    """Return what of a receipt and of the one that it replaces no longer holds, all copies."""
    urls = [url for url in (receipt.url, receipt.replaces) if url]
    statement = select(Receipt).where(
        col(Receipt.url).in_(urls),
        Receipt.issuer == receipt.issuer,
        Receipt.state != ReceiptState.VALID,
    )
    return (await session.exec(statement)).all()


async def _standing_entries(session: AsyncSession, receipt_id: UUID) -> Sequence[Entry]:
    """Return the entries that still count for a receipt: credits that nothing took back."""
    corrected = select(Entry.corrects).where(col(Entry.corrects).is_not(None))
    statement = select(Entry).where(
        col(Entry.receipt_id) == receipt_id, col(Entry.entry_id).not_in(corrected)
    )
    found = (await session.exec(statement)).all()
    # An entry that takes back is the end of its chain.
    return [entry for entry in found if await _credits(session, entry)]


async def _credits(session: AsyncSession, entry: Entry) -> bool:
    lines = await queries.lines_of(session, entry.entry_id)
    worker = await queries.worker_of(session, entry.entry_id)
    return any(line.account_id == worker and line.amount > 0 for line in lines)

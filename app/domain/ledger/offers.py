"""Work confirmed on another instance enters a book by its signed receipt (R16).

The worker offers the receipt; one of those who keep the book takes it in or declines it. The entry
names the receipt, which is stored whole with the key that signed it. When its issuer takes the
receipt back or replaces it, the entry is taken back as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import SYSTEM, Actor
from app.domain.activity.actions import record
from app.domain.ledger import errors, queries
from app.domain.ledger.keeping import book_of_members, book_to_keep, lock_book, same_person
from app.domain.ledger.posting import NewEntry, post_entry
from app.domain.ledger.rules import contribution_sides, opposite
from app.domain.receipts.queries import successor_of
from app.domain.receipts.rules import Content, content_of, minutes_of_hours
from app.infra import clock
from app.infra.data_integrity import Expected, ProofError, verify
from app.infra.strict_json import parse_json
from app.models.identity import Account
from app.models.ledger import (
    Book,
    Entry,
    EntryKind,
    OfferState,
    ReceiptOffer,
    WorkStream,
)
from app.models.receipts import Receipt, ReceiptSource, ReceiptState

OFFERS_MAX = 200


@dataclass(frozen=True)
class Offer:
    """A receipt that was offered, what it says, and by whom."""

    offer: ReceiptOffer
    receipt: Receipt
    said: Content
    worker: str

    @property
    def stream(self) -> WorkStream:
        """The stream that the receipt names; one that no book has is work for one's living."""
        try:
            return WorkStream(self.said.stream)
        except ValueError:
            return WorkStream.LIVELIHOOD

    @property
    def worked_on(self) -> date:
        """The last day of the work; where the receipt does not say it, that of its issue."""
        return self.said.worked_on or self.receipt.issued_at.date()


async def offer_receipt(
    session: AsyncSession, actor: Actor, book_id: UUID, receipt_id: UUID
) -> Offer:
    """Offer a receipt from elsewhere that is one's own to the book of one's co-operative."""
    account_id = actor.require_session()
    book = await book_of_members(session, actor, book_id)
    receipt = await session.get(Receipt, receipt_id)
    if receipt is None or receipt.account_id != account_id:
        raise errors.receipt_not_for_book("receipt_not_yours")
    _check_receipt(receipt)
    offer = await session.get(ReceiptOffer, (book_id, receipt_id))
    if offer is not None and offer.state != OfferState.DECLINED:
        raise errors.receipt_not_for_book("receipt_offered")
    if offer is None:
        offer = ReceiptOffer(book_id=book_id, receipt_id=receipt_id, account_id=account_id)
        session.add(offer)
    offer.state, offer.offered_at, offer.reason = OfferState.OFFERED, clock.now(), ""
    offer.decided_by = offer.decided_at = None
    record(
        session, actor, "receipt.offered", receipt.id,
        book_id=str(book.id), organisation_id=str(book.organisation_id),
    )  # fmt: skip
    await session.flush()
    return _view(offer, receipt, actor.handle)


async def offers_to(session: AsyncSession, actor: Actor, book_id: UUID) -> Sequence[Offer]:
    """List what was offered to a book: those that wait first, then the newest."""
    await book_to_keep(session, actor, book_id)
    statement = (
        select(ReceiptOffer, Receipt, Account.handle)
        .where(
            ReceiptOffer.book_id == book_id,
            ReceiptOffer.receipt_id == Receipt.id,
            ReceiptOffer.account_id == Account.id,
        )
        .order_by(
            (col(ReceiptOffer.state) == OfferState.OFFERED).desc(),
            col(ReceiptOffer.offered_at).desc(),
            col(ReceiptOffer.receipt_id),
        )
        .limit(OFFERS_MAX)
    )
    return [_view(*row) for row in (await session.exec(statement)).all()]


async def offerable_by(session: AsyncSession, actor: Actor, book_id: UUID) -> Sequence[Receipt]:
    """List one's own receipts that one could offer to a book."""
    account_id = actor.signed_in()
    await book_of_members(session, actor, book_id)
    offered = select(ReceiptOffer.receipt_id).where(
        ReceiptOffer.book_id == book_id, ReceiptOffer.state != OfferState.DECLINED
    )
    statement = (
        select(Receipt)
        .where(
            Receipt.account_id == account_id,
            Receipt.state == ReceiptState.VALID,
            Receipt.source != ReceiptSource.ISSUED,
            (col(Receipt.source) == ReceiptSource.RECEIVED) | col(Receipt.proven_at).is_not(None),
            col(Receipt.id).not_in(offered),
        )
        .order_by(col(Receipt.issued_at).desc(), col(Receipt.id))
        .limit(OFFERS_MAX)
    )
    return (await session.exec(statement)).all()


async def take_receipt(
    session: AsyncSession, actor: Actor, book_id: UUID, receipt_id: UUID, stream: WorkStream | None
) -> tuple[Offer, Entry]:
    """Take an offered receipt into the book: proven anew, once, and never by its worker."""
    account_id = actor.require_session()
    book, view = await _offer_to_decide(session, actor, book_id, receipt_id)
    receipt = view.receipt
    _check_receipt(receipt)
    if not proves(receipt):
        raise errors.receipt_not_for_book("receipt_not_proven_by_key")
    if await _entry_of_url(session, book_id, receipt):
        raise errors.receipt_not_for_book("receipt_in_book")
    entry = await _credit(session, actor, book, view, stream or view.stream, account_id)
    view.offer.state = OfferState.TAKEN
    view.offer.decided_by, view.offer.decided_at = account_id, clock.now()
    _tell(session, actor, "receipt.taken_into_book", book, view)
    await session.flush()
    return view, entry


async def decline_receipt(
    session: AsyncSession, actor: Actor, book_id: UUID, receipt_id: UUID, reason: str
) -> Offer:
    """Say no to an offered receipt, with the reason."""
    account_id = actor.require_session()
    book, view = await _offer_to_decide(session, actor, book_id, receipt_id)
    view.offer.state, view.offer.reason = OfferState.DECLINED, reason
    view.offer.decided_by, view.offer.decided_at = account_id, clock.now()
    _tell(session, actor, "receipt.declined_by_book", book, view)
    await session.flush()
    return view


async def follow_receipt(session: AsyncSession, receipt_id: UUID) -> None:
    """Take back what stands in books on a receipt that its issuer took back or replaced.

    A shorter receipt takes its place at once. For a longer one those who keep the book are asked:
    it is offered to them.
    """
    receipt = await session.get(Receipt, receipt_id)
    if receipt is None:
        return
    for old in await _no_longer_valid(session, receipt):
        for entry in await _standing_entries(session, old.id):
            await lock_book(session, entry.book_id)
            await _follow(session, old, entry)


async def _follow(session: AsyncSession, old: Receipt, entry: Entry) -> None:
    if entry.entry_id not in {each.entry_id for each in await _standing_entries(session, old.id)}:
        return  # somebody corrected it meanwhile
    lines = await queries.lines_of(session, entry.entry_id)
    stream = await queries.stream_of(session, entry.entry_id)
    counted = max(line.amount for line in lines)
    back = NewEntry(
        EntryKind.CORRECTION,
        entry.worked_on,
        entry.recorded_by,
        corrects=entry.entry_id,
        receipt_id=old.id,
    )
    await post_entry(session, SYSTEM, entry.book_id, back, opposite(lines))
    book = await session.get_one(Book, entry.book_id)
    newer = None
    if old.account_id is not None:
        newer = await successor_of(session, old.account_id, old.url)
    if newer is None or newer.state != ReceiptState.VALID or newer.issuer != old.issuer:
        return
    if newer.account_id is None or await _entry_of_url(session, book.id, newer):
        return  # taken in by itself, before we heard of the one that it replaces
    offer = await session.get(ReceiptOffer, (book.id, newer.id))
    if offer is None:
        offer = ReceiptOffer(book_id=book.id, receipt_id=newer.id, account_id=newer.account_id)
        session.add(offer)
    if newer.minutes <= counted and proves(newer):
        view = _view(offer, newer, "")
        await _credit(session, SYSTEM, book, view, stream, entry.recorded_by)
        offer.state, offer.decided_by = OfferState.TAKEN, entry.recorded_by
        offer.decided_at = clock.now()


def proves(receipt: Receipt) -> bool:
    """Say whether a stored receipt holds by the key stored with it, and says its own minutes."""
    document = parse_json(receipt.document)
    key = Ed25519PublicKey.from_public_bytes(receipt.public_key)

    def find(method: str, _: object) -> list[Ed25519PublicKey]:
        return [key] if method == receipt.key_id else []

    try:
        verify(document, find, Expected(clock.now()))
    except ProofError:
        return False
    subject: dict[str, Any] = document["credentialSubject"]
    return (
        document["id"] == receipt.url
        and document["issuer"] == receipt.issuer
        and subject["id"] == receipt.subject
        and minutes_of_hours(subject["hours"]) == receipt.minutes
    )


def _check_receipt(receipt: Receipt) -> None:
    """Work confirmed here is in a book already; what is not proven to be one's own proves nothing.

    One that its issuer no longer stands by counts nowhere.
    """
    if receipt.source == ReceiptSource.ISSUED:
        raise errors.receipt_not_for_book("receipt_of_here")
    if receipt.state != ReceiptState.VALID:
        raise errors.receipt_not_for_book("receipt_no_longer_valid")
    if receipt.source == ReceiptSource.SHOWN and receipt.proven_at is None:
        raise errors.receipt_not_for_book("receipt_not_proven")


async def _offer_to_decide(
    session: AsyncSession, actor: Actor, book_id: UUID, receipt_id: UUID
) -> tuple[Book, Offer]:
    book = await book_to_keep(session, actor, book_id)
    await lock_book(session, book_id)
    offer = await session.get(ReceiptOffer, (book_id, receipt_id), populate_existing=True)
    receipt = await session.get(Receipt, receipt_id)
    if offer is None or receipt is None:
        raise errors.offer_not_found()
    if await same_person(session, actor.signed_in(), [offer.account_id]):
        raise errors.receipt_own()
    if offer.state != OfferState.OFFERED:
        raise errors.receipt_not_for_book("receipt_decided")
    account = await session.get_one(Account, offer.account_id)
    return book, _view(offer, receipt, account.handle)


async def _credit(
    session: AsyncSession,
    actor: Actor,
    book: Book,
    view: Offer,
    stream: WorkStream,
    recorder: UUID,
) -> Entry:
    new = NewEntry(EntryKind.RECEIPT, view.worked_on, recorder, receipt_id=view.receipt.id)
    worker, minutes = view.offer.account_id, view.receipt.minutes
    sides = contribution_sides(worker, book.organisation_id, minutes, stream)
    return await post_entry(session, actor, book.id, new, sides)


async def _entry_of_url(session: AsyncSession, book_id: UUID, receipt: Receipt) -> bool:
    """Say whether the same signed document stands in the book, whichever way it came to us."""
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


def _view(offer: ReceiptOffer, receipt: Receipt, worker: str) -> Offer:
    return Offer(offer, receipt, content_of(receipt.document), worker)


def _tell(session: AsyncSession, actor: Actor, verb: str, book: Book, view: Offer) -> None:
    record(
        session,
        actor,
        verb,
        view.receipt.id,
        book_id=str(book.id),
        organisation_id=str(book.organisation_id),
        tell=[str(view.offer.account_id)],
    )

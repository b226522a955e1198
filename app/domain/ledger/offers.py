"""Work confirmed on another instance enters a book by its signed receipt (R16).

The worker offers the receipt; one of those who keep the book takes it in or declines it. The entry
names the receipt, which is stored whole with the key that signed it. What follows when its issuer
takes it back or replaces it is in `following.py`.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.activity.actions import record
from app.domain.claims.days import RECEIPT_DAYS, lock_days, receipt_fits
from app.domain.claims.rules import MINUTES_A_DAY
from app.domain.ledger import errors
from app.domain.ledger.keeping import book_of_members, book_to_keep, lock_book, same_person
from app.domain.ledger.people import known_as
from app.domain.ledger.posting import NewEntry, post_entry
from app.domain.ledger.rules import contribution_sides
from app.domain.ledger.uniqueness import (
    check_one_book,
    in_book,
    is_of_here,
    lock_receipts,
)
from app.domain.receipts.rules import Content, content_of, minutes_of_hours
from app.infra import clock
from app.infra.data_integrity import Expected, ProofError, verify
from app.infra.strict_json import parse_json
from app.models.disputes import Dispute
from app.models.federation import InstanceKey
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
    await _check_receipt(session, receipt)
    await check_one_book(session, book_id, receipt)
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
    return view_of(offer, receipt, actor.handle)


async def offers_to(session: AsyncSession, actor: Actor, book_id: UUID) -> Sequence[Offer]:
    """List what was offered to a book: those that wait first, then the newest."""
    await book_to_keep(session, actor, book_id)
    statement = (
        select(ReceiptOffer, Receipt)
        .where(ReceiptOffer.book_id == book_id, ReceiptOffer.receipt_id == Receipt.id)
        .order_by(
            (col(ReceiptOffer.state) == OfferState.OFFERED).desc(),
            col(ReceiptOffer.offered_at).desc(),
            col(ReceiptOffer.receipt_id),
        )
        .limit(OFFERS_MAX)
    )
    rows = (await session.exec(statement)).all()
    people = await known_as(session, book_id, [offer.account_id for offer, _ in rows])
    return [view_of(*row, people[row[0].account_id].said) for row in rows]


async def entries_of_receipts(
    session: AsyncSession, book_id: UUID, receipt_ids: Collection[UUID]
) -> dict[UUID, UUID]:
    """Return by receipt the entry with which it came into a book."""
    statement = select(Entry.receipt_id, Entry.entry_id).where(
        Entry.book_id == book_id,
        Entry.kind == EntryKind.RECEIPT,
        col(Entry.receipt_id).in_(receipt_ids),
    )
    return {receipt: entry for receipt, entry in await session.exec(statement) if receipt}


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
            col(Receipt.public_key).not_in(select(InstanceKey.public_key)),
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
    await _check_receipt(session, receipt)
    if not proves(receipt):
        raise errors.receipt_not_for_book("receipt_not_proven_by_key")
    await lock_receipts(session, [receipt.url])
    if await in_book(session, book_id, receipt):
        raise errors.receipt_not_for_book("receipt_in_book")
    await check_one_book(session, book_id, receipt)
    if await _replaces_disputed(session, receipt):
        raise errors.receipt_not_for_book("receipt_before_disputed")
    await _check_days(session, view)
    entry = await credit(session, actor, book, view, stream or view.stream, account_id)
    view.offer.state = OfferState.TAKEN
    view.offer.decided_by, view.offer.decided_at = account_id, clock.now()
    _tell(session, actor, "receipt.taken_into_book", book, view)
    await session.flush()
    return view, entry


async def _check_days(session: AsyncSession, view: Offer) -> None:
    """Another instance's word makes nobody's day longer than 24 hours either."""
    worker, minutes = view.offer.account_id, view.receipt.minutes
    if minutes > RECEIPT_DAYS * MINUTES_A_DAY:
        raise errors.receipt_not_for_book("receipt_too_long")
    await lock_days(session, {worker})
    if not await receipt_fits(session, worker, view.worked_on, minutes):
        raise errors.receipt_not_for_book("receipt_day_full")


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


async def _check_receipt(session: AsyncSession, receipt: Receipt) -> None:
    """Work confirmed here is in a book already; what is not proven to be one's own proves nothing.

    One that its issuer no longer stands by counts nowhere.
    """
    if await is_of_here(session, receipt):
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
    return book, view_of(offer, receipt, account.handle)


async def credit(
    session: AsyncSession,
    actor: Actor,
    book: Book,
    view: Offer,
    stream: WorkStream,
    recorder: UUID,
) -> Entry:
    """Post what a receipt says."""
    new = NewEntry(EntryKind.RECEIPT, view.worked_on, recorder, receipt_id=view.receipt.id)
    worker, minutes = view.offer.account_id, view.receipt.minutes
    sides = contribution_sides(worker, book.organisation_id, minutes, stream)
    return await post_entry(session, actor, book.id, new, sides)


async def _replaces_disputed(session: AsyncSession, receipt: Receipt) -> bool:
    """Say whether a dispute still goes on about what a receipt replaces, in whichever book."""
    if receipt.replaces is None:
        return False
    statement = (
        select(Entry.id)
        .where(
            Entry.receipt_id == Receipt.id,
            Receipt.url == receipt.replaces,
            Dispute.entry_id == Entry.entry_id,
            col(Dispute.final_at).is_(None),
        )
        .limit(1)
    )
    return (await session.exec(statement)).first() is not None


def view_of(offer: ReceiptOffer, receipt: Receipt, worker: str) -> Offer:
    """Return an offer with what its receipt says."""
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

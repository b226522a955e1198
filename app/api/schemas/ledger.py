"""Shapes of books, entries and contributions."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from app.api.schemas.base import Body, Shape
from app.api.schemas.claims import ClaimShape
from app.domain.ledger.offers import Offer
from app.domain.ledger.opening import OpeningView
from app.models.ledger import (
    SLIPS_MAX,
    EntryKind,
    OfferState,
    OpeningFields,
    Reason,
    SlipFields,
    WorkStream,
)


class BookOrganisation(Shape):
    """Whose book it is."""

    id: UUID
    name: str
    slug: str


class BookBrief(Shape):
    """A book by its organisation, and since when worker-owners keep it, in which currency."""

    id: UUID
    organisation: BookOrganisation
    ownership_since: datetime | None
    currency: str


class WorkerShareShape(Shape):
    """What one worker gave, and their share of all work in the book, in percent."""

    account_id: UUID
    handle: str
    display_name: str
    minutes: int
    share_percent: str


class BookShape(BookBrief):
    """A book with its sums; each of `sums` is zero, or the book is broken."""

    total_minutes: int
    entries: int
    workers: list[WorkerShareShape]
    sums: dict[str, int]


class EntryShape(Shape):
    """An entry of a book, as people read it."""

    entry_id: UUID
    kind: EntryKind
    worker: str
    need_id: UUID | None
    need_title: str
    organisation_name: str
    minutes: int
    stream: WorkStream
    worked_on: date
    recorded_at: datetime
    recorded_by: str


class ContributionShape(Shape):
    """Confirmed work of one's own."""

    entry_id: UUID
    need_id: UUID | None
    need_title: str
    organisation_name: str
    minutes: int
    stream: WorkStream
    worked_on: date
    confirmed_at: datetime


class ContributionList(Shape):
    """One's contributions, with the sums over all of them."""

    items: list[ContributionShape]
    next_cursor: str | None
    total_minutes: int
    by_stream: dict[str, int]


class Confirmed(Shape):
    """The claim and the entry that its confirmation posted."""

    claim: ClaimShape
    entry: EntryShape


class OwnershipInput(Body):
    """In which currency the co-operative counts money; it stays."""

    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "EUR"


class SlipsInput(Body):
    """A list of paper slips; it is entered whole or not at all."""

    slips: Annotated[list[SlipFields], Field(min_length=1, max_length=SLIPS_MAX)]


class SlipsEntered(Shape):
    """The entries of a list of slips, in its order."""

    batch_id: UUID
    count: int
    entry_ids: list[UUID]


class OpeningConfirmation(Body):
    """Which version of the opening was read."""

    version: Annotated[int, Field(ge=1, le=10**6)]


class OpeningShape(Shape):
    """What was there before the book, and who stands behind it. Money in hundredths."""

    opening: OpeningFields
    currency: str
    total_minutes: int
    net_worth: int
    prepared_by: UUID
    prepared_at: datetime
    confirmed_by: UUID | None
    confirmed_at: datetime | None
    batch_id: UUID | None
    version: int

    @classmethod
    def of(cls, view: OpeningView) -> "OpeningShape":
        """Tell an opening."""
        kept = view.opening
        return cls(
            opening=view.said,
            currency=view.currency,
            total_minutes=view.minutes,
            net_worth=view.worth,
            prepared_by=kept.prepared_by,
            prepared_at=kept.prepared_at,
            confirmed_by=kept.confirmed_by,
            confirmed_at=kept.confirmed_at,
            batch_id=kept.batch_id,
            version=kept.version,
        )


class ReceiptOfferInput(Body):
    """One's own receipt from elsewhere."""

    receipt_id: UUID


class ReceiptDecision(Body):
    """Yes, in a stream (that of the receipt unless named), or no, and why."""

    take: bool
    stream: WorkStream | None = None
    reason: Reason | None = None


class ReceiptOfferShape(Shape):
    """A receipt that a worker offered to a book."""

    receipt_id: UUID
    worker: str
    issuer: str
    organisation: str
    minutes: int
    stream: WorkStream
    worked_on: date
    state: OfferState
    offered_at: datetime
    decided_at: datetime | None
    reason: str

    @classmethod
    def of(cls, view: Offer) -> "ReceiptOfferShape":
        """Tell an offer."""
        return cls(
            receipt_id=view.receipt.id,
            worker=view.worker,
            issuer=view.receipt.issuer,
            organisation=view.said.organisation,
            minutes=view.receipt.minutes,
            stream=view.stream,
            worked_on=view.worked_on,
            state=view.offer.state,
            offered_at=view.offer.offered_at,
            decided_at=view.offer.decided_at,
            reason=view.offer.reason,
        )


class CorrectionEntered(Shape):
    """The entries that correct another one, in the order in which they were written."""

    entry_ids: list[UUID]


class MutualPairShape(Shape):
    """Two people who confirmed each other's work, and how much of all that they gave it is."""

    first_id: UUID
    first: str
    second_id: UUID
    second: str
    first_minutes: int
    second_minutes: int
    entries: int
    mutual_minutes: int
    whole_minutes: int
    share_percent: str
    stands_out: bool

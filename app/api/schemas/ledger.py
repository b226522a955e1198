"""Shapes of books, entries and contributions."""

from datetime import date, datetime
from uuid import UUID

from app.api.schemas.base import Shape
from app.api.schemas.claims import ClaimShape
from app.models.ledger import EntryKind, WorkStream


class BookOrganisation(Shape):
    """Whose book it is."""

    id: UUID
    name: str
    slug: str


class BookBrief(Shape):
    """A book by its organisation."""

    id: UUID
    organisation: BookOrganisation


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

"""Shapes of a book's figures: lines, entries, what came when, statements."""

from datetime import date, datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.api.schemas.base import Shape
from app.domain.statements.composing import Part
from app.domain.statements.lines import LineFilter
from app.models.ledger import EntryKind, LedgerAccountKind, WorkStream


class LineQuery(BaseModel):
    """Which lines: by default those of all workers' minutes."""

    model_config = ConfigDict(extra="forbid")

    account: LedgerAccountKind = LedgerAccountKind.WORKER
    holder_id: UUID | None = Field(default=None, description="A worker, or an organisation.")
    stream: WorkStream | None = None
    kind: EntryKind | None = None
    without: EntryKind | None = Field(default=None, description="All kinds but this one.")
    since: date | None = Field(default=None, description="The first day on which they count.")
    until: date | None = Field(default=None, description="The last day on which they count.")
    limit: int = Field(default=20, ge=1, le=100)
    cursor: str | None = Field(default=None, max_length=512)

    def wanted(self) -> LineFilter:
        """Say the same to the book."""
        return LineFilter(**self.model_dump(exclude={"limit", "cursor"}))


class LineShape(Shape):
    """One posting as people read it."""

    entry_id: UUID
    kind: EntryKind
    worked_on: date
    booked_on: date
    recorded_at: datetime
    recorded_by: str
    corrects: UUID | None
    account: LedgerAccountKind
    holder_id: UUID
    holder: str
    stream: WorkStream | None
    unit: str
    amount: int
    need_id: UUID | None
    need_title: str


class LineList(Shape):
    """Lines, and the sum by unit of all that the query asks for, not of this page alone."""

    items: list[LineShape]
    next_cursor: str | None
    sums: dict[str, int]


class MonthShape(Shape):
    """What was given in a month, in minutes."""

    month: date
    minutes: int
    by_stream: dict[WorkStream, int]


class MonthList(Shape):
    """Months in order, the current one last; what was there before the book stands apart."""

    items: list[MonthShape]
    opening_minutes: int
    opening_by_stream: dict[WorkStream, int]


class SideShape(Shape):
    """One posting of an entry."""

    account: LedgerAccountKind
    holder_id: UUID
    holder: str
    stream: WorkStream | None
    unit: str
    amount: int


class TaskShape(Shape):
    """One thing to do in a book, in the asker's language; `path` is the page where it is done."""

    code: str
    subject_id: UUID | None
    n: int
    day: date | None
    text: str
    path: str


class EntryBrief(Shape):
    """An entry that another one stands on."""

    entry_id: UUID
    kind: EntryKind
    worked_on: date
    booked_on: date


class ProofShape(Shape):
    """RFC 9162: that an entry is in the newest signed state of the log; bytes in hex."""

    position: int
    size: int
    root: str
    data: str
    hashes: list[str]
    checkpoint: str


class EntryWholeShape(Shape):
    """An entry with its sides, what it stands on, and what came of it."""

    entry_id: UUID
    book_id: UUID
    kind: EntryKind
    worked_on: date
    booked_on: date
    recorded_at: datetime
    recorded_by: str
    sides: list[SideShape]
    sums: dict[str, int]
    note: str
    note_erased: bool
    corrects: EntryBrief | None
    corrected_by: EntryBrief | None
    stands_on: list[EntryBrief]
    carries: list[EntryBrief]
    claim_id: UUID | None
    need_id: UUID | None
    need_title: str
    receipt_id: UUID | None
    decision_id: UUID | None
    period_id: UUID | None
    dispute_id: UUID | None
    batch_id: UUID | None
    proof: ProofShape | None


class PartShape(Shape):
    """One worker's part of a period; money in minor units, shares in tenths of a percent.

    While the stage is `running` only `by_stream` and `given` are known: the rest is computed when
    the period is frozen, and is null until then.
    """

    account_id: UUID
    name: str
    by_stream: dict[WorkStream, int]
    given: int
    counted: int | None
    carried_in: int | None
    carried_out: int | None
    eligible: bool | None
    reason: str | None
    weighted: str | None
    share: int | None
    share_before: int | None
    change: int | None
    amount: int | None
    capital_before: int | None
    capital_after: int | None

    @classmethod
    def of(cls, part: Part, *, running: bool) -> Self:
        """Take over a part; what is not drawn up yet nobody knows."""
        said = cls.model_validate(part)
        return said.model_copy(update=dict.fromkeys(_LATER)) if running else said


_LATER = frozenset(PartShape.model_fields) - {"account_id", "name", "by_stream", "given"}


class StepShape(Shape):
    """One step from what was there to what is there, in minor units."""

    name: str
    change: int
    after: int


class StatementShape(Shape):
    """A period's statement: `running` minutes, a `draft`, or what is `final` under a lock.

    While it is `running`, what its closing computes is null. `legal` says that the legal act stays
    outside, as every statement does.
    """

    period_id: UUID
    book_id: UUID
    organisation_name: str
    starts_on: date
    ends_on: date
    stage: str
    currency: str
    legal: str
    parts: list[PartShape]
    minutes: dict[WorkStream, int]
    base: str | None = Field(description="All that took part, weighted, as p/q.")
    totals: dict[str, int] | None
    net_worth: list[StepShape] | None
    policy_version: int | None
    root: str | None = Field(description="Of the lock: the tree head over its entries, in hex.")

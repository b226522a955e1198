"""Shapes of the rules of a book: adopted ones, drafts, and what others would have made."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field, Strict

from app.api.schemas.base import Body, Shape
from app.domain.policies.document import Policy, fraction_text
from app.domain.policies.previewing import Preview, Question
from app.domain.policies.queries import Draft
from app.domain.policies.rules import LineReason, Outcome, OutcomeLine
from app.models.policies import AdoptedPolicy, DraftState

MONEY_MAX = 10**13
Money = Annotated[int, Strict(), Field(ge=-MONEY_MAX, le=MONEY_MAX)]


class PolicyShape(Shape):
    """Rules that were adopted; `document_hash` is SHA-256 over their RFC 8785 spelling."""

    id: UUID
    book_id: UUID
    version: int
    valid_from: date
    document: Policy
    document_hash: str
    decision_id: UUID | None
    adopted_at: datetime

    @classmethod
    def of(cls, row: AdoptedPolicy) -> Self:
        """Read a row."""
        return cls.model_validate(_values(cls, row))


class PolicyDraftShape(Shape):
    """Rules that somebody would like to have."""

    id: UUID
    book_id: UUID
    title: str
    reason: str
    valid_from: date
    document: Policy
    document_hash: str
    state: DraftState
    author: str
    decision_id: UUID | None
    policy_id: UUID | None
    created_at: datetime
    updated_at: datetime
    version: int

    @classmethod
    def of(cls, draft: Draft) -> Self:
        """Read a draft."""
        document = Policy.model_validate(draft.row.document)
        known = {"author": draft.author, "state": draft.state, "document_hash": document.hash()}
        return cls.model_validate(_values(cls, draft.row, known))


def _values(shape: type[Shape], row: Any, known: Mapping[str, Any] | None = None) -> dict[str, Any]:
    names = shape.model_fields.keys() - (known or {}).keys()
    values = {name: getattr(row, name) for name in names} | dict(known or {})
    return values | {"document_hash": values["document_hash"].hex()}


class PolicyPreviewInput(Body):
    """Rules to look at: on a period of the book, or on days of one's own."""

    document: Policy
    period_id: UUID | None = None
    first_day: date | None = None
    last_day: date | None = None
    surplus: Money | None = Field(default=None, description="Minor units; below zero a loss.")

    def question(self) -> Question:
        """Return what is asked."""
        return Question(self.document, self.period_id, self.first_day, self.last_day, self.surplus)


class PreviewLine(Shape):
    """What some days mean for one worker: minutes, and money in minor units."""

    given: int
    counted: int
    carried_in: int
    carried_out: int
    effective: int
    eligible: bool
    reason: LineReason
    weighted: str
    share: str
    amount: int
    capital_before: int
    capital_after: int

    @classmethod
    def of(cls, line: OutcomeLine) -> Self:
        """Read a line; fractions are written whole."""
        values = {name: getattr(line, name) for name in cls.model_fields}
        exact = {name: fraction_text(values[name]) for name in ("weighted", "share")}
        return cls.model_validate(values | exact)


class PreviewWorker(Shape):
    """One worker under the rules that hold, where some do, and under the others."""

    account_id: UUID
    name: str
    old: PreviewLine | None
    new: PreviewLine
    change: int


class PreviewSums(Shape):
    """What some days mean for all together, in minor units."""

    base: str
    pool: int
    members_loss: int
    reserve_before: int
    reserve_change: int
    reserve_after: int

    @classmethod
    def of(cls, outcome: Outcome) -> Self:
        """Read an outcome."""
        values = {name: getattr(outcome, name) for name in cls.model_fields}
        return cls.model_validate(values | {"base": fraction_text(outcome.base)})


class PolicyPreviewShape(Shape):
    """The same days under two sets of rules."""

    period_id: UUID | None
    first_day: date
    last_day: date
    surplus: int
    currency: str
    policy_version: int | None
    old: PreviewSums | None
    new: PreviewSums
    workers: list[PreviewWorker]

    @classmethod
    def of(cls, preview: Preview) -> Self:
        """Read a preview."""
        stretch = preview.stretch
        return cls(
            period_id=stretch.period.id if stretch.period else None,
            first_day=stretch.first,
            last_day=stretch.last,
            surplus=stretch.surplus,
            currency=preview.book.currency,
            policy_version=preview.policy.version if preview.policy else None,
            old=PreviewSums.of(preview.old) if preview.old else None,
            new=PreviewSums.of(preview.new),
            workers=[
                PreviewWorker(
                    account_id=pair.account_id,
                    name=pair.name,
                    old=PreviewLine.of(pair.old) if pair.old else None,
                    new=PreviewLine.of(pair.new),
                    change=pair.change,
                )
                for pair in preview.pairs
            ],
        )

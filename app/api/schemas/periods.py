"""Shapes of periods, their lines, objections and signatures."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from app.api.schemas.base import Body, Shape
from app.models.base import Text
from app.models.periods import ObjectionState, PeriodState


class PeriodBrief(Shape):
    """A period in a list."""

    id: UUID
    book_id: UUID
    number: int
    starts_on: date
    ends_on: date
    state: PeriodState
    surplus: int | None
    version: int


class SignatureShape(Shape):
    """Who signed, and when."""

    account_id: UUID
    name: str
    signed_at: datetime


class LockShape(Shape):
    """The seal of a period: hashes in hexadecimal."""

    root: str
    previous_root: str | None
    entries: int
    outcome_hash: str
    locked_at: datetime


class PeriodShape(PeriodBrief):
    """A period, how far it is, and who signed it; money in minor units of `currency`.

    `outcome_hash` is what people sign: SHA-256 over the canonical figures of the draft.
    """

    currency: str
    draft: int
    policy_id: UUID | None
    workers_total: int
    workers_done: int
    drafted_at: datetime | None
    objections_until: datetime | None
    outcome_hash: str | None
    totals: dict[str, int | str] | None
    lock_under_way: bool
    signatures: list[SignatureShape]
    lock: LockShape | None


class CheckShape(Shape):
    """One line of the checklist; what is `needed` has to be fine before a freeze."""

    check: str
    needed: bool
    fine: bool
    count: int


class LineShape(Shape):
    """One worker's part: minutes, exact weights as "p/q", and money in minor units."""

    account_id: UUID
    name: str
    minutes: list[list[str | int | None]]
    entries: int
    given: int
    counted: int
    carried_in: int
    carried_out: int
    effective: int
    eligible: bool
    reason: str
    weighted: str
    share: str
    amount: int
    capital_before: int
    capital_after: int


class ObjectionInput(Body):
    """What is wrong with a draft."""

    text: Annotated[Text, StringConstraints(min_length=1, max_length=2000)]


class ObjectionShape(Shape):
    """An objection and its answer."""

    id: UUID
    account_id: UUID
    name: str
    draft: int
    text: str
    raised_at: datetime
    state: ObjectionState
    answer: str
    answered_by: str
    answered_at: datetime | None


class PeriodMove(Body):
    """Freeze a period, or take it back before its lock."""

    to: Literal[PeriodState.FROZEN, PeriodState.REOPENED]
    version: Annotated[int, Field(ge=1, le=2**31 - 1)]
    # What the checklist wants looked at twice was looked at.
    acknowledged: bool = False
    reason: Annotated[Text, StringConstraints(max_length=2000)] = ""


class SignatureInput(Body):
    """What one signs: the draft's `outcome_hash`, as it was read."""

    outcome_hash: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]

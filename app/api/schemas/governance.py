"""Shapes of decisions, standing, admission and leaving."""

from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, StringConstraints

from app.api.schemas.base import Body, Shape
from app.domain.governance.actions import VOTING_DAYS_MAX
from app.domain.governance.conversions import GIFTS_MAX, ConversionView
from app.domain.governance.exits import ExitView
from app.domain.governance.leaving import INSTALMENTS_MAX, INTERVAL_MAX
from app.domain.governance.queries import BookPerson, DecisionView
from app.domain.governance.rules import Criterion
from app.domain.governance.standing import Gift, StandingView
from app.models.base import Line, Text
from app.models.governance import (
    AdmissionAsk,
    ConversionSide,
    DecisionSubject,
    Training,
    VoteBase,
    VoteChoice,
)
from app.models.ledger import BookStatusKind

Words = Annotated[Text, StringConstraints(max_length=4000)]


class StatusShape(Shape):
    """What somebody is from a day on, and by which decision."""

    status: BookStatusKind
    since: date
    decision_id: UUID | None


class BookPersonShape(Shape):
    """Somebody of a co-operative; who left has no handle, and a pseudonym for a name."""

    account_id: UUID
    handle: str
    display_name: str
    status: BookStatusKind
    since: date
    history: list[StatusShape]

    @classmethod
    def of(cls, person: BookPerson) -> Self:
        """Put together the person and what they were."""
        return cls.model_validate(person)


class FoundersInput(Body):
    """The first worker-owners, all at once."""

    account_ids: Annotated[list[UUID], Field(min_length=1, max_length=200)]
    since: date


class ProbationInput(Body):
    """A member who works towards becoming a worker-owner."""

    handle: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    since: date


class TrainingInput(Body):
    """A training that somebody did."""

    name: Annotated[Line, StringConstraints(min_length=1, max_length=60)]
    done_on: date


class TrainingShape(Shape):
    """A training that somebody did."""

    training_id: UUID
    name: str
    done_on: date


class CriterionShape(Shape):
    """One thing that is asked: how much of it, how much there is, and whether that is enough."""

    criterion: Criterion
    name: str
    wanted: int
    had: int
    met: bool


class AdmissionShape(Shape):
    """Somebody who asked to become a worker-owner."""

    id: UUID
    account_id: UUID
    handle: str
    display_name: str
    words: str
    asked_at: datetime

    @classmethod
    def of(cls, ask: AdmissionAsk, handle: str, display_name: str) -> Self:
        """Put together what was asked and by whom."""
        return cls(
            id=ask.id,
            account_id=ask.account_id,
            handle=handle,
            display_name=display_name,
            words=ask.words,
            asked_at=ask.asked_at,
        )


class AdmissionInput(Body):
    """What somebody says of themselves when they ask."""

    words: Words = ""


class StandingShape(Shape):
    """Somebody's standing at a day: what is asked, what there is, and why that is (not) enough."""

    account_id: UUID
    handle: str
    display_name: str
    status: BookStatusKind | None
    on: date
    since: date | None
    minutes: int
    recent_minutes: int
    criteria: list[CriterionShape]
    trainings: list[TrainingShape]
    eligible: bool
    asked_at: datetime | None

    @classmethod
    def of(cls, view: StandingView) -> Self:
        """Say what counts, and what of it there is."""
        trainings: list[Training] = list(view.trainings)
        return cls(
            account_id=view.account_id,
            handle=view.handle,
            display_name=view.display_name,
            status=view.status,
            on=view.on,
            since=view.standing.since,
            minutes=view.standing.minutes,
            recent_minutes=view.standing.recent_minutes,
            criteria=[CriterionShape.model_validate(one) for one in view.criteria],
            trainings=[TrainingShape.model_validate(one) for one in trainings],
            eligible=view.eligible,
            asked_at=view.ask.asked_at if view.ask else None,
        )


class DecisionInput(Body):
    """What is put to the worker-owners: a draft policy, an ask, a conversion or a dispute.

    `minutes` is for an appeal alone: what would be left of the entry.
    """

    subject: DecisionSubject
    subject_id: UUID
    minutes: Annotated[int, Field(ge=0, le=60 * 24 * 366)] | None = None
    days: Annotated[int, Field(ge=1, le=VOTING_DAYS_MAX)] = 14
    words: Words = ""


class VoteInput(Body):
    """One's vote."""

    choice: VoteChoice


class ElectorShape(Shape):
    """One of the roll, and what they said."""

    account_id: UUID
    handle: str
    display_name: str
    choice: VoteChoice | None


class RuleShape(Shape):
    """When a decision passes: fractions as "p/q"."""

    base: VoteBase
    threshold: str
    more_than: bool
    quorum: str


class CountShape(Shape):
    """How many said what, of how many."""

    roll: int
    yes: int
    no: int
    abstain: int


class OutcomeShape(Shape):
    """How it ended; `refused` is why what passed could not be carried out.

    Codes that begin with `overtaken_` say that the vote was closed before its end because nothing
    was left to decide; whether it would have passed then counts for nothing.
    """

    passed: bool
    refused: str | None
    closed_at: datetime


class DecisionShape(Shape):
    """A decision. Names and counts only for the roll and those who look after the book."""

    id: UUID
    book_id: UUID
    subject: DecisionSubject
    subject_id: UUID
    about: str
    words: str
    rule: RuleShape
    opened_at: datetime
    ends_at: datetime
    open: bool
    outcome: OutcomeShape | None
    count: CountShape
    electors: list[ElectorShape]
    may_vote: bool
    my_vote: VoteChoice | None

    @classmethod
    def of(cls, view: DecisionView) -> Self:
        """Put together the decision and what the asker may see of it."""
        row = view.decision
        return cls(
            id=row.id,
            book_id=row.book_id,
            subject=row.subject,
            subject_id=row.subject_id,
            about=view.about,
            words=view.words,
            rule=RuleShape(
                base=row.base,
                threshold=f"{row.numerator}/{row.denominator}",
                more_than=row.more_than,
                quorum=f"{row.quorum_numerator}/{row.quorum_denominator}",
            ),
            opened_at=row.opened_at,
            ends_at=row.ends_at,
            open=view.open,
            outcome=OutcomeShape.model_validate(view.outcome) if view.outcome else None,
            count=CountShape.model_validate(view.tally),
            electors=[ElectorShape.model_validate(one) for one in view.electors],
            may_vote=view.may_vote,
            my_vote=view.my_vote,
        )


class GiftShape(Shape):
    """Gift work of one entry, as far as it stands."""

    entry_id: UUID
    worked_on: date
    minutes: int

    @classmethod
    def of(cls, gift: Gift) -> Self:
        """Take over a gift."""
        return cls.model_validate(gift)


class ConversionInput(Body):
    """Gifts of somebody that shall be recognised as standing."""

    account_id: UUID
    entry_ids: Annotated[list[UUID], Field(min_length=1, max_length=GIFTS_MAX)]


class ConversionShape(Shape):
    """Gifts that shall be recognised, and which sides signed."""

    id: UUID
    book_id: UUID
    account_id: UUID
    handle: str
    display_name: str
    minutes: int
    gifts: list[GiftShape]
    signed: list[ConversionSide]
    may_sign: bool
    closed_at: datetime | None

    @classmethod
    def of(cls, view: ConversionView) -> Self:
        """Put together the conversion and who signed."""
        return cls(
            id=view.conversion.id,
            book_id=view.conversion.book_id,
            account_id=view.conversion.account_id,
            handle=view.handle,
            display_name=view.display_name,
            minutes=view.minutes,
            gifts=[GiftShape.of(gift) for gift in view.gifts],
            signed=sorted(view.signed),
            may_sign=view.may_sign,
            closed_at=view.conversion.closed_at,
        )


class ScheduleInput(Body):
    """How what is somebody's is paid out."""

    instalments: Annotated[int, Field(ge=1, le=INSTALMENTS_MAX)]
    interval_months: Annotated[int, Field(ge=1, le=INTERVAL_MAX)]
    first_due_on: date


class PayoutInput(Body):
    """The day on which an instalment was paid."""

    paid_on: date


class PayoutShape(Shape):
    """One instalment; what it comes to is known when it is paid."""

    number: int
    due_on: date
    paid_on: date | None
    amount: int
    entry_id: UUID | None


class ExitShape(Shape):
    """Somebody's exit: what is left on their account, in minor units, and the instalments.

    Those that were paid, and while something is left those to come: never one of nothing.
    `more_may_come` says that work of theirs is in no locked period yet.
    """

    id: UUID
    book_id: UUID
    account_id: UUID
    handle: str
    display_name: str
    left_on: date
    closed_at: datetime | None
    currency: str
    capital: int
    next_amount: int
    payouts: list[PayoutShape]
    more_may_come: bool
    may_pay: bool

    @classmethod
    def of(cls, view: ExitView) -> Self:
        """Put together the exit and its instalments."""
        return cls(
            id=view.exit.id,
            book_id=view.exit.book_id,
            account_id=view.exit.account_id,
            handle=view.handle,
            display_name=view.display_name,
            left_on=view.exit.left_on,
            closed_at=view.exit.closed_at,
            currency=view.currency,
            capital=view.capital,
            next_amount=view.next_amount,
            payouts=[PayoutShape.model_validate(one) for one in view.payouts],
            more_may_come=view.more_may_come,
            may_pay=view.may_pay,
        )

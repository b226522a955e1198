"""The rules of a book as a document of figures: nothing in it is ever run.

Fractions are written "p/q" in lowest terms, so equal rules have one canonical spelling and one
hash. docs/ledger/policies.md says what each figure does.
"""

import re
from fractions import Fraction
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    Strict,
    StringConstraints,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from app.infra.canonical import canonical_hash
from app.models.base import Line
from app.models.governance import VoteBase
from app.models.ledger import BookStatusKind, WorkStream

FORMAT: Literal["tornallom-policy-1"] = "tornallom-policy-1"
FRACTION_PATTERN = r"^(0|[1-9][0-9]{0,8})/[1-9][0-9]{0,8}$"
_FRACTION = re.compile(FRACTION_PATTERN)
WEIGHT_MAX = 100
MINUTES_MAX = 60 * 24 * 366
MONTHS_MAX = 120
VOTE_DENOMINATOR_MAX = 1000
TRAININGS_MAX = 20


def _fraction(value: object) -> Fraction:
    """Read "p/q": no decimals, because a rounded third is not a third (R11)."""
    if isinstance(value, Fraction):
        return value
    if not isinstance(value, str) or not _FRACTION.match(value):
        message = 'a fraction is written "p/q"'
        raise ValueError(message)
    return Fraction(value)


def _small(value: Fraction) -> Fraction:
    if value.denominator > VOTE_DENOMINATOR_MAX:
        message = f"the lower figure is {VOTE_DENOMINATOR_MAX} at most"
        raise ValueError(message)
    return value


def fraction_text(value: Fraction) -> str:
    """Write a fraction as "p/q" in lowest terms: equal shares have one spelling."""
    return f"{value.numerator}/{value.denominator}"


_AS_TEXT = (
    BeforeValidator(_fraction),
    PlainSerializer(fraction_text, return_type=str),
    WithJsonSchema({"type": "string", "pattern": FRACTION_PATTERN, "examples": ["1/5"]}),
)
Weight = Annotated[Fraction, Field(ge=0, le=WEIGHT_MAX), *_AS_TEXT]
Share = Annotated[Fraction, Field(ge=0, le=1), *_AS_TEXT]
# Thresholds are of people, who are counted, so small figures say them all.
VoteShare = Annotated[Fraction, AfterValidator(_small), Field(gt=0, le=1), *_AS_TEXT]
Quorum = Annotated[Fraction, AfterValidator(_small), Field(ge=0, le=1), *_AS_TEXT]
TrainingName = Annotated[Line, StringConstraints(min_length=1, max_length=60)]
_Minutes = Annotated[int, Strict(), Field(ge=0, le=MINUTES_MAX)]
_Months = Annotated[int, Strict(), Field(ge=0, le=MONTHS_MAX)]


class _Part(BaseModel):
    """A part of a policy: it never changes, and unknown names are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class StreamWeights(_Part):
    """What a minute of each stream weighs; a stream that weighs nothing does not count at all."""

    livelihood: Weight = Fraction(1)
    gift: Weight = Fraction(1)
    care: Weight = Fraction(1)
    governance: Weight = Fraction(1)

    def of(self, stream: WorkStream) -> Fraction:
        """Return the weight of a stream."""
        weight: Fraction = getattr(self, stream.value)
        return weight

    @model_validator(mode="after")
    def _something_counts(self) -> Self:
        if not any(self.of(stream) for stream in WorkStream):
            message = "some stream must weigh something"
            raise ValueError(message)
        return self


class Admission(_Part):
    """What opens the right to ask to become a worker-owner (R10); it never admits by itself."""

    months: _Months = 12
    minutes: _Minutes = 600 * 60
    recent_months: _Months = 6
    recent_minutes: _Minutes = 300 * 60
    # By the names under which they are written down.
    trainings: Annotated[tuple[TrainingName, ...], Field(max_length=TRAININGS_MAX)] = ()

    @field_validator("trainings")
    @classmethod
    def _each_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted(set(names)))


class VoteRule(_Part):
    """When a decision passes: so much of a named base, and so many of the roll taking part.

    The boundary is inclusive; `more_than` makes it exclusive, as a majority wants it.
    """

    threshold: VoteShare = Fraction(2, 3)
    more_than: Annotated[bool, Strict()] = False
    base: VoteBase = VoteBase.YES_NO
    quorum: Quorum = Fraction(1, 2)


class VoteRules(_Part):
    """How the worker-owners decide, by what it is about."""

    admission: VoteRule = VoteRule()
    policy: VoteRule = VoteRule()
    conversion: VoteRule = VoteRule()
    appeal: VoteRule = VoteRule(threshold=Fraction(1, 2), more_than=True)


class Policy(_Part):
    """The rules of a book, as figures. Equal rules have one canonical spelling and one hash."""

    format: Literal["tornallom-policy-1"] = FORMAT
    weights: StreamWeights = StreamWeights()
    # Whose minutes count: what somebody was to the co-operative on the day of the work.
    eligible: Annotated[
        tuple[Literal[BookStatusKind.WORKER_OWNER, BookStatusKind.PROBATIONARY], ...],
        Field(min_length=1, max_length=2),
    ] = (BookStatusKind.WORKER_OWNER,)
    minimum_minutes: _Minutes = 0
    cap_minutes: Annotated[int, Strict(), Field(ge=1, le=MINUTES_MAX)] | None = None
    members_share: Share = Fraction(1, 5)
    # The part of a loss that the reserve bears first, as far as it reaches.
    loss_to_reserve: Share = Fraction(4, 5)
    admission: Admission = Admission()
    votes: VoteRules = VoteRules()

    @model_validator(mode="before")
    @classmethod
    def _one_order(cls, values: Any) -> Any:
        """Sort whom it names, so that equal rules have equal hashes."""
        named = values.get("eligible") if isinstance(values, dict) else None
        if isinstance(named, list | tuple) and all(isinstance(each, str) for each in named):
            return {**values, "eligible": sorted({str(each) for each in named})}
        return values

    @model_validator(mode="after")
    def _cap_is_above_minimum(self) -> Self:
        if self.cap_minutes is not None and self.cap_minutes < self.minimum_minutes:
            message = "nobody could reach a minimum above the cap"
            raise ValueError(message)
        return self

    def document(self) -> dict[str, Any]:
        """Return the policy as JSON values, whole: what is kept, hashed and exported."""
        return self.model_dump(mode="json")

    def hash(self) -> bytes:
        """Return SHA-256 over the RFC 8785 spelling of the document."""
        return canonical_hash(self.document())

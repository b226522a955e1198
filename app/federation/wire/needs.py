"""A need as it travels: a Proposal (FEP-0837) of purpose "request", and its tombstone."""

from fractions import Fraction
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from app.federation.wire.addresses import Address
from app.federation.wire.documents import Document, LastMoment, Message, Moment, Version

PLACES_MAX = 500
Short = Annotated[str, StringConstraints(max_length=200)]
Token = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{0,31}$")]
SkillSlug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)]
LanguageTag = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$")]
Figure = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,9}(\.[0-9]{1,6})?$")]
Text = Annotated[str, StringConstraints(max_length=65_536)]
Status = Literal["open", "paused", "in_progress", "done"]


class Quantity(Document):
    """So much of a unit of OM2; the figure is a text, so that nobody rounds it."""

    hasUnit: Literal["hour", "second"]  # noqa: N815 - the vocabulary's own spelling
    hasNumericalValue: Figure  # noqa: N815


SECONDS_PER_MINUTE = 60
MINUTES_PER_HOUR = 60
UNIT_SECONDS = {"hour": 3600, "second": 1}


def quantity_of(minutes: int) -> Quantity:
    """Say a number of minutes; quarters of an hour are exact as a decimal, others in seconds."""
    hours = Fraction(minutes, MINUTES_PER_HOUR)
    if (hours * 4).denominator == 1:
        return Quantity(hasUnit="hour", hasNumericalValue=f"{float(hours):g}")
    return Quantity(hasUnit="second", hasNumericalValue=str(minutes * SECONDS_PER_MINUTE))


def minutes_in(quantity: Quantity) -> int:
    """Return a quantity in whole minutes, rounded up."""
    whole, _, fraction = quantity.hasNumericalValue.partition(".")
    unit = UNIT_SECONDS[quantity.hasUnit]
    seconds = int(whole) * unit + int((fraction or "0").ljust(6, "0")) * unit // 1_000_000
    return -(-seconds // SECONDS_PER_MINUTE)


class Intent(Document):
    """What is asked for: a service, of which skill, for how long per person."""

    type: Literal["Intent"] = "Intent"
    id: Address
    action: Literal["deliverService", "transfer"] = "deliverService"
    resourceConformsTo: Address | None = None  # noqa: N815
    resourceQuantity: Quantity | None = None  # noqa: N815


class Place(Document):
    """A coarse region, never an address."""

    type: Literal["Place"] = "Place"
    name: Short


class Hashtag(Document):
    """A free tag."""

    type: Literal["Hashtag"] = "Hashtag"
    name: Annotated[str, StringConstraints(min_length=1, max_length=61)]


class Link(Document):
    """Where more is to be read; may lead anywhere, so it is text until somebody clicks."""

    type: Literal["Link"] = "Link"
    href: Annotated[str, StringConstraints(min_length=1, max_length=2000)]


class Source(Document):
    """The text as its author wrote it."""

    content: Text
    mediaType: Literal["text/markdown"] = "text/markdown"  # noqa: N815


class Skill(Document):
    """A skill of the shared list, and whether the need can do without it."""

    slug: SkillSlug
    weight: Literal["must", "nice"]


class Proposal(Document):
    """A need, whole: what peers store and show with its origin."""

    type: Literal["Proposal"] = "Proposal"
    id: Address
    version: Version
    status: Status
    purpose: Literal["request"] = "request"
    attributedTo: Address  # noqa: N815
    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    content: Text
    source: Source | None = None
    published: Moment
    updated: Moment
    endTime: LastMoment | None = None  # noqa: N815
    location: Place | None = None
    publishes: Intent
    unitBased: Literal[True] = True  # noqa: N815
    url: Address
    to: Address
    organisation: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    language: LanguageTag
    kind: Token
    stream: Token
    urgency: Token
    places: Annotated[int, Field(ge=1, le=PLACES_MAX)]
    taken: Annotated[int, Field(ge=0, le=PLACES_MAX)]
    remote: bool
    skills: Annotated[tuple[Skill, ...], Field(max_length=30)] = ()
    tag: Annotated[tuple[Hashtag, ...], Field(max_length=60)] = ()
    attachment: Annotated[tuple[Link, ...], Field(max_length=5)] = ()
    beneficiary: Short | None = None


class Listed(Document):
    """The little of a need that both sides count by, whatever else it says."""

    type: Literal["Proposal"]
    id: Address
    version: Version


class Tombstone(Document):
    """A need that is gone; its version still counts, so that nothing late revives it."""

    type: Literal["Tombstone"] = "Tombstone"
    formerType: Literal["Proposal"] = "Proposal"  # noqa: N815
    id: Address
    version: Version
    deleted: Moment


class CreateNeed(Message):
    """The owner shares a need."""

    type: Literal["Create"] = "Create"
    to: Address
    published: Moment
    object: Proposal


class UpdateNeed(Message):
    """The owner says what a need is by now."""

    type: Literal["Update"] = "Update"
    to: Address
    published: Moment
    object: Proposal


class DeleteNeed(Message):
    """The owner takes a need back, or no longer shares it with us."""

    type: Literal["Delete"] = "Delete"
    to: Address
    published: Moment
    object: Tombstone

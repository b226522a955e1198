"""Shapes of needs."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from app.api.schemas.base import Body, Shape
from app.models.base import Language, Line, Slug, Text
from app.models.claims import ClaimState
from app.models.need_parts import (
    Amount,
    ClockFields,
    Contact,
    HandoverItem,
    HandoverKind,
    Maintainer,
    ProposalState,
)
from app.models.needs import (
    Audience,
    HarmCheck,
    NeedFields,
    NeedKind,
    NeedSkillFields,
    NeedState,
    Stream,
    Urgency,
)


class NeedInput(NeedFields):
    """A new need of an organisation."""

    organisation_id: UUID

    def fields(self) -> NeedFields:
        """Return what is said of the need itself."""
        return NeedFields(**self.model_dump(include=set(NeedFields.model_fields)))


class NeedChanges(NeedFields):
    """Changes of a need; fields left out stay as they are."""

    title: Annotated[Line, StringConstraints(min_length=3, max_length=200)] = "..."
    language: Language = "en"


class NeedQuery(Body):
    """The filters of a list of needs."""

    q: Annotated[str, StringConstraints(max_length=200)] = ""
    skill: Annotated[list[Slug], Field(max_length=10)] = []
    language: Annotated[list[Language], Field(max_length=20)] = []
    hours_max: Annotated[int, Field(ge=1, le=10_000)] | None = None
    stream: Stream | None = None
    kind: NeedKind | None = None
    region: Annotated[str, StringConstraints(max_length=200)] = ""
    organisation: UUID | None = None
    instance: Annotated[str, StringConstraints(max_length=300)] = ""
    urgency: Urgency | None = None
    state: NeedState | Literal["any"] = NeedState.OPEN
    remote: bool | None = None
    sort: Annotated[
        Literal["soonest", "newest", "best", ""],
        Field(description="Without one: the best first for a search, else what is due soonest."),
    ] = ""
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Annotated[str, StringConstraints(max_length=512)] | None = None


class TransitionInput(Body):
    """A move to another state, with a reason where the move wants one."""

    to: Annotated[str, StringConstraints(min_length=1, max_length=32)]
    reason: Annotated[Text, StringConstraints(max_length=2000)] = ""
    # The version that was read: other words than these are not moved (412).
    version: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None


class NeedOrganisation(Shape):
    """The organisation of a need."""

    id: UUID
    name: str
    slug: str


class Origin(Shape):
    """Where a mirrored need lives."""

    instance: str
    url: str


class OwnClaim(Shape):
    """One's own claim on a need."""

    id: UUID
    state: ClaimState


class MayClaim(Shape):
    """Whether one may claim, and if not, why, in words."""

    allowed: bool
    code: str | None = None
    reason: str | None = None


class ScopeDecision(Body):
    """What the organisation makes of a proposed scope; no comes with a reason."""

    to: Literal["accepted", "declined"]
    reason: Annotated[Text, StringConstraints(max_length=2000)] = ""


class MaintenanceInput(Body):
    """A worker's own yes or no to keeping running what they built."""

    agrees: bool


class TranslationShape(Shape):
    """A need's words in another language; `older` when the need's own words changed since."""

    language: str
    title: str
    body: str
    by: str
    human: bool
    source_version: int
    older: bool
    updated_at: datetime


class MaintainerShape(Shape):
    """Who keeps what was built running; `name` for the two sides only, `mine` for who is asked."""

    kind: Maintainer
    agreed: bool
    name: str | None
    mine: bool


class NeedMove(Shape):
    """One move of a need; why, by whom and in which request for its two sides only."""

    from_state: NeedState | None
    to_state: NeedState
    at: datetime
    reason: str
    by: str | None
    request_id: str | None


class NeedHistoryShape(Shape):
    """The moves of a need, oldest first."""

    items: list[NeedMove]


class ScopeProposalShape(Shape):
    """A proposed scope of a need, and what became of it."""

    id: UUID
    by: str
    skills: list[NeedSkillFields]
    estimate_minutes: int
    body: str
    note: str
    state: ProposalState
    reason: str
    created_at: datetime
    decided_at: datetime | None


class NeedShape(Shape):
    """A need."""

    id: UUID
    organisation: NeedOrganisation | None
    organisation_name: str
    title: str
    body: str
    language: str
    kind: NeedKind
    stream: Stream
    skills: list[NeedSkillFields]
    skills_unknown: bool
    tags: list[str]
    estimate_minutes: int | None
    places: int
    taken: int
    urgency: Urgency
    deadline: date | None
    remote: bool
    region: str
    audience: Audience
    audience_peers: list[UUID]
    instant: bool
    harm_check: HarmCheck | None
    link: str | None
    external_id: str | None
    beneficiary: str | None
    clocks: ClockFields
    starts_on: date | None
    time_zone: str | None
    deadline_at: datetime | None
    amount: Amount | None
    contacts: list[Contact]
    contact_public: bool
    contacts_hidden: bool
    priority_days: int | None
    priority_until: datetime | None
    handover: list[HandoverItem]
    handover_note: str
    handover_open: list[HandoverKind]
    asks_closing: bool
    maintainer: MaintainerShape | None
    closed_without_work: bool
    care_of: UUID | None
    recurs_months: int | None
    scoping_wanted: bool
    text_version: int
    translations: list[TranslationShape]
    may_translate: bool
    state: NeedState
    state_reason: str
    version: int
    created_at: datetime
    updated_at: datetime
    published_at: datetime | None
    origin: Origin | None
    possible_transitions: list[NeedState]
    my_claim: OwnClaim | None
    answers_slowly: bool
    unanswered: int = Field(description="Questions that wait, told to those who answer them.")
    may_claim: MayClaim


class NeedList(Shape):
    """A page of needs; `hidden_by_language` counts what the language filter leaves out.

    `total_estimate` says about how many there are: counted where they are few.
    """

    items: list[NeedShape]
    next_cursor: str | None
    hidden_by_language: int
    total_estimate: int


class NeedFacets(Shape):
    """How many needs each choice of a filter would leave, the other filters kept.

    The counts of a filter named in `bounded` are at least so many. `hours` counts what fits in so
    many; of organisations, instances and skills the hundred with the most needs are there.
    """

    kind: dict[str, int]
    stream: dict[str, int]
    urgency: dict[str, int]
    language: dict[str, int]
    skill: dict[str, int]
    remote: dict[str, int]
    hours: dict[str, int]
    organisation: dict[str, int]
    instance: dict[str, int]
    bounded: list[str]

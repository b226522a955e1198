"""Tables of needs: what organisations ask for."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import StringConstraints
from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, String, text
from sqlalchemy.dialects.postgresql import ARRAY, TSVECTOR
from sqlmodel import Field, SQLModel

from app.models.base import (
    Fields,
    Language,
    Line,
    Minutes,
    Slug,
    Tag,
    Text,
    TimeZone,
    choice,
    created,
    data,
    moment,
    texts,
)
from app.models.need_parts import (
    Amount,
    ClockFields,
    Contact,
    HandoverItem,
    Maintainer,
    ProposalState,
)

LINK_PATTERN = r"^(https?|ftp|mailto|ircs?|xmpp|matrix):[^\s<>\"\\]{1,1990}$"
Link = Annotated[str, StringConstraints(pattern=LINK_PATTERN, max_length=2000)]


class NeedState(StrEnum):
    """The life of a need; the moves between states stand in domain/needs/rules.py."""

    DRAFT = "draft"
    REVIEW = "review"
    OPEN = "open"
    PAUSED = "paused"
    IN_PROGRESS = "in_progress"
    DONE = "done"
    ARCHIVED = "archived"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    HELD = "held"


class NeedKind(StrEnum):
    """What is asked for; the first five are the kinds of solidarity, the rest kinds of labour."""

    LABOUR = "labour"
    MONEY_RECORD = "money_record"
    TRAINING = "training"
    NETWORKING = "networking"
    DEVELOPMENT = "development"
    RESCUE = "rescue"
    HOSTING = "hosting"
    COMMUNICATION = "communication"
    ORGANISING = "organising"
    ECOMMERCE = "ecommerce"
    OUTREACH = "outreach"
    SECURITY = "security"
    DESIGN = "design"
    TRANSLATION = "translation"
    TEACHING = "teaching"


class Stream(StrEnum):
    """How the work is given."""

    GIFT = "gift"
    STIPEND = "stipend"
    PAID = "paid"


class Urgency(StrEnum):
    """How soon."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class Audience(StrEnum):
    """Who may see a need: each includes the ones before it."""

    INSTANCE = "instance"
    NAMED_PEERS = "named_peers"
    PEERS = "peers"
    PUBLIC = "public"


class SkillWeight(StrEnum):
    """Whether a need can do without a skill."""

    MUST = "must"
    NICE = "nice"


class NeedSkillFields(Fields):
    """A skill that a need asks for."""

    slug: Slug
    weight: SkillWeight = SkillWeight.NICE


class HarmCheck(Fields):
    """What data on people will exist, who could misuse it, and whether it can be avoided."""

    data: Annotated[Text, StringConstraints(min_length=1, max_length=2000)]
    misuse: Annotated[Text, StringConstraints(min_length=1, max_length=2000)]
    avoidable: Annotated[Text, StringConstraints(min_length=1, max_length=2000)]


class NeedFields(Fields):
    """What an organisation says of a need."""

    title: Annotated[Line, StringConstraints(min_length=3, max_length=200)]
    body: Annotated[Text, StringConstraints(max_length=20_000)] = ""
    language: Language
    kind: NeedKind = NeedKind.LABOUR
    stream: Stream = Stream.GIFT
    skills: Annotated[list[NeedSkillFields], Field(max_length=30)] = []
    skills_unknown: bool = False
    tags: Annotated[list[Tag], Field(max_length=60)] = []
    estimate_minutes: Minutes | None = None
    places: Annotated[int, Field(ge=1, le=500)] = 1
    urgency: Urgency = Urgency.NORMAL
    deadline: date | None = None
    remote: bool = True
    region: Annotated[Line, StringConstraints(max_length=200)] = ""
    audience: Audience = Audience.PUBLIC
    audience_peers: Annotated[list[UUID], Field(max_length=100)] = []
    instant: bool = False
    harm_check: HarmCheck | None = None
    link: Link | None = None
    external_id: Annotated[Line, StringConstraints(min_length=1, max_length=200)] | None = None
    beneficiary: Annotated[Line, StringConstraints(max_length=200)] | None = None
    clocks: ClockFields = ClockFields()
    starts_on: date | None = None
    time_zone: TimeZone | None = None
    amount: Amount | None = None
    contacts: Annotated[list[Contact], Field(max_length=5)] = []
    contact_public: bool = False
    priority_days: Annotated[int, Field(ge=1, le=30)] | None = None
    handover: Annotated[list[HandoverItem], Field(max_length=20)] = []
    recurs_months: Annotated[int, Field(ge=1, le=24)] | None = None


class Need(SQLModel, table=True):
    """A need, ours or mirrored from a peer (`peer_id` and `origin_url` set, organisation null).

    `taken` counts places held by claims; it is moved only by the conditional statements in
    domain/claims, under the CHECK below.
    """

    __tablename__ = "needs"
    __table_args__ = (
        CheckConstraint("taken >= 0 AND taken <= places", name="taken_within_places"),
        CheckConstraint(
            "(organisation_id IS NULL) = (origin_url IS NOT NULL)", name="ours_or_mirrored"
        ),
        Index(
            "uq_needs_external_id",
            "organisation_id",
            "external_id",
            unique=True,
            postgresql_where=text("external_id IS NOT NULL"),
        ),
        CheckConstraint(
            "coalesce(maintainer = 'worker', false) = (maintainer_id IS NOT NULL)",
            name="one_named_maintainer",
        ),
        CheckConstraint("(amount_minor IS NULL) = (currency IS NULL)", name="amount_with_currency"),
        Index("uq_needs_care_of", "care_of", unique=True),
        Index("ix_needs_listed", "state", text("published_at DESC"), text("id DESC")),
        Index("ix_needs_organisation", "organisation_id", "state"),
        Index("ix_needs_skill_slugs", "skill_slugs", postgresql_using="gin"),
        Index("ix_needs_peer", "peer_id"),
        Index("ix_needs_clock", "clock_at", "id", postgresql_where=text("clock_at IS NOT NULL")),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID | None = Field(default=None, foreign_key="organisations.id")
    organisation_name: str = Field(max_length=200)
    peer_id: UUID | None = None
    origin_url: str | None = Field(default=None, max_length=2000, unique=True)
    origin_instance: str | None = Field(default=None, max_length=300)
    state: NeedState = choice(NeedState, name="state", default=NeedState.DRAFT)
    state_reason: str = ""
    title: str = Field(max_length=200)
    body: str = ""
    language: str = Field(max_length=35)
    kind: NeedKind = choice(NeedKind, name="kind", default=NeedKind.LABOUR)
    stream: Stream = choice(Stream, name="stream", default=Stream.GIFT)
    skill_slugs: list[str] = Field(
        default_factory=list,
        sa_type=ARRAY(String),
    )
    must_slugs: list[str] = texts()
    skills_unknown: bool = False
    tags: list[str] = texts()
    estimate_minutes: int | None = None
    places: int = 1
    taken: int = 0
    urgency: Urgency = choice(Urgency, name="urgency", default=Urgency.NORMAL)
    deadline: date | None = None
    remote: bool = True
    region: str = Field(default="", max_length=200)
    audience: Audience = choice(Audience, name="audience", default=Audience.PUBLIC)
    audience_peers: list[str] = texts()
    instant: bool = False
    harm_check: dict[str, Any] | None = data(default=None, nullable=True)
    link: str | None = None
    external_id: str | None = Field(default=None, max_length=200)
    beneficiary: str | None = Field(default=None, max_length=200)
    source: dict[str, Any] | None = data(default=None, nullable=True)
    search_text: str = ""
    starts_on: date | None = None
    time_zone: str | None = Field(default=None, max_length=60)
    amount_minor: int | None = Field(default=None, sa_type=BigInteger)
    currency: str | None = Field(default=None, max_length=3)
    contacts: list[dict[str, Any]] = data(default_factory=list)
    contact_public: bool = False
    priority_days: int | None = None
    handover: list[dict[str, Any]] = data(default_factory=list)
    handover_note: str = ""
    text_version: int = 1
    # The words of all translations, for searching.
    translated_text: str = ""
    closed_without_work: bool = False
    maintainer: Maintainer | None = choice(
        Maintainer, name="maintainer", default=None, nullable=True
    )
    maintainer_id: UUID | None = Field(default=None, foreign_key="accounts.id")
    maintainer_agreed_at: datetime | None = moment(default=None, nullable=True)
    # A care need keeps running what this one built; at most one follows each.
    care_of: UUID | None = Field(default=None, foreign_key="needs.id")
    recurs_months: int | None = None
    created_by: UUID | None = Field(default=None, foreign_key="accounts.id")
    created_at: datetime = created()
    updated_at: datetime = created()
    published_at: datetime | None = moment(default=None, nullable=True)
    version: int = 1
    clocks: dict[str, int] = data(default_factory=dict)
    renewed_at: datetime | None = moment(default=None, nullable=True)
    clock_at: datetime | None = moment(default=None, nullable=True)


class NeedHistory(SQLModel, table=True):
    """One move of a need: who, from, to, why, when."""

    __tablename__ = "need_history"

    id: int | None = Field(
        default=None, primary_key=True, sa_type=BigInteger, sa_column_args=[Identity(always=True)]
    )
    need_id: UUID = Field(foreign_key="needs.id", ondelete="CASCADE", index=True)
    account_id: UUID | None = None
    from_state: NeedState | None = choice(NeedState, name="from_state", default=None, nullable=True)
    to_state: NeedState = choice(NeedState, name="to_state")
    reason: str = ""
    request_id: str | None = Field(default=None, max_length=64)
    at: datetime = created()


class NeedTranslation(SQLModel, table=True):
    """A need's words in another language, made from `source_version` of its own words."""

    __tablename__ = "need_translations"

    need_id: UUID = Field(foreign_key="needs.id", ondelete="CASCADE", primary_key=True)
    language: str = Field(max_length=35, primary_key=True)
    title: str = Field(max_length=200)
    body: str = ""
    human: bool = True
    source_version: int
    account_id: UUID | None = Field(default=None, foreign_key="accounts.id")
    created_at: datetime = created()
    updated_at: datetime = created()


class ScopeFields(Fields):
    """What a scoping session found out: which skills, how long, and better words for it."""

    skills: Annotated[list[NeedSkillFields], Field(min_length=1, max_length=30)]
    estimate_minutes: Minutes
    body: Annotated[Text, StringConstraints(max_length=20_000)] = ""
    note: Annotated[Text, StringConstraints(max_length=2000)] = ""


class ScopeProposal(SQLModel, table=True):
    """A proposed scope of a need, which its organisation takes over or not."""

    __tablename__ = "scope_proposals"

    id: UUID = Field(primary_key=True)
    need_id: UUID = Field(foreign_key="needs.id", ondelete="CASCADE", index=True)
    account_id: UUID = Field(foreign_key="accounts.id")
    skills: list[dict[str, Any]] = data()
    estimate_minutes: int
    body: str = ""
    note: str = ""
    state: ProposalState = choice(
        ProposalState, name="proposal_state", default=ProposalState.PROPOSED
    )
    reason: str = ""
    decided_by: UUID | None = Field(default=None, foreign_key="accounts.id")
    decided_at: datetime | None = moment(default=None, nullable=True)
    created_at: datetime = created()


class NeedListing(SQLModel, table=True):
    """What lists and searches read of a need; triggers keep it with the need's own row.

    `place` is the state, or "filled" while every place of an open need is taken. `soon` counts
    the days from the deadline to the year 9999 (0 without one), so that every list is read in one
    direction. `lexemes` holds words, stems and, as "=x:…", what filters ask for.
    """

    __tablename__ = "need_listings"
    __table_args__ = (
        Index(
            "ix_need_listings_soonest",
            "place",
            text("soon DESC"),
            text("published DESC"),
            text("need_id DESC"),
        ),
        Index("ix_need_listings_newest", "place", text("published DESC"), text("need_id DESC")),
        Index(
            "ix_need_listings_lexemes",
            "lexemes",
            postgresql_using="gin",
            postgresql_with={"fastupdate": "off"},
        ),
    )

    need_id: UUID = Field(primary_key=True, foreign_key="needs.id", ondelete="CASCADE")
    place: str = Field(max_length=32)
    public: bool
    soon: int
    published: datetime = moment()
    languages: list[str] = texts()
    kind: str = Field(max_length=32)
    stream: str = Field(max_length=32)
    urgency: str = Field(max_length=32)
    minutes: int | None = None
    remote: bool
    organisation_id: UUID | None = None
    instance: str = Field(max_length=300)
    skills: list[str] = texts()
    lexemes: Any = Field(sa_type=TSVECTOR, nullable=False)


class Hold(SQLModel, table=True):
    """A need held back: hidden from all but its people and the stewards, until released."""

    __tablename__ = "holds"
    __table_args__ = (
        Index(
            "uq_holds_one_live", "need_id", unique=True, postgresql_where=text("ended_at IS NULL")
        ),
    )

    id: UUID = Field(primary_key=True)
    need_id: UUID = Field(foreign_key="needs.id", ondelete="CASCADE", index=True)
    state_before: NeedState = choice(NeedState, name="state_before")
    reason: str
    held_by: UUID | None = Field(default=None, foreign_key="accounts.id", ondelete="SET NULL")
    held_at: datetime = created()
    # What its people answer, once.
    appeal: str = ""
    appealed_at: datetime | None = moment(default=None, nullable=True)
    ended_by: UUID | None = Field(default=None, foreign_key="accounts.id", ondelete="SET NULL")
    ended_at: datetime | None = moment(default=None, nullable=True)
    end_reason: str = ""
    version: int = 1

"""What templates may show of a need, an organisation, a claim: plain values, already decided."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID


class SkillView(NamedTuple):
    """A skill in the reader's words."""

    slug: str
    label: str
    must: bool = False
    n: int = 0


@dataclass(frozen=True)
class NeedCard:
    """A need in a list."""

    id: UUID
    title: str
    excerpt: str
    # Title and excerpt are in this one: the reader's, where somebody translated them.
    told_in: str
    language: str
    state: str
    urgency: str
    skill_labels: Sequence[str]
    organisation_id: UUID | None
    organisation_name: str
    estimate_minutes: int | None
    deadline: date | None
    origin_host: str | None


@dataclass(frozen=True)
class NeedView(NeedCard):
    """A need on its own page."""

    kind: str
    stream: str
    skills: Sequence[SkillView]
    tags: Sequence[str]
    places: int
    taken: int
    remote: bool
    region: str
    audience: str | None
    instant: bool
    harm_check: Mapping[str, str] | None
    link: str | None
    link_href: str | None
    beneficiary: str | None
    origin_url: str | None
    # Everybody can read it there, so a link leads somewhere.
    origin_open: bool
    updated_at: datetime


class Step(NamedTuple):
    """One move in a history."""

    state: str
    at: datetime
    reason: str


@dataclass(frozen=True)
class Paging:
    """Where the list goes on."""

    next_href: str | None = None
    first_href: str | None = None


@dataclass(frozen=True)
class OrganisationCard:
    """An organisation in a list and on its own page."""

    id: UUID
    name: str
    excerpt: str
    languages: Sequence[str]
    state: str
    open_needs: int
    site: str | None
    site_host: str
    time_zone: str
    created_at: datetime


class LogView(NamedTuple):
    """Work of a day."""

    id: UUID
    worked_on: date
    minutes: int
    note: str


class Move(NamedTuple):
    """Where a claim may go, and the text of the button that moves it."""

    to: str
    label: str


@dataclass(frozen=True)
class ElsewhereView:
    """Where the other part of a claim lives, and how it goes with it."""

    host: str
    guest: bool
    talking: bool
    waits_until: datetime | None
    name: str
    contacts: Sequence[tuple[str, str, str | None]]
    need_title: str


@dataclass(frozen=True)
class ClaimCard:
    """A claim as one of its two sides sees it."""

    id: UUID
    state: str
    need_id: UUID
    need_title: str
    need_language: str
    organisation_name: str
    minutes_logged: int
    note: str = ""
    reason: str = ""
    worker_name: str = ""
    worker_handle: str = ""
    # The worker belongs to the organisation itself.
    of_member: bool = False
    stream: str = ""
    logs: Sequence[LogView] = ()
    moves: Sequence[Move] = ()
    can_log: bool = False
    can_confirm: bool = False
    asks_reason: bool = False
    unread: int = 0
    next_step: str = ""
    can_keep: bool = False
    lapsed: bool = False
    can_take_up: bool = False
    # The entry that is disputed instead of the claim, where worker-owners keep the book.
    booked_at: UUID | None = None
    live: bool = False
    elsewhere: ElsewhereView | None = None


@dataclass(frozen=True)
class PeerView:
    """A peer as everybody may see it."""

    name: str
    host: str
    origin: str
    health: str
    since: datetime | None
    languages: Sequence[str]
    needs: int
    limited: bool
    in_step: bool

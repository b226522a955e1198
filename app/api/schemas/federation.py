"""Shapes of peers."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from app.api.schemas.base import Body, Shape
from app.models.federation import PeerState


class PeerProposal(Body):
    """The instance to propose peering to: its origin, or just its host name."""

    origin: Annotated[
        str, StringConstraints(min_length=3, max_length=300), Field(examples=["north.example"])
    ]


class PeerMove(Body):
    """Where to go with a peer: `active` approves its proposal, `proposed` asks it anew."""

    to: Literal["proposed", "active", "suspended", "ended", "blocked"]
    reason: Annotated[str, StringConstraints(max_length=500)] = ""


class PeerHealth(Shape):
    """How it goes with a peer, for programs and in one sentence."""

    code: str
    text: str


class PeerShape(Shape):
    """A peer as stewards see it; the fingerprint is to be compared over another channel."""

    id: UUID
    origin: str
    name: str
    software: str
    state: PeerState
    fingerprint: str
    candidate_fingerprint: str | None
    health: PeerHealth
    waiting: int
    created_at: datetime
    active_since: datetime | None
    possible_transitions: list[PeerState]
    version: int

"""Shapes of peers."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints

from app.api.schemas.base import Body, Shape
from app.federation.mending import Stuck
from app.federation.peers.health import said_reason, sentence
from app.federation.peers.introductions import Introduction
from app.federation.peers.queries import PeerView, Step
from app.federation.peers.states import stewards_may
from app.models.federation import PeerState
from app.models.peers import PeerWish

Origin = Annotated[
    str, StringConstraints(min_length=3, max_length=300), Field(examples=["north.example"])
]
Reason = Annotated[str, StringConstraints(max_length=500)]
Fingerprint = Annotated[
    str,
    StringConstraints(max_length=60),
    Field(description="The key that was compared; refused when it is another by now."),
]


class PeerLook(Body):
    """The address to look at: an origin, or just its host name."""

    origin: Origin


class PeerProposal(Body):
    """The instance to propose peering to: its origin, or just its host name."""

    origin: Origin
    fingerprint: Fingerprint = ""


class PeerMove(Body):
    """Where to go with a peer: `active` approves its proposal, `proposed` asks it anew."""

    to: Literal["proposed", "active", "suspended", "ended", "blocked"]
    reason: Reason = ""
    fingerprint: Fingerprint = ""


class PeerChanges(Body):
    """What stewards set beside the state; what is left out stays."""

    limited: bool | None = None
    note: Annotated[str, StringConstraints(max_length=1000)] | None = None
    reason: Reason = ""


class PeerHealth(Shape):
    """How it goes with a peer, for programs and in one sentence."""

    code: str
    text: str
    last_try_at: datetime | None
    next_try_at: datetime | None


class PeerCounts(Shape):
    """How much there is between a peer and us."""

    theirs_here: int
    ours_there: int
    waiting: int
    parked: int
    refused: int
    refused_there: int


class PeerShape(Shape):
    """A peer as stewards see it; the fingerprint is to be compared over another channel."""

    id: UUID
    origin: str
    name: str
    software: str
    languages: list[str]
    open_needs: int | None
    policy_url: str
    state: PeerState
    limited: bool
    note: str
    fingerprint: str
    candidate_fingerprint: str | None
    health: PeerHealth
    waiting: int
    counts: PeerCounts
    created_at: datetime
    state_at: datetime
    active_since: datetime | None
    possible_transitions: list[PeerState]
    version: int

    @classmethod
    def of(cls, view: PeerView, language: str) -> Self:
        """Put a peer into a person's language."""
        peer, health = view.peer, view.health
        return cls(
            id=peer.id,
            origin=peer.origin,
            name=peer.name,
            software=peer.software,
            languages=peer.languages,
            open_needs=peer.open_needs,
            policy_url=peer.policy_url,
            state=peer.state,
            limited=peer.limited,
            note=peer.note,
            fingerprint=view.fingerprint,
            candidate_fingerprint=view.candidate_fingerprint,
            health=PeerHealth(
                code=health.code,
                text=sentence(language, health),
                last_try_at=health.last_try_at,
                next_try_at=health.next_try_at,
            ),
            waiting=view.waiting,
            counts=PeerCounts.model_validate(view.counts),
            created_at=peer.created_at,
            state_at=peer.state_at,
            active_since=peer.active_since,
            possible_transitions=stewards_may(peer.state),
            version=peer.version,
        )


class IntroductionShape(Shape):
    """Who answers at an address; nothing has been asked of it."""

    origin: str
    name: str
    software: str
    languages: list[str]
    open_needs: int | None
    policy_url: str
    fingerprint: str

    @classmethod
    def of(cls, said: Introduction) -> Self:
        """Take over what it says."""
        return cls(
            origin=said.found.origin,
            name=said.found.name,
            software=said.software,
            languages=list(said.languages),
            open_needs=said.open_needs,
            policy_url=said.policy_url,
            fingerprint=said.fingerprint,
        )


class PeerStep(Shape):
    """Something that was decided about a peer, or that it did."""

    verb: str
    at: datetime
    handle: str
    reason: str

    @classmethod
    def of(cls, step: Step) -> Self:
        """Take over a step."""
        return cls(verb=step.verb, at=step.at, handle=step.handle, reason=step.reason)


class PeerMessage(Shape):
    """A message that waits for a person: theirs (`in`) or ours (`out`)."""

    id: str
    way: Literal["in", "out"]
    kind: str
    about: str
    state: str
    code: str
    text: str
    conflict: bool
    attempts: int
    at: datetime

    @classmethod
    def of(cls, stuck: Stuck, language: str) -> Self:
        """Put a message's fate into a person's language."""
        return cls(
            id=stuck.id,
            way=stuck.way.value,
            kind=stuck.kind,
            about=stuck.about,
            state=stuck.state,
            code=stuck.code,
            text=said_reason(language, stuck.code),
            conflict=stuck.conflict,
            attempts=stuck.attempts,
            at=stuck.at,
        )


class PeerWishShape(Shape):
    """An address that has not answered yet, and when it is asked again."""

    origin: str
    tries: int
    last_try_at: datetime
    next_try_at: datetime
    answered_at: datetime | None

    @classmethod
    def of(cls, wish: PeerWish) -> Self:
        """Take over a wish."""
        return cls.model_validate(wish)

"""Shapes of the log's standing: its newest state, who witnessed it, its public forks."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, StringConstraints

from app.api.schemas.base import Body, Shape
from app.domain.witnesses.queries import Fork, WatchedLog, WitnessView
from app.federation.witnesses.forking import LogStanding
from app.models.witnesses import FreezeReason, LedgerFreeze

Root = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Size = Annotated[int, Field(ge=0, le=2**53 - 1)]


class TreeShape(Shape):
    """A state of a log: how many leaves, and the root over them in hexadecimal (RFC 6962)."""

    size: int
    root: str


class FreezeShape(Shape):
    """What somebody outside holds of our log that it does not contain."""

    reason: FreezeReason
    source: str
    held: TreeShape
    our_size: int
    noticed_at: datetime

    @classmethod
    def of(cls, row: LedgerFreeze) -> Self:
        """Show one."""
        return cls(
            reason=row.reason,
            source=row.source,
            held=TreeShape(size=row.size, root=row.root.hex()),
            our_size=row.our_size,
            noticed_at=row.noticed_at,
        )


class ForkShape(Shape):
    """A public fork: from where the log goes on, and what was given up."""

    number: int
    origin: str
    continues: str
    common: TreeShape
    abandoned: TreeShape
    declared_at: datetime
    reason: str

    @classmethod
    def of(cls, found: Fork) -> Self:
        """Show one."""
        fork = found.fork
        return cls(
            number=fork.number,
            origin=fork.origin,
            continues=fork.continues,
            common=TreeShape(size=fork.common_size, root=fork.common_root.hex()),
            abandoned=TreeShape(size=fork.abandoned_size, root=fork.abandoned_root.hex()),
            declared_at=fork.declared_at,
            reason=found.reason,
        )


class WitnessShape(Shape):
    """Somebody who signs our log: the newest state of it that they signed."""

    name: str
    origin: str
    size: int
    signed_at: datetime

    @classmethod
    def of(cls, view: WitnessView) -> Self:
        """Show one."""
        return cls(name=view.name, origin=view.origin, size=view.size, signed_at=view.signed_at)


class StandingShape(Shape):
    """Where this instance's log stands; `read_only` while others hold what it does not contain."""

    origin: str
    size: int
    checkpoint: TreeShape | None
    checkpoint_at: datetime | None
    read_only: bool
    since: datetime | None
    freezes: list[FreezeShape]
    forks: list[ForkShape]
    witnesses: list[WitnessShape]

    @classmethod
    def of(cls, found: LogStanding) -> Self:
        """Show it all."""
        newest, standing = found.newest, found.standing
        tree = None if newest is None else newest.tree
        return cls(
            origin=found.name,
            size=found.size,
            checkpoint=None if tree is None else TreeShape(size=tree.size, root=tree.root.hex()),
            checkpoint_at=None if newest is None else newest.made_at,
            read_only=standing.read_only,
            since=standing.since,
            freezes=[FreezeShape.of(each) for each in standing.freezes],
            forks=[ForkShape.of(each) for each in standing.forks],
            witnesses=[WitnessShape.of(each) for each in found.witnesses],
        )


class ContradictionShape(Shape):
    """A state that a peer's log signed and that does not go with what it had shown us."""

    size: int
    root: str
    shown_note: str
    held_note: str
    noticed_at: datetime


class WatchedShape(Shape):
    """A log of a peer that this instance witnesses."""

    origin: str
    peer: str
    size: int
    signed_at: datetime | None
    continues: str | None
    parted_at_size: int | None
    contradictions: list[ContradictionShape]

    @classmethod
    def of(cls, view: WatchedLog) -> Self:
        """Show one."""
        log = view.log
        return cls(
            origin=log.origin,
            peer=view.peer.origin,
            size=log.size,
            signed_at=log.signed_at,
            continues=log.continues,
            parted_at_size=log.parted_at_size,
            contradictions=[
                ContradictionShape(
                    size=each.size,
                    root=each.root.hex(),
                    shown_note=each.shown_note,
                    held_note=each.held_note,
                    noticed_at=each.noticed_at,
                )
                for each in view.contradictions
            ],
        )


class ForkInput(Body):
    """Declare a public fork: the tree that others hold, as it was looked at, and why."""

    held_size: Size
    held_root: Root
    reason: Annotated[
        str,
        StringConstraints(max_length=2000),
        Field(description="Everybody can read it. Name no person."),
    ]

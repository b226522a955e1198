"""Messages that only a person can take further: parked ones, refused ones, on either side.

A message of theirs is parked when applying it failed for a reason that we did not foresee, and
refused when it breaks a rule. A message of ours is here when they refused it for good. Trying
again asks every question that was asked when it came; dropping leaves it at that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.activity.actions import record
from app.errors import ConflictError, NotFoundError
from app.federation.entries import Step
from app.federation.peers import queries
from app.federation.registry import entry_for, kind_of
from app.federation.verification import verified_from_log
from app.federation.wire.problems import RefusedError
from app.infra import clock
from app.infra.runtime import Runtime
from app.infra.strict_json import StrictJsonError, parse_json
from app.models.federation import (
    Delivery,
    DeliveryState,
    FederationEvent,
    IncomingMessage,
    IncomingState,
    Peer,
    PeerOutbox,
)

SHOWN_MAX = 100
FOR_PEOPLE = (IncomingState.PARKED, IncomingState.REFUSED)
CONFLICTS = frozenset({"id-reuse", "state-conflict"})
DROPPED = "dropped"


class Way(StrEnum):
    """Which way a message went."""

    IN = "in"
    OUT = "out"


@dataclass(frozen=True)
class Stuck:
    """A message that waits for a person."""

    id: str
    way: Way
    kind: str
    about: str
    state: str
    code: str
    attempts: int
    at: datetime

    @property
    def conflict(self) -> bool:
        """Whether the two sides say different things of the same object."""
        return self.code in CONFLICTS


@dataclass(frozen=True)
class Ref:
    """Which message is meant."""

    way: Way
    number: int

    @classmethod
    def of(cls, text: str) -> "Ref":
        """Read a reference such as "in-17"."""
        way, _, number = text.partition("-")
        if way not in set(Way) or not number.isascii() or not number.isdigit() or len(number) > 18:
            raise NotFoundError("peer_message_not_found")
        return cls(Way(way), int(number))


async def stuck_messages(session: AsyncSession, actor: Actor, peer_id: UUID) -> list[Stuck]:
    """List what waits for a person, the newest first; for stewards."""
    await queries.get_view_for(session, actor, peer_id)
    theirs = (
        select(IncomingMessage)
        .where(IncomingMessage.peer_id == peer_id, col(IncomingMessage.state).in_(FOR_PEOPLE))
        .order_by(col(IncomingMessage.id).desc())
        .limit(SHOWN_MAX)
    )
    ours = (
        select(Delivery, FederationEvent)
        .join(FederationEvent, col(FederationEvent.id) == col(Delivery.event_id))
        .where(Delivery.peer_id == peer_id, *_refused_there())
        .order_by(col(Delivery.id).desc())
        .limit(SHOWN_MAX)
    )
    found = [_incoming(message) for message in (await session.exec(theirs)).all()]
    found += [_outgoing(delivery, event) for delivery, event in (await session.exec(ours)).all()]
    return sorted(found, key=lambda stuck: stuck.at, reverse=True)[:SHOWN_MAX]


def _refused_there() -> Sequence[Any]:
    return Delivery.state == DeliveryState.DEAD, col(Delivery.dropped_at).is_(None)


def _incoming(message: IncomingMessage) -> Stuck:
    kind, about = message.activity_type, ""
    try:
        activity = parse_json(message.body)
        kind = _kind(activity)
        said = activity.get("object")
        about = said if isinstance(said, str) else str((said or {}).get("id") or "")
    except (StrictJsonError, AttributeError):
        pass  # what cannot be read is shown by the type it came under
    return Stuck(
        id=f"{Way.IN}-{message.id}",
        way=Way.IN,
        kind=kind,
        about=about[:500],
        state=message.state.value,
        code=message.code,
        attempts=message.attempts,
        at=message.done_at or message.received_at,
    )


def _outgoing(delivery: Delivery, event: FederationEvent) -> Stuck:
    return Stuck(
        id=f"{Way.OUT}-{delivery.id}",
        way=Way.OUT,
        kind=_kind(parse_json(event.body)),
        about=event.object_url,
        state=IncomingState.REFUSED.value,
        code=delivery.last_code,
        attempts=delivery.attempts,
        at=delivery.sent_at or delivery.created_at,
    )


def _kind(activity: dict[str, Any]) -> str:
    kind, about = kind_of(activity)
    return f"{kind}({about})" if about else kind


async def try_again(
    session: AsyncSession, runtime: Runtime, actor: Actor, peer_id: UUID, ref: Ref
) -> None:
    """Let a message be applied, or sent, once more."""
    await queries.get_view_for(session, actor, peer_id)
    peer = await queries.lock_peer(session, peer_id)
    if ref.way is Way.IN:
        message = await _locked_incoming(session, peer_id, ref)
        await _check_again(session, runtime, peer, message)
        message.state, message.code, message.attempts = IncomingState.RECEIVED, "", 0
        message.done_at = None
    else:
        delivery = await _locked_delivery(session, peer_id, ref)
        delivery.state, delivery.last_code = DeliveryState.PENDING, ""
        outbox = await session.get(PeerOutbox, peer_id, with_for_update=True)
        if outbox is not None:
            outbox.next_attempt_at = clock.now()
    record(session, actor, "peer.message_retried", peer_id, message=f"{ref.way}-{ref.number}")


async def _check_again(
    session: AsyncSession, runtime: Runtime, peer: Peer, message: IncomingMessage
) -> None:
    """Ask of a stored message all that is asked of one that arrives, its signature apart."""
    at = Step(session, runtime, peer, message.epoch)
    try:
        body = parse_json(message.body)
        verified = verified_from_log(peer, body, seq=message.seq or 0, epoch=message.epoch)
        entry = await entry_for(at, body)
        if peer.state not in entry.states:
            raise ConflictError("peer_state_conflict")
        await entry.check(at, verified, entry.read(body))
    except (RefusedError, StrictJsonError) as error:
        raise ConflictError("peer_message_refused_again", detail=str(error)) from error


async def drop(session: AsyncSession, actor: Actor, peer_id: UUID, ref: Ref) -> None:
    """Leave a message at what became of it: nobody is asked about it any more."""
    await queries.get_view_for(session, actor, peer_id)
    if ref.way is Way.IN:
        message = await _locked_incoming(session, peer_id, ref)
        message.state, message.code = IncomingState.IGNORED, DROPPED
        message.done_at = message.done_at or clock.now()
    else:
        delivery = await _locked_delivery(session, peer_id, ref)
        delivery.dropped_at = clock.now()
    record(session, actor, "peer.message_dropped", peer_id, message=f"{ref.way}-{ref.number}")


async def _locked_incoming(session: AsyncSession, peer_id: UUID, ref: Ref) -> IncomingMessage:
    statement = select(IncomingMessage).where(
        IncomingMessage.id == ref.number,
        IncomingMessage.peer_id == peer_id,
        col(IncomingMessage.state).in_(FOR_PEOPLE),
    )
    found = (await session.exec(statement.with_for_update())).first()
    if found is None:
        raise NotFoundError("peer_message_not_found")
    return found


async def _locked_delivery(session: AsyncSession, peer_id: UUID, ref: Ref) -> Delivery:
    statement = select(Delivery).where(
        Delivery.id == ref.number, Delivery.peer_id == peer_id, *_refused_there()
    )
    found = (await session.exec(statement.with_for_update())).first()
    if found is None:
        raise NotFoundError("peer_message_not_found")
    return found

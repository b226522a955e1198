"""Putting a letter to a peer in the post: a row in the transaction of the thing itself.

A message for many peers is written once. For each peer it gets the next number of that peer's
sequence under the lock of its outbox row, so the numbers have no gaps and no number becomes
visible after a later one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import insert, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.federation.wire.documents import Message, to_wire
from app.infra import clock
from app.infra.canonical import canonical_json
from app.models.federation import Delivery, DeliveryState, FederationEvent, PeerOutbox


@dataclass(frozen=True)
class Said:
    """A message of ours, with the object that it is about, if any."""

    message: Message
    object_url: str = ""
    object_version: int = 0


async def write_events(session: AsyncSession, said: Sequence[Said]) -> list[int]:
    """Write messages of ours; answers their ids in the same order, for send_ordered()."""
    if not said:
        return []
    now = clock.now()
    rows = [
        {
            "activity_id": each.message.id,
            "activity_type": each.message.type,
            "object_url": each.object_url,
            "object_version": each.object_version,
            "body": canonical_json(to_wire(each.message)),
            "created_at": now,
        }
        for each in said
    ]
    statement = insert(FederationEvent).returning(
        col(FederationEvent.id), sort_by_parameter_order=True
    )
    return [int(found) for found in (await session.execute(statement, rows)).scalars()]


async def send_ordered(session: AsyncSession, peer_id: UUID, event_ids: Sequence[int]) -> None:
    """Send messages to a peer in this order, numbered in its sequence."""
    if not event_ids:
        return
    statement = (
        update(PeerOutbox)
        .where(col(PeerOutbox.peer_id) == peer_id)
        .values(last_seq=col(PeerOutbox.last_seq) + len(event_ids))
        .returning(col(PeerOutbox.last_seq))
    )
    last = (await session.execute(statement)).scalar_one()
    first = last - len(event_ids) + 1
    await _insert(session, peer_id, enumerate(event_ids, first))


async def send_letter(session: AsyncSession, peer_id: UUID, message: Message) -> None:
    """Send a message of the handshake, before and outside the sequence; may be sent again."""
    known = select(FederationEvent.id).where(FederationEvent.activity_id == message.id)
    event_id = (await session.exec(known)).first()
    if event_id is None:
        (event_id,) = await write_events(session, [Said(message)])
    await _insert(session, peer_id, [(None, event_id)])


async def _insert(
    session: AsyncSession, peer_id: UUID, numbered: Iterable[tuple[int | None, int]]
) -> None:
    now = clock.now()
    rows: list[dict[str, Any]] = [
        {
            "peer_id": peer_id,
            "event_id": event_id,
            "seq": seq,
            "state": DeliveryState.PENDING,
            "attempts": 0,
            "last_code": "",
            "created_at": now,
        }
        for seq, event_id in numbered
    ]
    await session.execute(insert(Delivery), rows)

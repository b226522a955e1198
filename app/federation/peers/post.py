"""Putting a letter to a peer in the post: a row in the transaction of the thing itself.

A message for many peers is written once. For each peer it gets the next number of that peer's
sequence under the lock of its outbox row, so the numbers have no gaps and no number becomes
visible after a later one.

Two kinds of message ride the same sequence:

- about a need (`Said.listed`): the peer should hold the need from then on, so its content hash
  goes along to send_ordered() and is part of the manifest and of the digest. Such a message may
  be pruned from the log after thirty days: the manifest replaces it.
- about something private to us and that peer (an agreement, a work report, a receipt): never in
  the manifest and never in the digest. Give `object_url` and `object_version` and leave `listed`
  alone:

      (event_id,) = await write_events(session, [Said(message, url, version)])
      await send_ordered(session, peer_id, [event_id])

  It stays in the log until the peer has it (a year at most), also over a new epoch of ours; what
  was lost all the same (the peer was restored from a backup) is asked for again by the noun's own
  messages that may be repeated. The sequence gives order and no more: apply by version.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.federation.rules import NOTHING, Holding
from app.federation.wire.documents import Message, to_wire
from app.infra import clock
from app.infra.canonical import canonical_json
from app.models.federation import (
    Delivery,
    DeliveryState,
    FederationEvent,
    PeerHolding,
    PeerOutbox,
)


@dataclass(frozen=True)
class Said:
    """A message of ours, with the object that it is about, if any."""

    message: Message
    object_url: str = ""
    object_version: int = 0
    listed: bool = False


@dataclass(frozen=True)
class Held:
    """What a peer should hold of an object of ours from a message on; NOTHING when it is gone."""

    url: str
    version: int
    sha256: bytes = NOTHING


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
            "listed": each.listed,
            "body": canonical_json(to_wire(each.message)),
            "created_at": now,
        }
        for each in said
    ]
    statement = insert(FederationEvent).returning(
        col(FederationEvent.id), sort_by_parameter_order=True
    )
    return [int(found) for found in (await session.execute(statement, rows)).scalars()]


async def send_ordered(
    session: AsyncSession, peer_id: UUID, event_ids: Sequence[int], held: Sequence[Held] = ()
) -> None:
    """Send messages to a peer in this order, numbered in its sequence.

    `held`: what the peer should hold of our listed objects once it has these messages.
    """
    if not event_ids:
        return
    outbox = (
        await session.exec(
            select(PeerOutbox)
            .where(PeerOutbox.peer_id == peer_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    ).one()
    first = outbox.last_seq + 1
    outbox.last_seq += len(event_ids)
    await hold(session, outbox, held)
    session.add(outbox)
    await session.flush()
    await _insert(session, peer_id, enumerate(event_ids, first))


async def hold(session: AsyncSession, outbox: PeerOutbox, held: Sequence[Held]) -> None:
    """Write what a peer should hold, and its sum; the outbox row is locked by the caller."""
    if not held:
        return
    newest = {each.url: each for each in held}
    mine = (col(PeerHolding.peer_id) == outbox.peer_id, col(PeerHolding.url).in_(newest))
    rows = await session.exec(select(PeerHolding.url, PeerHolding.sha256).where(*mine))
    before = dict(rows.all())
    total = Holding(outbox.held_count, outbox.held_digest)
    for url, each in newest.items():
        total = total.replace(url, before.get(url, NOTHING), each.sha256)
    outbox.held_count, outbox.held_digest = total.count, total.digest
    await session.execute(delete(PeerHolding).where(*mine))
    kept = [
        {"peer_id": outbox.peer_id, "url": each.url, "version": each.version, "sha256": each.sha256}
        for each in newest.values()
        if each.sha256 != NOTHING
    ]
    if kept:
        await session.execute(insert(PeerHolding), kept)


async def send_letter(session: AsyncSession, peer_id: UUID, message: Message) -> None:
    """Send a message of the handshake, before and outside the sequence; may be sent again."""
    known = select(FederationEvent.id).where(FederationEvent.activity_id == message.id)
    event_id = (await session.exec(known)).first()
    if event_id is None:
        (event_id,) = await write_events(session, [Said(message)])
    await _insert(session, peer_id, [(None, event_id)])


async def send_event(session: AsyncSession, peer_id: UUID, event_id: int) -> None:
    """Send a message of ours once more, outside the sequence: it has its number there already."""
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

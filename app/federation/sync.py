"""Catching up: a peer's log, read again after a gap; and ours, served to it with our manifest.

Reading a log after a number says that everything up to it has arrived, so it acknowledges.
An answer is signed together with the request that it answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from pydantic import ValidationError
from sqlalchemy import update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.federation import inbox
from app.federation.entries import Step
from app.federation.peers.epochs import begin_epoch, lock_outbox, noticed_lately
from app.federation.peers.identity import our_identity
from app.federation.peers.lanes import ask_for_news, epoch_of, note_tally, take_up_epoch
from app.federation.peers.reading import Reader, ReadError, read_signed, reader_of
from app.federation.registry import entry_for, remember_unusable
from app.federation.rules import NOTHING, Holding, Look, look, object_hash, was_restored
from app.federation.verification import VerifiedMessage, VerifiedReader, verified_from_log
from app.federation.wire.documents import part_to_wire
from app.federation.wire.limits import NODES_MAX
from app.federation.wire.log import LOG_ITEMS_MAX, LogItem, LogPage
from app.federation.wire.manifest import ManifestItem, ManifestPage
from app.federation.wire.problems import RefusedError
from app.infra import clock
from app.infra.canonical import canonical_json
from app.infra.database import transaction
from app.infra.runtime import Runtime
from app.models.federation import (
    Delivery,
    DeliveryState,
    FederationEvent,
    Peer,
    PeerHolding,
    PeerInbox,
    PeerOutbox,
    PeerState,
)

PAGE_BYTES_MAX = 900_000
PAGES_MAX = 500
PULL_AGAIN_SECONDS = (5, 15, 60, 300, 900, 3600)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Asked:
    """What a reader of our log asks for; an older peer does not say in which epoch it counts."""

    after: int
    limit: int
    epoch: str = ""


async def log_page(
    session: AsyncSession, runtime: Runtime, reader: VerifiedReader, asked: Asked
) -> bytes:
    """Return what we sent this peer after a number, and note that all before has arrived."""
    ours = await our_identity(session, runtime)
    outbox = await lock_outbox(session, reader.peer.id)
    epoch = epoch_of(outbox, ours)
    standing = (epoch, [*outbox.past_epochs, ours.epoch], outbox.last_seq)
    if was_restored(standing, (asked.epoch, asked.after)) and not noticed_lately(outbox):
        await begin_epoch(session, outbox, noticed=True)
        epoch = outbox.epoch
    await _note_reader(session, reader)
    after = asked.after if asked.epoch in {"", epoch} else 0
    await _acknowledge(session, outbox, min(after, outbox.last_seq))
    rows = (
        await session.exec(
            select(col(Delivery.seq), col(FederationEvent.body))
            .join(FederationEvent, col(FederationEvent.id) == col(Delivery.event_id))
            .where(col(Delivery.peer_id) == reader.peer.id, col(Delivery.seq) > after)
            .order_by(col(Delivery.seq))
            .limit(asked.limit)
        )
    ).all()
    items: list[bytes] = []
    size = 0
    for seq, body in rows:
        size += len(body)
        if items and size > PAGE_BYTES_MAX:
            break
        # The stored bytes go out as they are: nothing is read and written again.
        items.append(b'{"body":%b,"seq":%d}' % (body, seq or 0))
    frame = (epoch.encode(), b",".join(items), outbox.last_seq, outbox.oldest_seq)
    return b'{"epoch":"%b","items":[%b],"last":%d,"oldest":%d}' % frame


async def manifest_page(
    session: AsyncSession, runtime: Runtime, reader: VerifiedReader, after: str, limit: int
) -> bytes:
    """Return a page of what this peer should hold of us, with where the whole stands now."""
    ours = await our_identity(session, runtime)
    # Under the lock of the outbox row: what is listed and what is counted are of one moment.
    outbox = await lock_outbox(session, reader.peer.id)
    await _note_reader(session, reader)
    _heard(outbox)
    rows = await session.exec(
        select(PeerHolding)
        .where(PeerHolding.peer_id == reader.peer.id, PeerHolding.url > after)
        .where(PeerHolding.sha256 != NOTHING)
        .order_by(col(PeerHolding.url))
        .limit(limit)
    )
    items = tuple(
        ManifestItem(id=row.url, version=row.version, sha256=row.sha256.hex()) for row in rows
    )
    page = ManifestPage(
        epoch=epoch_of(outbox, ours),
        seq=outbox.last_seq,
        count=outbox.held_count,
        digest=outbox.held_digest.hex(),
        items=items,
    )
    return canonical_json(part_to_wire(page))


async def _note_reader(session: AsyncSession, reader: VerifiedReader) -> None:
    """Compare what a reader says that we should hold of it: its log may have news for us."""
    tally = reader.tally
    lane = await session.get(PeerInbox, reader.peer.id)
    if tally is None or lane is None:
        return
    held = Holding(lane.held_count, lane.held_digest)
    if look(lane.epoch, lane.applied_seq, held, tally) in {Look.SAME, Look.DIFFERENT}:
        await note_tally(session, reader.peer.id, tally, lane.epoch)
    else:
        await ask_for_news(session, reader.peer.id)


async def _acknowledge(session: AsyncSession, outbox: PeerOutbox, upto: int) -> None:
    await session.execute(
        update(Delivery)
        .where(
            col(Delivery.peer_id) == outbox.peer_id,
            col(Delivery.state) == DeliveryState.PENDING,
            col(Delivery.seq) <= upto,
        )
        .values(state=DeliveryState.SENT, sent_at=clock.now())
    )
    outbox.acknowledged_seq = max(outbox.acknowledged_seq, upto)
    _heard(outbox)
    if upto >= outbox.last_seq:
        outbox.nudged_at, outbox.next_attempt_at = None, clock.now()


def _heard(outbox: PeerOutbox) -> None:
    """A peer that asks us is there: what waits for it is tried at once."""
    now = clock.now()
    outbox.acknowledged_at = now
    if outbox.failures:
        outbox.failures, outbox.last_failure, outbox.next_attempt_at = 0, "", now


async def silent_peers(session: AsyncSession) -> Sequence[UUID]:
    """List active peers whose logs are worth reading: nothing came yet, or there is news."""
    statement = (
        select(col(PeerInbox.peer_id))
        .join(Peer, col(Peer.id) == col(PeerInbox.peer_id))
        .where(
            col(Peer.state) == PeerState.ACTIVE,
            col(PeerInbox.last_message_at).is_(None) | col(PeerInbox.news_due),
            col(PeerInbox.pull_after) <= clock.now(),
        )
    )
    return (await session.exec(statement)).all()


async def pull(runtime: Runtime, peer_id: UUID) -> int:
    """Read a peer's log from where we are to its end; answers how many messages were applied."""
    applied = 0
    for _ in range(PAGES_MAX):
        try:
            found = await _next_page(runtime, peer_id)
            if found is None:
                break
            page, same_epoch = found
            if same_epoch and not page.items:
                break  # no more
            if same_epoch:
                applied += await _take_in(runtime, peer_id, page)
        except (ReadError, RefusedError) as error:
            _log.warning("pull failed", peer=str(peer_id), error=str(error)[:200])
            await _rest(runtime, peer_id)
            break
    return applied


async def _next_page(runtime: Runtime, peer_id: UUID) -> tuple[LogPage, bool] | None:
    """Read the page after what we have; answers whether it is of the epoch that we asked for."""
    async with transaction(runtime.sessions) as session:
        reader = await reader_of(session, runtime, peer_id)
        lane = await session.get(PeerInbox, peer_id)
        if reader is None or lane is None or lane.pull_after > clock.now():
            return None
        after, epoch = lane.applied_seq, lane.epoch
    path = f"/fed/v1/log?after={after}&limit={LOG_ITEMS_MAX}"
    path = f"{path}&epoch={epoch}" if epoch else path
    page = await _read_page(reader, path)
    async with transaction(runtime.sessions) as session:
        await take_up_epoch(session, peer_id, page.epoch)
        current = select(PeerInbox).where(PeerInbox.peer_id == peer_id).with_for_update()
        lane = (await session.exec(current.execution_options(populate_existing=True))).one()
        if lane.epoch != page.epoch:
            raise ReadError("an epoch that has ended")
        lane.last_message_at = clock.now()
        if page.epoch == epoch and not page.items:
            lane.news_due, lane.pull_failures = False, 0
        if page.oldest > after + 1:
            # What came between has been pruned: the manifest tells what became of it.
            lane.manifest_due = True
        return page, page.epoch == epoch


async def _read_page(reader: Reader, path: str) -> LogPage:
    raw = await read_signed(reader, path, nodes_max=NODES_MAX * LOG_ITEMS_MAX)
    try:
        return LogPage.model_validate(raw)
    except ValidationError as error:
        raise ReadError("no page of a log") from error


async def _take_in(runtime: Runtime, peer_id: UUID, page: LogPage) -> int:
    """Store a page and apply it, in one transaction; a page must bring us further."""
    async with transaction(runtime.sessions) as session:
        peer = await session.get(Peer, peer_id)
        lane = await session.get(PeerInbox, peer_id, with_for_update=True)
        if peer is None or lane is None:
            raise ReadError("no such peer")
        before = lane.applied_seq
        at = Step(session, runtime, peer, page.epoch)
        checked = [await _checked(at, item) for item in page.items]
        await inbox.store_all(session, checked)
        # Numbers that were pruned are not waited for.
        lane.applied_seq = max(before, min(page.oldest - 1, page.items[-1].seq))
        progress = await inbox.process(session, runtime, peer_id)
        if lane.applied_seq <= before:
            raise ReadError("the page fills no gap")
        lane.pull_failures = 0
        return progress.applied


async def _checked(at: Step, item: LogItem) -> tuple[VerifiedMessage, str]:
    """Check an item as if it had been posted to us; what we refuse keeps its place as refused."""
    verified = verified_from_log(at.peer, item.body, seq=item.seq, epoch=at.epoch)
    try:
        entry = await entry_for(at, verified.content.activity)
        document: Any = entry.read(verified.content.activity)
        await entry.check(at, verified, document)
    except RefusedError as error:
        activity = verified.content.activity
        await remember_unusable(replace(at, sha256=object_hash(activity)), activity)
        return verified, error.problem.code
    return verified, ""


async def _rest(runtime: Runtime, peer_id: UUID) -> None:
    async with transaction(runtime.sessions) as session:
        lane = await session.get(PeerInbox, peer_id, with_for_update=True)
        if lane is None:
            return
        step = min(lane.pull_failures, len(PULL_AGAIN_SECONDS) - 1)
        lane.pull_after = clock.now() + timedelta(seconds=PULL_AGAIN_SECONDS[step])
        lane.pull_failures += 1

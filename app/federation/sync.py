"""Catching up: a peer's log, read again after a gap; and ours, served to it.

Reading a log after a number says that everything up to it has arrived, so it acknowledges.
An answer is signed together with the request that it answers.
"""

from collections.abc import Sequence
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
from app.federation.peers.discovery import clients_of
from app.federation.peers.identity import Identity, our_identity
from app.federation.peers.keyring import Accepted, accepted_keys, prove_answer
from app.federation.registry import entry_for
from app.federation.verification import VerifiedMessage, VerifiedReader, verified_from_log
from app.federation.wire.context import ACTIVITY_JSON
from app.federation.wire.limits import NODES_MAX
from app.federation.wire.log import LOG_ITEMS_MAX, LogItem, LogPage
from app.federation.wire.problems import RefusedError
from app.infra import clock
from app.infra.database import transaction
from app.infra.http_client import OutboundError, Outgoing, call, policy_of
from app.infra.runtime import Runtime
from app.infra.signatures import HttpAnswer, HttpMessage, SignatureRefusedError
from app.infra.strict_json import StrictJsonError, parse_json
from app.models.federation import (
    Delivery,
    DeliveryState,
    FederationEvent,
    Peer,
    PeerInbox,
    PeerOutbox,
    PeerState,
)

PAGE_BYTES_MAX = 900_000
PAGES_MAX = 500
PULL_AGAIN_SECONDS = (5, 15, 60, 300, 900, 3600)
_log = structlog.get_logger(__name__)


class PullError(Exception):
    """A page of a peer's log could not be had, or is not what it must be."""


async def log_page(
    session: AsyncSession, runtime: Runtime, reader: VerifiedReader, after: int, limit: int
) -> bytes:
    """Return what we sent this peer after a number, and note that all before has arrived."""
    ours = await our_identity(session, runtime)
    outbox = await session.get(PeerOutbox, reader.peer.id, with_for_update=True)
    last = outbox.last_seq if outbox is not None else 0
    if outbox is not None:
        await _acknowledge(session, outbox, min(after, last))
    rows = (
        await session.exec(
            select(col(Delivery.seq), col(FederationEvent.body))
            .join(FederationEvent, col(FederationEvent.id) == col(Delivery.event_id))
            .where(col(Delivery.peer_id) == reader.peer.id, col(Delivery.seq) > after)
            .order_by(col(Delivery.seq))
            .limit(limit)
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
    return b'{"epoch":"%b","items":[%b],"last":%d}' % (ours.epoch.encode(), b",".join(items), last)


async def _acknowledge(session: AsyncSession, outbox: PeerOutbox, upto: int) -> None:
    now = clock.now()
    await session.execute(
        update(Delivery)
        .where(
            col(Delivery.peer_id) == outbox.peer_id,
            col(Delivery.state) == DeliveryState.PENDING,
            col(Delivery.seq) <= upto,
        )
        .values(state=DeliveryState.SENT, sent_at=now)
    )
    outbox.acknowledged_seq = max(outbox.acknowledged_seq, upto)
    outbox.acknowledged_at = now
    if outbox.failures:
        outbox.failures, outbox.last_failure, outbox.next_attempt_at = 0, "", now
    if upto >= outbox.last_seq:
        outbox.nudged_at, outbox.next_attempt_at = None, now


async def silent_peers(session: AsyncSession) -> Sequence[UUID]:
    """List active peers of whom nothing has come yet: their logs are worth reading."""
    statement = (
        select(col(PeerInbox.peer_id))
        .join(Peer, col(Peer.id) == col(PeerInbox.peer_id))
        .where(
            col(Peer.state) == PeerState.ACTIVE,
            col(PeerInbox.last_message_at).is_(None),
            col(PeerInbox.pull_after) <= clock.now(),
        )
    )
    return (await session.exec(statement)).all()


async def pull(runtime: Runtime, peer_id: UUID) -> int:
    """Read a peer's log from where we are to its end; answers how many messages were applied."""
    applied = 0
    for _ in range(PAGES_MAX):
        try:
            page = await _next_page(runtime, peer_id)
            if page is None or not page.items:
                break  # nothing, or no more
            applied += await _take_in(runtime, peer_id, page)
        except (PullError, RefusedError) as error:
            _log.warning("pull failed", peer=str(peer_id), error=str(error)[:200])
            await _rest(runtime, peer_id)
            break
    return applied


async def _next_page(runtime: Runtime, peer_id: UUID) -> LogPage | None:
    async with transaction(runtime.sessions) as session:
        ours = await our_identity(session, runtime, peer_id)
        peer = await session.get(Peer, peer_id)
        lane = await session.get(PeerInbox, peer_id)
        if peer is None or lane is None or peer.state != PeerState.ACTIVE:
            return None
        if lane.pull_after > clock.now():
            return None
        after = lane.applied_seq
        accepted = await accepted_keys(session, peer_id)
    page = await _fetch(runtime, ours, (peer, accepted), after)
    async with transaction(runtime.sessions) as session:
        await inbox.take_up_epoch(session, peer_id, page.epoch)
        await session.execute(
            update(PeerInbox)
            .where(col(PeerInbox.peer_id) == peer_id)
            .values(last_message_at=clock.now())
        )
    return page


async def _fetch(
    runtime: Runtime, ours: Identity, of: tuple[Peer, Accepted], after: int
) -> LogPage:
    peer, accepted = of
    url = f"{peer.origin}/fed/v1/log?after={after}&limit={LOG_ITEMS_MAX}"
    asked = HttpMessage("GET", url, [("Accept", ACTIVITY_JSON)])
    client = clients_of(runtime).of(peer.origin)
    try:
        policy_of(runtime).check_url(url)
        headers = ours.sign(asked)
        sent = HttpMessage("GET", url, list(headers.items()))
        answer = await call(client, Outgoing("GET", url, headers))
        if answer.status != 200:
            raise PullError(f"status {answer.status}")
        signed = HttpAnswer(answer.status, answer.header_lines, answer.body, sent)
        prove_answer(signed, accepted)
        return LogPage.model_validate(parse_json(answer.body, nodes_max=NODES_MAX * LOG_ITEMS_MAX))
    except (OutboundError, SignatureRefusedError, StrictJsonError, ValidationError) as error:
        raise PullError(getattr(error, "detail", type(error).__name__)) from error


async def _take_in(runtime: Runtime, peer_id: UUID, page: LogPage) -> int:
    """Store a page and apply it, in one transaction; a page must bring us further."""
    async with transaction(runtime.sessions) as session:
        peer = await session.get(Peer, peer_id)
        before = await _applied(session, peer_id)
        if peer is None:
            raise PullError("no such peer")
        at = Step(session, runtime, peer, page.epoch)
        checked = [await _checked(at, item) for item in page.items]
        await inbox.store_all(session, checked)
        progress = await inbox.process(session, runtime, peer_id)
        if await _applied(session, peer_id) <= before:
            raise PullError("the page fills no gap")
        await session.execute(
            update(PeerInbox).where(col(PeerInbox.peer_id) == peer_id).values(pull_failures=0)
        )
        return progress.applied


async def _checked(at: Step, item: LogItem) -> tuple[VerifiedMessage, str]:
    """Check an item as if it had been posted to us; what we refuse keeps its place as refused."""
    verified = verified_from_log(at.peer, item.body, seq=item.seq, epoch=at.epoch)
    try:
        entry = await entry_for(at, verified.content.activity)
        document: Any = entry.read(verified.content.activity)
        await entry.check(at, verified, document)
    except RefusedError as error:
        return verified, error.problem.code
    return verified, ""


async def _applied(session: AsyncSession, peer_id: UUID) -> int:
    statement = select(PeerInbox.applied_seq).where(PeerInbox.peer_id == peer_id)
    return (await session.exec(statement)).one()


async def _rest(runtime: Runtime, peer_id: UUID) -> None:
    async with transaction(runtime.sessions) as session:
        lane = await session.get(PeerInbox, peer_id, with_for_update=True)
        if lane is None:
            return
        step = min(lane.pull_failures, len(PULL_AGAIN_SECONDS) - 1)
        lane.pull_after = clock.now() + timedelta(seconds=PULL_AGAIN_SECONDS[step])
        lane.pull_failures += 1

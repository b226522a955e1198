"""Delivering to peers: one lane each, in order, one message in flight, patient for ever.

    deliver_due ── claims lanes that have mail (a lease of a minute, SKIP LOCKED)
        └─ _run_lane ── loads a batch → sends it in order → writes down what became of it
                         └─ a failure ends the lane until its next attempt (the breaker)

The rows in PostgreSQL are the queue: a worker that dies leaves a lease that runs out, and a
message that was sent but not noted is sent again and recognised by its id. Lanes that go well,
lanes that are being tried again and those of peers that were silent for a week have separate
places, so a thousand dead peers delay nobody.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, exists, func, or_, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.federation.peers.clocks import ahead_of_us
from app.federation.peers.discovery import clients_of
from app.federation.peers.health import UNREACHABLE_AFTER
from app.federation.peers.identity import Identity, our_identity
from app.federation.peers.lanes import epoch_of, our_tally
from app.federation.rounds import back_off, go_round, retry_after
from app.federation.wire.context import ACTIVITY_JSON
from app.federation.wire.problems import BY_TYPE
from app.federation.wire.tallies import SYNC_HEADER, write_tally
from app.infra import clock
from app.infra.database import transaction
from app.infra.http_client import Answer, OutboundError, Outgoing, call, policy_of
from app.infra.runtime import Runtime
from app.infra.signatures import HttpMessage
from app.infra.strict_json import StrictJsonError, parse_json
from app.models.federation import (
    Delivery,
    DeliveryState,
    FederationEvent,
    Peer,
    PeerOutbox,
    PeerState,
)

LEASE = timedelta(seconds=60)
BATCH_MAX = 50
# With more than this waiting, the newest message is a nudge and the peer reads the log itself:
# pages of two hundred instead of one round trip a message.
PUSHED_MAX = 20
NUDGE_PATIENCE = timedelta(seconds=30)
CLOCK_SECONDS = 15
CLOCK_SECONDS_MAX = 300
DAY = timedelta(days=1)
ANSWER_BYTES_MAX = 65_536
PROBLEM_JSON = "application/problem+json"
_log = structlog.get_logger(__name__)


class Lanes(Enum):
    """How it goes with a lane; the value is how many of the kind run at once in a process."""

    WELL = 16
    TRIED = 4  # the last attempt failed, or there was none yet
    SILENT = 2  # for a week: tried once a day


class Verdict(Enum):
    """What an answer means for a message."""

    SENT = "sent"
    FINAL = "final"
    LATER = "later"
    STOP = "stop"


@dataclass(frozen=True)
class Result:
    """What became of one attempt."""

    verdict: Verdict
    status: int | None = None
    code: str = ""
    retry_after: timedelta | None = None
    # How far their clock is ahead of ours, when that is why they refuse us.
    clock_ahead: timedelta | None = None


@dataclass(frozen=True)
class Mail:
    """A message as it waits for a peer."""

    delivery_id: int
    seq: int | None
    body: bytes
    activity_id: str


@dataclass(frozen=True)
class Batch:
    """What a lane sends next."""

    peer: Peer
    ours: Identity
    mails: Sequence[Mail]
    epoch: str
    tally: str
    nudge: bool = False


async def deliver_due(runtime: Runtime, write_mail: Callable[[], Awaitable[int]]) -> int:
    """Write and send all that is due; answers how much was written and taken by peers.

    New mail for other peers is written and begun while a slow peer is still being waited for.
    """

    async def run(peer_id: UUID) -> int:
        return await _run_lane(runtime, peer_id)

    async def claim(places: int, kind: Lanes) -> list[UUID]:
        return await _claim(runtime, places, kind)

    async def rest(peer_id: UUID) -> None:
        async with transaction(runtime.sessions) as session:
            if (lane := await session.get(PeerOutbox, peer_id, with_for_update=True)) is not None:
                _back_off(lane, Result(Verdict.LATER, code="failed"))

    return await go_round({kind: kind.value for kind in Lanes}, claim, run, rest, write_mail)


async def _claim(runtime: Runtime, places: int, kind: Lanes) -> list[UUID]:
    """Take the lease of lanes that have mail and are due."""
    now = clock.now()
    due = (
        select(PeerOutbox.peer_id)
        .join(Peer, col(Peer.id) == col(PeerOutbox.peer_id))
        .where(
            col(PeerOutbox.next_attempt_at) <= now,
            col(PeerOutbox.leased_until) <= now,
            col(Peer.state) != PeerState.BLOCKED,
            _of_kind(kind),
            exists().where(col(Delivery.peer_id) == col(PeerOutbox.peer_id), _sendable()),
        )
        .order_by(col(PeerOutbox.next_attempt_at))
        .limit(places)
        .with_for_update(skip_locked=True, of=PeerOutbox)
    )
    async with transaction(runtime.sessions) as session:
        peer_ids = list((await session.exec(due)).all())
        await session.execute(
            update(PeerOutbox)
            .where(col(PeerOutbox.peer_id).in_(peer_ids))
            .values(leased_until=now + LEASE)
        )
    return peer_ids


def _of_kind(kind: Lanes) -> ColumnElement[bool]:
    failing = col(PeerOutbox.failures) > 0
    if kind is Lanes.WELL:
        return ~failing & col(PeerOutbox.last_success_at).is_not(None)
    heard = func.greatest(col(PeerOutbox.last_success_at), col(PeerOutbox.acknowledged_at))
    silent = func.coalesce(heard, col(PeerOutbox.epoch_at)) < clock.now() - UNREACHABLE_AFTER
    if kind is Lanes.SILENT:
        return failing & silent
    return (failing & ~silent) | (~failing & col(PeerOutbox.last_success_at).is_(None))


def _sendable() -> ColumnElement[bool]:
    """Pending mail that the peer's state lets out: needs only to active peers."""
    return (col(Delivery.state) == DeliveryState.PENDING) & or_(
        col(Delivery.seq).is_(None), col(Peer.state) == PeerState.ACTIVE
    )


async def _run_lane(runtime: Runtime, peer_id: UUID) -> int:
    """Send a peer what waits for it, until nothing does or it fails."""
    sent = 0
    try:
        while (batch := await _load(runtime, peer_id)) is not None:
            results = await _send(runtime, batch)
            sent += sum(result.verdict is Verdict.SENT for result in results)
            await _note(runtime, batch, results)
            if batch.nudge or results[-1].verdict in {Verdict.LATER, Verdict.STOP}:
                break
    finally:
        async with transaction(runtime.sessions) as session:
            await session.execute(
                update(PeerOutbox)
                .where(col(PeerOutbox.peer_id) == peer_id)
                .values(leased_until=clock.now())
            )
    return sent


async def _load(runtime: Runtime, peer_id: UUID) -> Batch | None:
    """Read what to send next and keep the lease."""
    async with transaction(runtime.sessions) as session:
        ours = await our_identity(session, runtime, peer_id)
        outbox = await session.get(PeerOutbox, peer_id, with_for_update=True)
        peer = await session.get(Peer, peer_id)
        if outbox is None or peer is None or outbox.next_attempt_at > clock.now():
            return None
        outbox.leased_until = clock.now() + LEASE
        waiting = await _pending(session, peer_id, BATCH_MAX)
        ordered = [mail for mail in waiting if mail.seq is not None]
        batch = Batch(peer, ours, waiting, epoch_of(outbox, ours), write_tally(our_tally(outbox)))
        if outbox.failures:
            return replace(batch, mails=waiting[:1]) if waiting else None
        if len(ordered) <= PUSHED_MAX:
            return batch if waiting else None
        return await _plan_backlog(session, outbox, batch)


async def _plan_backlog(session: AsyncSession, outbox: PeerOutbox, whole: Batch) -> Batch | None:
    """Nudge once, wait for the peer to read the log, push when it does not."""
    now = clock.now()
    if outbox.nudged_at is None:
        newest = await _newest(session, outbox.peer_id)
        letters = [mail for mail in whole.mails if mail.seq is None]
        return replace(whole, mails=[*letters, newest], nudge=True)
    heard = max(outbox.nudged_at, outbox.acknowledged_at or outbox.nudged_at)
    if now - heard < NUDGE_PATIENCE:
        outbox.next_attempt_at = heard + NUDGE_PATIENCE
        return None
    return whole


async def _pending(session: AsyncSession, peer_id: UUID, limit: int) -> list[Mail]:
    statement = _mail_of(peer_id).order_by(col(Delivery.seq).nulls_first(), col(Delivery.id))
    rows = (await session.exec(statement.limit(limit))).all()
    return [Mail(int(row[0]), *row[1:]) for row in rows if row[0]]


async def _newest(session: AsyncSession, peer_id: UUID) -> Mail:
    statement = _mail_of(peer_id).order_by(col(Delivery.seq).desc().nulls_last()).limit(1)
    row = (await session.exec(statement)).one()
    return Mail(int(row[0] or 0), *row[1:])


def _mail_of(peer_id: UUID):  # type: ignore[no-untyped-def]  # noqa: ANN202 - SQLModel's Select
    return (
        select(Delivery.id, Delivery.seq, FederationEvent.body, FederationEvent.activity_id)
        .join(FederationEvent, col(FederationEvent.id) == col(Delivery.event_id))
        .join(Peer, col(Peer.id) == col(Delivery.peer_id))
        .where(Delivery.peer_id == peer_id, _sendable())
    )


async def _send(runtime: Runtime, batch: Batch) -> list[Result]:
    """Send mails in order, one in flight; stops at the first that does not get through."""
    results = []
    for mail in batch.mails:
        result = await _attempt(runtime, batch, mail)
        if result.code == "signature-invalid":
            result = await _attempt(runtime, batch, mail)  # signed anew, once
        results.append(result)
        if result.verdict in {Verdict.LATER, Verdict.STOP}:
            break
    return results


async def _attempt(runtime: Runtime, batch: Batch, mail: Mail) -> Result:
    lines = [("Content-Type", ACTIVITY_JSON)]
    if mail.seq is not None:
        lines.append(("Ma-Seq", f'{mail.seq};epoch="{batch.epoch}"'))
        lines.append((SYNC_HEADER, batch.tally))
    message = HttpMessage("POST", batch.peer.inbox_url, lines, mail.body)
    client = clients_of(runtime).of(batch.peer.origin)
    try:
        policy_of(runtime).check_url(message.url)
        headers = batch.ours.sign(message, about=mail.activity_id)
        outgoing = Outgoing("POST", message.url, headers, mail.body)
        return judge(await call(client, outgoing, bytes_max=ANSWER_BYTES_MAX))
    except OutboundError as error:
        _log.info("delivery failed", peer=str(batch.peer.id), error=error.detail[:200])
        return Result(Verdict.LATER, code="unreachable")


def judge(answer: Answer) -> Result:
    """Say what an answer means. Only a problem document is final: a firewall's page is not."""
    status, wait = answer.status, retry_after(answer)
    if 200 <= status < 300:
        return Result(Verdict.SENT, status)
    code = _problem_code(answer)
    if status in {429, 503} or not code:
        return Result(Verdict.LATER, status, code or f"status-{status}", wait)
    if status == 401:
        ahead = ahead_of_us(answer.header("date")) if code == "clock-skew" else None
        return Result(Verdict.LATER, status, code, clock_ahead=ahead)
    if status == 403:
        return Result(Verdict.STOP, status, code)
    if 400 <= status < 500:
        return Result(Verdict.FINAL, status, code)
    return Result(Verdict.LATER, status, code, wait)


def _problem_code(answer: Answer) -> str:
    if answer.media_type != PROBLEM_JSON:
        return ""
    try:
        document = parse_json(answer.body)
    except StrictJsonError:
        return ""
    kind = document.get("type") if isinstance(document, dict) else None
    if not isinstance(kind, str):
        return ""
    known = BY_TYPE.get(kind)
    return known.code if known else "unknown-problem"


async def _note(runtime: Runtime, batch: Batch, results: Sequence[Result]) -> None:
    """Write down what became of a batch, and when the lane may try again."""
    now = clock.now()
    async with transaction(runtime.sessions) as session:
        outbox = await session.get(PeerOutbox, batch.peer.id, with_for_update=True)
        if outbox is None:
            return
        for mail, result in zip(batch.mails, results, strict=False):
            await _note_mail(session, mail, result)
        last = results[-1]
        ahead = last.clock_ahead
        outbox.clock_offset_seconds = None if ahead is None else round(ahead.total_seconds())
        if last.verdict in {Verdict.SENT, Verdict.FINAL}:
            outbox.failures, outbox.last_failure, outbox.last_success_at = 0, "", now
            if batch.nudge:
                outbox.nudged_at, outbox.next_attempt_at = now, now + NUDGE_PATIENCE
            return
        if any(result.verdict is Verdict.SENT for result in results):
            outbox.failures, outbox.last_success_at = 0, now
        _back_off(outbox, last)


def _back_off(outbox: PeerOutbox, result: Result) -> None:
    now = clock.now()
    outbox.failures += 1
    outbox.last_failure, outbox.last_failure_at = result.code, now
    outbox.next_attempt_at = now + pause(outbox, result)


async def _note_mail(session: AsyncSession, mail: Mail, result: Result) -> None:
    states = {Verdict.SENT: DeliveryState.SENT, Verdict.FINAL: DeliveryState.DEAD}
    if result.verdict is Verdict.FINAL:
        _log.warning("message refused", delivery_id=mail.delivery_id, code=result.code)
    await session.execute(
        update(Delivery)
        .where(col(Delivery.id) == mail.delivery_id)
        .values(
            state=states.get(result.verdict, DeliveryState.PENDING),
            attempts=col(Delivery.attempts) + 1,
            last_status=result.status,
            last_code=result.code,
            sent_at=clock.now() if result.verdict is Verdict.SENT else None,
        )
    )


def pause(outbox: PeerOutbox, result: Result) -> timedelta:
    """Return how long a lane rests after a failure: longer each time, never for ever."""
    heard = [at for at in (outbox.last_success_at, outbox.acknowledged_at) if at is not None]
    long_dead = clock.now() - max(heard, default=outbox.epoch_at) > UNREACHABLE_AFTER
    if result.verdict is Verdict.STOP or long_dead:
        return DAY
    if result.retry_after is not None:
        return result.retry_after
    if result.code == "clock-skew":
        # Somebody sets a clock, and then it works at once.
        return timedelta(seconds=min(CLOCK_SECONDS * outbox.failures, CLOCK_SECONDS_MAX))
    return back_off(outbox.failures)

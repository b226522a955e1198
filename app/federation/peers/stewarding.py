"""What stewards set about a peer beside the state: its limit, and why they decided so.

A limited peer stays connected. Its needs are kept up to date and shown only to those who look for
that instance, and no new claims go either way; what is under way goes on. It is not told of it;
whoever offers from there is told that offers are not taken.
"""

import contextlib
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.activity.actions import record
from app.domain.administration.actions import create_job
from app.errors import ConflictError, InvalidError, StaleError
from app.federation.peers import queries
from app.federation.peers.actions import propose_peering
from app.federation.peers.discovery import NotFoundAsPeerError
from app.federation.peers.introductions import introduce, take
from app.federation.peers.wishes import forget_wish
from app.infra import clock
from app.infra.runtime import Runtime
from app.models.administration import Job, JobState
from app.models.base import one_line
from app.models.federation import Delivery, DeliveryState, Peer, PeerInbox, PeerOutbox, PeerState

SYNC_JOB = "sync_peer"
NOTE_CHARACTERS_MAX = 1000


@dataclass(frozen=True)
class Setting:
    """What a steward changes; None leaves a thing as it is."""

    limited: bool | None = None
    note: str | None = None
    reason: str = ""


async def connect(
    session: AsyncSession,
    runtime: Runtime,
    actor: Actor,
    typed_origin: str,
    fingerprint: str = "",
) -> Peer:
    """Ask an instance to be our peer, and keep what it says of itself."""
    peer = await propose_peering(session, runtime, actor, typed_origin, fingerprint)
    with contextlib.suppress(NotFoundAsPeerError):
        take(peer, await introduce(runtime, peer.origin))
    await forget_wish(session, actor, peer.origin)
    return peer


async def set_peer(
    session: AsyncSession, actor: Actor, peer_id: UUID, wanted: Setting, version: int
) -> Peer:
    """Limit a peer, lift the limit, or write down why it stands where it stands."""
    await queries.get_view_for(session, actor, peer_id)
    peer = await queries.lock_peer(session, peer_id)
    if peer.version != version:
        raise StaleError("version_stale", extra={"version": peer.version})
    before = (peer.limited, peer.note)
    reason = one_line(wanted.reason)
    if wanted.limited is not None and wanted.limited != peer.limited:
        peer.limited = wanted.limited
        verb = "peer.limited" if peer.limited else "peer.unlimited"
        record(session, actor, verb, peer.id, **({"reason": reason} if reason else {}))
    if wanted.note is not None and wanted.note.strip() != peer.note:
        if len(wanted.note.strip()) > NOTE_CHARACTERS_MAX:
            raise InvalidError("peer_note_too_long")
        peer.note = wanted.note.strip()
        record(session, actor, "peer.noted", peer.id)
    if before != (peer.limited, peer.note):
        peer.version += 1
        await session.flush()
    return peer


async def order_sync(session: AsyncSession, actor: Actor, peer_id: UUID) -> Job:
    """Queue a sync with a peer; one that is under way already is the one that is meant."""
    view = await queries.get_view_for(session, actor, peer_id)
    if view.peer.state != PeerState.ACTIVE:
        raise ConflictError("peer_not_active")
    return await last_sync(session, peer_id, unfinished=True) or await create_job(
        session, actor, SYNC_JOB, {"peer_id": str(peer_id)}
    )


@dataclass(frozen=True)
class LaneMarks:
    """How far the two lanes of a peer are: what waits to go, what has been taken in."""

    waiting: int
    applied: int
    failing: bool

    def done_since(self, begun: "LaneMarks") -> tuple[int, int]:
        """Count what went to the peer and what came from it since."""
        sent = max(begun.waiting - self.waiting, 0)
        return sent, max(self.applied - begun.applied, 0)


async def wake_lanes(session: AsyncSession, peer_id: UUID) -> LaneMarks:
    """Let both lanes try at once, whatever they were waiting for."""
    now = clock.now()
    outbox = await session.get(PeerOutbox, peer_id, with_for_update=True, populate_existing=True)
    inbox = await session.get(PeerInbox, peer_id, with_for_update=True, populate_existing=True)
    if outbox is not None:
        outbox.next_attempt_at = now
    if inbox is not None:
        inbox.pull_after = inbox.repair_after = now
        inbox.manifest_due = True  # all that both hold is compared, not only what is new
    await session.flush()
    return await lanes_now(session, peer_id)


async def lanes_now(session: AsyncSession, peer_id: UUID) -> LaneMarks:
    """Say how far the lanes are."""
    outbox = await session.get(PeerOutbox, peer_id, populate_existing=True)
    inbox = await session.get(PeerInbox, peer_id, populate_existing=True)
    pending = select(func.count()).where(
        col(Delivery.peer_id) == peer_id, col(Delivery.state) == DeliveryState.PENDING
    )
    return LaneMarks(
        waiting=(await session.exec(pending)).one(),
        applied=inbox.applied_seq if inbox else 0,
        failing=bool((outbox and outbox.failures) or (inbox and inbox.pull_failures)),
    )


async def last_sync(
    session: AsyncSession, peer_id: UUID, *, unfinished: bool = False
) -> Job | None:
    """Return the newest sync with a peer that a steward asked for."""
    statement = (
        select(Job)
        .where(Job.kind == SYNC_JOB, col(Job.parameters)["peer_id"].astext == str(peer_id))
        .order_by(col(Job.created_at).desc(), col(Job.id).desc())
        .limit(1)
    )
    if unfinished:
        statement = statement.where(col(Job.state).in_((JobState.QUEUED, JobState.RUNNING)))
    return (await session.exec(statement)).first()


def takes_claims(peer: Peer) -> bool:
    """Whether new claims may go between a peer and us: not while the stewards limit it."""
    return not peer.limited

"""Sending posts to the servers of followers: one lane a server, and none of them delays a peer.

    deliver_due ── claims lanes that have mail (a lease, SKIP LOCKED)
        └─ _run_lane ── a few posts in order → each sent, and dropped from the queue or kept
                         └─ a failure ends the lane until its next attempt

How a server wants to be written to is found out by knocking twice: RFC 9421, and when that is not
understood, draft-cavage; what worked is remembered. A server that is silent for two weeks loses its
followers; they may follow again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

import httpx
import structlog
from sqlalchemy import delete, exists, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.federation.peers.discovery import clients_of
from app.federation.peers.identity import Identity, our_identity
from app.federation.public import followers
from app.federation.rounds import back_off, go_round, retry_after
from app.federation.wire.context import ACTIVITY_JSON
from app.infra import clock
from app.infra.database import transaction
from app.infra.http_client import OutboundError, Outgoing, call, guarded_client
from app.infra.public_signatures import sign_cavage, sign_rfc9421
from app.infra.runtime import Runtime
from app.infra.signatures import HttpMessage, SignatureRefusedError
from app.models.followers import Follower, PublicDelivery, PublicPost, RemoteServer, Scheme

SEND_JOB = "deliver_notes"
BATCH_MAX = 5
# Longer than a batch can take: two knocks each, ten seconds a knock.
LEASE = timedelta(seconds=120)
DEAD_AFTER = timedelta(days=14)
# A server that fails for long gets the newest of what waits; the rest is no news by then.
WAITING_MAX = 200
ANSWER_BYTES_MAX = 65_536
# Not understood, or not believed: the other way of signing may be.
KNOCK_AGAIN = frozenset({400, 401, 403})
# About this post, and for good. All else, a firewall's page too, may pass.
DROPPED = frozenset({400, 404, 405, 406, 409, 413, 415, 422})
GONE = 410
_log = structlog.get_logger(__name__)


class Lanes(Enum):
    """How it goes with a lane; the value is how many of the kind run at once in a process."""

    WELL = 8
    TRIED = 4  # the last attempt failed


@dataclass(frozen=True)
class Mail:
    """A post as it waits for an inbox."""

    delivery_id: int
    inbox_url: str
    body: bytes


@dataclass(frozen=True)
class Attempt:
    """What became of a post: answered with a status, or nothing came back."""

    status: int
    scheme: Scheme
    retry_after: timedelta | None = None

    @property
    def arrived(self) -> bool:
        """Whether the server has it."""
        return 200 <= self.status < 300

    @property
    def settled(self) -> bool:
        """Whether trying again would change nothing."""
        return self.arrived or self.status in DROPPED or self.status == GONE


async def deliver_due(runtime: Runtime) -> int:
    """Send all that is due; answers how many posts arrived."""

    async def run(origin: str) -> int:
        return await _run_lane(runtime, origin)

    async def claim(places: int, kind: Lanes) -> list[str]:
        return await _claim(runtime, places, kind)

    async def rest(origin: str) -> None:
        async with transaction(runtime.sessions) as session:
            if (
                server := await session.get(RemoteServer, origin, with_for_update=True)
            ) is not None:
                _back_off(server, "failed", None)

    return await go_round({kind: kind.value for kind in Lanes}, claim, run, rest)


async def _claim(runtime: Runtime, places: int, kind: Lanes) -> list[str]:
    now = clock.now()
    failing = col(RemoteServer.failures) > 0
    due = (
        select(RemoteServer.origin)
        .where(
            col(RemoteServer.next_attempt_at) <= now,
            col(RemoteServer.leased_until) <= now,
            failing if kind is Lanes.TRIED else ~failing,
            col(RemoteServer.origin).not_in(followers.blocked_origins()),
            exists().where(col(PublicDelivery.origin) == col(RemoteServer.origin)),
        )
        .order_by(col(RemoteServer.next_attempt_at))
        .limit(places)
        .with_for_update(skip_locked=True)
    )
    async with transaction(runtime.sessions) as session:
        origins = list((await session.exec(due)).all())
        await _lease(session, origins, now + LEASE)
    return origins


async def _lease(session: AsyncSession, origins: Sequence[str], until: datetime) -> None:
    await session.execute(
        update(RemoteServer).where(col(RemoteServer.origin).in_(origins)).values(leased_until=until)
    )


async def _run_lane(runtime: Runtime, origin: str) -> int:
    """Send a server what waits for it, a batch under each lease, until nothing does or it fails."""
    arrived = 0
    policy = clients_of(runtime).policy
    try:
        async with guarded_client(policy, connections_max=1) as client:
            while True:
                async with transaction(runtime.sessions) as session:
                    ours = await our_identity(session, runtime)
                    server = await session.get(RemoteServer, origin)
                    batch = await _batch(session, origin)
                    await _lease(session, [origin], clock.now() + LEASE)
                if server is None or not batch:
                    return arrived
                lane = _Lane(runtime, client, ours, server.scheme)
                going, sent = await lane.send(origin, batch)
                arrived += sent
                if not going:
                    return arrived
    finally:
        async with transaction(runtime.sessions) as session:
            await _lease(session, [origin], clock.now())


async def _batch(session: AsyncSession, origin: str) -> list[Mail]:
    statement = (
        select(col(PublicDelivery.id), col(PublicDelivery.inbox_url), col(PublicPost.body))
        .join(PublicPost, col(PublicPost.id) == col(PublicDelivery.post_id))
        .where(col(PublicDelivery.origin) == origin)
        .order_by(col(PublicDelivery.id))
        .limit(BATCH_MAX)
    )
    rows = (await session.exec(statement)).all()
    return [Mail(int(number or 0), inbox, body) for number, inbox, body in rows]


class _Lane:
    """The sending of one batch to one server."""

    def __init__(
        self, runtime: Runtime, client: httpx.AsyncClient, ours: Identity, scheme: Scheme
    ) -> None:
        self._runtime = runtime
        self._client = client
        self._ours = ours
        self._scheme = scheme

    async def send(self, origin: str, batch: Sequence[Mail]) -> tuple[bool, int]:
        """Send in order; answers whether the lane may go on, and how much arrived."""
        arrived = 0
        for mail in batch:
            attempt = await self._knock(mail)
            async with transaction(self._runtime.sessions) as session:
                await _note(session, origin, mail, attempt)
            arrived += attempt.arrived
            if not attempt.settled:
                return False, arrived
        return True, arrived

    async def _knock(self, mail: Mail) -> Attempt:
        """Try the way that is known to work, or one way and then the other."""
        if self._scheme is not Scheme.UNKNOWN:
            attempt = await self._post(mail, self._scheme)
            if attempt.status != 401:
                return attempt
        first = await self._post(mail, Scheme.RFC9421)
        if first.status not in KNOCK_AGAIN:
            self._scheme = Scheme.RFC9421 if first.arrived else self._scheme
            return first
        second = await self._post(mail, Scheme.CAVAGE)
        self._scheme = Scheme.CAVAGE if second.arrived else Scheme.UNKNOWN
        return second

    async def _post(self, mail: Mail, scheme: Scheme) -> Attempt:
        message = HttpMessage("POST", mail.inbox_url, [("Content-Type", ACTIVITY_JSON)], mail.body)
        sign = sign_cavage if scheme is Scheme.CAVAGE else sign_rfc9421
        try:
            headers = sign(self._ours.rsa_signer, message, now=clock.now())
            outgoing = Outgoing("POST", mail.inbox_url, headers, mail.body)
            answer = await call(self._client, outgoing, bytes_max=ANSWER_BYTES_MAX)
        except (OutboundError, SignatureRefusedError) as error:
            _log.info("post failed", error=error.detail[:200])
            return Attempt(0, Scheme.UNKNOWN)
        return Attempt(answer.status, scheme, retry_after(answer))


async def _note(session: AsyncSession, origin: str, mail: Mail, attempt: Attempt) -> None:
    """Write down what became of one post, and when its server may be tried again."""
    server = await session.get(RemoteServer, origin, with_for_update=True)
    if attempt.settled:
        gone = delete(PublicDelivery).where(col(PublicDelivery.id) == mail.delivery_id)
        await session.execute(gone)
    if attempt.status == GONE:
        await _let_go(session, mail.inbox_url)
    if server is None:
        return
    now = clock.now()
    if attempt.settled:
        server.failures, server.failing_since, server.last_failure = 0, None, ""
        server.last_success_at = now
        if attempt.arrived:
            server.scheme = attempt.scheme
        return
    failure = f"status-{attempt.status}" if attempt.status else "unreachable"
    _back_off(server, failure, attempt.retry_after)
    if attempt.status == 401:
        server.scheme = Scheme.UNKNOWN
    await _give_up_old(session, server, now)


def _back_off(server: RemoteServer, failure: str, wait: timedelta | None) -> None:
    now = clock.now()
    server.failures += 1
    server.failing_since = server.failing_since or now
    server.last_failure = failure
    server.next_attempt_at = now + (back_off(server.failures) if wait is None else wait)


async def _let_go(session: AsyncSession, inbox_url: str) -> None:
    """Drop the one follower whose inbox is no more; a shared inbox says nothing of its people."""
    await session.execute(
        delete(Follower).where(
            col(Follower.inbox_url) == inbox_url, col(Follower.shared_inbox_url).is_(None)
        )
    )
    await followers.drop_unwanted(session)


async def _give_up_old(session: AsyncSession, server: RemoteServer, now: datetime) -> None:
    """Keep a silent server's queue short, and let its people go after two weeks of silence."""
    if server.failing_since is not None and now - server.failing_since > DEAD_AFTER:
        _log.info("server given up", failures=server.failures)
        await session.delete(server)  # its followers and what waits go with it
        return
    of_server = col(PublicDelivery.origin) == server.origin
    newest = (
        select(col(PublicDelivery.id))
        .where(of_server)
        .order_by(col(PublicDelivery.id).desc())
        .limit(WAITING_MAX)
    )
    old = delete(PublicDelivery).where(of_server, col(PublicDelivery.id).not_in(newest))
    await session.execute(old)


async def forget_posts(session: AsyncSession) -> None:
    """Drop posts that have gone wherever they went."""
    waiting = select(PublicDelivery.post_id)
    await session.execute(delete(PublicPost).where(col(PublicPost.id).not_in(waiting)))

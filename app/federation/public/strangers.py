"""Asking a server who somebody is: seldom, bounded, and remembered only when it worked.

Every fetch that a stranger's message causes is counted under the origin that it names: ten a
minute, and one in five minutes when we hold a key already that did not fit. One at a time an
origin. Nothing is ever noted under an address of a key, which any sender could name to have it
refused later.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import structlog
from sqlalchemy import delete, func, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.federation.handlers.needs import plain_text
from app.federation.peers.discovery import clients_of
from app.federation.peers.identity import Identity
from app.federation.wire.context import ACTIVITY_JSON, ACTIVITY_MEDIA_TYPES, ACTIVITY_STREAMS
from app.federation.wire.problems import RATE_LIMIT, RefusedError
from app.federation.wire.strangers import StrangerActor, StrangerError, read_actor
from app.infra import clock
from app.infra.database import transaction
from app.infra.http_client import OutboundError, Outgoing, call, guarded_client
from app.infra.public_signatures import sign_cavage
from app.infra.runtime import Runtime
from app.infra.signatures import HttpMessage
from app.infra.strict_json import StrictJsonError, parse_json
from app.models.base import one_line
from app.models.followers import Follower, RemoteActor, StrangerFetch

FRESH_FOR = timedelta(days=1)
FETCH_AGAIN_AFTER = timedelta(minutes=5)
FETCHES_AN_ORIGIN = 10
FETCHES_A_MINUTE = 120
FETCHES_KEPT = timedelta(hours=1)
ACTORS_KEPT = 5_000
NAME_CHARACTERS_MAX = 200
ANSWER_BYTES_MAX = 262_144
ACCEPT = f'{ACTIVITY_JSON}, application/ld+json; profile="{ACTIVITY_STREAMS}"'
GONE = frozenset({404, 410})
# Taken while the counts are read and raised, so that a flood cannot slip between the two.
_FETCH_LOCK = 5_316_023
_ASKING = "public.asking"
_log = structlog.get_logger(__name__)


class StrangerGoneError(StrangerError):
    """Their own server says that there is no such actor."""


@asynccontextmanager
async def permission(runtime: Runtime, origin: str, *, again: bool) -> AsyncIterator[None]:
    """Take one of the few fetches that an origin can make us do, or refuse."""
    asking: set[str] = runtime.shared.setdefault(_ASKING, set())
    if origin in asking:
        raise RefusedError(RATE_LIMIT, "asking already", retry_after_seconds=30)
    asking.add(origin)
    try:
        async with transaction(runtime.sessions) as session:
            await _count_fetch(session, origin, again=again)
        yield
    finally:
        asking.discard(origin)


async def _count_fetch(session: AsyncSession, origin: str, *, again: bool) -> None:
    now = clock.now()
    await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _FETCH_LOCK})
    minute = col(StrangerFetch.at) > now - timedelta(minutes=1)
    of_origin = col(StrangerFetch.origin) == origin
    counts = select(func.count(), func.count().filter(of_origin)).where(minute)
    all_of_them, of_this = (await session.exec(counts)).one()
    if all_of_them >= FETCHES_A_MINUTE or of_this >= FETCHES_AN_ORIGIN:
        raise RefusedError(RATE_LIMIT, "fetches", retry_after_seconds=60)
    if again:
        lately = select(func.count()).where(
            of_origin,
            col(StrangerFetch.again),
            col(StrangerFetch.at) > now - FETCH_AGAIN_AFTER,
        )
        if (await session.exec(lately)).one():
            raise RefusedError(RATE_LIMIT, "fetched again just now", retry_after_seconds=300)
    session.add(StrangerFetch(origin=origin, again=again, at=now))


async def fetch_actor(runtime: Runtime, ours: Identity, url: str) -> StrangerActor:
    """Read an actor at its own address; signed, since careful servers answer nobody else."""
    asked = HttpMessage("GET", url, [("Accept", ACCEPT)])
    headers = sign_cavage(ours.rsa_signer, asked, now=clock.now())
    policy = clients_of(runtime).policy
    try:
        async with guarded_client(policy) as client:
            outgoing = Outgoing("GET", url, headers)
            answer = await call(client, outgoing, bytes_max=ANSWER_BYTES_MAX)
    except OutboundError as error:
        _log.info("actor not to be had", error=error.detail[:200])
        raise StrangerError("unreachable") from error
    if answer.status in GONE:
        raise StrangerGoneError("gone")
    if answer.status != 200 or answer.media_type not in ACTIVITY_MEDIA_TYPES:
        # The media type matters: somebody's uploaded file must not pass for an actor.
        raise StrangerError(f"{answer.status} {answer.media_type}")
    try:
        return read_actor(url, parse_json(answer.body))
    except StrictJsonError as error:
        raise StrangerError(error.code) from error


async def keep_actor(session: AsyncSession, found: StrangerActor) -> None:
    """Remember an actor whose signature has just been proven."""
    values = {
        "origin": found.origin,
        "inbox_url": found.inbox_url,
        "shared_inbox_url": found.shared_inbox_url,
        "name": readable_name(found.name),
        "keys": found.keys,
        "speaks_rfc9421": found.speaks_rfc9421,
        "fetched_at": clock.now(),
    }
    row = insert(RemoteActor).values(actor_url=found.actor_url, **values)
    await session.execute(row.on_conflict_do_update(index_elements=["actor_url"], set_=values))


def readable_name(name: str) -> str:
    """Return a name as one line of text: no markup, nothing that turns the reading direction."""
    return one_line(plain_text(name).replace("\x00", ""))[:NAME_CHARACTERS_MAX]


async def forget_old(session: AsyncSession) -> None:
    """Forget fetches of an hour ago, and actors that follow nobody here beyond a number."""
    now = clock.now()
    await session.execute(delete(StrangerFetch).where(col(StrangerFetch.at) < now - FETCHES_KEPT))
    kept = (
        select(RemoteActor.actor_url)
        .order_by(col(RemoteActor.fetched_at).desc())
        .limit(ACTORS_KEPT)
    )
    following = select(Follower.actor_url)
    await session.execute(
        delete(RemoteActor).where(
            col(RemoteActor.actor_url).not_in(kept), col(RemoteActor.actor_url).not_in(following)
        )
    )

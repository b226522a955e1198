"""Messages of servers that are no peers: a Follow, its Undo, and the end of an actor.

All else is answered 202 and leaves nothing behind: software of the fediverse tells its neighbours
of everything, and gives up on a server that objects. What has an effect is proven first and has it
once; none of it grants more than hearing of needs that everybody may read.
"""

from datetime import timedelta

import structlog
from sqlalchemy import delete, func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.federation.peers import queries
from app.federation.public import followers, strangers
from app.federation.public.proving import ProvenStranger, check_claim, prove
from app.federation.public.strangers import StrangerGoneError
from app.federation.verification import Received, check_envelope
from app.federation.wire import problems
from app.federation.wire.addresses import AddressError, origin_of
from app.federation.wire.context import NATIVE_CONTEXT
from app.federation.wire.problems import RefusedError
from app.federation.wire.strangers import Said, read_said
from app.infra import clock
from app.infra.database import transaction
from app.infra.public_signatures import Claim, is_tagged_for_peers
from app.infra.runtime import Runtime
from app.infra.strict_json import StrictJsonError, parse_json
from app.models.federation import PeerState
from app.models.followers import Follower, PublicMessage

REQUESTS_OF_STRANGERS = 10
REQUESTS_OF_FOLLOWERS = 120
# Longer than the longest life of a signature: later it is refused for its age.
MESSAGES_KEPT = timedelta(days=1)
_log = structlog.get_logger(__name__)


def is_for_peers(received: Received) -> bool:
    """Whether a message follows the profile for peers, or at least pretends to.

    What carries that profile's context is read by its strict rules, however it is signed.
    """
    if is_tagged_for_peers(received.header_lines):
        return True
    try:
        raw = parse_json(received.body)
    except StrictJsonError:
        return not received.header("signature")
    return isinstance(raw, dict) and raw.get("@context") == NATIVE_CONTEXT


async def receive(runtime: Runtime, received: Received) -> bool:
    """Take a message of the public surface; answers whether it had an effect.

    Raises RefusedError, and then nothing is stored.
    """
    check_envelope(runtime.origin, received)
    try:
        said = read_said(parse_json(received.body))
    except StrictJsonError as error:
        raise RefusedError(problems.MALFORMED, error.code) from error
    claim = check_claim(runtime, received, said)
    if said.origin == runtime.origin:
        raise RefusedError(problems.PRINCIPAL_MISMATCH, "ourselves")
    async with transaction(runtime.sessions) as session:
        await _check_blocked(session, said.origin)
    if said.kind == "Follow":
        return await _follow(runtime, received, said, claim)
    if _is_end(said):
        return await _end(runtime, received, said, claim)
    # Proven where that costs nothing, so that a forgery is told apart from what is not for us.
    await prove(runtime, received, said, claim, known_only=True)
    return False


def _is_end(said: Said) -> bool:
    """Whether a message ends a following: it is taken back, or the actor is no more."""
    if said.kind == "Delete":
        return said.object_id == said.actor_url
    return said.kind == "Undo" and said.object_kind in {"", "Follow"}


async def _check_blocked(session: AsyncSession, origin: str) -> None:
    peer = await queries.peer_by_origin(session, origin)
    if peer is not None and peer.state == PeerState.BLOCKED:
        raise RefusedError(problems.OBJECT_MISSING, "blocked")


async def _follow(runtime: Runtime, received: Received, said: Said, claim: Claim) -> bool:
    if said.object_id != f"{runtime.origin}/actor":
        raise RefusedError(problems.OBJECT_MISSING, "nobody of that address")
    _check_id(said)
    async with transaction(runtime.sessions) as session:
        if not await followers.are_welcome(session, runtime):
            raise RefusedError(problems.NOT_AUTHORISED, "nobody may follow")
        await _check_rate(session, said.origin)
        await followers.check_room(session, runtime, said.actor_url)
    try:
        proven = await prove(runtime, received, said, claim)
    except StrangerGoneError as error:
        raise RefusedError(problems.SIGNATURE_INVALID, "the actor is gone") from error
    if proven is None:
        return False
    async with transaction(runtime.sessions) as session:
        await _keep_fetched(session, proven)
        if not await _take_id(session, said):
            return False
        await followers.add(session, runtime, said, proven.actor)
    return True


async def _end(runtime: Runtime, received: Received, said: Said, claim: Claim) -> bool:
    """Let a follower go; of somebody who is none, nobody is asked who they are."""
    async with transaction(runtime.sessions) as session:
        follower = await session.get(Follower, said.actor_url)
    if follower is None:
        await prove(runtime, received, said, claim, known_only=True)
        return False
    if said.kind == "Undo":
        _check_id(said)
        names_it = said.object_id == follower.follow_id
        if not names_it and said.object_of != f"{runtime.origin}/actor":
            return False
    try:
        proven = await prove(runtime, received, said, claim)
    except StrangerGoneError:
        proven = None  # their own server says so: what was to be proven
    async with transaction(runtime.sessions) as session:
        if proven is not None:
            await _keep_fetched(session, proven)
        if said.kind == "Undo" and not await _take_id(session, said):
            return False
        await followers.remove(session, said.actor_url, forget=said.kind == "Delete")
    return True


def _check_id(said: Said) -> None:
    try:
        own = origin_of(said.activity_id) == said.origin
    except AddressError:
        own = False
    if not own:
        raise RefusedError(problems.PRINCIPAL_MISMATCH, "an id of another origin, or none")


async def _check_rate(session: AsyncSession, origin: str) -> None:
    """Bound what one server can have us do; more once somebody there follows us."""
    now = clock.now()
    recent = select(func.count()).where(
        col(PublicMessage.origin) == origin, col(PublicMessage.at) > now - timedelta(minutes=1)
    )
    known = await followers.count_of(session, origin)
    allowed = REQUESTS_OF_FOLLOWERS if known else REQUESTS_OF_STRANGERS
    if (await session.exec(recent)).one() >= allowed:
        raise RefusedError(problems.RATE_LIMIT, "messages", retry_after_seconds=60)


async def _take_id(session: AsyncSession, said: Said) -> bool:
    """Remember a message by its id; the second of one has no effect."""
    taken = await session.execute(
        insert(PublicMessage)
        .values(activity_id=said.activity_id, origin=said.origin, at=clock.now())
        .on_conflict_do_nothing()
        .returning(col(PublicMessage.activity_id))
    )
    return taken.first() is not None


async def _keep_fetched(session: AsyncSession, proven: ProvenStranger) -> None:
    if proven.fetched:
        await strangers.keep_actor(session, proven.actor)


async def forget_old(session: AsyncSession) -> None:
    """Forget messages that are refused for their age by now, and what strangers left."""
    limit = clock.now() - MESSAGES_KEPT
    await session.execute(delete(PublicMessage).where(col(PublicMessage.at) < limit))
    await strangers.forget_old(session)

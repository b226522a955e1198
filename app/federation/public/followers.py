"""Who follows: taken in, let go, counted. Nobody is shown who they are, only how many."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from app.domain.access import Actor
from app.domain.administration.queries import get_setting
from app.federation.public import posts
from app.federation.public.strangers import readable_name
from app.federation.wire.addresses import origin_of
from app.federation.wire.notes import AcceptFollow, FollowRef
from app.federation.wire.problems import RATE_LIMIT, RefusedError
from app.federation.wire.strangers import Said, StrangerActor
from app.infra import clock
from app.infra.ids import public_id
from app.infra.pagination import Page, cut_page, decode_cursor, encode_cursor
from app.infra.runtime import Runtime
from app.models.federation import Peer, PeerState
from app.models.followers import (
    Follower,
    PublicDelivery,
    PublicPost,
    RemoteActor,
    RemoteServer,
    Scheme,
)

# A steward's choice under this name counts more than the operator's setting.
PUBLIC_FOLLOW = "public_follow"
FULL_RETRY_SECONDS = 3_600


async def are_welcome(session: AsyncSession, runtime: Runtime) -> bool:
    """Whether this instance may be followed."""
    return bool(await get_setting(session, PUBLIC_FOLLOW, runtime.public_follow))


async def count(session: AsyncSession) -> int:
    """Count who follows."""
    return (await session.exec(select(func.count()).select_from(Follower))).one()


async def count_of(session: AsyncSession, origin: str) -> int:
    """Count who follows from one server."""
    statement = select(func.count()).where(col(Follower.origin) == origin)
    return (await session.exec(statement)).one()


async def check_room(session: AsyncSession, runtime: Runtime, actor_url: str) -> None:
    """Refuse one more follower than the instance wants to write to.

    One server takes three quarters of it at most: whoever makes actors there shuts nobody out.
    """
    if await session.get(Follower, actor_url) is not None:
        return
    share = runtime.followers_max - runtime.followers_max // 4
    full = await count(session) >= runtime.followers_max
    if full or await count_of(session, origin_of(actor_url)) >= share:
        raise RefusedError(RATE_LIMIT, "no room", retry_after_seconds=FULL_RETRY_SECONDS)


async def add(session: AsyncSession, runtime: Runtime, said: Said, actor: StrangerActor) -> None:
    """Take a follower in and tell them so; one who follows again gets the answer again."""
    server = insert(RemoteServer).values(
        origin=actor.origin,
        scheme=Scheme.RFC9421 if actor.speaks_rfc9421 else Scheme.UNKNOWN,
        failures=0,
        last_failure="",
        next_attempt_at=clock.now(),
        leased_until=clock.now(),
    )
    # Somebody there is alive: what waits for that server need not wait any longer.
    alive = {"next_attempt_at": clock.now(), "failures": 0, "failing_since": None}
    await session.execute(server.on_conflict_do_update(index_elements=["origin"], set_=alive))
    values = {
        "origin": actor.origin,
        "inbox_url": actor.inbox_url,
        "shared_inbox_url": actor.shared_inbox_url,
        "name": readable_name(actor.name),
        "follow_id": said.activity_id,
    }
    row = insert(Follower).values(actor_url=actor.actor_url, since=clock.now(), **values)
    await session.execute(row.on_conflict_do_update(index_elements=["actor_url"], set_=values))
    our_actor = f"{runtime.origin}/actor"
    answer = AcceptFollow(
        id=f"{runtime.origin}/activities/{public_id()}",
        actor=our_actor,
        to=(actor.actor_url,),
        object=FollowRef(id=said.activity_id, actor=actor.actor_url, object=our_actor),
    )
    await posts.write(session, answer, [(actor.origin, actor.inbox_url)])


async def remove(session: AsyncSession, actor_url: str, *, forget: bool = False) -> None:
    """Let a follower go, and what waited for them alone; `forget` also who they were."""
    gone = delete(Follower).where(col(Follower.actor_url) == actor_url)
    await session.execute(gone)
    if forget:
        await session.execute(delete(RemoteActor).where(col(RemoteActor.actor_url) == actor_url))
    await drop_unwanted(session)


async def drop_unwanted(session: AsyncSession) -> None:
    """Drop mail for inboxes that nobody follows from any more, servers and posts left over."""
    wanted = select(Follower.inbox_url).union(
        select(col(Follower.shared_inbox_url)).where(col(Follower.shared_inbox_url).is_not(None))
    )
    await session.execute(
        delete(PublicDelivery).where(col(PublicDelivery.inbox_url).not_in(wanted))
    )
    with_followers = select(Follower.origin)
    await session.execute(
        delete(RemoteServer).where(col(RemoteServer.origin).not_in(with_followers))
    )
    waiting = select(PublicDelivery.post_id)
    await session.execute(delete(PublicPost).where(col(PublicPost.id).not_in(waiting)))


@dataclass(frozen=True)
class ServerView:
    """A server with followers of ours, how many, and how much waits for it."""

    server: RemoteServer
    followers: int
    waiting: int


async def list_servers_for(
    session: AsyncSession, actor: Actor, limit: int, cursor: str | None
) -> Page[ServerView]:
    """List the servers that are written to, by origin; for stewards."""
    actor.require_steward()
    counted = (
        select(func.count())
        .where(col(Follower.origin) == col(RemoteServer.origin))
        .scalar_subquery()
    )
    waiting = (
        select(func.count())
        .where(col(PublicDelivery.origin) == col(RemoteServer.origin))
        .scalar_subquery()
    )
    statement = select(RemoteServer, counted, waiting).order_by(col(RemoteServer.origin))
    if cursor is not None:
        (after,) = decode_cursor(cursor, 1)
        statement = statement.where(col(RemoteServer.origin) > (after or ""))
    rows = (await session.exec(statement.limit(limit + 1))).all()
    views = [ServerView(server, people, mail) for server, people, mail in rows]
    return cut_page(views, limit, lambda view: encode_cursor(view.server.origin))


def blocked_origins() -> SelectOfScalar[str]:
    """Select the origins that the stewards have blocked: they are neither heard nor written to."""
    return select(Peer.origin).where(col(Peer.state) == PeerState.BLOCKED)


async def inboxes(session: AsyncSession) -> Sequence[tuple[str, str]]:
    """List where a post goes: once a server, where it has one inbox for all of its people."""
    inbox = func.coalesce(Follower.shared_inbox_url, Follower.inbox_url)
    statement = (
        select(col(Follower.origin), inbox)
        .where(col(Follower.origin).not_in(blocked_origins()))
        .distinct()
        .order_by(col(Follower.origin), inbox)
    )
    return [(origin, url) for origin, url in (await session.exec(statement)).all()]

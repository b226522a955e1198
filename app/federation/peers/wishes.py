"""Addresses that did not answer when a steward wanted to connect: we keep asking, and tell.

Nothing is proposed on its own: a key must be compared by people, so the wish ends with word to
the stewards that somebody answers there by now.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import SYSTEM, Actor
from app.domain.activity.actions import record
from app.errors import LimitedError
from app.federation.peers.actions import origin_typed
from app.federation.peers.discovery import NotFoundAsPeerError, discover
from app.infra import clock, ids
from app.infra.database import transaction
from app.infra.runtime import Runtime
from app.models.peers import PeerWish

WISHES_MAX = 50
TRIED_AT_ONCE = 4
AGAIN_AFTER_MINUTES = (1, 5, 15, 60, 180, 360)
KEPT = timedelta(days=30)


async def wish_for(
    session: AsyncSession, runtime: Runtime, actor: Actor, typed_origin: str
) -> PeerWish:
    """Remember an address that does not answer, to be asked again."""
    actor.require_steward()
    origin, now = origin_typed(runtime, typed_origin), clock.now()
    known = await session.get(PeerWish, origin, with_for_update=True)
    if known is not None:
        return known
    if len(await list_wishes(session, actor)) >= WISHES_MAX:
        raise LimitedError("peer_wishes_full")
    await session.execute(
        insert(PeerWish)
        .values(
            origin=origin,
            account_id=actor.account_id,
            tries=1,
            last_try_at=now,
            next_try_at=now + timedelta(minutes=AGAIN_AFTER_MINUTES[0]),
            created_at=now,
        )
        .on_conflict_do_nothing()
    )
    return (await session.exec(select(PeerWish).where(PeerWish.origin == origin))).one()


async def list_wishes(session: AsyncSession, actor: Actor) -> Sequence[PeerWish]:
    """List what we are waiting for, the oldest first; for stewards."""
    actor.require_steward()
    statement = select(PeerWish).order_by(col(PeerWish.created_at), col(PeerWish.origin))
    return (await session.exec(statement.execution_options(populate_existing=True))).all()


async def forget_wish(session: AsyncSession, actor: Actor, origin: str) -> None:
    """Wait for an address no longer."""
    actor.require_steward()
    await session.execute(delete(PeerWish).where(col(PeerWish.origin) == origin))


async def seek(runtime: Runtime) -> int:
    """Ask the addresses that are due whether somebody answers by now; answers how many do."""
    now = clock.now()
    async with transaction(runtime.sessions) as session:
        await session.execute(delete(PeerWish).where(col(PeerWish.created_at) < now - KEPT))
        due = (
            select(PeerWish.origin)
            .where(col(PeerWish.answered_at).is_(None), col(PeerWish.next_try_at) <= now)
            .order_by(col(PeerWish.next_try_at))
            .limit(TRIED_AT_ONCE)
        )
        origins = (await session.exec(due)).all()
    return sum(await asyncio.gather(*(_seek(runtime, origin) for origin in origins)))


async def _seek(runtime: Runtime, origin: str) -> int:
    try:
        await discover(runtime, origin)
    except NotFoundAsPeerError:
        answers = False
    else:
        answers = True
    async with transaction(runtime.sessions) as session:
        wish = await session.get(PeerWish, origin, with_for_update=True)
        if wish is None or wish.answered_at is not None:
            return 0
        now = clock.now()
        step = min(wish.tries, len(AGAIN_AFTER_MINUTES) - 1)
        wish.tries, wish.last_try_at = wish.tries + 1, now
        wish.next_try_at = now + timedelta(minutes=AGAIN_AFTER_MINUTES[step])
        if answers:
            wish.answered_at = now
            record(session, SYSTEM, "peer.answered", ids.private_id(), origin=origin)
    return int(answers)

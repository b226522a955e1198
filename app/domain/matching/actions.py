"""What people do with matches: not for me, back again, an invitation."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor, Scope
from app.domain.activity.actions import record
from app.domain.matching import errors, queries
from app.domain.needs.queries import get_need_for, lock_need, require_need_side
from app.infra import clock
from app.models.matching import MatchDismissal, MatchInvitation
from app.models.needs import NeedState

INVITATIONS_A_DAY = 20
DAY = timedelta(days=1)


async def dismiss_need(session: AsyncSession, actor: Actor, need_id: UUID) -> None:
    """Keep a need off one's own board; a second time changes nothing."""
    account_id = actor.require(Scope.PROFILE_WRITE)
    need = await get_need_for(session, actor, need_id)
    row = insert(MatchDismissal).values(
        account_id=account_id, need_id=need.id, created_at=clock.now()
    )
    await session.execute(row.on_conflict_do_nothing())


async def restore_need(session: AsyncSession, actor: Actor, need_id: UUID) -> None:
    """Let a need come back to one's own board."""
    account_id = actor.require(Scope.PROFILE_WRITE)
    await session.execute(
        delete(MatchDismissal).where(
            col(MatchDismissal.account_id) == account_id, col(MatchDismissal.need_id) == need_id
        )
    )


async def invite_worker(
    session: AsyncSession, actor: Actor, need_id: UUID, account_id: UUID
) -> None:
    """Ask a worker who wants to be found, once per need, and not hundreds a day."""
    actor.require(Scope.NEEDS_WRITE)
    await require_need_side(session, actor, await get_need_for(session, actor, need_id))
    need = await lock_need(session, need_id)  # two at once would both be the twentieth
    if need.state != NeedState.OPEN or need.taken >= need.places:
        raise errors.need_not_open()
    if account_id == actor.account_id or not await queries.worker_to_invite(
        session, need, account_id
    ):
        raise errors.worker_not_found()
    if account_id in await queries.invited_to(session, need_id):
        raise errors.already_invited()
    if need.organisation_id is not None:
        sent = await queries.invitations_since(session, need.organisation_id, DAY)
        if sent >= INVITATIONS_A_DAY:
            raise errors.invitations_spent()
    session.add(
        MatchInvitation(need_id=need_id, account_id=account_id, invited_by=actor.account_id)
    )
    await session.flush()
    record(session, actor, "need.worker_invited", need_id, worker=str(account_id))

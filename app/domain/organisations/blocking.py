"""Blocks between an organisation and a person: each side's own, and each can be undone.

Whoever blocks takes the lock under which a worker's applications are judged, so an application
that is sent at the same moment comes either before the block or is refused by it.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import ALLOWED, Actor, Denied, Scope, enforce
from app.domain.activity.actions import record
from app.domain.identity import queries as identity
from app.domain.organisations import errors, policy, queries
from app.errors import ForbiddenError
from app.infra import clock
from app.models.identity import Account
from app.models.organisations import Block, BlockSide, Organisation

# The same name as in domain/claims: both wait for one another.
LOCK_WORKER = text("SELECT pg_advisory_xact_lock(hashtextextended('claims:' || :account_id, 0))")
# Why somebody cannot write to an organisation, by who of the two wants it so.
REFUSALS = {
    BlockSide.ORGANISATION: "blocked_by_organisation",
    BlockSide.PERSON: "organisation_blocked",
}


async def block_person(
    session: AsyncSession, actor: Actor, organisation_id: UUID, account_id: UUID
) -> None:
    """Let somebody no longer apply, ask or write to an organisation; what is live goes on."""
    await _as_owner(session, actor, organisation_id)
    if not await identity.accounts_by_id(session, [account_id]):
        raise errors.person_not_found()
    if await queries.membership(session, organisation_id, account_id) is not None:
        raise errors.member_already()
    await _keep(session, actor, organisation_id, account_id, BlockSide.ORGANISATION)
    record(session, actor, "organisation.person_blocked", organisation_id)


async def unblock_person(
    session: AsyncSession, actor: Actor, organisation_id: UUID, account_id: UUID
) -> None:
    """Undo a block by an organisation."""
    await _as_owner(session, actor, organisation_id)
    await _drop(session, organisation_id, account_id, BlockSide.ORGANISATION)


async def blocked_people(
    session: AsyncSession, actor: Actor, organisation_id: UUID
) -> Sequence[tuple[Block, Account]]:
    """List whom an organisation has blocked, to its owners and the stewards."""
    await _as_owner(session, actor, organisation_id)
    statement = (
        select(Block, Account)
        .where(
            Block.organisation_id == organisation_id,
            Block.side == BlockSide.ORGANISATION,
            Block.account_id == Account.id,
        )
        .order_by(col(Block.created_at), col(Block.account_id))
    )
    return (await session.exec(statement)).all()


async def block_organisation(session: AsyncSession, actor: Actor, organisation_id: UUID) -> None:
    """Hear nothing more of an organisation: its needs are not shown, matched or offered."""
    account_id = actor.require(Scope.PROFILE_WRITE)
    await queries.get_organisation_for(session, actor, organisation_id)
    if await queries.membership(session, organisation_id, account_id) is not None:
        raise errors.member_already()
    await _keep(session, actor, organisation_id, account_id, BlockSide.PERSON)


async def unblock_organisation(session: AsyncSession, actor: Actor, organisation_id: UUID) -> None:
    """Undo one's own block of an organisation."""
    account_id = actor.require(Scope.PROFILE_WRITE)
    await _drop(session, organisation_id, account_id, BlockSide.PERSON)


async def blocked_organisations(
    session: AsyncSession, account_id: UUID
) -> Sequence[tuple[Block, Organisation]]:
    """List which organisations somebody has blocked."""
    statement = (
        select(Block, Organisation)
        .where(
            Block.account_id == account_id,
            Block.side == BlockSide.PERSON,
            Block.organisation_id == Organisation.id,
        )
        .order_by(col(Block.created_at), col(Block.organisation_id))
    )
    return (await session.exec(statement)).all()


async def unheard_of(session: AsyncSession, account_id: UUID | None) -> list[UUID]:
    """Return the organisations whose needs somebody does not want to see."""
    if account_id is None:
        return []
    statement = select(Block.organisation_id).where(
        Block.account_id == account_id, Block.side == BlockSide.PERSON
    )
    return list((await session.exec(statement)).all())


async def kept_apart(session: AsyncSession, organisation_id: UUID, account_id: UUID) -> bool:
    """Say whether either of the two has blocked the other."""
    return organisation_id in await why_apart(session, account_id)


async def why_apart(session: AsyncSession, account_id: UUID | None) -> dict[UUID, Denied]:
    """Return by organisation why somebody cannot apply, ask or write there."""
    if account_id is None:
        return {}
    statement = select(Block.organisation_id, Block.side).where(Block.account_id == account_id)
    found: dict[UUID, Denied] = {}
    for organisation_id, side in (await session.exec(statement)).all():
        if side == BlockSide.ORGANISATION or organisation_id not in found:
            found[organisation_id] = Denied(REFUSALS[BlockSide(side)])
    return found


async def refuse_unwanted(
    session: AsyncSession, organisation_id: UUID | None, account_id: UUID
) -> None:
    """Refuse what an organisation would write to somebody who blocked it."""
    if organisation_id is None:
        return
    if await session.get(Block, (organisation_id, account_id, BlockSide.PERSON)) is not None:
        raise ForbiddenError("blocked_by_person")


async def refuse_blocked(
    session: AsyncSession, organisation_id: UUID | None, account_id: UUID | None
) -> None:
    """Refuse what a blocked person would send to an organisation, or what they blocked."""
    if organisation_id is None or account_id is None:
        return
    enforce((await why_apart(session, account_id)).get(organisation_id, ALLOWED))


async def _as_owner(session: AsyncSession, actor: Actor, organisation_id: UUID) -> None:
    actor.require(Scope.ORGANISATIONS_WRITE)
    await queries.get_organisation_for(session, actor, organisation_id)
    mine = await queries.membership(session, organisation_id, actor.account_id)
    if not policy.may_edit(actor, mine):
        raise errors.owner_required()


async def _keep(
    session: AsyncSession, actor: Actor, organisation_id: UUID, account_id: UUID, side: BlockSide
) -> None:
    await session.execute(LOCK_WORKER, {"account_id": str(account_id)})
    row = insert(Block).values(
        organisation_id=organisation_id, account_id=account_id, side=side,
        created_by=actor.account_id, created_at=clock.now(),
    )  # fmt: skip
    await session.execute(row.on_conflict_do_nothing())


async def _drop(
    session: AsyncSession, organisation_id: UUID, account_id: UUID, side: BlockSide
) -> None:
    gone = await session.execute(
        delete(Block)
        .where(
            col(Block.organisation_id) == organisation_id,
            col(Block.account_id) == account_id,
            col(Block.side) == side,
        )
        .returning(col(Block.side))
    )
    if gone.first() is None:
        raise errors.block_not_found()

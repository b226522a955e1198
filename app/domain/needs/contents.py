"""Reading what a need holds beside its own row: translations, proposed scopes, who is let in."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.models.claims import HOLDING_STATES, LIVE_STATES, Claim, ClaimKind, ClaimState
from app.models.needs import Need, NeedTranslation, ScopeProposal

SCOPING_STATES = tuple(state for state in LIVE_STATES if state != ClaimState.APPLIED)


async def translations_of(
    session: AsyncSession, need_ids: Sequence[UUID]
) -> dict[UUID, list[NeedTranslation]]:
    """Return the translations of several needs, each need's by language."""
    statement = (
        select(NeedTranslation)
        .where(col(NeedTranslation.need_id).in_(need_ids))
        .order_by(col(NeedTranslation.language))
    )
    found: dict[UUID, list[NeedTranslation]] = {}
    for row in (await session.exec(statement)).all():
        found.setdefault(row.need_id, []).append(row)
    return found


async def proposals_of(session: AsyncSession, need_id: UUID) -> Sequence[ScopeProposal]:
    """Return the scopes proposed for a need, newest first."""
    statement = (
        select(ScopeProposal)
        .where(ScopeProposal.need_id == need_id)
        .order_by(col(ScopeProposal.created_at).desc(), col(ScopeProposal.id))
    )
    return (await session.exec(statement)).all()


async def let_in(session: AsyncSession, actor: Actor, need_ids: Sequence[UUID]) -> set[UUID]:
    """Return the needs on which somebody was accepted: they may see how to reach who asks."""
    if actor.account_id is None or not need_ids:
        return set()
    statement = select(Claim.need_id).where(
        Claim.account_id == actor.account_id,
        col(Claim.need_id).in_(need_ids),
        col(Claim.state).in_(HOLDING_STATES),
    )
    return set((await session.exec(statement)).all())


async def takes_part(session: AsyncSession, actor: Actor, need: Need) -> bool:
    """Say whether somebody has, or had, a claim here: the worker's side of its history."""
    statement = select(Claim.id).where(
        Claim.need_id == need.id, Claim.account_id == actor.account_id
    )
    return (await session.exec(statement.limit(1))).first() is not None


async def holds_scoping(session: AsyncSession, actor: Actor, need: Need) -> bool:
    """Say whether somebody holds the scoping hour of a need."""
    statement = select(Claim.id).where(
        Claim.need_id == need.id,
        Claim.account_id == actor.account_id,
        Claim.kind == ClaimKind.SCOPING,
        col(Claim.state).in_(SCOPING_STATES),
    )
    return (await session.exec(statement.limit(1))).first() is not None


async def confirmed_workers(session: AsyncSession, need: Need) -> Sequence[Claim]:
    """Return the claims whose work was confirmed: who could keep running what was built."""
    statement = (
        select(Claim)
        .where(
            Claim.need_id == need.id,
            Claim.kind == ClaimKind.WORK,
            Claim.state == ClaimState.CONFIRMED,
        )
        .order_by(col(Claim.created_at), col(Claim.id))
    )
    return (await session.exec(statement)).all()


async def care_of(session: AsyncSession, need_id: UUID) -> Need | None:
    """Return the care need that follows a need."""
    return (await session.exec(select(Need).where(Need.care_of == need_id))).first()

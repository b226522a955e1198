"""Reading needs. `get_need_for` is the only door to one."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor, enforce
from app.domain.needs import errors
from app.domain.needs.filters import NeedFilters
from app.domain.needs.listing import (
    Facets,
    NeedPage,
    count_facets,
    count_needs,
    list_needs,
    skills_asked,
)
from app.domain.needs.policy import may_read, may_write
from app.domain.needs.walking import HIDDEN_COUNT_MAX
from app.domain.organisations.queries import membership
from app.models.claims import Claim, ClaimState
from app.models.needs import Audience, Need, NeedHistory, NeedState
from app.models.organisations import Membership

__all__ = [
    "HIDDEN_COUNT_MAX", "Facets", "NeedFilters", "NeedPage", "count_facets", "count_needs",
    "get_need_for", "has_claim_in", "history_of", "list_needs", "lock_need", "need_by_external_id",
    "need_membership", "require_need_side", "skills_asked",
]  # fmt: skip


async def get_need_for(session: AsyncSession, actor: Actor, need_id: UUID) -> Need:
    """Return a need that the asker may read."""
    need = await session.get(Need, need_id)
    if need is None:
        raise errors.need_not_found()
    own = await need_membership(session, actor, need)
    if not may_read(actor, need, own):
        gone = need.state in {NeedState.WITHDRAWN, NeedState.HELD}
        listed_once = gone and need.published_at is not None
        if listed_once and (need.audience == Audience.PUBLIC or actor.account_id):
            raise errors.need_withdrawn()
        raise errors.need_not_found()
    return need


async def need_membership(session: AsyncSession, actor: Actor, need: Need) -> Membership | None:
    """Return the asker's place in the organisation of a need."""
    if need.organisation_id is None:
        return None
    return await membership(session, need.organisation_id, actor.account_id)


async def require_need_side(session: AsyncSession, actor: Actor, need: Need) -> None:
    """Let only those pass who may act for the need's organisation."""
    enforce(may_write(actor, need, await need_membership(session, actor, need)))


async def lock_need(session: AsyncSession, need_id: UUID) -> Need:
    """Lock a need's row and read it anew; every change of its places waits here."""
    need = await session.get(Need, need_id, with_for_update=True, populate_existing=True)
    if need is None:
        raise errors.need_not_found()
    return need


async def need_by_external_id(
    session: AsyncSession, organisation_id: UUID, external_id: str
) -> Need | None:
    """Find an organisation's need by the id it has where it was imported from."""
    statement = select(Need).where(
        Need.organisation_id == organisation_id, Need.external_id == external_id
    )
    return (await session.exec(statement)).first()


async def has_claim_in(session: AsyncSession, need: Need, states: Sequence[ClaimState]) -> bool:
    """Say whether a need has a claim in one of the states."""
    statement = (
        select(Claim.id).where(Claim.need_id == need.id, col(Claim.state).in_(states)).limit(1)
    )
    return (await session.exec(statement)).first() is not None


async def history_of(session: AsyncSession, need_id: UUID) -> Sequence[NeedHistory]:
    """Return the moves of a need, oldest first."""
    statement = (
        select(NeedHistory).where(NeedHistory.need_id == need_id).order_by(col(NeedHistory.id))
    )
    return (await session.exec(statement)).all()

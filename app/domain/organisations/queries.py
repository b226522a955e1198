"""Reading organisations and memberships."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.models.organisations import Membership, Organisation


async def memberships_of(
    session: AsyncSession, account_id: UUID
) -> Sequence[tuple[Membership, Organisation]]:
    """List where a person belongs, by name."""
    statement = (
        select(Membership, Organisation)
        .where(
            Membership.account_id == account_id, Membership.organisation_id == Organisation.id
        )
        .order_by(col(Organisation.name))
    )
    return (await session.exec(statement)).all()


async def membership(
    session: AsyncSession, organisation_id: UUID, account_id: UUID | None
) -> Membership | None:
    """Return a person's place in an organisation, if they have one."""
    if account_id is None:
        return None
    return await session.get(Membership, (organisation_id, account_id))

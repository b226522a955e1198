"""Reading profiles."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.models.profiles import Profile, ProfileSkillRow

ProfileWithSkills = tuple[Profile, Sequence[ProfileSkillRow]]


async def profile_of(session: AsyncSession, account_id: UUID) -> ProfileWithSkills | None:
    """Return a worker's profile with its skills, best known first; None before there is one."""
    profile = await session.get(Profile, account_id)
    if profile is None:
        return None
    return profile, await skills_of(session, account_id)


async def lock_profile(session: AsyncSession, account_id: UUID) -> Profile | None:
    """Return a profile that nobody else changes until this transaction ends."""
    return await session.get(Profile, account_id, with_for_update=True, populate_existing=True)


async def skills_of(session: AsyncSession, account_id: UUID) -> Sequence[ProfileSkillRow]:
    statement = (
        select(ProfileSkillRow)
        .where(ProfileSkillRow.account_id == account_id)
        .order_by(col(ProfileSkillRow.level).desc(), col(ProfileSkillRow.slug))
    )
    return (await session.exec(statement)).all()


async def zone_of_account(session: AsyncSession, account_id: UUID) -> str | None:
    """Return the zone that a worker named; None where nobody said one."""
    profile = await session.get(Profile, account_id)
    return profile.time_zone if profile else None

"""Writing profiles."""

from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor, Scope
from app.domain.activity.actions import record
from app.domain.profiles import errors, queries
from app.domain.profiles.rules import profile_faults
from app.infra import clock
from app.infra.week import pack
from app.models.profiles import Profile, ProfileFields, ProfileSkillRow


async def save_profile(
    session: AsyncSession, actor: Actor, fields: ProfileFields, expected_version: int | None
) -> queries.ProfileWithSkills:
    """Replace one's own profile whole; the first time there is no version to expect."""
    account_id = actor.require(Scope.PROFILE_WRITE)
    faults = profile_faults(fields)
    if faults:
        raise errors.invalid(faults)
    profile = await _profile_to_write(session, account_id, expected_version)
    for name, value in fields.model_dump(exclude={"skills", "availability"}).items():
        setattr(profile, name, value)
    profile.availability = pack(fields.availability) if fields.availability else None
    profile.version += 1
    profile.updated_at = clock.now()
    await _replace_skills(session, account_id, fields)
    record(session, actor, "profile.saved", account_id)
    return profile, await queries.skills_of(session, account_id)


async def _profile_to_write(
    session: AsyncSession, account_id: UUID, expected_version: int | None
) -> Profile:
    # Made with version 0 where there is none: of two first savings at once, one waits here
    # and then finds the other's version.
    fresh = insert(Profile).values(account_id=account_id, version=0, updated_at=clock.now())
    await session.execute(fresh.on_conflict_do_nothing())
    profile = await queries.lock_profile(session, account_id)
    if profile is None:
        raise errors.stale()
    if expected_version is None and profile.version > 0:
        raise errors.version_required()
    if expected_version is not None and expected_version != profile.version:
        raise errors.stale()
    return profile


async def _replace_skills(session: AsyncSession, account_id: UUID, fields: ProfileFields) -> None:
    await session.execute(
        delete(ProfileSkillRow).where(col(ProfileSkillRow.account_id) == account_id)
    )
    session.add_all(
        ProfileSkillRow(account_id=account_id, slug=skill.slug, level=skill.level)
        for skill in fields.skills
    )
    await session.flush()  # the answer reads them back in their order

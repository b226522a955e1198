"""Reading what people are told, always as each of them may see it now."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.models.activity import Activity
from app.models.claims import Claim
from app.models.identity import Account
from app.models.needs import Need
from app.models.notifications import NoticeSettings
from app.models.organisations import Membership


@dataclass(frozen=True)
class Facts:
    """What an activity is about."""

    claim_id: UUID | None = None
    need_id: UUID | None = None
    organisation_id: UUID | None = None
    worker: UUID | None = None


def _named(activity: Activity, noun: str) -> UUID | None:
    """The object of this noun: the activity's own, or one that its details name."""
    if activity.noun == noun:
        return activity.object_id
    try:
        return UUID(str(activity.details.get(f"{noun}_id")))
    except ValueError:
        return None


async def facts_of(session: AsyncSession, activities: Sequence[Activity]) -> list[Facts | None]:
    """Return what each activity is about; None where its object is gone meanwhile."""
    claims = await _claims(session, {_named(each, "claim") for each in activities})
    needs = await _needs(
        session,
        {_named(each, "need") for each in activities}
        | {claim.need_id for claim in claims.values()},
    )
    return [_facts(each, claims, needs) for each in activities]


def _facts(
    activity: Activity, claims: dict[UUID, Claim], needs: dict[UUID, UUID | None]
) -> Facts | None:
    claim_id, need_id = _named(activity, "claim"), _named(activity, "need")
    organisation_id = _named(activity, "organisation")
    worker = None
    if claim_id is not None:
        claim = claims.get(claim_id)
        if claim is None:
            return None
        need_id, worker = claim.need_id, claim.account_id
    if need_id is not None:
        if need_id not in needs:
            return None
        organisation_id = needs[need_id]
    return Facts(claim_id, need_id, organisation_id, worker)


async def _claims(session: AsyncSession, ids: Collection[UUID | None]) -> dict[UUID, Claim]:
    wanted = {each for each in ids if each is not None}
    if not wanted:
        return {}
    found = await session.exec(select(Claim).where(col(Claim.id).in_(wanted)))
    return {claim.id: claim for claim in found}


async def _needs(session: AsyncSession, ids: Collection[UUID | None]) -> dict[UUID, UUID | None]:
    wanted = {each for each in ids if each is not None}
    if not wanted:
        return {}
    statement = select(Need.id, Need.organisation_id).where(col(Need.id).in_(wanted))
    return dict((await session.exec(statement)).all())


async def members_of(
    session: AsyncSession, organisation_ids: Collection[UUID]
) -> dict[UUID, list[UUID]]:
    """Return the members of some organisations."""
    if not organisation_ids:
        return {}
    statement = select(Membership.organisation_id, Membership.account_id).where(
        col(Membership.organisation_id).in_(organisation_ids)
    )
    members: dict[UUID, list[UUID]] = {}
    for organisation_id, account_id in (await session.exec(statement)).all():
        members.setdefault(organisation_id, []).append(account_id)
    return members


async def stewards(session: AsyncSession) -> list[UUID]:
    """Return those who look after the instance."""
    return list((await session.exec(select(Account.id).where(col(Account.steward)))).all())


async def accounts_alive(
    session: AsyncSession, account_ids: Collection[UUID]
) -> dict[UUID, Account]:
    """Return those of the accounts that exist and are not closed."""
    if not account_ids:
        return {}
    statement = select(Account).where(
        col(Account.id).in_(account_ids), col(Account.disabled_at).is_(None)
    )
    return {account.id: account for account in await session.exec(statement)}


async def settings_of(
    session: AsyncSession, account_ids: Collection[UUID]
) -> dict[UUID, NoticeSettings]:
    """Return how people want to be told; those who never said so are left out."""
    if not account_ids:
        return {}
    statement = select(NoticeSettings).where(col(NoticeSettings.account_id).in_(account_ids))
    return {each.account_id: each for each in await session.exec(statement)}

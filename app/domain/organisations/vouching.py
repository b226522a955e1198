"""Vouching: whose word frees an organisation of the review of what it publishes."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor, Scope
from app.domain.activity.actions import record
from app.domain.organisations import errors, queries
from app.infra import clock
from app.models.identity import Account
from app.models.organisations import (
    Membership,
    Organisation,
    OrganisationState,
    Vouch,
    VouchedBy,
)

VOUCHES_NEEDED = 2


async def vouches_of(
    session: AsyncSession, actor: Actor, organisation_id: UUID
) -> Sequence[tuple[Vouch, Account]]:
    """List who vouched, the first one first, to people who are signed in."""
    actor.signed_in()
    await queries.get_organisation_for(session, actor, organisation_id)
    statement = (
        select(Vouch, Account)
        .where(Vouch.organisation_id == organisation_id, Vouch.account_id == Account.id)
        .order_by(col(Vouch.created_at), col(Vouch.account_id))
    )
    return (await session.exec(statement)).all()


async def vouch(
    session: AsyncSession, actor: Actor, organisation_id: UUID, needed: int = VOUCHES_NEEDED
) -> Organisation:
    """Give one's word for an organisation; a second time changes nothing."""
    account_id = actor.require(Scope.ORGANISATIONS_WRITE)
    organisation = await queries.lock_organisation(session, organisation_id)
    await queries.get_organisation_for(session, actor, organisation_id)
    if organisation.state is not OrganisationState.ACCEPTED:
        raise errors.not_accepted()
    if await queries.membership(session, organisation_id, account_id) is not None:
        raise errors.vouch_for_own()
    if not await may_vouch(session, actor, organisation_id):
        raise errors.vouch_refused()
    if await session.get(Vouch, (organisation_id, account_id)) is None:
        row = Vouch(
            organisation_id=organisation_id, account_id=account_id, steward=actor.acts_as_steward
        )
        session.add(row)
        await session.flush()
    await _weigh(session, actor, organisation, needed)
    return organisation


async def vouch_on_accepting(
    session: AsyncSession, actor: Actor, organisation: Organisation
) -> None:
    """Let a steward who accepts an organisation say in the same breath that it is known."""
    account_id = actor.signed_in()
    if await session.get(Vouch, (organisation.id, account_id)) is None:
        session.add(Vouch(organisation_id=organisation.id, account_id=account_id, steward=True))
        await session.flush()
    if organisation.vouched_by not in {VouchedBy.BEFORE, VouchedBy.WORK, VouchedBy.STEWARDS}:
        # Its members are told that it was accepted: one notice for one decision.
        organisation.vouched_by = VouchedBy.STEWARDS
        organisation.vouched_at = organisation.vouched_at or clock.now()


async def take_back(
    session: AsyncSession, actor: Actor, organisation_id: UUID, needed: int = VOUCHES_NEEDED
) -> Organisation:
    """Take one's word back; what was published stays as it is."""
    account_id = actor.require(Scope.ORGANISATIONS_WRITE)
    organisation = await queries.lock_organisation(session, organisation_id)
    row = await session.get(Vouch, (organisation_id, account_id))
    if row is None:
        raise errors.vouch_not_found()
    await session.delete(row)
    await session.flush()
    await _weigh(session, actor, organisation, needed)
    return organisation


async def may_vouch(session: AsyncSession, actor: Actor, organisation_id: UUID) -> bool:
    """Stewards vouch, and members of organisations that are vouched for; nobody for their own."""
    if actor.account_id is None:
        return False
    if await queries.membership(session, organisation_id, actor.account_id) is not None:
        return False
    if actor.acts_as_steward:
        return True
    return await _stands_for_others(session, [actor.account_id]) > 0


async def vouch_for_work(session: AsyncSession, actor: Actor, organisation_id: UUID) -> None:
    """Note that an organisation has shown by its work who it is (the ledger's consequence)."""
    organisation = await queries.lock_organisation(session, organisation_id)
    if organisation.vouched_at is None and organisation.state is OrganisationState.ACCEPTED:
        _set(session, actor, organisation, VouchedBy.WORK)


async def _weigh(
    session: AsyncSession, actor: Actor, organisation: Organisation, needed: int
) -> None:
    """Bring what an organisation may do alone in line with the words given for it by now."""
    if organisation.vouched_by in {VouchedBy.BEFORE, VouchedBy.WORK}:
        return
    statement = select(Vouch).where(Vouch.organisation_id == organisation.id)
    given = (await session.exec(statement)).all()
    others = [row.account_id for row in given if not row.steward]
    if any(row.steward for row in given):
        how: VouchedBy | None = VouchedBy.STEWARDS
    elif others and await _stands_for_others(session, others) >= needed:
        how = VouchedBy.MEMBERS
    else:
        how = None
    if how != organisation.vouched_by:
        _set(session, actor, organisation, how)


async def _stands_for_others(session: AsyncSession, account_ids: Sequence[UUID]) -> int:
    """Count how many words stand beside each other: each of another person of another organisation.

    Only members of an organisation that is vouched for today count, and two words of one house
    are one: whoever runs it could make as many accounts as they like.
    """
    people = func.count(func.distinct(col(Membership.account_id)))
    houses = func.count(func.distinct(col(Membership.organisation_id)))
    statement = (
        select(func.least(people, houses))
        .where(
            Membership.organisation_id == Organisation.id,
            col(Membership.account_id).in_(account_ids),
            col(Organisation.vouched_at).is_not(None),
            col(Organisation.state) == OrganisationState.ACCEPTED,
        )
    )  # fmt: skip
    return int((await session.exec(statement)).one())


def _set(
    session: AsyncSession, actor: Actor, organisation: Organisation, how: VouchedBy | None
) -> None:
    before = organisation.vouched_at
    organisation.vouched_by = how
    organisation.vouched_at = (before or clock.now()) if how else None
    organisation.version += 1
    if before is None and how is not None:
        record(session, actor, "organisation.vouched", organisation.id, how=how.value)
    elif how is None:
        record(session, actor, "organisation.vouch_lost", organisation.id)

"""Writing organisations and memberships."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor, Scope
from app.domain.activity.actions import record
from app.domain.identity import queries as identity
from app.domain.organisations import errors, policy, queries, vouching
from app.domain.organisations.rules import check_move, free_slug, time_zone_known
from app.errors import ConflictError
from app.infra import clock, ids
from app.infra.text import links_in
from app.infra.week import pack
from app.models.identity import Account
from app.models.organisations import (
    MemberRole,
    Membership,
    Organisation,
    OrganisationFields,
    OrganisationState,
    Vouch,
    VouchedBy,
)

# They stand on every need: what somebody is called, and where they lead.
AS_READ = ("name", "site")


async def create_organisation(
    session: AsyncSession, actor: Actor, fields: OrganisationFields, *, settled: bool = False
) -> Organisation:
    """Propose an organisation; whoever proposes it is its first owner.

    `settled`: a steward accepts it in the same go, so no steward need be told that it waits.
    """
    account_id = actor.require(Scope.ORGANISATIONS_WRITE)
    _check_time_zone(fields.time_zone)
    taken = await queries.taken_slugs(session, [fields.name])
    organisation = Organisation(
        id=ids.public_id(),
        slug=free_slug(fields.name, taken),
        created_by=account_id,
        **_columns(fields.model_dump()),
    )
    session.add(organisation)
    await session.flush()  # the membership refers to it
    session.add(
        Membership(organisation_id=organisation.id, account_id=account_id, role=MemberRole.OWNER)
    )
    await session.flush()  # the answer tells the role, read from the row
    record(session, actor, "organisation.created", organisation.id, settled=settled)
    return organisation


async def add_accepted(
    session: AsyncSession, actor: Actor, described: Sequence[OrganisationFields]
) -> list[Organisation]:
    """Add organisations on the stewards' own word (an import), accepted from the start."""
    actor.require_steward()
    if not described:
        return []
    taken = await queries.taken_slugs(session, [fields.name for fields in described])
    added = []
    for fields in described:
        organisation = Organisation(
            id=ids.public_id(),
            slug=free_slug(fields.name, taken),
            state=OrganisationState.ACCEPTED,
            vouched_at=clock.now(),
            vouched_by=VouchedBy.STEWARDS,
            created_by=actor.account_id,
            **_columns(fields.model_dump()),
        )
        taken.add(organisation.slug)
        record(session, actor, "organisation.created", organisation.id, settled=True)
        added.append(organisation)
    session.add_all(added)
    await session.flush()  # needs of the same import refer to them
    if actor.account_id is not None:
        vouched = [
            Vouch(organisation_id=one.id, account_id=actor.account_id, steward=True)
            for one in added
        ]
        session.add_all(vouched)
    return added


async def accept_again(
    session: AsyncSession, actor: Actor, found: Sequence[Organisation]
) -> list[UUID]:
    """Accept what an import that was taken back had left as a proposal without members."""
    actor.require_steward()
    accepted = []
    for organisation in found:
        proposed = organisation.state is OrganisationState.PROPOSED
        if proposed and not await queries.count_members(session, organisation.id):
            organisation.state = OrganisationState.ACCEPTED
            organisation.vouched_at = organisation.vouched_at or clock.now()
            organisation.vouched_by = organisation.vouched_by or VouchedBy.STEWARDS
            organisation.version += 1
            record(session, actor, "organisation.accepted", organisation.id)
            accepted.append(organisation.id)
    return accepted


async def unaccept_empty(
    session: AsyncSession, actor: Actor, organisation_ids: Sequence[UUID]
) -> int:
    """Make proposals again of organisations without members and without needs to be seen."""
    undone = 0
    for organisation_id in organisation_ids:
        organisation = await queries.lock_organisation(session, organisation_id)
        members = await queries.count_members(session, organisation_id)
        if members or await queries.has_published_need(session, organisation_id):
            continue
        organisation.state = OrganisationState.PROPOSED
        organisation.version += 1
        record(session, actor, "organisation.changed", organisation_id)
        undone += 1
    return undone


async def change_organisation(
    session: AsyncSession,
    actor: Actor,
    organisation_id: UUID,
    changes: dict[str, Any],
    expected_version: int,
) -> Organisation:
    """Change the named fields, if nobody changed the organisation since the asker read it."""
    actor.require(Scope.ORGANISATIONS_WRITE)
    organisation = await queries.lock_organisation(session, organisation_id)
    await queries.get_organisation_for(session, actor, organisation_id)
    mine = await queries.membership(session, organisation_id, actor.account_id)
    if not policy.may_edit(actor, mine):
        raise errors.owner_required()
    if organisation.version != expected_version:
        raise errors.stale()
    if not changes:
        return organisation
    _check_time_zone(changes.get("time_zone", organisation.time_zone))
    _check_words(actor, organisation, changes)
    for name, value in _columns(changes).items():
        setattr(organisation, name, value)
    organisation.version += 1
    record(session, actor, "organisation.changed", organisation_id, fields=sorted(changes))
    return organisation


async def move_organisation(
    session: AsyncSession,
    actor: Actor,
    organisation_id: UUID,
    to: OrganisationState,
    reason: str,
    *,
    known: bool = False,
) -> Organisation:
    """Accept, decline or suspend: the stewards' decision, with a reason for those concerned.

    Accepting lets an organisation in; only `known` ("we know them") also vouches for it.
    """
    actor.require_steward()
    organisation = await queries.lock_organisation(session, organisation_id)
    before = organisation.state
    check_move(before, to)
    organisation.state = to
    organisation.state_reason = reason
    organisation.version += 1
    record(
        session,
        actor,
        f"organisation.{to.value}",
        organisation_id,
        from_state=before.value,
        reason=reason,
    )
    if known and to is OrganisationState.ACCEPTED:
        await vouching.vouch_on_accepting(session, actor, organisation)
    return organisation


async def add_member(
    session: AsyncSession,
    actor: Actor,
    organisation_id: UUID,
    handle: str,
    role: MemberRole,
    *,
    worker_owner: bool,
) -> tuple[Membership, Account]:
    """Take someone in by their handle."""
    await _lock_as_manager(session, actor, organisation_id)
    account = await identity.account_by_handle(session, handle)
    if account is None or account.disabled_at is not None or account.silent:
        raise errors.member_handle_unknown()  # a guest's account, or an asker's, is nobody's
    if await queries.membership(session, organisation_id, account.id) is not None:
        raise errors.member_already()
    if worker_owner and await queries.has_worker_owners(session, organisation_id):
        raise errors.worker_owner_decided()
    membership = Membership(
        organisation_id=organisation_id,
        account_id=account.id,
        role=role,
        worker_owner=worker_owner,
    )
    session.add(membership)
    _record_member(session, actor, "organisation.member_added", membership)
    return membership, account


async def change_member(
    session: AsyncSession,
    actor: Actor,
    organisation_id: UUID,
    account_id: UUID,
    *,
    role: MemberRole | None,
    worker_owner: bool | None,
) -> tuple[Membership, Account]:
    """Change what a member is; fields left out stay."""
    await _lock_as_manager(session, actor, organisation_id)
    membership = await _get_member(session, organisation_id, account_id)
    if role is MemberRole.MEMBER:
        await _keep_an_owner(session, membership)
    if role is not None:
        membership.role = role
    if worker_owner is not None and worker_owner != membership.worker_owner:
        if await queries.has_worker_owners(session, organisation_id):
            raise errors.worker_owner_decided()
        membership.worker_owner = worker_owner
    _record_member(session, actor, "organisation.member_changed", membership)
    return membership, await identity.get_account(session, account_id)


async def remove_member(
    session: AsyncSession, actor: Actor, organisation_id: UUID, account_id: UUID
) -> None:
    """Take someone out; anybody may leave, except the last owner."""
    if actor.require(Scope.ORGANISATIONS_WRITE) == account_id:
        await queries.lock_organisation(session, organisation_id)
        await queries.get_organisation_for(session, actor, organisation_id)
    else:
        await _lock_as_manager(session, actor, organisation_id)
    membership = await _get_member(session, organisation_id, account_id)
    await _keep_an_owner(session, membership)
    if await queries.is_of_cooperative(session, organisation_id, account_id):
        raise errors.exit_first()
    await session.delete(membership)
    _record_member(session, actor, "organisation.member_removed", membership)


async def _lock_as_manager(session: AsyncSession, actor: Actor, organisation_id: UUID) -> None:
    """Lock the organisation, so that its owners are counted once, and check who asks."""
    actor.require(Scope.ORGANISATIONS_WRITE)
    await queries.lock_organisation(session, organisation_id)
    await queries.get_organisation_for(session, actor, organisation_id)
    mine = await queries.membership(session, organisation_id, actor.account_id)
    members = await queries.count_members(session, organisation_id)
    if not policy.may_manage_members(actor, mine, members=members):
        raise errors.owner_required()


async def _get_member(session: AsyncSession, organisation_id: UUID, account_id: UUID) -> Membership:
    membership = await queries.membership(session, organisation_id, account_id)
    if membership is None:
        raise errors.member_not_found()
    return membership


async def _keep_an_owner(session: AsyncSession, membership: Membership) -> None:
    """Refuse to leave an organisation without anybody who could take others in."""
    if membership.role is not MemberRole.OWNER:
        return
    owners = await queries.count_members(session, membership.organisation_id, MemberRole.OWNER)
    if owners == 1:
        raise errors.last_owner()


def _record_member(session: AsyncSession, actor: Actor, verb: str, membership: Membership) -> None:
    record(
        session,
        actor,
        verb,
        membership.organisation_id,
        member=str(membership.account_id),
        role=membership.role.value,
        worker_owner=membership.worker_owner,
    )


def _columns(said: dict[str, Any]) -> dict[str, Any]:
    """Turn what was said into columns: a week of hours is kept as bits."""
    if "working_hours" not in said:
        return said
    week = said["working_hours"]
    return {**said, "working_hours": pack(week) if week else None}


def _check_words(actor: Actor, organisation: Organisation, changes: dict[str, Any]) -> None:
    """Keep the name and site of what nobody vouched for as stewards read them, and links out."""
    if not policy.stays_as_read(actor, organisation):
        return
    if any(changes.get(n, getattr(organisation, n)) != getattr(organisation, n) for n in AS_READ):
        raise ConflictError("organisation_was_reviewed")
    summary = changes.get("summary", "")
    if summary != organisation.summary and links_in(summary):
        raise errors.links_unvouched()


def _check_time_zone(name: str) -> None:
    if not time_zone_known(name):
        raise errors.time_zone_unknown()

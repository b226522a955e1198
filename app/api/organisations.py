"""Organisations and their members."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response, status

from app.api.dependencies import (
    DEFAULT_LIMIT,
    Caller,
    Cursor,
    Db,
    ExpectedVersion,
    Limit,
    OrganisationsWriter,
    ProfileWriter,
    SignedIn,
    Steward,
    set_next_link,
    set_version,
)
from app.api.routing import StrictRoute
from app.api.schemas.base import Listing
from app.api.schemas.organisations import (
    AnswerTimesShape,
    BlockedOrganisation,
    BlockedPerson,
    BlockInput,
    MemberChanges,
    MemberInput,
    MemberShape,
    OrganisationChanges,
    OrganisationMove,
    OrganisationShape,
    OwnBlockInput,
    VouchShape,
)
from app.domain.claims.answering import answer_times
from app.domain.organisations import actions, blocking, queries, vouching
from app.models.organisations import OrganisationFields, OrganisationState

router = APIRouter(prefix="/organisations", route_class=StrictRoute, tags=["organisations"])

own_router = APIRouter(prefix="/me/blocks", route_class=StrictRoute, tags=["organisations"])

StateFilter = Annotated[
    OrganisationState | Literal["any"], Query(description="A state, or `any`; accepted ones.")
]
TextFilter = Annotated[str, Query(max_length=200, description="Words of the name or summary.")]


@router.post("", status_code=status.HTTP_201_CREATED, operation_id="create_organisation")
async def create_organisation(
    body: OrganisationFields, actor: OrganisationsWriter, response: Response, db: Db
) -> OrganisationShape:
    """Propose an organisation; the stewards decide, the asker is its first owner."""
    organisation = await actions.create_organisation(db, actor, body)
    response.headers["Location"] = f"/api/v1/organisations/{organisation.id}"
    set_version(response, organisation.version)
    return OrganisationShape.of(await queries.get_organisation_for(db, actor, organisation.id))


@router.get("", operation_id="list_organisations")
async def list_organisations(
    *,
    actor: Caller,
    request: Request,
    response: Response,
    db: Db,
    state: StateFilter = OrganisationState.ACCEPTED,
    q: TextFilter = "",
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Listing[OrganisationShape]:
    """List organisations by name; those not accepted only to members and stewards."""
    wanted = queries.Wanted(None if state == "any" else state, q)
    page = await queries.list_organisations(db, actor, wanted, limit, cursor)
    set_next_link(request, response, page.next_cursor)
    return Listing(
        items=[OrganisationShape.of(view) for view in page.items], next_cursor=page.next_cursor
    )


@router.get("/{organisation_id}", operation_id="get_organisation")
async def get_organisation(
    organisation_id: UUID, actor: Caller, response: Response, db: Db
) -> OrganisationShape:
    """Return one organisation."""
    view = await queries.get_organisation_for(db, actor, organisation_id)
    set_version(response, view.organisation.version)
    shape = OrganisationShape.of(view)
    times = await answer_times(db, organisation_id)
    shape.answer_times = AnswerTimesShape.model_validate(times)
    return shape


@router.patch("/{organisation_id}", operation_id="change_organisation")
async def change_organisation(
    organisation_id: UUID,
    body: OrganisationChanges,
    actor: OrganisationsWriter,
    version: ExpectedVersion,
    response: Response,
    db: Db,
) -> OrganisationShape:
    """Change what an organisation says of itself."""
    changes = body.model_dump(exclude_unset=True)
    changed = await actions.change_organisation(db, actor, organisation_id, changes, version)
    set_version(response, changed.version)
    return OrganisationShape.of(await queries.get_organisation_for(db, actor, organisation_id))


@router.post("/{organisation_id}/transitions", operation_id="move_organisation")
async def move_organisation(
    organisation_id: UUID, body: OrganisationMove, actor: Steward, response: Response, db: Db
) -> OrganisationShape:
    """Accept, decline or suspend an organisation (stewards)."""
    moved = await actions.move_organisation(
        db, actor, organisation_id, body.to, body.reason, known=body.vouch
    )
    set_version(response, moved.version)
    return OrganisationShape.of(await queries.get_organisation_for(db, actor, organisation_id))


@router.get("/{organisation_id}/vouches", operation_id="list_vouches")
async def list_vouches(organisation_id: UUID, actor: SignedIn, db: Db) -> Listing[VouchShape]:
    """List who gave their word for an organisation, the first one first."""
    found = await vouching.vouches_of(db, actor, organisation_id)
    return Listing(items=[VouchShape.of(*each, actor.account_id) for each in found])


@router.post("/{organisation_id}/vouches", operation_id="vouch")
async def vouch(
    organisation_id: UUID, actor: OrganisationsWriter, response: Response, db: Db
) -> OrganisationShape:
    """Give one's word for an organisation; a second time changes nothing."""
    organisation = await vouching.vouch(db, actor, organisation_id)
    set_version(response, organisation.version)
    return OrganisationShape.of(await queries.get_organisation_for(db, actor, organisation_id))


@router.delete("/{organisation_id}/vouches", operation_id="take_vouch_back")
async def take_vouch_back(
    organisation_id: UUID, actor: OrganisationsWriter, response: Response, db: Db
) -> OrganisationShape:
    """Take one's word back; what the organisation has published stays."""
    organisation = await vouching.take_back(db, actor, organisation_id)
    set_version(response, organisation.version)
    return OrganisationShape.of(await queries.get_organisation_for(db, actor, organisation_id))


@router.get("/{organisation_id}/blocks", operation_id="list_blocked_people")
async def list_blocked_people(
    organisation_id: UUID, actor: OrganisationsWriter, db: Db
) -> Listing[BlockedPerson]:
    """List whom an organisation has blocked, to its owners and the stewards."""
    found = await blocking.blocked_people(db, actor, organisation_id)
    return Listing(items=[BlockedPerson.of(*each) for each in found])


@router.post(
    "/{organisation_id}/blocks",
    status_code=status.HTTP_204_NO_CONTENT,
    operation_id="block_person",
)
async def block_person(
    organisation_id: UUID, body: BlockInput, actor: OrganisationsWriter, db: Db
) -> None:
    """Take no applications, questions or messages from somebody any more (owners)."""
    await blocking.block_person(db, actor, organisation_id, body.account_id)


@router.delete(
    "/{organisation_id}/blocks/{account_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    operation_id="unblock_person",
)
async def unblock_person(
    organisation_id: UUID, account_id: UUID, actor: OrganisationsWriter, db: Db
) -> None:
    """Undo a block."""
    await blocking.unblock_person(db, actor, organisation_id, account_id)


@own_router.get("", operation_id="list_blocked_organisations")
async def list_blocked_organisations(actor: SignedIn, db: Db) -> Listing[BlockedOrganisation]:
    """List the organisations one does not want to hear of; nobody else sees it."""
    found = await blocking.blocked_organisations(db, actor.signed_in())
    return Listing(items=[BlockedOrganisation.of(*each) for each in found])


@own_router.post("", status_code=status.HTTP_204_NO_CONTENT, operation_id="block_organisation")
async def block_organisation(body: OwnBlockInput, actor: ProfileWriter, db: Db) -> None:
    """Hear nothing more of an organisation: no needs, no matches, no letters, no invitations."""
    await blocking.block_organisation(db, actor, body.organisation_id)


@own_router.delete(
    "/{organisation_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    operation_id="unblock_organisation",
)
async def unblock_organisation(organisation_id: UUID, actor: ProfileWriter, db: Db) -> None:
    """Hear of an organisation again."""
    await blocking.unblock_organisation(db, actor, organisation_id)


@router.get("/{organisation_id}/members", operation_id="list_members")
async def list_members(organisation_id: UUID, actor: SignedIn, db: Db) -> Listing[MemberShape]:
    """List the members, to members and stewards."""
    members = await queries.members_for(db, actor, organisation_id)
    return Listing(items=[MemberShape.of(member, account) for member, account in members])


@router.post(
    "/{organisation_id}/members",
    status_code=status.HTTP_201_CREATED,
    operation_id="add_member",
)
async def add_member(
    organisation_id: UUID, body: MemberInput, actor: OrganisationsWriter, db: Db
) -> MemberShape:
    """Take someone in (owners; a steward where there is no member)."""
    member, account = await actions.add_member(
        db, actor, organisation_id, body.handle, body.role, worker_owner=body.worker_owner
    )
    return MemberShape.of(member, account)


@router.patch("/{organisation_id}/members/{account_id}", operation_id="change_member")
async def change_member(
    organisation_id: UUID,
    account_id: UUID,
    body: MemberChanges,
    actor: OrganisationsWriter,
    db: Db,
) -> MemberShape:
    """Change a member's role or their place as worker-owner."""
    member, account = await actions.change_member(
        db, actor, organisation_id, account_id, role=body.role, worker_owner=body.worker_owner
    )
    return MemberShape.of(member, account)


@router.delete(
    "/{organisation_id}/members/{account_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    operation_id="remove_member",
)
async def remove_member(
    organisation_id: UUID, account_id: UUID, actor: OrganisationsWriter, db: Db
) -> None:
    """Take a member out, or leave."""
    await actions.remove_member(db, actor, organisation_id, account_id)

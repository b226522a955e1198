"""Needs: list, post, change, move."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response, status
from pydantic import ValidationError

from app.api.dependencies import (
    ClaimsReader,
    ClaimsWriter,
    Db,
    ExpectedVersion,
    NeedsReader,
    NeedsWriter,
    set_next_link,
    set_version,
)
from app.api.errors import field_errors, language_of
from app.api.need_shapes import history_shapes, need_shapes, proposal_shapes
from app.api.routing import StrictRoute
from app.api.schemas.base import Listing
from app.api.schemas.needs import (
    MaintenanceInput,
    NeedChanges,
    NeedFacets,
    NeedHistoryShape,
    NeedInput,
    NeedList,
    NeedQuery,
    NeedShape,
    ScopeDecision,
    ScopeProposalShape,
    TransitionInput,
)
from app.domain.access import Actor
from app.domain.needs import actions, closing, contents, queries, scoping, translating
from app.domain.needs.queries import NeedFilters
from app.errors import FieldError, InvalidError
from app.models.base import Language
from app.models.need_parts import ClosingFields, ProposalState, TranslationFields
from app.models.needs import Need, NeedFields, NeedState, ScopeFields

router = APIRouter(prefix="/needs", route_class=StrictRoute, tags=["needs"])


@router.get("", operation_id="list_needs")
async def list_needs(
    query: Annotated[NeedQuery, Query()],
    request: Request,
    response: Response,
    actor: NeedsReader,
    db: Db,
) -> NeedList:
    """List needs; without a filter those that can be taken now, soonest first."""
    filters = NeedFilters(**query.model_dump(exclude={"limit", "cursor"}))
    found = await queries.list_needs(db, actor, filters, query.limit, query.cursor)
    set_next_link(request, response, found.page.next_cursor)
    return NeedList(
        items=await need_shapes(db, actor, found.page.items, language_of(request)),
        next_cursor=found.page.next_cursor,
        hidden_by_language=found.hidden_by_language,
        total_estimate=found.total_estimate,
    )


@router.get("/facets", operation_id="count_need_facets")
async def count_need_facets(
    query: Annotated[NeedQuery, Query()], actor: NeedsReader, db: Db
) -> NeedFacets:
    """Count what each choice of a filter would leave, for the filters as they are now."""
    filters = NeedFilters(**query.model_dump(exclude={"limit", "cursor"}))
    found = await queries.count_facets(db, actor, filters)
    return NeedFacets.model_validate({**found.counts, "bounded": sorted(found.bounded)})


@router.post("", status_code=status.HTTP_201_CREATED, operation_id="post_need")
async def post_need(
    body: NeedInput, request: Request, response: Response, actor: NeedsWriter, db: Db
) -> NeedShape:
    """Write a draft; it is listed once moved through review to open."""
    need = await actions.post_need(db, actor, body.organisation_id, body.fields())
    response.headers["Location"] = f"/api/v1/needs/{need.id}"
    return await _answer(db, actor, need, request, response)


@router.get("/{need_id}", operation_id="get_need")
async def get_need(
    need_id: UUID, request: Request, response: Response, actor: NeedsReader, db: Db
) -> NeedShape:
    """Return one need."""
    need = await queries.get_need_for(db, actor, need_id)
    return await _answer(db, actor, need, request, response)


@router.patch("/{need_id}", operation_id="change_need")
async def change_need(
    need_id: UUID,
    body: NeedChanges,
    request: Request,
    response: Response,
    actor: NeedsWriter,
    db: Db,
    expected_version: ExpectedVersion,
) -> NeedShape:
    """Change a need from the version named by If-Match."""
    before = await queries.get_need_for(db, actor, need_id)
    changed = {**actions.said_of(before), **body.model_dump(exclude_unset=True)}
    try:
        fields = NeedFields(**changed)
    except ValidationError as error:
        raise InvalidError("validation_failed", errors=field_errors(error.errors())) from None
    need = await actions.change_need(db, actor, need_id, fields, expected_version)
    return await _answer(db, actor, need, request, response)


@router.post("/{need_id}/transitions", operation_id="move_need")
async def move_need(
    need_id: UUID,
    body: TransitionInput,
    request: Request,
    response: Response,
    actor: NeedsWriter,
    db: Db,
) -> NeedShape:
    """Move a need to another state; an impossible move says which are possible."""
    try:
        to = NeedState(body.to)
    except ValueError:
        expected = {"expected": ", ".join(NeedState)}
        errors = [FieldError("/to", "enum", expected)]
        raise InvalidError("validation_failed", errors=errors) from None
    need = await actions.move_need(db, actor, need_id, to, body.reason, body.version)
    return await _answer(db, actor, need, request, response)


@router.get("/{need_id}/history", operation_id="get_need_history")
async def get_need_history(need_id: UUID, actor: NeedsReader, db: Db) -> NeedHistoryShape:
    """Return the moves of a need; strangers see those from when it was shown, without reasons."""
    need = await queries.get_need_for(db, actor, need_id)
    return NeedHistoryShape(items=await history_shapes(db, actor, need))


@router.post("/{need_id}/renewal", operation_id="renew_need")
async def renew_need(
    need_id: UUID, request: Request, response: Response, actor: NeedsWriter, db: Db
) -> NeedShape:
    """Say that a need is still wanted: its age begins anew, and an expired one is open again."""
    need = await actions.renew_need(db, actor, need_id)
    return await _answer(db, actor, need, request, response)


@router.post("/{need_id}/closing", operation_id="close_need")
async def close_need(
    need_id: UUID,
    body: ClosingFields,
    request: Request,
    response: Response,
    actor: NeedsWriter,
    db: Db,
) -> NeedShape:
    """Close a need: what is handed over, and who keeps running what was built."""
    need = await closing.close_need(db, actor, need_id, body)
    return await _answer(db, actor, need, request, response)


@router.post("/{need_id}/maintenance", operation_id="answer_maintenance")
async def answer_maintenance(
    need_id: UUID,
    body: MaintenanceInput,
    request: Request,
    response: Response,
    actor: ClaimsWriter,
    db: Db,
) -> NeedShape:
    """Say yes or no to keeping running what one built; nobody else says it for them."""
    need = await closing.answer_maintenance(db, actor, need_id, agrees=body.agrees)
    return await _answer(db, actor, need, request, response)


@router.put("/{need_id}/translations/{language}", operation_id="put_need_translation")
async def put_need_translation(
    need_id: UUID,
    language: Language,
    body: TranslationFields,
    request: Request,
    response: Response,
    actor: NeedsWriter,
    db: Db,
    expected_version: ExpectedVersion,
) -> NeedShape:
    """Write a need's words in another language, from the version named by If-Match."""
    said = (body, expected_version)
    need = await translating.put_translation(db, actor, need_id, language, said)
    return await _answer(db, actor, need, request, response)


@router.delete("/{need_id}/translations/{language}", operation_id="remove_need_translation")
async def remove_need_translation(
    need_id: UUID,
    language: Language,
    request: Request,
    response: Response,
    actor: NeedsWriter,
    db: Db,
    expected_version: ExpectedVersion,
) -> NeedShape:
    """Take a translation away."""
    need = await translating.remove_translation(db, actor, need_id, language, expected_version)
    return await _answer(db, actor, need, request, response)


@router.get("/{need_id}/scope-proposals", operation_id="list_scope_proposals")
async def list_scope_proposals(
    need_id: UUID, actor: ClaimsReader, db: Db
) -> Listing[ScopeProposalShape]:
    """List the scopes proposed for a need: all for its members, one's own for others."""
    need = await queries.get_need_for(db, actor, need_id)
    own = await queries.need_membership(db, actor, need)
    everything = own is not None or actor.acts_as_steward
    rows = await contents.proposals_of(db, need.id)
    shown = [row for row in rows if everything or row.account_id == actor.account_id]
    return Listing(items=await proposal_shapes(db, shown))


@router.post(
    "/{need_id}/scope-proposals",
    status_code=status.HTTP_201_CREATED,
    operation_id="propose_scope",
)
async def propose_scope(
    need_id: UUID, body: ScopeFields, actor: ClaimsWriter, db: Db
) -> ScopeProposalShape:
    """Propose what a need is: whoever holds its scoping hour, or a steward."""
    proposal = await scoping.propose_scope(db, actor, need_id, body)
    (shape,) = await proposal_shapes(db, [proposal])
    return shape


@router.post("/{need_id}/scope-proposals/{proposal_id}/transitions", operation_id="decide_scope")
async def decide_scope(
    need_id: UUID, proposal_id: UUID, body: ScopeDecision, actor: NeedsWriter, db: Db
) -> ScopeProposalShape:
    """Take a proposed scope over into the need, or decline it with a reason."""
    ids, to = (need_id, proposal_id), ProposalState(body.to)
    proposal = await scoping.decide_scope(db, actor, ids, to, body.reason)
    (shape,) = await proposal_shapes(db, [proposal])
    return shape


async def _answer(
    db: Db, actor: Actor, need: Need, request: Request, response: Response
) -> NeedShape:
    await db.flush()  # what was just written is part of the answer
    set_version(response, need.version)
    (shape,) = await need_shapes(db, actor, [need], language_of(request))
    return shape

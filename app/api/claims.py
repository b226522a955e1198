"""Claims: apply, answer, log work, submit."""

from collections.abc import Sequence
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response, status

from app.api.dependencies import (
    DEFAULT_LIMIT,
    ClaimsReader,
    ClaimsWriter,
    Configuration,
    Cursor,
    Db,
    Limit,
    set_next_link,
    set_version,
)
from app.api.routing import StrictRoute
from app.api.schemas.base import Listing
from app.api.schemas.claims import ClaimShape, PanelShape, WorkLogShape
from app.api.schemas.needs import TransitionInput
from app.api.shapes import claim_shape, claim_shapes, panel_shape
from app.domain.claims import actions, clocks, panels, queries
from app.domain.claims.rules import ClaimLimits
from app.domain.needs.queries import get_need_for, require_need_side
from app.errors import FieldError, InvalidError
from app.models.claims import ClaimFields, ClaimState, WorkLogFields

ClaimStates = Annotated[
    Sequence[ClaimState], Query(max_length=len(ClaimState), description="Only in these states.")
]

ClaimOrder = Annotated[
    Literal["newest", "oldest"], Query(description="Oldest: who waits longest comes first.")
]


def claim_limits(settings: Configuration) -> ClaimLimits:
    """Return how much one worker may take on at once, as the operator set it."""
    return ClaimLimits(settings.claims_pending_max, settings.claims_live_max)


router = APIRouter(route_class=StrictRoute, tags=["claims"])


@router.get("/needs/{need_id}/claims", operation_id="list_need_claims")
async def list_need_claims(
    need_id: UUID,
    request: Request,
    response: Response,
    actor: ClaimsReader,
    db: Db,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Listing[ClaimShape]:
    """List the claims on a need, for the members of its organisation."""
    need = await get_need_for(db, actor, need_id)
    await require_need_side(db, actor, need)
    page = await queries.claims_of_need(db, need.id, limit, cursor)
    set_next_link(request, response, page.next_cursor)
    return Listing(items=await claim_shapes(db, actor, page.items), next_cursor=page.next_cursor)


@router.post(
    "/needs/{need_id}/claims", status_code=status.HTTP_201_CREATED, operation_id="submit_claim"
)
async def submit_claim(
    need_id: UUID,
    body: ClaimFields,
    response: Response,
    actor: ClaimsWriter,
    db: Db,
    settings: Configuration,
) -> ClaimShape:
    """Apply to a need; an instant need gives its place at once.

    A `scoping` claim offers an hour to find out what a need is whose skills are unknown.
    """
    claim = await actions.submit_claim(db, actor, need_id, body, claim_limits(settings))
    response.headers["Location"] = f"/api/v1/claims/{claim.id}"
    set_version(response, claim.version)
    return await claim_shape(db, actor, claim, await get_need_for(db, actor, need_id))


@router.get("/organisations/{organisation_id}/claims", operation_id="list_organisation_claims")
async def list_organisation_claims(
    organisation_id: UUID,
    request: Request,
    response: Response,
    actor: ClaimsReader,
    db: Db,
    state: ClaimStates = (),
    order: ClaimOrder = "newest",
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Listing[ClaimShape]:
    """List the claims on all needs of an organisation, for its members; by state when named."""
    wanted = queries.WantedClaims(tuple(state) or tuple(ClaimState), order == "oldest")
    page = await queries.claims_of_organisation(db, actor, organisation_id, wanted, limit, cursor)
    set_next_link(request, response, page.next_cursor)
    return Listing(items=await claim_shapes(db, actor, page.items), next_cursor=page.next_cursor)


@router.get("/me/claims", operation_id="list_my_claims")
async def list_my_claims(
    request: Request,
    response: Response,
    actor: ClaimsReader,
    db: Db,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Listing[ClaimShape]:
    """List one's own claims, newest first."""
    page = await queries.claims_of_worker(db, actor.signed_in(), limit, cursor)
    set_next_link(request, response, page.next_cursor)
    return Listing(items=await claim_shapes(db, actor, page.items), next_cursor=page.next_cursor)


@router.get("/claims/{claim_id}", operation_id="get_claim")
async def get_claim(claim_id: UUID, response: Response, actor: ClaimsReader, db: Db) -> ClaimShape:
    """Return a claim to its two parties."""
    view = await queries.get_claim_for(db, actor, claim_id)
    set_version(response, view.claim.version)
    return await claim_shape(db, actor, view.claim, view.need)


@router.post("/claims/{claim_id}/transitions", operation_id="move_claim")
async def move_claim(
    claim_id: UUID,
    body: TransitionInput,
    response: Response,
    actor: ClaimsWriter,
    db: Db,
    settings: Configuration,
) -> ClaimShape:
    """Move a claim; an impossible move says which are possible.

    Moving a dispute to `panel_review` draws two members who are no party to decide.
    """
    try:
        to = ClaimState(body.to)
    except ValueError:
        expected = {"expected": ", ".join(ClaimState)}
        errors = [FieldError("/to", "enum", expected)]
        raise InvalidError("validation_failed", errors=errors) from None
    limits = claim_limits(settings)
    view = await actions.move_claim(db, actor, claim_id, to, body.reason, limits)
    set_version(response, view.claim.version)
    return await claim_shape(db, actor, view.claim, view.need)


@router.post("/claims/{claim_id}/heartbeat", operation_id="keep_claim")
async def keep_claim(claim_id: UUID, response: Response, actor: ClaimsWriter, db: Db) -> ClaimShape:
    """Say "I am still on it": the clock of one's own claim begins again."""
    view = await clocks.heartbeat(db, actor, claim_id)
    set_version(response, view.claim.version)
    return await claim_shape(db, actor, view.claim, view.need)


@router.get("/me/panels", operation_id="list_my_panels")
async def list_my_panels(actor: ClaimsReader, db: Db) -> Listing[PanelShape]:
    """List the panels that wait for one's decision, the most urgent first."""
    found = await panels.panels_of(db, actor)
    return Listing(items=[await panel_shape(db, view) for view in found])


@router.get("/panels/{panel_id}", operation_id="get_panel")
async def get_panel(panel_id: UUID, actor: ClaimsReader, db: Db) -> PanelShape:
    """Return a panel on which one sits, with all that is needed to decide."""
    return await panel_shape(db, await panels.get_panel_for(db, actor, panel_id))


@router.post(
    "/panels/{panel_id}/refusal",
    status_code=status.HTTP_204_NO_CONTENT,
    operation_id="decline_seat",
)
async def decline_seat(panel_id: UUID, actor: ClaimsWriter, db: Db) -> None:
    """Give one's seat on a panel up; somebody else is drawn."""
    await panels.decline_seat(db, actor, panel_id)


@router.get("/claims/{claim_id}/work-logs", operation_id="list_work_logs")
async def list_work_logs(claim_id: UUID, actor: ClaimsReader, db: Db) -> Listing[WorkLogShape]:
    """List the work logged on a claim, by day."""
    view = await queries.get_claim_for(db, actor, claim_id)
    logs = await queries.work_logs_of(db, view.claim.id)
    return Listing(items=[WorkLogShape.model_validate(log) for log in logs])


@router.post(
    "/claims/{claim_id}/work-logs", status_code=status.HTTP_201_CREATED, operation_id="log_work"
)
async def log_work(
    claim_id: UUID, body: WorkLogFields, actor: ClaimsWriter, db: Db
) -> WorkLogShape:
    """Log work done on a day."""
    return WorkLogShape.model_validate(await actions.log_work(db, actor, claim_id, body))


@router.delete(
    "/claims/{claim_id}/work-logs/{log_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    operation_id="delete_work_log",
)
async def delete_work_log(claim_id: UUID, log_id: UUID, actor: ClaimsWriter, db: Db) -> None:
    """Take back a work log that nobody has confirmed."""
    await actions.delete_work_log(db, actor, claim_id, log_id)

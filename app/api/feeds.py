"""Saved searches: what somebody looks for, and how often they hear of something new."""

from uuid import UUID

from fastapi import APIRouter, Response, status

from app.api.dependencies import Db, ExpectedVersion, InPerson, set_version
from app.api.routing import StrictRoute
from app.api.schemas.base import Listing
from app.api.schemas.feeds import SavedSearchChange, SavedSearchShape
from app.domain.feeds import actions, queries
from app.models.feeds import SearchFields

router = APIRouter(prefix="/me/saved-searches", route_class=StrictRoute, tags=["saved searches"])


@router.get("", operation_id="list_saved_searches")
async def list_saved_searches(actor: InPerson, db: Db) -> Listing[SavedSearchShape]:
    """List one's saved searches, newest first; there are fifty at most."""
    found = await queries.list_searches(db, actor)
    return Listing(items=[SavedSearchShape.of(search) for search in found])


@router.post("", status_code=status.HTTP_201_CREATED, operation_id="save_search")
async def save_search(
    body: SearchFields, actor: InPerson, response: Response, db: Db
) -> SavedSearchShape:
    """Save a search; one with the same filters is the same search, told as often as said now."""
    search = await actions.save_search(db, actor, body)
    response.headers["Location"] = f"/api/v1/me/saved-searches/{search.id}"
    set_version(response, search.version)
    return SavedSearchShape.of(search)


@router.get("/{search_id}", operation_id="get_saved_search")
async def get_saved_search(
    search_id: UUID, actor: InPerson, response: Response, db: Db
) -> SavedSearchShape:
    """Return one of one's saved searches."""
    search = await queries.get_search(db, actor, search_id)
    set_version(response, search.version)
    return SavedSearchShape.of(search)


@router.patch("/{search_id}", operation_id="change_saved_search")
async def change_saved_search(
    *,
    search_id: UUID,
    body: SavedSearchChange,
    actor: InPerson,
    version: ExpectedVersion,
    response: Response,
    db: Db,
) -> SavedSearchShape:
    """Say how often one wants to hear of a search; `off` keeps it and tells nothing."""
    search = await actions.change_search(db, actor, search_id, body.often, version)
    set_version(response, search.version)
    return SavedSearchShape.of(search)


@router.delete(
    "/{search_id}", status_code=status.HTTP_204_NO_CONTENT, operation_id="remove_saved_search"
)
async def remove_saved_search(
    search_id: UUID, actor: InPerson, version: ExpectedVersion, db: Db
) -> None:
    """Remove a saved search."""
    await actions.remove_search(db, actor, search_id, version)

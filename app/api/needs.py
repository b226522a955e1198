"""Needs: list, post, change, move."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response, status
from pydantic import ValidationError

from app.api.dependencies import (
    Db,
    ExpectedVersion,
    NeedsReader,
    NeedsWriter,
    set_next_link,
    set_version,
)
from app.api.errors import field_errors, language_of
from app.api.routing import StrictRoute
from app.api.schemas.needs import (
    NeedChanges,
    NeedInput,
    NeedList,
    NeedQuery,
    NeedShape,
    TransitionInput,
)
from app.api.shapes import need_shapes
from app.domain.access import Actor
from app.domain.needs import actions, queries
from app.domain.needs.queries import NeedFilters
from app.errors import FieldError, InvalidError
from app.models.needs import Need, NeedFields, NeedSkillFields, NeedState, SkillWeight

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
    )


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
    changed = {**said_of(before), **body.model_dump(exclude_unset=True)}
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
    need = await actions.move_need(db, actor, need_id, to, body.reason)
    return await _answer(db, actor, need, request, response)


def said_of(need: Need) -> dict[str, object]:
    """Return what a need says now, as NeedFields takes it."""
    weights = dict.fromkeys(need.must_slugs, SkillWeight.MUST)
    return {
        **{name: getattr(need, name) for name in actions.PLAIN_FIELDS},
        "skills": [
            NeedSkillFields(slug=slug, weight=weights.get(slug, SkillWeight.NICE)).model_dump()
            for slug in need.skill_slugs
        ],
        "audience_peers": need.audience_peers,
        "harm_check": need.harm_check,
    }


async def _answer(
    db: Db, actor: Actor, need: Need, request: Request, response: Response
) -> NeedShape:
    await db.flush()  # what was just written is part of the answer
    set_version(response, need.version)
    (shape,) = await need_shapes(db, actor, [need], language_of(request))
    return shape

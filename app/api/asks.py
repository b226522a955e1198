"""Asks: calls for help without an account, and the stewards' queue of them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response, status

from app.api.dependencies import (
    DEFAULT_LIMIT,
    Caller,
    Configuration,
    Cursor,
    Db,
    ExpectedVersion,
    Limit,
    Steward,
    network_of,
    set_next_link,
    set_version,
)
from app.api.routing import StrictRoute
from app.api.schemas.asks import (
    AskDeedShape,
    AskDetail,
    AskInput,
    AskMove,
    AskPublication,
    AskReceived,
    AskShape,
)
from app.api.schemas.base import Listing
from app.domain.access import Actor
from app.domain.asks import actions, queries, review, rules
from app.domain.asks.actions import Sender
from app.domain.asks.review import Publication
from app.errors import FieldError, InvalidError
from app.models.asks import Ask, AskState

router = APIRouter(prefix="/asks", route_class=StrictRoute, tags=["asks"])

StateFilter = Annotated[
    AskState | None, Query(description="A state; what waits for a steward when left out.")
]


@router.post("", status_code=status.HTTP_202_ACCEPTED, operation_id="submit_ask")
async def submit_ask(
    body: AskInput,
    request: Request,
    actor: Caller,  # noqa: ARG001 - anybody; foreign sites and reused keys are refused
    settings: Configuration,
    db: Db,
) -> AskReceived:
    """Ask for help without an account; nothing happens until the mailed link is confirmed."""
    sender = Sender(settings.origin, network_of(request, settings), keep_secrets=body.keep)
    await actions.submit_ask(db, body.fields(), sender)
    return AskReceived(days=rules.CONFIRM_WITHIN.days)


@router.get("", operation_id="list_asks")
async def list_asks(
    *,
    actor: Steward,
    request: Request,
    response: Response,
    db: Db,
    state: StateFilter = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Listing[AskShape]:
    """List asks to stewards: those that wait for them, the oldest first."""
    page = await queries.list_asks(db, actor, state, limit, cursor)
    set_next_link(request, response, page.next_cursor)
    return Listing(
        items=[AskShape.model_validate(ask) for ask in page.items], next_cursor=page.next_cursor
    )


@router.get("/{ask_id}", operation_id="get_ask")
async def get_ask(ask_id: UUID, actor: Steward, response: Response, db: Db) -> AskDetail:
    """Return one ask with its history and what its text suggests."""
    return await _answer(db, await queries.get_ask_for(db, actor, ask_id), response)


@router.post("/{ask_id}/transitions", operation_id="move_ask")
async def move_ask(
    ask_id: UUID,
    body: AskMove,
    actor: Steward,
    version: ExpectedVersion,
    settings: Configuration,
    response: Response,
    db: Db,
) -> AskDetail:
    """Ask back, decline with a reason, or join with another ask; the asker gets a letter."""
    ask = await _move(db, actor, ask_id, version, body, settings.origin)
    return await _answer(db, ask, response)


async def _move(
    db: Db, actor: Actor, ask_id: UUID, version: int, body: AskMove, origin: str
) -> Ask:
    if body.to == "asked":
        return await review.ask_back(db, actor, ask_id, version, body.reason, origin)
    if body.to == "declined":
        return await review.decline_ask(db, actor, ask_id, version, body.reason, origin)
    if body.into is None:
        raise InvalidError("validation_failed", errors=[FieldError("/into", "missing")])
    return await review.merge_ask(db, actor, ask_id, version, body.into, origin)


@router.post("/{ask_id}/needs", status_code=status.HTTP_201_CREATED, operation_id="publish_ask")
async def publish_ask(
    ask_id: UUID,
    body: AskPublication,
    actor: Steward,
    version: ExpectedVersion,
    settings: Configuration,
    response: Response,
    db: Db,
) -> AskDetail:
    """Make open needs of an ask; of two stewards at once the second one is told (412)."""
    wanted = Publication(body.needs, body.organisation_id)
    ask, _ = await review.publish_ask(db, actor, ask_id, version, wanted, settings.origin)
    return await _answer(db, ask, response)


async def _answer(db: Db, ask: Ask, response: Response) -> AskDetail:
    await db.flush()  # what was just written is part of the answer
    set_version(response, ask.version)
    return AskDetail(
        **AskShape.model_validate(ask).model_dump(),
        history=[AskDeedShape.model_validate(row) for row in await queries.history_of(db, ask.id)],
        needs=[need.id for need in await queries.needs_of(db, ask.id)],
        suggested_title=rules.title_of(ask.stuck),
        suggested_skills=rules.suggested_skills(ask.stuck),
        possible_transitions=sorted(rules.TRANSITIONS[ask.state]),
    )

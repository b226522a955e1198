"""Periods of a book: open, freeze, object, answer, sign; how far it is, and what it says."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response, status

from app.api.dependencies import (
    DEFAULT_LIMIT,
    Cursor,
    Db,
    ExpectedVersion,
    InPerson,
    LedgerReader,
    Limit,
    WithKey,
    set_next_link,
    set_version,
)
from app.api.routing import StrictRoute
from app.api.schemas.base import Listing
from app.api.schemas.periods import (
    CheckShape,
    LineShape,
    LockShape,
    ObjectionInput,
    ObjectionShape,
    PeriodBrief,
    PeriodMove,
    PeriodShape,
    SignatureInput,
    SignatureShape,
)
from app.domain.access import Actor
from app.domain.periods import actions, queries
from app.domain.periods.actions import AnswerFields, PeriodChanges, PeriodFields
from app.domain.periods.checklist import checklist
from app.models.periods import PeriodState

router = APIRouter(route_class=StrictRoute, tags=["periods"])


@router.get("/books/{book_id}/periods", operation_id="list_periods")
async def list_periods(
    book_id: UUID,
    request: Request,
    response: Response,
    actor: LedgerReader,
    db: Db,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Listing[PeriodBrief]:
    """List a book's periods, the newest first."""
    page = await queries.periods_of(db, actor, book_id, limit, cursor)
    set_next_link(request, response, page.next_cursor)
    items = [PeriodBrief.model_validate(period) for period in page.items]
    return Listing(items=items, next_cursor=page.next_cursor)


@router.post(
    "/books/{book_id}/periods",
    status_code=status.HTTP_201_CREATED,
    operation_id="open_period",
    dependencies=[WithKey],
)
async def open_period(
    book_id: UUID, body: PeriodFields, response: Response, actor: InPerson, db: Db
) -> PeriodShape:
    """Open the next period: it begins on the day after the one before."""
    period = await actions.open_period(db, actor, book_id, body)
    return await _answer(db, actor, period.id, response)


@router.get("/periods/{period_id}", operation_id="get_period")
async def get_period(
    period_id: UUID, response: Response, actor: LedgerReader, db: Db
) -> PeriodShape:
    """Return a period: how far it is, its sums, who signed, its seal."""
    return await _answer(db, actor, period_id, response)


async def _answer(db: Db, actor: Actor, period_id: UUID, response: Response) -> PeriodShape:
    view = await queries.get_period_for(db, actor, period_id)
    period = view.period
    set_version(response, period.version)
    lock = await queries.lock_of(db, period_id)
    values: dict[str, Any] = {
        **period.model_dump(include=set(PeriodShape.model_fields)),
        "currency": view.book.currency,
        "outcome_hash": period.outcome_hash.hex() if period.outcome_hash else None,
        "totals": period.totals,
        "lock_under_way": period.locks_at is not None and lock is None,
        "signatures": [
            SignatureShape(
                account_id=each.account_id, name=each.name, signed_at=each.signature.signed_at
            )
            for each in await queries.signatures_for(db, view)
        ],
        "lock": lock
        and LockShape(
            root=lock.root.hex(),
            previous_root=lock.previous_root.hex() if lock.previous_root else None,
            entries=lock.entries,
            outcome_hash=lock.outcome_hash.hex(),
            locked_at=lock.locked_at,
        ),
    }
    return PeriodShape.model_validate(values)


@router.patch("/periods/{period_id}", operation_id="change_period")
async def change_period(
    period_id: UUID,
    body: PeriodChanges,
    response: Response,
    actor: InPerson,
    db: Db,
    expected: ExpectedVersion,
) -> PeriodShape:
    """Enter what was earned or lost, or move the last day of the newest period."""
    await actions.change_period(db, actor, period_id, body, expected)
    return await _answer(db, actor, period_id, response)


@router.get("/periods/{period_id}/checklist", operation_id="get_period_checklist")
async def get_period_checklist(period_id: UUID, actor: LedgerReader, db: Db) -> Listing[CheckShape]:
    """Return what is looked at before a freeze."""
    view = await queries.get_whole_period_for(db, actor, period_id)
    items = await checklist(db, view.period, view.book)
    return Listing(items=[CheckShape.model_validate(item) for item in items])


@router.get("/periods/{period_id}/lines", operation_id="list_period_lines")
async def list_period_lines(
    period_id: UUID,
    request: Request,
    response: Response,
    actor: LedgerReader,
    db: Db,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Listing[LineShape]:
    """List the workers' lines: all to those who keep the book, to others their own."""
    view = await queries.get_period_for(db, actor, period_id)
    page = await queries.lines_of(db, view, limit, cursor)
    set_next_link(request, response, page.next_cursor)
    items = [
        LineShape.model_validate({**each.line.model_dump(), "name": each.name})
        for each in page.items
    ]
    return Listing(items=items, next_cursor=page.next_cursor)


@router.post("/periods/{period_id}/transitions", operation_id="move_period")
async def move_period(
    period_id: UUID, body: PeriodMove, response: Response, actor: InPerson, db: Db
) -> PeriodShape:
    """Freeze a period that meets its checklist, or take it back before its lock."""
    if body.to == PeriodState.FROZEN:
        await actions.freeze_period(
            db, actor, period_id, body.version, acknowledged=body.acknowledged
        )
    else:
        await actions.reopen_period(db, actor, period_id, body.version, body.reason)
    return await _answer(db, actor, period_id, response)


@router.get("/periods/{period_id}/objections", operation_id="list_period_objections")
async def list_period_objections(
    period_id: UUID, actor: LedgerReader, db: Db
) -> Listing[ObjectionShape]:
    """List the objections to a period's drafts: all to those who keep the book."""
    view = await queries.get_period_for(db, actor, period_id)
    found = await queries.objections_for(db, view)
    return Listing(items=[_objection(each) for each in found])


@router.post(
    "/periods/{period_id}/objections",
    status_code=status.HTTP_201_CREATED,
    operation_id="object_to_period",
    dependencies=[WithKey],
)
async def object_to_period(
    period_id: UUID, body: ObjectionInput, actor: InPerson, db: Db
) -> ObjectionShape:
    """Say that a draft is wrong, and why."""
    objection = await actions.object_to(db, actor, period_id, body.text)
    return await _one_objection(db, actor, period_id, objection.id)


@router.post(
    "/period-objections/{objection_id}/answer",
    operation_id="answer_period_objection",
    dependencies=[WithKey],
)
async def answer_period_objection(
    objection_id: UUID, body: AnswerFields, actor: InPerson, db: Db
) -> ObjectionShape:
    """Answer somebody else's objection; where it is right, the period is taken back."""
    objection = await actions.answer_objection(db, actor, objection_id, body)
    return await _one_objection(db, actor, objection.period_id, objection.id)


async def _one_objection(
    db: Db, actor: Actor, period_id: UUID, objection_id: UUID
) -> ObjectionShape:
    view = await queries.get_period_for(db, actor, period_id)
    found = await queries.objections_for(db, view)
    return next(_objection(each) for each in found if each.objection.id == objection_id)


def _objection(each: queries.ObjectionView) -> ObjectionShape:
    names = {"name": each.name, "answered_by": each.answered_by}
    return ObjectionShape.model_validate({**each.objection.model_dump(), **names})


@router.post(
    "/periods/{period_id}/signatures",
    status_code=status.HTTP_201_CREATED,
    operation_id="sign_period",
    dependencies=[WithKey],
)
async def sign_period(
    period_id: UUID, body: SignatureInput, response: Response, actor: InPerson, db: Db
) -> PeriodShape:
    """Sign the draft that one has read; the second signature, of somebody else, locks it."""
    await actions.sign_period(db, actor, period_id, bytes.fromhex(body.outcome_hash))
    return await _answer(db, actor, period_id, response)

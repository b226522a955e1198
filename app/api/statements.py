"""A book's figures: the lines behind them, entries, what came when, statements of periods."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from app.api.dependencies import Db, LedgerReader, set_next_link
from app.api.errors import language_of
from app.api.routing import StrictRoute
from app.api.schemas.base import Listing
from app.api.schemas.statements import (
    EntryWholeShape,
    LineList,
    LineQuery,
    LineShape,
    MonthList,
    MonthShape,
    PartShape,
    ProofShape,
    StatementShape,
    StepShape,
    TaskShape,
)
from app.domain.governance.tasks import tasks_of
from app.domain.statements import entries, queries
from app.domain.statements.composing import Statement, get_statement_for
from app.domain.statements.lines import line_sums, lines
from app.domain.statements.words import csv_of, document_of
from app.infra.i18n import translate
from app.infra.pdf import MEDIA_TYPE, make_pdf

MONTHS_MAX = 60

router = APIRouter(route_class=StrictRoute, tags=["statements"])


@router.get("/books/{book_id}/lines", operation_id="list_lines")
async def list_lines(
    book_id: UUID,
    query: Annotated[LineQuery, Query()],
    request: Request,
    response: Response,
    actor: LedgerReader,
    db: Db,
) -> LineList:
    """List the lines behind a figure, with their sum; one's own without being a worker-owner."""
    sight = await queries.get_sight_for(db, actor, book_id, query.holder_id)
    wanted = query.wanted()
    page = await lines(db, sight, wanted, query.limit, query.cursor)
    set_next_link(request, response, page.next_cursor)
    return LineList(
        items=[LineShape.model_validate(line) for line in page.items],
        next_cursor=page.next_cursor,
        sums=await line_sums(db, sight, wanted),
    )


@router.get("/books/{book_id}/months", operation_id="list_months")
async def list_months(
    book_id: UUID,
    actor: LedgerReader,
    db: Db,
    holder_id: Annotated[UUID | None, Query(description="One worker; everybody without.")] = None,
    months: Annotated[int, Query(ge=1, le=MONTHS_MAX)] = 12,
) -> MonthList:
    """Return what was given in each of the last months, by stream."""
    sight = await queries.get_sight_for(db, actor, book_id, holder_id)
    found = await queries.contributions(db, sight, holder_id, months)
    return MonthList(
        items=[MonthShape.model_validate(month) for month in found.months],
        opening_minutes=sum(found.opening.values()),
        opening_by_stream=dict(found.opening),
    )


@router.get("/books/{book_id}/tasks", operation_id="list_book_tasks")
async def list_book_tasks(
    book_id: UUID, request: Request, actor: LedgerReader, db: Db
) -> Listing[TaskShape]:
    """Say what there is to do in a book now for the one who asks."""
    sight = await queries.get_sight_for(db, actor, book_id, actor.account_id)
    language = language_of(request)
    items = [
        TaskShape(
            code=task.code,
            subject_id=task.subject_id,
            n=task.n,
            day=task.day,
            text=task.text(language),
            path=task.path,
        )
        for task in await tasks_of(db, sight)
    ]
    return Listing(items=items)


@router.get("/entries/{entry_id}", operation_id="get_entry")
async def get_entry(entry_id: UUID, actor: LedgerReader, db: Db) -> EntryWholeShape:
    """Return an entry with all its sides, what it stands on, and what came of it."""
    whole = await entries.get_entry_for(db, actor, entry_id)
    said = {name: getattr(whole, name) for name in _OF_THE_WHOLE}
    found = whole.inclusion
    said["proof"] = found and ProofShape(
        position=found.position,
        size=found.size,
        root=found.checkpoint.root.hex(),
        data=found.data.hex(),
        hashes=[each.hex() for each in found.proof],
        checkpoint=whole.checkpoint,
    )
    return EntryWholeShape.model_validate({**whole.entry.model_dump(), **said})


_OF_THE_WHOLE = (
    "recorded_by", "sides", "sums", "note", "note_erased", "corrects", "corrected_by",
    "stands_on", "carries", "need_id", "need_title",
)  # fmt: skip


@router.get("/periods/{period_id}/statement", operation_id="get_statement")
async def get_statement(
    period_id: UUID, request: Request, actor: LedgerReader, db: Db
) -> StatementShape:
    """Return a period's statement, worker by worker."""
    return _statement(request, await get_statement_for(db, actor, period_id))


@router.get("/periods/{period_id}/statements/{worker_id}", operation_id="get_own_statement")
async def get_own_statement(
    period_id: UUID, worker_id: UUID, request: Request, actor: LedgerReader, db: Db
) -> StatementShape:
    """Return one worker's statement: for the worker, and for those who keep the book."""
    return _statement(request, await get_statement_for(db, actor, period_id, worker_id))


def _statement(request: Request, said: Statement) -> StatementShape:
    period, running = said.period, said.stage == "running"
    return StatementShape(
        period_id=period.id,
        book_id=period.book_id,
        organisation_name=said.view.organisation.name,
        starts_on=period.starts_on,
        ends_on=period.ends_on,
        stage=said.stage,
        currency=said.view.book.currency,
        legal=translate(language_of(request), "statement.legal"),
        parts=[PartShape.of(part, running=running) for part in said.parts],
        minutes=dict(said.minutes),
        base=str(said.base) if not running else None,
        totals=dict(said.totals) if not running else None,
        net_worth=[StepShape.model_validate(step) for step in said.net_worth]
        if not running
        else None,
        policy_version=said.policy_version,
        root=said.lock.root.hex() if said.lock else None,
    )


@router.get("/periods/{period_id}/statement.csv", operation_id="get_statement_table")
async def get_statement_table(
    period_id: UUID,
    actor: LedgerReader,
    db: Db,
    worker_id: Annotated[UUID | None, Query(description="One worker's; all without.")] = None,
) -> Response:
    """Return a period's statement for a spreadsheet: whole minutes, whole minor units.

    While the period is open, what it will come to is not known: those cells are empty.
    """
    said = await get_statement_for(db, actor, period_id, worker_id)
    name = f'attachment; filename="statement-{said.period.starts_on}.csv"'
    headers = {"Content-Disposition": name}
    return Response(csv_of(said), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/periods/{period_id}/statement.pdf", operation_id="get_statement_file")
async def get_statement_file(
    period_id: UUID,
    request: Request,
    actor: LedgerReader,
    db: Db,
    worker_id: Annotated[UUID | None, Query(description="One worker's; all without.")] = None,
) -> Response:
    """Return a period's statement as PDF, whole or of one worker, in the asker's language."""
    said = await get_statement_for(db, actor, period_id, worker_id)
    document = document_of(said, language_of(request), one=worker_id is not None)
    headers = {
        "Content-Disposition": f'attachment; filename="statement-{said.period.starts_on}.pdf"'
    }
    return Response(await make_pdf(document), media_type=MEDIA_TYPE, headers=headers)

"""A book's figures: the lines behind them, entries, what came when."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from app.api.dependencies import Db, LedgerReader, set_next_link
from app.api.routing import StrictRoute
from app.api.schemas.statements import (
    EntryWholeShape,
    LineList,
    LineQuery,
    LineShape,
    MonthList,
    MonthShape,
)
from app.domain.statements import entries, queries
from app.domain.statements.lines import line_sums, lines

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
    return MonthList(items=[MonthShape.model_validate(month) for month in found])


@router.get("/entries/{entry_id}", operation_id="get_entry")
async def get_entry(entry_id: UUID, actor: LedgerReader, db: Db) -> EntryWholeShape:
    """Return an entry with all its sides, what it stands on, and what came of it."""
    whole = await entries.get_entry_for(db, actor, entry_id)
    said = {name: getattr(whole, name) for name in _OF_THE_WHOLE}
    return EntryWholeShape.model_validate({**whole.entry.model_dump(), **said})


_OF_THE_WHOLE = (
    "recorded_by", "sides", "sums", "note", "note_erased", "corrects", "corrected_by",
    "stands_on", "carries", "need_id", "need_title",
)  # fmt: skip

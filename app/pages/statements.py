"""Statements as pages: of a period, of one worker in it, and as files to take along."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from app.domain.statements.composing import Statement, get_statement_for
from app.domain.statements.words import csv_of, document_of, how_of, title_of
from app.infra.pdf import MEDIA_TYPE, make_pdf
from app.models.ledger import WorkStream
from app.pages.dependencies import Db, PageRoute, SignedIn, Visit
from app.pages.plots import share_bars, waterfall_bars
from app.pages.rendering import render

ATTACHED = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}

router = APIRouter(route_class=PageRoute)


@router.get("/periods/{period_id:uuid}/statement")
async def show_statement(period_id: UUID, db: Db, visit: SignedIn) -> Response:
    """Show a period worker by worker."""
    said = await get_statement_for(db, visit.actor, period_id)
    steps = said.net_worth
    bars, zero = waterfall_bars(steps)
    return await render(
        visit.page,
        "statement.html",
        said=said,
        title=title_of(said, visit.language),
        streams=[s for s in WorkStream if any(part.by_stream[s] for part in said.parts)],
        rows=list(
            zip(
                said.parts,
                share_bars([(part.share, part.share_before) for part in said.parts]),
                strict=True,
            )
        ),
        steps=list(zip(steps, bars, strict=True)),
        zero=zero,
        **_addresses(said),
    )


@router.get("/periods/{period_id:uuid}/statements/{worker_id:uuid}")
async def show_one(period_id: UUID, worker_id: UUID, db: Db, visit: SignedIn) -> Response:
    """Show one worker's statement, and how its amount came to be."""
    said = await get_statement_for(db, visit.actor, period_id, worker_id)
    part = said.parts[0]
    return await render(
        visit.page,
        "statement_worker.html",
        said=said,
        part=part,
        title=title_of(said, visit.language),
        how=how_of(said, part, visit.language),
        streams=list(WorkStream),
        **_addresses(said),
    )


def _addresses(said: Statement) -> dict[str, Any]:
    period = said.period
    lines = f"/books/{period.book_id}/lines?account="
    return {
        "lines": lines,
        "days": f"&since={period.starts_on}&until={period.ends_on}",
        "here": f"/periods/{period.id}",
    }


@router.get("/periods/{period_id:uuid}/statement.csv")
async def take_table(period_id: UUID, db: Db, visit: SignedIn) -> Response:
    """Give a period's statement for a spreadsheet."""
    said = await get_statement_for(db, visit.actor, period_id)
    return _table(said)


@router.get("/periods/{period_id:uuid}/statement.pdf")
async def take_file(period_id: UUID, db: Db, visit: SignedIn) -> Response:
    """Give a period's statement as PDF, in the reader's language."""
    said = await get_statement_for(db, visit.actor, period_id)
    return await _pdf(visit, said, one=False)


@router.get("/periods/{period_id:uuid}/statements/{worker_id:uuid}/file.pdf")
async def take_own_file(period_id: UUID, worker_id: UUID, db: Db, visit: SignedIn) -> Response:
    """Give one worker's statement as PDF."""
    said = await get_statement_for(db, visit.actor, period_id, worker_id)
    return await _pdf(visit, said, one=True)


@router.get("/periods/{period_id:uuid}/statements/{worker_id:uuid}/file.csv")
async def take_own_table(period_id: UUID, worker_id: UUID, db: Db, visit: SignedIn) -> Response:
    """Give one worker's statement for a spreadsheet."""
    said = await get_statement_for(db, visit.actor, period_id, worker_id)
    return _table(said)


async def _pdf(visit: Visit, said: Statement, *, one: bool) -> Response:
    made = await make_pdf(document_of(said, visit.language, one=one))
    return _file(made, MEDIA_TYPE, f"statement-{said.period.starts_on}.pdf")


def _table(said: Statement) -> Response:
    return _file(csv_of(said), "text/csv; charset=utf-8", f"statement-{said.period.starts_on}.csv")


def _file(content: str | bytes, media_type: str, name: str) -> Response:
    headers = {**ATTACHED, "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=media_type, headers=headers)

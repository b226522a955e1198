"""A co-operative's book as pages: its home, a worker's part, the lines of a figure, an entry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.datastructures import QueryParams
from starlette.responses import Response, StreamingResponse

from app.domain.access import Denied
from app.domain.governance import queries as governance
from app.domain.governance.policy import may_see
from app.domain.governance.tasks import tasks_of
from app.domain.ledger.correcting import may_be_corrected
from app.domain.ledger.export import file_name, sent_book
from app.domain.ledger.queries import get_book_for
from app.domain.periods.queries import periods_of
from app.domain.statements import entries, queries
from app.domain.statements.corrections import becomings
from app.domain.statements.lines import LineFilter, line_sums, lines
from app.domain.statements.queries import Holding, Sight
from app.domain.statements.rules import Contributions, tenths_of_percent
from app.infra import clock
from app.infra.runtime import Runtime
from app.models.ledger import EntryKind, LedgerAccountKind, WorkStream
from app.pages.dependencies import Db, PageRoute, SignedIn, Visit
from app.pages.disputes import disputed_at
from app.pages.plots import RowBar, months_plot, share_bars
from app.pages.rendering import render
from app.pages.views import Paging

PER_PAGE = 50
MONTHS = 12
PERIODS_SHOWN = 8
Choice = TypeVar("Choice", bound=StrEnum)

router = APIRouter(route_class=PageRoute)


@dataclass(frozen=True)
class WorkerRow:
    """What one worker gave, beside all others."""

    account_id: UUID
    name: str
    minutes: int
    tenths: int
    bar: RowBar


@router.get("/books")
async def list_books(db: Db, visit: SignedIn) -> Response:
    """Show the books in which one works, or that one owns with others."""
    found = await queries.books_of(db, visit.actor)
    return await render(visit.page, "books.html", books=found)


@router.get("/books/{book_id:uuid}")
async def show_book(book_id: UUID, db: Db, visit: SignedIn) -> Response:
    """Show the home of a book; who may not read all of it gets their own part."""
    sight = await queries.get_sight_for(db, visit.actor, book_id, visit.actor.account_id)
    if not sight.whole:
        return await _render_worker(db, visit, sight, sight.account_id)
    held = await queries.holdings(db, book_id)
    given = await queries.contributions(db, sight, None, MONTHS)
    periods = await periods_of(db, visit.actor, book_id, PERIODS_SHOWN)
    return await render(
        visit.page,
        "book.html",
        tasks=await _tasks(db, visit, sight),
        periods=periods.items,
        sight=sight,
        workers=await _workers(db, sight, held),
        totals=_totals(held),
        sums=await queries.book_sums(db, book_id),
        **_months(given),
    )


async def _tasks(db: Db, visit: Visit, sight: Sight) -> list[tuple[str, str]]:
    return [(task.text(visit.language), task.path) for task in await tasks_of(db, sight)]


async def _workers(db: Db, sight: Sight, held: Sequence[Holding]) -> list[WorkerRow]:
    minutes: dict[UUID, int] = {}
    for one in held:
        if one.kind == LedgerAccountKind.WORKER:
            minutes[one.holder_id] = minutes.get(one.holder_id, 0) + one.amount
    names = await queries.names_of(db, sight, minutes)
    order = sorted(minutes, key=lambda holder: (-minutes[holder], holder))
    whole = sum(minutes.values())
    shares = [tenths_of_percent(minutes[holder], whole) for holder in order]
    bars = share_bars([(share, None) for share in shares])
    return [
        WorkerRow(holder, names[holder], minutes[holder], share, bar)
        for holder, share, bar in zip(order, shares, bars, strict=True)
    ]


def _totals(held: Sequence[Holding]) -> dict[str, int]:
    """Add up what stands on all accounts of one kind, and the workers' minutes by stream."""
    totals: dict[str, int] = {}
    for one in held:
        names = [one.kind.value]
        if one.kind == LedgerAccountKind.WORKER and one.stream:
            names.append(one.stream.value)
        for name in names:
            totals[name] = totals.get(name, 0) + one.amount
    return totals


def _months(given: Contributions) -> dict[str, Any]:
    return {"given": given, "plot": months_plot(given.months), "streams": list(WorkStream)}


@router.get("/books/{book_id:uuid}/workers/{account_id:uuid}")
async def show_worker(book_id: UUID, account_id: UUID, db: Db, visit: SignedIn) -> Response:
    """Show one worker's part of a book."""
    sight = await queries.get_sight_for(db, visit.actor, book_id, account_id)
    return await _render_worker(db, visit, sight, account_id)


async def _render_worker(db: Db, visit: Visit, sight: Sight, account_id: UUID) -> Response:
    held = await queries.holdings(db, sight.book.id, account_id)
    names = await queries.names_of(db, sight, [account_id])
    given = await queries.contributions(db, sight, account_id, MONTHS)
    place = await governance.place_of(db, sight.book, sight.account_id)
    return await render(
        visit.page,
        "book_worker.html",
        stands=not isinstance(may_see(place), Denied),
        sight=sight,
        account_id=account_id,
        name=names[account_id],
        own=account_id == visit.actor.account_id,
        tasks=await _tasks(db, visit, sight) if account_id == visit.actor.account_id else [],
        held=[one for one in held if one.amount],
        totals=_totals(held),
        **_months(given),
    )


@router.get("/books/{book_id:uuid}/export")
async def take_book(book_id: UUID, request: Request, db: Db, visit: SignedIn) -> Response:
    """Give a whole book as one file that can be checked offline."""
    book = await get_book_for(db, visit.actor, book_id)
    runtime: Runtime = request.app.state.runtime
    sent = sent_book(runtime.sessions, book.id, runtime.origin)
    headers = {"Content-Disposition": f'attachment; filename="{file_name(clock.today())}"'}
    return StreamingResponse(sent, media_type="application/json", headers=headers)


@router.get("/books/{book_id:uuid}/lines")
async def show_lines(book_id: UUID, request: Request, db: Db, visit: SignedIn) -> Response:
    """Show the lines behind a figure, with the sum that the figure is."""
    wanted = filter_of(request.query_params)
    sight = await queries.get_sight_for(db, visit.actor, book_id, wanted.holder_id)
    cursor = request.query_params.get("cursor")
    page = await lines(db, sight, wanted, PER_PAGE, cursor)
    here = f"/books/{book_id}/lines"
    next_href = f"{here}?{_query(wanted, page.next_cursor)}" if page.next_cursor else None
    wanted_names = await queries.names_of(db, sight, filter(None, [wanted.holder_id]))
    return await render(
        visit.page,
        "book_lines.html",
        sight=sight,
        wanted=wanted,
        holder=next(iter(wanted_names.values()), ""),
        lines=page.items,
        becomings=await becomings(db, [line.entry_id for line in page.items]),
        sums=await line_sums(db, sight, wanted),
        streams=list(WorkStream),
        kinds=list(EntryKind),
        accounts=list(LedgerAccountKind),
        paging=Paging(next_href, f"{here}?{_query(wanted)}" if cursor else None),
    )


def filter_of(query: Mapping[str, str] | QueryParams) -> LineFilter:
    """Read which lines an address asks for; what cannot be read narrows nothing."""
    return LineFilter(
        account=_choice(LedgerAccountKind, query.get("account")) or LedgerAccountKind.WORKER,
        holder_id=_uuid(query.get("holder_id")),
        stream=_choice(WorkStream, query.get("stream")),
        kind=_choice(EntryKind, query.get("kind")),
        without=_choice(EntryKind, query.get("without")),
        since=_day(query.get("since")),
        until=_day(query.get("until")),
        period_id=_uuid(query.get("period_id")),
    )


def _choice(kind: type[Choice], value: str | None) -> Choice | None:
    return kind(value) if value in {each.value for each in kind} else None


def _uuid(value: str | None) -> UUID | None:
    try:
        return UUID(value) if value else None
    except ValueError:
        return None


def _day(value: str | None) -> date | None:
    try:
        return date.fromisoformat(value) if value else None
    except ValueError:
        return None


def _query(wanted: LineFilter, cursor: str | None = None) -> str:
    said = {**vars(wanted), "cursor": cursor}
    return urlencode({name: value for name, value in said.items() if value is not None})


@router.get("/entries/{entry_id:uuid}")
async def show_entry(entry_id: UUID, db: Db, visit: SignedIn) -> Response:
    """Show one entry: how this number came to be."""
    whole = await entries.get_entry_for(db, visit.actor, entry_id)
    return await render(
        visit.page,
        "entry.html",
        whole=whole,
        entry=whole.entry,
        can_correct=await may_be_corrected(db, visit.actor, entry_id),
        disputed_at=await disputed_at(db, visit, entry_id),
    )

"""Reading books, balances and contributions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, TextClause, func, text
from sqlalchemy import select as core_select
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor, Denied
from app.domain.ledger import errors
from app.domain.ledger.people import Known, known_as, known_in
from app.domain.ledger.policy import may_read_book
from app.domain.ledger.rules import PostingLine, share_percent
from app.domain.organisations.queries import membership
from app.errors import InvalidError
from app.infra.pagination import Page, cut_page, decode_cursor, encode_cursor
from app.models.claims import Claim
from app.models.ledger import (
    MINUTE,
    Balance,
    Book,
    Entry,
    EntryKind,
    LedgerAccount,
    LedgerAccountKind,
    Posting,
    WorkStream,
)
from app.models.needs import Need
from app.models.organisations import Membership, Organisation

WORKER = LedgerAccountKind.WORKER
CURSOR_DIGITS = 18
NUMBER_MAX = 2**63 - 1
# The newest entries that hold work, along an index: what a page costs does not grow with the book.
# The condition is a value and no join, so that it is looked up for a page and never for all.
NEWEST_OF_BOOK = text("""
    SELECT e.id FROM entries e WHERE e.book_id = :book_id AND e.id < :below AND (
        SELECT true FROM postings p JOIN ledger_accounts a ON a.id = p.account_id
        WHERE p.entry_id = e.entry_id AND a.kind = 'worker' AND p.unit = 'minute' LIMIT 1
    ) ORDER BY e.id DESC LIMIT :limit
""")
NEWEST_OF_WORKER = text("""
    SELECT line.number FROM ledger_accounts a CROSS JOIN LATERAL (
        SELECT p.number FROM postings p WHERE p.account_id = a.id AND p.number < :below
        ORDER BY p.number DESC LIMIT :limit
    ) AS line
    WHERE a.holder_id = :holder_id AND a.kind = 'worker'
    ORDER BY line.number DESC LIMIT :limit
""")


@dataclass(frozen=True)
class WorkerShare:
    """What one worker gave, in minutes, and their share of all work in the book."""

    account_id: UUID
    handle: str
    display_name: str
    minutes: int
    share_percent: str


@dataclass(frozen=True)
class BookView:
    """A book with its sums; `sum_by_unit` is zero in each unit or the book is broken."""

    book: Book
    organisation: Organisation
    total_minutes: int
    entries: int
    workers: Sequence[WorkerShare]
    sum_by_unit: dict[str, int]


@dataclass(frozen=True)
class EntryLine:
    """An entry as people read it: who worked, for what, how long, who wrote it down."""

    id: int
    entry_id: UUID
    kind: EntryKind
    worker: str
    need_id: UUID | None
    need_title: str
    organisation_name: str
    minutes: int
    stream: WorkStream
    worked_on: date
    recorded_at: datetime
    recorded_by: str


async def books_of(session: AsyncSession, actor: Actor) -> Sequence[tuple[Book, Organisation]]:
    """List the books that someone may read, by organisation."""
    statement = (
        select(Book, Organisation, Membership)
        .where(
            Book.organisation_id == Organisation.id,
            Membership.organisation_id == Organisation.id,
            Membership.account_id == actor.signed_in(),
        )
        .order_by(col(Organisation.name))
    )
    rows = (await session.exec(statement)).all()
    return [(b, o) for b, o, m in rows if not isinstance(may_read_book(m), Denied)]


async def get_book_for(session: AsyncSession, actor: Actor, book_id: UUID) -> Book:
    """Return a book to those who may read it; strangers learn nothing."""
    book = await session.get(Book, book_id)
    if book is None:
        raise errors.book_not_found()
    own = await membership(session, book.organisation_id, actor.signed_in())
    decision = may_read_book(own)
    if isinstance(decision, Denied):
        raise errors.book_not_found() if own is None else errors.book_forbidden()
    return book


async def book_view(session: AsyncSession, actor: Actor, book_id: UUID) -> BookView:
    """Return a book's sums and its workers' shares, from the balances."""
    book = await get_book_for(session, actor, book_id)
    organisation = await session.get_one(Organisation, book.organisation_id)
    minutes = func.sum(Balance.amount)
    statement = (
        select(LedgerAccount.holder_id, minutes)
        .where(
            LedgerAccount.book_id == book.id,
            LedgerAccount.kind == WORKER,
            Balance.account_id == LedgerAccount.id,
            Balance.unit == MINUTE,
        )
        .group_by(col(LedgerAccount.holder_id))
        .order_by(minutes.desc(), col(LedgerAccount.holder_id))
    )
    held = {holder: int(total) for holder, total in await session.execute(statement)}
    whole = sum(held.values())
    names = await known_as(session, book.id, held, actor.account_id)
    workers = [
        WorkerShare(holder, *names[holder], total, share_percent(total, whole))
        for holder, total in held.items()
    ]
    count = select(func.count()).select_from(Entry).where(Entry.book_id == book.id)
    entries = (await session.exec(count)).one()
    return BookView(book, organisation, whole, entries, workers, await _sums(session, book.id))


async def _sums(session: AsyncSession, book_id: UUID) -> dict[str, int]:
    statement = (
        select(Posting.unit, func.sum(Posting.amount))
        .where(Posting.account_id == LedgerAccount.id, LedgerAccount.book_id == book_id)
        .group_by(col(Posting.unit))
    )
    return {unit: int(total) for unit, total in await session.execute(statement)} or {MINUTE: 0}


async def entries_of_book(
    session: AsyncSession, actor: Actor, book_id: UUID, limit: int, cursor: str | None
) -> Page[EntryLine]:
    """Return a book's entries, newest first."""
    book = await get_book_for(session, actor, book_id)
    return await page_of_entries(session, book.id, limit, cursor, actor.account_id)


async def page_of_entries(
    session: AsyncSession,
    book_id: UUID,
    limit: int,
    cursor: str | None,
    reader: UUID | None = None,
) -> Page[EntryLine]:
    """Return a book's entries for whoever may read it, newest first."""
    values = {"book_id": book_id, **_place(limit, cursor)}
    return await _numbered_page(session, NEWEST_OF_BOOK, values, reader)


async def contributions_of(
    session: AsyncSession, account_id: UUID, limit: int, cursor: str | None
) -> Page[EntryLine]:
    """Return what one worker gave, in all books, newest first."""
    values = {"holder_id": account_id, **_place(limit, cursor)}
    return await _numbered_page(session, NEWEST_OF_WORKER, values, account_id)


async def minutes_by_stream(session: AsyncSession, account_id: UUID) -> dict[str, int]:
    """Return what one worker gave, in minutes by stream, in all books."""
    statement = (
        select(LedgerAccount.stream, func.sum(Balance.amount))
        .where(
            LedgerAccount.holder_id == account_id,
            LedgerAccount.kind == WORKER,
            Balance.account_id == LedgerAccount.id,
            Balance.unit == MINUTE,
        )
        .group_by(col(LedgerAccount.stream))
    )
    return {stream.value: int(total) for stream, total in await session.execute(statement)}


def _entry_lines() -> Select[Any]:
    """Read entries under the names of EntryLine, and the ids of those who are named in them."""
    columns: list[Any] = [
        col(Entry.id).label("id"),
        col(Entry.entry_id).label("entry_id"),
        col(Entry.kind).label("kind"),
        col(Entry.book_id).label("book_id"),
        col(LedgerAccount.holder_id).label("worker"),
        col(Need.id).label("need_id"),
        func.coalesce(Need.title, "").label("need_title"),
        col(Organisation.name).label("organisation_name"),
        col(Posting.amount).label("minutes"),
        col(LedgerAccount.stream).label("stream"),
        col(Entry.worked_on).label("worked_on"),
        col(Entry.recorded_at).label("recorded_at"),
        col(Entry.recorded_by).label("recorded_by"),
    ]
    return (
        core_select(*columns)
        .join(Posting, col(Posting.entry_id) == col(Entry.entry_id))
        .join(LedgerAccount, col(Posting.account_id) == col(LedgerAccount.id))
        .join(Book, col(Entry.book_id) == col(Book.id))
        .join(Organisation, col(Book.organisation_id) == col(Organisation.id))
        .outerjoin(Claim, col(Entry.claim_id) == col(Claim.id))
        .outerjoin(Need, col(Claim.need_id) == col(Need.id))
        .where(col(LedgerAccount.kind) == WORKER, col(Posting.unit) == MINUTE)
    )


def _place(limit: int, cursor: str | None) -> dict[str, int]:
    """Return below which number a page begins, and how many rows tell whether more follow."""
    if cursor is None:
        return {"below": NUMBER_MAX, "limit": limit + 1}
    (last,) = decode_cursor(cursor, 1)
    if last is None or not (last.isascii() and last.isdigit()) or len(last) > CURSOR_DIGITS:
        raise InvalidError("cursor_invalid")
    return {"below": int(last), "limit": limit + 1}


async def _numbered_page(
    session: AsyncSession, newest: TextClause, values: dict[str, Any], reader: UUID | None
) -> Page[EntryLine]:
    """Find a page's entries along an index first, and then read what they say."""
    numbers = list((await session.execute(newest, values)).scalars())
    wanted = _entry_lines().where(col(Entry.id).in_(numbers))
    if "holder_id" in values:
        wanted = wanted.where(col(LedgerAccount.holder_id) == values["holder_id"])
    found = await _lines(session, wanted, reader)
    return cut_page(found, values["limit"] - 1, lambda line: encode_cursor(line.id))


async def _lines(
    session: AsyncSession, statement: Select[Any], reader: UUID | None
) -> list[EntryLine]:
    rows = (await session.execute(statement.order_by(col(Entry.id).desc()))).all()
    places = [(row.book_id, one) for row in rows for one in (row.worker, row.recorded_by)]
    names = await known_in(session, places, reader)
    return [_line(row, names) for row in rows]


def _line(row: Row[Any], names: dict[tuple[UUID, UUID], Known]) -> EntryLine:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
    book_id = values.pop("book_id")
    for name in ("worker", "recorded_by"):
        values[name] = names[book_id, values[name]].name
    return EntryLine(**values)


async def standing_entry(session: AsyncSession, claim: Claim) -> Entry | None:
    """Return the entry that a claim's confirmation stands on: the last of its chain."""
    if claim.confirmed_minutes is None:
        return None
    statement = (
        select(Entry)
        .where(Entry.claim_id == claim.id, col(Entry.dispute_id).is_(None))
        .order_by(col(Entry.id).desc())
        .limit(1)
    )
    return (await session.exec(statement)).first()


async def lines_of(session: AsyncSession, entry_id: UUID) -> list[PostingLine]:
    """Return the postings of an entry."""
    rows = (await session.exec(select(Posting).where(Posting.entry_id == entry_id))).all()
    return [PostingLine(row.account_id, row.unit, row.amount) for row in rows]


async def stream_of(session: AsyncSession, entry_id: UUID) -> WorkStream:
    """Return the stream in which an entry counts."""
    statement = (
        select(LedgerAccount.stream)
        .where(
            Posting.entry_id == entry_id,
            Posting.account_id == LedgerAccount.id,
            col(LedgerAccount.stream).is_not(None),
        )
        .limit(1)
    )
    return WorkStream(str((await session.exec(statement)).one()))


async def entry_of_claim(
    session: AsyncSession, claim_id: UUID, reader: UUID | None
) -> EntryLine | None:
    """Return the newest entry of a claim: what stands, or what took it back."""
    statement = _entry_lines().where(
        col(Entry.claim_id) == claim_id, col(Entry.dispute_id).is_(None)
    )
    newest = statement.order_by(col(Entry.id).desc()).limit(1)
    found = await _lines(session, newest, reader)
    return found[0] if found else None


async def worker_of(session: AsyncSession, entry_id: UUID) -> UUID | None:
    """Return the worker's account that an entry moves, if it moves one."""
    statement = (
        select(LedgerAccount.id)
        .where(
            Posting.entry_id == entry_id,
            Posting.account_id == LedgerAccount.id,
            LedgerAccount.kind == WORKER,
        )
        .limit(1)
    )
    return (await session.exec(statement)).first()

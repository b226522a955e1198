"""The lines behind a figure: those postings of a book that it is the sum of, newest first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, func, tuple_
from sqlalchemy import select as core_select
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.ledger.people import SOMEBODYS
from app.domain.statements.queries import Sight, names_of
from app.domain.statements.rules import MONEY_KINDS
from app.errors import InvalidError
from app.infra.pagination import Page, cut_page, decode_cursor, encode_cursor
from app.models.claims import Claim
from app.models.ledger import (
    Balance,
    Entry,
    EntryKind,
    LedgerAccount,
    LedgerAccountKind,
    Posting,
    WorkStream,
)
from app.models.needs import Need

CURSOR_DIGITS = 18


@dataclass(frozen=True)
class LineFilter:
    """Which lines: of whose account of which kind, in which stream, booked on which days."""

    account: LedgerAccountKind = LedgerAccountKind.WORKER
    holder_id: UUID | None = None
    stream: WorkStream | None = None
    kind: EntryKind | None = None
    without: EntryKind | None = None
    since: date | None = None
    until: date | None = None
    period_id: UUID | None = None

    @property
    def is_a_balance(self) -> bool:
        """Say whether it asks for all that ever went over accounts that have a balance.

        What an organisation received has none: every entry of a book would wait for it.
        """
        narrowed = self.kind or self.without or self.since or self.until or self.period_id
        return not narrowed and self.account != LedgerAccountKind.ORGANISATION


@dataclass(frozen=True)
class BookLine:
    """One posting as people read it: whose, how much, in which entry, for what."""

    id: int
    entry_id: UUID
    kind: EntryKind
    worked_on: date
    booked_on: date
    recorded_at: datetime
    recorded_by: str
    corrects: UUID | None
    account_id: UUID
    account: LedgerAccountKind
    holder_id: UUID
    holder: str
    stream: WorkStream | None
    unit: str
    amount: int
    need_id: UUID | None
    need_title: str


async def lines(
    session: AsyncSession, sight: Sight, wanted: LineFilter, limit: int, cursor: str | None
) -> Page[BookLine]:
    """Return the lines behind a figure, the latest day first."""
    where = await _conditions(session, sight, wanted)
    order = (col(Entry.booked_on), col(Entry.id), col(Posting.account_id))
    statement = _statement().where(*where)
    if cursor is not None:
        statement = statement.where(tuple_(*order) < tuple_(*_after(cursor)))
    statement = statement.order_by(*(column.desc() for column in order)).limit(limit + 1)
    found = await _named(session, sight, (await session.execute(statement)).all())
    return cut_page(
        found, limit, lambda line: encode_cursor(line.booked_on, line.id, line.account_id)
    )


async def line_sums(session: AsyncSession, sight: Sight, wanted: LineFilter) -> dict[str, int]:
    """Return the sum of all such lines by unit: the figure that they are behind."""
    if wanted.is_a_balance:
        statement = (
            core_select(col(Balance.unit), func.sum(Balance.amount))
            .where(col(Balance.account_id).in_(await _accounts(session, sight, wanted)))
            .group_by(col(Balance.unit))
        )
    else:
        statement = (
            core_select(col(Posting.unit), func.sum(Posting.amount))
            .join(Entry, col(Entry.entry_id) == col(Posting.entry_id))
            .where(*await _conditions(session, sight, wanted))
            .group_by(col(Posting.unit))
        )
    return {unit: int(total) for unit, total in await session.execute(statement)}


async def _accounts(session: AsyncSession, sight: Sight, wanted: LineFilter) -> Sequence[UUID]:
    statement = select(LedgerAccount.id).where(
        LedgerAccount.book_id == sight.book.id, LedgerAccount.kind == wanted.account
    )
    if wanted.holder_id is not None:
        statement = statement.where(LedgerAccount.holder_id == wanted.holder_id)
    if wanted.stream is not None:
        statement = statement.where(LedgerAccount.stream == wanted.stream)
    return (await session.exec(statement)).all()


async def _conditions(
    session: AsyncSession, sight: Sight, wanted: LineFilter
) -> list[ColumnElement[bool]]:
    # The accounts are looked up first: the database then knows how many lines they have.
    where = [
        col(Entry.book_id) == sight.book.id,
        col(Posting.account_id).in_(await _accounts(session, sight, wanted)),
    ]
    if wanted.kind is not None:
        where.append(col(Entry.kind) == wanted.kind)
    if wanted.without is not None:
        where.append(col(Entry.kind) != wanted.without)
    if wanted.period_id is not None and wanted.account in MONEY_KINDS:
        where.append(col(Entry.period_id) == wanted.period_id)
    if wanted.since is not None:
        where.append(col(Entry.booked_on) >= wanted.since)
    if wanted.until is not None:
        where.append(col(Entry.booked_on) <= wanted.until)
    return where


def _after(cursor: str) -> tuple[date, int, UUID]:
    day, number, account = (value or "" for value in decode_cursor(cursor, 3))
    if not (number.isascii() and number.isdigit() and len(number) <= CURSOR_DIGITS):
        raise InvalidError("cursor_invalid")
    try:
        return date.fromisoformat(day), int(number), UUID(account)
    except ValueError:
        raise InvalidError("cursor_invalid") from None


def _statement() -> Select[Any]:
    columns: list[Any] = [
        col(Entry.id).label("id"),
        col(Entry.entry_id).label("entry_id"),
        col(Entry.kind).label("kind"),
        col(Entry.worked_on).label("worked_on"),
        col(Entry.booked_on).label("booked_on"),
        col(Entry.recorded_at).label("recorded_at"),
        col(Entry.recorded_by).label("recorded_by"),
        col(Entry.corrects).label("corrects"),
        col(Posting.account_id).label("account_id"),
        col(LedgerAccount.kind).label("account"),
        col(LedgerAccount.holder_id).label("holder_id"),
        col(LedgerAccount.stream).label("stream"),
        col(Posting.unit).label("unit"),
        col(Posting.amount).label("amount"),
        col(Need.id).label("need_id"),
        func.coalesce(Need.title, "").label("need_title"),
    ]
    return (
        core_select(*columns)
        .select_from(Posting)
        .join(Entry, col(Entry.entry_id) == col(Posting.entry_id))
        .join(LedgerAccount, col(LedgerAccount.id) == col(Posting.account_id))
        .outerjoin(Claim, col(Claim.id) == col(Entry.claim_id))
        .outerjoin(Need, col(Need.id) == col(Claim.need_id))
    )


async def _named(session: AsyncSession, sight: Sight, rows: Sequence[Row[Any]]) -> list[BookLine]:
    people = {row.recorded_by for row in rows}
    people |= {row.holder_id for row in rows if row.account in SOMEBODYS}
    names = await names_of(session, sight, people)
    return [_line(row, names) for row in rows]


def _line(row: Row[Any], names: Mapping[UUID, str]) -> BookLine:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
    values["recorded_by"] = names[values["recorded_by"]]
    return BookLine(**values, holder=names.get(values["holder_id"], ""))

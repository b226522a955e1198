"""What people are called in a book: by their name, and by a pseudonym once they left it (R14).

Whoever shows a name of somebody in a book asks here. Their own name one always sees.
"""

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import tuple_
from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.infra import clock
from app.models.identity import Account
from app.models.ledger import BookStatus, BookStatusKind, LedgerAccountKind

# Accounts that are somebody's; the others are the organisation's, all members' or outside.
SOMEBODYS = frozenset(
    {
        LedgerAccountKind.WORKER,
        LedgerAccountKind.SUSPENSE,
        LedgerAccountKind.STANDING,
        LedgerAccountKind.CAPITAL,
    }
)


class Known(NamedTuple):
    """A handle, which who left has none of, and the name that is shown."""

    handle: str
    name: str

    @property
    def said(self) -> str:
        """What stands where people are told by their handles."""
        return self.handle or self.name


def pseudonym_of(account_id: UUID) -> str:
    """Return the name under which what somebody did stays in the book after they left (R14)."""
    return f"W-{account_id.hex[:8]}"


async def known_as(
    session: AsyncSession, book_id: UUID, ids: Iterable[UUID], reader: UUID | None = None
) -> dict[UUID, Known]:
    """Return what each is called in a book, as one reader sees it; each has a name."""
    found = await known_in(session, ((book_id, one) for one in ids), reader)
    return {account_id: known for (_, account_id), known in found.items()}


async def known_in(
    session: AsyncSession, places: Iterable[tuple[UUID, UUID]], reader: UUID | None = None
) -> dict[tuple[UUID, UUID], Known]:
    """Return what each is called, by book and account: who left one book has a name in others."""
    wanted = set(places)
    if not wanted:
        return {}
    statement = select(Account.id, Account.handle, Account.display_name).where(
        col(Account.id).in_({account_id for _, account_id in wanted})
    )
    named = {i: Known(handle, name) for i, handle, name in await session.execute(statement) if name}
    gone = await _gone(session, {place for place in wanted if place[1] != reader})
    return {
        place: Known("", pseudonym_of(place[1]))
        if place in gone or place[1] not in named
        else named[place[1]]
        for place in wanted
    }


async def _gone(
    session: AsyncSession, places: Iterable[tuple[UUID, UUID]]
) -> set[tuple[UUID, UUID]]:
    """Return those who have left: the newest of what they were says so."""
    place = (col(BookStatus.book_id), col(BookStatus.account_id))
    statement = (
        select(BookStatus)
        .where(tuple_(*place).in_(list(places)), BookStatus.since <= clock.today())
        .ext(distinct_on(*place))
        .order_by(*place, col(BookStatus.since).desc(), col(BookStatus.id).desc())
    )
    return {
        (one.book_id, one.account_id)
        for one in await session.exec(statement)
        if one.status == BookStatusKind.LEFT
    }


async def names_in(
    session: AsyncSession, book_id: UUID, ids: Iterable[UUID], reader: UUID | None = None
) -> dict[UUID, str]:
    """As `known_as`, only the names."""
    found = await known_as(session, book_id, ids, reader)
    return {account_id: known.name for account_id, known in found.items()}

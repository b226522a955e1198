"""Reading what somebody is to a co-operative, from which day on. Written by governance alone."""

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.models.ledger import BookStatus, BookStatusKind


async def statuses_of(
    session: AsyncSession, book_id: UUID, account_id: UUID | None = None
) -> Sequence[BookStatus]:
    """Return a book's statuses in the order in which they begin, of one person or of all."""
    statement = (
        select(BookStatus)
        .where(BookStatus.book_id == book_id)
        .order_by(col(BookStatus.since), col(BookStatus.id))
    )
    if account_id is not None:
        statement = statement.where(BookStatus.account_id == account_id)
    return (await session.exec(statement)).all()


async def status_at(
    session: AsyncSession, book_id: UUID, account_id: UUID, day: date
) -> BookStatus | None:
    """Return what somebody is on a day: the newest status that began by then."""
    statement = (
        select(BookStatus)
        .where(
            BookStatus.book_id == book_id,
            BookStatus.account_id == account_id,
            BookStatus.since <= day,
        )
        .order_by(col(BookStatus.since).desc(), col(BookStatus.id).desc())
        .limit(1)
    )
    return (await session.exec(statement)).first()


async def people_at(session: AsyncSession, book_id: UUID, day: date) -> Mapping[UUID, BookStatus]:
    """Return what everybody is on a day, by account; those who left as well."""
    statement = (
        select(BookStatus)
        .where(BookStatus.book_id == book_id, BookStatus.since <= day)
        .ext(distinct_on(col(BookStatus.account_id)))
        .order_by(
            col(BookStatus.account_id), col(BookStatus.since).desc(), col(BookStatus.id).desc()
        )
    )
    return {status.account_id: status for status in await session.exec(statement)}


async def worker_owners_at(session: AsyncSession, book_id: UUID, day: date) -> Sequence[UUID]:
    """Return the worker-owners on a day: the roll, in the order of their ids."""
    people = await people_at(session, book_id, day)
    owners = BookStatusKind.WORKER_OWNER
    return sorted(account for account, status in people.items() if status.status == owners)

"""Who keeps a book, and of whom it speaks: worker-owners, its owners, and those who worked."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import func, or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.activity.actions import record
from app.domain.ledger import errors, queries
from app.domain.ledger.policy import may_keep_book
from app.domain.ledger.posting import book_of
from app.domain.ledger.rules import CURRENCIES
from app.domain.organisations.queries import get_organisation_for, membership
from app.infra import clock
from app.models.identity import Account
from app.models.ledger import Book, LedgerAccount, LedgerAccountKind
from app.models.organisations import Membership

# Entries refer to their book and are not kept waiting by this.
BOOK_LOCK = {"key_share": True}


async def start_ownership(
    session: AsyncSession, actor: Actor, organisation_id: UUID, currency: str
) -> Book:
    """Let worker-owners keep an organisation's book from now on: a lead's decision, made once.

    Who they are, and what follows from it, is governance's to write.
    """
    account_id = actor.require_session()
    await get_organisation_for(session, actor, organisation_id)
    if not may_keep_book(await membership(session, organisation_id, account_id)):
        raise errors.book_forbidden()
    if currency not in CURRENCIES:
        raise errors.currency_unknown()
    book = await lock_book(session, await book_of(session, organisation_id))
    if book.ownership_since is not None:
        raise errors.ownership_on()
    book.ownership_since = clock.now()
    book.currency = currency
    book.version += 1
    record(
        session,
        actor,
        "book.ownership_started",
        book.id,
        organisation_id=str(organisation_id),
        currency=currency,
    )
    await session.flush()  # the answer reads it
    return book


async def lock_book(session: AsyncSession, book_id: UUID) -> Book:
    """Return a book that nobody else changes until this transaction ends; entries go on."""
    return await session.get_one(Book, book_id, with_for_update=BOOK_LOCK, populate_existing=True)


async def book_to_keep(session: AsyncSession, actor: Actor, book_id: UUID) -> Book:
    """Return a book to those who keep it, once worker-owners do; strangers learn nothing."""
    book = await queries.get_book_for(session, actor, book_id)
    if book.ownership_since is None:
        raise errors.ownership_needed()
    return book


async def book_of_members(session: AsyncSession, actor: Actor, book_id: UUID) -> Book:
    """Return a book that worker-owners keep to any member of its organisation."""
    book = await session.get(Book, book_id)
    if book is None or await membership(session, book.organisation_id, actor.signed_in()) is None:
        raise errors.book_not_found()
    if book.ownership_since is None:
        raise errors.ownership_needed()
    return book


async def workers_named(
    session: AsyncSession, book: Book, handles: Collection[str]
) -> dict[str, UUID]:
    """Find people by handle among the book's own: members, and those who worked.

    Nobody else is found, so that a list of slips does not tell who has an account here.
    """
    wanted = {folded(handle) for handle in handles}
    members = select(Membership.account_id).where(
        Membership.organisation_id == book.organisation_id
    )
    holders = select(LedgerAccount.holder_id).where(
        LedgerAccount.book_id == book.id, LedgerAccount.kind == LedgerAccountKind.WORKER
    )
    statement = select(func.lower(Account.handle), Account.id).where(
        func.lower(Account.handle).in_(wanted),
        col(Account.silent).is_(False),
        or_(col(Account.id).in_(members), col(Account.id).in_(holders)),
    )
    return dict((await session.exec(statement)).all())


async def same_person(
    session: AsyncSession, recorder: UUID, workers: Collection[UUID]
) -> set[UUID]:
    """Return those workers who are the one that records, as far as that is to be seen (R15).

    Two accounts with one address are one person, whether or not the address was proven.
    """
    return await accounts_of_people(session, {recorder}, workers)


async def accounts_of_people(
    session: AsyncSession, people: Collection[UUID], among: Collection[UUID]
) -> set[UUID]:
    """Return those accounts that are of one of these people, as `same_person` tells people."""
    theirs = select(func.lower(Account.email)).where(
        col(Account.id).in_(people), col(Account.email).is_not(None)
    )
    statement = select(Account.id).where(
        col(Account.id).in_(among),
        or_(col(Account.id).in_(people), func.lower(Account.email).in_(theirs)),
    )
    return set((await session.exec(statement)).all())


async def handles_of(session: AsyncSession, book: Book) -> list[str]:
    """List the handles that `workers_named` finds among the members, for a form to offer."""
    statement = (
        select(Account.handle)
        .where(
            Membership.account_id == Account.id,
            Membership.organisation_id == book.organisation_id,
            col(Account.silent).is_(False),
        )
        .order_by(col(Account.handle))
    )
    return list((await session.exec(statement)).all())


def folded(handle: str) -> str:
    """Return a handle as it is compared, with or without the sign that people put before it."""
    return handle.strip().removeprefix("@").lower()

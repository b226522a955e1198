"""One person, one vote and one standing, as far as that is to be seen: by mail address.

An address belongs to whoever proved it. One that was not proven can be anybody's, so writing
somebody's address into one's own account takes no vote and no standing from them.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.governance.policy import Place
from app.domain.ledger.keeping import same_person
from app.domain.ledger.statuses import people_at
from app.errors import ConflictError, ForbiddenError
from app.models.identity import Account
from app.models.ledger import BookStatusKind


async def is_own(session: AsyncSession, place: Place, account_id: UUID) -> bool:
    """Say whether what is somebody's is the asker's own, by this account or another (R15)."""
    return bool(await same_person(session, place.account_id, [account_id]))


@dataclass(frozen=True)
class Address:
    """The address of one account as others have it: who proved that it is theirs."""

    proven: bool
    others: frozenset[UUID]
    proven_by: frozenset[UUID]


async def address_of(session: AsyncSession, account_id: UUID, among: Collection[UUID]) -> Address:
    """Say who among these accounts has the address of one; without an address nobody has."""
    own = select(func.lower(Account.email)).where(Account.id == account_id).scalar_subquery()
    statement = select(Account.id, col(Account.email_proven_at).is_not(None)).where(
        col(Account.id).in_({account_id, *among}), func.lower(Account.email) == own
    )
    found = dict((await session.exec(statement)).all())
    proven = found.pop(account_id, False)
    return Address(
        proven, frozenset(found), frozenset(each for each, shown in found.items() if shown)
    )


async def kept_off_the_roll(
    session: AsyncSession, parties: Collection[UUID], roll: Collection[UUID]
) -> set[UUID]:
    """Return those of a roll who are a party by another account of theirs (R13).

    Whoever proved an address that a party only wrote down is somebody else, and keeps the vote.
    """
    found: set[UUID] = set()
    for party in parties:
        address = await address_of(session, party, roll)
        found |= address.others if address.proven else address.others - address.proven_by
    return found


async def check_vote(
    session: AsyncSession, account_id: UUID, roll: Collection[UUID], voted: Collection[UUID]
) -> None:
    """Refuse a vote by an address that others on the roll have too, unless it is the owner's first.

    Nobody votes by a shared address before proving it: whoever only wrote it down could otherwise
    vote first, and a vote is not taken back when the owner comes.
    """
    address = await address_of(session, account_id, roll)
    if address.others and not address.proven:
        raise ForbiddenError("vote_unproven")
    if not address.proven_by.isdisjoint(voted):
        raise ConflictError("vote_same_person")


async def check_standing(session: AsyncSession, book_id: UUID, account_id: UUID) -> None:
    """Refuse a second standing in a book to one person, unless the address is theirs alone."""
    people = await people_at(session, book_id, date.max)
    here = {each for each, row in people.items() if row.status is not BookStatusKind.LEFT}
    address = await address_of(session, account_id, here)
    if address.others and (address.proven_by or not address.proven):
        raise ConflictError("standing_same_person")

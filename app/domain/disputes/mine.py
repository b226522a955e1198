"""The disputes that somebody has something to say in, and that can still go on."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, exists, true
from sqlalchemy.orm import aliased
from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor, Scope
from app.domain.disputes.queries import Case, case_of
from app.errors import NotFoundError
from app.models.disputes import Dispute, DisputeSeat, JudgeState
from app.models.ledger import Book, Entry
from app.models.organisations import MemberRole, Membership


async def my_disputes(session: AsyncSession, actor: Actor) -> Sequence[Case]:
    """Return the disputes that somebody is a side of or judges and that can still go on."""
    account_id = actor.require(Scope.LEDGER_READ)
    seated = select(DisputeSeat.dispute_id).where(
        DisputeSeat.account_id == account_id,
        col(DisputeSeat.state).in_([JudgeState.DRAWN, JudgeState.DECIDED]),
    )
    statement = (
        select(Dispute)
        .where(
            col(Dispute.final_at).is_(None),
            Dispute.entry_id == Entry.entry_id,
            or_(
                col(Dispute.worker_id) == account_id,
                col(Dispute.opened_by) == account_id,
                col(Entry.recorded_by) == account_id,
                col(Dispute.id).in_(seated),
                _left_to_owners(account_id),
            ),
        )
        .order_by(col(Dispute.opened_at), col(Dispute.id))
        .limit(100)
    )
    cases = []
    for dispute in (await session.exec(statement)).all():
        try:
            found = await case_of(session, dispute, account_id)
        except NotFoundError:  # once their own to speak for, and no longer
            continue
        if found.sides or found.seat:
            cases.append(found)
    return cases


def _left_to_owners(account_id: UUID) -> ColumnElement[bool]:
    """Disputes where somebody answers as an owner, since who spoke for the book is there no more.

    Who wrote a claim's entry may be any member; `_sides_of` looks at what they still are.
    """
    by_worker = col(Dispute.opened_by) == Dispute.worker_id
    speaker = case((by_worker, col(Entry.recorded_by)), else_=col(Dispute.opened_by))
    keeps = or_(col(Membership.worker_owner), col(Membership.role) == MemberRole.OWNER)
    as_then = case(
        (~by_worker, col(Membership.worker_owner)),
        (col(Entry.claim_id).is_(None), keeps),
        else_=true(),
    )
    book = select(Book.organisation_id).where(Book.id == Dispute.book_id).scalar_subquery()
    there = exists().where(
        col(Membership.organisation_id) == book, col(Membership.account_id) == speaker, as_then
    )
    own = aliased(Membership)
    owns = exists().where(
        col(own.organisation_id) == book,
        col(own.account_id) == account_id,
        col(own.role) == MemberRole.OWNER,
    )
    return and_(owns, ~there)

"""Who sits on an appeal panel: three worker-owners outside the case, drawn so that all can check.

Of the pool, whoever has the smallest SHA-256 of "seed:number:account" sits
(`claims.rules.draw_key`); seed, number, size and the first of the pool are kept. The pool holds
worker-owners from before the dispute and nobody else: stewards and people of other organisations
sit only where both sides name them.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlmodel import col, func, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.claims.drawing import TOOK_SIDES
from app.domain.claims.rules import draw_key
from app.domain.disputes import queries
from app.domain.disputes.queries import Case
from app.domain.disputes.rules import ANSWER, seats_wanted
from app.domain.disputes.ruling import record_dispute
from app.infra import clock, ids
from app.models.claims import ClaimHistory, Panel, PanelSeat
from app.models.disputes import Dispute, DisputeSeat, JudgeTier
from app.models.identity import Account
from app.models.ledger import BookStatus, BookStatusKind, Entry

POOL_KEPT = 20


async def draw_missing(session: AsyncSession, actor: Actor, case: Case) -> None:
    """Draw those whom the panel still needs; fewer where nobody is left outside the case."""
    dispute = case.dispute
    seats = list(await queries.seats_of(session, dispute.id))
    for _ in range(seats_wanted([seat.state for seat in seats])):
        parties = await parties_of(session, case)
        pool = await _pool(session, dispute, parties)
        if not pool:
            return
        number = len(seats) + 1
        order = sorted(pool, key=lambda person: draw_key(dispute.seed, number, person))
        seat = seat_of(dispute, order[0], number, JudgeTier.WORKER_OWNERS)
        seat.pool_size = len(order)
        seat.pool_head = [str(person) for person in order[:POOL_KEPT]]
        session.add(seat)
        await session.flush()  # the next draw must not find the same person
        seats.append(seat)
        record_dispute(session, actor, case, "dispute.judge_drawn", {seat.account_id})


def seat_of(dispute: Dispute, account_id: UUID, number: int, tier: JudgeTier) -> DisputeSeat:
    """Give somebody a seat; they have 14 days."""
    now = clock.now()
    return DisputeSeat(
        id=ids.private_id(),
        dispute_id=dispute.id,
        account_id=account_id,
        number=number,
        tier=tier,
        pool_size=1,
        pool_head=[str(account_id)],
        drawn_at=now,
        answer_by=now + ANSWER,
    )


async def parties_of(session: AsyncSession, case: Case) -> set[UUID]:
    """Return all who are in the case: whoever took part in the entry, the claim or the dispute."""
    dispute, entry = case.dispute, case.entry
    found = {dispute.worker_id, dispute.opened_by, entry.recorded_by, dispute.offer_by}
    found |= await queries.answering_for_book(session, dispute, entry, case.organisation.id)
    found |= {seat.account_id for seat in await queries.seats_of(session, dispute.id)}
    if entry.corrects is not None:
        found.add((await queries.entry_by_id(session, entry.corrects)).recorded_by)
    about = select(Dispute.id).where(Dispute.entry_id == entry.entry_id)
    wrote = select(Entry.recorded_by).where(col(Entry.dispute_id).in_(about))
    found |= set((await session.exec(wrote)).all())
    if entry.claim_id is not None:
        sides = select(ClaimHistory.account_id).where(
            ClaimHistory.claim_id == entry.claim_id, col(ClaimHistory.to_state).in_(TOOK_SIDES)
        )
        judges = select(PanelSeat.account_id).where(
            PanelSeat.panel_id == Panel.id, Panel.claim_id == entry.claim_id
        )
        found |= {*(await session.exec(sides)).all(), *(await session.exec(judges)).all()}
    return {person for person in found if person is not None}


async def _pool(session: AsyncSession, dispute: Dispute, parties: set[UUID]) -> Sequence[UUID]:
    """Return those who may be drawn: worker-owners now and before the dispute, outside the case."""
    owners = await queries.worker_owners_of(session, dispute.book_id)
    before = select(BookStatus.account_id).where(
        BookStatus.book_id == dispute.book_id,
        BookStatus.status == BookStatusKind.WORKER_OWNER,
        col(BookStatus.recorded_at) < dispute.opened_at,
    )
    statement = select(Account.id).where(
        col(Account.id).in_(owners - parties),
        col(Account.id).in_(before),
        *may_sit(parties),
    )
    return (await session.exec(statement)).all()


def may_sit(parties: set[UUID]) -> list[ColumnElement[bool]]:
    """Nobody who may not act here, nor with the mail address of a party: a second account."""
    theirs = select(func.lower(Account.email)).where(
        col(Account.id).in_(parties), col(Account.email).is_not(None)
    )
    return [
        col(Account.disabled_at).is_(None),
        col(Account.limited_at).is_(None),
        col(Account.silent).is_(False),
        or_(col(Account.email).is_(None), func.lower(Account.email).not_in(theirs)),
    ]

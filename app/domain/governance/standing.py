"""What counts toward becoming a worker-owner (R10), at a day, and why.

Confirmed work counts on the day on which it was done. What waits in suspense does not (R3); gift
work does as far as it was recognised (R12), and no longer than it stands in the book itself.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import func
from sqlalchemy import select as core_select
from sqlalchemy.orm import aliased
from sqlmodel import and_, col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor, enforce
from app.domain.governance import queries
from app.domain.governance.policy import may_see_of
from app.domain.governance.rules import Met, Standing, explain, recent_from
from app.domain.ledger.people import known_as
from app.domain.ledger.statuses import statuses_of
from app.infra import clock
from app.models.disputes import Dispute
from app.models.governance import AdmissionAsk, Training
from app.models.ledger import (
    MINUTE,
    BookStatusKind,
    Entry,
    LedgerAccount,
    LedgerAccountKind,
    Posting,
    WorkStream,
)


@dataclass(frozen=True)
class StandingView:
    """Somebody's standing at a day: what is asked, what there is, and whether they may ask."""

    account_id: UUID
    handle: str
    display_name: str
    status: BookStatusKind | None
    on: date
    standing: Standing
    criteria: Sequence[Met]
    trainings: Sequence[Training]
    ask: AdmissionAsk | None

    @property
    def eligible(self) -> bool:
        """Say whether everything is there; whoever is not on probation has nothing to ask for."""
        probation = self.status is BookStatusKind.PROBATIONARY
        return probation and all(one.met for one in self.criteria)


async def standing_for(
    session: AsyncSession, actor: Actor, book_id: UUID, account_id: UUID, on: date
) -> StandingView:
    """Return somebody's standing at a day to themselves, and to those who look after the book."""
    place = await queries.get_place(session, actor, book_id)
    enforce(may_see_of(place, account_id))
    return await standing_at(session, book_id, account_id, on)


async def standing_at(
    session: AsyncSession, book_id: UUID, account_id: UUID, on: date
) -> StandingView:
    """Return somebody's standing at a day, whoever asks."""
    asked = (await queries.policy_of(session, book_id, on)).admission
    rows = [row for row in await statuses_of(session, book_id, account_id) if row.since <= on]
    work = await _work_by_day(session, book_id, account_id, on)
    recent = recent_from(on, asked.recent_months)
    trainings = await trainings_of(session, book_id, account_id)
    had = Standing(
        since=_begun([(row.status, row.since) for row in rows]),
        minutes=sum(work.values()),
        recent_minutes=sum(minutes for day, minutes in work.items() if day >= recent),
        trainings=frozenset(each.name for each in trainings if each.done_on <= on),
    )
    names = await known_as(session, book_id, [account_id])
    return StandingView(
        account_id,
        *names[account_id],
        status=rows[-1].status if rows else None,
        on=on,
        standing=had,
        criteria=explain(asked, had, on),
        trainings=trainings,
        ask=await open_ask_of(session, book_id, account_id),
    )


def _begun(rows: Sequence[tuple[BookStatusKind, date]]) -> date | None:
    """Return when somebody began: the first day since they last were nobody here."""
    begun = None
    for status, since in rows:
        begun = None if status == BookStatusKind.LEFT else begun or since
    return begun


async def _work_by_day(
    session: AsyncSession, book_id: UUID, account_id: UUID, until: date
) -> Mapping[date, int]:
    """Return minutes by the day of the work: all but gifts, and what is recognised of gifts."""
    statement = (
        core_select(col(Entry.worked_on), func.sum(Posting.amount))
        .where(
            col(Posting.account_id) == col(LedgerAccount.id),
            col(Posting.entry_id) == col(Entry.entry_id),
            col(Posting.unit) == MINUTE,
            col(LedgerAccount.book_id) == book_id,
            col(LedgerAccount.holder_id) == account_id,
            or_(
                and_(
                    col(LedgerAccount.kind) == LedgerAccountKind.WORKER,
                    col(LedgerAccount.stream) != WorkStream.GIFT,
                ),
                col(LedgerAccount.kind) == LedgerAccountKind.STANDING,
            ),
            col(Entry.worked_on) <= until,
        )
        .group_by(col(Entry.worked_on))
    )
    return {day: int(minutes) for day, minutes in await session.execute(statement)}


@dataclass(frozen=True)
class Gift:
    """Gift work of one entry, as far as it stands."""

    entry_id: UUID
    worked_on: date
    minutes: int


async def standing_gifts(
    session: AsyncSession,
    book_id: UUID,
    account_id: UUID,
    only: Collection[UUID] | None = None,
) -> Mapping[UUID, Gift]:
    """Return somebody's gift work by entry, as it stands: without what was taken back."""
    correction = aliased(Entry)
    statement = (
        core_select(col(Entry.entry_id), col(Entry.worked_on), col(Posting.amount))
        .outerjoin(correction, col(correction.corrects) == col(Entry.entry_id))
        .where(
            col(Entry.book_id) == book_id,
            col(Posting.entry_id) == col(Entry.entry_id),
            col(Posting.unit) == MINUTE,
            col(Posting.amount) > 0,
            col(Posting.account_id) == col(LedgerAccount.id),
            col(LedgerAccount.kind) == LedgerAccountKind.WORKER,
            col(LedgerAccount.holder_id) == account_id,
            col(LedgerAccount.stream) == WorkStream.GIFT,
            col(Entry.dispute_id).is_(None),
            col(correction.entry_id).is_(None),
        )
        .order_by(col(Entry.worked_on), col(Entry.id))
    )
    if only is not None:
        statement = statement.where(col(Entry.entry_id).in_(only))
    rows = (await session.execute(statement)).all()
    moved = await _moved_by_disputes(session, book_id, account_id)
    gifts = [Gift(row[0], row[1], row[2] + moved.get(row[0], 0)) for row in rows]
    return {gift.entry_id: gift for gift in gifts if gift.minutes > 0}


async def _moved_by_disputes(
    session: AsyncSession, book_id: UUID, account_id: UUID
) -> Mapping[UUID, int]:
    """Return by how much disputes changed somebody's gifts: into suspense, and out by a ruling."""
    statement = (
        core_select(col(Dispute.entry_id), func.sum(Posting.amount))
        .where(
            col(Dispute.book_id) == book_id,
            col(Dispute.worker_id) == account_id,
            col(Entry.dispute_id) == col(Dispute.id),
            col(Posting.entry_id) == col(Entry.entry_id),
            col(Posting.account_id) == col(LedgerAccount.id),
            col(LedgerAccount.kind) == LedgerAccountKind.WORKER,
            col(LedgerAccount.holder_id) == account_id,
            col(LedgerAccount.stream) == WorkStream.GIFT,
        )
        .group_by(col(Dispute.entry_id))
    )
    return {entry_id: int(minutes) for entry_id, minutes in await session.execute(statement)}


async def trainings_of(
    session: AsyncSession, book_id: UUID, account_id: UUID
) -> Sequence[Training]:
    """Return the trainings that somebody did: of each name what was written down last."""
    statement = (
        select(Training)
        .where(Training.book_id == book_id, Training.account_id == account_id)
        .order_by(col(Training.id))
    )
    newest = {row.name.casefold(): row for row in await session.exec(statement)}
    return [row for row in newest.values() if not row.taken_back]


async def open_ask_of(
    session: AsyncSession, book_id: UUID, account_id: UUID
) -> AdmissionAsk | None:
    """Return what somebody asked that is not answered yet."""
    statement = select(AdmissionAsk).where(
        AdmissionAsk.book_id == book_id,
        AdmissionAsk.account_id == account_id,
        col(AdmissionAsk.closed_at).is_(None),
    )
    return (await session.exec(statement)).first()


async def may_ask_today(session: AsyncSession, book_id: UUID, account_id: UUID) -> bool:
    """Say whether the right to ask is open to somebody today."""
    return (await standing_at(session, book_id, account_id, clock.today())).eligible

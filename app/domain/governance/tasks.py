"""What waits for worker-owners to begin: asks that nobody has put to the vote, exits to be paid.

It comes before what the book itself waits for, which `statements.tasks` says.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.governance import queries
from app.domain.governance.exits import something_left
from app.domain.governance.persons import is_own
from app.domain.governance.policy import Place
from app.domain.governance.standing import may_ask_today, open_ask_of
from app.domain.ledger.keeping import same_person
from app.domain.ledger.people import names_in
from app.domain.statements.queries import Sight
from app.domain.statements.tasks import Task, tasks_for
from app.infra import clock
from app.models.disputes import Dispute, DisputeSeat, DisputeState, JudgeState
from app.models.governance import (
    AdmissionAsk,
    Conversion,
    ConversionSide,
    ConversionSignature,
    DecisionSubject,
    Exit,
    ExitPayout,
)
from app.models.ledger import BookStatusKind


async def tasks_of(session: AsyncSession, sight: Sight) -> list[Task]:
    """Say what there is to do for whoever looks at a book, what is urgent first."""
    if sight.book.ownership_since is None:
        return await tasks_for(session, sight)
    place = await queries.place_of(session, sight.book, sight.account_id)
    found = await _own(session, place)
    if place.worker_owner:
        found += await _admissions(session, place)
        found += await _conversions(session, place)
        found += await _appeals(session, place)
        found += await _exits(session, place)
    return [*found, *await tasks_for(session, sight)]


async def _own(session: AsyncSession, place: Place) -> list[Task]:
    """Say what waits for this person alone: a seat on a panel, the right to ask."""
    book_id, account_id = place.book.id, place.account_id
    seats = (
        select(DisputeSeat)
        .where(
            DisputeSeat.dispute_id == Dispute.id,
            Dispute.book_id == book_id,
            Dispute.state == DisputeState.PANEL,
            DisputeSeat.account_id == account_id,
            DisputeSeat.state == JudgeState.DRAWN,
        )
        .order_by(col(DisputeSeat.answer_by))
    )
    found = [
        Task("judge", seat.dispute_id, day=seat.answer_by.date())
        for seat in await session.exec(seats)
    ]
    if place.kind is not BookStatusKind.PROBATIONARY:
        return found
    asked = await open_ask_of(session, book_id, account_id)
    if asked is None and await may_ask_today(session, book_id, account_id):
        found.append(Task("may_ask", book_id))
    return found


async def _admissions(session: AsyncSession, place: Place) -> list[Task]:
    asks = select(AdmissionAsk).where(
        AdmissionAsk.book_id == place.book.id, col(AdmissionAsk.closed_at).is_(None)
    )
    rows = (await session.exec(asks.order_by(col(AdmissionAsk.asked_at)))).all()
    names = await names_in(session, place.book.id, [row.account_id for row in rows])
    return [
        Task(
            "admission",
            row.id,
            day=row.asked_at.date(),
            name=names[row.account_id],
            book_id=row.book_id,
        )
        for row in rows
        if await _waits(session, DecisionSubject.ADMISSION, row.id)
    ]


async def _conversions(session: AsyncSession, place: Place) -> list[Task]:
    """Gifts that wait for the signature of the book's side, or for a vote."""
    signed = (
        select(func.count())
        .where(
            ConversionSignature.conversion_id == Conversion.id,
            ConversionSignature.side == ConversionSide.BOOK,
        )
        .scalar_subquery()
    )
    asks = (
        select(Conversion, signed)
        .where(Conversion.book_id == place.book.id, col(Conversion.closed_at).is_(None))
        .order_by(col(Conversion.id))
    )
    rows = (await session.exec(asks)).all()
    names = await names_in(session, place.book.id, [row.account_id for row, _ in rows])
    return [
        Task("conversion" if by_book else "cosign", row.id, name=names[row.account_id])
        for row, by_book in rows
        if not await is_own(session, place, row.account_id)
        and await _waits(session, DecisionSubject.CONVERSION, row.id)
    ]


async def _appeals(session: AsyncSession, place: Place) -> list[Task]:
    """Whoever is a party leaves it to another to say how much would stand (R13)."""
    asks = (
        select(Dispute)
        .where(
            Dispute.book_id == place.book.id,
            Dispute.state == DisputeState.ASSEMBLY,
        )
        .order_by(col(Dispute.assembly_since), col(Dispute.id))
    )
    rows: Sequence[Dispute] = (await session.exec(asks)).all()
    return [
        Task("appeal", row.id, day=row.assembly_since.date() if row.assembly_since else None)
        for row in rows
        if not await same_person(session, place.account_id, {row.worker_id, row.opened_by})
        and await _waits(session, DecisionSubject.APPEAL, row.id)
    ]


async def _exits(session: AsyncSession, place: Place) -> list[Task]:
    """Exits with something to pay, by the day of the next instalment; nobody pays themselves."""
    due = func.min(ExitPayout.due_on)
    asks = (
        select(Exit, due)
        .where(
            Exit.book_id == place.book.id,
            col(Exit.closed_at).is_(None),
            ExitPayout.exit_id == Exit.id,
            col(ExitPayout.paid_at).is_(None),
            something_left(),
        )
        .group_by(col(Exit.id))
        .order_by(due, col(Exit.id))
    )
    today = clock.today()
    return [
        Task("exit_due" if day <= today else "exit_open", row.id, day=day)
        for row, day in (await session.exec(asks)).all()
        if not await is_own(session, place, row.account_id)
    ]


async def _waits(session: AsyncSession, subject: DecisionSubject, subject_id: UUID) -> bool:
    return await queries.undecided_about(session, subject, subject_id) is None

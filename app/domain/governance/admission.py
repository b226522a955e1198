"""Asking to become a worker-owner, and writing down what counts toward it."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor, enforce
from app.domain.activity.actions import record
from app.domain.governance import errors, persons, queries
from app.domain.governance.policy import may_lead
from app.domain.governance.standing import may_ask_today, open_ask_of, trainings_of
from app.domain.ledger.keeping import same_person
from app.domain.ledger.people import known_as
from app.domain.ledger.statuses import worker_owners_at
from app.errors import ConflictError, ForbiddenError, NotFoundError
from app.infra import clock, ids
from app.models.governance import AdmissionAsk, Training


async def ask_admission(
    session: AsyncSession, actor: Actor, book_id: UUID, words: str
) -> AdmissionAsk:
    """Ask to be taken in; standing opens the right to ask, and the worker-owners decide."""
    account_id = actor.require_session()
    place = await queries.get_place(session, actor, book_id)
    await queries.lock_book(session, book_id)
    if await open_ask_of(session, book_id, account_id) is not None:
        raise ConflictError("admission_open")
    if not await may_ask_today(session, book_id, account_id):
        raise ConflictError("standing_missing")
    await persons.check_standing(session, book_id, account_id)
    ask = AdmissionAsk(
        id=ids.private_id(),
        book_id=book_id,
        account_id=account_id,
        words=words.strip(),
        asked_at=clock.now(),
    )
    session.add(ask)
    await session.flush()
    owners = await worker_owners_at(session, book_id, clock.today())
    record(
        session,
        actor,
        "book.admission_asked",
        book_id,
        book_id=str(book_id),
        organisation_id=str(place.book.organisation_id),
        tell=[str(one) for one in owners],
    )
    return ask


async def take_ask_back(session: AsyncSession, actor: Actor, book_id: UUID) -> None:
    """Take back what one asked; a vote that is under way is closed as not needed."""
    account_id = actor.require_session()
    await queries.get_place(session, actor, book_id)
    await queries.lock_book(session, book_id)
    ask = await open_ask_of(session, book_id, account_id)
    if ask is None:
        raise NotFoundError("admission_not_found")
    ask.closed_at = clock.now()
    record(session, actor, "book.admission_taken_back", book_id, book_id=str(book_id))


async def asks_of(
    session: AsyncSession, actor: Actor, book_id: UUID
) -> Sequence[tuple[AdmissionAsk, str, str]]:
    """List those who asked to be taken in, the first first, with handle and name."""
    place = await queries.get_place(session, actor, book_id)
    enforce(may_lead(place))
    statement = (
        select(AdmissionAsk)
        .where(AdmissionAsk.book_id == book_id, col(AdmissionAsk.closed_at).is_(None))
        .order_by(col(AdmissionAsk.asked_at))
    )
    asks = (await session.exec(statement)).all()
    names = await known_as(session, book_id, [ask.account_id for ask in asks])
    return [(ask, *names[ask.account_id]) for ask in asks]


async def record_training(
    session: AsyncSession, actor: Actor, book_id: UUID, account_id: UUID, *, name: str, on: date
) -> Training:
    """Write down that somebody did a training: somebody else does it, never they themselves."""
    await _check_may_record(session, actor, book_id, account_id)
    if on > clock.today():
        raise errors.invalid("status_future", "/done_on")
    row = _training(actor, book_id, account_id, name=name.strip(), on=on)
    session.add(row)
    await session.flush()
    record(session, actor, "book.training_recorded", book_id, tell=str(account_id))
    return row


async def take_training_back(
    session: AsyncSession, actor: Actor, book_id: UUID, account_id: UUID, training_id: UUID
) -> None:
    """Say that a training was written down by mistake; both rows stay."""
    await _check_may_record(session, actor, book_id, account_id)
    held = {row.training_id: row for row in await trainings_of(session, book_id, account_id)}
    row = held.get(training_id)
    if row is None:
        raise NotFoundError("training_not_found")
    back = _training(actor, book_id, account_id, name=row.name, on=row.done_on)
    back.taken_back = True
    session.add(back)
    record(session, actor, "book.training_taken_back", book_id, tell=str(account_id))


async def _check_may_record(
    session: AsyncSession, actor: Actor, book_id: UUID, account_id: UUID
) -> None:
    own_id = actor.require_session()
    place = await queries.get_place(session, actor, book_id)
    enforce(may_lead(place))
    if await same_person(session, own_id, [account_id]):
        raise ForbiddenError("training_own")
    other = await queries.place_of(session, place.book, account_id)
    if other.status is None:
        raise NotFoundError("not_in_book")


def _training(actor: Actor, book_id: UUID, account_id: UUID, *, name: str, on: date) -> Training:
    return Training(
        training_id=ids.private_id(),
        book_id=book_id,
        account_id=account_id,
        name=name,
        done_on=on,
        recorded_by=actor.signed_in(),
        recorded_at=clock.now(),
    )

"""What was there before the book: minutes, capital accounts, the reserve. Once, and by two people.

One of those who keep the book writes the opening, another one reads and confirms it; only then is
it in the book. Nobody's minutes are entered on their own word (R15): where one of the two worked
themselves, the other one stands behind that line.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.activity.actions import record
from app.domain.ledger import errors
from app.domain.ledger.keeping import book_to_keep, folded, lock_book, same_person, workers_named
from app.domain.ledger.people import known_as
from app.domain.ledger.policy import may_keep_book
from app.domain.ledger.posting import NewEntry, hold, post_entry
from app.domain.ledger.rules import Side, contribution_sides
from app.domain.organisations.queries import membership
from app.errors import FieldError
from app.infra import clock, ids
from app.models.ledger import (
    Book,
    BookOpening,
    EntryKind,
    LedgerAccountKind,
    OpeningCapital,
    OpeningFields,
    OpeningMinutes,
)
from app.models.periods import Period, PeriodState

CAPITAL, RESERVE = LedgerAccountKind.CAPITAL, LedgerAccountKind.RESERVE
Pair = Sequence[Side]


@dataclass(frozen=True)
class OpeningView:
    """An opening as it was written, and what it says in sum."""

    opening: BookOpening
    said: OpeningFields
    currency: str

    @property
    def minutes(self) -> int:
        """All minutes in it."""
        return sum(line.minutes for line in self.said.minutes)

    @property
    def worth(self) -> int:
        """Capital accounts and reserve: what the co-operative is worth in its book (R6)."""
        return sum(line.amount for line in self.said.capital) + self.said.reserve


async def prepare_opening(
    session: AsyncSession,
    actor: Actor,
    book_id: UUID,
    said: OpeningFields,
    unread: Sequence[FieldError] = (),
) -> OpeningView:
    """Write the opening, or write it anew while nobody has confirmed it.

    `unread` is what could not be read of it: with that nothing is kept, and all faults are said
    together.
    """
    account_id = actor.require_session()
    book = await book_to_keep(session, actor, book_id)
    await lock_book(session, book_id)
    opening = await session.get(BookOpening, book_id, populate_existing=True)
    if opening is not None and opening.confirmed_at is not None:
        raise errors.opening_confirmed()
    await _sides_of(session, book, said, unread)
    if opening is None:
        opening = BookOpening(book_id=book_id, document={}, prepared_by=account_id)
        session.add(opening)
    else:
        opening.version += 1
    opening.document = said.model_dump(mode="json")
    opening.prepared_by, opening.prepared_at = account_id, clock.now()
    record(
        session,
        actor,
        "book.opening_prepared",
        book.id,
        organisation_id=str(book.organisation_id),
    )
    await session.flush()
    return OpeningView(opening, said, book.currency)


async def opening_of(session: AsyncSession, actor: Actor, book_id: UUID) -> OpeningView:
    """Return the opening of a book to those who keep it."""
    book = await book_to_keep(session, actor, book_id)
    opening = await session.get(BookOpening, book_id)
    if opening is None:
        raise errors.opening_not_found()
    said = OpeningFields.model_validate(opening.document)
    if opening.confirmed_at is not None:
        said = await _as_known(session, actor, book, said)
    return OpeningView(opening, said, book.currency)


async def _as_known(
    session: AsyncSession, actor: Actor, book: Book, said: OpeningFields
) -> OpeningFields:
    """Say who has left since by their pseudonym (R14); what was confirmed stays as it is."""
    lines: list[OpeningMinutes | OpeningCapital] = [*said.minutes, *said.capital]
    found = await workers_named(session, book, [line.worker for line in lines])
    known = await known_as(session, book.id, found.values(), actor.account_id)
    gone = {handle: known[one].name for handle, one in found.items() if not known[one].handle}
    for line in lines:
        line.worker = gone.get(folded(line.worker), line.worker)
    return said


async def confirm_opening(
    session: AsyncSession, actor: Actor, book_id: UUID, version: int
) -> OpeningView:
    """Enter the opening that one has read: one batch, by somebody who did not write it."""
    account_id = actor.require_session()
    await lock_book_of(session, actor, book_id)
    view = await opening_of(session, actor, book_id)
    opening, said = view.opening, view.said
    if opening.confirmed_at is not None:
        raise errors.opening_confirmed()
    if opening.version != version:
        raise errors.opening_stale()
    if await same_person(session, account_id, [opening.prepared_by]):
        raise errors.opening_own()
    book = await session.get_one(Book, book_id)
    if not may_keep_book(await membership(session, book.organisation_id, opening.prepared_by)):
        raise errors.opening_preparer_gone()
    pairs = await _sides_of(session, book, said)
    await hold(session, book_id, [side for _, pair in pairs for side in pair])
    batch_id = ids.private_id()
    own = await same_person(session, account_id, {worker for worker, _ in pairs if worker})
    for worker, pair in pairs:
        recorder = opening.prepared_by if worker in own else account_id
        new = NewEntry(EntryKind.OPENING, said.on, recorder, batch_id=batch_id)
        await post_entry(session, actor, book_id, new, pair)
    opening.confirmed_by, opening.confirmed_at = account_id, clock.now()
    opening.batch_id = batch_id
    opening.version += 1
    record(
        session,
        actor,
        "book.opened",
        book.id,
        organisation_id=str(book.organisation_id),
        tell=sorted({str(worker) for worker, _ in pairs if worker is not None}),
    )
    await session.flush()
    return view


async def lock_book_of(session: AsyncSession, actor: Actor, book_id: UUID) -> None:
    """Lock a book for those who keep it."""
    await book_to_keep(session, actor, book_id)
    await lock_book(session, book_id)


async def _sides_of(
    session: AsyncSession, book: Book, said: OpeningFields, unread: Sequence[FieldError] = ()
) -> list[tuple[UUID | None, Pair]]:
    """Return what is to be posted and whose it is; refuse all where one line does not hold."""
    await _check_in_time(session, book, said)
    named = [line.worker for line in said.minutes] + [line.worker for line in said.capital]
    people = await workers_named(session, book, [name for name in named if name])
    faults = [
        *unread,
        *_faults("minutes", [(line.worker, line.stream) for line in said.minutes], people),
        *_faults("capital", [(line.worker, "") for line in said.capital], people),
    ]
    if said.on > clock.today():
        faults.append(FieldError("/on", "slip_in_future"))
    if not (unread or said.minutes or said.capital or said.reserve):
        faults.append(FieldError("/minutes", "opening_empty"))
    if faults:
        raise errors.opening_refused(faults)
    pairs: list[tuple[UUID | None, Pair]] = []
    for line in said.minutes:
        worker = people[folded(line.worker)]
        sides = contribution_sides(worker, book.organisation_id, line.minutes, line.stream)
        pairs.append((worker, sides))
    for account in said.capital:
        if account.amount:
            worker = people[folded(account.worker)]
            pairs.append((worker, _money(book, CAPITAL, worker, account.amount)))
    if said.reserve:
        pairs.append((None, _money(book, RESERVE, book.organisation_id, said.reserve)))
    return pairs


async def _check_in_time(session: AsyncSession, book: Book, said: OpeningFields) -> None:
    """What a period counts is never put below it."""
    late = select(Period.id).where(
        Period.book_id == book.id,
        or_(col(Period.starts_on) <= said.on, col(Period.state) != PeriodState.OPEN),
    )
    if (await session.exec(late)).first() is not None:
        raise errors.opening_too_late()


def _money(book: Book, kind: LedgerAccountKind, holder: UUID, amount: int) -> Pair:
    """What was there came from outside the book."""
    outside = LedgerAccountKind.OUTSIDE
    return [
        Side(kind, holder, None, book.currency, amount),
        Side(outside, book.organisation_id, None, book.currency, -amount),
    ]


def _faults(
    name: str, lines: Sequence[tuple[str, str]], people: Mapping[str, UUID]
) -> list[FieldError]:
    """Return what is wrong with lines: nobody of that name here, or the same line again."""
    faults = []
    seen: set[tuple[str, str]] = set()
    for number, (worker, stream) in enumerate(lines):
        key = (folded(worker), stream)
        if not worker:
            continue  # said already
        if key[0] not in people:
            faults.append(FieldError(f"/{name}/{number}/worker", "slip_worker_unknown"))
        elif key in seen:
            faults.append(FieldError(f"/{name}/{number}/worker", "opening_twice"))
        seen.add(key)
    return faults

"""Gift work that is recognised as standing (R12): both sides sign, then all decide.

What was given stays a gift. The entry that recognises it stands beside it and names it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor, enforce
from app.domain.activity.actions import record
from app.domain.governance import errors, queries
from app.domain.governance.persons import is_own
from app.domain.governance.policy import Place, may_open_conversion, side_of
from app.domain.governance.standing import Gift, standing_gifts
from app.domain.ledger.people import known_as
from app.domain.ledger.posting import NewEntry, post_entry
from app.domain.ledger.rules import Side
from app.domain.ledger.statuses import worker_owners_at
from app.errors import ConflictError, ForbiddenError, NotFoundError
from app.infra import clock, ids
from app.models.governance import (
    Conversion,
    ConversionEntry,
    ConversionSide,
    ConversionSignature,
    Decision,
)
from app.models.ledger import (
    MINUTE,
    Entry,
    EntryKind,
    EntryLink,
    LedgerAccountKind,
    WorkStream,
)

GIFTS_MAX = 500
STANDING, GIFT = LedgerAccountKind.STANDING, WorkStream.GIFT


@dataclass(frozen=True)
class ConversionView:
    """A conversion with its gifts as they stand now, and who signed."""

    conversion: Conversion
    handle: str
    display_name: str
    gifts: Sequence[Gift]
    signed: Mapping[ConversionSide, UUID]
    my_side: ConversionSide | None

    @property
    def minutes(self) -> int:
        """Return how much gift work it is about."""
        return sum(gift.minutes for gift in self.gifts)

    @property
    def may_sign(self) -> bool:
        """Say whether the asker's signature is awaited."""
        waits = self.conversion.closed_at is None and self.my_side is not None
        return waits and self.my_side not in self.signed

    @property
    def complete(self) -> bool:
        """Say whether both sides signed."""
        return set(self.signed) == set(ConversionSide)


async def open_conversion(
    session: AsyncSession,
    actor: Actor,
    book_id: UUID,
    account_id: UUID,
    entry_ids: Collection[UUID],
) -> Conversion:
    """Ask that gifts be recognised: the one who gave them, or a worker-owner for them.

    Whoever asks has signed for their side by it.
    """
    own_id = actor.require_session()
    place = await queries.get_place(session, actor, book_id)
    enforce(may_open_conversion(await _side(session, place, account_id)))
    await queries.lock_book(session, book_id)
    free = await free_gifts(session, book_id, account_id)
    chosen = set(entry_ids)
    if not chosen or len(chosen) > GIFTS_MAX or not chosen <= {gift.entry_id for gift in free}:
        raise errors.invalid("conversion_empty", "/entry_ids")
    conversion = Conversion(
        id=ids.private_id(),
        book_id=book_id,
        account_id=account_id,
        opened_by=own_id,
        opened_at=clock.now(),
    )
    session.add(conversion)
    await session.flush()  # what follows refers to it
    session.add_all(
        ConversionEntry(conversion_id=conversion.id, entry_id=one) for one in sorted(chosen)
    )
    await _sign(session, actor, place, conversion)
    return conversion


async def free_gifts(session: AsyncSession, book_id: UUID, account_id: UUID) -> Sequence[Gift]:
    """Return somebody's gifts that were not recognised yet, and about which nobody has asked."""
    gifts = await standing_gifts(session, book_id, account_id)
    waiting = select(ConversionEntry.entry_id).where(
        ConversionEntry.conversion_id == Conversion.id,
        Conversion.book_id == book_id,
        col(Conversion.closed_at).is_(None),
    )
    done = select(EntryLink.linked_entry_id).where(
        EntryLink.entry_id == Entry.entry_id,
        Entry.book_id == book_id,
        Entry.kind == EntryKind.CONVERSION,
    )
    taken = {*(await session.exec(waiting)).all(), *(await session.exec(done)).all()}
    return [gift for gift in gifts.values() if gift.entry_id not in taken and gift.minutes > 0]


async def free_gifts_for(
    session: AsyncSession, actor: Actor, book_id: UUID, account_id: UUID
) -> Sequence[Gift]:
    """Return the gifts that may be asked about, to those who may ask."""
    place = await queries.get_place(session, actor, book_id)
    enforce(may_open_conversion(await _side(session, place, account_id)))
    return await free_gifts(session, book_id, account_id)


async def sign_conversion(
    session: AsyncSession, actor: Actor, conversion_id: UUID
) -> ConversionView:
    """Say yes for one's side: the one who gave for themselves, a worker-owner for the book."""
    actor.require_session()
    view = await get_conversion_for(session, actor, conversion_id)
    place = await queries.get_place(session, actor, view.conversion.book_id)
    await queries.lock_book(session, view.conversion.book_id)
    view = await get_conversion_for(session, actor, conversion_id)
    if view.my_side is None:
        raise ForbiddenError("conversion_side")
    if view.conversion.closed_at is not None or not view.may_sign:
        raise ConflictError("conversion_signed")
    await _sign(session, actor, place, view.conversion)
    return await get_conversion_for(session, actor, conversion_id)


async def _side(session: AsyncSession, place: Place, giver: UUID) -> ConversionSide | None:
    return side_of(place, giver, own=await is_own(session, place, giver))


async def _sign(session: AsyncSession, actor: Actor, place: Place, conversion: Conversion) -> None:
    side = await _side(session, place, conversion.account_id)
    assert side is not None  # noqa: S101 - both callers refuse who has none
    session.add(
        ConversionSignature(
            conversion_id=conversion.id,
            side=side,
            account_id=actor.signed_in(),
            signed_at=clock.now(),
        )
    )
    await session.flush()
    owners = await worker_owners_at(session, conversion.book_id, clock.today())
    record(
        session,
        actor,
        "conversion.signed",
        conversion.id,
        book_id=str(conversion.book_id),
        organisation_id=str(place.book.organisation_id),
        tell=sorted({str(conversion.account_id), *(str(one) for one in owners)}),
    )


async def take_conversion_back(session: AsyncSession, actor: Actor, conversion_id: UUID) -> None:
    """Let it be, as the one who gave or as whoever asked; the gifts may be asked about again."""
    own_id = actor.require_session()
    view = await get_conversion_for(session, actor, conversion_id)
    await queries.lock_book(session, view.conversion.book_id)
    conversion = await session.get_one(Conversion, conversion_id, populate_existing=True)
    if own_id not in {conversion.account_id, conversion.opened_by}:
        raise ForbiddenError("conversion_side")
    if conversion.closed_at is not None:
        raise NotFoundError("conversion_not_found")
    conversion.closed_at = clock.now()
    book_id = str(conversion.book_id)
    record(session, actor, "conversion.taken_back", conversion.id, book_id=book_id)


async def get_conversion_for(
    session: AsyncSession, actor: Actor, conversion_id: UUID
) -> ConversionView:
    """Return a conversion to the one who gave, and to those who look after the book."""
    conversion = await session.get(Conversion, conversion_id, populate_existing=True)
    if conversion is None:
        raise NotFoundError("conversion_not_found")
    place = await queries.place_or(session, actor, conversion.book_id, "conversion_not_found")
    if not place.lead and place.account_id != conversion.account_id:
        raise NotFoundError("conversion_not_found")
    return await _view(session, place, conversion)


async def conversions_of(
    session: AsyncSession, actor: Actor, book_id: UUID
) -> Sequence[ConversionView]:
    """List what waits for a signature or a decision: all of it to the lead, one's own to others."""
    place = await queries.get_place(session, actor, book_id)
    statement = (
        select(Conversion)
        .where(Conversion.book_id == book_id, col(Conversion.closed_at).is_(None))
        .order_by(col(Conversion.opened_at))
        .limit(100)
    )
    if not place.lead:
        statement = statement.where(Conversion.account_id == place.account_id)
    return [await _view(session, place, one) for one in (await session.exec(statement)).all()]


async def _view(session: AsyncSession, place: Place, conversion: Conversion) -> ConversionView:
    entries = select(ConversionEntry.entry_id).where(ConversionEntry.conversion_id == conversion.id)
    named = set((await session.exec(entries)).all())
    gifts = await standing_gifts(session, conversion.book_id, conversion.account_id, named)
    signatures = select(ConversionSignature).where(
        ConversionSignature.conversion_id == conversion.id
    )
    signed = {one.side: one.account_id for one in await session.exec(signatures)}
    names = await known_as(session, conversion.book_id, [conversion.account_id], place.account_id)
    side = await _side(session, place, conversion.account_id)
    return ConversionView(
        conversion, *names[conversion.account_id], list(gifts.values()), signed, side
    )


async def terms_of(session: AsyncSession, place: Place, conversion_id: UUID) -> dict[str, Any]:
    """Return exactly which gifts, of how many minutes, are put to the vote."""
    conversion = await session.get(Conversion, conversion_id)
    if conversion is None or conversion.book_id != place.book.id or conversion.closed_at:
        raise NotFoundError("conversion_not_found")
    view = await _view(session, place, conversion)
    if not view.complete:
        raise ConflictError("conversion_unsigned")
    if not view.gifts:
        raise ConflictError("conversion_changed")
    return {
        "account_id": str(conversion.account_id),
        "entries": [
            {"entry_id": str(gift.entry_id), "minutes": gift.minutes} for gift in view.gifts
        ],
        "minutes": view.minutes,
    }


async def recognise(session: AsyncSession, actor: Actor, decision: Decision) -> None:
    """Post what was decided: one entry beside each gift, on the day on which it was given.

    Refused where a gift does not stand any more as it stood when all voted.
    """
    conversion = await session.get_one(Conversion, decision.subject_id, populate_existing=True)
    if conversion.closed_at is not None:
        raise ConflictError("conversion_changed")
    conversion.closed_at = clock.now()
    book = await queries.lock_book(session, decision.book_id)
    terms = {UUID(one["entry_id"]): one["minutes"] for one in decision.terms["entries"]}
    gifts = await standing_gifts(session, book.id, conversion.account_id, set(terms))
    if {gift.entry_id: gift.minutes for gift in gifts.values()} != terms:
        raise ConflictError("conversion_changed")
    for gift in gifts.values():
        new = NewEntry(
            EntryKind.CONVERSION,
            gift.worked_on,
            decision.opened_by,
            decision_id=decision.id,
            batch_id=conversion.id,
            links=[gift.entry_id],
        )
        sides = [
            Side(STANDING, conversion.account_id, GIFT, MINUTE, gift.minutes),
            Side(STANDING, book.organisation_id, GIFT, MINUTE, -gift.minutes),
        ]
        await post_entry(session, actor, book.id, new, sides)

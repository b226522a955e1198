"""What may be put to the worker-owners, and the exact terms on which they then decide."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.governance import conversions, standing
from app.domain.governance.policy import Place
from app.errors import ConflictError, NotFoundError
from app.models.governance import AdmissionAsk, DecisionSubject


@dataclass(frozen=True)
class Proposal:
    """What is proposed: the draft policy, ask, conversion or dispute that it is about.

    `minutes` is what an appeal would leave of an entry.
    """

    subject: DecisionSubject
    subject_id: UUID
    minutes: int | None = None


@dataclass(frozen=True)
class Prepared:
    """The terms of a decision, in ids and numbers alone, and who has no vote on them."""

    terms: dict[str, Any]
    parties: frozenset[UUID] = field(default_factory=frozenset)


async def prepare(session: AsyncSession, place: Place, proposal: Proposal) -> Prepared:
    """Check that something can be decided now, and say exactly what a yes would do."""
    return await _PREPARE[proposal.subject](session, place, proposal)


async def _admission(session: AsyncSession, place: Place, proposal: Proposal) -> Prepared:
    ask = await session.get(AdmissionAsk, proposal.subject_id)
    if ask is None or ask.book_id != place.book.id or ask.closed_at is not None:
        raise NotFoundError("admission_not_found")
    if not await standing.may_ask_today(session, ask.book_id, ask.account_id):
        raise ConflictError("standing_missing")
    return Prepared({"account_id": str(ask.account_id)}, frozenset({ask.account_id}))


async def _conversion(session: AsyncSession, place: Place, proposal: Proposal) -> Prepared:
    return Prepared(await conversions.terms_of(session, place, proposal.subject_id))


_PREPARE: Mapping[
    DecisionSubject, Callable[[AsyncSession, Place, Proposal], Awaitable[Prepared]]
] = {
    DecisionSubject.ADMISSION: _admission,
    DecisionSubject.CONVERSION: _conversion,
}

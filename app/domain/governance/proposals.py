"""What may be put to the worker-owners, and the exact terms on which they then decide."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import SYSTEM, Actor
from app.domain.disputes.actions import check_minutes
from app.domain.disputes.errors import dispute_not_found, wrong_state
from app.domain.disputes.queries import answering_for_book, lock_case_for
from app.domain.governance import conversions, errors, standing
from app.domain.governance.policy import Place
from app.domain.policies.actions import propose_draft
from app.domain.policies.queries import read_policy
from app.errors import ConflictError, NotFoundError
from app.models.disputes import DisputeState
from app.models.governance import AdmissionAsk, Decision, DecisionSubject
from app.models.policies import PolicyDraft


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
    """The terms of a decision, in ids and numbers alone, and who has no vote on them.

    `figures`: whoever puts it says how much, so that no party does.
    """

    terms: dict[str, Any]
    parties: frozenset[UUID] = field(default_factory=frozenset)
    figures: bool = False


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


async def _policy(session: AsyncSession, place: Place, proposal: Proposal) -> Prepared:
    """The whole document is put to the vote, so that what all read is what holds."""
    draft = await session.get(PolicyDraft, proposal.subject_id)
    if draft is None or draft.book_id != place.book.id:
        raise NotFoundError("policy_not_found")
    terms = {
        "policy": draft.document,
        "policy_hash": read_policy(draft).hash().hex(),
        "valid_from": draft.valid_from.isoformat(),
    }
    return Prepared(terms)


async def _appeal(session: AsyncSession, place: Place, proposal: Proposal) -> Prepared:
    """A party never sits (R13): neither the worker nor who speaks for the book votes on it."""
    case = await lock_case_for(session, SYSTEM, proposal.subject_id)
    dispute = case.dispute
    if dispute.book_id != place.book.id:
        raise dispute_not_found()
    if dispute.state != DisputeState.ASSEMBLY:
        raise wrong_state(dispute.state)
    if proposal.minutes is None:
        raise errors.invalid("decision_minutes", "/minutes")
    check_minutes(case, proposal.minutes)
    terms = {"account_id": str(dispute.worker_id), "minutes": proposal.minutes}
    book_side = await answering_for_book(session, dispute, case.entry, case.organisation.id)
    parties = frozenset({dispute.worker_id, dispute.opened_by, *book_side})
    return Prepared(terms, parties, figures=True)


async def bind(session: AsyncSession, actor: Actor, decision: Decision) -> None:
    """Hold still what a decision is about, as long as it is voted on."""
    if decision.subject == DecisionSubject.POLICY:
        await propose_draft(session, actor, decision.subject_id, decision.id)


_PREPARE: Mapping[
    DecisionSubject, Callable[[AsyncSession, Place, Proposal], Awaitable[Prepared]]
] = {
    DecisionSubject.POLICY: _policy,
    DecisionSubject.ADMISSION: _admission,
    DecisionSubject.CONVERSION: _conversion,
    DecisionSubject.APPEAL: _appeal,
}

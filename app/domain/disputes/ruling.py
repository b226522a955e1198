"""What a dispute does in the book: minutes into suspense and out again, by entries of their own.

Nothing that stands is touched. Each entry counts where the disputed one does until that period is
locked, and then on the first day after it (R8).
"""

from dataclasses import dataclass
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import SYSTEM, Actor
from app.domain.activity.actions import record
from app.domain.claims import actions as claims
from app.domain.claims import queries as claim_queries
from app.domain.disputes import queries
from app.domain.disputes.errors import undisputable
from app.domain.disputes.queries import Case
from app.domain.disputes.rules import Matter, into_suspense, out_of_suspense, resolution_of
from app.domain.ledger.booking import changing_day
from app.domain.ledger.posting import NewEntry, account_of, post_entry
from app.domain.ledger.queries import lines_of
from app.domain.ledger.rules import opposite
from app.infra import clock
from app.models.claims import Claim, ClaimState
from app.models.disputes import Dispute, DisputeState, ResolvedBy
from app.models.ledger import (
    MINUTE,
    Entry,
    EntryKind,
    LedgerAccount,
    LedgerAccountKind,
    Posting,
)


@dataclass(frozen=True)
class Ruling:
    """How a dispute ends: the worker's minutes, who ended it, who answers for the entry."""

    final: int
    by: ResolvedBy
    recorded_by: UUID
    decision_id: UUID | None = None


async def suspend(
    session: AsyncSession, actor: Actor, entry: Entry, dispute: Dispute, matter: Matter
) -> None:
    """Put the minutes in question into suspense."""
    suspense = await _suspense(session, entry, dispute)
    new = await _entry(session, EntryKind.DISPUTE, entry, dispute, dispute.opened_by)
    await post_entry(session, actor, entry.book_id, new, into_suspense(matter, suspense))


async def suspend_again(session: AsyncSession, actor: Actor, case: Case, asked_by: UUID) -> None:
    """Put back into suspense what a panel's ruling took out: the assembly decides anew."""
    entry, dispute = case.entry, case.dispute
    statement = (
        select(Entry)
        .where(Entry.dispute_id == dispute.id, Entry.kind == EntryKind.RULING)
        .order_by(col(Entry.id).desc())
        .limit(1)
    )
    ruling = (await session.exec(statement)).one()
    new = await _entry(session, EntryKind.DISPUTE, entry, dispute, asked_by)
    lines = opposite(await lines_of(session, ruling.entry_id))
    await post_entry(session, actor, entry.book_id, new, lines)


async def rule(session: AsyncSession, actor: Actor, case: Case, ruling: Ruling) -> None:
    """End a dispute: so many minutes are the worker's, and the rest goes back."""
    dispute, entry = case.dispute, case.entry
    found = await queries.sides_of_entry(session, entry.entry_id)
    if found is None:
        raise undisputable("dispute_not_disputable")
    matter = Matter(found[0].id, found[1].id, dispute.minutes, dispute.takes)
    suspense = await _suspense(session, entry, dispute)
    new = await _entry(
        session, EntryKind.RULING, entry, dispute, ruling.recorded_by, ruling.decision_id
    )
    lines = out_of_suspense(matter, suspense, ruling.final)
    await post_entry(session, actor, entry.book_id, new, lines)
    dispute.state = DisputeState.CLOSED
    dispute.resolution = resolution_of(
        final=ruling.final, minutes=dispute.minutes, takes=dispute.takes
    )
    dispute.resolved_by, dispute.final_minutes = ruling.by, ruling.final
    dispute.decision_id = ruling.decision_id
    dispute.offer_minutes = dispute.offer_by = dispute.offer_by_worker = None
    dispute.closed_at = clock.now()
    dispute.version += 1
    if ruling.by != ResolvedBy.PANEL:  # a panel's ruling may still be appealed
        await finish(session, actor, case)
    await tell(session, actor, case, "dispute.ruled")


async def finish(session: AsyncSession, actor: Actor, case: Case) -> None:
    """Let what hangs on the entry follow, now that nobody can appeal any more."""
    case.dispute.final_at = clock.now()
    if case.entry.claim_id is not None:
        await _settle_claim(session, actor, case.entry.claim_id)
    if case.entry.receipt_id is not None:
        receipt_id = case.entry.receipt_id
        record(session, actor, "receipt.dispute_ended", receipt_id, receipt_id=str(receipt_id))


async def tell(session: AsyncSession, actor: Actor, case: Case, verb: str) -> None:
    """Tell the two sides, and whoever wrote the entry down.

    Who began it for the book is among those who answer as long as it is theirs to read.
    """
    dispute = case.dispute
    answering = await queries.answering_for_book(session, dispute, case.entry, case.organisation.id)
    people = {dispute.worker_id, case.entry.recorded_by, *answering}
    record_dispute(session, actor, case, verb, people)


def record_dispute(
    session: AsyncSession, actor: Actor, case: Case, verb: str, people: set[UUID]
) -> None:
    """Record what happened to a dispute, and who is told of it; ids only."""
    record(
        session,
        actor,
        verb,
        case.dispute.id,
        dispute_id=str(case.dispute.id),
        book_id=str(case.dispute.book_id),
        entry_id=str(case.entry.entry_id),
        organisation_id=str(case.organisation.id),
        tell=sorted(str(person) for person in people - {actor.account_id}),
    )


async def _entry(
    session: AsyncSession,
    kind: EntryKind,
    entry: Entry,
    dispute: Dispute,
    recorded_by: UUID,
    decision_id: UUID | None = None,
) -> NewEntry:
    return NewEntry(
        kind,
        entry.worked_on,
        recorded_by,
        booked_on=await changing_day(session, entry.book_id, entry.booked_on),
        claim_id=entry.claim_id,
        dispute_id=dispute.id,
        decision_id=decision_id,
    )


async def _suspense(session: AsyncSession, entry: Entry, dispute: Dispute) -> UUID:
    found = await queries.sides_of_entry(session, entry.entry_id)
    stream = found[0].stream if found else None
    kind = LedgerAccountKind.SUSPENSE
    return await account_of(session, entry.book_id, kind, dispute.worker_id, stream)


async def _settle_claim(session: AsyncSession, actor: Actor, claim_id: UUID) -> None:
    """Let a claim and its receipt say what its entries sum to, once that is final."""
    view = await claim_queries.lock_claim_for(session, SYSTEM, claim_id)
    claim = view.claim
    minutes = await _credited(session, claim)
    if claim.state != ClaimState.CONFIRMED or minutes == claim.confirmed_minutes:
        return
    if minutes == 0:
        claim.confirmed_minutes = claim.confirmed_at = None
        await claims.apply_move(session, actor, view, ClaimState.REJECTED)
        return
    claim.confirmed_minutes = minutes
    claim.updated_at = clock.now()
    claim.version += 1
    record(session, actor, "claim.minutes_ruled", claim.id, claim_id=str(claim.id), tell=[])


async def _credited(session: AsyncSession, claim: Claim) -> int:
    statement = select(Posting.amount).where(
        Entry.claim_id == claim.id,
        Posting.entry_id == Entry.entry_id,
        Posting.account_id == LedgerAccount.id,
        LedgerAccount.kind == LedgerAccountKind.WORKER,
        Posting.unit == MINUTE,
    )
    return sum((await session.exec(statement)).all())

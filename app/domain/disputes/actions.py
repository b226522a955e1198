"""Disputing an entry, and how it ends: the two sides agree, a panel rules, or the assembly does."""

from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import SYSTEM, Actor, Denied, Scope, enforce
from app.domain.claims.queries import lock_claim_for
from app.domain.claims.rules import CONTESTED
from app.domain.disputes import errors, policy, queries, ruling
from app.domain.disputes.drawing import draw_missing
from app.domain.disputes.queries import Case
from app.domain.disputes.rules import CaseSide, as_it_stood, panel_due, seats_wanted
from app.domain.disputes.ruling import Ruling
from app.domain.ledger.booking import is_settled
from app.domain.ledger.keeping import lock_book, same_person
from app.errors import reason_required
from app.infra import clock, ids
from app.models.disputes import Dispute, DisputeState, JudgeState, ResolvedBy
from app.models.ledger import Book, Entry

# Whoever disputes an entry and whoever corrects it wait for one another: see the migration.
LOCK_ENTRY = text("SELECT pg_advisory_xact_lock(hashtextextended(CAST(:entry_id AS text), 5))")
FINAL = frozenset({ResolvedBy.PANEL, ResolvedBy.ASSEMBLY})


async def open_dispute(session: AsyncSession, actor: Actor, entry_id: UUID, reason: str) -> Dispute:
    """Dispute an entry: its minutes wait in suspense until it is decided (R3)."""
    account_id = actor.require(Scope.CLAIMS_WRITE)
    entry, book, own = await queries.entry_for(session, actor, entry_id)
    await lock_book(session, book.id)  # whoever corrects the entry holds it first, too
    await session.execute(LOCK_ENTRY, {"entry_id": str(entry_id)})
    sides = await queries.sides_of_entry(session, entry_id)
    worker_id = sides[0].holder_id if sides else None
    if isinstance(policy.may_open(own, is_worker=worker_id == account_id), Denied):
        raise errors.dispute_forbidden()
    await check_disputable(session, entry, book, account_id)
    matter = await queries.matter_of(session, entry)
    if matter is None or worker_id is None:
        raise errors.undisputable("dispute_not_disputable")
    if not reason:
        raise reason_required()
    dispute = Dispute(
        id=ids.private_id(),
        book_id=book.id,
        entry_id=entry_id,
        worker_id=worker_id,
        minutes=matter.minutes,
        takes=matter.takes,
        opened_by=account_id,
        reason=reason,
        seed=ids.secret_token(),
    )
    session.add(dispute)
    await session.flush()  # the entry names it
    await ruling.suspend(session, actor, entry, dispute, matter)
    case = await queries.case_of(session, dispute, account_id)
    await ruling.tell(session, actor, case, "dispute.opened")
    return dispute


async def check_disputable(
    session: AsyncSession, entry: Entry, book: Book, account_id: UUID
) -> None:
    """Refuse to dispute what cannot be, and say why."""
    if book.ownership_since is None:
        raise errors.undisputable("dispute_no_ownership")
    if await is_settled(session, book.id, entry.booked_on):
        raise errors.undisputable("dispute_locked")
    if await queries.is_corrected(session, entry.entry_id):
        raise errors.undisputable("dispute_corrected")
    await _check_before(session, entry, account_id)
    if entry.claim_id is not None:
        await _check_claim(session, entry.claim_id)


async def _check_before(session: AsyncSession, entry: Entry, account_id: UUID) -> None:
    """One dispute at a time, one of each person, and none once a panel has decided."""
    before = await queries.disputes_of_entry(session, entry.entry_id)
    if any(one.final_at is None for one in before):
        raise errors.undisputable("dispute_open")
    if any(one.resolved_by in FINAL for one in before):
        raise errors.undisputable("dispute_decided")
    if await same_person(session, account_id, [one.opened_by for one in before]):
        raise errors.undisputable("dispute_had")


async def _check_claim(session: AsyncSession, claim_id: UUID) -> None:
    """Only what a claim's own way has decided is disputed in the book; its row is held."""
    view = await lock_claim_for(session, SYSTEM, claim_id)
    if view.claim.state in CONTESTED:
        raise errors.undisputable("dispute_claim_open")
    if view.claim.confirmed_minutes is None:
        raise errors.undisputable("dispute_not_disputable")


async def offer(session: AsyncSession, actor: Actor, dispute_id: UUID, minutes: int) -> Dispute:
    """Say what one would agree to, in the worker's minutes; both the same ends the dispute."""
    account_id = actor.require(Scope.CLAIMS_WRITE)
    case = await queries.lock_case_for(session, actor, dispute_id)
    dispute = case.dispute
    enforce(policy.may_settle(dispute, case.sides))
    check_minutes(case, minutes)
    by_worker = CaseSide.WORKER in case.sides
    others = dispute.offer_by if dispute.offer_by_worker is (not by_worker) else None
    if others is not None and await same_person(session, account_id, [others]):
        others = None  # both sides are one person by now: that is no agreement (R15)
    if others is not None and dispute.offer_minutes == minutes:
        if by_worker:
            await _check_stands(session, case, others)
        # Whoever speaks for the book answers for the entry, whichever side spoke last (R15).
        recorded_by = others if by_worker else account_id
        end = Ruling(minutes, ResolvedBy.AGREEMENT, recorded_by)
        await ruling.rule(session, actor, case, end)
        return dispute
    dispute.offer_minutes, dispute.offer_by = minutes, account_id
    dispute.offer_by_worker = by_worker
    dispute.version += 1
    await ruling.tell(session, actor, case, "dispute.offered")
    return dispute


async def _check_stands(session: AsyncSession, case: Case, offered_by: UUID) -> None:
    """Nobody agrees with who spoke for the book once and does so no more."""
    dispute = case.dispute
    speak = await queries.answering_for_book(session, dispute, case.entry, case.organisation.id)
    if offered_by not in speak:
        raise errors.offer_gone()


def check_minutes(case: Case, minutes: int) -> None:
    """Refuse more minutes than the end of a dispute may give."""
    if not 0 <= minutes <= case.most:
        raise errors.too_many_minutes(case.most)


async def withdraw(session: AsyncSession, actor: Actor, dispute_id: UUID) -> Dispute:
    """Let the entry stand, as the side that began the dispute."""
    account_id = actor.require(Scope.CLAIMS_WRITE)
    case = await queries.lock_case_for(session, actor, dispute_id)
    enforce(policy.may_withdraw(case.dispute, began=case.began))
    # Nobody answers for minutes of their own: what stands again, its recorder wrote down (R15).
    own = await same_person(session, account_id, [case.dispute.worker_id])
    recorded_by = case.entry.recorded_by if own else account_id
    minutes = as_it_stood(case.dispute)
    end = Ruling(minutes, ResolvedBy.WITHDRAWAL, recorded_by)
    await ruling.rule(session, actor, case, end)
    return case.dispute


async def ask_panel(session: AsyncSession, actor: Actor, dispute_id: UUID) -> Dispute:
    """Have three drawn who are outside the case, as one of the two sides."""
    case = await queries.lock_case_for(session, actor, dispute_id)
    enforce(policy.may_ask_panel(case.dispute, case.sides))
    await _to_panel(session, actor, case)
    return case.dispute


async def _to_panel(session: AsyncSession, actor: Actor, case: Case) -> None:
    case.dispute.state = DisputeState.PANEL
    case.dispute.panel_since = clock.now()
    case.dispute.version += 1
    await session.flush()  # seats refer to it
    await ruling.tell(session, actor, case, "dispute.panel_asked")
    await draw_missing(session, actor, case)


async def reappeal(session: AsyncSession, actor: Actor, dispute_id: UUID, reason: str) -> Dispute:
    """Ask the assembly, once: after a panel's ruling, or where no panel can be filled (R13)."""
    account_id = actor.require(Scope.CLAIMS_WRITE)
    case = await queries.lock_case_for(session, actor, dispute_id)
    dispute = case.dispute
    wanted = seats_wanted([seat.state for seat in case.seats])
    enforce(policy.may_reappeal(dispute, case.sides, wanted, clock.now()))
    if not reason:
        raise reason_required()
    if dispute.state == DisputeState.CLOSED:
        await ruling.suspend_again(session, actor, case, account_id)
    dispute.state = DisputeState.ASSEMBLY
    dispute.closed_at = None
    dispute.assembly_since = clock.now()
    dispute.assembly_asked_by, dispute.assembly_reason = account_id, reason
    dispute.version += 1
    await ruling.tell(session, actor, case, "dispute.reappealed")
    owners = await queries.worker_owners_of(session, dispute.book_id)
    ruling.record_dispute(session, actor, case, "dispute.assembly_asked", owners)
    return dispute


async def rule_of_assembly(
    session: AsyncSession,
    actor: Actor,
    dispute_id: UUID,
    minutes: int | None,
    decision_id: UUID,
    recorded_by: UUID,
) -> Dispute:
    """Carry out what the assembly decided; None lets stand what the panel ruled, or the entry.

    For the domain of decisions, which has found that it was decided.
    """
    case = await queries.lock_case_for(session, SYSTEM, dispute_id)
    dispute = case.dispute
    if dispute.state != DisputeState.ASSEMBLY:
        raise errors.wrong_state(dispute.state)
    if minutes is None:
        stood = dispute.final_minutes
        minutes = as_it_stood(dispute) if stood is None else stood
    else:
        check_minutes(case, minutes)
    # Whoever put it to the vote answers for it, but nobody for minutes of their own (R15).
    if await same_person(session, recorded_by, [dispute.worker_id]):
        recorded_by = case.entry.recorded_by
    end = Ruling(minutes, ResolvedBy.ASSEMBLY, recorded_by, decision_id)
    await ruling.rule(session, actor, case, end)
    return dispute


async def turn(session: AsyncSession, dispute_id: UUID) -> bool:
    """Take the step of the clock that is due for a dispute; say whether there was one."""
    case = await queries.lock_case_for(session, SYSTEM, dispute_id)
    dispute, now = case.dispute, clock.now()
    if dispute.final_at is not None:
        return False
    if dispute.state == DisputeState.TALKING and now >= panel_due(dispute):
        await _to_panel(session, SYSTEM, case)
        return True
    if queries.is_past_appeal(dispute):
        await ruling.finish(session, SYSTEM, case)
        return True
    return dispute.state == DisputeState.PANEL and await _redraw(session, case)


async def _redraw(session: AsyncSession, case: Case) -> bool:
    """Replace judges who did not answer in time, and fill what is free; safe to run twice."""
    late = [
        seat
        for seat in case.seats
        if seat.state == JudgeState.DRAWN and seat.answer_by <= clock.now()
    ]
    for seat in late:
        seat.state = JudgeState.MISSED
    await session.flush()  # the draw counts the seats
    before = len(case.seats)
    await draw_missing(session, SYSTEM, case)
    return bool(late) or len(await queries.seats_of(session, case.dispute.id)) > before

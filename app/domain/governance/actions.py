"""Deciding together: a proposal, a frozen roll, named votes, and what comes of it.

Assemblies will decide by more ways; what they decide enters by the same table and does the same.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import SYSTEM, Actor, enforce
from app.domain.activity.actions import record
from app.domain.governance import effects, errors, persons, proposals, queries
from app.domain.governance.overtaking import OVERTAKEN, overtaken_by, overtaken_decisions
from app.domain.governance.policy import may_govern, may_vote
from app.domain.governance.proposals import Proposal
from app.domain.governance.rules import passes, rule_for, settled
from app.domain.ledger.keeping import same_person
from app.domain.ledger.statuses import worker_owners_at
from app.errors import AppError, ConflictError, ForbiddenError
from app.infra import clock, ids
from app.models.governance import (
    Decision,
    DecisionElector,
    DecisionNote,
    DecisionOutcome,
    DecisionVote,
    VoteChoice,
)
from app.models.ledger import LogKind, LogPending

VOTING_DAYS_MAX = 60
SALT_BYTES = 16


@dataclass(frozen=True)
class Motion:
    """A proposal, what is said for it, and how many days there are to vote."""

    proposal: Proposal
    days: int
    words: str = ""


async def open_decision(
    session: AsyncSession, actor: Actor, book_id: UUID, motion: Motion
) -> Decision:
    """Put something to the worker-owners; whoever joins later waits for the next one."""
    account_id = actor.require_session()
    place = await queries.get_place(session, actor, book_id)
    enforce(may_govern(place))
    if not 1 <= motion.days <= VOTING_DAYS_MAX:
        raise errors.invalid("decision_days", "/days", most=VOTING_DAYS_MAX)
    await queries.lock_book(session, book_id)
    await _check_no_other(session, motion.proposal)
    put = await proposals.prepare(session, place, motion.proposal)
    roll = await worker_owners_at(session, book_id, clock.today())
    kept_off = put.parties | await persons.kept_off_the_roll(session, put.parties, roll)
    electors = [each for each in roll if each not in kept_off]
    if not electors:
        raise ConflictError("decision_roll_empty")
    if put.figures and await same_person(session, account_id, put.parties):
        raise ForbiddenError("decision_party")
    rule = rule_for(await queries.policy_of(session, book_id), motion.proposal.subject)
    salt, words = secrets.token_bytes(SALT_BYTES), motion.words.strip()
    decision = Decision(
        id=ids.private_id(),
        book_id=book_id,
        subject=motion.proposal.subject,
        subject_id=motion.proposal.subject_id,
        terms=put.terms,
        note_hash=hashlib.sha256(salt + words.encode()).digest() if words else None,
        base=rule.base,
        numerator=rule.threshold.numerator,
        denominator=rule.threshold.denominator,
        more_than=rule.more_than,
        quorum_numerator=rule.quorum.numerator,
        quorum_denominator=rule.quorum.denominator,
        roll_size=len(electors),
        opened_by=account_id,
        opened_at=clock.now(),
        ends_at=clock.now() + timedelta(days=motion.days),
    )
    session.add(decision)
    await session.flush()  # the roll refers to it
    session.add_all(DecisionElector(decision_id=decision.id, account_id=one) for one in electors)
    if words:
        session.add(DecisionNote(decision_id=decision.id, text=words, salt=salt))
    await session.flush()
    await proposals.bind(session, actor, decision)
    await _record(session, actor, decision, "opened")
    return decision


async def _check_no_other(session: AsyncSession, proposal: Proposal) -> None:
    """Refuse to decide about the same thing twice at once."""
    about = proposal.subject, proposal.subject_id
    if await queries.undecided_about(session, *about) is not None:
        raise ConflictError("decision_pending")


async def cast_vote(
    session: AsyncSession, actor: Actor, decision_id: UUID, said: VoteChoice
) -> Decision:
    """Vote once, by name; a decision that nothing can change any more is closed at once."""
    account_id = actor.require_session()
    seen = await queries.get_decision_for(session, actor, decision_id)
    await queries.lock_book(session, seen.decision.book_id)
    view = await queries.get_decision_for(session, actor, decision_id)
    decision = view.decision
    enforce(may_vote(view.place, elector=view.elector, voted=view.my_vote is not None))
    if view.outcome is not None or decision.ends_at <= clock.now():
        raise ConflictError("decision_closed")
    if (over := await overtaken_by(session, decision)) is not None:
        raise ConflictError(over)
    roll = await queries.electors_of(session, decision.id)
    voted = await queries.votes_of(session, decision.id)
    await persons.check_vote(session, account_id, roll, voted)
    session.add(DecisionVote(decision_id=decision.id, account_id=account_id, choice=said))
    await session.flush()  # it is counted below
    await _close_when_settled(session, decision)
    return decision


async def _close_when_settled(session: AsyncSession, decision: Decision) -> None:
    tally, able = await queries.count(session, decision)
    ended = decision.ends_at <= clock.now()
    rule = queries.rule_of(decision)
    how = passes(rule, tally) if ended else settled(rule, tally, able)
    if how is not None:
        refused = await _carry_out(session, decision, passed=how)
        await _close(session, decision, passed=how, refused=refused)


async def _carry_out(session: AsyncSession, decision: Decision, *, passed: bool) -> str | None:
    """Do what was decided, all of it; of what cannot be done any more only the reason is left."""
    try:
        async with session.begin_nested():
            await effects.carry_out(session, decision, passed=passed)
    except AppError as error:
        return error.code
    return None


async def _close(
    session: AsyncSession, decision: Decision, *, passed: bool, refused: str | None
) -> None:
    """Write down how a decision ended: its counts, and why nothing was done, if it was not."""
    tally, _ = await queries.count(session, decision)
    outcome = DecisionOutcome(
        decision_id=decision.id,
        passed=passed,
        yes=tally.yes,
        no=tally.no,
        abstain=tally.abstain,
        refused=refused,
        closed_at=clock.now(),
    )
    session.add(outcome)
    session.add(LogPending(kind=LogKind.DECISION, subject=decision.id))
    await session.flush()
    await _record(session, SYSTEM, decision, ending(outcome))


def ending(outcome: DecisionOutcome) -> str:
    """Say in a word how a decision ended."""
    if outcome.refused in OVERTAKEN:
        return "overtaken"
    if not outcome.passed:
        return "failed"
    return "refused" if outcome.refused else "passed"


async def close_overtaken(session: AsyncSession, book_id: UUID | None = None) -> int:
    """Close votes about what is over, so that nobody is asked any longer; safe to run twice.

    What was voted until then is counted as it is, by its own rule, and nothing is done.
    """
    closed = 0
    for decision_id in await overtaken_decisions(session, book_id):
        decision = await session.get_one(Decision, decision_id)
        await queries.lock_book(session, decision.book_id)
        over = await overtaken_by(session, decision)
        if over is None or await queries.outcome_of(session, decision_id) is not None:
            continue
        tally, _ = await queries.count(session, decision)
        await effects.let_go(session, decision)
        how = passes(queries.rule_of(decision), tally)
        await _close(session, decision, passed=how, refused=over)
        closed += 1
    return closed


async def due_decisions(session: AsyncSession, limit: int = 50) -> Sequence[UUID]:
    """Return decisions whose time to vote is over and that nobody has closed."""
    statement = (
        select(Decision.id)
        .outerjoin(DecisionOutcome, col(DecisionOutcome.decision_id) == col(Decision.id))
        .where(col(DecisionOutcome.decision_id).is_(None), Decision.ends_at <= clock.now())
        .order_by(col(Decision.ends_at))
        .limit(limit)
    )
    return (await session.exec(statement)).all()


async def close_due(session: AsyncSession, decision_id: UUID) -> int:
    """Close a decision whose end has come; safe to run twice."""
    decision = await session.get_one(Decision, decision_id)
    await queries.lock_book(session, decision.book_id)
    if await queries.outcome_of(session, decision_id) is not None:
        return 0
    # What was over before the last day came is not said to have been decided.
    if await overtaken_by(session, decision) is not None:
        return await close_overtaken(session, decision.book_id)
    await _close_when_settled(session, decision)
    return 1


async def _record(session: AsyncSession, actor: Actor, decision: Decision, verb: str) -> None:
    """Tell the roll, and the one whom it is about."""
    told = {str(each) for each in await queries.electors_of(session, decision.id)}
    named = {decision.terms["account_id"]} if "account_id" in decision.terms else set()
    record(
        session,
        actor,
        f"decision.{verb}",
        decision.id,
        book_id=str(decision.book_id),
        organisation_id=str(await queries.organisation_of(session, decision.book_id)),
        subject=decision.subject.value,
        tell=sorted(told | named),
    )

"""Writing the rules of a book: drafts, and what a decision made of them."""

from datetime import date, timedelta
from uuid import UUID

from pydantic import Field
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor, enforce
from app.domain.activity.actions import record
from app.domain.policies import errors, queries
from app.domain.policies.document import Policy
from app.domain.policies.policy import may_change_draft
from app.infra import clock, ids
from app.models.base import Fields, Line, Text
from app.models.ledger import Book, LogKind, LogPending
from app.models.policies import AdoptedPolicy, DraftState, PolicyDraft

AHEAD_MAX = timedelta(days=5 * 366)


class DraftFields(Fields):
    """What somebody writes about rules that they would like to have."""

    title: Line = Field(min_length=1, max_length=120)
    reason: Text = Field(default="", max_length=4000)
    valid_from: date
    document: Policy


async def adopt_policy(
    session: AsyncSession,
    actor: Actor,
    book_id: UUID,
    doc: Policy,
    valid_from: date,
    decision_id: UUID | None,
) -> AdoptedPolicy:
    """Let rules hold from a day on, as a decision said; the same decision does it once.

    Refused from a day on which, or before which, a period began: nobody changes the rules of work
    that is done.
    """
    # Two decisions at once get two versions, one after the other; who posts entries goes on.
    await session.get_one(Book, book_id, with_for_update={"key_share": True})
    known = await queries.adopted_by_decision(session, decision_id) if decision_id else None
    if known is not None:
        return known
    last = await queries.last_version(session, book_id)
    await check_day(session, book_id, valid_from)
    row = AdoptedPolicy(
        id=ids.private_id(),
        book_id=book_id,
        version=last + 1,
        valid_from=valid_from,
        document=doc.document(),
        document_hash=doc.hash(),
        decision_id=decision_id,
        adopted_by=actor.account_id,
    )
    session.add(row)
    session.add(LogPending(kind=LogKind.POLICY, subject=row.id))
    await session.flush()  # a draft refers to it
    record(session, actor, "policy.adopted", row.id, book=str(book_id))
    return row


async def check_day(session: AsyncSession, book_id: UUID, valid_from: date) -> None:
    """Refuse a day from which rules cannot hold (any more); asked before a vote begins, too.

    Rules for days before the first ones take nobody's away, so they may hold from a day that is
    past: the way out for a period that was opened too early.
    """
    since = await queries.first_ruled_day(session, book_id)
    first = since is None or valid_from < since
    free = await queries.first_free_day(session, book_id, first=first)
    today = clock.today()
    if free is not None and valid_from < free:
        raise errors.day_refused("policy_day_begun", free)
    if not first and valid_from <= today:
        raise errors.day_refused("policy_day_past", today + timedelta(days=1))
    if valid_from > today + AHEAD_MAX:
        raise errors.day_refused("policy_day_far")


async def write_draft(
    session: AsyncSession, actor: Actor, book_id: UUID, fields: DraftFields
) -> PolicyDraft:
    """Keep rules that one would like to have, for others to look at."""
    book = await queries.get_cooperative_for(session, actor, book_id)
    await check_day(session, book.id, fields.valid_from)
    row = PolicyDraft(
        id=ids.public_id(),
        book_id=book.id,
        title=fields.title,
        reason=fields.reason,
        document=fields.document.document(),
        valid_from=fields.valid_from,
        created_by=actor.signed_in(),
    )
    session.add(row)
    await session.flush()  # answered as it stands
    record(session, actor, "policy.drafted", row.id, book=str(book.id))
    return row


async def change_draft(
    session: AsyncSession, actor: Actor, draft_id: UUID, fields: DraftFields, expected: int
) -> PolicyDraft:
    """Write a draft of one's own anew, if nothing happened to it meanwhile."""
    row = await _draft_to_change(session, actor, draft_id, expected)
    await check_day(session, row.book_id, fields.valid_from)
    row.title, row.reason = fields.title, fields.reason
    row.document, row.valid_from = fields.document.document(), fields.valid_from
    _touch(row)
    return row


async def withdraw_draft(
    session: AsyncSession, actor: Actor, draft_id: UUID, expected: int
) -> PolicyDraft:
    """Take a draft of one's own back."""
    row = await _draft_to_change(session, actor, draft_id, expected)
    row.state = DraftState.WITHDRAWN
    _touch(row)
    return row


async def _draft_to_change(
    session: AsyncSession, actor: Actor, draft_id: UUID, expected: int
) -> PolicyDraft:
    await queries.get_draft_for(session, actor, draft_id)
    row = await _lock(session, draft_id)
    enforce(may_change_draft(row.created_by, row.state, actor.signed_in()))
    if row.version != expected:
        raise errors.stale(row.version)
    return row


async def _lock(session: AsyncSession, draft_id: UUID) -> PolicyDraft:
    """Return a draft to write to; one whose decision did not adopt it is its author's again."""
    row = await queries.lock_draft(session, draft_id)
    if await queries.is_left_over(session, row):
        row.state, row.decision_id = DraftState.OPEN, None
    return row


async def propose_draft(
    session: AsyncSession, actor: Actor, draft_id: UUID, decision_id: UUID
) -> PolicyDraft:
    """Put a draft to the vote: from now on it stays as it is. Called by who opens the decision."""
    await queries.get_draft_for(session, actor, draft_id)
    row = await _lock(session, draft_id)
    if row.state != DraftState.OPEN:
        raise errors.draft_closed(row.state)
    await check_day(session, row.book_id, row.valid_from)
    row.state, row.decision_id = DraftState.PROPOSED, decision_id
    _touch(row)
    return row


async def release_draft(session: AsyncSession, draft_id: UUID) -> PolicyDraft:
    """Give a draft back to its author: it was not adopted."""
    row = await queries.lock_draft(session, draft_id)
    if row.state == DraftState.PROPOSED:
        row.state, row.decision_id = DraftState.OPEN, None
        _touch(row)
    return row


async def adopt_draft(session: AsyncSession, actor: Actor, draft_id: UUID) -> AdoptedPolicy:
    """Let a draft hold, because the decision about it passed."""
    row = await queries.lock_draft(session, draft_id)
    if row.state not in {DraftState.PROPOSED, DraftState.ADOPTED} or row.decision_id is None:
        raise errors.draft_closed(row.state)
    document, decision_id = queries.read_policy(row), row.decision_id
    adopted = await adopt_policy(session, actor, row.book_id, document, row.valid_from, decision_id)
    if row.state == DraftState.PROPOSED:
        row.state, row.policy_id = DraftState.ADOPTED, adopted.id
        _touch(row)
    return adopted


def _touch(row: PolicyDraft) -> None:
    row.version += 1
    row.updated_at = clock.now()

"""Reading the rules of a book: what holds on a day, what held before, what is drafted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlmodel import col, func, select, tuple_
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor, enforce
from app.domain.ledger.people import known_in
from app.domain.ledger.queries import get_book_for
from app.domain.policies import errors
from app.domain.policies.document import Policy
from app.domain.policies.policy import may_change_draft
from app.errors import InvalidError
from app.infra import clock
from app.infra.pagination import Page, cut_page, decode_cursor, encode_cursor
from app.models.governance import DecisionOutcome
from app.models.ledger import Book
from app.models.periods import Period, PeriodState
from app.models.policies import AdoptedPolicy, DraftState, PolicyDraft


@dataclass(frozen=True)
class Draft:
    """A draft and who wrote it."""

    row: PolicyDraft
    author: str
    # Its decision is closed. Where that passed and came too late to hold, nothing else says so.
    over: bool = False

    @property
    def state(self) -> DraftState:
        """Return how far it is; what was decided and not adopted is its author's again."""
        left = self.row.state == DraftState.PROPOSED and self.over
        return DraftState.OPEN if left else self.row.state


def read_policy(row: AdoptedPolicy | PolicyDraft) -> Policy:
    """Return the document of a row; it was checked when it was written."""
    return Policy.model_validate(row.document)


async def policy_on(session: AsyncSession, book_id: UUID, day: date) -> AdoptedPolicy | None:
    """Return the rules that hold on a day: the newest that begin then or before.

    Of two that begin on the same day, the one that was adopted later.
    """
    statement = (
        select(AdoptedPolicy)
        .where(AdoptedPolicy.book_id == book_id, AdoptedPolicy.valid_from <= day)
        .order_by(col(AdoptedPolicy.valid_from).desc(), col(AdoptedPolicy.version).desc())
        .limit(1)
    )
    return (await session.exec(statement)).first()


async def policy_by_id(session: AsyncSession, policy_id: UUID) -> AdoptedPolicy:
    """Return adopted rules for those who may read them already."""
    return await session.get_one(AdoptedPolicy, policy_id)


async def get_cooperative_for(session: AsyncSession, actor: Actor, book_id: UUID) -> Book:
    """Return a book that worker-owners keep, to those who may read it."""
    book = await get_book_for(session, actor, book_id)
    if book.ownership_since is None:
        raise errors.ownership_off()
    return book


async def get_policy_for(session: AsyncSession, actor: Actor, policy_id: UUID) -> AdoptedPolicy:
    """Return adopted rules to those who may read their book."""
    row = await session.get(AdoptedPolicy, policy_id)
    if row is None:
        raise errors.missing("policy_not_found")
    await get_book_for(session, actor, row.book_id)
    return row


async def policies_of(
    session: AsyncSession, actor: Actor, book_id: UUID, limit: int, cursor: str | None = None
) -> Page[AdoptedPolicy]:
    """List a book's rules, the last adopted first."""
    await get_book_for(session, actor, book_id)
    statement = select(AdoptedPolicy).where(AdoptedPolicy.book_id == book_id)
    if cursor is not None:
        (last,) = decode_cursor(cursor, 1)
        if last is None or not last.isdecimal() or len(last) > 9:
            raise InvalidError("cursor_invalid")
        statement = statement.where(col(AdoptedPolicy.version) < int(last))
    rows = await session.exec(
        statement.order_by(col(AdoptedPolicy.version).desc()).limit(limit + 1)
    )
    return cut_page(rows.all(), limit, lambda row: encode_cursor(row.version))


async def last_version(session: AsyncSession, book_id: UUID) -> int:
    """Return how many rules were adopted in a book so far."""
    statement = select(func.max(AdoptedPolicy.version)).where(AdoptedPolicy.book_id == book_id)
    return (await session.exec(statement)).one() or 0


async def first_ruled_day(session: AsyncSession, book_id: UUID) -> date | None:
    """Return the day on which the first rules of a book begin to hold; None without any."""
    statement = select(func.min(AdoptedPolicy.valid_from)).where(AdoptedPolicy.book_id == book_id)
    return (await session.exec(statement)).one()


async def adopted_by_decision(session: AsyncSession, decision_id: UUID) -> AdoptedPolicy | None:
    """Return what a decision adopted, if it did."""
    statement = select(AdoptedPolicy).where(AdoptedPolicy.decision_id == decision_id)
    return (await session.exec(statement)).first()


async def first_free_day(session: AsyncSession, book_id: UUID, *, first: bool) -> date | None:
    """Return the day after the last period that has rules for good; None where none has.

    A period keeps the rules that it began with. Where no rules hold yet (`first`), an open period
    can still get its first; once work on its closing began, it cannot.
    """
    begun = col(Period.state) != PeriodState.OPEN
    if not first:
        begun |= col(Period.starts_on) <= clock.today()
    statement = select(func.max(Period.ends_on)).where(Period.book_id == book_id, begun)
    last: date | None = (await session.exec(statement)).one()
    return None if last is None else last + timedelta(days=1)


async def get_draft_for(session: AsyncSession, actor: Actor, draft_id: UUID) -> Draft:
    """Return a draft to those who may read its book."""
    row = await session.get(PolicyDraft, draft_id)
    if row is None:
        raise errors.missing("policy_draft_missing")
    await get_book_for(session, actor, row.book_id)
    (draft,) = await _with_authors(session, actor, [row])
    return draft


async def get_own_draft_for(session: AsyncSession, actor: Actor, draft_id: UUID) -> Draft:
    """Return a draft to who may change it."""
    draft = await get_draft_for(session, actor, draft_id)
    enforce(may_change_draft(draft.row.created_by, draft.state, actor.signed_in()))
    return draft


async def lock_draft(session: AsyncSession, draft_id: UUID) -> PolicyDraft:
    """Return a draft that nobody else changes until this transaction ends."""
    row = await session.get(PolicyDraft, draft_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise errors.missing("policy_draft_missing")
    return row


async def is_left_over(session: AsyncSession, row: PolicyDraft) -> bool:
    """Say whether the decision about a draft is closed and did not adopt it."""
    decided = await _closed(session, [row.decision_id] if row.decision_id else [])
    return row.state == DraftState.PROPOSED and bool(decided)


async def drafts_of(
    session: AsyncSession, actor: Actor, book_id: UUID, limit: int, cursor: str | None = None
) -> Page[Draft]:
    """List the drafts of a book that were not withdrawn, newest first."""
    await get_book_for(session, actor, book_id)
    statement = select(PolicyDraft).where(
        PolicyDraft.book_id == book_id, PolicyDraft.state != DraftState.WITHDRAWN
    )
    if cursor is not None:
        moment, last = _draft_cursor(cursor)
        statement = statement.where(
            tuple_(col(PolicyDraft.created_at), col(PolicyDraft.id)) < (moment, last)
        )
    rows = await session.exec(
        statement.order_by(col(PolicyDraft.created_at).desc(), col(PolicyDraft.id).desc()).limit(
            limit + 1
        )
    )
    found = await _with_authors(session, actor, rows.all())
    return cut_page(
        found,
        limit,
        lambda draft: encode_cursor(draft.row.created_at.isoformat(), draft.row.id),
    )


def _draft_cursor(cursor: str) -> tuple[datetime, UUID]:
    moment, last = decode_cursor(cursor, 2)
    try:
        read = datetime.fromisoformat(moment or "")
        if read.tzinfo is None:
            raise InvalidError("cursor_invalid")
        return read, UUID(last or "")
    except ValueError:
        raise InvalidError("cursor_invalid") from None


async def _with_authors(
    session: AsyncSession, actor: Actor, rows: Sequence[PolicyDraft]
) -> list[Draft]:
    authors = [(row.book_id, row.created_by) for row in rows]
    names = await known_in(session, authors, actor.account_id)
    over = await _closed(session, [row.decision_id for row in rows if row.decision_id])
    return [
        Draft(row, names[author].name, row.decision_id in over)
        for row, author in zip(rows, authors, strict=True)
    ]


async def _closed(session: AsyncSession, decisions: Sequence[UUID]) -> set[UUID]:
    if not decisions:
        return set()
    statement = select(DecisionOutcome.decision_id).where(
        col(DecisionOutcome.decision_id).in_(decisions)
    )
    return set((await session.exec(statement)).all())

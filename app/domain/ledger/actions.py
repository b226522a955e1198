"""Writing the ledger. Entries are only ever added; the database refuses everything else."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor, Denied, Scope
from app.domain.activity.actions import record
from app.domain.claims import actions as claims
from app.domain.claims import queries as claim_queries
from app.domain.claims.queries import ClaimView
from app.domain.ledger import errors
from app.domain.ledger.policy import may_confirm
from app.domain.ledger.rules import PostingLine, contribution_lines, is_balanced
from app.domain.needs import actions as needs
from app.domain.needs.queries import has_claim_in
from app.infra import clock, ids
from app.models.claims import LIVE_STATES, ClaimState
from app.models.ledger import (
    Balance,
    Book,
    Entry,
    EntryKind,
    LedgerAccount,
    LedgerAccountKind,
    Posting,
    WorkStream,
)
from app.models.needs import Need


@dataclass(frozen=True)
class NewEntry:
    """An entry to post: why, when the work was done, and the claim it confirms."""

    kind: EntryKind
    worked_on: date
    claim_id: UUID | None = None
    corrects: UUID | None = None


async def confirm_contribution(
    session: AsyncSession, actor: Actor, claim_id: UUID, minutes: int, stream: WorkStream
) -> tuple[ClaimView, Entry]:
    """Confirm submitted work: the claim moves and the entry is posted, both or neither."""
    actor.require(Scope.CLAIMS_WRITE)
    _check_confirmable(await claim_queries.get_claim_for(session, actor, claim_id))
    view = await claim_queries.lock_claim_for(session, actor, claim_id)
    _check_confirmable(view)
    logs = await claim_queries.work_logs_of(session, claim_id)
    logged = sum(log.minutes for log in logs)
    if not 1 <= minutes <= logged:
        raise errors.confirmation_minutes(logged)
    entry = await _post_contribution(session, actor, view, minutes, stream, logs[-1].worked_on)
    await claims.apply_move(session, actor, view, ClaimState.CONFIRMED)
    await _close_need_when_done(session, actor, view.need)
    return view, entry


def _check_confirmable(view: ClaimView) -> None:
    decision = may_confirm(view.claim, view.sides)
    if not isinstance(decision, Denied):
        return
    if decision.conflict:
        raise errors.confirmation_state(view.claim.state)
    raise errors.confirmation_refused(decision.code)


async def _post_contribution(
    session: AsyncSession,
    actor: Actor,
    view: ClaimView,
    minutes: int,
    stream: WorkStream,
    worked_on: date,
) -> Entry:
    if view.need.organisation_id is None:  # a mirrored need has no claims of ours
        raise errors.book_not_found()
    book_id = await book_of(session, view.need.organisation_id)
    worker = await _account(
        session, book_id, LedgerAccountKind.WORKER, view.claim.account_id, stream
    )
    organisation = await _account(
        session, book_id, LedgerAccountKind.ORGANISATION, view.need.organisation_id, stream
    )
    new = NewEntry(EntryKind.CONTRIBUTION, worked_on, claim_id=view.claim.id)
    lines = contribution_lines(worker, organisation, minutes)
    return await post_entry(session, actor, book_id, new, lines)


async def post_entry(
    session: AsyncSession,
    actor: Actor,
    book_id: UUID,
    new: NewEntry,
    lines: Sequence[PostingLine],
) -> Entry:
    """Add a balanced entry and move the balances with it.

    Balances are taken in the order of their ids, so that entries over the same accounts never
    wait for each other in a circle.
    """
    if not is_balanced(lines):
        message = "an entry's postings must be two or more and sum to zero"
        raise ValueError(message)
    entry = Entry(
        entry_id=ids.private_id(),
        book_id=book_id,
        kind=new.kind,
        worked_on=new.worked_on,
        claim_id=new.claim_id,
        corrects=new.corrects,
        recorded_by=actor.signed_in(),
        recorded_at=clock.now(),
        posting_count=len(lines),
    )
    session.add(entry)
    await session.flush()  # postings name the entry
    for line in sorted(lines, key=lambda line: line.account_id):
        session.add(
            Posting(
                entry_id=entry.entry_id,
                account_id=line.account_id,
                unit=line.unit,
                amount=line.amount,
            )
        )
        await _add_to_balance(session, line)
    record(session, actor, "entry.posted", entry.entry_id)
    return entry


async def _add_to_balance(session: AsyncSession, line: PostingLine) -> None:
    statement = insert(Balance).values(
        account_id=line.account_id, unit=line.unit, amount=line.amount
    )
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["account_id", "unit"],
            set_={"amount": col(Balance.amount) + statement.excluded.amount},
        )
    )


async def book_of(session: AsyncSession, organisation_id: UUID) -> UUID:
    """Return the organisation's book, opening it with its first entry."""
    await session.execute(
        insert(Book)
        .values(id=ids.private_id(), organisation_id=organisation_id, created_at=clock.now())
        .on_conflict_do_nothing()
    )
    statement = select(Book.id).where(Book.organisation_id == organisation_id)
    return (await session.exec(statement)).one()


async def _account(
    session: AsyncSession,
    book_id: UUID,
    kind: LedgerAccountKind,
    holder_id: UUID,
    stream: WorkStream,
) -> UUID:
    values = {"book_id": book_id, "kind": kind, "holder_id": holder_id, "stream": stream}
    await session.execute(
        insert(LedgerAccount).values(id=ids.private_id(), **values).on_conflict_do_nothing()
    )
    statement = select(LedgerAccount.id).filter_by(**values)
    return (await session.exec(statement)).one()


async def _close_need_when_done(session: AsyncSession, actor: Actor, need: Need) -> None:
    """A need is done when all its places ended in confirmed work."""
    if need.taken < need.places:
        return
    await session.flush()  # the claim's new state counts below
    if not await has_claim_in(session, need, LIVE_STATES):
        needs.close_when_done(session, actor, need)

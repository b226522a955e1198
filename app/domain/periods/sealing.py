"""The lock of a period: one transaction, the same however often it is tried.

Its entries have ids made from the period's own and the moment of the second signature, so that a
lock that was killed and done again is the same lock, to the last bit of its root.
"""

from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import SYSTEM
from app.domain.activity.actions import record
from app.domain.ledger.booking import lock_periods
from app.domain.ledger.posting import NewEntry, account_of, post_entry
from app.domain.ledger.rules import PostingLine
from app.domain.periods import queries, reading
from app.domain.periods.drafting import begin_draft
from app.domain.periods.rules import (
    OPEN_TO_SIGN,
    SIGNERS,
    Seal,
    closing_entry_id,
    moment_text,
    outcome_hash,
    seal_document,
)
from app.domain.policies.queries import policy_by_id
from app.domain.policies.rules import Outcome
from app.infra import clock
from app.models.ledger import Book, EntryKind, LedgerAccountKind, LogKind, LogPending
from app.models.periods import Period, PeriodLock, PeriodState

CAPITAL, RESERVE = LedgerAccountKind.CAPITAL, LedgerAccountKind.RESERVE
POOL, OUTSIDE = LedgerAccountKind.POOL, LedgerAccountKind.OUTSIDE
# R6: what was allocated is the pool, and the accounts with the reserve are what the co-operative
# is worth. Each counts what should not be.
CONSERVED = text(
    """
    SELECT
        (SELECT coalesce(sum(b.amount), 0) FROM balances b JOIN ledger_accounts a
            ON a.id = b.account_id
            WHERE a.book_id = :book_id AND a.kind = 'pool' AND b.unit = :unit) AS left_in_pool,
        (SELECT coalesce(sum(b.amount), 0) FROM balances b JOIN ledger_accounts a
            ON a.id = b.account_id
            WHERE a.book_id = :book_id AND b.unit = :unit) AS out_of_nothing,
        (SELECT coalesce(sum(p.amount), 0) FROM postings p JOIN entries e USING (entry_id)
            JOIN ledger_accounts a ON a.id = p.account_id
            WHERE e.period_id = :period_id AND a.kind IN ('capital', 'reserve')) - :surplus
            AS not_the_surplus
    """
)


class NotConservedError(RuntimeError):
    """A lock would make money, or lose some: it is not done."""


async def lock_signed(session: AsyncSession, period_id: UUID) -> Period | None:
    """Lock a period that two have signed; None where there is nothing to lock.

    Where an entry of its days came after the draft, nobody signed what it would hold: it is
    drawn up anew.
    """
    period = await queries.lock_period(session, period_id)
    if period.state != PeriodState.SIGNED or period.locks_at is None:
        return None
    book = await session.get_one(Book, period.book_id)
    await lock_periods(session, book.id)
    outcome = await reading.outcome_of(session, period, book)
    root, _ = await reading.entries_root(session, period)
    signatures = await queries.signatures_of(session, period)
    if root != period.entries_root or outcome_hash(outcome) != period.outcome_hash:
        draw_anew(period)
        return None
    signers = [signature.account_id for signature in signatures]
    if len(set(signers)) < SIGNERS:
        message = "a period with a moment to lock at has two signers"
        raise RuntimeError(message)
    closing = await _post_closing(session, period, book, outcome, signers[-1])
    await _seal(session, period, book, closing)
    return period


async def redraw_changed(session: AsyncSession, period_id: UUID) -> bool:
    """Take a draft back where a dispute, or its end, changed what it was drawn from."""
    period = await queries.lock_period(session, period_id)
    if period.state not in OPEN_TO_SIGN or not await queries.is_changed(session, period):
        return False
    draw_anew(period)
    return True


def draw_anew(period: Period) -> None:
    """Take a draft back that the entries have left behind; it is drawn up again.

    The days for objections go on: otherwise one person could keep a period open for ever.
    """
    begin_draft(period)
    period.state = PeriodState.FROZEN
    period.version += 1
    period.updated_at = clock.now()


async def _post_closing(
    session: AsyncSession, period: Period, book: Book, outcome: Outcome, signer: UUID
) -> list[UUID]:
    """Post what a period's outcome does with money: to the reserve, the pool, the members."""
    posted = []
    for kind, sides in _closing_sides(outcome, book.organisation_id).items():
        if not sides:
            continue
        lines = [
            PostingLine(await account_of(session, book.id, to, holder), book.currency, amount)
            for (to, holder), amount in sides.items()
        ]
        new = NewEntry(
            kind,
            period.ends_on,
            signer,
            period_id=period.id,
            booked_on=period.ends_on,
            entry_id=closing_entry_id(period.id, kind),
            recorded_at=period.locks_at,
        )
        posted.append((await post_entry(session, SYSTEM, book.id, new, lines)).entry_id)
    return posted


Sides = dict[tuple[LedgerAccountKind, UUID], int]


def _closing_sides(outcome: Outcome, organisation_id: UUID) -> dict[EntryKind, Sides]:
    """Return each closing entry's sides; what moves nothing has none."""
    members = {
        (CAPITAL, line.account_id): line.amount for line in outcome.lines if line.amount != 0
    }
    reserve, pool = (RESERVE, organisation_id), (POOL, organisation_id)
    outside = (OUTSIDE, organisation_id)
    if outcome.surplus < 0:
        loss = {outside: -outcome.surplus, reserve: outcome.reserve_change, **members}
        return {EntryKind.LOSS: _moving(loss)}
    surplus = {outside: -outcome.surplus, reserve: outcome.reserve_change, pool: outcome.pool}
    return {
        EntryKind.SURPLUS: _moving(surplus),
        EntryKind.ALLOCATION: _moving({pool: -outcome.pool, **members}),
    }


def _moving(sides: Sides) -> Sides:
    return {side: amount for side, amount in sides.items() if amount}


async def _seal(session: AsyncSession, period: Period, book: Book, closing: list[UUID]) -> None:
    await session.flush()
    await _check_conserved(session, period, book)
    root, entries = await reading.entries_root(session, period)
    if period.policy_id is None or period.locks_at is None or period.outcome_hash is None:
        message = "a signed period has its rules, its outcome and its moment"
        raise RuntimeError(message)
    policy = await policy_by_id(session, period.policy_id)
    previous = await queries.previous_of(session, period)
    before = await queries.lock_of(session, previous.id) if previous else None
    signatures = await queries.signatures_of(session, period)
    seal = Seal(
        period=period,
        currency=book.currency,
        policy_hash=policy.document_hash,
        root=root,
        previous_root=before.root if before else None,
        entries=entries,
        closing=closing,
        signatures=[
            {"account": str(each.account_id), "signed_at": moment_text(each.signed_at)}
            for each in signatures
        ],
        locked_at=period.locks_at,
    )
    lock = PeriodLock(
        period_id=period.id,
        book_id=book.id,
        number=period.number,
        root=root,
        previous_root=seal.previous_root,
        entries=entries,
        policy_id=policy.id,
        outcome_hash=period.outcome_hash,
        document=seal_document(seal),
        locked_at=period.locks_at,
    )
    session.add(lock)
    session.add(LogPending(kind=LogKind.LOCK, subject=period.id))
    await session.flush()  # the database looks for it when the state changes
    period.state = PeriodState.LOCKED
    period.version += 1
    period.updated_at = clock.now()
    await _note(session, period, book, "period.locked")


async def _check_conserved(session: AsyncSession, period: Period, book: Book) -> None:
    values = {
        "book_id": book.id,
        "period_id": period.id,
        "unit": book.currency,
        "surplus": period.surplus or 0,
    }
    wrong = (await session.execute(CONSERVED, values)).one()
    if any(wrong):
        message = f"period {period.id} is not conserved: {dict(wrong._mapping)}"  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
        raise NotConservedError(message)


async def _note(session: AsyncSession, period: Period, book: Book, verb: str) -> None:
    lines = await queries.all_lines(session, period.id)
    tell = {str(line.account_id) for line in lines}
    tell |= {str(each) for each in await queries.keepers_of(session, book.organisation_id)}
    record(
        session,
        SYSTEM,
        verb,
        period.id,
        book_id=str(book.id),
        organisation_id=str(book.organisation_id),
        tell=sorted(tell),
    )

"""What a period is made of, read from the book for its closing."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import func
from sqlalchemy import select as core_select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.checkpoints.bodies import bodies_of
from app.domain.ledger.statuses import worker_owners_at
from app.domain.periods.rules import SealedEntry, root_of
from app.domain.policies.document import Policy
from app.domain.policies.facts import carried_before, minutes_between, workers_of
from app.domain.policies.queries import policy_by_id, policy_on, read_policy
from app.domain.policies.rules import Outcome, PeriodFacts, close
from app.models.ledger import Book, Entry, LedgerAccount, LedgerAccountKind, LogKind, Posting
from app.models.periods import Period

# Bodies of so many entries are held at once.
ENTRIES_A_READ = 500


async def people_of(session: AsyncSession, period: Period, book: Book) -> list[UUID]:
    """Return whoever has a line in a period: who worked, who carries, who owns, who has money."""
    minutes = await minutes_between(session, period.book_id, period.starts_on, period.ends_on)
    carried = await carried_before(session, period.book_id, period.starts_on)
    owners = await worker_owners_at(session, period.book_id, period.ends_on)
    _, capital = await money_at(session, period, book.currency)
    return sorted({*minutes, *carried, *owners, *capital})


async def outcome_of(session: AsyncSession, period: Period, book: Book) -> Outcome:
    """Compute a period from the book as it stands."""
    return close(await policy_of(session, period), await facts_of(session, period, book))


async def preview_of(session: AsyncSession, period: Period) -> Outcome | None:
    """Say what a period would come to if it were closed now; None where it has no rules yet."""
    book = await session.get_one(Book, period.book_id)
    if period.policy_id is not None:
        return await outcome_of(session, period, book)
    policy = await policy_on(session, book.id, period.starts_on)
    if policy is None:
        return None
    return close(read_policy(policy), await facts_of(session, period, book))


async def facts_of(session: AsyncSession, period: Period, book: Book) -> PeriodFacts:
    """Read everything that a period's outcome is made of."""
    minutes = await minutes_between(session, period.book_id, period.starts_on, period.ends_on)
    carried = await carried_before(session, period.book_id, period.starts_on)
    reserve, capital = await money_at(session, period, book.currency)
    # Whoever owned at its end has a line, also without work in it.
    for owner in await worker_owners_at(session, period.book_id, period.ends_on):
        capital.setdefault(owner, 0)
    workers = workers_of(minutes, carried)
    return PeriodFacts(period.id, workers, period.surplus or 0, reserve, capital)


async def policy_of(session: AsyncSession, period: Period) -> Policy:
    """Return the rules that a period was frozen under."""
    if period.policy_id is None:
        message = "a period that is being closed has its rules"
        raise RuntimeError(message)
    return read_policy(await policy_by_id(session, period.policy_id))


async def money_at(
    session: AsyncSession, period: Period, unit: str, holders: Collection[UUID] | None = None
) -> tuple[int, dict[UUID, int]]:
    """Return the reserve and the members' accounts at a period's end, before its own closing.

    By the day on which entries count: what is paid out while a draft is read moves no figure.
    """
    statement = (
        core_select(
            col(LedgerAccount.kind), col(LedgerAccount.holder_id), func.sum(col(Posting.amount))
        )
        .join(Posting, col(Posting.account_id) == col(LedgerAccount.id))
        .join(Entry, col(Entry.entry_id) == col(Posting.entry_id))
        .where(
            col(LedgerAccount.book_id) == period.book_id,
            col(LedgerAccount.kind).in_((LedgerAccountKind.CAPITAL, LedgerAccountKind.RESERVE)),
            col(Posting.unit) == unit,
            col(Entry.booked_on) <= period.ends_on,
            col(Entry.period_id).is_distinct_from(period.id),
        )
        .group_by(col(LedgerAccount.kind), col(LedgerAccount.holder_id))
    )
    if holders is not None:
        statement = statement.where(col(LedgerAccount.holder_id).in_(holders))
    reserve, capital = 0, dict[UUID, int]()
    for kind, holder, amount in await session.execute(statement):
        if kind == LedgerAccountKind.RESERVE:
            reserve += int(amount)
        else:
            capital[holder] = int(amount)
    return reserve, capital


async def entries_root(session: AsyncSession, period: Period) -> tuple[bytes, int]:
    """Return the tree head over all entries that count in a period, and how many they are."""
    statement = core_select(
        col(Entry.entry_id), col(Entry.booked_on), col(Entry.recorded_at)
    ).where(
        col(Entry.book_id) == period.book_id,
        col(Entry.booked_on) >= period.starts_on,
        col(Entry.booked_on) <= period.ends_on,
    )
    found = (await session.execute(statement)).all()
    sealed: list[SealedEntry] = []
    for start in range(0, len(found), ENTRIES_A_READ):
        part = found[start : start + ENTRIES_A_READ]
        bodies = await bodies_of(session, LogKind.ENTRY, [entry_id for entry_id, _, _ in part])
        sealed += [
            SealedEntry(booked_on, recorded_at, entry_id, bodies[entry_id].canonical())
            for entry_id, booked_on, recorded_at in part
        ]
    return root_of(sealed), len(sealed)


async def entries_by_worker(
    session: AsyncSession, period: Period, holders: Sequence[UUID]
) -> dict[UUID, int]:
    """Count for some workers the entries that their minutes of a period come from."""
    statement = (
        core_select(col(LedgerAccount.holder_id), func.count(func.distinct(col(Entry.entry_id))))
        .join(Posting, col(Posting.account_id) == col(LedgerAccount.id))
        .join(Entry, col(Entry.entry_id) == col(Posting.entry_id))
        .where(
            col(Entry.book_id) == period.book_id,
            col(Entry.booked_on).between(period.starts_on, period.ends_on),
            col(LedgerAccount.kind) == LedgerAccountKind.WORKER,
            col(LedgerAccount.holder_id).in_(holders),
        )
        .group_by(col(LedgerAccount.holder_id))
    )
    return {holder: int(count) for holder, count in await session.execute(statement)}

"""What if other rules held: the same days under both, worker by worker, before anybody votes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import NAMESPACE_OID, UUID, uuid5

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.ledger.people import names_in
from app.domain.policies import errors, facts, queries
from app.domain.policies.document import Policy
from app.domain.policies.rules import Outcome, OutcomeLine, PeriodFacts, close
from app.infra import clock
from app.models.ledger import Book
from app.models.periods import Period, PeriodState
from app.models.policies import AdoptedPolicy

DAYS_MAX = 5 * 366
USUAL_DAYS = timedelta(days=91)
PERIODS_MAX = 12


@dataclass(frozen=True)
class Question:
    """Which rules to look at, on which days, and with which result.

    Either a period of the book, or days of one's own; without any, the period that is newest.
    `surplus` is in minor units; without one, that of the period.
    """

    document: Policy
    period_id: UUID | None = None
    first_day: date | None = None
    last_day: date | None = None
    surplus: int | None = None


@dataclass(frozen=True)
class Stretch:
    """The days that are looked at."""

    id: UUID
    first: date
    last: date
    surplus: int
    period: Period | None = None


@dataclass(frozen=True)
class Pair:
    """One worker under the rules that hold, where some do, and under the others."""

    account_id: UUID
    name: str
    old: OutcomeLine | None
    new: OutcomeLine

    @property
    def change(self) -> int:
        """Return by how much the other rules change what this worker gets, in minor units."""
        return self.new.amount - (self.old.amount if self.old else 0)


@dataclass(frozen=True)
class Preview:
    """The same days under two sets of rules."""

    book: Book
    stretch: Stretch
    policy: AdoptedPolicy | None  # what holds on the first of the days
    old: Outcome | None
    new: Outcome
    pairs: tuple[Pair, ...]


async def preview(
    session: AsyncSession, actor: Actor, book_id: UUID, question: Question
) -> Preview:
    """Say what other rules would have made of some days; nothing is written."""
    book = await queries.get_cooperative_for(session, actor, book_id)
    stretch = await stretch_of(session, book, question)
    found = await _facts(session, book, stretch)
    policy = await queries.policy_on(session, book.id, stretch.first)
    old = close(queries.read_policy(policy), found) if policy else None
    new = close(question.document, found)
    workers = [line.account_id for line in new.lines]
    names = await names_in(session, book.id, workers, actor.account_id)
    return Preview(book, stretch, policy, old, new, pairs_of(old, new, names))


def pairs_of(old: Outcome | None, new: Outcome, names: Mapping[UUID, str]) -> tuple[Pair, ...]:
    """Put two outcomes of the same facts side by side, whoever gets most first."""
    before = {line.account_id: line for line in old.lines} if old else {}
    pairs = [
        Pair(line.account_id, names[line.account_id], before.get(line.account_id), line)
        for line in new.lines
    ]
    return tuple(sorted(pairs, key=lambda pair: (-abs(pair.new.amount), pair.account_id)))


async def stretch_of(session: AsyncSession, book: Book, question: Question) -> Stretch:
    """Return the days that a question is about."""
    period = await _period(session, book.id, question)
    if period is not None:
        surplus = question.surplus if question.surplus is not None else period.surplus
        return Stretch(period.id, period.starts_on, period.ends_on, surplus or 0, period)
    last = question.last_day or clock.today()
    first = question.first_day or last - USUAL_DAYS
    if not 0 <= (last - first).days <= DAYS_MAX:
        raise errors.days_refused()
    # Ties fall as they would for a period of its own.
    name = uuid5(NAMESPACE_OID, f"{book.id}|{first}|{last}")
    return Stretch(name, first, last, question.surplus or 0)


async def _period(session: AsyncSession, book_id: UUID, question: Question) -> Period | None:
    if question.period_id is not None:
        period = await session.get(Period, question.period_id)
        if period is None or period.book_id != book_id:
            raise errors.missing("period_not_found")
        return period
    if question.first_day or question.last_day:
        return None
    statement = (
        select(Period)
        .where(Period.book_id == book_id, Period.starts_on <= clock.today())
        .order_by(col(Period.starts_on).desc())
        .limit(1)
    )
    return (await session.exec(statement)).first()


async def periods_to_look_at(session: AsyncSession, book_id: UUID) -> list[Period]:
    """List the periods that a preview can be made of, the newest first."""
    statement = (
        select(Period)
        .where(Period.book_id == book_id, Period.starts_on <= clock.today())
        .order_by(col(Period.starts_on).desc())
        .limit(PERIODS_MAX)
    )
    return list((await session.exec(statement)).all())


async def _facts(session: AsyncSession, book: Book, stretch: Stretch) -> PeriodFacts:
    """Read the days anew; what a locked period's own closing moved is not there yet."""
    minutes = await facts.minutes_between(session, book.id, stretch.first, stretch.last)
    carried = await facts.carried_before(session, book.id, stretch.first)
    locked = stretch.period is not None and stretch.period.state == PeriodState.LOCKED
    reserve, capital = await facts.money_of(
        session, book.id, book.currency, without=stretch.id if locked else None
    )
    workers = facts.workers_of(minutes, carried)
    return PeriodFacts(stretch.id, workers, stretch.surplus, reserve, capital)

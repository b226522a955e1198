"""What a statement says: a period worker by worker, and what it did to the co-operative's money.

The figures are those that the period's own lines hold: what was drafted, signed and sealed is
read, never computed anew. Before a draft there are only the minutes that count so far.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.ledger.people import names_in
from app.domain.periods import queries as periods
from app.domain.periods.queries import PeriodView, SignatureView
from app.domain.policies.facts import minutes_between
from app.domain.policies.queries import policy_by_id
from app.domain.statements import errors
from app.domain.statements.queries import holdings
from app.domain.statements.rules import Step, tenths_of_percent, waterfall
from app.models.ledger import WorkStream
from app.models.periods import CLOSED_STATES, Period, PeriodLine, PeriodLock, PeriodState

REASONS = frozenset({"counts", "capped", "no_work", "not_eligible", "below_minimum", "taken_back"})


@dataclass(frozen=True)
class Part:
    """One worker's part of a period; shares are tenths of a percent of what took part.

    Before there is a draft, `reason` is None and only the minutes say something.
    """

    account_id: UUID
    name: str
    by_stream: Mapping[WorkStream, int]
    given: int
    counted: int = 0
    carried_in: int = 0
    carried_out: int = 0
    eligible: bool = False
    reason: str | None = None
    weighted: str = "0"
    share: int = 0
    share_before: int | None = None
    amount: int = 0
    capital_before: int = 0
    capital_after: int = 0

    @property
    def change(self) -> int | None:
        """How many tenths of a point the share changed; None for who was not there before."""
        return None if self.share_before is None else self.share - self.share_before


@dataclass(frozen=True)
class Statement:
    """A period as those who may see it read it: all of its parts, or one's own."""

    view: PeriodView
    parts: Sequence[Part]
    # Of everybody, also where only one part is shown.
    minutes: Mapping[WorkStream, int]
    base: Fraction
    totals: Mapping[str, int]
    previous: Period | None
    policy_version: int | None
    signatures: Sequence[SignatureView]
    lock: PeriodLock | None

    @property
    def period(self) -> Period:
        """The period itself."""
        return self.view.period

    @property
    def stage(self) -> str:
        """Say whether the figures are final, a draft, or only what counts so far."""
        if self.period.state == PeriodState.LOCKED:
            return "final"
        return "draft" if self.drawn else "running"

    @property
    def drawn(self) -> bool:
        """Say whether the workers' lines were drawn up."""
        return self.period.state in CLOSED_STATES and bool(self.totals)

    @property
    def net_worth(self) -> Sequence[Step]:
        """What the period did to what belongs to the members and to all of them together."""
        if not self.drawn:
            return []
        money = self.totals
        members = money["pool"] - money["members_loss"]
        opening = money["reserve_before"] + money["capital_before"]
        return waterfall(opening, [("members", members), ("reserve", money["reserve_change"])])


async def get_statement_for(
    session: AsyncSession, actor: Actor, period_id: UUID, account_id: UUID | None = None
) -> Statement:
    """Return a period's statement, whole or of one worker, to those who may see it."""
    view = await periods.get_period_for(session, actor, period_id)
    if not view.whole and account_id != view.account_id:
        raise errors.statement_forbidden()
    lines = await _lines(session, view.period)
    before = await periods.previous_of(session, view.period)
    if lines:
        parts = await _drawn(session, view, lines, await _lines(session, before) if before else [])
    else:
        parts = await _running(session, view, account_id)
    shown = [part for part in parts if account_id is None or part.account_id == account_id]
    if account_id is not None and not shown:
        raise errors.statement_not_found()
    policy_id = view.period.policy_id
    return Statement(
        view=view,
        parts=shown,
        minutes={
            stream: sum(part.by_stream.get(stream, 0) for part in parts) for stream in WorkStream
        },
        base=_base(lines),
        totals=_totals(view.period, lines),
        previous=before,
        policy_version=(await policy_by_id(session, policy_id)).version if policy_id else None,
        signatures=await periods.signatures_for(session, view) if lines else [],
        lock=await periods.lock_of(session, view.period.id),
    )


async def _lines(session: AsyncSession, period: Period) -> Sequence[PeriodLine]:
    """Return the lines of the draft that stands; none before it is whole."""
    if period.state not in CLOSED_STATES or period.totals is None:
        return []
    found = await periods.all_lines(session, period.id)
    return [line for line in found if line.draft == period.draft]


def _totals(period: Period, lines: Sequence[PeriodLine]) -> dict[str, int]:
    """Return the sums of a draft in minor units, and what stood on all members' accounts."""
    if not lines:
        return {}
    said = {name: value for name, value in (period.totals or {}).items() if isinstance(value, int)}
    return {
        **said,
        "capital_before": sum(line.capital_before for line in lines),
        "capital_after": sum(line.capital_after for line in lines),
    }


def _base(lines: Sequence[PeriodLine]) -> Fraction:
    return sum((Fraction(line.weighted) for line in lines if line.eligible), Fraction(0))


def _shares(lines: Sequence[PeriodLine]) -> dict[UUID, int]:
    base = _base(lines)
    return {
        line.account_id: tenths_of_percent(Fraction(line.weighted) if line.eligible else 0, base)
        for line in lines
    }


async def _drawn(
    session: AsyncSession,
    view: PeriodView,
    lines: Sequence[PeriodLine],
    before: Sequence[PeriodLine],
) -> list[Part]:
    names = await names_in(
        session, view.book.id, [line.account_id for line in lines], view.account_id
    )
    shares, earlier = _shares(lines), _shares(before)
    parts = [
        Part(
            account_id=line.account_id,
            name=names[line.account_id],
            by_stream=_by_stream(line),
            given=sum(_by_stream(line).values()),
            counted=line.counted,
            carried_in=line.carried_in,
            carried_out=line.carried_out,
            eligible=line.eligible,
            reason=line.reason if line.reason in REASONS else None,
            weighted=line.weighted,
            share=shares[line.account_id],
            share_before=earlier.get(line.account_id),
            amount=line.amount,
            capital_before=line.capital_before,
            capital_after=line.capital_after,
        )
        for line in lines
    ]
    return sorted(parts, key=lambda part: (-Fraction(part.weighted), -part.given, part.account_id))


def _by_stream(line: PeriodLine) -> dict[WorkStream, int]:
    found = dict.fromkeys(WorkStream, 0)
    for _, stream, minutes in line.minutes:
        found[WorkStream(str(stream))] += int(minutes or 0)
    return found


async def _running(
    session: AsyncSession, view: PeriodView, account_id: UUID | None = None
) -> list[Part]:
    """Return what counts so far; of somebody of this book also where it is nothing yet."""
    period = view.period
    found = await minutes_between(session, period.book_id, period.starts_on, period.ends_on)
    if account_id is not None and await holdings(session, period.book_id, account_id):
        found.setdefault(account_id, {})
    names = await names_in(session, view.book.id, found, view.account_id)
    parts = []
    for holder, counted in found.items():
        by_stream = dict.fromkeys(WorkStream, 0)
        for (_, stream), minutes in counted.items():
            by_stream[stream] += minutes
        given = sum(by_stream.values())
        parts.append(Part(holder, names[holder], by_stream, given))
    return sorted(parts, key=lambda part: (-part.given, part.account_id))

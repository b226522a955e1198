"""What there is to do in a book now, for the one who looks: what waits, and what comes next."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.periods.queries import last_period, signatures_of
from app.domain.policies.queries import policy_on
from app.domain.statements.queries import Sight
from app.infra import clock
from app.infra.i18n import format_date, format_number, translate
from app.models.claims import Claim, ClaimState
from app.models.governance import Decision, DecisionElector, DecisionOutcome, DecisionVote
from app.models.needs import Need
from app.models.periods import EDITABLE_STATES, Period, PeriodState

# A vote that ends so soon is said to end.
SOON = timedelta(days=3)
PAGES = {
    ("confirm", "disputed"): "/organisations/{id}/claims",
    ("no_rules",): "/books/{id}/rules",
    ("vote", "vote_soon"): "/decisions/{id}",
    ("admission",): "/books/{book}/decisions#ask-{id}",
    ("may_ask",): "/books/{id}/standing",
    ("conversion", "cosign"): "/conversions/{id}",
    ("appeal", "judge"): "/disputes/{id}",
    ("exit_due", "exit_open"): "/exits/{id}",
    ("open_period",): "/books/{id}/periods",
    ("freeze", "runs", "drawn_up", "object", "sign", "wait_for_second"): "/periods/{id}",
}


@dataclass(frozen=True)
class Task:
    """One thing to do: which, about what, how many, and until or since which day."""

    code: str
    subject_id: UUID | None = None
    n: int = 0
    day: date | None = None
    name: str = ""
    book_id: UUID | None = None

    @property
    def path(self) -> str:
        """The page on which it is done; none where a program or the workspace does it."""
        for codes, path in PAGES.items():
            if self.code in codes and self.subject_id is not None:
                return path.format(id=self.subject_id, book=self.book_id)
        return ""

    def text(self, language: str) -> str:
        """Say it in somebody's language."""
        return translate(
            language,
            f"task.{self.code}",
            n=format_number(language, self.n),
            date=format_date(language, self.day) if self.day else "",
            name=self.name,
        )


async def tasks_for(session: AsyncSession, sight: Sight) -> list[Task]:
    """Say what the book waits for, to whoever reads all of it; nothing to others.

    What its people wait for comes before: `governance.tasks.tasks_of`.
    """
    if not sight.whole:
        return []
    found = await _work(session, sight)
    if sight.book.ownership_since is None:
        return [*found, Task("ownership_off")]
    found += await _votes(session, sight)
    if await policy_on(session, sight.book.id, clock.today()) is None:
        found.append(Task("no_rules", sight.book.id))
    return [*found, *await _period(session, sight)]


async def _work(session: AsyncSession, sight: Sight) -> list[Task]:
    statement = (
        select(Claim.state, func.count())
        .where(
            Claim.need_id == Need.id,
            Need.organisation_id == sight.organisation.id,
            col(Claim.state).in_((ClaimState.SUBMITTED, ClaimState.DISPUTED)),
        )
        .group_by(col(Claim.state))
    )
    counts = dict((await session.exec(statement)).all())
    names = (("confirm", ClaimState.SUBMITTED), ("disputed", ClaimState.DISPUTED))
    return [
        Task(name, sight.organisation.id, n=counts[state])
        for name, state in names
        if counts.get(state)
    ]


async def _votes(session: AsyncSession, sight: Sight) -> list[Task]:
    voted = select(DecisionVote.decision_id).where(DecisionVote.account_id == sight.account_id)
    closed = select(DecisionOutcome.decision_id)
    statement = (
        select(Decision)
        .join(DecisionElector, col(DecisionElector.decision_id) == col(Decision.id))
        .where(
            Decision.book_id == sight.book.id,
            DecisionElector.account_id == sight.account_id,
            col(Decision.id).not_in(voted),
            col(Decision.id).not_in(closed),
            col(Decision.ends_at) > clock.now(),
        )
        .order_by(col(Decision.ends_at), col(Decision.id))
    )
    found: Sequence[Decision] = (await session.exec(statement)).all()
    soon = clock.now() + SOON
    return [
        Task("vote_soon" if one.ends_at <= soon else "vote", one.id, day=one.ends_at.date())
        for one in found
    ]


async def _period(session: AsyncSession, sight: Sight) -> list[Task]:
    """Say what the newest period waits for; people do each step, never a clock."""
    period = await last_period(session, sight.book.id)
    today = clock.today()
    if period is None or (period.state == PeriodState.LOCKED and period.ends_on < today):
        return [Task("open_period", sight.book.id)]
    if period.state in EDITABLE_STATES:
        name = "freeze" if period.ends_on < today else "runs"
        return [Task(name, period.id, day=period.ends_on)]
    if period.state == PeriodState.FROZEN:
        return [Task("drawn_up", period.id)]
    if period.state in {PeriodState.DRAFTED, PeriodState.SIGNED} and period.locks_at is None:
        return [await _reading(session, sight, period, clock.now())]
    return []


async def _reading(session: AsyncSession, sight: Sight, period: Period, now: datetime) -> Task:
    until = period.objections_until
    if until is not None and now < until:
        return Task("object", period.id, day=until.date())
    signed = {each.account_id for each in await signatures_of(session, period)}
    return Task("wait_for_second" if sight.account_id in signed else "sign", period.id)

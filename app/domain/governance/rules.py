"""How votes are counted, and what opens the right to ask for membership. Pure; integers only.

R10: standing opens the right to ask, and nothing more. R11: thresholds are fractions of integers
over a named base; abstentions count for the quorum only; the boundary is inclusive.
"""

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, date, timedelta
from enum import StrEnum
from math import ceil, floor

from app.domain.policies.document import Admission, Policy, VoteRule
from app.models.governance import DecisionSubject, VoteBase, VoteChoice

VOTING_DAYS = 14
VOTING_DAYS_MAX = 60
VOTING = timedelta(days=VOTING_DAYS)


@dataclass(frozen=True)
class Tally:
    """How many are on the roll, and what those who voted said."""

    roll: int
    yes: int = 0
    no: int = 0
    abstain: int = 0

    @property
    def cast(self) -> int:
        """Return how many voted; abstentions too."""
        return self.yes + self.no + self.abstain


def rule_for(policy: Policy, subject: DecisionSubject) -> VoteRule:
    """Return the rule by which worker-owners decide about a subject, as they adopted it."""
    rules: dict[DecisionSubject, VoteRule] = {
        DecisionSubject.POLICY: policy.votes.policy,
        DecisionSubject.ADMISSION: policy.votes.admission,
        DecisionSubject.CONVERSION: policy.votes.conversion,
        DecisionSubject.APPEAL: policy.votes.appeal,
    }
    return rules[subject]


def tally_of(roll: int, votes: Iterable[VoteChoice]) -> Tally:
    """Count votes."""
    cast = list(votes)
    return Tally(roll, *(cast.count(said) for said in VoteChoice))


def least_cast(rule: VoteRule, tally: Tally) -> int:
    """Return how many of the roll have to vote."""
    return ceil(rule.quorum * tally.roll)


def has_quorum(rule: VoteRule, tally: Tally) -> bool:
    """Say whether enough of the roll voted; the boundary is enough."""
    return tally.cast >= least_cast(rule, tally)


def base_size(rule: VoteRule, tally: Tally) -> int:
    """Return of how many the threshold is a fraction."""
    sizes = {
        VoteBase.YES_NO: tally.yes + tally.no,
        VoteBase.CAST: tally.cast,
        VoteBase.ROLL: tally.roll,
    }
    return sizes[rule.base]


def least_yes(rule: VoteRule, tally: Tally) -> int:
    """Return how many have to say yes. Nothing passes without a yes, whatever the fraction."""
    wanted = rule.threshold * base_size(rule, tally)
    return max(1, floor(wanted) + 1 if rule.more_than else ceil(wanted))


def passes(rule: VoteRule, tally: Tally) -> bool:
    """Say whether votes pass a rule."""
    return has_quorum(rule, tally) and tally.yes >= least_yes(rule, tally)


def settled(rule: VoteRule, tally: Tally, able: int) -> bool | None:
    """Say how it ends whatever the `able` who have yet to vote say; None while that is open.

    The best that can come is a yes of all of them. The worst is a no of all of them, or (where a
    quorum is not reached yet) that nobody votes at all.
    """
    yes, no, abstain = tally.yes, tally.no, tally.abstain
    if not passes(rule, Tally(tally.roll, yes + able, no, abstain)):
        return False
    against = Tally(tally.roll, yes, no + able, abstain)
    return True if passes(rule, tally) and passes(rule, against) else None


class Criterion(StrEnum):
    """What standing is made of."""

    MONTHS = "months"
    MINUTES = "minutes"
    RECENT_MINUTES = "recent_minutes"
    TRAINING = "training"


@dataclass(frozen=True)
class Standing:
    """What somebody has, at a day."""

    since: date | None
    minutes: int = 0
    recent_minutes: int = 0
    trainings: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Met:
    """One criterion: what is asked, what there is, and whether that is enough."""

    criterion: Criterion
    met: bool
    wanted: int
    had: int
    name: str = ""


def explain(wanted: Admission, standing: Standing, on: date) -> tuple[Met, ...]:
    """Hold somebody's standing against what is asked, one criterion after the other.

    What is exactly enough is enough (R11).
    """
    months = whole_months(standing.since, on) if standing.since else 0
    counted = (
        (Criterion.MONTHS, wanted.months, months),
        (Criterion.MINUTES, wanted.minutes, standing.minutes),
        (Criterion.RECENT_MINUTES, wanted.recent_minutes, standing.recent_minutes),
    )
    numbers = [Met(name, had >= least, least, had) for name, least, had in counted if least]
    done = {name.casefold() for name in standing.trainings}
    trainings = [
        Met(Criterion.TRAINING, name.casefold() in done, 1, int(name.casefold() in done), name)
        for name in wanted.trainings
    ]
    return (*numbers, *trainings)


def whole_months(since: date, until: date) -> int:
    """Return how many months have passed; the day on which one is full counts as passed."""
    if until < since:
        return 0
    months = (until.year - since.year) * 12 + until.month - since.month
    return months if add_months(since, months) <= until else months - 1


def add_months(day: date, months: int) -> date:
    """Return the same day some months later (or earlier), or the last one of a shorter month.

    The calendar has a first day and a last one; what would lie beyond is that day.
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if not MINYEAR <= year <= MAXYEAR:
        return date.min if year < MINYEAR else date.max
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def recent_from(on: date, months: int) -> date:
    """Return the first day of the last months before a day; that day counts as well."""
    return add_months(on, -months)


def instalment(remaining: int, left: int) -> int:
    """Return what is paid now of what remains, with `left` payments to go; the last is the rest.

    Nothing is paid of a negative account: it is never a debt claim (R9). An instalment of nothing
    is none: of less than one minor unit each, every instalment is one until all is paid.
    """
    return max(remaining // left, 1) if remaining > 0 else 0

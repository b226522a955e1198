"""What a policy makes of a period. Pure; integers and fractions only.

`close` is the one place that says it (R2, R4-R6, R8, R9 of the ledger paper);
docs/ledger/policies.md explains it step by step, so that somebody else can compute the same.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fractions import Fraction
from math import ceil
from typing import Any
from uuid import UUID

from app.domain.policies.document import Policy, fraction_text
from app.models.ledger import BookStatusKind, WorkStream

Counted = tuple[BookStatusKind | None, WorkStream]


@dataclass(frozen=True)
class WorkerFacts:
    """One worker's confirmed minutes of a period, by status on the day of the work and stream.

    Minutes in suspense are not among them (R3); corrections are, so a figure can be negative.
    `carried` is what an earlier period left below zero: never positive (R8).
    """

    account_id: UUID
    minutes: Mapping[Counted, int]
    carried: int = 0


@dataclass(frozen=True)
class PeriodFacts:
    """What a period's outcome is made of; money in minor units, a loss as a negative surplus.

    `reserve` and `capital` are as they stand before the period is closed.
    """

    period_id: UUID
    workers: tuple[WorkerFacts, ...]
    surplus: int = 0
    reserve: int = 0
    capital: Mapping[UUID, int] = field(default_factory=dict)


class LineReason(StrEnum):
    """Why a worker's minutes count in a period, or do not."""

    COUNTS = "counts"
    CAPPED = "capped"  # counts, up to the cap
    NO_WORK = "no_work"  # nothing in this period
    NOT_ELIGIBLE = "not_eligible"  # work, but none in an eligible status and a counting stream
    BELOW_MINIMUM = "below_minimum"
    TAKEN_BACK = "taken_back"  # as much was taken back as given, or more: counts 0, carries over


@dataclass(frozen=True)
class OutcomeLine:
    """What a period means for one worker, step by step."""

    account_id: UUID
    given: int  # all confirmed minutes of the period, whether they count or not
    counted: int  # those in an eligible status and a stream that weighs something (R2)
    carried_in: int  # what an earlier period left below zero
    carried_out: int  # what goes on into the next one
    effective: int  # minutes that take part: counted and carried, between minimum and cap
    eligible: bool
    reason: LineReason
    weighted: Fraction  # the effective minutes, each as its stream weighs
    share: Fraction  # the part of all weighted minutes; 0 where not eligible
    amount: int  # what the member's account gains, or loses, in minor units
    capital_before: int
    capital_after: int


@dataclass(frozen=True)
class Outcome:
    """What a period means for a co-operative: every figure of its statements."""

    lines: tuple[OutcomeLine, ...]  # by account id
    base: Fraction  # all weighted minutes
    surplus: int  # negative: a loss
    pool: int  # what goes to the members of a surplus
    members_loss: int  # what they bear of a loss, as a positive figure
    reserve_change: int
    reserve_before: int
    reserve_after: int

    @property
    def net_worth(self) -> int:
        """Return the sum of all accounts and the reserve after the close (R6)."""
        return sum(line.capital_after for line in self.lines) + self.reserve_after


@dataclass(frozen=True)
class Split:
    """Where a surplus goes, or from where a loss comes, before it is anybody's."""

    pool: int
    members_loss: int
    reserve_change: int


def close(policy: Policy, facts: PeriodFacts) -> Outcome:
    """Say what a period means under a policy. The order of the facts never matters."""
    lines = {worker.account_id: _measure(policy, worker) for worker in facts.workers}
    if len(lines) != len(facts.workers):
        message = "a worker stands twice in the facts of a period"
        raise ValueError(message)
    for holder in facts.capital.keys() - lines.keys():
        lines[holder] = _measure(policy, WorkerFacts(holder, {}))
    weights = {holder: line.weighted for holder, line in lines.items() if line.eligible}
    base = sum(weights.values(), Fraction(0))
    split = split_result(policy, facts.surplus, facts.reserve, shared=bool(weights))
    sign = -1 if split.members_loss else 1
    amounts = largest_remainder(facts.period_id, split.pool or split.members_loss, weights)
    return Outcome(
        lines=tuple(
            replace(
                lines[holder],
                share=weights[holder] / base if holder in weights else Fraction(0),
                amount=sign * amounts.get(holder, 0),
                capital_before=facts.capital.get(holder, 0),
                capital_after=facts.capital.get(holder, 0) + sign * amounts.get(holder, 0),
            )
            for holder in sorted(lines)
        ),
        base=base,
        surplus=facts.surplus,
        pool=split.pool,
        members_loss=split.members_loss,
        reserve_change=split.reserve_change,
        reserve_before=facts.reserve,
        reserve_after=facts.reserve + split.reserve_change,
    )


def _measure(policy: Policy, worker: WorkerFacts) -> OutcomeLine:
    """Say how many of a worker's minutes take part, and what they weigh.

    What was carried, and what is above the cap, takes the same part of each stream.
    """
    if worker.carried > 0:
        message = "only what is below zero carries over"
        raise ValueError(message)
    eligible: dict[Counted, int] = {
        (status, stream): minutes
        for (status, stream), minutes in worker.minutes.items()
        if status in policy.eligible and policy.weights.of(stream)
    }
    counted = sum(eligible.values())
    raw = sum(
        (policy.weights.of(stream) * minutes for (_, stream), minutes in eligible.items()),
        Fraction(0),
    )
    total = counted + worker.carried
    effective = min(total, policy.cap_minutes) if policy.cap_minutes is not None else total
    reason = _reason(policy, worker, eligible, raw)
    takes_part = reason in {LineReason.COUNTS, LineReason.CAPPED}
    return OutcomeLine(
        account_id=worker.account_id,
        given=sum(worker.minutes.values()),
        counted=counted,
        carried_in=worker.carried,
        carried_out=min(total, 0),
        effective=effective if takes_part else 0,
        eligible=takes_part,
        reason=reason,
        weighted=raw * effective / counted if takes_part else Fraction(0),
        share=Fraction(0),
        amount=0,
        capital_before=0,
        capital_after=0,
    )


def _reason(
    policy: Policy, worker: WorkerFacts, counted: Mapping[Counted, int], raw: Fraction
) -> LineReason:
    total = sum(counted.values()) + worker.carried
    if not any(counted.values()) and not worker.carried:
        worked = any(worker.minutes.values())
        return LineReason.NOT_ELIGIBLE if worked else LineReason.NO_WORK
    if total <= 0 or raw <= 0:  # by minutes, or by what they weigh
        return LineReason.TAKEN_BACK
    if total < policy.minimum_minutes:
        return LineReason.BELOW_MINIMUM
    if policy.cap_minutes is not None and total > policy.cap_minutes:
        return LineReason.CAPPED
    return LineReason.COUNTS


def split_result(policy: Policy, surplus: int, reserve: int, *, shared: bool) -> Split:
    """Divide a result between the members and the reserve (R4, R9).

    Rounding is the reserve's, both ways. Where nobody's minutes count, all of it is: a surplus
    stays there, and a loss may take it below zero.
    """
    if not shared:
        return Split(0, 0, surplus)
    if surplus >= 0:
        pool = int(policy.members_share * surplus)
        return Split(pool, 0, surplus - pool)
    loss = -surplus
    borne = min(ceil(policy.loss_to_reserve * loss), max(reserve, 0))
    return Split(0, loss - borne, -borne)


def largest_remainder(
    period_id: UUID, total: int, weights: Mapping[UUID, Fraction]
) -> dict[UUID, int]:
    """Divide a whole by weights into whole parts that sum to it (R5).

    Each gets the whole part of what is exact; what is left goes by one to the largest
    remainders. Ties: the smallest SHA-256(period id | member id) first, so nobody always is.
    """
    base = sum(weights.values(), Fraction(0))
    if total <= 0 or base <= 0:
        return dict.fromkeys(weights, 0)
    exact = {holder: total * weight / base for holder, weight in weights.items()}
    parts = {holder: int(value) for holder, value in exact.items()}
    left = total - sum(parts.values())
    order = sorted(
        exact,
        key=lambda holder: (parts[holder] - exact[holder], tie_hash(period_id, holder)),
    )
    for holder in order[:left]:
        parts[holder] += 1
    return parts


def tie_hash(period_id: UUID, member_id: UUID) -> bytes:
    """Return SHA-256 over both ids as lower-case text with a bar between them."""
    return hashlib.sha256(f"{period_id}|{member_id}".encode()).digest()


def outcome_document(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome as JSON values: what is hashed into the lock of a period."""
    return {
        "base": fraction_text(outcome.base),
        "surplus": outcome.surplus,
        "pool": outcome.pool,
        "members_loss": outcome.members_loss,
        "reserve_before": outcome.reserve_before,
        "reserve_change": outcome.reserve_change,
        "reserve_after": outcome.reserve_after,
        "lines": [_line_document(line) for line in outcome.lines],
    }


def _line_document(line: OutcomeLine) -> dict[str, Any]:
    values = {name: getattr(line, name) for name in OutcomeLine.__dataclass_fields__}
    return values | {
        "account_id": str(line.account_id),
        "reason": line.reason.value,
        "weighted": fraction_text(line.weighted),
        "share": fraction_text(line.share),
    }

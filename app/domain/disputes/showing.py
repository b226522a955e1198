"""A dispute as its reader may see it: who judged what is told once it is decided."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from app.domain.access import Denied
from app.domain.disputes import policy
from app.domain.disputes.queries import Case
from app.domain.disputes.rules import seats_wanted
from app.infra import clock
from app.models.disputes import DisputeSeat, DisputeState, JudgeState


@dataclass(frozen=True)
class ShownSeat:
    """A seat, its holder's name, and what they decided where that may be told."""

    seat: DisputeSeat
    name: str
    minutes: int | None
    reason: str


def shown_seats(case: Case, names: Mapping[UUID, str]) -> Sequence[ShownSeat]:
    """Return a panel's seats; while it sits, each judge sees their own decision alone."""
    told = case.dispute.state in {DisputeState.ASSEMBLY, DisputeState.CLOSED}
    shown = []
    for seat in case.seats:
        own = case.seat is not None and case.seat.id == seat.id
        decided = seat.state == JudgeState.DECIDED and (told or own)
        minutes, reason = (seat.minutes, seat.reason) if decided else (None, "")
        shown.append(ShownSeat(seat, names.get(seat.account_id, ""), minutes, reason))
    return shown


def missing_seats(case: Case) -> int:
    """Return how many seats of the panel are free because nobody could be drawn."""
    if case.dispute.state != DisputeState.PANEL:
        return 0
    return seats_wanted([seat.state for seat in case.seats])


def may_do(case: Case) -> list[str]:
    """Return what somebody can do now, by the names of the routes."""
    dispute, missing = case.dispute, missing_seats(case)
    decisions = {
        "offer": policy.may_settle(dispute, case.sides),
        "panel": policy.may_ask_panel(dispute, case.sides),
        "withdraw": policy.may_withdraw(dispute, began=case.began),
        "judge": policy.may_judge(dispute, case.seat),
        "name": policy.may_name(dispute, case.sides, missing),
        "reappeal": policy.may_reappeal(dispute, case.sides, missing, clock.now()),
    }
    return [name for name, decision in decisions.items() if not isinstance(decision, Denied)]

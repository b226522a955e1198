"""Who may do what in a dispute about an entry. Pure."""

from collections.abc import Set as AbstractSet
from datetime import datetime

from app.domain.access import ALLOWED, Decision, Denied
from app.domain.disputes.rules import CaseSide, reappeal_until
from app.models.disputes import Dispute, DisputeSeat, DisputeState, JudgeState
from app.models.organisations import Membership


def may_open(membership: Membership | None, *, is_worker: bool) -> Decision:
    """The worker concerned, and any worker-owner."""
    if is_worker or (membership is not None and membership.worker_owner):
        return ALLOWED
    return Denied("dispute_forbidden")


def may_settle(dispute: Dispute, sides: AbstractSet[CaseSide]) -> Decision:
    """The two sides may agree as long as nobody has decided for them, or it is asked anew.

    Where everybody is a party and nobody is left to vote, that is the only way out.
    """
    asked = {DisputeState.TALKING, DisputeState.PANEL, DisputeState.ASSEMBLY}
    return _party(dispute, sides, asked)


def may_ask_panel(dispute: Dispute, sides: AbstractSet[CaseSide]) -> Decision:
    """Either side may have the panel drawn."""
    return _party(dispute, sides, {DisputeState.TALKING})


def may_name(dispute: Dispute, sides: AbstractSet[CaseSide], wanted: int) -> Decision:
    """Where too few are outside the case the two sides may name somebody together."""
    decision = _party(dispute, sides, {DisputeState.PANEL})
    if not isinstance(decision, Denied) and not wanted:
        return Denied("dispute_panel_full", conflict=True)
    return decision


def may_withdraw(dispute: Dispute, *, began: bool) -> Decision:
    """The side that began it may let the entry stand, until somebody has decided."""
    if not began:
        return Denied("dispute_opener_only")
    if dispute.state not in {DisputeState.TALKING, DisputeState.PANEL}:
        return Denied("dispute_state", conflict=True)
    return ALLOWED


def may_reappeal(
    dispute: Dispute, sides: AbstractSet[CaseSide], wanted: int, now: datetime
) -> Decision:
    """Either side, once: within 14 days of a panel's ruling, or where no panel can be filled."""
    if not sides:
        return Denied("dispute_parties_only")
    if dispute.state == DisputeState.PANEL and wanted:
        return ALLOWED
    until = reappeal_until(dispute)
    if until is None:
        return Denied("dispute_state", conflict=True)
    if now >= until:
        return Denied("dispute_reappeal_late", conflict=True)
    return ALLOWED


def may_judge(dispute: Dispute, seat: DisputeSeat | None) -> Decision:
    """Those who sit decide while the panel does, and may think again until it is closed."""
    if seat is None or seat.state not in {JudgeState.DRAWN, JudgeState.DECIDED}:
        return Denied("dispute_judges_only")
    if dispute.state != DisputeState.PANEL:
        return Denied("dispute_state", conflict=True)
    return ALLOWED


def _party(
    dispute: Dispute, sides: AbstractSet[CaseSide], states: AbstractSet[DisputeState]
) -> Decision:
    if not sides:
        return Denied("dispute_parties_only")
    if dispute.state not in states:
        return Denied("dispute_state", conflict=True)
    return ALLOWED

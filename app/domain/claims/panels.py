"""Panels: two members who are no party decide about submitted work, when the two sides cannot.

What they decide enters the book by `ledger.settling`; here they are asked, answer, and are
replaced. Everything is done holding the need's row and then the claim's, as for every move.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import SYSTEM, Actor, Denied, Scope, enforce
from app.domain.activity.actions import record
from app.domain.claims import actions, errors, queries
from app.domain.claims.drawing import draw_missing
from app.domain.claims.policy import may_decide
from app.domain.claims.queries import ClaimView
from app.domain.claims.rules import Verdict, agreed, seats_wanted
from app.errors import reason_required
from app.infra import clock
from app.models.claims import (
    Claim,
    ClaimState,
    Panel,
    PanelCause,
    PanelSeat,
    Resolution,
    SeatState,
    WorkLog,
)
from app.models.needs import Need


@dataclass(frozen=True)
class PanelView:
    """What one who was drawn needs to decide: the claim, its need, the panel, their seat."""

    panel: Panel
    seat: PanelSeat
    claim: Claim
    need: Need
    logs: Sequence[WorkLog]


@dataclass(frozen=True)
class Decided:
    """A locked claim with its panel, and what two of its members agree on, if they do."""

    view: ClaimView
    panel: Panel
    verdict: Verdict | None


async def open_panel(
    session: AsyncSession, actor: Actor, claim_id: UUID, cause: PanelCause
) -> ClaimView:
    """Bring a claim before a panel: a party of a dispute asks, or the clock after silence."""
    view = await queries.lock_claim_for(session, actor, claim_id)
    actions.check_move(view, ClaimState.PANEL_REVIEW, "")
    await actions.apply_move(session, actor, view, ClaimState.PANEL_REVIEW, cause=cause)
    return view


async def panels_of(session: AsyncSession, actor: Actor) -> Sequence[PanelView]:
    """List the open panels that wait for somebody's decision, the most urgent first."""
    statement = (
        select(Panel.id)
        .where(
            PanelSeat.panel_id == Panel.id,
            PanelSeat.account_id == actor.require(Scope.CLAIMS_READ),
            PanelSeat.state == SeatState.DRAWN,
            col(Panel.closed_at).is_(None),
        )
        .order_by(col(PanelSeat.answer_by))
        .limit(100)
    )
    found = (await session.exec(statement)).all()
    return [await get_panel_for(session, actor, panel_id) for panel_id in found]


async def get_panel_for(session: AsyncSession, actor: Actor, panel_id: UUID) -> PanelView:
    """Return a panel to one who sits on it; to everybody else there is none."""
    account_id = actor.require(Scope.CLAIMS_READ)
    panel = await session.get(Panel, panel_id)
    seat = await queries.seat_of(session, panel_id, account_id)
    if panel is None or seat is None or seat.state in {SeatState.DECLINED, SeatState.MISSED}:
        raise errors.panel_not_found()
    claim = await session.get_one(Claim, panel.claim_id)
    need = await session.get_one(Need, claim.need_id)
    logs = await queries.work_logs_of(session, claim.id)
    return PanelView(panel, seat, claim, need, logs)


async def decide(
    session: AsyncSession, actor: Actor, panel_id: UUID, verdict: Verdict, reason: str
) -> Decided:
    """Write down what one member decides; draw another where those who decided differ."""
    view, panel, seat = await _lock_seat(session, actor, panel_id)
    if verdict.resolution != Resolution.CONFIRMED and not reason:
        raise reason_required()
    seat.state = SeatState.DECIDED
    seat.resolution, seat.minutes, seat.reason = verdict.resolution, verdict.minutes, reason
    seat.answered_at = clock.now()
    await session.flush()  # what all decided is counted below
    record(session, actor, "panel.decided", panel.id, claim_id=str(view.claim.id), tell=[])
    seats = await queries.seats_of(session, panel.id)
    found = agreed(queries.verdict_in(s) for s in seats if s.state == SeatState.DECIDED)
    if found is None:
        await draw_missing(session, actor, view, panel)
    return Decided(view, panel, found)


async def decline_seat(session: AsyncSession, actor: Actor, panel_id: UUID) -> None:
    """Give one's seat up, for whatever reason; somebody else is drawn."""
    view, panel, seat = await _lock_seat(session, actor, panel_id)
    seat.state = SeatState.DECLINED
    seat.resolution, seat.minutes, seat.reason = None, None, ""
    seat.answered_at = clock.now()
    await session.flush()  # the draw counts the seats
    record(session, actor, "panel.declined", panel.id, claim_id=str(view.claim.id), tell=[])
    await draw_missing(session, actor, view, panel)


async def panels_to_redraw(session: AsyncSession, limit: int = 100) -> Sequence[UUID]:
    """Return open panels on which somebody is late, or for which too few could be drawn."""
    panels = select(Panel.id).where(col(Panel.closed_at).is_(None)).order_by(col(Panel.opened_at))
    late = []
    for panel_id in (await session.exec(panels)).all():
        seats = await queries.seats_of(session, panel_id)
        given = [queries.verdict_in(s) for s in seats if s.state == SeatState.DECIDED]
        waiting = [s for s in seats if s.state == SeatState.DRAWN]
        overdue = any(seat.answer_by <= clock.now() for seat in waiting)
        if overdue or seats_wanted(given, len(waiting)):
            late.append(panel_id)
    return late[:limit]


async def redraw(session: AsyncSession, panel_id: UUID) -> None:
    """Replace whoever did not answer in time, and fill what is free; safe to run twice."""
    view, panel = await queries.lock_panel(session, SYSTEM, panel_id)
    if panel.closed_at is not None:
        return
    for seat in await queries.seats_of(session, panel_id):
        if seat.state == SeatState.DRAWN and seat.answer_by <= clock.now():
            seat.state = SeatState.MISSED
    await session.flush()  # the draw counts the seats
    await draw_missing(session, SYSTEM, view, panel)


async def _lock_seat(
    session: AsyncSession, actor: Actor, panel_id: UUID
) -> tuple[ClaimView, Panel, PanelSeat]:
    account_id = actor.require(Scope.CLAIMS_WRITE)
    if await queries.seat_of(session, panel_id, account_id) is None:
        raise errors.panel_not_found()
    view, panel = await queries.lock_panel(session, SYSTEM, panel_id)
    seat = await queries.seat_of(session, panel_id, account_id)
    decision = may_decide(seat, panel)
    if isinstance(decision, Denied) and decision.code == "panel_not_found":
        raise errors.panel_not_found()
    enforce(decision)
    assert seat is not None  # noqa: S101 - `may_decide` refuses who has none
    await session.refresh(seat)
    return view, panel, seat

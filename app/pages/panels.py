"""A panel as a page, for those who were drawn: the work, what both sides said, one's decision."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from app.domain.claims import panels, queries
from app.domain.claims.panels import PanelView
from app.domain.claims.rules import PANEL_SIZE, SAID_OF_WORK
from app.domain.identity import queries as identity
from app.domain.ledger import settling
from app.errors import AppError, InvalidError
from app.models.claims import SeatState
from app.pages import text
from app.pages.claim_cards import minutes_of
from app.pages.claim_page import Said
from app.pages.dependencies import Db, PageRoute, Sent, SignedIn, Visit, go
from app.pages.failures import refused
from app.pages.forms import Form
from app.pages.rendering import render
from app.pages.views import LogView

router = APIRouter(route_class=PageRoute)


class SideSaid(NamedTuple):
    """What one of the two sides said of the work."""

    by: str
    reason: str


@dataclass(frozen=True)
class PanelPage:
    """All that somebody who was drawn needs to decide, and nothing more."""

    id: UUID
    cause: str
    answer_by: datetime
    closed: bool
    title: str
    language: str
    organisation_name: str
    estimate: int | None
    worker_name: str
    logged: int
    logs: Sequence[LogView]
    reasons: Sequence[SideSaid]
    others: Sequence[Said]
    my_minutes: int | None


@router.get("/panels/{panel_id:uuid}")
async def show_panel(panel_id: UUID, db: Db, visit: SignedIn) -> Response:
    """Show a panel to one who sits on it."""
    return await _render(db, visit, panel_id, Form())


@router.post("/panels/{panel_id:uuid}/decision")
async def decide_panel(panel_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Decide about the hours of others."""
    try:
        minutes = minutes_of(form)
        if not isinstance(minutes, int):
            raise InvalidError("form_unreadable")
        reason = form.value("reason").strip()[:2000]
        async with db.begin_nested():
            await settling.decide_panel(db, visit.actor, panel_id, minutes, reason)
    except AppError as error:
        shown = refused(form, visit.language, error)
        return await _render(db, visit, panel_id, shown, error.status)
    return go(f"/panels/{panel_id}", "decided")


@router.post("/panels/{panel_id:uuid}/refusal")
async def decline_seat(panel_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Give one's seat up."""
    try:
        async with db.begin_nested():
            await panels.decline_seat(db, visit.actor, panel_id)
    except AppError as error:
        shown = refused(form, visit.language, error)
        return await _render(db, visit, panel_id, shown, error.status)
    return go("/me/claims", "seat_declined")


async def _render(db: Db, visit: Visit, panel_id: UUID, form: Form, status: int = 200) -> Response:
    view = await panels.get_panel_for(db, visit.actor, panel_id)
    return await render(
        visit.page,
        "panel.html",
        status=status,
        form=form,
        panel=await _panel_page(db, view),
        body=text.markdown(view.need.body),
    )


async def _panel_page(db: Db, view: PanelView) -> PanelPage:
    claim, seat = view.claim, view.seat
    seats = [
        one
        for one in await queries.seats_of(db, view.panel.id)
        if one.state == SeatState.DECIDED and one.id != seat.id
    ]
    shown = seat.state == SeatState.DECIDED or len(seats) >= PANEL_SIZE
    people = await identity.accounts_by_id(
        db, [claim.account_id, *(one.account_id for one in seats)]
    )
    moves = await queries.history_of(db, claim.id)
    return PanelPage(
        id=view.panel.id,
        cause=view.panel.cause.value,
        answer_by=seat.answer_by,
        closed=view.panel.closed_at is not None,
        title=view.need.title,
        language=view.need.language,
        organisation_name=view.need.organisation_name,
        estimate=view.need.estimate_minutes,
        worker_name=people[claim.account_id].display_name,
        logged=sum(log.minutes for log in view.logs),
        logs=[LogView(log.id, log.worked_on, log.minutes, log.note) for log in view.logs],
        reasons=[
            SideSaid("worker" if m.account_id == claim.account_id else "organisation", m.reason)
            for m in moves
            if m.reason and m.to_state in SAID_OF_WORK
        ],
        others=[
            Said(people[one.account_id].display_name, one.minutes or 0, one.reason)
            for one in (seats if shown else ())
        ],
        my_minutes=seat.minutes,
    )

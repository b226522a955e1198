"""One claim as a page, for both of its sides: the next step in words, the dispute, the history."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from app.domain.access import Denied
from app.domain.claims import queries
from app.domain.claims.policy import may_offer
from app.domain.claims.queries import ClaimView
from app.domain.claims.rules import CONTESTED, Side, disputable_until, reason_shown
from app.domain.identity import queries as identity
from app.domain.ledger import settling
from app.errors import AppError, InvalidError
from app.infra import clock, i18n
from app.infra.ids import secret_token
from app.models.claims import LIVE_STATES, Claim, ClaimState, Panel, SeatState
from app.models.ledger import WorkStream
from app.models.needs import NeedState
from app.pages.claim_cards import claim_cards, minutes_of
from app.pages.clock_words import in_zone_of
from app.pages.dependencies import Db, PageRoute, Sent, SignedIn, Visit, go
from app.pages.disputes import disputed_at
from app.pages.elsewhere import told_reason
from app.pages.failures import choices, refused
from app.pages.forms import Form
from app.pages.rendering import render

router = APIRouter(route_class=PageRoute)


class ClaimStep(NamedTuple):
    """One move in a claim's history."""

    state: str
    at: datetime
    by: str
    reason: str


class Said(NamedTuple):
    """What one member of a panel decided."""

    by: str
    minutes: int
    reason: str


class OfferView(NamedTuple):
    """What one side of a dispute would agree to."""

    by: str
    minutes: int


@dataclass(frozen=True)
class PanelNote:
    """A panel, as the two sides see it."""

    cause: str
    closed: bool
    drawn: int
    decided: int
    resolution: str
    judgements: Sequence[Said]


@router.get("/claims/{claim_id:uuid}")
async def show_claim(claim_id: UUID, db: Db, visit: SignedIn) -> Response:
    """Show a claim to its two sides."""
    return await render_claim(db, visit, claim_id, Form())


@router.post("/claims/{claim_id:uuid}/settlement")
async def settle_claim(claim_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Say what one would agree to in a dispute."""
    try:
        minutes = minutes_of(form)
        if not isinstance(minutes, int):
            raise InvalidError("form_unreadable")
        async with db.begin_nested():
            view = await settling.settle(db, visit.actor, claim_id, minutes)
    except AppError as error:
        shown = refused(form, visit.language, error)
        return await render_claim(db, visit, claim_id, shown, error.status)
    return go(f"/claims/{claim_id}", "settled" if view.claim.state in CONTESTED else "agreed")


async def render_claim(
    db: Db, visit: Visit, claim_id: UUID, form: Form, status: int = 200
) -> Response:
    """Answer with a claim's page; also with what was wrong with a form on it."""
    view = await queries.get_claim_for(db, visit.actor, claim_id)
    mine = Side.WORKER in view.sides
    people = await identity.accounts_by_id(db, [view.claim.account_id])
    rows = [(view.claim, view.need)]
    (card,) = await claim_cards(db, visit, rows, view.sides, {} if mine else people)
    values: dict[str, Any] = {
        "claim": card,
        "mine": mine,
        "held": view.need.state == NeedState.HELD,
        "scoping": view.claim.kind == "scoping",
        "back": _back(view, mine=mine),
        "next_step": next_step(visit.language, view.claim, view.need.organisation_name, mine=mine),
        "confirmed_minutes": view.claim.confirmed_minutes,
        "resolution": view.claim.resolution.value if view.claim.resolution else "",
        "disputable_until": None if card.booked_at else _open_until(view.claim),
        "dispute_href": await disputed_at(db, visit, card.booked_at) if card.booked_at else "",
        "may_settle": not isinstance(may_offer(view.claim, view.sides), Denied),
        "offer": _offer(view.claim),
        "panels": [await _note(db, one) for one in await queries.panels_on(db, view.claim.id)],
        "history": await _history(db, view, visit.language),
        "streams": choices(visit.language, "ledger.stream", [one.value for one in WorkStream]),
        "today": clock.now().date().isoformat(),
        "key": secret_token(),
    }
    page = await in_zone_of(db, visit, view.need.organisation_id)
    return await render(page, "claim.html", status=status, form=form, **values)


def _back(view: ClaimView, *, mine: bool) -> str:
    if mine:
        return "/me/claims"
    home = view.need.organisation_id
    return f"/organisations/{home}/claims" if home else f"/needs/{view.need.id}"


def next_step(language: str, claim: Claim, organisation: str, *, mine: bool) -> str:
    """Return in words what is awaited of whom."""
    if claim.elsewhere is not None and claim.state == ClaimState.DISPUTED:
        return i18n.translate(language, "claim.elsewhere.disputed")
    if mine:
        return i18n.translate(
            language, f"workspace.step.{claim.state.value}", organisation=organisation
        )
    state = claim.state.value if claim.state in LIVE_STATES else "over"
    return i18n.translate(language, f"claim.ours.{state}")


def _open_until(claim: Claim) -> datetime | None:
    until = disputable_until(claim)
    return until if until is not None and clock.now() < until else None


def _offer(claim: Claim) -> OfferView | None:
    if claim.offer_minutes is None:
        return None
    return OfferView("worker" if claim.offer_by_worker else "organisation", claim.offer_minutes)


async def _note(db: Db, panel: Panel) -> PanelNote:
    seats = await queries.seats_of(db, panel.id)
    decided = [seat for seat in seats if seat.state == SeatState.DECIDED]
    people = await identity.accounts_by_id(db, [seat.account_id for seat in decided])
    return PanelNote(
        cause=panel.cause.value,
        closed=panel.closed_at is not None,
        drawn=len(decided) + sum(seat.state == SeatState.DRAWN for seat in seats),
        decided=len(decided),
        resolution=panel.resolution.value if panel.resolution else "",
        judgements=[
            Said(people[seat.account_id].display_name, seat.minutes or 0, seat.reason)
            for seat in decided
            if panel.resolution
        ],
    )


async def _history(db: Db, view: ClaimView, language: str) -> list[ClaimStep]:
    moves = await queries.history_of(db, view.claim.id)
    people = await identity.accounts_by_id(db, [m.account_id for m in moves if m.account_id])
    return [
        ClaimStep(
            move.to_state.value,
            move.at,
            people[move.account_id].display_name if move.account_id in people else "",
            told_reason(language, move.reason)
            if reason_shown(move.to_state, move.at, clock.now())
            else "",
        )
        for move in moves
    ]

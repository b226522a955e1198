"""Matching as pages: one's board, why a need fits, "not for me", and who could help."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.domain.matching import actions, queries
from app.domain.matching.reasons import reason_text
from app.domain.matching.rules import Reason
from app.domain.needs.queries import get_need_for
from app.errors import AppError, InvalidError
from app.models.needs import Need
from app.pages.catalogue import skill_views
from app.pages.dependencies import Db, PageRoute, Sent, SignedIn, Visit, go
from app.pages.failures import refused
from app.pages.forms import Form
from app.pages.presenting import card_of
from app.pages.rendering import render

SHOWN = 20

router = APIRouter(route_class=PageRoute)


async def fit_values(db: Db, visit: Visit, need: Need) -> dict[str, Any]:
    """Return what a need's page says of how it fits the reader."""
    account_id = visit.actor.account_id
    score = await queries.why_fits(db, visit.actor, need)
    dismissed = account_id is not None and await queries.is_dismissed(db, account_id, need.id)
    return {
        "fit": {
            "points": score.points,
            "parts": parts_of(visit.language, score.reasons),
        }
        if score
        else None,
        "dismissed": dismissed,
    }


def parts_of(language: str, reasons: Sequence[Reason]) -> list[tuple[str, int]]:
    """Return each part of a score in words, with its points."""
    return [(reason_text(language, reason), reason.points) for reason in reasons]


@router.get("/me/board")
async def show_board(request: Request, db: Db, visit: SignedIn) -> Response:
    """Show the needs that fit the reader; `other` those that would but for their language."""
    other = request.query_params.get("other") == "1"
    board = await queries.board_of(db, visit.actor, SHOWN, elsewhere=other)
    away = await queries.dismissed_needs(db, visit.actor, SHOWN)
    return await render(
        visit.page,
        "board.html",
        board=board,
        other=other,
        matches=[
            {
                "need": card_of(match.need, visit.language),
                "points": match.score.points,
                "parts": parts_of(visit.language, match.score.reasons),
            }
            for match in board.matches
        ],
        dismissed=[card_of(need, visit.language) for need in away],
    )


@router.post("/needs/{need_id:uuid}/dismissal")
async def dismiss(need_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Send a need off one's board, or let it come back; from the board, back to the board."""
    there = "/me/board" if form.value("from") == "board" else f"/needs/{need_id}"
    if form.value("act") == "restore":
        await actions.restore_need(db, visit.actor, need_id)
        return go(there, "restored")
    await actions.dismiss_need(db, visit.actor, need_id)
    return go(there, "dismissed")


@router.get("/needs/{need_id:uuid}/workers")
async def show_workers(need_id: UUID, db: Db, visit: SignedIn) -> Response:
    """Show the people who want to be found and fit, to those who answer for the need."""
    return await _workers(db, visit, need_id, Form())


@router.post("/needs/{need_id:uuid}/workers")
async def invite(need_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Invite one of them."""
    try:
        async with db.begin_nested():
            await actions.invite_worker(db, visit.actor, need_id, _account(form))
    except AppError as error:
        shown = refused(form, visit.language, error)
        return await _workers(db, visit, need_id, shown, error.status)
    return go(f"/needs/{need_id}/workers", "invited")


def _account(form: Form) -> UUID:
    try:
        return UUID(form.value("account_id"))
    except ValueError:
        raise InvalidError("form_unreadable") from None


async def _workers(db: Db, visit: Visit, need_id: UUID, form: Form, status: int = 200) -> Response:
    found = await queries.best_workers(db, visit.actor, need_id, SHOWN)
    need = await get_need_for(db, visit.actor, need_id)
    language = visit.language
    return await render(
        visit.page,
        "need_workers.html",
        status=status,
        form=form,
        need=need,
        people=[
            {
                "id": match.account.id,
                "name": match.account.display_name or match.account.handle,
                "handle": match.account.handle,
                "points": match.score.points,
                "parts": parts_of(language, match.score.reasons),
                "skills": skill_views(language, match.skills, need.must_slugs),
                "near": skill_views(language, match.near_skills, ()),
                "invited": match.invited,
            }
            for match in found
        ],
    )

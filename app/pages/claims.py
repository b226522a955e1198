"""Claims as pages: taking a need on, logging hours, handing back, confirming."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.responses import Response

from app.domain.claims import actions, panels, queries
from app.domain.claims.queries import ClaimView, WantedClaims
from app.domain.claims.rules import ClaimLimits, Side
from app.domain.identity import queries as identity
from app.domain.ledger import actions as ledger
from app.domain.ledger import queries as contributions
from app.domain.needs.queries import get_need_for
from app.domain.organisations import queries as organisations
from app.errors import AppError, FieldError, InvalidError
from app.infra import clock
from app.infra.ids import secret_token
from app.models.claims import ClaimFields, ClaimKind, ClaimState, WorkLogFields
from app.models.ledger import WorkStream
from app.pages.claim_cards import claim_cards, minutes_of
from app.pages.claim_page import render_claim
from app.pages.dependencies import (
    Configuration,
    Db,
    PageRoute,
    Sent,
    SignedIn,
    Visit,
    answered_before,
    go,
    keep_answer,
)
from app.pages.failures import choices, invalid, refused
from app.pages.forms import Form
from app.pages.need_page import render_need
from app.pages.presenting import organisation_card
from app.pages.rendering import render
from app.pages.views import Paging

PER_PAGE = 20
ANSWERING_PAGE = 100
WAITING_FOR_ORGANISATION = (ClaimState.APPLIED, ClaimState.SUBMITTED, ClaimState.DISPUTED)
SHOWN_TO_ORGANISATION = (
    ClaimState.PANEL_REVIEW, ClaimState.ACCEPTED,
    ClaimState.ACTIVE, ClaimState.CHANGES_REQUESTED, ClaimState.CONFIRMED,
)  # fmt: skip

router = APIRouter(route_class=PageRoute)


@router.post("/needs/{need_id:uuid}/claims")
async def claim_need(
    need_id: UUID, db: Db, visit: SignedIn, form: Sent, settings: Configuration
) -> Response:
    """Say "I can do this"."""
    try:
        fields = ClaimFields.model_validate(
            {
                "note": form.value("note"),
                "kind": form.value("kind") or ClaimKind.WORK,
                "share_name": "yes" in form.values("share_name"),
                "for_me": "yes" in form.values("for_me"),
            }
        )
        async with db.begin_nested():
            claim = await actions.submit_claim(db, visit.actor, need_id, fields, _limits(settings))
    except ValidationError as error:
        shown = invalid(form, visit.language, error)
        return await render_need(
            db, visit, await get_need_for(db, visit.actor, need_id), shown, 422
        )
    except AppError as error:
        need = await get_need_for(db, visit.actor, need_id)
        shown = refused(form, visit.language, error)
        return await render_need(db, visit, need, shown, error.status)
    at_once = claim.state == ClaimState.ACCEPTED
    return go(f"/me/claims#claim-{claim.id}", "claimed_at_once" if at_once else "claimed")


@router.get("/me/claims")
async def list_my_claims(request: Request, db: Db, visit: SignedIn) -> Response:
    """Show what the reader took on, with the next step of each."""
    return await _my_claims(db, visit, Form(), request.query_params.get("cursor"))


async def _my_claims(
    db: Db, visit: Visit, form: Form, cursor: str | None = None, status: int = 200
) -> Response:
    account_id = visit.actor.signed_in()
    page = await queries.claims_of_worker(db, account_id, PER_PAGE, cursor)
    by_stream = await contributions.minutes_by_stream(db, account_id)
    next_href = f"/me/claims?cursor={page.next_cursor}" if page.next_cursor else None
    return await render(
        visit.page,
        "my_claims.html",
        status=status,
        form=form,
        claims=await claim_cards(db, visit, page.items, frozenset({Side.WORKER})),
        drawn=[(one.panel.id, one.need.title) for one in await panels.panels_of(db, visit.actor)],
        total_minutes=sum(by_stream.values()),
        today=clock.now().date().isoformat(),
        key=secret_token(),
        paging=Paging(next_href, "/me/claims" if cursor else None),
    )


@router.post("/claims/{claim_id:uuid}/work-logs")
async def log_work(claim_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Log hours of a day."""
    target = f"/me/claims#claim-{claim_id}"
    if _from_its_page(form):
        target = f"/claims/{claim_id}"
    try:
        fields = WorkLogFields.model_validate(
            {
                "worked_on": form.value("worked_on"),
                "minutes": minutes_of(form),
                "note": form.value("note"),
            }
        )
        async with db.begin_nested():
            if await answered_before(db, visit, form) is None:
                await actions.log_work(db, visit.actor, claim_id, fields)
                await keep_answer(db, visit, form, target)
    except ValidationError as error:
        shown, status = invalid(form, visit.language, error), 422
    except AppError as error:
        shown, status = refused(form, visit.language, error), error.status
    else:
        return go(target, "logged")
    if _from_its_page(form):
        return await render_claim(db, visit, claim_id, shown, status)
    return await _my_claims(db, visit, shown, None, status)


@router.post("/claims/{claim_id:uuid}/work-logs/{log_id:uuid}/remove")
async def remove_work_log(
    claim_id: UUID, log_id: UUID, db: Db, visit: SignedIn, form: Sent
) -> Response:
    """Take a line back that nobody has confirmed."""
    try:
        async with db.begin_nested():
            await actions.delete_work_log(db, visit.actor, claim_id, log_id)
    except AppError as error:
        return await _my_claims(db, visit, refused(form, visit.language, error), None, error.status)
    return go(f"/me/claims#claim-{claim_id}", "log_removed")


@router.post("/claims/{claim_id:uuid}/transitions")
async def move_claim(
    claim_id: UUID, db: Db, visit: SignedIn, form: Sent, settings: Configuration
) -> Response:
    """Move a claim, from either of its sides."""
    view = await queries.get_claim_for(db, visit.actor, claim_id)
    try:
        to = _state(form.value("to"))
        async with db.begin_nested():
            await actions.move_claim(
                db, visit.actor, claim_id, to, form.value("reason"), _limits(settings)
            )
    except AppError as error:
        shown = refused(form, visit.language, error)
        return await _after_refusal(db, visit, view, shown, error.status)
    return go(_back(view, form), "moved")


def _from_its_page(form: Form) -> bool:
    """Say whether a form stood on the claim's own page, where its answer belongs too."""
    return form.value("from") == "claim"


def _back(view: ClaimView, form: Form) -> str:
    if _from_its_page(form):
        return f"/claims/{view.claim.id}"
    if Side.WORKER in view.sides:
        return f"/me/claims#claim-{view.claim.id}"
    return f"/organisations/{view.need.organisation_id}/claims#claim-{view.claim.id}"


async def _after_refusal(
    db: Db, visit: Visit, view: ClaimView, form: Form, status: int
) -> Response:
    if _from_its_page(form):
        return await render_claim(db, visit, view.claim.id, form, status)
    if Side.WORKER in view.sides or view.need.organisation_id is None:
        return await _my_claims(db, visit, form, None, status)
    return await _organisation_claims(db, visit, view.need.organisation_id, form, status)


@router.post("/claims/{claim_id:uuid}/confirmation")
async def confirm_claim(claim_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Confirm submitted hours: the claim and the book change together."""
    view = await queries.get_claim_for(db, visit.actor, claim_id)
    try:
        minutes, stream = minutes_of(form), _stream(form.value("stream"))
        if not isinstance(minutes, int):
            unreadable = FieldError("/minutes", "time_unreadable")
            raise InvalidError("validation_failed", errors=[unreadable])
        async with db.begin_nested():
            await ledger.confirm_contribution(db, visit.actor, claim_id, minutes, stream)
    except AppError as error:
        shown = refused(form, visit.language, error)
        return await _after_refusal(db, visit, view, shown, error.status)
    return go(_back(view, form), "confirmed")


@router.get("/organisations/{organisation_id:uuid}/claims")
async def list_organisation_claims(organisation_id: UUID, db: Db, visit: SignedIn) -> Response:
    """Show a member who does what for the organisation, and who waits for an answer."""
    return await _organisation_claims(db, visit, organisation_id, Form())


async def _organisation_claims(
    db: Db, visit: Visit, organisation_id: UUID, form: Form, status: int = 200
) -> Response:
    found = await organisations.get_organisation_for(db, visit.actor, organisation_id)
    # What waits for an answer comes first, and of that who waits longest.
    waits = WantedClaims(WAITING_FOR_ORGANISATION, oldest_first=True)
    rest = WantedClaims(SHOWN_TO_ORGANISATION)
    rows = [
        row
        for wanted in (waits, rest)
        for row in (
            await queries.claims_of_organisation(
                db, visit.actor, organisation_id, wanted, ANSWERING_PAGE, None
            )
        ).items
    ]
    mine = [row for row in rows if row[0].account_id != visit.actor.account_id]
    people = await identity.accounts_by_id(db, [claim.account_id for claim, _ in mine])
    values: dict[str, Any] = {
        "organisation": organisation_card(found),
        "claims": await claim_cards(db, visit, mine, frozenset({Side.ORGANISATION}), people),
        "streams": choices(visit.language, "ledger.stream", _streams()),
    }
    return await render(visit.page, "organisation_claims.html", status=status, form=form, **values)


def _limits(settings: Configuration) -> ClaimLimits:
    return ClaimLimits(settings.claims_pending_max, settings.claims_live_max)


def _streams() -> Sequence[str]:
    return [stream.value for stream in WorkStream]


def _state(value: str) -> ClaimState:
    try:
        return ClaimState(value)
    except ValueError:
        raise InvalidError("form_unreadable") from None


def _stream(value: str) -> WorkStream:
    try:
        return WorkStream(value)
    except ValueError:
        raise InvalidError("form_unreadable") from None

"""Organisations as pages: the list, one organisation, adding one, the stewards' decision."""

from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import available_timezones

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.responses import Response

from app.domain.claims.answering import answer_times
from app.domain.needs import queries as needs
from app.domain.needs.queries import NeedFilters
from app.domain.organisations import actions, blocking, queries, vouching
from app.domain.organisations.policy import acts_as_steward
from app.domain.organisations.queries import Wanted
from app.domain.organisations.rules import TRANSITIONS
from app.domain.statements.queries import books_of
from app.errors import AppError, InvalidError
from app.infra.ids import secret_token
from app.models.ledger import Book
from app.models.organisations import MemberRole, OrganisationFields, OrganisationState
from app.pages import text
from app.pages.dependencies import (
    Db,
    PageRoute,
    Reader,
    Sent,
    SignedIn,
    Visit,
    answered_before,
    go,
    keep_answer,
)
from app.pages.failures import invalid, refused
from app.pages.forms import Form
from app.pages.presenting import cards_of, organisation_card, organisation_document
from app.pages.rendering import render
from app.pages.views import Paging

PER_PAGE = 30
NEEDS_SHOWN = 24
TEXT_MAX = 200
REGIONS = (
    "Africa/", "America/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/",
)  # fmt: skip
HOME_ZONES = {
    "el": "Europe/Athens", "ca": "Europe/Madrid", "es": "Europe/Madrid", "nl": "Europe/Amsterdam",
}  # fmt: skip

router = APIRouter(route_class=PageRoute)


@router.get("/organisations")
async def list_organisations(request: Request, db: Db, visit: Reader) -> Response:
    """Show who asks for help here; stewards also see who waits for them."""
    query = request.query_params.get("q", "").strip()[:TEXT_MAX]
    cursor = request.query_params.get("cursor")
    state = None if acts_as_steward(visit.actor) else OrganisationState.ACCEPTED
    wanted = Wanted(state=state, text=query)
    page = await queries.list_organisations(db, visit.actor, wanted, PER_PAGE, cursor)
    return await render(
        visit.page,
        "organisations.html",
        organisations=[organisation_card(view) for view in page.items],
        query=query,
        paging=Paging(
            _href(query, page.next_cursor) if page.next_cursor else None,
            _href(query) if cursor else None,
        ),
    )


def _href(query: str, cursor: str | None = None) -> str:
    pairs = {name: value for name, value in (("q", query), ("cursor", cursor)) if value}
    return f"/organisations?{urlencode(pairs)}" if pairs else "/organisations"


@router.get("/organisations/{organisation_id:uuid}")
async def show_organisation(
    request: Request, organisation_id: UUID, db: Db, visit: Reader
) -> Response:
    """Show an organisation and what it needs."""
    cursor = request.query_params.get("cursor")
    return await _render(db, visit, organisation_id, Form(), cursor=cursor)


async def _book(db: Db, visit: Visit, organisation_id: UUID) -> Book | None:
    """Return the organisation's book, where the reader finds something in it."""
    books = await books_of(db, visit.actor)
    return next((book for book, organisation in books if organisation.id == organisation_id), None)


async def _render(
    db: Db,
    visit: Visit,
    organisation_id: UUID,
    form: Form,
    *,
    cursor: str | None = None,
    status: int = 200,
) -> Response:
    found = await queries.get_organisation_for(db, visit.actor, organisation_id)
    member = visit.page.viewer is not None and visit.page.viewer.member_of(organisation_id)
    filters = NeedFilters(
        organisation=organisation_id, state="any" if member else "open", sort="newest"
    )
    page = (await needs.list_needs(db, visit.actor, filters, NEEDS_SHOWN, cursor)).page
    shown, here = organisation_card(found), f"/organisations/{organisation_id}"
    vouches = (
        await vouching.vouches_of(db, visit.actor, organisation_id) if visit.page.viewer else ()
    )
    moves = TRANSITIONS[found.organisation.state] if acts_as_steward(visit.actor) else ()
    return await render(
        visit.page,
        "organisation.html",
        status=status,
        form=form,
        organisation=shown,
        summary=text.markdown(found.organisation.summary),
        json_ld=organisation_document(shown, visit.page.origin),
        member=member,
        book=await _book(db, visit, organisation_id) if member else None,
        runs=found.my_role is MemberRole.OWNER or acts_as_steward(visit.actor),
        may_block=visit.page.viewer is not None and not member,
        blocked=organisation_id in await blocking.unheard_of(db, visit.actor.account_id),
        vouched_by=found.organisation.vouched_by,
        vouches=vouches,
        vouches_needed=vouching.VOUCHES_NEEDED,
        vouched_myself=any(account.id == visit.actor.account_id for _, account in vouches),
        may_vouch=await vouching.may_vouch(db, visit.actor, organisation_id),
        times=await answer_times(db, organisation_id),
        transitions=[move.value for move in moves],
        cards=await cards_of(db, page.items, visit.language),
        paging=Paging(
            f"{here}?cursor={page.next_cursor}" if page.next_cursor else None,
            here if cursor else None,
        ),
    )


@router.post("/organisations/{organisation_id:uuid}/transitions")
async def move_organisation(organisation_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Write down what the stewards decided."""
    try:
        async with db.begin_nested():
            to = _state(form.value("to"))
            await actions.move_organisation(
                db, visit.actor, organisation_id, to, form.value("reason"),
                known=form.value("vouch") == "yes",
            )  # fmt: skip
    except AppError as error:
        shown = refused(form, visit.language, error)
        return await _render(db, visit, organisation_id, shown, status=error.status)
    return go(f"/organisations/{organisation_id}", "moved")


@router.post("/organisations/{organisation_id:uuid}/vouch")
async def vouch(organisation_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Give one's word for an organisation, or take it back."""
    deed = vouching.take_back if form.value("act") == "undo" else vouching.vouch
    try:
        async with db.begin_nested():
            await deed(db, visit.actor, organisation_id)
    except AppError as error:
        shown = refused(form, visit.language, error)
        return await _render(db, visit, organisation_id, shown, status=error.status)
    return go(f"/organisations/{organisation_id}#vouches", "changed")


def _state(value: str) -> OrganisationState:
    try:
        return OrganisationState(value)
    except ValueError:
        raise InvalidError("form_unreadable") from None


@router.get("/organisations/new")
async def begin(visit: SignedIn) -> Response:
    """Show the empty form."""
    zone = HOME_ZONES.get(visit.language, "UTC")
    form = Form().with_values(key=secret_token(), time_zone=zone, languages=visit.language)
    return await _render_form(visit, form)


@router.post("/organisations/new")
async def propose(db: Db, visit: SignedIn, form: Sent) -> Response:
    """Propose an organisation to the stewards."""
    try:
        fields = OrganisationFields.model_validate(
            {
                "name": form.value("name"),
                "summary": form.value("summary"),
                "languages": list(form.values("languages")),
                "site": form.value("site") or None,
                "time_zone": form.value("time_zone") or "UTC",
            }
        )
        async with db.begin_nested():
            target = await answered_before(db, visit, form)
            if target is None:
                made = await actions.create_organisation(db, visit.actor, fields)
                target = f"/organisations/{made.id}"
                await keep_answer(db, visit, form, target)
    except ValidationError as error:
        return await _render_form(visit, invalid(form, visit.language, error), 422)
    except AppError as error:
        return await _render_form(visit, refused(form, visit.language, error), error.status)
    return go(target, "proposed")


async def _render_form(visit: Visit, form: Form, status: int = 200) -> Response:
    return await render(
        visit.page,
        "organisation_form.html",
        status=status,
        form=form,
        zones=zone_choices(),
    )


def zone_choices() -> list[tuple[str, str]]:
    """Return the time zones that people live in, to choose from."""
    zones = sorted(zone for zone in available_timezones() if zone.startswith(REGIONS))
    return [("UTC", "UTC"), *((zone, zone.replace("_", " ")) for zone in zones)]

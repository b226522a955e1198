"""Saved searches as pages: one's own, and for somebody without an account by mailed links."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.datastructures import QueryParams
from starlette.responses import Response

from app.domain.feeds import actions, queries
from app.domain.feeds.actions import Sender
from app.domain.feeds.composing import address_of
from app.domain.feeds.rules import CONFIRM_WITHIN, as_fields
from app.domain.identity import queries as identity
from app.domain.needs.filters import HERE
from app.domain.organisations import queries as organisations
from app.domain.profiles import skills
from app.errors import AppError, InvalidError
from app.infra.i18n import format_minutes, translate
from app.models.feeds import AlertFields, Often, SavedSearch, SearchFields, SearchFilters
from app.pages.asks import TRAP, network_of, render_secret, secret
from app.pages.dependencies import (
    Configuration,
    Db,
    PageRoute,
    Reader,
    Sent,
    SignedIn,
    Visit,
    go,
    page_outside_routes,
)
from app.pages.failures import choices, invalid, refused
from app.pages.filters import NeedQuery
from app.pages.forms import Form, Problem
from app.pages.organisations import zone_choices
from app.pages.rendering import language_name, render

TOKEN_MAX = 100
VERSION_DIGITS_MAX = 9
router = APIRouter(route_class=PageRoute)


def often_choices(language: str, *, off: bool = True) -> list[tuple[str, str]]:
    """Return how often one may hear of a search."""
    offered = [each.value for each in Often if off or each is not Often.OFF]
    return choices(language, "page.searches.often", offered)


async def described(db: Db, visit: Visit, filters: SearchFilters) -> str:
    """Say in words what a search looks for."""
    said = _words(visit.language, filters)
    if filters.organisation is not None:
        names = await organisations.names_for(db, visit.actor, [filters.organisation])
        # Who does not see an organisation is not told its name here either.
        unnamed = translate(visit.language, "page.searches.one_organisation")
        said.append(names.get(filters.organisation, unnamed))
    return " · ".join(said) or translate(visit.language, "page.searches.everything")


def _words(language: str, filters: SearchFilters) -> list[str]:
    said = [translate(language, "page.searches.words", words=filters.q)] if filters.q else []
    said += [skills.label(slug, language) for slug in filters.skill]
    said += [", ".join(map(language_name, filters.language))] if filters.language else []
    if filters.hours_max is not None:
        time = format_minutes(language, filters.hours_max * 60)
        said.append(translate(language, "page.needs.up_to", time=time))
    named = {
        "need.stream": filters.stream,
        "need.kind": filters.kind,
        "need.urgency": filters.urgency,
        "page.needs.remote": {True: "yes", False: "no"}.get(filters.remote)
        if filters.remote is not None
        else None,
    }
    said += [translate(language, f"{prefix}.{value}") for prefix, value in named.items() if value]
    if filters.instance:
        here = filters.instance == HERE
        said.append(translate(language, "page.needs.here") if here else filters.instance)
    return [*said, filters.region] if filters.region else said


def saved_fields(query: NeedQuery) -> SearchFilters:
    """Return the filters of a list's address as they are saved."""
    return as_fields(query.filters)


def _filters_in(form: Form) -> NeedQuery:
    pairs = [(name, value) for name, values in form.sent.items() for value in values]
    return NeedQuery.of(QueryParams(pairs))


def _often(value: str) -> Often:
    try:
        return Often(value)
    except ValueError:
        raise InvalidError("form_unreadable") from None


@router.get("/searches")
async def list_searches(db: Db, visit: SignedIn) -> Response:
    """Show what one has saved."""
    return await _render_own(db, visit, Form())


async def _render_own(db: Db, visit: Visit, form: Form, status: int = 200) -> Response:
    found = await queries.list_searches(db, visit.actor)
    account = await identity.get_account(db, visit.actor.signed_in())
    return await render(
        visit.page,
        "searches.html",
        status=status,
        form=form,
        searches=[await _shown(db, visit, search) for search in found],
        often=often_choices(visit.language),
        no_mail=not (account.email and account.email_proven_at),
    )


async def _shown(db: Db, visit: Visit, search: SavedSearch) -> Mapping[str, Any]:
    filters = SearchFilters.model_validate(search.filters)
    return {
        "id": search.id,
        "words": await described(db, visit, filters),
        "often": search.often.value,
        "version": search.version,
        "href": address_of(search),
    }


@router.post("/searches")
async def save_search(db: Db, visit: SignedIn, form: Sent) -> Response:
    """Save the filters of a list."""
    try:
        async with db.begin_nested():
            fields = SearchFields(
                filters=saved_fields(_filters_in(form)), often=_often(form.value("often"))
            )
            await actions.save_search(db, visit.actor, fields)
    except AppError as error:
        shown = refused(form, visit.language, error)
        return await _render_own(db, visit, shown, error.status)
    return go("/searches", "search_saved")


@router.get("/searches/new")
async def begin(request: Request, db: Db, visit: Reader, settings: Configuration) -> Response:
    """Show what one would hear of, and ask where to write to."""
    form = Form().with_values(often=Often.DAILY.value, time_zone=settings.default_time_zone)
    return await _render_new(db, visit, NeedQuery.of(request.query_params), form)


async def _render_new(
    db: Db, visit: Visit, query: NeedQuery, form: Form, status: int = 200
) -> Response:
    return await render(
        visit.page,
        "search_new.html",
        status=status,
        form=form,
        trap=TRAP,
        query=query,
        words=await described(db, visit, saved_fields(query)),
        often=often_choices(visit.language, off=visit.page.viewer is not None),
        zones=zone_choices(),
    )


@router.post("/searches/new")
async def ask_for_alerts(
    request: Request, db: Db, visit: Reader, form: Sent, settings: Configuration
) -> Response:
    """Mail a link to an address; the answer is the same for every address."""
    query = _filters_in(form)
    if form.value(TRAP):
        said = Problem(None, translate(visit.language, "page.asks.trap"))
        emptied = Form({**form.sent, TRAP: [""]}, [said])
        return await _render_new(db, visit, query, emptied, 422)
    try:
        fields = AlertFields(
            filters=saved_fields(query),
            often=_often(form.value("often")),
            address=form.value("address").strip(),
            language=visit.language,
            time_zone=form.value("time_zone"),
        )
        async with db.begin_nested():
            sender = Sender(visit.page.origin, network_of(request, settings))
            await actions.ask_for_alerts(db, fields, sender)
    except ValidationError as error:
        return await _render_new(db, visit, query, invalid(form, visit.language, error), 422)
    except AppError as error:
        shown = refused(form, visit.language, error)
        return await _render_new(db, visit, query, shown, error.status)
    return go("/searches/sent")


@router.get("/searches/sent")
async def sent(visit: Reader) -> Response:
    """Say what happens now; the same whatever address was written."""
    return await render(visit.page, "search_sent.html", days=CONFIRM_WITHIN.days)


@router.get("/searches/confirm/{token}")
async def show_confirm(token: str, db: Db, visit: Reader) -> Response:
    """Show the button. Opening the link does nothing: programs that read mail open links too."""
    search = await actions.search_to_confirm(db, token[:TOKEN_MAX])
    return await _render_link(db, visit, "search_confirm.html", search, token=token, done=False)


@router.post("/searches/confirm/{token}")
async def confirm(
    token: str,
    db: Db,
    visit: Reader,
    form: Sent,  # noqa: ARG001 - it is read and checked
) -> Response:
    """Begin to write to an address."""
    search = await actions.confirm_alerts(db, token[:TOKEN_MAX])
    return await _render_link(db, visit, "search_confirm.html", search, token=token, done=True)


async def _render_link(
    db: Db, visit: Visit, template: str, search: SavedSearch, **values: Any
) -> Response:
    """Show a search to whoever holds a link to it."""
    filters = SearchFilters.model_validate(search.filters)
    return await render_secret(
        visit,
        template,
        words=await described(db, visit, filters),
        href=address_of(search),
        often=search.often.value,
        own=search.account_id is not None,
        **values,
    )


@router.get("/searches/stop/{token}")
async def ask_to_stop(token: str, db: Db, visit: Reader) -> Response:
    """Show what the letters are about: opening an address changes nothing."""
    search = await actions.search_of_link(db, token[:TOKEN_MAX])
    if search is None:
        return await render_secret(visit, "search_stop.html", token=token, done=True)
    return await _render_stop(db, visit, search, token)


async def _render_stop(db: Db, visit: Visit, search: SavedSearch, token: str) -> Response:
    offered: Sequence[tuple[str, str]] = often_choices(visit.language, off=False)
    return await _render_link(
        db, visit, "search_stop.html", search, token=token, done=False, choices=offered
    )


@router.post("/searches/stop/{token}")
async def stop(token: str, request: Request, db: Db) -> Response:
    """Stop the letters (RFC 8058).

    Mail programs press this for their reader: no cookie, no token of a form, nothing to fill in.
    The link is the right to it, and all that it can do is stop letters.
    """
    await actions.stop_alerts(db, token[:TOKEN_MAX])
    page = await page_outside_routes(request)
    return secret(await render(page, "search_stop.html", token=token, done=True))


@router.post("/searches/often/{token}")
async def change_alerts(token: str, db: Db, form: Sent) -> Response:
    """Change how often, by the link at a letter's foot."""
    await actions.change_alerts(db, token[:TOKEN_MAX], _often(form.value("often")))
    return secret(go(f"/searches/stop/{token[:TOKEN_MAX]}", "changed"))


@router.post("/searches/{search_id:uuid}")
async def change_search(search_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Change how often one hears of a search of one's own, or remove it."""
    version = form.value("version")
    if not (version.isascii() and version.isdigit() and len(version) <= VERSION_DIGITS_MAX):
        raise InvalidError("form_unreadable")
    removing = form.value("act") == "remove"
    try:
        async with db.begin_nested():
            if removing:
                await actions.remove_search(db, visit.actor, search_id)
            else:
                often = _often(form.value("often"))
                await actions.change_search(db, visit.actor, search_id, often, int(version))
    except AppError as error:
        shown = refused(Form(), visit.language, error)
        return await _render_own(db, visit, shown, error.status)
    return go("/searches", "search_removed" if removing else "changed")

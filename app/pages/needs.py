"""Needs as pages: the list with its filters, one need, asking for help, moving a need."""

from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.domain.needs import actions, queries
from app.domain.needs.filters import SORTS
from app.domain.organisations import queries as organisations
from app.errors import AppError, InvalidError
from app.infra.i18n import translate
from app.infra.text import fold
from app.models.feeds import Often
from app.models.needs import NeedKind, NeedState
from app.pages.catalogue import skill_groups
from app.pages.dependencies import Db, PageRoute, Reader, Sent, SignedIn, Visit, go
from app.pages.failures import choices, refused
from app.pages.filters import NeedQuery, counted, hour_choices, instance_choices
from app.pages.forms import Form
from app.pages.need_page import render_need
from app.pages.presenting import cards_of
from app.pages.rendering import render
from app.pages.views import Paging

PER_PAGE = 20
ORGANISATIONS_OFFERED = 30

router = APIRouter(route_class=PageRoute)


@router.get("/needs")
async def list_needs(request: Request, db: Db, visit: Reader) -> Response:
    """Show what is needed now, narrowed by the filters in the address."""
    query = NeedQuery.of(request.query_params)
    cursor = request.query_params.get("cursor")
    found = await queries.list_needs(db, visit.actor, query.filters, PER_PAGE, cursor)
    open_needs = await queries.count_needs(db, visit.actor, queries.NeedFilters())
    facets = await queries.count_facets(db, visit.actor, query.filters)
    return await render(
        visit.page,
        "needs.html",
        cards=await cards_of(db, found.page.items, visit.language),
        open_needs=open_needs,
        found=await queries.count_needs(db, visit.actor, query.filters) if query.active else 0,
        filters=query,
        skill_groups=skill_groups(visit.language),
        options={
            **await _options(db, visit, query, facets),
            **_counted(visit.language, query, facets),
        },
        facets=facets,
        hidden_by_language=found.hidden_by_language,
        all_languages_href=query.href(without="language"),
        often=choices(visit.language, "page.searches.often", list(Often)),
        paging=Paging(
            query.href(cursor=found.page.next_cursor) if found.page.next_cursor else None,
            query.href() if cursor else None,
        ),
    )


async def _options(
    db: Db, visit: Visit, query: NeedQuery, facets: queries.Facets
) -> dict[str, list[tuple[str, str]]]:
    """Return the choices of who asks and from where: those with the most needs, by name."""
    language, chosen = visit.language, query.filters.organisation
    asking = [UUID(one) for one in list(facets.counts["organisation"])[:ORGANISATIONS_OFFERED]]
    wanted = {*asking, chosen} if chosen else set(asking)
    found = await organisations.names_for(db, visit.actor, wanted)
    named = sorted(found.items(), key=lambda pair: (fold(pair[1]), pair[0]))
    every = ("", translate(language, "page.needs.all_organisations"))
    offered = [(str(each), name) for each, name in named]
    return {
        "hours": hour_choices(language, facets),
        "organisations": [every, *counted(offered, "organisation", facets)],
        "instances": instance_choices(language, query.filters.instance, facets),
    }


def _counted(
    language: str, query: NeedQuery, facets: queries.Facets
) -> dict[str, list[tuple[str, str]]]:
    """Return the choices that say beside each how many needs it would leave."""
    streams = choices(language, "need.stream", ("gift", "stipend", "paid"))
    urgencies = choices(language, "need.urgency", ("high", "normal", "low"))
    kinds = choices(language, "need.kind", tuple(NeedKind))
    where = choices(language, "page.needs.remote", ("yes", "no"))
    # The usual order has no value: who then types other words gets the order usual for those.
    # Without words there is nothing to be the best answer to.
    usual = "best" if query.filters.q else "soonest"
    sorts = [usual, *(sort for sort in SORTS if sort not in {usual, "best"})]
    orders = choices(language, "page.needs.sort", sorts)
    return {
        "streams": [
            ("", translate(language, "page.needs.any_stream")),
            *counted(streams, "stream", facets),
        ],
        "urgencies": [
            ("", translate(language, "page.needs.any_urgency")),
            *counted(urgencies, "urgency", facets),
        ],
        "kinds": [
            ("", translate(language, "page.needs.any_kind")),
            *counted(kinds, "kind", facets),
        ],
        "where": [
            ("", translate(language, "page.needs.remote.any")),
            *counted(where, "remote", facets),
        ],
        "sorts": [("", orders[0][1]), *orders[1:]],
    }


@router.get("/needs/{need_id:uuid}")
async def show_need(need_id: UUID, db: Db, visit: Reader) -> Response:
    """Show everything that a need holds, and what the reader can do about it."""
    need = await queries.get_need_for(db, visit.actor, need_id)
    return await render_need(db, visit, need, Form())


@router.post("/needs/{need_id:uuid}/transitions")
async def move_need(need_id: UUID, db: Db, visit: SignedIn, form: Sent) -> Response:
    """Move a need of one's organisation."""
    try:
        async with db.begin_nested():
            to = _state(form.value("to"))
            version = form.number("version") if form.value("version") else None
            await actions.move_need(db, visit.actor, need_id, to, form.value("reason"), version)
    except AppError as error:
        need = await queries.get_need_for(db, visit.actor, need_id)
        shown = refused(form, visit.language, error)
        return await render_need(db, visit, need, shown, error.status)
    return go(f"/needs/{need_id}", "moved")


def _state(value: str) -> NeedState:
    try:
        return NeedState(value)
    except ValueError:
        raise InvalidError("form_unreadable") from None

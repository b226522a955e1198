"""The page that makes the code with which other sites show a list of needs."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.infra.i18n import LANGUAGES, translate
from app.pages.dependencies import Configuration, Db, PageRoute, Reader
from app.pages.embed_recipes import Shown, attributes, element, recipes, script_tag
from app.pages.feeds import (
    Asking,
    chosen_limit,
    chosen_zone,
    fragment,
    script_integrity,
    script_version,
)
from app.pages.filters import NeedQuery
from app.pages.forms import Form
from app.pages.organisations import zone_choices
from app.pages.rendering import language_name, render
from app.pages.searches import described, saved_fields

LIMITS = ("3", "6", "10", "20")
SCRIPT_PATH = "/embed/needs.js"
router = APIRouter(route_class=PageRoute)


@router.get("/embed")
async def show_builder(
    request: Request, db: Db, visit: Reader, settings: Configuration
) -> Response:
    """Show the code for a list, and how it looks."""
    params = request.query_params
    query = NeedQuery.of(params)
    language = params.get("in", "")
    asking = Asking(
        query=query,
        # "lang" is the language of this page; that of the list is another question.
        language=language if language in LANGUAGES else visit.language,
        origin=settings.origin,
        instance_name=visit.page.instance_name,
        limit=chosen_limit(params.get("limit", "")),
        time_zone=chosen_zone(params.get("tz", ""), settings.default_time_zone),
        in_language=True,
    )
    shown = Shown(asking.head(), asking.limit, asking.time_zone)
    words = translate(asking.language, "embed.more", instance=asking.instance_name)
    script = f"{SCRIPT_PATH}?v={script_version()}"
    form = Form({"limit": [str(asking.limit)], "tz": [asking.time_zone], "in": [asking.language]})
    return await render(
        visit.page,
        "embed.html",
        form=form,
        query=query,
        words=await described(db, visit, saved_fields(query)),
        limits=[(each, each) for each in sorted({*LIMITS, str(asking.limit)}, key=int)],
        zones=_zones(asking.time_zone),
        languages=[(code, language_name(code)) for code in LANGUAGES],
        script=script,
        integrity=script_integrity(),
        code=f"{script_tag(asking.origin + script, script_integrity())}\n{element(shown, words)}",
        policy=f"script-src {asking.origin}; connect-src {asking.origin}",
        fragment_address=shown.address("/embed/needs.html"),
        data_address=shown.address("/embed/needs.json"),
        recipes=recipes(shown, words),
        attributes=attributes(shown),
        preview=await fragment(db, asking),
    )


def _zones(chosen: str) -> list[tuple[str, str]]:
    offered = zone_choices()
    return offered if chosen in dict(offered) else [(chosen, chosen), *offered]

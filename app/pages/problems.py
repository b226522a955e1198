"""A refusal as a page: what happened, that nothing changed, what to do next."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Match, Mount

from app.pages.context import PageContext
from app.pages.dependencies import READ_METHODS, choose_language, page_outside_routes
from app.pages.rendering import render

NOT_FOUND, TOO_LARGE = 404, 413


async def render_problem(
    request: Request, status: int, write: Callable[[str], Mapping[str, Any]]
) -> Response:
    """Answer a problem as a page; `write` tells it in a language.

    The database may be just what is broken.
    """
    page: PageContext = getattr(request.state, "page", None) or await _page(request, status)
    if status == 401 and request.method in READ_METHODS:
        return RedirectResponse(f"/sign-in?next={quote(page.here)}", status_code=303)
    back = _way_back(request) if status == TOO_LARGE else None
    response: Response = await render(
        page, "problem.html", status=status, problem=write(page.language), back=back
    )
    response.headers["Cache-Control"] = "no-store"
    return response


async def _page(request: Request, status: int) -> PageContext:
    """Frame what no page of ours took as any other, while the instance is well."""
    unknown = status == NOT_FOUND and request.method in READ_METHODS
    if unknown or status == TOO_LARGE:
        try:
            return await page_outside_routes(request)
        except Exception:  # noqa: BLE001 - the page of a problem must not become one
            return _bare_page(request)
    return _bare_page(request)


def _way_back(request: Request) -> str | None:
    """Return the page that a refused form most likely stood on: the nearest above its address."""
    parts = request.scope["path"].strip("/").split("/")
    for end in range(len(parts), 0, -1):
        path = "/" + "/".join(parts[:end])
        scope = {**request.scope, "method": "GET", "path": path, "root_path": ""}
        if any(_reads(route, scope) for route in request.app.routes):
            return path
    return None


def _reads(route: BaseRoute, scope: dict[str, Any]) -> bool:
    # What is mounted takes every address below it, whether something is there or not.
    return not isinstance(route, Mount) and route.matches(scope)[0] == Match.FULL


def _bare_page(request: Request) -> PageContext:
    settings = request.app.state.settings
    return PageContext(
        language=choose_language(request, settings, getattr(request.state, "language", None)),
        instance_name=settings.instance_name,
        origin=settings.origin,
        path=request.scope["path"],
    )

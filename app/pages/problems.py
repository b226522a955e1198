"""A refusal as a page: what happened, that nothing changed, what to do next."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.pages.context import PageContext
from app.pages.dependencies import READ_METHODS, choose_language, page_outside_routes
from app.pages.rendering import render

NOT_FOUND = 404


async def render_problem(request: Request, problem: Mapping[str, Any]) -> Response:
    """Answer a problem document as a page; the database may be just what is broken."""
    page: PageContext = getattr(request.state, "page", None) or await _page(request, problem)
    if problem["status"] == 401 and request.method in READ_METHODS:
        return RedirectResponse(f"/sign-in?next={quote(page.here)}", status_code=303)
    response: Response = await render(
        page, "problem.html", status=int(problem["status"]), problem=problem
    )
    response.headers["Cache-Control"] = "no-store"
    return response


async def _page(request: Request, problem: Mapping[str, Any]) -> PageContext:
    """Frame an address that no page of ours has as any other, while the instance is well."""
    if problem["status"] == NOT_FOUND and request.method in READ_METHODS:
        try:
            return await page_outside_routes(request)
        except Exception:  # noqa: BLE001 - the page of a problem must not become one
            return _bare_page(request)
    return _bare_page(request)


def _bare_page(request: Request) -> PageContext:
    settings = request.app.state.settings
    return PageContext(
        language=choose_language(request, settings, getattr(request.state, "language", None)),
        instance_name=settings.instance_name,
        origin=settings.origin,
        path=request.scope["path"],
    )

"""A refusal as a page: what happened, that nothing changed, what to do next."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.pages.context import PageContext
from app.pages.dependencies import READ_METHODS, choose_language
from app.pages.rendering import render


async def render_problem(request: Request, problem: Mapping[str, Any]) -> Response:
    """Answer a problem document as a page; never asks the database, which may be what is broken."""
    page: PageContext = getattr(request.state, "page", None) or _bare_page(request)
    if problem["status"] == 401 and request.method in READ_METHODS:
        return RedirectResponse(f"/sign-in?next={quote(page.here)}", status_code=303)
    response: Response = await render(
        page, "problem.html", status=int(problem["status"]), problem=problem
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def _bare_page(request: Request) -> PageContext:
    settings = request.app.state.settings
    return PageContext(
        language=choose_language(request, settings, getattr(request.state, "language", None)),
        instance_name=settings.instance_name,
        origin=settings.origin,
        path=request.scope["path"],
    )

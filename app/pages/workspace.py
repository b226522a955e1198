"""The door of the workspace, and what stands there while it has not been built."""

from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from app.pages.dependencies import PageRoute, Reader
from app.pages.rendering import render

router = APIRouter(route_class=PageRoute)
entrance = APIRouter(route_class=PageRoute)


@entrance.get("/app")
async def enter() -> Response:
    """Go to the workspace's own start page: its files lie under /app/."""
    return RedirectResponse("/app/", status_code=307)


@router.get("/app/setup")
async def set_up_elsewhere(request: Request) -> Response:
    """Lead the printed link to the page that needs no workspace."""
    query = urlencode({"token": request.query_params.get("token", "")[:200]})
    return RedirectResponse(f"/setup?{query}", status_code=307)


@router.get("/app")
@router.get("/app/{rest:path}")
async def show_fallback(visit: Reader, rest: str = "") -> Response:  # noqa: ARG001
    """Say that it is not here, and what works without it."""
    return await render(visit.page, "workspace.html", status=503)

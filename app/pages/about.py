"""About this place: how it goes, its rules, what the server can see, the licence."""

from fastapi import APIRouter
from starlette.responses import Response

from app import __version__
from app.pages.dependencies import PageRoute, Reader
from app.pages.rendering import render

router = APIRouter(route_class=PageRoute)


@router.get("/about")
async def show_about(visit: Reader) -> Response:
    """Show the rules and the licence."""
    return await render(visit.page, "about.html", version=__version__)

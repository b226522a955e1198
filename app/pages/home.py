"""The front page: what this is in two lines, what is needed now, what to do first."""

from fastapi import APIRouter
from starlette.responses import Response

from app.domain.needs import queries as needs
from app.domain.needs.queries import NeedFilters
from app.domain.profiles import skills
from app.pages.counts import instance_counts
from app.pages.dependencies import Db, PageRoute, Reader
from app.pages.presenting import cards_of
from app.pages.rendering import render
from app.pages.views import SkillView

NEWEST = 6
SKILLS_SHOWN = 16

router = APIRouter(route_class=PageRoute)


@router.get("/")
async def show_home(db: Db, visit: Reader) -> Response:
    """Show the front page."""
    newest = NeedFilters(sort="newest")
    found = await needs.list_needs(db, visit.actor, newest, NEWEST, None)
    counts = await instance_counts(db, visit)
    asked = await needs.skills_asked(db, visit.actor, SKILLS_SHOWN)
    return await render(
        visit.page,
        "home.html",
        cards=await cards_of(db, found.page.items, visit.language),
        open_needs=counts[0][1],
        counts=counts,
        skills=[SkillView(s, skills.label(s, visit.language), n=n) for s, n in asked],
    )

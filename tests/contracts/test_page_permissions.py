"""Who sees which page, asked of the real application and compared with docs/permissions.md."""

import re

from fastapi.routing import APIRoute

from app.pages.router import PARTS
from tests.contracts.cast import ROLES, Cast, gather
from tests.contracts.tree import read
from tests.factories.world import World

PEOPLE = tuple(role for role in ROLES if role != "tool")  # a tool has no browser
ROW = re.compile(r"^\| page `(/\S*)` \|(.*)\|$", re.MULTILINE)
OUTCOMES = {401: "sign in", 403: "no", 404: "hidden"}
CONVERTER = re.compile(r":\w+\}")


def pages() -> list[str]:
    """Return the paths of all pages that one can open."""
    routes = [route for part in PARTS for route in part.router.routes]
    return sorted(
        {
            CONVERTER.sub("}", route.path)
            for route in routes
            if isinstance(route, APIRoute) and "GET" in (route.methods or ())
        }
    )


def documented() -> dict[str, dict[str, str]]:
    """Read the second table: page, then one cell for each role."""
    return {
        page: dict(zip(PEOPLE, (cell.strip() for cell in cells.split("|")), strict=True))
        for page, cells in ROW.findall(read("docs/permissions.md"))
    }


async def outcomes(cast: Cast, role: str) -> dict[str, str]:
    """Open every page as one role, and say how its rights answered."""
    found = {}
    for page in pages():
        http = cast.people[role].http
        answer = await http.get(page.format(**cast.ids), follow_redirects=False)
        assert answer.status_code < 500, f"{page} as {role}: {answer.text[:300]}"
        outcome = OUTCOMES.get(answer.status_code, "yes")
        if answer.is_redirect and "/sign-in" in answer.headers["location"]:
            outcome = "sign in"
        found[page] = outcome
    return found


async def test_pages_open_to_whom_the_table_says(world: World) -> None:
    cast = await gather(world)
    table = documented()
    for role in PEOPLE:  # reading changes nothing, so one world serves all
        assert await outcomes(cast, role) == {p: cells[role] for p, cells in table.items()}, role

"""Who may do what, asked of the real application and compared with docs/permissions.md.

A route without a row fails, and so does a row without a route: a new route is a decision.
"""

import re
from typing import Any

import pytest

from app.settings import Settings
from tests.contracts.cast import ROLES, Cast, gather, requests
from tests.contracts.tree import read
from tests.factories.world import World

PREFIX = "/api/v1"
ROW = re.compile(r"^\| `([A-Z]+ /\S*)` \|(.*)\|$", re.MULTILINE)
# What an answer says about rights. Anything else went past them: 409, 412, 422 …
OUTCOMES = {401: "sign in", 403: "no", 404: "hidden"}


def documented() -> dict[str, dict[str, str]]:
    """Read the table: route, then one cell for each role."""
    rows = ROW.findall(read("docs/permissions.md"))
    return {
        route: dict(zip(ROLES, (cell.strip() for cell in cells.split("|")), strict=True))
        for route, cells in rows
    }


def operations(schema: dict[str, Any]) -> list[str]:
    """Return the API's routes as the table writes them, reading ones first."""
    routes = [
        f"{method.upper()} {path.removeprefix(PREFIX)}"
        for path, methods in schema["paths"].items()
        if path.startswith(PREFIX)
        for method in methods
    ]
    return sorted(routes, key=lambda route: not route.startswith("GET"))


async def outcomes(cast: Cast, role: str, routes: list[str]) -> dict[str, str]:
    """Send each route's request as one role, and say how its rights answered."""
    writing = requests(cast)
    reading: dict[str, dict[str, Any]] = {r: {} for r in routes if r.startswith("GET")}
    person = cast.people[role]
    found = {}
    for route, request in {**reading, **writing}.items():
        if route not in routes:
            continue
        method, path = route.split(" ", 1)
        answer = await person.ask(method, path.format(**cast.ids), **request)
        # 502: a steward may ask an instance that does not exist.
        assert answer.status_code in {*range(200, 500), 502}, f"{route} as {role}: {answer.text}"
        assert answer.status_code not in {400, 405, 415, 428}, f"{route}: {answer.text}"
        found[route] = OUTCOMES.get(answer.status_code, "yes")
    return found


@pytest.mark.parametrize("role", ROLES)
async def test_rights_are_what_the_table_says(world: World, settings: Settings, role: str) -> None:
    assert settings.registration_open
    routes = operations(world.application.openapi())
    cast = await gather(world)
    found = await outcomes(cast, role, routes)
    table = {route: cells[role] for route, cells in documented().items()}
    assert sorted(found) == sorted(routes), "a route has no request in tests/contracts/cast.py"
    assert found == table


async def test_a_draft_is_hidden_from_all_but_its_organisation(world: World) -> None:
    cast = await gather(world)
    path = f"/needs/{cast.ids['draft_id']}"
    seen = {role: (await cast.people[role].ask("GET", path)).status_code for role in ROLES}
    hidden = {role for role, status in seen.items() if status == 404}
    assert hidden == {"stranger", "person", "worker"}

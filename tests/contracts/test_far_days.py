"""The first and the last day of the calendar, wherever a day can be said: never a 500."""

import re
from typing import Any

import pytest

from tests.contracts.cast import Cast, gather, requests
from tests.factories.world import World

FAR = ("0001-01-01", "0001-01-31", "9999-12-01", "9999-12-31")
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
SHOWN = (
    "/books/{book_id}/standing?on={day}",
    "/books/{book_id}/standing/{account_id}?on={day}",
    "/books/{book_id}/lines?since={day}",
    "/books/{book_id}/lines?until={day}",
    "/policy-drafts/{policy_draft_id}?first_day={day}&last_day={day}",
)


def asked(schema: dict[str, Any]) -> list[tuple[str, str]]:
    """Return each reading route and the name of a day in its query."""
    return [
        (path.removeprefix("/api/v1"), said["name"])
        for path, methods in schema["paths"].items()
        for said in methods.get("get", {}).get("parameters", ())
        if said["in"] == "query" and "'date'" in str(said["schema"])
    ]


def far(said: Any, day: str) -> Any:
    """Put another day in the place of each day of a body."""
    if isinstance(said, dict):
        return {name: far(value, day) for name, value in said.items()}
    if isinstance(said, list):
        return [far(value, day) for value in said]
    return day if isinstance(said, str) and DAY.fullmatch(said) else said


@pytest.fixture
async def cast(world: World) -> Cast:
    return await gather(world)


async def test_far_days_in_queries_are_answered(world: World, cast: Cast) -> None:
    routes = asked(world.application.openapi())
    assert len(routes) >= 3
    reader = cast.people["owner"]
    found = {}
    for day in FAR:
        for path, name in routes:
            answer = await reader.ask("GET", path.format(**cast.ids), params={name: day})
            found[path, name, day] = answer.status_code
        for path in SHOWN:
            answer = await reader.http.get(path.format(day=day, **cast.ids))
            found[path, "", day] = answer.status_code
    assert {what: status for what, status in found.items() if status not in {200, 404, 422}} == {}
    assert 200 in found.values()


async def test_far_days_in_bodies_are_answered(cast: Cast) -> None:
    """What a body has no room for is refused in words."""
    tried = 0
    for route, request in requests(cast).items():
        said = request.get("json")
        if said is None or far(said, "") == said:
            continue
        method, path = route.split(" ", 1)
        for number, day in enumerate(FAR):
            sent = {**request, "json": far(said, day)}
            if "Idempotency-Key" in request.get("headers", {}):
                sent["headers"] = {**request["headers"], "Idempotency-Key": f"far-{tried}-{number}"}
            for role in ("owner", "worker-owner", "worker"):
                answer = await cast.people[role].ask(method, path.format(**cast.ids), **sent)
                assert answer.status_code < 500, f"{route} with {day}: {answer.text}"
        tried += 1
    assert tried >= 5

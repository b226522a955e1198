"""Writes that a browser sends because another site made it: none has an effect."""

import re
from typing import Any

import pytest

from app.pages.dependencies import PageRoute
from tests.contracts.cast import Cast, gather, requests
from tests.factories.world import PASSWORD, Person, World

FOREIGN: dict[str, dict[str, str]] = {
    "another origin": {"Origin": "https://evil.example"},
    "no origin to tell": {"Origin": "null"},
    "another port": {"Origin": "http://127.0.0.1:8081"},
    "a site below": {"Sec-Fetch-Site": "same-site", "Origin": "http://sub.127.0.0.1:8080"},
    "another site": {"Sec-Fetch-Site": "cross-site"},
}
# A form of a page that does several things is asked for one that it knows.
DEED = {"deed": "link"}
# Mail programs press these for their reader (RFC 8058): the link is the right to it.
ONE_CLICK = {"/notices/stop/{name}/{token}", "/searches/stop/{token}"}
PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")


def _writes(cast: Cast) -> dict[str, dict[str, Any]]:
    return {route: asked for route, asked in requests(cast).items() if route[:4] != "GET "}


@pytest.mark.parametrize("foreign", FOREIGN)
async def test_no_route_of_the_api_obeys_another_site(world: World, foreign: str) -> None:
    cast = await gather(world)
    owner = cast.people["owner"]
    for route, request in _writes(cast).items():
        method, path = route.split(" ", 1)
        headers = {**request.get("headers", {}), **FOREIGN[foreign]}
        asked = {**request, "headers": headers}
        answer = await owner.ask(method, path.format(**cast.ids), **asked)
        assert (answer.status_code, answer.json()["code"]) == (403, "cross_site_refused"), route
        assert "set-cookie" not in answer.headers


async def test_no_route_of_the_api_obeys_what_a_plain_form_could_send(world: World) -> None:
    cast = await gather(world)
    owner = cast.people["owner"]
    del owner.http.headers["X-Tornallom"]
    # Before anybody is signed in there is no right to abuse, and Origin is all there is.
    free = {"POST /setup", "POST /accounts", "POST /sessions"}
    for route, request in _writes(cast).items():
        method, path = route.split(" ", 1)
        if route in free:
            continue
        answer = await owner.ask(method, path.format(**cast.ids), **request)
        assert (answer.status_code, answer.json()["code"]) == (403, "csrf_header_missing"), route


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"]
)
async def test_json_in_disguise_is_not_read(world: World, kind: str) -> None:
    cast = await gather(world)
    owner = cast.people["owner"]
    for route, request in _writes(cast).items():
        method, path = route.split(" ", 1)
        if not request.get("json"):  # what reads no body obeys no words in it
            continue
        headers = {**request.get("headers", {}), "Content-Type": kind}
        answer = await owner.ask(method, path.format(**cast.ids), content=b"{}", headers=headers)
        assert answer.status_code == 415, route


def _forms(world: World) -> list[str]:
    """Return the paths of all forms of the pages."""
    waiting: list[Any] = list(world.application.routes)
    paths = []
    while waiting:
        route = waiting.pop()
        if isinstance(route, PageRoute) and "POST" in (route.methods or ()):
            paths.append(route.path)
        inner = getattr(route, "original_router", None) or getattr(route, "router", None)
        waiting.extend(getattr(inner, "routes", ()))
    return sorted(set(paths))


async def test_no_form_obeys_another_site_or_lacks_its_token(world: World) -> None:
    cast = await gather(world)
    owner: Person = cast.people["owner"]
    forms = _forms(world)
    assert {"/sign-in", "/sign-up", "/sign-out", "/needs/new", "/language"} <= set(forms)
    page = await owner.http.get("/me/claims", headers={"Accept": "text/html"})
    token = page.text.partition('name="form_token" value="')[2].partition('"')[0]
    assert token
    credentials = {"handle": "person", "password": PASSWORD}
    for form in forms:
        path = PARAMETER.sub(lambda found: {**cast.ids, **DEED}[found[1]], form)
        if form in ONE_CLICK:
            assert (await owner.http.post(path)).status_code == 410, form
            continue
        for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}):
            data = {"form_token": token, **credentials}
            answer = await owner.http.post(path, data=data, headers=headers)
            assert answer.status_code == 403, form
            assert "set-cookie" not in answer.headers
        for wrong in ({}, {"form_token": ""}, {"form_token": token[:-1] + "é"}):
            answer = await owner.http.post(path, data={**credentials, **wrong})
            assert answer.status_code == 403, form


async def test_nothing_is_changed_by_reading(world: World) -> None:
    cast = await gather(world)
    owner = cast.people["owner"]
    for form in _forms(world):
        path = PARAMETER.sub(lambda found: {**cast.ids, **DEED}[found[1]], form)
        answer = await owner.http.get(path, headers={"Accept": "text/html"})
        assert answer.status_code in {200, 303, 403, 404, 405, 409, 410}, form
    assert (await owner.ask("GET", "/me")).status_code == 200

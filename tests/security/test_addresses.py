"""Addresses that lead away: in links, after signing in, by a foreign host name."""

import re

import pytest

from tests.factories.world import PASSWORD, World

HTML = {"Accept": "text/html"}
TARGET = re.compile(r'(?:href|action|src|value)="([^"]*)"')
AWAY = (
    "//evil.example/a",
    "///evil.example/a",
    "/%2Fevil.example/a",
    "/%5Cevil.example/a",
    "/%5C%5Cevil.example/a",
    "//evil.example%2F..",
)


@pytest.mark.parametrize("path", AWAY)
async def test_no_link_of_a_page_leads_to_what_its_address_names(world: World, path: str) -> None:
    await world.set_up()
    person = await world.sign_up("person")
    for reader in (world.stranger(), person):
        page = await reader.http.get(f"{world.runtime.origin}{path}", headers=HTML)
        assert page.status_code == 404
        targets = [target for target in TARGET.findall(page.text) if "evil" in target]
        assert targets, "the page links to itself in every language"
        assert all(re.match(r"/[^/\\]", target) for target in targets), targets


@pytest.mark.parametrize("path", AWAY)
async def test_asking_to_sign_in_leads_back_to_our_own_pages(world: World, path: str) -> None:
    await world.sign_up("person")
    form = {"handle": "person", "password": PASSWORD, "next": path}
    answer = await world.stranger().http.post("/sign-in", data=form)
    assert answer.status_code == 303
    assert re.match(r"/(?:[^/\\]|$)", answer.headers["location"])


async def test_a_path_keeps_its_meaning_in_the_links_of_its_page(world: World) -> None:
    page = await world.stranger().http.get("/a%3Fb%23c%22d%20e", headers=HTML)
    assert 'href="/a%3Fb%23c%22d%20e?lang=el"' in page.text


@pytest.mark.parametrize("path", ["/", "/needs", "/sign-in", "/app", "/nowhere", "/actor"])
async def test_a_foreign_host_name_changes_nothing(world: World, path: str) -> None:
    await world.set_up()
    headers = {
        **HTML,
        "Host": "evil.example",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "gopher",
        "Forwarded": "host=evil.example",
    }
    answer = await world.stranger().http.get(path, headers=headers)
    assert "evil.example" not in answer.text
    assert "evil.example" not in str(answer.headers)


async def test_no_line_end_gets_into_a_header(world: World) -> None:
    await world.sign_up("person")
    for target in ("/a\r\nSet-Cookie: a=b", "/a\nb", "/a%0d%0aSet-Cookie:%20a=b", "/\u0085a"):
        form = {"handle": "person", "password": PASSWORD, "next": target}
        answer = await world.stranger().http.post("/sign-in", data=form)
        assert answer.status_code == 303
        assert not re.search(r"[\r\n\x85]", answer.headers["location"])
        assert all(c.startswith("tornallom") for c in answer.headers.get_list("set-cookie"))

"""The page that makes the code for other sites, and the code itself."""

import base64
import gzip
import hashlib
import re
from urllib.parse import parse_qsl, urlsplit

import pytest

from app.infra.i18n import LANGUAGES, translate
from app.pages.embed_recipes import RECIPES
from tests.contracts.tree import read
from tests.factories.world import Json, World
from tests.pages.reading import Element, Page, Reader, parse

SCRIPT_BYTES_MAX = 5 * 1024
ORIGIN = "http://127.0.0.1:8080"
FILTERS = "q=l%27hort+%22%3E%3Cscript%3E&language=el&language=nl&hours=8&remote=yes"


def copied(page: Page, label: str) -> str:
    """The code under a heading, as it is copied."""
    return "".join(map(str, page.main.one("pre", aria_labelledby=label).one("code").children))


async def made(world: World, query: str = "", language: str = "en") -> Page:
    return await Reader(world, None, language).open(f"/embed?{query}")


async def need(world: World, **changes: object) -> Json:
    owner = await world.sign_up("owner")
    organisation = await world.organisation(owner)
    return await world.open_need(owner, organisation, **{"audience": "public", **changes})


def element_in(code: str) -> Element:
    return parse(code).one("tornallom-needs")


async def test_the_script_is_small_and_is_what_its_fingerprint_says(world: World) -> None:
    page = await made(world)
    script = parse(copied(page, "element")).one("script")
    assert script.attributes["crossorigin"] == "anonymous"
    assert script.attributes["referrerpolicy"] == "no-referrer"
    answer = await world.stranger().http.get(script.attributes["src"])
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    digest = base64.b64encode(hashlib.sha384(answer.content).digest()).decode()
    assert script.attributes["integrity"] == f"sha384-{digest}"
    assert "immutable" in answer.headers["cache-control"]
    assert len(gzip.compress(answer.content, 9)) <= SCRIPT_BYTES_MAX
    unnamed = await world.stranger().http.get("/embed/needs.js?v=older")
    assert "immutable" not in unnamed.headers["cache-control"]


async def test_the_script_needs_nothing_that_a_strict_policy_forbids(world: World) -> None:
    source = (await world.stranger().http.get("/embed/needs.js")).text
    forbidden = (
        r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|Function\(|\.style\b|<style"
    )
    assert re.findall(forbidden, source) == []
    assert re.findall(r"document\.cookie|localStorage|sessionStorage|sendBeacon", source) == []
    for language in LANGUAGES:
        assert translate(language, "embed.failed") in source


async def test_the_code_says_what_was_chosen_and_quotes_what_could_break_out(
    world: World,
) -> None:
    page = await made(world, f"{FILTERS}&limit=3&tz=Europe/Athens&in=el")
    shown = element_in(copied(page, "element"))
    assert shown.attributes == {
        "instance": ORIGIN,
        "q": "l'hort \"><script>",
        "hours": "8",
        "remote": "yes",
        "language": "el nl",
        "lang": "el",
        "limit": "3",
        "tz": "Europe/Athens",
    }
    link = shown.one("a")
    assert link.text == translate("el", "embed.more", instance="Tornallom")
    asked = dict(parse_qsl(urlsplit(link.attributes["href"]).query))
    assert asked["q"] == shown.attributes["q"]
    assert asked["lang"] == "el"
    # The preview is the very same element, with what a server would put into it.
    (preview,) = page.main.all("tornallom-needs")
    assert preview.attributes == shown.attributes
    assert preview.one("section", class_="tornallom-needs").attributes["lang"] == "el"


@pytest.mark.parametrize("label", ["fragment", "data"])
async def test_the_addresses_answer_what_the_preview_shows(world: World, label: str) -> None:
    await need(world, title="Poster", language="el")
    await need_of_other(world)
    page = await made(world, "language=el&limit=3")
    answer = await world.stranger().http.get(copied(page, label))
    assert answer.status_code == 200
    assert "Poster" in answer.text
    assert "Server" not in answer.text
    assert [a.text for a in page.main.all("a", class_="tornallom-title")] == ["Poster"]


async def need_of_other(world: World) -> None:
    other = await world.sign_up("other")
    organisation = await world.organisation(other, "Στέκι")
    await world.open_need(other, organisation, title="Server", audience="public", language="en")


async def test_every_recipe_asks_for_the_address_and_lets_nothing_break_out(world: World) -> None:
    page = await made(world, FILTERS)
    address = copied(page, "fragment")
    assert "'" not in address
    assert '"' not in address
    found = [copied(page, f"recipe-{number + 1}") for number in range(len(RECIPES))]
    for text in found:
        assert text.count(address) == 1
        assert "l'hort" not in text
        assert "<script" not in text


def test_the_handbook_has_the_same_recipes() -> None:
    handbook = read("docs/embed.md")
    filled = {
        "address": "https://needs.example.org/embed/needs.html?skill=wordpress&limit=6",
        "list": "https://needs.example.org/needs?skill=wordpress",
        "title": "All needs at Koinó",
    }
    for name, text in RECIPES.items():
        assert text % filled in handbook, name


@pytest.mark.parametrize(
    "query", ["limit=many&tz=Mars/Base&in=xx", "limit=-1&tz=%27", "tz=../../etc/passwd&limit=٣"]
)
async def test_what_means_nothing_is_left_out(world: World, query: str) -> None:
    shown = element_in(copied(await made(world, query), "element"))
    assert shown.attributes["tz"] == "UTC"
    assert shown.attributes["lang"] == "en"
    assert 1 <= int(shown.attributes["limit"]) <= 20


async def test_the_list_leads_to_the_code_for_it(world: World) -> None:
    page = await Reader(world).open("/needs?skill=wordpress&sort=newest")
    address = page.link("On your own site")
    assert address == "/embed?skill=wordpress"
    builder = await Reader(world).open(address)
    assert element_in(copied(builder, "element")).attributes["skill"] == "wordpress"


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_page_is_whole_in_every_language(world: World, language: str) -> None:
    page = await made(world, f"lang={language}")
    assert re.findall(r"\b(?:page|embed|feed|notice)\.[a-z_.]+\b", page.main.text) == []
    assert element_in(copied(page, "element")).attributes["lang"] == language

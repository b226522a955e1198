"""What holds on every page: the policy, the languages, the marks that assistive tools need."""

import re
from typing import NamedTuple

import pytest

from app.infra.i18n import LANGUAGES
from app.pages.rendering import STATIC, environment
from tests.factories.world import Person, World
from tests.pages.reading import Element, Page, Reader, parse

PUBLIC = (
    "/",
    "/needs",
    "/organisations",
    "/network",
    "/about",
    "/sign-in",
    "/sign-up",
    "/searches/new",
    "/searches/sent",
)
BUDGET_BYTES = 60_000
MESSAGE_ID = re.compile(r"\b(?:page|need|claim|organisation|error|peer|ledger|format)\.[a-z_.]+\b")
PHYSICAL = re.compile(
    r"(?<![\w-])(?:(?:margin|padding|border)-(?:left|right|top|bottom)|left|right|top|bottom|width"
    r"|height|(?:min|max)-(?:width|height)|float:\s*(?:left|right)|text-align:\s*(?:left|right))\s*:"
)


class Scene(NamedTuple):
    """A small world with something on every page."""

    world: World
    owner: Person
    worker: Person
    organisation_id: str
    need_id: str


@pytest.fixture
async def scene(world: World) -> Scene:
    owner, worker = await world.sign_up("owner"), await world.sign_up("worker")
    organisation = await world.organisation(owner)
    need = await world.open_need(owner, organisation, audience="public", urgency="high", places=2)
    other = await world.open_need(owner, organisation, audience="public")
    await world.submitted_claim(worker, owner, other)
    return Scene(world, owner, worker, organisation["id"], need["id"])


def paths_of(scene: Scene) -> list[tuple[Person | None, str]]:
    """Every page, with somebody who may see it."""
    public = [*PUBLIC, f"/needs/{scene.need_id}", f"/organisations/{scene.organisation_id}"]
    own = [
        "/needs/new",
        f"/needs/{scene.need_id}/edit",
        "/organisations/new",
        f"/organisations/{scene.organisation_id}/claims",
    ]
    return [
        *((None, path) for path in public),
        *((scene.owner, path) for path in (*public[:5], *public[-2:], *own)),
        (scene.worker, "/me/claims"),
        (scene.worker, "/searches"),
        (scene.world.steward, f"/organisations/{scene.organisation_id}"),
        (scene.world.steward, "/network"),
    ]


async def every_page(scene: Scene, language: str) -> list[Page]:
    pages = []
    for person, path in paths_of(scene):
        reader = Reader(scene.world, person, language)
        pages.append(await reader.open(f"{path}?lang={language}"))
    pages.append(await Reader(scene.world, None, language).open("/nowhere", status=404))
    return pages


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_page_is_whole_in_every_language(scene: Scene, language: str) -> None:
    for page in await every_page(scene, language):
        assert page.document.one("html").attributes["lang"] == language
        assert page.answer.headers["content-language"] == language
        body = page.document.one("body")
        read = [body.text, *(e.attributes.get("aria-label", "") for e in body.all())]
        assert MESSAGE_ID.findall(" ".join(read)) == [], page.answer.url
        assert re.findall(r"\{[a-z_]+\}", body.text) == [], page.answer.url


async def test_every_page_obeys_the_policy_and_loads_from_here_only(scene: Scene) -> None:
    for page in await every_page(scene, "en"):
        policy = page.answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert page.answer.headers["referrer-policy"] == "no-referrer"
        for element in page.document.all():
            _assert_harmless(element)


def _assert_harmless(element: Element) -> None:
    names = element.attributes.keys()
    assert "style" not in names
    assert not any(name.startswith("on") for name in names)
    assert element.tag not in {"style", "iframe", "object", "embed", "base"}
    if element.tag == "script":
        assert element.attributes == {"type": "application/ld+json"}
    loads = element.attributes.get("src", "")
    if element.tag == "link" and element.attributes.get("rel") != "canonical":
        loads = element.attributes["href"]
    assert loads == "" or (loads.startswith("/") and not loads.startswith("//")), loads


async def test_every_page_has_the_marks_that_assistive_tools_need(scene: Scene) -> None:
    for page in await every_page(scene, "en"):
        body = page.document.one("body")
        assert len(body.all("h1")) == 1
        assert body.all("a")[0].attributes == {"class": "skip", "href": "#content"}
        assert page.main.attributes["id"] == "content"
        ids = [e.attributes["id"] for e in body.all() if "id" in e.attributes]
        assert len(ids) == len(set(ids)), page.answer.url
        _assert_labelled(body)
        named = [e.attributes.get("aria-labelledby") for e in body.all()]
        described = " ".join(e.attributes.get("aria-describedby", "") for e in body.all())
        assert {n for n in (*named, *described.split()) if n} <= set(ids)
        assert all("alt" in image.attributes for image in body.all("img"))


def _assert_labelled(body: Element) -> None:
    labelled = {label.attributes.get("for") for label in body.all("label")}
    wrapped = {id(control) for label in body.all("label") for control in label.all("input")}
    for control in (*body.all("input"), *body.all("select"), *body.all("textarea")):
        if control.attributes.get("type") != "hidden" and id(control) not in wrapped:
            assert control.attributes["id"] in labelled
    for button in body.all("button"):
        assert button.text


async def test_headings_do_not_skip_a_level(scene: Scene) -> None:
    for page in await every_page(scene, "en"):
        levels = [int(e.tag[1]) for e in page.main.all() if re.fullmatch("h[1-6]", e.tag)]
        before = levels[0]
        for level in levels:
            assert level <= before + 1, (page.answer.url, levels)
            before = level


async def test_a_public_page_costs_less_than_its_budget(scene: Scene) -> None:
    for number in range(25):
        await scene.world.open_need(
            scene.owner,
            {"id": scene.organisation_id},
            audience="public",
            title=f"A need with a title of the usual length, number {number}",
            body="What we tried, what we have, and how we will know that it is done. " * 5,
        )
    reader = Reader(scene.world, None, "el")  # two bytes a letter: the dearest of the five
    for path in (*PUBLIC, f"/needs/{scene.need_id}"):
        page = await reader.open(path)
        files = {page.answer.url.path: len(page.answer.content)}
        for element in (*page.document.all("link"), *page.document.all("img")):
            address = element.attributes.get("href") or element.attributes["src"]
            if element.attributes.get("rel") in {"stylesheet", "icon", None}:
                files[address] = len((await reader.http.get(address)).content)
        assert sum(files.values()) <= BUDGET_BYTES, files


async def test_the_current_page_is_marked_in_the_navigation(scene: Scene) -> None:
    reader = Reader(scene.world, None)
    header = (await reader.open("/needs")).document.one("header")
    current = header.one("a", aria_current="page")
    assert current.attributes["href"] == "/needs"
    inside = (await reader.open(f"/needs/{scene.need_id}")).document.one("header")
    marked = [e.attributes["href"] for e in inside.all("a") if "aria-current" in e.attributes]
    assert marked == ["/needs"]


async def test_what_a_signed_in_person_sees_is_kept_by_nobody(scene: Scene) -> None:
    own = await Reader(scene.world, scene.owner).open("/needs")
    public = await Reader(scene.world, None).open("/needs")
    assert own.answer.headers["cache-control"] == "no-store"
    assert public.answer.headers["cache-control"] == "no-cache"
    assert "Cookie" in public.answer.headers["vary"]


async def test_a_page_may_be_asked_for_its_head_only(world: World) -> None:
    reader = Reader(world, None)
    assert (await reader.http.head("/about")).status_code == 200
    assert (await reader.http.head("/nowhere")).status_code == 404


async def test_our_files_are_kept_for_as_long_as_their_fingerprint_stays(world: World) -> None:
    reader = Reader(world, None)
    sheet = (await reader.open("/about")).document.all("link", rel="stylesheet")[0]
    plain, marked = sheet.attributes["href"].partition("?")[0], sheet.attributes["href"]
    assert "immutable" in (await reader.http.get(marked)).headers["cache-control"]
    assert "immutable" not in (await reader.http.get(plain)).headers["cache-control"]


async def test_a_problem_is_a_page_for_people_and_json_for_programs(world: World) -> None:
    reader = Reader(world, None, "ca")
    page = await reader.open("/needs/00000000-0000-4000-8000-000000000000", status=404)
    assert page.document.one("html").attributes["lang"] == "ca"
    assert "urn:request:" in page.main.text
    steward = await world.set_up("Mà Comuna")
    lost = await Reader(world, steward).open("/nowhere", status=404)
    assert lost.document.one("a", class_="brand").text == "Mà Comuna"
    assert "@steward" in lost.document.one("footer").text
    program = await reader.http.get("/nowhere", headers={"Accept": "application/json"})
    assert program.headers["content-type"] == "application/problem+json"
    assert program.json()["code"] == "not_found"


def test_style_sheets_use_logical_properties_only() -> None:
    for sheet in STATIC.glob("*.css"):
        assert PHYSICAL.findall(_without_media(sheet.read_text())) == [], sheet.name


def test_style_sheets_load_nothing_from_elsewhere() -> None:
    for sheet in STATIC.glob("*.css"):
        addresses = re.findall(r"url\([\"']?([^\"')]+)", sheet.read_text())
        assert all(re.fullmatch(r"fonts/[a-z-]+\.woff2", address) for address in addresses)


def _without_media(css: str) -> str:
    return re.sub(r"@media[^{]+\{", "", css)


def test_the_parser_of_these_tests_notices_an_unclosed_element() -> None:
    with pytest.raises(AssertionError):
        parse("<main><p>open</main>")


@pytest.mark.parametrize(
    ("n", "shown"), [(0, "0"), (999, "999"), (1000, "1,000+"), (2000, "2,000+")]
)
def test_a_count_that_stopped_at_its_bound_says_so(n: int, shown: str) -> None:
    assert environment("en").filters["bounded"](n) == shown

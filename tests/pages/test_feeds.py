"""Each list as feeds, and what other sites show: valid, harmless, and for everybody alike."""

import json
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import httpx
import pytest

from app.infra import clock
from app.infra.i18n import LANGUAGES, translate
from tests.factories.world import Json, Person, World
from tests.pages.reading import Reader, parse

ATOM = "{http://www.w3.org/2005/Atom}"
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
DOCUMENTS = ("/needs.atom", "/needs.json", "/embed/needs.json", "/embed/needs.html")
HOSTILE = "</title>]]><script>alert(1)</script> &amp; \" '> 😀 שלום مرحبا l·l"
BODY = "# Title\n\nWe **need** <script>alert(1)</script> ]]> help\x0b at <b onclick='x'>once</b> 😀"


class Scene:
    """An organisation with needs for everybody."""

    def __init__(self, world: World, owner: Person, organisation: Json) -> None:
        self.world, self.owner, self.organisation = world, owner, organisation
        self.http = world.stranger().http
        del self.http.headers["X-Tornallom"]

    async def open(self, title: str, **changes: Any) -> Json:
        wanted = {"audience": "public", "title": title, **changes}
        return await self.world.open_need(self.owner, self.organisation, **wanted)

    async def ask(self, path: str, method: str = "GET", **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.request(method, path, headers=named)

    async def read(self, path: str, **headers: str) -> httpx.Response:
        answer = await self.ask(path, **headers)
        assert answer.status_code == 200, answer.text
        return answer

    async def titles(self, path: str) -> list[str]:
        """The titles in whichever document."""
        answer = await self.read(path)
        kind = answer.headers["content-type"]
        if kind.startswith("application/atom+xml"):
            entries = ET.fromstring(answer.content).findall(f"{ATOM}entry")  # noqa: S314
            return [entry.findtext(f"{ATOM}title") or "" for entry in entries]
        if kind.startswith("text/html"):
            return [a.text for a in parse(answer.text).all("a", class_="tornallom-title")]
        return [item["title"] for item in answer.json()["items"]]


@pytest.fixture
async def scene(world: World) -> Scene:
    owner = await world.sign_up("owner")
    return Scene(world, owner, await world.organisation(owner, "Forn & <Roig>"))


def check_atom(raw: bytes) -> ET.Element:
    """What RFC 4287 requires of a feed and of its entries."""
    feed = ET.fromstring(raw)  # noqa: S314 - our own answer
    assert feed.tag == f"{ATOM}feed"
    entries = feed.findall(f"{ATOM}entry")
    for element in (feed, *entries):
        for name in ("id", "title", "updated"):
            (found,) = element.findall(f"{ATOM}{name}")
            assert (found.text or "").strip(), name
        moments = [element.findtext(f"{ATOM}updated"), element.findtext(f"{ATOM}published")]
        for moment in filter(None, moments):
            assert datetime.fromisoformat(moment).tzinfo is not None
        assert urlsplit(element.findtext(f"{ATOM}id") or "").scheme == "tag"
        assert len(element.findall(f"{ATOM}author/{ATOM}name")) == 1
        assert len(element.findall(f"{ATOM}content")) <= 1
        assert len(element.findall(f"{ATOM}summary")) <= 1
        links = [(link.get("rel"), link.get("type")) for link in element.findall(f"{ATOM}link")]
        assert len(links) == len(set(links))
        assert ("alternate", "text/html") in links
        for link in element.findall(f"{ATOM}link"):
            assert urlsplit(link.get("href") or "").scheme in {"http", "https"}
        for category in element.findall(f"{ATOM}category"):
            assert category.get("term")
    ids = [entry.findtext(f"{ATOM}id") for entry in entries]
    assert len(ids) == len(set(ids))
    assert "self" in {link.get("rel") for link in feed.findall(f"{ATOM}link")}
    return feed


def check_json_feed(document: Json) -> None:
    """What JSON Feed 1.1 requires."""
    assert document["version"] == "https://jsonfeed.org/version/1.1"
    assert document["title"]
    assert isinstance(document["items"], list)
    for item in document["items"]:
        assert isinstance(item["id"], str)
        assert item["id"]
        assert "content_html" in item or "content_text" in item
        for name in ("date_published", "date_modified"):
            assert datetime.fromisoformat(item[name]).tzinfo is not None
        assert all(author.get("name") for author in item["authors"])
        assert all(isinstance(tag, str) for tag in item["tags"])
        assert urlsplit(item["url"]).scheme in {"http", "https"}


async def test_feeds_are_valid_and_say_what_the_need_says(scene: Scene) -> None:
    need = await scene.open("Poster", deadline="2030-03-29", body="Two **pages**", language="el")
    feed = check_atom((await scene.read("/needs.atom")).content)
    (entry,) = feed.findall(f"{ATOM}entry")
    assert entry.findtext(f"{ATOM}title") == "Poster"
    assert entry.get(XML_LANG) == "el"
    assert entry.findtext(f"{ATOM}author/{ATOM}name") == "Forn & <Roig>"
    assert entry.findtext(f"{ATOM}summary") == "4 h · until 29 Mar 2030 · From a distance"
    assert "<strong>pages</strong>" in (entry.findtext(f"{ATOM}content") or "")
    document = (await scene.read("/needs.json")).json()
    check_json_feed(document)
    (item,) = document["items"]
    assert (item["title"], item["language"]) == ("Poster", "el")
    assert item["url"] == f"{scene.world.runtime.origin}/needs/{need['id']}"
    assert item["id"] == entry.findtext(f"{ATOM}id")
    # An id stays for ever, whatever becomes of the need's words.
    changed = await scene.owner.get(f"/needs/{need['id']}")
    await scene.owner.change(f"/needs/{need['id']}", {"title": "A poster"}, changed["version"])
    assert (await scene.read("/needs.json")).json()["items"][0]["id"] == item["id"]


async def test_a_feed_without_needs_is_valid_and_stays_as_it_is(scene: Scene) -> None:
    first = await scene.read("/needs.atom?q=nothing")
    check_atom(first.content)
    with clock.moved(timedelta(days=3)):
        assert (await scene.read("/needs.atom?q=nothing")).content == first.content
    document = (await scene.read("/needs.json?q=nothing")).json()
    check_json_feed(document)
    assert document["items"] == []
    page = parse((await scene.read("/embed/needs.html?q=nothing")).text)
    assert page.one("p", class_="tornallom-empty").text == "Nothing fits just now."


@pytest.mark.parametrize("path", DOCUMENTS)
async def test_hostile_words_stay_words(scene: Scene, path: str) -> None:
    await scene.open(HOSTILE, body=BODY.replace("\x0b", ""))
    answer = await scene.read(path)
    assert await scene.titles(path) == [HOSTILE]
    if not path.endswith(".json"):  # what is read as a document holds no element of theirs
        assert "<script" not in answer.text
        assert "]]>" not in answer.text.replace("]]&gt;", "")
    if path == "/embed/needs.html":
        elements = {element.tag for element in parse(answer.text).all()}
        assert elements <= {"section", "ul", "li", "a", "p", "span", "time"}
        assert "Forn &amp; &lt;Roig&gt;" in answer.text
    if path == "/needs.atom":
        feed = check_atom(answer.content)
        assert "<script" not in (feed.findtext(f"{ATOM}entry/{ATOM}content") or "")
    if path == "/needs.json":
        assert "<script" not in answer.json()["items"][0]["content_html"]


async def test_what_no_xml_may_hold_is_left_out(scene: Scene) -> None:
    need = await scene.open("Poster", region="Gràcia\ufffe\uffff")
    assert "\ufffe" in need["region"]
    feed = check_atom((await scene.read("/needs.atom")).content)
    assert "\ufffe" not in (feed.findtext(f"{ATOM}entry/{ATOM}summary") or "")


@pytest.mark.parametrize("path", DOCUMENTS)
async def test_a_feed_answers_the_filters_as_the_list_does(scene: Scene, path: str) -> None:
    await scene.open("Poster", estimate_minutes=60)
    await scene.open("Vertaling", language="nl", urgency="high")
    assert await scene.titles(path) == ["Vertaling", "Poster"]  # newest first
    assert await scene.titles(f"{path}?language=nl") == ["Vertaling"]
    assert await scene.titles(f"{path}?hours=2&sort=soonest") == ["Poster"]
    assert await scene.titles(f"{path}?q=pósters") == await scene.titles(f"{path}?q=poster")
    # What means nothing to the list means nothing here.
    rubbish = "skill=nonsense&hours=ten&stream=x&kind=y&organisation=1&language=&cursor=z&u=1"
    assert await scene.titles(f"{path}?{rubbish}&tz=Mars/Base&limit=many&lang=xx") == [
        "Vertaling",
        "Poster",
    ]


@pytest.mark.parametrize(
    ("limit", "shown"), [("1", 1), ("0", 1), ("-3", 3), ("999999999", 3), ("٢", 3), ("", 3)]
)
async def test_how_many_are_shown_is_always_a_sane_number(
    scene: Scene, limit: str, shown: int
) -> None:
    for number in range(3):
        await scene.open(f"Need {number}")
    assert len(await scene.titles(f"/embed/needs.json?limit={limit}")) == shown


async def test_another_site_is_never_answered_more_than_twenty(scene: Scene) -> None:
    for number in range(21):
        await scene.open(f"Need {number}")
    assert len(await scene.titles("/embed/needs.html?limit=500")) == 20
    assert len(await scene.titles("/embed/needs.html")) == 6
    assert len(await scene.titles("/needs.atom")) == 21


async def test_what_no_text_may_hold_is_refused_as_on_the_page(scene: Scene) -> None:
    for path in ("/needs", *DOCUMENTS):
        assert (await scene.ask(f"{path}?q=%00")).status_code == 400


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_language_is_the_one_asked_for(scene: Scene, language: str) -> None:
    await scene.open("Poster")
    title = translate(language, "feed.title", instance="Test instance")
    asked = (await scene.read(f"/needs.json?lang={language}")).json()
    assert (asked["title"], asked["language"]) == (title, language)
    assert asked["feed_url"].endswith(f"/needs.json?lang={language}")
    wished = (await scene.read("/needs.json", Accept_Language=f"{language};q=1, en;q=0.1")).json()
    assert wished["title"] == title
    assert wished["feed_url"].endswith("/needs.json")
    fragment = parse((await scene.read(f"/embed/needs.html?lang={language}")).text)
    assert fragment.one("section").attributes["lang"] == language


async def test_the_day_is_that_of_the_zone(scene: Scene) -> None:
    with clock.frozen(datetime.fromisoformat("2026-05-01T22:30:00+00:00")):
        await scene.open("Poster")
    said = [
        (await scene.read(f"/embed/needs.json?tz={zone}")).json()["items"][0]["since"]
        for zone in ("UTC", "Europe/Athens", "../../etc/passwd", "%0a")
    ]
    assert said == ["since 1 May 2026", "since 2 May 2026", "since 1 May 2026", "since 1 May 2026"]


@pytest.mark.parametrize("path", [*DOCUMENTS, "/embed/needs.js"])
async def test_what_did_not_change_is_not_sent_again(scene: Scene, path: str) -> None:
    await scene.open("Poster")
    first = await scene.read(path)
    etag = first.headers["etag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = await scene.ask(path, If_None_Match=known)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == etag
        assert again.headers["access-control-allow-origin"] == "*"
    assert (await scene.ask(path, If_None_Match='"other"')).status_code == 200
    head = await scene.ask(path, "HEAD")
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", etag)
    if path != "/embed/needs.js":
        await scene.open("Another")
        assert (await scene.ask(path, If_None_Match=etag)).status_code == 200


@pytest.mark.parametrize("path", [*DOCUMENTS, "/embed/needs.js"])
async def test_the_answer_is_for_everybody_and_from_anywhere(scene: Scene, path: str) -> None:
    await scene.open("Poster")
    await scene.open("For us only", audience="instance")
    stranger = await scene.read(path)
    for name, value in {
        "access-control-allow-origin": "*",
        "cross-origin-resource-policy": "cross-origin",
        "x-content-type-options": "nosniff",
    }.items():
        assert stranger.headers[name] == value
    assert "access-control-allow-credentials" not in stranger.headers
    assert "set-cookie" not in stranger.headers
    assert "public" in stranger.headers["cache-control"]
    assert "cookie" not in stranger.headers["vary"].lower()
    assert "frame-ancestors 'none'" in stranger.headers["content-security-policy"]
    own = await scene.owner.http.get(path)
    assert own.content == stranger.content
    assert "For us only" not in own.text


@pytest.mark.parametrize("path", DOCUMENTS)
async def test_asking_in_a_language_is_remembered_by_nobody(scene: Scene, path: str) -> None:
    answer = await scene.read(f"{path}?lang=el")
    assert "set-cookie" not in answer.headers


async def test_only_what_can_be_taken_now_is_told(scene: Scene) -> None:
    gone = await scene.open("Withdrawn")
    paused = await scene.open("Paused")
    await scene.world.draft(scene.owner, scene.organisation, title="Draft", audience="public")
    await scene.owner.move(f"/needs/{gone['id']}", "withdrawn", "solved")
    await scene.owner.move(f"/needs/{paused['id']}", "paused", "later")
    await scene.open("Open")
    for path in DOCUMENTS:
        assert await scene.titles(path) == ["Open"]


async def test_the_list_leads_to_its_own_feeds(scene: Scene) -> None:
    await scene.open("Poster", estimate_minutes=60)
    await scene.open("Server", estimate_minutes=600)
    page = await Reader(scene.world).open("/needs?hours=2&language=en&sort=newest&skill=x")
    found = {
        link.attributes["type"]: link.attributes["href"]
        for link in page.document.all("link", rel="alternate")
    }
    assert set(found) == {"application/atom+xml", "application/feed+json"}
    assert page.link("Atom feed") == found["application/atom+xml"]
    assert page.link("JSON Feed") == found["application/feed+json"]
    for kind, address in found.items():
        assert await scene.titles(address) == ["Poster"]
        assert (await scene.read(address)).headers["content-type"].startswith(kind)


async def test_a_feeds_own_address_answers_the_same_feed(scene: Scene) -> None:
    await scene.open("Poster")
    answer = await scene.read("/needs.json?language=en&lang=nl&hours=8&utm_source=x&sort=best")
    again = await scene.read(answer.json()["feed_url"])
    assert json.loads(again.text) == json.loads(answer.text)

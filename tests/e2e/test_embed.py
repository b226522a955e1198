"""Another site shows our needs: in a real browser, from another origin, under a strict policy."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from re import DOTALL, findall
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, Request, expect

from tests.e2e.conftest import Instance, Visitor, free_port, words

HOSTILE = "<img src=x onerror=\"document.title='broken'\"> ]]> & 'posters' 😀"


@dataclass
class Site:
    """Somebody's own site, on another origin, with a policy that allows next to nothing."""

    instance: str
    origin: str = ""
    pages: dict[str, tuple[str, str]] = field(default_factory=dict)
    policy: str = ""

    def put(self, path: str, body: str, kind: str = "text/html; charset=utf-8") -> None:
        """Lay a file on the site."""
        whole = f"<!doctype html><html lang=en><title>Ours</title>{body}"
        self.pages[path] = (whole if kind.startswith("text/html") else body, kind)


@pytest.fixture
def site(instance: Instance) -> Iterator[Site]:
    """The site, served."""
    found = Site(instance.origin)
    found.policy = (
        f"default-src 'none'; script-src {instance.origin}; connect-src {instance.origin}"
    )

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body, kind = found.pages.get(self.path, ("", ""))
            self.send_response(200 if kind else 404)
            self.send_header("Content-Type", kind or "text/plain")
            self.send_header("Content-Security-Policy", found.policy)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    # Another host as well as another port: cookies do not tell ports apart.
    found.origin = f"http://localhost:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield found
    server.shutdown()
    server.server_close()


@dataclass
class Visit:
    """A reader of the site, and what their browser asked and complained of."""

    page: Page
    asked: list[Request]
    complaints: list[str]


@pytest.fixture
def visit(browser: Browser, site: Site) -> Iterator[Callable[..., Visit]]:
    """Open a page of the site; whoever reads it has a session with the instance, too."""
    contexts = []

    def open_one(path: str, visitor: Visitor | None = None, **options: Any) -> Visit:
        context = browser.new_context(**options)
        contexts.append(context)
        for name, value in visitor.http.cookies.items() if visitor else ():
            context.add_cookies([{"name": name, "value": value, "url": site.instance}])
        found = Visit(context.new_page(), [], [])
        found.page.set_default_timeout(15_000)
        found.page.on("request", lambda request: found.asked.append(request))  # noqa: PLW0108
        found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
        found.page.on(
            "console",
            lambda m: found.complaints.append(m.text) if m.type == "error" else None,
        )
        found.page.goto(site.origin + path)
        return found

    yield open_one
    for context in contexts:
        context.close()


@dataclass
class Scene:
    """What an organisation asks for."""

    owner: Visitor
    skill: str
    title: str


@pytest.fixture(scope="module")
def scene(instance: Instance) -> Scene:
    """A need that only this module's filter finds."""
    owner = instance.account("baker")
    organisation = instance.organisation(owner, "Forn & <b>Roig</b>")
    changes: dict[str, Any] = {"audience": "public", "skills": [{"slug": "woodwork"}]}
    skill = owner.get("/skills")
    assert skill
    changes["skills"] = [{"slug": "accessibility"}]
    instance.open_need(owner, organisation, title=HOSTILE, body="Come and **help**", **changes)
    return Scene(owner, "accessibility", HOSTILE)


def code_for(instance: Instance, query: str) -> str:
    """The code as the page of the instance gives it to copy."""
    page = httpx.get(f"{instance.origin}/embed?{query}")
    assert page.status_code == 200
    (code,) = findall(r'aria-labelledby="element"><code>(.*?)</code>', page.text, DOTALL)
    return unescape(code)


def test_another_site_shows_the_list_and_tells_nobody_anything(
    instance: Instance, site: Site, scene: Scene, visit: Callable[..., Visit]
) -> None:
    site.put("/", code_for(instance, f"skill={scene.skill}&limit=3"))
    shown = visit("/", scene.owner)
    title = shown.page.locator("a.tornallom-title")
    expect(title).to_have_text(HOSTILE)
    expect(shown.page.locator(".tornallom-organisation")).to_have_text("Forn & <b>Roig</b>")
    expect(shown.page.locator(".tornallom-excerpt")).to_have_text("Come and help")
    assert shown.page.title() == "Ours"
    assert shown.page.locator("tornallom-needs img, tornallom-needs b").count() == 0
    assert shown.complaints == []
    foreign = [each for each in shown.asked if not each.url.startswith(site.origin)]
    assert [each.url.split("?")[0] for each in foreign] == [
        f"{instance.origin}/embed/needs.js",
        f"{instance.origin}/embed/needs.json",
    ]
    for each in foreign:
        sent = each.all_headers()
        assert "cookie" not in sent  # although this reader is signed in there
        assert "referer" not in sent
        answer = each.response()
        assert answer is not None
        assert "set-cookie" not in answer.all_headers()
    # The link leads to the need, and does not say where its reader comes from.
    title.click()
    expect(shown.page.locator("h1")).to_have_text(HOSTILE)
    assert "referer" not in shown.asked[-1].all_headers() or site.origin not in str(
        [each.all_headers().get("referer") for each in shown.asked]
    )


def test_without_scripts_the_link_inside_leads_to_the_same_list(
    instance: Instance, site: Site, scene: Scene, visit: Callable[..., Visit]
) -> None:
    site.put("/", code_for(instance, f"skill={scene.skill}"))
    shown = visit("/", java_script_enabled=False)
    link = shown.page.locator("tornallom-needs a")
    expect(link).to_have_text(words("embed.more", instance="Koinó"))
    link.click()
    expect(shown.page.locator("li.card")).to_contain_text("posters")


def test_a_changed_script_is_not_run_and_the_link_stays(
    instance: Instance, site: Site, scene: Scene, visit: Callable[..., Visit]
) -> None:
    code = code_for(instance, f"skill={scene.skill}")
    script = httpx.get(f"{instance.origin}/embed/needs.js").text
    source = f"{instance.origin}/embed/needs.js"
    site.policy = f"default-src 'none'; script-src 'self'; connect-src {instance.origin}"
    start, _, rest = code.partition(source)
    _, _, rest = rest.partition('"')
    site.put("/needs.js", script + "//", "text/javascript")
    site.put("/", f'{start}/needs.js"{rest}')
    shown = visit("/")
    expect(shown.page.locator("tornallom-needs a")).to_have_count(1)
    assert any("integrity" in each for each in shown.complaints)
    assert [each for each in shown.asked if "needs.json" in each.url] == []
    # The very same file from the site itself is run.
    site.put("/needs.js", script, "text/javascript")
    again = visit("/")
    expect(again.page.locator("a.tornallom-title")).to_have_text(HOSTILE)
    assert again.complaints == []


def test_an_instance_that_is_away_leaves_the_links(
    instance: Instance, site: Site, visit: Callable[..., Visit]
) -> None:
    script = httpx.get(f"{instance.origin}/embed/needs.js").text
    away = f"http://127.0.0.1:{free_port()}"
    site.policy = f"default-src 'none'; script-src 'self'; connect-src {away}"
    site.put("/needs.js", script, "text/javascript")
    inside = '<a href="https://needs.example/needs">All needs</a>'
    site.put(
        "/",
        f'<script src="/needs.js" defer></script><tornallom-needs instance="{away}" lang="nl">'
        f"{inside}</tornallom-needs>",
    )
    shown = visit("/")
    said = shown.page.locator("tornallom-needs [role=status]")
    expect(said).to_have_text(words("embed.failed", "nl"))
    expect(shown.page.locator("tornallom-needs a")).to_have_text("All needs")


def test_a_changed_attribute_shows_the_list_anew(
    instance: Instance, site: Site, scene: Scene, visit: Callable[..., Visit]
) -> None:
    site.put("/", code_for(instance, f"skill={scene.skill}"))
    shown = visit("/")
    expect(shown.page.locator("a.tornallom-title")).to_have_count(1)
    element = shown.page.locator("tornallom-needs")
    element.evaluate("e => { e.setAttribute('q', 'nothingatall'); e.setAttribute('lang', 'es') }")
    expect(shown.page.locator(".tornallom-empty")).to_have_text(words("embed.empty", "es"))
    data = [each for each in shown.asked if "needs.json" in each.url]
    assert len(data) == 2  # both changes are one question


def test_the_piece_of_a_page_stands_in_a_page_without_any_script(
    instance: Instance, site: Site, scene: Scene, visit: Callable[..., Visit]
) -> None:
    piece = httpx.get(f"{instance.origin}/embed/needs.html?skill={scene.skill}&lang=ca")
    site.policy = "default-src 'none'"
    site.put("/", f"<main>{piece.text}</main>")
    shown = visit("/", java_script_enabled=False)
    expect(shown.page.locator("a.tornallom-title")).to_have_text(HOSTILE)
    assert [each.url for each in shown.asked] == [f"{site.origin}/"]


@pytest.mark.parametrize("path", ["/needs", "/embed", "/embed/needs.html", "/sign-in"])
def test_no_page_of_ours_is_shown_in_a_frame(
    instance: Instance, site: Site, visit: Callable[..., Visit], path: str
) -> None:
    site.policy = f"default-src 'none'; frame-src {instance.origin}"
    site.put("/", f'<iframe src="{instance.origin}{path}"></iframe>')
    shown = visit("/")
    shown.page.wait_for_load_state("networkidle")
    assert any("frame-ancestors" in each for each in shown.complaints), shown.complaints
    frame = shown.page.frames[1]
    assert instance.origin not in frame.url

"""A real instance in a process of its own, and real browsers that visit it."""

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

from app.infra.i18n import exists, translate
from tests.conftest import Services, make_database
from tests.factories.world import HARM_CHECK, PASSWORD, Json

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
CHROMIUM_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
START_SECONDS = 60


def words(message_id: str, language: str = "en", **params: object) -> str:
    """Return a text as people see it."""
    assert exists(message_id), message_id
    return translate(language, message_id, **params)


@dataclass
class Visitor:
    """Somebody's session with the API, to set a scene up and to look behind it."""

    http: httpx.Client
    me: Json

    def post(self, path: str, body: Json, key: str | None = None) -> Json:
        """Write something that must succeed."""
        headers = {"Idempotency-Key": key} if key else {}
        answer = self.http.post(f"/api/v1{path}", json=body, headers=headers)
        assert answer.is_success, answer.text
        result: Json = answer.json()
        return result

    def get(self, path: str) -> Json:
        """Read something that must be there."""
        answer = self.http.get(f"/api/v1{path}")
        assert answer.is_success, answer.text
        result: Json = answer.json()
        return result


@dataclass
class Instance:
    """A running instance."""

    origin: str
    setup_token: str
    database: Services
    folder: Path
    steward: Visitor | None = None
    visitors: list[Visitor] = field(default_factory=list)

    def visitor(self, path: str, body: Json) -> Visitor:
        """Return somebody new, signed in by this request."""
        http = httpx.Client(base_url=self.origin, headers={"X-Tornallom": "1"})
        answer = http.post(f"/api/v1{path}", json=body)
        assert answer.is_success, answer.text
        self.visitors.append(Visitor(http, answer.json()))
        return self.visitors[-1]

    def account(self, handle: str, language: str = "en") -> Visitor:
        """Return somebody with a new account."""
        body = {"handle": handle, "password": PASSWORD, "language": language}
        return self.visitor("/accounts", body)

    def organisation(self, owner: Visitor, name: str) -> Json:
        """Return an accepted organisation."""
        assert self.steward is not None
        made = owner.post("/organisations", {"name": name, "languages": ["en"]})
        body = {"to": "accepted", "vouch": True}
        return self.steward.post(f"/organisations/{made['id']}/transitions", body)

    def open_need(self, owner: Visitor, organisation: Json, **changes: object) -> Json:
        """Return an open need."""
        body = {
            "organisation_id": organisation["id"],
            "title": "Rescue the archive's website",
            "language": "en",
            "skills": [{"slug": "wordpress"}],
            "estimate_minutes": 240,
            "harm_check": HARM_CHECK,
            **changes,
        }
        need = owner.post("/needs", body)
        owner.post(f"/needs/{need['id']}/transitions", {"to": "review"})
        return owner.post(f"/needs/{need['id']}/transitions", {"to": "open"})


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def ports() -> tuple[int, int]:
    """The ports of the instance and of a second one, which each must know beforehand."""
    return free_port(), free_port()


@pytest.fixture(scope="session")
def instance(
    servers: Services,
    worker_id: str,
    tmp_path_factory: pytest.TempPathFactory,
    ports: tuple[int, int],
) -> Iterator[Instance]:
    """An instance that has been set up, served as `python3 -m app serve` serves it."""
    database = asyncio.run(make_database(servers, f"tornallom_e2e_{worker_id}"))
    folder = tmp_path_factory.mktemp("instance")
    with serving(database, folder, ports[0], peer=ports[1]) as running:
        yield running


@pytest.fixture(scope="module")
def second(
    servers: Services,
    worker_id: str,
    tmp_path_factory: pytest.TempPathFactory,
    ports: tuple[int, int],
) -> Iterator[Instance]:
    """Another instance, for what takes two."""
    folder = tmp_path_factory.mktemp("second")
    # In a thread of its own: by now a browser's driver may run a loop in this one.
    with ThreadPoolExecutor(1) as apart:
        made = make_database(servers, f"tornallom_e2e_{worker_id}_second")
        database = apart.submit(asyncio.run, made).result()
    with serving(database, folder, ports[1], peer=ports[0], name="Nord") as running:
        yield running


@contextmanager
def serving(
    database: Services, folder: Path, port: int, *, peer: int, name: str = "Koinó"
) -> Iterator[Instance]:
    """Serve an instance in a process of its own until the block ends, and set it up."""
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("TORNALLOM_")},
        "TORNALLOM_NO_BOOTSTRAP": "1",
        "TORNALLOM_DATABASE_URL": database.app_url,
        "TORNALLOM_DATABASE_OWNER_URL": database.owner_url,
        "TORNALLOM_REDIS_URL": database.redis_url,
        "TORNALLOM_DATA_DIR": str(folder / "data"),
        "TORNALLOM_DEV_PEERS": f'["http://127.0.0.1:{peer}"]',
    }
    log = folder / "serve.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "app", "serve", "--port", str(port)],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            origin = f"http://127.0.0.1:{port}"
            running = Instance(origin, _started(process, port, log), database, folder)
            body = {
                "token": running.setup_token,
                "instance_name": name,
                "handle": "steward",
                "password": PASSWORD,
                "language": "en",
            }
            running.steward = running.visitor("/setup", body)
            yield running
            for visitor in running.visitors:
                visitor.http.close()
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def _started(process: "subprocess.Popen[bytes]", port: int, log: Path) -> str:
    """Wait until the instance answers and return the token of its one-time link."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        found = re.search(r"setup\?token=([\w-]+)", log.read_text(errors="replace"))
        if found and _answers(port):
            return found[1]
        time.sleep(0.05)
    pytest.fail(f"the instance did not start:\n{log.read_text(errors='replace')[-4000:]}")


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/livez").is_success
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """Playwright's driver; it keeps an event loop running, so it must not outlive its tests."""
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """Debian's Chromium; without one the browser tests fail and say how to get it."""
    if not CHROMIUM:
        pytest.fail("NO BROWSER: install Debian's chromium (apt-get install chromium)")
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
    yield browser
    browser.close()


@dataclass
class Tab:
    """A page under watch: what it asked of other hosts, and what its console complained of."""

    page: Page
    foreign: list[str]
    complaints: list[str]

    def assert_clean(self) -> None:
        """No third-party request, no policy violation, no script error."""
        assert self.foreign == []
        assert self.complaints == []


@pytest.fixture
def open_tab(browser: Browser, instance: Instance) -> Iterator[Callable[..., Tab]]:
    """Open pages in browsers of their own, one per person."""
    contexts: list[BrowserContext] = []
    tabs: list[Tab] = []

    def open_one(visitor: Visitor | None = None, **options: object) -> Tab:
        context = browser.new_context(base_url=instance.origin, locale="en-GB", **options)  # type: ignore[arg-type]
        contexts.append(context)
        if visitor is not None:
            for name, value in visitor.http.cookies.items():
                context.add_cookies([{"name": name, "value": value, "url": instance.origin}])
        tab = Tab(context.new_page(), [], [])
        tab.page.set_default_timeout(15_000)
        tab.page.on("request", lambda r: _note_foreign(tab, r.url, instance.origin))
        tab.page.on("pageerror", lambda error: tab.complaints.append(str(error)))
        tab.page.on(
            "console",
            lambda m: (
                tab.complaints.append(m.text) if "Content Security Policy" in m.text else None
            ),
        )
        tabs.append(tab)
        return tab

    yield open_one
    for context in contexts:
        context.close()
    for tab in tabs:
        tab.assert_clean()


def _note_foreign(tab: Tab, url: str, origin: str) -> None:
    if not url.startswith((origin, "data:", "blob:", "about:")):
        tab.foreign.append(url)

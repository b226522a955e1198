"""An instance in this process with one of everything in it, and browsers that visit it.

Its clock can be moved and its database asked, which a process of its own, the `instance`
of conftest.py, lets nobody do.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from app.models.federation import PeerState
from tests.conftest import Services, make_settings
from tests.contracts.cast import Cast, gather
from tests.e2e.axe import axe_source
from tests.e2e.conftest import CHROMIUM, CHROMIUM_FLAGS
from tests.factories.instances import Instance, serving
from tests.factories.peers import add_need_of, add_peer
from tests.factories.periods import FIRST, LAST, Cooperative, cooperative
from tests.factories.world import Json, Person
from tests.federation.conftest import free_socket, make_database_apart
from tests.pages.test_asks import confirmed

MEMBERS = ("anna", "berta", "carles", "dolors", "eleni")


@dataclass
class Stage:
    """A running instance, a browser, and a tab for each of its people."""

    instance: Instance
    browser: Browser
    complaints: list[str] = field(default_factory=list)
    _tabs: dict[str, Page] = field(default_factory=dict)

    async def context(self, person: Person | None, **options: Any) -> BrowserContext:
        """Open a browser of somebody's own, with whatever judges pages in it."""
        origin = self.instance.origin
        context = await self.browser.new_context(
            base_url=origin, locale="en-GB", reduced_motion="reduce", **options
        )
        context.set_default_timeout(20_000)
        await context.add_init_script(axe_source())
        for name, value in person.http.cookies.items() if person else ():
            await context.add_cookies([{"name": name, "value": value, "url": origin}])
        return context

    async def tab(self, name: str, person: Person | None) -> Page:
        """Return the tab of somebody, the same one each time."""
        if name not in self._tabs:
            page = await (await self.context(person)).new_page()
            page.on("console", lambda said: self._heard(said.text))
            page.on("pageerror", lambda error: self.complaints.append(str(error)))
            self._tabs[name] = page
        return self._tabs[name]

    def _heard(self, text: str) -> None:
        if "Content Security Policy" in text:
            self.complaints.append(text)


@asynccontextmanager
async def playing(servers: Services, name: str, folder: Path) -> AsyncIterator[Stage]:
    """Serve an instance in this process and open a browser until the block ends."""
    services = await make_database_apart(servers, name)
    listening = free_socket()
    origin = f"http://127.0.0.1:{listening.getsockname()[1]}"
    settings = make_settings(services, folder, base_url=origin)
    async with serving(settings, "Koinó", listening) as instance, async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        yield Stage(instance, browser)
        await browser.close()


@dataclass
class Scene:
    """One of everything, and whose it is."""

    cast: Cast
    coop: Cooperative
    people: dict[str, Person]
    ids: dict[str, str]


async def set_scene(instance: Instance) -> Scene:
    """Fill an instance: what the table of rights has, a closed book, a vote, peers, an ask."""
    cast = await gather(instance)
    coop = await cooperative(instance, *MEMBERS)
    for number, name in enumerate(MEMBERS):
        await coop.give(coop.id_of(name), 9_000 - 1_500 * number)
    closed = await coop.close(await coop.open(LAST, 1_000_001, FIRST))
    assert closed["state"] == "locked", closed
    drafted = await _drafted(coop)
    work = await coop.give(coop.id_of("anna"), 120, date(2026, 7, 6))
    people = {**cast.people, **coop.members, "keeper": coop.owner}
    ids = {
        **cast.ids,
        "coop": str(coop.book_id),
        "closed": closed["id"],
        "drafted": drafted["id"],
        "work": str(work),
        "anna": coop.members["anna"].id,
        **await _vote(coop),
    }
    await add_peer(instance, "nord.example", languages=["nl", "en"])
    silent = await add_peer(instance, "silent.example", failures=3, failure="timeout")
    await add_peer(instance, "asking.example", PeerState.REQUESTED)
    await add_need_of(instance, silent, "Translate our statutes")
    ids["mine"] = (await confirmed(instance)).rpartition("/")[2]
    return Scene(cast, coop, people, {**ids, "peer": str(silent.id)})


async def _drafted(coop: Cooperative) -> Json:
    """A second period that is drawn up, and an objection to its draft."""
    for number, name in enumerate(MEMBERS):
        await coop.give(coop.id_of(name), 4_000 + 500 * number, date(2026, 4, 10))
    drafted = await coop.draw_up(await coop.open(date(2026, 6, 30), 250_000))
    await coop.members["berta"].post(
        f"/periods/{drafted['id']}/objections", {"text": "An hour is missing"}, key=token_hex(8)
    )
    return drafted


async def _vote(coop: Cooperative) -> dict[str, str]:
    """Other rules of the book, to be voted on, and a draft of others still."""
    anna, path = coop.members["anna"], f"/books/{coop.book_id}"
    draft = {
        "title": "Halves", "reason": "Fairer.", "document": {"members_share": "1/2"},
        "valid_from": (date(2027, 12, 1) + timedelta(days=60)).isoformat(),
    }  # fmt: skip
    made = await anna.post(f"{path}/policy-drafts", draft, key=token_hex(8))
    motion = {"subject": "policy", "subject_id": made["id"]}
    vote = await anna.post(f"{path}/decisions", motion, key=token_hex(8))
    other = {**draft, "title": "Thirds", "document": {"members_share": "1/3"}}
    kept = await anna.post(f"{path}/policy-drafts", other, key=token_hex(8))
    return {"vote": vote["id"], "voted_draft": made["id"], "draft": kept["id"]}

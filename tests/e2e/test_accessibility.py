"""Every page and every screen of the workspace, judged by axe-core as people meet it.

They are read in two ways: in English on a wide light screen, in Greek on a narrow dark one; each in
one of both as a rule, and in both with WHOLE_TESTS=1. A new page is judged without a line here; the
rows below are states that its first look does not show.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from zlib import crc32

import pytest
from playwright.async_api import Page, expect

from tests.conftest import Services
from tests.contracts.test_page_permissions import documented, pages
from tests.e2e.axe import NARROW, WIDE, audit
from tests.e2e.conftest import words
from tests.e2e.stage import Scene, Stage, playing, set_scene
from tests.sizes import WHOLE

pytestmark = pytest.mark.browser

# Whoever sees most of a page comes first.
EYES = ("owner", "steward", "worker", "worker-owner", "person", "stranger")
DOORS = ("/sign-in", "/sign-up", "/setup")  # whoever is inside is led on
FILES = (
    ".js", ".json", ".atom", ".csv", ".pdf", "/export", "/file",
    "/embed/needs.html",  # a piece of other people's pages: judged within the page /embed
)  # fmt: skip
STATES: dict[str, tuple[str, str]] = {
    "a stranger at a need": ("stranger", "/needs/{need_id}"),
    "a worker at a need": ("person", "/needs/{need_id}"),
    "needs that nobody finds": ("stranger", "/needs?q=nothingatall"),
    "needs found by filters": ("stranger", "/needs?q=site&skill=wordpress&language=en"),
    "a need that is held": ("owner", "/needs/{held_id}"),
    "a worker at a claim": ("worker", "/claims/{claim_id}"),
    "a worker in a conversation": ("worker", "/claims/{claim_id}/messages"),
    "somebody who was told things": ("worker", "/notices"),
    "an asker with a link": ("stranger", "/ask/mine/{mine}"),
    "a report of a need": ("person", "/report?about=need&id={need_id}"),
    "the network with peers": ("stranger", "/network"),
    "a peer that is silent": ("steward", "/stewardship/peers/{peer}"),
    "peers before a signature": ("steward", "/stewardship/peers/{peer}/confirm/suspend"),
    "a book that closed": ("keeper", "/books/{coop}"),
    "the lines of a book": ("keeper", "/books/{coop}/lines"),
    "periods of a book": ("keeper", "/books/{coop}/periods"),
    "a period that is closed": ("anna", "/periods/{closed}"),
    "a statement with its plots": ("anna", "/periods/{closed}/statement"),
    "somebody's own statement": ("anna", "/periods/{closed}/statements/{anna}"),
    "a draft with an objection": ("anna", "/periods/{drafted}"),
    "an objector at a draft": ("berta", "/periods/{drafted}"),
    "a statement of a draft": ("anna", "/periods/{drafted}/statement"),
    "rules to vote on": ("berta", "/policy-drafts/{voted_draft}"),
    "other rules tried": ("anna", "/policy-drafts/{draft}?surplus=1000"),
    "a vote": ("berta", "/decisions/{vote}"),
    "people of a book": ("anna", "/books/{coop}/people"),
    "standing of a worker-owner": ("anna", "/books/{coop}/standing/{anna}"),
    "decisions of a book": ("anna", "/books/{coop}/decisions"),
    "pairs of a book": ("anna", "/books/{coop}/pairs"),
    "a dispute": ("owner", "/disputes/{dispute_id}"),
    "nothing there": ("stranger", "/no-such-page"),
    "not for everybody": ("person", "/books/{coop}"),
}
# Forms that are sent as they stand, past what a browser would hold back: what is missing is said.
FAULTS: dict[str, tuple[str, str, str]] = {
    "a need": ("owner", "/needs/new?organisation={organisation_id}", "/needs/new"),
    "an ask": ("stranger", "/ask", "/ask"),
    "a session": ("stranger", "/sign-in", "/sign-in"),
    "an account": ("stranger", "/sign-up", "/sign-up"),
    "an organisation": ("person", "/organisations/new", "/organisations/new"),
    "slips": ("owner", "/books/{book_id}/slips", "/books/{book_id}/slips"),
    "rules": ("anna", "/books/{coop}/rules/new", "/books/{coop}/rules"),
    "a dispute": ("anna", "/entries/{work}/dispute", "/entries/{work}/dispute"),
    "scope": ("steward", "/needs/{need_id}/scope", "/needs/{need_id}/scope"),
}
WORKSPACE: dict[str, tuple[str, str]] = {
    "the board": ("owner", "/"),
    "a way in": ("stranger", "/sign-in"),
    "a new account": ("stranger", "/sign-up"),
    "a new need": ("owner", "/needs/new"),
    "a need": ("owner", "/needs/{need_id}"),
    "a change of a need": ("owner", "/needs/{need_id}/edit"),
    "notices": ("owner", "/notices"),
    "claims": ("worker", "/claims"),
    "a claim": ("worker", "/claims/{claim_id}"),
    "a claim on us": ("owner", "/claims/{claim_id}"),
    "our needs": ("owner", "/our-needs"),
    "hours to confirm": ("owner", "/confirm"),
    "the ledger": ("anna", "/ledger"),
    "a book of the ledger": ("owner", "/ledger/{book_id}"),
    "contributions": ("worker", "/contributions"),
    "organisations": ("steward", "/organisations"),
    "a new organisation": ("person", "/organisations/new"),
    "an organisation": ("owner", "/organisations/{organisation_id}"),
    "callbacks": ("owner", "/organisations/{organisation_id}/callbacks"),
    "a profile": ("worker", "/profile"),
    "an account": ("worker", "/account"),
    "tokens": ("owner", "/tokens"),
    "peers": ("steward", "/peers"),
    "an import": ("owner", "/import"),
    "nothing": ("owner", "/no-such-screen"),
}


@dataclass
class House:
    """The stage with its scene set."""

    stage: Stage
    scene: Scene

    async def tab(self, who: str, kind: str = "") -> Page:
        """Return somebody's tab."""
        return await self.stage.tab(f"{who} {kind}", self.scene.people[who])


@pytest.fixture(scope="module")
async def house(
    servers: Services, worker_id: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    """One set-up for all: nothing that is only read changes it."""
    name = f"tornallom_test_{worker_id}_accessible"
    async with playing(servers, name, tmp_path_factory.mktemp("accessible")) as stage:
        yield House(stage, await set_scene(stage.instance))
        assert stage.complaints == []


def looked_at() -> list[str]:
    return [page for page in pages() if not page.endswith(FILES)]


def ways(row: str) -> tuple[bool, ...]:
    """Whether a row is read on the wide screen, on the narrow one, or on both."""
    return (True, False) if WHOLE else (crc32(row.encode()) % 2 == 0,)


async def look(page: Page, *, wide: bool) -> None:
    """Make the window what it is to be."""
    await page.set_viewport_size(WIDE if wide else NARROW)
    await page.emulate_media(color_scheme="light" if wide else "dark")


async def read_page(page: Page, row: str, address: str) -> None:
    """Read a page in English, wide and light, or in Greek, narrow and dark."""
    for wide in ways(row):
        await look(page, wide=wide)
        language = "en" if wide else "el"
        asked = f"{address}{'&' if '?' in address else '?'}lang={language}"
        answer = await page.goto(asked)
        assert answer is not None
        assert answer.status < 500
        assert answer.headers["content-type"].startswith("text/html"), address
        if answer.request.redirected_from is None:
            assert await page.evaluate("document.documentElement.lang") == language
        assert await audit(page) == [], asked


@pytest.mark.parametrize("path", looked_at())
async def test_a_page_is_accessible(house: House, path: str) -> None:
    rights = documented()[path]
    who = "stranger" if path in DOORS else next((r for r in EYES if rights[r] == "yes"), "owner")
    await read_page(await house.tab(who), path, path.format(**house.scene.ids))


@pytest.mark.parametrize("state", STATES)
async def test_a_page_in_another_state_is_accessible(house: House, state: str) -> None:
    who, path = STATES[state]
    await read_page(await house.tab(who), state, path.format(**house.scene.ids))


@pytest.mark.parametrize("form", FAULTS)
async def test_a_form_with_faults_is_accessible(house: House, form: str) -> None:
    who, path, action = FAULTS[form]
    page, ids = await house.tab(who), house.scene.ids
    await look(page, wide=ways(form)[0])
    await page.goto(path.format(**ids))
    whole = page.locator(f'main form[method=post][action^="{action.format(**ids)}"]').first
    async with page.expect_navigation() as coming:
        await whole.evaluate("form => { form.noValidate = true; form.requestSubmit(); }")
    answer = await coming.value
    assert answer is not None
    assert answer.status in {400, 401, 422}, answer.status
    assert await page.locator("#problems").count()
    assert await audit(page) == []


@pytest.mark.parametrize("screen", WORKSPACE)
async def test_a_screen_of_the_workspace_is_accessible(house: House, screen: str) -> None:
    who, path = WORKSPACE[screen]
    page = await house.tab(who, "workspace")
    for wide in ways(screen):
        await look(page, wide=wide)
        await page.goto("/app" + path.format(**house.scene.ids))
        await page.locator("h1").wait_for()
        await expect(page.locator(".waiting:visible")).to_have_count(0, timeout=20_000)
        assert await audit(page) == []


async def test_the_menu_of_the_workspace_is_accessible(house: House) -> None:
    page = await house.tab("steward", "workspace")
    for wide in (True, False):
        await look(page, wide=wide)
        await page.goto("/app/organisations")
        await page.locator("button[aria-controls=menu]").click()
        await expect(
            page.get_by_role("button", name=words("workspace.nav.sign_out"))
        ).to_be_visible()
        assert await audit(page) == []

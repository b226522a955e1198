"""What few people meet: a seat on a panel, the end of a need, a file that goes along.

On pages, which have no scripts, by keyboard alone; in the workspace as it comes.
"""

from collections.abc import AsyncIterator
from secrets import token_hex

import pytest
from playwright.async_api import FilePayload, Locator, Page, expect
from sqlalchemy import text

from tests.conftest import Services
from tests.e2e.axe import audit
from tests.e2e.conftest import words
from tests.e2e.stage import Stage, playing
from tests.factories.disputing import house_of
from tests.factories.uploads import picture
from tests.factories.world import Json, Person

pytestmark = pytest.mark.browser

TABS_MAX = 80


@pytest.fixture
async def stage(
    servers: Services, worker_id: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    """An instance of the test's own, anew when it is tried again."""
    name = f"tornallom_test_{worker_id}_seldom"
    async with playing(servers, name, tmp_path_factory.mktemp("seldom")) as found:
        yield found


async def reach(page: Page, wanted: Locator) -> Locator:
    """Go to something with Tab alone; where one stands can be seen on the way."""
    for _ in range(TABS_MAX):
        await page.keyboard.press("Tab")
        if await wanted.evaluate("element => element === document.activeElement"):
            style = "element => getComputedStyle(element).outlineStyle"
            assert await wanted.evaluate(style) != "none"
            return wanted
    pytest.fail(f"Tab does not lead to {wanted}")


async def press(page: Page, message_id: str) -> None:
    """Press a button by keyboard."""
    await reach(page, page.get_by_role("button", name=words(message_id), exact=True).first)
    await page.keyboard.press("Enter")


async def newcomer(stage: Stage, handle: str) -> Person:
    """Return somebody new; a browser's test may run twice."""
    return await stage.instance.sign_up(f"{handle}{token_hex(3)}")


async def claim_before_a_panel(stage: Stage) -> tuple[str, list[Person], Person]:
    """Two sides that do not agree; answers the panel, who was drawn, and whose work it is."""
    instance = stage.instance
    owner, worker = await newcomer(stage, "asks"), await newcomer(stage, "works")
    judges = [await newcomer(stage, "other") for _ in range(3)]
    for judge in judges:
        await instance.organisation(judge, f"House of {judge.me['account']['handle']}")
    need = await instance.open_need(owner, await instance.organisation(owner))
    claim = await instance.submitted_claim(worker, owner, need)
    await owner.move(f"/claims/{claim['id']}", "disputed", "It was another task")
    await worker.move(f"/claims/{claim['id']}", "panel_review")
    statement = text(
        "SELECT panels.id::text, panel_seats.account_id::text FROM panels "
        "JOIN panel_seats ON panel_id = panels.id WHERE claim_id = :claim ORDER BY 2"
    )
    async with instance.runtime.engine.connect() as connection:
        rows = (await connection.execute(statement, {"claim": claim["id"]})).all()
    people = {person.id: person for person in instance.people if person.me}
    return rows[0][0], [people[row[1]] for row in rows], worker


async def test_whoever_was_drawn_reads_the_case_and_decides_by_keyboard(stage: Stage) -> None:
    panel, drawn, worker = await claim_before_a_panel(stage)
    page = await (await stage.context(drawn[0])).new_page()
    await page.goto("/me/claims")
    await reach(page, page.locator(f'a[href="/panels/{panel}"]').first)
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**/panels/{panel}")
    for said in ("It was another task", "Move our site off the old server", "Twelve pages"):
        await expect(page.locator("main")).to_contain_text(said)
    assert await audit(page) == []
    hours = await reach(page, page.locator("#decide-hours"))
    await hours.fill("0")
    await page.locator("#decide-minutes").fill("0")
    await press(page, "page.panel.button")
    await expect(page.locator("#problems")).to_be_visible()
    assert await hours.input_value() == "0", "what was typed stays"
    assert await audit(page) == []
    await reach(page, page.locator("#decide-hours"))
    await page.keyboard.type("1")
    await reach(page, page.locator("#reason"))
    await page.keyboard.type("The log says what was done.")
    await press(page, "page.panel.button")
    await expect(page.locator("main")).to_contain_text(words("page.panel.decided", time="1 h"))

    screen = await (await stage.context(drawn[1])).new_page()
    await screen.goto(f"/app/panels/{panel}")
    await expect(screen.locator("main")).to_contain_text("It was another task")
    assert await audit(screen) == []
    await screen.get_by_label(words("workspace.unit.hours")).first.fill("1")
    await screen.get_by_label(words("workspace.unit.minutes")).first.fill("0")
    await screen.get_by_label(words("page.claim.reason")).fill("An hour, as the log says.")
    await screen.get_by_role("button", name=words("page.panel.button"), exact=True).click()
    await expect(screen.get_by_text(words("page.panel.closed"))).to_be_visible(timeout=20_000)
    assert (await worker.get("/me/contributions"))["total_minutes"] == 60


async def test_a_worker_owner_who_was_drawn_judges_an_entry(stage: Stage) -> None:
    house = await house_of(stage.instance, owners=3)
    dispute = await house.dispute(house.worker)
    await house.owner.post(f"/disputes/{dispute['id']}/panel", key=token_hex(8), expect=200)
    judges = await house.judges(dispute)
    page = await (await stage.context(judges[0])).new_page()
    await page.goto(f"/books/{dispute['book_id']}/disputes")
    await reach(page, page.locator(f'a[href="/disputes/{dispute["id"]}"]'))
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**/disputes/{dispute['id']}")
    for said in ("It was half of that", words("page.dispute.panel_rule")):
        await expect(page.locator("main")).to_contain_text(said)
    assert await audit(page) == []
    await press(page, "page.dispute.judge_button")
    for judge in judges[:2]:
        if judge is not judges[0]:
            page = await (await stage.context(judge)).new_page()
            await page.goto(f"/disputes/{dispute['id']}")
        hours = await reach(page, page.locator("#judge-hours"))
        await hours.fill("0")
        await page.locator("#judge-minutes").fill("45")
        await reach(page, page.locator("#reason"))
        await page.keyboard.type("Half of it was another need.")
        await press(page, "page.dispute.judge_button")
    await expect(page.locator("main")).to_contain_text("Half of it was another need.")
    assert await audit(page) == []
    assert await house.held() == (45, 0)


async def hosted(stage: Stage) -> tuple[Person, Person, Json]:
    """Return who asks, who works, and a need whose end is a hand-over."""
    instance = stage.instance
    owner, worker = await newcomer(stage, "hosts"), await newcomer(stage, "keeps")
    organisation = await instance.organisation(owner)
    need = await instance.open_need(owner, organisation, kind="hosting")
    await instance.confirm(owner, await instance.submitted_claim(worker, owner, need))
    return owner, worker, need


async def test_a_need_is_closed_and_handed_over_by_keyboard(stage: Stage) -> None:
    owner, worker, need = await hosted(stage)
    page = await (await stage.context(owner)).new_page()
    await page.goto(f"/needs/{need['id']}")
    await reach(page, page.locator(f'a[href="/needs/{need["id"]}/closing"]'))
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/closing")
    assert await audit(page) == []
    await press(page, "page.closing.button")
    await expect(page.locator("#problems")).to_contain_text(words("page.closing.who"))
    assert await audit(page) == []
    boxes = page.locator('input[name="handed_over"]')
    for number in range(await boxes.count()):
        await reach(page, boxes.nth(number))
        await page.keyboard.press("Space")
    await reach(page, page.locator('input[name="maintainer"]').first)
    await page.keyboard.press("Space")
    await press(page, "page.closing.button")
    await page.wait_for_url(f"**/needs/{need['id']}?*")
    theirs = await (await stage.context(worker)).new_page()
    await theirs.goto(f"/needs/{need['id']}")
    assert await audit(theirs) == []


async def test_a_file_goes_along_on_the_page_and_in_the_workspace(stage: Stage) -> None:
    owner, _, need = await hosted(stage)
    page = await (await stage.context(owner)).new_page()
    await page.goto(f"/needs/{need['id']}")
    await reach(page, page.locator("summary", has_text=words("file.attach")))
    await page.keyboard.press("Enter")
    assert await audit(page) == []
    bad = FilePayload(name="plan.exe", mimeType="application/octet-stream", buffer=b"MZ\0\1")
    good = FilePayload(name="plan.png", mimeType="image/png", buffer=picture())
    await reach(page, page.locator("#file"))
    await page.locator("#file").set_input_files(bad)
    await press(page, "file.send")
    await expect(page.locator("#file-fault")).to_be_visible()
    assert await audit(page) == []
    await page.locator("#file").set_input_files(good)
    await reach(page, page.locator("#alt"))
    await page.keyboard.type("Where each wire goes")
    await press(page, "file.send")
    await expect(page.get_by_role("img", name="Where each wire goes")).to_be_visible()
    assert await audit(page) == []

    screen = await (await stage.context(owner)).new_page()
    await screen.goto(f"/app/needs/{need['id']}")
    await reach(screen, screen.locator("summary", has_text=words("file.attach")))
    await screen.keyboard.press("Enter")
    await screen.get_by_label(words("file.alt")).fill("Where the second wire goes")
    assert await audit(screen) == []
    chosen = screen.locator("input[type=file]")
    await chosen.set_input_files(bad)
    await expect(screen.get_by_role("alert")).to_be_visible()
    await chosen.set_input_files(good)
    await expect(screen.get_by_role("img", name="Where the second wire goes")).to_be_visible()
    assert await audit(screen) == []
    assert len((await owner.get(f"/needs/{need['id']}/files"))["items"]) == 2

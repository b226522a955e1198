"""A period is closed by people in browsers, from its checklist to a statement and its entries."""

import asyncio
import re
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from secrets import token_hex
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import text

from app.infra.database import make_engine
from app.infra.runtime import Runtime, make_runtime
from app.models.ledger import BookStatusKind
from tests.conftest import make_settings
from tests.e2e.conftest import Instance, Tab, Visitor, words
from tests.factories.pdf import words_of
from tests.factories.periods import FIRST, Cooperative, found_book
from tests.factories.world import Json, World

pytestmark = pytest.mark.browser

GIVEN = {"anna": 6_000, "berta": 3_000}
OBJECTION, ANSWER = "An hour of mine is missing.", "It was on the second of April."


def apart(work: Coroutine[Any, Any, Any]) -> Any:
    """Run something beside the loop of the browser's driver."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


async def found(
    instance: Instance, organisation: Json, keeper: Visitor, members: dict[str, Visitor]
) -> UUID:
    """Found a co-operative in which two people gave what they gave."""
    settings = make_settings(instance.database, instance.folder, base_url=instance.origin)
    runtime: Runtime = make_runtime(**settings.tools())
    try:
        book_id = await found_book(runtime, organisation)
        world = cast("World", SimpleNamespace(runtime=runtime))
        owner = cast("Any", SimpleNamespace(id=keeper.me["account"]["id"]))
        made = Cooperative(world, organisation, book_id, owner, {})
        for name, member in members.items():
            account_id = UUID(member.me["account"]["id"])
            await made.status(account_id, BookStatusKind.WORKER_OWNER, FIRST)
            await made.give(account_id, GIVEN[name])
    finally:
        await runtime.close()
    return book_id


async def let_a_month_go_by(instance: Instance, period: str) -> None:
    """Put the end of the days for objections behind us: nobody moves the clock of a process."""
    engine = make_engine(instance.database.owner_url)
    statement = "UPDATE periods SET objections_until = now() - interval '1 second' WHERE id = :id"
    async with engine.begin() as connection:
        await connection.execute(text(statement), {"id": UUID(period.rpartition("/")[2])})
    await engine.dispose()


def press(page: Page, message_id: str) -> None:
    page.get_by_role("button", name=words(message_id), exact=True).first.click()


def comes(page: Page, message_id: str) -> None:
    """Look again until the instance has done its part."""
    for _ in range(60):
        if page.get_by_text(words(message_id), exact=True).count():
            return
        page.wait_for_timeout(250)
        page.goto(page.url.partition("?")[0])
    expect(page.get_by_text(words(message_id), exact=True).first).to_be_visible()


def test_a_period_is_closed_read_and_followed_down_to_an_entry(
    instance: Instance, open_tab: Callable[..., Tab]
) -> None:
    run = token_hex(3)  # a browser's test may run twice
    keeper = instance.account(f"keeper{run}")
    organisation = instance.organisation(keeper, f"Forn dels Tres {run}")
    members = {name: instance.account(f"{name}{run}") for name in GIVEN}
    for name in members:
        body = {"handle": f"{name}{run}", "role": "member", "worker_owner": True}
        keeper.post(f"/organisations/{organisation['id']}/members", body)
    book_id = apart(found(instance, organisation, keeper, members))

    anna = open_tab(members["anna"]).page
    anna.goto(f"/books/{book_id}/periods")
    anna.get_by_label(words("page.period.first")).fill("2026-01-01")
    anna.get_by_label(words("page.period.last")).fill("2026-03-31")
    press(anna, "page.periods.open")
    period = anna.url.partition("?")[0]
    expect(anna.locator("#next + p")).to_have_text(words("period.next.missing", date="31 Mar 2026"))
    anna.get_by_role("link", name=words("period.mend.surplus"), exact=True).click()
    anna.locator("#surplus").fill("10000.01")
    press(anna, "page.period.enter_button")
    expect(anna.get_by_text("€10,000.01").first).to_be_visible()
    press(anna, "page.period.freeze")
    comes(anna, "page.period.lines")
    expect(anna.get_by_role("table")).to_contain_text("€1,333.33")

    berta = open_tab(members["berta"]).page
    berta.goto(period)
    berta.get_by_label(words("page.period.object")).fill(OBJECTION)
    press(berta, "page.period.object_button")
    anna.goto(period)
    expect(anna.locator("#next + p")).to_have_text(words("period.next.answer"))
    anna.get_by_label(words("page.period.answer"), exact=True).fill(ANSWER)
    press(anna, "page.period.keep")
    berta.goto(period)
    expect(berta.locator("main")).to_contain_text(ANSWER)
    expect(berta.get_by_role("button", name=words("page.period.sign"), exact=True)).to_have_count(0)

    apart(let_a_month_go_by(instance, period))
    anna.goto(period)
    press(anna, "page.period.sign")
    expect(anna.locator("#next + p")).to_have_text(words("period.next.signed"))
    expect(anna.get_by_role("button", name=words("page.period.sign"), exact=True)).to_have_count(0)
    berta.goto(period)
    press(berta, "page.period.sign")
    comes(berta, "page.period.now.locked")
    read_the_statement(berta, period, f"berta{run}")


FIGURES = """table => {
    const frame = table.parentElement.getBoundingClientRect();
    return [...table.querySelectorAll('tbody td')].map(cell => {
        const range = document.createRange();
        range.selectNodeContents(cell);
        const box = range.getBoundingClientRect();
        const covered = other => {
            const over = other.getBoundingClientRect();
            return getComputedStyle(other).position === 'sticky' && other !== cell
                && over.left < box.right && over.right > box.left
                && over.top < box.bottom && over.bottom > box.top;
        };
        return box.left >= frame.left && box.right <= frame.right
            && ![...table.querySelectorAll('td, th')].some(covered);
    });
}"""


def whole_on_a_telephone(page: Page, table: Locator) -> None:
    """No figure is cut at an edge or lies under another one: a part reads as another figure."""
    before = page.viewport_size
    page.set_viewport_size({"width": 360, "height": 740})
    seen = table.evaluate(FIGURES)
    if before:
        page.set_viewport_size(before)
    assert len(seen) == 10, (
        "two people's time, what of it was confirmed and counts, and their money"
    )
    assert all(seen), seen


def read_the_statement(page: Page, period: str, who: str) -> None:
    """Take it along as table and on paper, and follow a figure down to the entry it is made of."""
    page.goto(f"{period}/statement")
    expect(page.get_by_text(words("statement.stage.final"))).to_be_visible()
    table = page.get_by_role("table", name=words("statement.by_worker"))
    expect(table).to_contain_text("€1,333.33")
    for message_id, name, said in (
        ("statement.take_csv", "statement-2026-01-01.csv", who),
        ("statement.take_pdf", "statement-2026-01-01.pdf", "€666.67"),
    ):
        with page.expect_download() as coming:
            page.get_by_role("link", name=words(message_id)).click()
        assert coming.value.suggested_filename == name
        content = coming.value.path().read_bytes()
        read = words_of(content) if name.endswith("pdf") else content.decode("utf-8-sig")
        assert said in read
    whole_on_a_telephone(page, table)
    table.get_by_role("link", name=who).click()
    expect(page.locator("main")).to_contain_text(
        "3,000 of 9,000 weighted minutes, of €2,000.00 for all members, is €666.67"
    )
    page.get_by_role("link", name="€666.67").click()
    page.get_by_role("link", name=re.compile(words("ledger.kind.allocation"))).click()
    expect(page.locator("tfoot")).to_contain_text("€0.00")
    expect(page.get_by_role("link", name=who)).to_be_visible()

"""Two real instances, each with its worker: stewards connect them by pages and a keyboard."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.conftest import Instance, words

DESK = "/stewardship/peers"
NAMELESS = """() => [...document.querySelectorAll(
    'main input:not([type=hidden]), main textarea, main button, main a, main svg')]
  .filter(e => !(e.labels && e.labels.length) && !e.textContent.trim() && !e.ariaLabel)
  .map(e => e.outerHTML)"""
# Where to keep pictures of what was seen; nowhere unless asked.
PICTURES = os.environ.get("E2E_PICTURES", "")


@pytest.fixture
def stewards(browser: Browser, instance: Instance, second: Instance) -> Iterator[tuple[Page, Page]]:
    """Both stewards, each with a browser that runs no script of ours."""
    contexts = [steward_of(browser, each) for each in (instance, second)]
    north, south = (context.new_page() for context in contexts)
    yield north, south
    for context in contexts:
        context.close()


def steward_of(browser: Browser, instance: Instance, **options: object) -> BrowserContext:
    assert instance.steward is not None
    context = browser.new_context(base_url=instance.origin, locale="en-GB", **options)  # type: ignore[arg-type]
    for name, value in instance.steward.http.cookies.items():
        context.add_cookies([{"name": name, "value": value, "url": instance.origin}])
    return context


def test_two_stewards_connect_by_pages_and_come_in_step(
    stewards: tuple[Page, Page], instance: Instance, second: Instance
) -> None:
    north, south = stewards
    owner = second.account("owner")
    second.open_need(owner, second.organisation(owner, "Nordlys"), title="Lift a piano",
                     audience="public")  # fmt: skip

    north.goto(DESK)
    look_well(north, "list-empty")
    north.get_by_label(words("page.peers.address")).fill(second.origin.removeprefix("http://"))
    north.get_by_label(words("page.peers.address")).fill(second.origin)
    north.keyboard.press("Enter")
    expect(north.get_by_role("heading", level=1)).to_have_text("Nord")
    shown = north.locator(".fingerprint").first.inner_text().split()
    look_well(north, "look")
    north.get_by_role("button", name=words("page.look.ask_button")).press("Enter")
    expect(north.get_by_role("status")).to_have_text(words("page.notice.peer_asked"))
    look_well(north, "proposed")

    wait_until(south, DESK, words("page.peers.group.deciding"))
    south.get_by_role("link", name="Koinó", exact=True).last.press("Enter")
    south.get_by_text(words("page.peer.our_fingerprint")).press("Enter")
    own = south.locator("details .fingerprint").inner_text().split()
    assert own == shown  # what one steward reads out is what the other sees
    look_well(south, "requested")
    south.get_by_label(words("page.peer.compared")).press("Space")
    south.get_by_role("button", name=words("page.peer.move.approve")).press("Enter")
    expect(south.locator(".state").first).to_have_text(words("peer.state.active"))

    wait_until(north, DESK, words("peer.health.well"))
    wait_until(north, "/needs", "Lift a piano")
    north.goto(DESK)
    north.get_by_role("link", name="Nord", exact=True).press("Enter")
    look_well(north, "active")
    north.get_by_role("button", name=words("page.peer.sync_button")).press("Enter")
    expect(north.get_by_role("heading", level=1)).to_have_text(
        words("page.sync.title", name="Nord")
    )
    expect(north.get_by_role("status")).to_contain_text(
        words("page.sync.state.done"), timeout=60_000
    )
    look_well(north, "sync")

    north.goto("/network")
    expect(north.get_by_role("img", name="Koinó")).to_be_visible()
    expect(north.get_by_role("row", name="Nord")).to_contain_text(
        words("page.network.health.in_step")
    )
    look_well(north, "network")
    take_away(north)


def take_away(north: Page) -> None:
    """Ending says first what will happen, in numbers, and then it does."""
    north.goto(DESK)
    north.get_by_role("link", name="Nord", exact=True).click()
    north.get_by_role("link", name=words("page.peer.move.end")).press("Enter")
    expect(north.get_by_role("main")).to_contain_text("1 need of theirs disappears")
    look_well(north, "confirm")
    north.get_by_label(words("page.confirm.reason")).fill("They moved")
    north.get_by_role("button", name=words("page.peer.move.end")).press("Enter")
    expect(north.locator(".history")).to_contain_text("They moved")
    north.goto("/needs")
    expect(north.get_by_text("Lift a piano")).to_have_count(0)


def wait_until(page: Page, path: str, text: str) -> None:
    """Reload a page until it says so, as somebody would who waits."""
    for _ in range(60):
        page.goto(path)
        if page.get_by_text(text, exact=False).count():
            return
        page.wait_for_timeout(1000)
    pytest.fail(f"{path} never said {text!r}:\n{page.get_by_role('main').inner_text()}")


def look_well(page: Page, name: str) -> None:
    """Nothing is wider than the narrowest phone, and every field and button has a name."""
    here = page.url
    for scheme in ("light", "dark"):
        for width in (320, 1240):
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": 800})
            wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wider <= 0, f"{name} at {width}: {wider} px too wide"
            if PICTURES:
                page.screenshot(path=f"{PICTURES}/{name}-{width}-{scheme}.png", full_page=True)
    nameless = page.evaluate(NAMELESS)
    assert nameless == [], f"{name}: {nameless}"
    assert page.url == here

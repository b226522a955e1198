"""A worker-owner in the workspace: what is next in the book, its pages, and the what-if panel."""

import re
from collections.abc import Callable
from datetime import timedelta
from secrets import token_hex

import pytest
from playwright.sync_api import expect

from app.infra import clock
from tests.e2e.conftest import Instance, Tab, Visitor, words

pytestmark = pytest.mark.browser


def cooperative(instance: Instance) -> tuple[Visitor, Visitor, str]:
    """Two founders with a book, work of each, and a vote that waits for both."""
    ana, bel = instance.account("wsana"), instance.account("wsbel")
    organisation = instance.organisation(ana, "Forn Cooperatiu")
    home = f"/organisations/{organisation['id']}"
    ana.post(f"{home}/members", {"handle": "wsbel", "role": "member"})
    book = str(ana.post(f"{home}/ownership", {"currency": "EUR"}, key=token_hex(8))["id"])
    since = (clock.today() - timedelta(days=30)).isoformat()
    ids = [one.me["account"]["id"] for one in (ana, bel)]
    founders = {"account_ids": ids, "since": since}
    ana.post(f"/books/{book}/founders", founders, key=token_hex(8))
    for writer, worker in ((ana, "wsbel"), (bel, "wsana")):
        slip = {
            "worker": worker, "worked_on": since, "minutes": 600, "stream": "livelihood",
            "note": "on paper",
        }  # fmt: skip
        writer.post(f"/books/{book}/slips", {"slips": [slip]}, key=token_hex(8))
    draft = {
        "title": "Halves", "reason": "Fairer.", "document": {"members_share": "1/2"},
        "valid_from": (clock.today() + timedelta(days=60)).isoformat(),
    }  # fmt: skip
    made = ana.post(f"/books/{book}/policy-drafts", draft, key=token_hex(8))
    motion = {"subject": "policy", "subject_id": made["id"]}
    ana.post(f"/books/{book}/decisions", motion, key=token_hex(8))
    return ana, bel, book


def test_a_worker_owner_finds_the_next_steps_and_tries_other_rules(
    instance: Instance, open_tab: Callable[..., Tab]
) -> None:
    _, bel, book = cooperative(instance)
    page = open_tab(bel).page
    page.goto("/app/")
    title = words("workspace.ledger.next", organisation="Forn Cooperatiu")
    next_steps = page.get_by_role("region", name=title)
    expect(next_steps.get_by_text("A decision waits for your vote")).to_be_visible()
    for name, path in (
        ("vote.decisions", "decisions"), ("page.disputes.title", "disputes"),
        ("page.periods.title", "periods"), ("workspace.ledger.people", "people"),
    ):  # fmt: skip
        link = next_steps.get_by_role("link", name=words(name), exact=True)
        expect(link).to_have_attribute("href", f"/books/{book}/{path}")
    # The pages are the server's own: the vote is given there.
    next_steps.get_by_role("link", name=re.compile("A decision waits")).click()
    page.get_by_role("button", name=words("vote.choice.yes"), exact=True).click()
    expect(page.get_by_text("You voted: Yes.")).to_be_visible()

    page.goto("/app/ledger")
    panel = page.get_by_role("region", name=words("rules.what_if"), exact=True)
    surplus = panel.get_by_label(re.compile(re.escape(words("rules.surplus", currency="EUR"))))
    look = panel.get_by_role("button", name=words("rules.show"))
    expect(panel.get_by_role("row", name=re.compile("wsana"))).to_be_visible()
    surplus.fill("a hundred")
    expect(panel.get_by_text(words("rules.fault.money"))).to_be_visible()
    expect(look).to_be_disabled()
    surplus.fill("100.01")
    expect(panel.get_by_text(words("rules.fault.money"))).to_have_count(0)
    share = panel.get_by_label(re.compile(re.escape(words("rules.members_share"))))
    share.fill("1/2")
    look.click()
    # Half of 100.01, rounded down, is 50.00; two who worked alike get 25.00 each (R4, R5).
    for name in ("wsana", "wsbel"):
        row = panel.get_by_role("row", name=re.compile(name))
        expect(row.get_by_text("€25.00").first).to_be_visible()
    expect(
        panel.get_by_role("row", name=re.compile(words("rules.reserve_change")))
    ).to_contain_text("€50.01")


def test_whoever_reads_no_whole_book_is_led_to_their_part(
    instance: Instance, open_tab: Callable[..., Tab]
) -> None:
    ana, cel = (instance.account(f"{name}{token_hex(3)}") for name in ("wsana", "wscel"))
    name = f"Forn Obert {token_hex(3)}"
    home = f"/organisations/{instance.organisation(ana, name)['id']}"
    handle = cel.me["account"]["handle"]
    ana.post(f"{home}/members", {"handle": handle, "role": "member"})
    book = str(ana.post(f"{home}/ownership", {"currency": "EUR"}, key=token_hex(8))["id"])
    since = clock.today().isoformat()
    founders = {"account_ids": [ana.me["account"]["id"]], "since": since}
    ana.post(f"/books/{book}/founders", founders, key=token_hex(8))
    ana.post(f"/books/{book}/probations", {"handle": handle, "since": since}, key=token_hex(8))
    page = open_tab(cel).page
    page.goto("/app/ledger")
    expect(page.get_by_text(words("workspace.ledger.no_book"))).to_be_visible()
    page.get_by_role("main").get_by_role("link", name=words("page.books.title"), exact=True).click()
    expect(page.get_by_role("link", name=name)).to_have_attribute("href", f"/books/{book}")

"""The straight path through the workspace, as two people in two browsers."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from app.infra.i18n import translate_plural
from tests.e2e.conftest import Instance, Tab, words
from tests.factories.world import PASSWORD

pytestmark = pytest.mark.browser


def press(page: Page, message_id: str) -> None:
    """Press the button with this text."""
    page.get_by_role("button", name=words(message_id), exact=True).first.click()


def test_a_need_is_posted_claimed_confirmed_and_counted(
    instance: Instance, open_tab: Callable[..., Tab]
) -> None:
    owner, worker = instance.account("spaowner"), instance.account("spaworker")
    organisation = instance.organisation(owner, "Workspace Bookshop")

    posting = open_tab(owner).page
    posting.goto("/app/needs/new")
    posting.get_by_label(words("workspace.need.title")).fill("Teach us to run our own chat")
    posting.get_by_label(words("workspace.need.body")).fill("Five people, *no* server yet.")
    posting.get_by_label(words("workspace.need.skills_unknown_tick")).check()
    posting.get_by_label(words("workspace.unit.hours")).first.fill("3")
    for question in ("data", "misuse", "avoidable"):
        posting.get_by_label(words(f"workspace.harm.{question}")).fill("nothing")
    press(posting, "workspace.need.send_to_review")
    press(posting, "workspace.need.move.open")
    expect(posting.get_by_role("button", name=words("workspace.need.move.paused"))).to_be_visible()
    need_path = re.sub(r"^.*?/app", "/app", posting.url)

    helping = open_tab().page
    helping.goto(need_path)
    helping.get_by_label(words("workspace.handle")).fill("spaworker")
    helping.get_by_label(words("workspace.password"), exact=True).fill(PASSWORD)
    press(helping, "workspace.sign_in.button")
    press(helping, "workspace.claim.button")
    press(helping, "workspace.claim.yes")
    helping.get_by_role("link", name=words("workspace.claim.open")).click()
    claim_path = re.sub(r"^.*?/app", "/app", helping.url)

    posting.goto("/app/our-needs")
    posting.get_by_role("link", name="Teach us to run our own chat").click()
    press(posting, "workspace.claim.accept")
    expect(posting.get_by_text(words("claim.state.accepted")).first).to_be_visible()
    helping.goto(claim_path)
    helping.get_by_label(words("workspace.log.spoken")).fill("2 h yesterday")
    press(helping, "workspace.log.save")
    press(helping, "workspace.claim.submit")

    posting.goto("/app/confirm")
    confirm = posting.get_by_role("button", name=re.compile(words("workspace.confirm.button")))
    confirm.dblclick()
    expect(confirm).to_have_count(0)
    assert worker.get("/me/contributions")["total_minutes"] == 120
    (book,) = owner.get("/books")["items"]
    assert book["organisation"]["id"] == organisation["id"]
    assert owner.get(f"/books/{book['id']}")["entries"] == 1

    posting.goto("/app/ledger")
    expect(posting.get_by_text("spaworker").first).to_be_visible()
    expect(posting.get_by_text("100").first).to_be_visible()


def test_notices_come_by_themselves_and_go_when_seen(
    instance: Instance, open_tab: Callable[..., Tab]
) -> None:
    owner, worker = instance.account("belowner"), instance.account("belworker")
    need = instance.open_need(owner, instance.organisation(owner, "Bell Ringers"))
    reading = open_tab(owner).page
    reading.goto("/app/notices")
    (accepted,) = owner.get("/me/notifications")["items"]
    expect(reading.get_by_role("heading", name=accepted["title"])).to_be_visible()
    press(reading, "notice.page.read_all")
    quiet = reading.get_by_role("link", name=words("notice.page.title"), exact=True).first
    expect(quiet).to_be_visible()

    claim = worker.post(f"/needs/{need['id']}/claims", {"note": "I can do this"})
    bell = reading.get_by_role("link", name=translate_plural("en", "notice.page.unread", 1)).first
    expect(bell).to_be_visible()
    expect(reading).to_have_title(re.compile(r"^\(1\) "))
    reading.locator("[data-notice=claim_applied]").get_by_role("link").click()
    expect(reading).to_have_url(re.compile(f"/app/claims/{claim['id']}$"))
    expect(quiet).to_be_visible()
    assert owner.get("/me/notifications")["unread"] == 0


def test_two_people_write_to_one_another(instance: Instance, open_tab: Callable[..., Tab]) -> None:
    owner, worker = instance.account("talkowner"), instance.account("talkworker")
    need = instance.open_need(owner, instance.organisation(owner, "Talkers"))
    claim = worker.post(f"/needs/{need['id']}/claims", {"note": ""})
    asking, answering = open_tab(owner).page, open_tab(worker).page

    answering.goto("/app/claims")
    unread = answering.get_by_text(translate_plural("en", "thread.unread", 1))
    asking.goto(f"/app/claims/{claim['id']}")
    asking.get_by_label(words("thread.body")).fill("When culd you start?")
    press(asking, "thread.send")
    expect(unread).to_be_visible()

    press(asking, "thread.correct")
    asking.get_by_label(words("thread.body")).first.fill("When *could* you start?")
    press(asking, "workspace.save")
    answering.get_by_role("link", name=need["title"]).click()
    expect(answering.get_by_text(words("thread.new"))).to_be_visible()
    expect(answering.get_by_text("When could you start?")).to_be_visible()
    answering.get_by_label(words("thread.body")).fill("Tomorrow")
    answering.get_by_label(words("thread.body")).press("Control+Enter")
    expect(asking.get_by_text("Tomorrow")).to_be_visible()
    expect(asking.get_by_text(re.compile(words("thread.read", when="")))).to_be_visible()

    answering.goto("/app/claims")
    expect(answering.get_by_role("link", name=need["title"])).to_be_visible()
    expect(unread).to_have_count(0)
    assert worker.get(f"/claims/{claim['id']}")["unread"] == 0


def test_the_workspace_speaks_the_language_that_was_clicked_on_a_page(
    open_tab: Callable[..., Tab],
) -> None:
    tab = open_tab()
    tab.page.goto("/needs?lang=es")
    tab.page.goto("/app/")
    expect(tab.page.locator("html")).to_have_attribute("lang", "es")
    expect(tab.page.get_by_label(words("workspace.handle", "es"))).to_be_visible()
    tab.page.goto("/needs?lang=nl")
    tab.page.goto("/app/")
    expect(tab.page.locator("html")).to_have_attribute("lang", "nl")

"""Reporting and the stewards' desk as people without scripts use them, in every language."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from app.domain.moderation.rules import STRANGERS_WAITING_MAX
from app.infra import clock
from app.infra.database import transaction
from app.infra.i18n import LANGUAGES
from app.models.moderation import Report
from app.pages.asks import TRAP
from tests.factories.world import Json, Person, World
from tests.pages.reading import Page, Reader, target_of


class Story:
    """An organisation, its need, somebody at work on it, somebody who looks on."""

    def __init__(self, world: World, people: dict[str, Person], need: Json, claim: Json) -> None:
        """Everybody is signed in."""
        self.world, self.people, self.claim = world, people, claim
        self.need, self.path = need, f"/needs/{need['id']}"

    def reader(self, name: str | None, language: str = "en") -> Reader:
        """Return somebody's browser; nobody's where no name is given."""
        return Reader(self.world, self.people[name] if name else None, language)

    async def report(self, name: str | None, address: str, **said: Any) -> str:
        """Fill in the form as somebody with time, and return where it leads."""
        reader = self.reader(name)
        form = (await reader.open(address)).form("/report")
        filled = {**form, "kind": "dangerous", "words": "Look at this", **said}
        now = clock.now()
        with clock.frozen(now + timedelta(seconds=20)):
            return target_of(await reader.submit("/report", filled))

    async def reports(self) -> list[Report]:
        """Return all reports there are."""
        async with transaction(self.world.runtime.sessions) as session:
            return list((await session.exec(select(Report))).all())

    async def hold(self, reason: str = "A phone number") -> None:
        """Hold the need from its own page."""
        await self.reader("steward").send(self.path, f"{self.path}/hold", reason=reason)


@pytest.fixture
async def story(world: World) -> Story:
    people = {name: await world.sign_up(name) for name in ("owner", "worker", "other")}
    organisation = await world.organisation(people["owner"])
    need = await world.open_need(people["owner"], organisation, places=2)
    claim = await people["worker"].post(f"/needs/{need['id']}/claims", {"note": "I can"})
    assert world.steward is not None
    return Story(world, {**people, "steward": world.steward}, need, claim)


def links_to(page: Page, beginning: str) -> list[str]:
    """Return the addresses of a page's links that begin so."""
    found = [link.attributes.get("href", "") for link in page.document.all("a")]
    return [href for href in found if href.startswith(beginning)]


async def test_each_page_leads_to_the_report_of_what_it_shows(story: Story) -> None:
    worker, owner, other = (story.people[name] for name in ("worker", "owner", "other"))
    asked = await other.post(f"{story.path}/questions", {"body": "When?"})
    thread = f"/claims/{story.claim['id']}/messages"
    message = await worker.post(thread, {"body": "Pay me first"})
    organisation = f"/organisations/{story.need['organisation']['id']}"
    found = {
        "need": links_to(await story.reader(None).open(story.path), "/report"),
        "organisation": links_to(await story.reader(None).open(organisation), "/report"),
        "question": links_to(await story.reader("worker").open(story.path), "/report"),
        "message": links_to(await story.reader("owner").open(thread), "/report"),
        "worker": links_to(
            await story.reader("owner").open(f"/claims/{story.claim['id']}"), "/report"
        ),
    }
    about_need = f"/report?about=need&id={story.need['id']}"
    assert found["need"] == [about_need]
    assert found["organisation"] == [
        f"/report?about=organisation&id={story.need['organisation']['id']}"
    ]
    assert found["question"] == [f"/report?about=question&id={asked['id']}", about_need]
    assert found["message"] == [f"/report?about=message&id={message['id']}"]
    assert found["worker"] == [f"/report?about=worker&id={story.claim['id']}"]
    assert links_to(await story.reader("other").open(story.path), "/report") == [about_need]
    assert owner.me["account"]["handle"] == "owner"


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_report_is_made_and_decided_without_a_script(story: Story, language: str) -> None:
    reader = story.reader("other", language)
    address = f"/report?about=need&id={story.need['id']}"
    form = (await reader.open(address)).form("/report")
    led = await reader.submit("/report", {**form, "kind": "spam", "words": "An advertisement"})
    assert target_of(led) == f"{story.path}"
    desk = story.reader("steward", language)
    (link,) = links_to(await desk.open("/stewardship/reports"), "/stewardship/reports/")
    page = await desk.open(link)
    assert "An advertisement" in page.document.text
    assert story.need["title"] in page.document.text
    assert "@other" in page.document.text
    done = await desk.submit(
        link, {**page.form(link), "deed": "held", "reason": "It sells something"}
    )
    assert target_of(done) == "/stewardship/reports"
    assert (
        "It sells something"
        in (await story.reader("owner", language).open(story.path)).document.text
    )
    settled = await desk.open("/stewardship/reports?state=looked_at")
    assert links_to(settled, link) == [link]


async def test_somebody_without_an_account_reports_what_anybody_may_read(story: Story) -> None:
    led = await story.report(None, f"/report?about=need&id={story.need['id']}")
    assert led == f"{story.path}"
    (report,) = await story.reports()
    assert (report.reporter_id, report.words) == (None, "Look at this")
    organisation = story.need["organisation"]["id"]
    await story.report(None, f"/report?about=organisation&id={organisation}")
    assert len(await story.reports()) == 2


async def test_strangers_reports_of_one_thing_do_not_bury_the_desk(story: Story) -> None:
    for number in range(STRANGERS_WAITING_MAX + 2):
        await story.report(None, f"/report?about=need&id={story.need['id']}", words=str(number))
    assert len(await story.reports()) == STRANGERS_WAITING_MAX


async def test_what_fills_in_everything_at_once_is_no_person(story: Story) -> None:
    reader = story.reader(None)
    address = f"/report?about=need&id={story.need['id']}"
    form = (await reader.open(address)).form("/report")
    sent = {**form, "kind": "spam", "words": "x"}
    await reader.submit("/report", {**sent, TRAP: "filled"}, status=422)
    await reader.submit("/report", sent, status=422)  # within a second
    forged = {**sent, "stamp": "1.00"}
    await reader.submit("/report", forged, status=422)
    assert await story.reports() == []


async def test_strangers_sign_in_to_report_what_only_people_here_say(story: Story) -> None:
    asked = await story.people["other"].post(f"{story.path}/questions", {"body": "When?"})
    address = f"/report?about=question&id={asked['id']}"
    answer = await story.reader(None).http.get(address)
    assert answer.headers["location"].startswith("/sign-in")
    for unknown in ("/report", "/report?about=need&id=x", f"/report?about=x&id={asked['id']}"):
        assert (await story.reader(None).http.get(unknown)).status_code == 404


async def test_a_report_without_its_kind_is_asked_for_it(story: Story) -> None:
    reader = story.reader("other")
    form = (await reader.open(f"/report?about=need&id={story.need['id']}")).form("/report")
    sent = {**form, "kind": "", "words": "Keep these words"}
    page = await reader.submit("/report", sent, status=422)
    assert "Keep these words" in page.document.text
    assert await story.reports() == []


async def test_of_two_stewards_the_second_reads_what_was_done(story: Story) -> None:
    await story.report("other", f"/report?about=need&id={story.need['id']}")
    desk = story.reader("steward")
    (link,) = links_to(await desk.open("/stewardship/reports"), "/stewardship/reports/")
    form = (await desk.open(link)).form(link)
    await desk.submit(link, {**form, "deed": "let_be"})
    page = await desk.submit(link, {**form, "deed": "held", "reason": "Late"}, status=412)
    assert "another steward has decided" in page.document.text
    assert "Let it be" in page.document.text
    assert "Late" not in (await story.reader("owner").open(story.path)).document.text


async def test_a_held_need_is_mended_answered_and_released_on_pages(story: Story) -> None:
    await story.hold()
    for name in (None, "worker", "other"):
        page = await story.reader(name).open(story.path, status=410)
        assert "withdrew it, or the stewards hold it back" in page.document.text
    owner = story.reader("owner")
    page = await owner.open(story.path)
    assert "A phone number" in page.document.text
    assert links_to(page, f"{story.path}/edit")
    (appeal,) = [
        form.attributes["action"]
        for form in page.document.all("form")
        if form.attributes.get("action", "").startswith("/holds/")
    ]
    empty = await owner.submit(appeal, {**page.form(appeal), "words": " "}, status=422)
    assert empty.form(appeal)
    led = await owner.send(story.path, appeal, words="The number is gone")
    assert target_of(led) == f"{story.path}"
    again = await owner.open(story.path)
    assert "The number is gone" in again.document.text
    assert appeal not in [form.attributes.get("action") for form in again.document.all("form")]
    desk = story.reader("steward")
    page = await desk.open("/stewardship/reports")
    assert "The number is gone" in page.document.text
    end = appeal.replace("/appeal", "/end")
    await desk.submit(end, {**page.form(end), "act": "release"})
    await story.reader(None).open(story.path)
    late = await desk.submit(end, {**page.form(end), "act": "release"}, status=409)
    assert "over already" in late.document.text


async def test_a_worker_is_told_on_their_claim_that_the_need_is_held(story: Story) -> None:
    await story.people["owner"].move(f"/claims/{story.claim['id']}", "accepted")
    before = await story.reader("worker").open(f"/claims/{story.claim['id']}")
    assert "hold this need" not in before.document.text
    await story.hold("Names of people")
    page = await story.reader("worker").open(f"/claims/{story.claim['id']}")
    assert "hold this need" in page.document.text
    assert "Names of people" not in page.document.text


async def test_a_need_is_taken_down_with_a_reason(story: Story) -> None:
    await story.hold()
    desk = story.reader("steward")
    page = await desk.open("/stewardship/reports")
    (end,) = [
        form.attributes["action"]
        for form in page.document.all("form")
        if form.attributes.get("action", "").startswith("/holds/")
    ]
    form = {**page.form(end), "act": "withdraw"}
    await desk.submit(end, {**form, "reason": ""}, status=422)
    await desk.submit(end, {**form, "reason": "It harms people"})
    assert "It harms people" in (await story.reader("owner").open(story.path)).document.text


async def test_an_account_is_limited_and_freed_by_its_handle(story: Story) -> None:
    desk = story.reader("steward")
    here, act = "/stewardship/reports", "/stewardship/accounts"
    await desk.send(here, act, handle="@other", to="limited", reason="Spam")
    page = await desk.open(here)
    assert "@other" in page.document.text
    assert "Spam" in page.document.text
    refused = await desk.submit(
        act, {**page.form(act), "handle": "nobody-here", "to": "limited"}, status=404
    )
    assert "@other" in refused.document.text
    await desk.submit(act, {**page.form(act), "handle": "other", "to": "active"})
    assert "Spam" not in (await desk.open(here)).document.text


async def test_only_stewards_see_the_way_to_the_desk(story: Story) -> None:
    assert "/stewardship" in links_to(await story.reader("steward").open("/"), "/stewardship")
    led = await story.reader("steward").follow("/stewardship")
    assert str(led.answer.url).endswith("/stewardship/reports")
    for name in ("owner", "worker", None):
        assert links_to(await story.reader(name).open("/"), "/stewardship") == []

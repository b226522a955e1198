"""Saved searches without a script: with an account, and by mailed links without one."""

import re
from datetime import timedelta

import pytest

from app.domain.feeds.rules import PER_ADDRESS_A_DAY
from app.infra import clock
from app.infra.i18n import LANGUAGES, translate
from tests.api.test_notifications import letters, link_in, proven
from tests.factories.world import Person, World
from tests.pages.reading import Page, Reader, target_of

NOTHING = {"form_token": ""}
FILTERS = "q=poster&language=nl&hours=8"


async def asked(reader: Reader, handle: str = "asker", query: str = FILTERS, **more: str) -> Page:
    """Ask for mails to an address, as the form does."""
    page = await reader.open(f"/searches/new?{query}")
    filled = page.form("/searches/new")
    values = {**filled, "address": f"{handle}@example.org", **more}
    return await reader.submit("/searches/new", values)


async def link(world: World, part: str, handle: str = "asker") -> str:
    await world.work()
    return link_in(letters(world, handle)[-1], part)


async def subscribed(world: World, reader: Reader, query: str = FILTERS, **more: str) -> None:
    await asked(reader, query=query, **more)
    path = f"/searches/confirm/{await link(world, 'searches/confirm')}"
    await reader.send(path, path, status=200)


async def owner_of(world: World) -> tuple[Person, dict[str, object]]:
    owner = await world.sign_up("owner")
    return owner, await world.organisation(owner)


async def test_a_list_is_saved_from_its_own_page(world: World) -> None:
    reader = Reader(world, await world.sign_up("person"))
    sent = await reader.send(f"/needs?{FILTERS}&sort=newest", "/searches", often="weekly")
    assert target_of(sent) == "/searches"
    page = await reader.follow(sent.answer.headers["location"])
    assert page.document.one("div", role="status").text == "The search is saved."
    (block,) = page.main.all("article", class_="block")
    assert block.one("h2").text == "“poster” · Nederlands · Up to 8 h"
    assert block.one("option", selected="").attributes["value"] == "weekly"
    leads = [a.attributes["href"] for a in block.all("a")]
    assert [path.partition("?")[0] for path in leads] == ["/needs", "/needs.atom"]
    form = (await reader.open(leads[0])).form("/needs")
    assert (form["q"], form["language"], form["hours"]) == ("poster", "nl", "8")


async def test_how_often_is_changed_and_a_search_is_removed(world: World) -> None:
    person = await world.sign_up("person")
    reader = Reader(world, person)
    search = await person.post("/me/saved-searches", {"filters": {"q": "poster"}})
    action = f"/searches/{search['id']}"
    await reader.send("/searches", action, often="instant", act="change")
    own = (await person.get("/me/saved-searches"))["items"]
    assert [each["often"] for each in own] == ["instant"]
    # Another tab changed it meanwhile: nothing is written over.
    fields = {**(await reader.open("/searches")).form(action), "version": "1", "often": "off"}
    stale = await reader.submit(action, {**fields, "act": "change"}, status=412)
    assert stale.main.one("div", class_="notice bad").text
    assert (await person.get("/me/saved-searches"))["items"] == own
    await reader.send("/searches", action, act="remove")
    assert (await person.get("/me/saved-searches"))["items"] == []
    assert (await reader.open("/searches")).main.one("div", class_="empty").text


async def test_who_gets_no_mail_is_told_so(world: World) -> None:
    without, with_ = await world.sign_up("without"), await proven(world, "with")
    for person, told in ((without, True), (with_, False)):
        await person.post("/me/saved-searches", {"filters": {}})
        page = await Reader(world, person).open("/searches")
        assert ("no mail address" in page.main.text) is told
        assert page.main.one("article", class_="block").one("h2").text == "Every open need"


async def test_what_another_site_sends_saves_nothing(world: World) -> None:
    person = await world.sign_up("person")
    reader = Reader(world, person)
    fields = {**(await reader.open("/needs")).form("/searches")}
    headers = {"Sec-Fetch-Site": "cross-site"}
    answer = await reader.http.post("/searches", data=fields, headers=headers)
    assert answer.status_code == 403
    fields["form_token"] = "0" * 40
    await reader.submit("/searches", fields, status=403)
    assert (await person.get("/me/saved-searches"))["items"] == []


async def test_somebody_signed_in_saves_it_with_their_account(world: World) -> None:
    person = await world.sign_up("person")
    reader = Reader(world, person)
    page = await reader.open(f"/searches/new?{FILTERS}")
    assert "address" not in page.form("/searches")
    await reader.submit("/searches", page.form("/searches"))
    (own,) = (await person.get("/me/saved-searches"))["items"]
    assert (own["filters"]["q"], own["often"]) == ("poster", "daily")


async def test_nothing_is_sent_before_the_link_was_opened_and_the_button_pressed(
    world: World,
) -> None:
    owner, organisation = await owner_of(world)
    reader = Reader(world)
    page = await reader.open(f"/needs?{FILTERS}")
    assert page.link("By mail").startswith("/searches/new?")
    answer = await asked(reader, query="q=poster", often="instant")
    assert target_of(answer) == "/searches/sent"
    assert "7 days" in (await reader.open("/searches/sent")).main.text
    path = f"/searches/confirm/{await link(world, 'searches/confirm')}"
    first = await reader.open(path)  # as programs that look into mails do
    assert "“poster”" in first.main.text
    assert first.answer.headers["cache-control"] == "no-store"
    assert "noindex" in first.answer.headers["x-robots-tag"]
    await world.open_need(owner, organisation, title="A poster", audience="public")
    await world.work()
    assert len(letters(world, "asker")) == 1
    done = await reader.send(path, path, status=200)
    assert done.title == "From now on you hear of it"
    await world.open_need(owner, organisation, title="Two posters", audience="public")
    await world.work()
    (alert,) = letters(world, "asker")[1:]
    assert "Two posters" in alert
    assert "A poster" not in alert  # it was there before anybody asked


async def test_a_link_confirms_once_and_not_for_ever(world: World) -> None:
    reader = Reader(world)
    await asked(reader)
    token = await link(world, "searches/confirm")
    await reader.submit(f"/searches/confirm/{token}", NOTHING, status=200)
    await reader.submit(f"/searches/confirm/{token}", NOTHING, status=410)
    await reader.open(f"/searches/confirm/{token}", status=410)
    await asked(reader, "late")
    late = await link(world, "searches/confirm", "late")
    with clock.moved(timedelta(days=7, seconds=1)):
        await reader.open(f"/searches/confirm/{late}", status=410)
        await reader.submit(f"/searches/confirm/{late}", NOTHING, status=410)


async def test_the_link_of_a_letter_changes_how_often_and_stops(world: World) -> None:
    owner, organisation = await owner_of(world)
    reader = Reader(world)
    await subscribed(world, reader, "", often="instant")
    await world.open_need(owner, organisation, title="Server", audience="public")
    token = await link(world, "searches/stop")
    path = f"/searches/stop/{token}"
    page = await reader.open(path)
    assert "Every open need" in page.main.text
    assert "your address is erased" in page.main.text
    await reader.send(path, f"/searches/often/{token}", often="weekly")
    assert (await reader.open(path)).form(f"/searches/often/{token}")["often"] == "weekly"
    await reader.submit(f"/searches/often/{token}", {"often": "off"}, status=404)
    stopped = await reader.send(path, path, status=200)
    assert stopped.title == "These mails are stopped"
    # Again, and by hand: it is stopped already, and says so.
    assert (await reader.submit(path, NOTHING, status=200)).title == stopped.title
    assert (await reader.open(path)).title == stopped.title
    await reader.submit(f"/searches/often/{token}", {"often": "daily"}, status=404)


async def test_one_press_in_a_mail_program_stops_the_letters(world: World) -> None:
    owner, organisation = await owner_of(world)
    reader = Reader(world)
    await subscribed(world, reader, "", often="instant")
    await world.open_need(owner, organisation, title="Server", audience="public")
    await world.work()
    letter = letters(world, "asker")[-1]
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in letter
    found = re.search(r"List-Unsubscribe: <([^>]+)>", letter)
    assert found
    # As RFC 8058 says: a POST from elsewhere, without cookie and without a token.
    answer = await world.stranger().http.post(
        found[1],
        content=b"List-Unsubscribe=One-Click",
        headers={
            "Content-Type": "application/x-www-form-urlencoded",
            "Sec-Fetch-Site": "cross-site",
            "Origin": "https://mail.example",
        },
    )
    assert answer.status_code == 200
    await world.open_need(owner, organisation, title="Another", audience="public")
    with clock.moved(timedelta(hours=1)):
        await world.work()
    assert len(letters(world, "asker")) == 2


async def test_an_account_that_stops_a_search_keeps_it_switched_off(world: World) -> None:
    owner, organisation = await owner_of(world)
    person = await proven(world, "person")
    await person.post("/me/saved-searches", {"filters": {}, "often": "instant"})
    await world.open_need(owner, organisation, title="Server")
    path = f"/searches/stop/{await link(world, 'searches/stop', 'person')}"
    reader = Reader(world)  # another browser, where nobody is signed in
    assert "switched off" in (await reader.open(path)).main.text
    await reader.submit(path, NOTHING, status=200)
    (own,) = (await person.get("/me/saved-searches"))["items"]
    assert own["often"] == "off"


@pytest.mark.parametrize(
    "token", ["no-such-token", "x" * 5000, "%2e%2e", "00000000-0000-0000-0000-000000000000"]
)
async def test_a_wrong_link_opens_nothing(world: World, token: str) -> None:
    reader = Reader(world)
    for part in ("confirm", "stop"):
        await reader.open(f"/searches/{part}/{token}", status=410)
        await reader.submit(f"/searches/{part}/{token}", NOTHING, status=410)
    await reader.submit(f"/searches/often/{token}", {"often": "daily"}, status=410)


async def test_a_link_for_one_thing_is_none_for_another(world: World) -> None:
    reader = Reader(world)
    await asked(reader)
    token = await link(world, "searches/confirm")
    await reader.open(f"/searches/stop/{token}", status=410)
    await reader.submit(f"/searches/stop/{token}", NOTHING, status=410)
    await reader.open(f"/ask/confirm/{token}", status=410)
    await reader.open(f"/searches/confirm/{token}")


@pytest.mark.parametrize(
    "values",
    [
        {"address": "no address"},
        {"address": "a@b"},
        {"address": "a@example.org\nBcc: all@example.org"},
        {"address": ""},
        {"time_zone": "Mars/Base"},
        {"time_zone": "../../etc/passwd"},
        {"subject_line": "I am no person"},
    ],
)
async def test_a_form_that_cannot_be_is_answered_with_what_is_wrong(
    world: World, values: dict[str, str]
) -> None:
    reader = Reader(world)
    page = await reader.open(f"/searches/new?{FILTERS}")
    filled = {**page.form("/searches/new"), "address": "asker@example.org", **values}
    shown = await reader.submit("/searches/new", filled, status=422)
    assert shown.main.one("div", role="alert").text
    assert shown.form("/searches/new")["q"] == "poster"
    await world.work()
    assert letters(world, "asker") == []
    # The same form without the fault is taken.
    mended = {**filled, **page.form("/searches/new"), "address": "asker@example.org"}
    await reader.submit("/searches/new", mended)


async def test_nobody_learns_whether_an_address_is_known_and_nobody_is_flooded(
    world: World,
) -> None:
    reader = Reader(world)
    await subscribed(world, reader)
    answers = []
    for handle in ["asker", "unknown"] * (PER_ADDRESS_A_DAY + 2):
        answer = await asked(reader, handle, query="q=other")
        answers.append((answer.status, answer.answer.headers["location"], answer.answer.content))
    assert len(set(answers)) == 1
    await world.work()
    assert len(letters(world, "asker")) == PER_ADDRESS_A_DAY
    assert len(letters(world, "unknown")) == PER_ADDRESS_A_DAY


async def test_what_is_asked_for_twice_is_told_once(world: World) -> None:
    owner, organisation = await owner_of(world)
    reader = Reader(world)
    await subscribed(world, reader, "q=poster", often="weekly")
    await subscribed(world, reader, "q=poster", often="instant")
    before = len(letters(world, "asker"))
    await world.open_need(owner, organisation, title="A poster", audience="public")
    await world.work()
    assert len(letters(world, "asker")) == before + 1


@pytest.mark.parametrize("language", LANGUAGES)
async def test_letters_and_pages_speak_the_readers_language(world: World, language: str) -> None:
    reader = Reader(world, None, language)
    await asked(reader)
    await world.work()
    (letter,) = letters(world, "asker")
    assert translate(language, "letter.alert_confirm.text", days=7)[:40] in letter
    path = f"/searches/confirm/{link_in(letter, 'searches/confirm')}"
    page = await reader.send(path, path, status=200)
    assert page.title == translate(language, "page.searches.confirm.done")


async def test_an_address_that_means_nothing_saves_what_is_left_of_it(world: World) -> None:
    person = await world.sign_up("person")
    reader = Reader(world, person)
    query = "hours=0&language=zz!!zz&q=poster&skill=nonsense&region=%20"
    await reader.send(f"/needs?{query}", "/searches")
    (own,) = (await person.get("/me/saved-searches"))["items"]
    assert own["filters"]["q"] == "poster"
    assert own["href"] == "/needs?q=poster"

"""Help without an account, from the first question to the last thank-you, scripts off."""

import asyncio
import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlmodel import col, select

from app.infra import clock
from app.infra.database import transaction
from app.infra.i18n import translate
from app.models.asks import Ask, AskCount, AskDay, AskHistory, AskState
from app.models.identity import Account
from app.models.ledger import Entry
from app.models.letters import Letter, MailLink
from app.models.needs import Need
from app.workers.activity import react_to_activities, tidy_up
from tests.factories.world import PASSWORD, Person, World
from tests.pages.reading import Page, Reader, target_of

ANSWERS = {
    "stuck": "Our WordPress site is down since Monday. Nobody knows how to mend it.",
    "size": "before the strike on Friday",
    "organisation_name": "Laundry workers",
    "address": "asker@forn.example",
}
GREEK = {
    "stuck": "Ο ιστότοπός μας έπεσε από τη Δευτέρα. Δεν ξέρουμε τι να κάνουμε.",
    "organisation_name": "Ταμείο αλληλεγγύης",
    "address": "tameio@forn.example",
}
EMPTY = {"form_token": ""}
NEED = {"hours": "4", "harm_data": "none", "harm_misuse": "nobody", "harm_avoidable": "yes"}


async def letters(world: World) -> list[Letter]:
    async with transaction(world.runtime.sessions) as session:
        return list((await session.exec(select(Letter).order_by(col(Letter.created_at)))).all())


async def link_in(world: World, template: str) -> str:
    """Return the path of the link in the last letter of a kind."""
    found = [letter for letter in await letters(world) if letter.template == template][-1]
    return str(found.values["link"]).removeprefix(world.runtime.origin)


async def the_ask(world: World) -> Ask:
    async with transaction(world.runtime.sessions) as session:
        return (await session.exec(select(Ask).order_by(col(Ask.created_at).desc()))).first()  # type: ignore[return-value]


async def ask_for_help(
    world: World, language: str = "en", *, status: int = 303, **changes: Any
) -> Page:
    """Fill in the form, look at it, send it: as somebody without scripts and with time."""
    reader = Reader(world, None, language)
    first = (await reader.open("/ask")).form("/ask")
    look = {**first, **ANSWERS, "language": language, **changes, "act": "preview"}
    keep = {"keep": "yes"} if "keep" in changes else {}
    now = clock.now()
    with clock.frozen(now + timedelta(seconds=20)):
        seen = await reader.submit("/ask", look, status=200)
        return await reader.submit(
            "/ask", {**seen.form("/ask"), "act": "send", **keep}, status=status
        )


async def confirmed(world: World, language: str = "en", **changes: Any) -> str:
    """Return the path of a confirmed ask's own page."""
    await ask_for_help(world, language, **changes)
    link = await link_in(world, "ask.confirm")
    answer = await Reader(world, None, language).send(link, link)
    return target_of(answer)


async def publish(world: World, steward: Person, **changes: Any) -> str:
    """Publish the newest ask, and return the need's id."""
    ask = await the_ask(world)
    here = f"/stewardship/asks/{ask.id}"
    await Reader(world, steward).send(here, f"{here}/publish", **{**NEED, **changes})
    async with transaction(world.runtime.sessions) as session:
        newest = select(Need.id).order_by(col(Need.created_at).desc())
        return str((await session.exec(newest)).first())


@pytest.mark.parametrize(("language", "said"), [("en", ANSWERS), ("el", GREEK)])
async def test_from_the_first_question_to_the_last_thanks(
    world: World, language: str, said: dict[str, Any]
) -> None:
    steward, worker = await world.set_up(), await world.sign_up("worker")
    mine = await confirmed(world, language, **said)
    need = await publish(world, steward)
    await Reader(world, None).open(f"/needs/{need}")
    share = next(x for x in await letters(world) if x.template == "ask.published")
    assert share.values["addresses"] == f"{world.runtime.origin}/needs/{need}"
    assert share.language == language
    claim = await worker.post(f"/needs/{need}/claims", {"note": "I can do this"})
    await react_to_activities(world.runtime)
    mine = await link_in(world, "ask.offered")
    asker = Reader(world, None, language)
    action = f"{mine}/claims/{claim['id']}"
    page = await asker.open(mine)
    assert "I can do this" in page.main.text
    assert translate(language, "page.asks.next.published") in page.main.text
    await asker.send(mine, action, to="accepted")
    log = {"worked_on": "2026-03-02", "minutes": 90, "note": "done"}
    await worker.post(f"/claims/{claim['id']}/work-logs", log)
    await worker.move(f"/claims/{claim['id']}", "submitted")
    await react_to_activities(world.runtime)
    mine = await link_in(world, "ask.worked")
    action = f"{mine}/claims/{claim['id']}"
    await asker.send(mine, action, to="confirmed", hours="1", minutes="30", stream="gift")
    assert (await worker.get(f"/claims/{claim['id']}"))["state"] == "confirmed"
    assert translate(language, "page.asks.next.not_open") in (await asker.open(mine)).main.text
    await asker.send(mine, f"{mine}/done", text="You are lovely")
    ask = await the_ask(world)
    assert ask.state == AskState.DONE
    await react_to_activities(world.runtime)
    kinds = {notice["kind"] for notice in (await steward.get("/me/notifications"))["items"]}
    assert "ask_waits" in kinds
    assert "organisation_created" not in kinds, "they accepted it themselves"
    told = [each["kind"] for each in (await worker.get("/me/notifications"))["items"]]
    assert "ask_thanked" in told
    thread = await Reader(world, worker).open(f"/claims/{claim['id']}/messages")
    assert "You are lovely" in thread.main.text
    async with transaction(world.runtime.sessions) as session:
        entry = (await session.exec(select(Entry))).one()
        assert entry.recorded_by == ask.holder_id


async def test_opening_the_link_as_mail_scanners_do_changes_nothing(world: World) -> None:
    await world.set_up()
    await ask_for_help(world)
    link = await link_in(world, "ask.confirm")
    scanner = Reader(world, None)
    for _ in range(3):
        assert (await scanner.open(link)).answer.headers["cache-control"] == "no-store"
    await scanner.http.head(link)
    assert (await the_ask(world)).state == AskState.UNCONFIRMED
    await scanner.send(link, link)
    assert (await the_ask(world)).state == AskState.WAITING


async def test_a_link_is_good_once_for_its_purpose_and_its_time(world: World) -> None:
    await world.set_up()
    await ask_for_help(world)
    link = await link_in(world, "ask.confirm")
    token = link.rpartition("/")[2]
    reader = Reader(world, None)
    for other in (f"/ask/mine/{token}", "/ask/confirm/guessed", "/ask/mine/guessed"):
        await reader.open(other, status=410)
    with clock.frozen(clock.now() + timedelta(days=8)):
        await reader.open(link, status=410)
        await reader.submit(link, EMPTY, status=410)
    mine = target_of(await reader.submit(link, EMPTY))
    await reader.submit(link, EMPTY, status=410)
    await reader.open(f"/ask/confirm/{mine.rpartition('/')[2]}", status=410)
    await reader.send(mine, f"{mine}/link")
    await reader.open(mine, status=410)
    await reader.open(await link_in(world, "ask.link"))


async def test_two_presses_at_once_confirm_once(world: World) -> None:
    await world.set_up()
    await ask_for_help(world)
    link = await link_in(world, "ask.confirm")
    headers = {"Sec-Fetch-Site": "same-origin"}
    readers = [Reader(world, None) for _ in range(4)]
    answers = await asyncio.gather(
        *(r.http.post(link, data=EMPTY, headers=headers) for r in readers)
    )
    assert sorted(a.status_code for a in answers) == [303, 410, 410, 410]


async def test_what_should_not_be_public_is_shown_and_kept_only_knowingly(world: World) -> None:
    await world.set_up()
    text = "Our site is down. The password is hunter22 and call 612345678."
    reader = Reader(world, None)
    form = {**(await reader.open("/ask")).form("/ask"), **ANSWERS, "stuck": text}
    with clock.frozen(clock.now() + timedelta(seconds=20)):
        seen = await reader.submit("/ask", {**form, "act": "preview"}, status=200)
        found = [b.text for b in seen.main.one("div", id="secrets").all("strong")]
        assert found == ["hunter22", "612345678"]
        sending = {**seen.form("/ask"), "act": "send"}
        await reader.submit("/ask", sending, status=422)
        assert await letters(world) == []
        await reader.submit("/ask", {**sending, "keep": "yes"})
    assert len(await letters(world)) == 1


async def test_a_hasty_form_is_shown_once_more_and_a_trap_is_told(world: World) -> None:
    await world.set_up()
    reader = Reader(world, None)
    form = {**(await reader.open("/ask")).form("/ask"), **ANSWERS}
    hasty = await reader.submit("/ask", {**form, "act": "send"}, status=200)
    assert "That was quick" in hasty.main.text
    forged = await reader.submit("/ask", {**form, "act": "send", "stamp": "1.x"}, status=200)
    assert "That was quick" in forged.main.text
    caught = await reader.submit(
        "/ask", {**form, "act": "preview", "subject_line": "x"}, status=422
    )
    assert caught.form("/ask")["subject_line"] == ""
    assert await letters(world) == []


async def test_a_flood_to_one_address_is_three_letters_and_the_same_answer(world: World) -> None:
    await world.set_up()
    answers = [await ask_for_help(world, address="Victim@Forn.example") for _ in range(5)]
    assert {(a.status, target_of(a)) for a in answers} == {(303, "/ask/sent")}
    assert len(await letters(world)) == 3
    await ask_for_help(world, address="other@forn.example")
    assert len(await letters(world)) == 4
    async with transaction(world.runtime.sessions) as session:
        assert len((await session.exec(select(AskCount))).all()) == 2
    with clock.frozen(clock.now() + timedelta(days=1)):
        await tidy_up(world.runtime)
    async with transaction(world.runtime.sessions) as session:
        assert (await session.exec(select(AskCount))).all() == []
        assert (await session.exec(select(AskDay))).all() == []


async def test_hostile_words_are_shown_and_do_nothing(world: World) -> None:
    steward = await world.set_up()
    bad = '<script>alert(1)</script>"><img src=x onerror=alert(1)> help us please'
    mine = await confirmed(world, stuck=bad, organisation_name="<b>x</b>", size="<i>y</i>")
    ask = await the_ask(world)
    pages = [await Reader(world, None).open(mine)]
    desk = Reader(world, steward)
    pages.append(await desk.open("/stewardship/asks"))
    pages.append(await desk.open(f"/stewardship/asks/{ask.id}"))
    for page in pages:
        assert page.document.all("script") == []
        assert not any(n.startswith("on") for e in page.document.all() for n in e.attributes)
    assert bad in pages[0].main.text.replace("  ", " ")


async def test_a_link_reaches_its_own_ask_and_nothing_else(world: World) -> None:
    steward, worker = await world.set_up(), await world.sign_up("worker")
    owner = await world.sign_up("owner")
    organisation = await world.organisation(owner)
    other = await world.open_need(owner, organisation)
    foreign = await worker.post(f"/needs/{other['id']}/claims", {"note": ""})
    mine = await confirmed(world)
    await publish(world, steward)
    asker = Reader(world, None)
    token = (await asker.open(mine)).form(f"{mine}/suggest")["form_token"]
    answer = {"form_token": token, "to": "accepted"}
    await asker.submit(f"{mine}/claims/{foreign['id']}", answer, status=404)
    await asker.submit(f"{mine}/no-such-deed", EMPTY, status=404)
    assert (await worker.get(f"/claims/{foreign['id']}"))["state"] == "applied"
    async with transaction(world.runtime.sessions) as session:
        holder = await session.get(Account, (await the_ask(world)).holder_id)
    assert holder is not None
    for password in ("", PASSWORD):
        body = {"handle": holder.handle, "password": password}
        assert (await world.stranger().ask("POST", "/sessions", json=body)).status_code in {
            401,
            422,
        }


async def test_an_organisation_that_is_here_keeps_its_own_say(world: World) -> None:
    steward, worker = await world.set_up(), await world.sign_up("worker")
    owner = await world.sign_up("owner")
    organisation = await world.organisation(owner, name="Laundry workers")
    mine = await confirmed(world)
    need = await publish(world, steward, organisation_id=str(organisation["id"]))
    claim = await worker.post(f"/needs/{need}/claims", {"note": "secret note"})
    asker = Reader(world, None)
    assert "secret note" not in (await asker.open(mine)).answer.text
    await asker.submit(f"{mine}/claims/{claim['id']}", {"to": "accepted"}, status=404)
    await asker.submit(f"{mine}/done", {"text": "x"}, status=403)
    await asker.send(mine, f"{mine}/suggest", text="It is Thursday")
    queue = await Reader(world, steward).open("/stewardship/asks")
    assert "Laundry workers" in queue.main.one("ul", class_="cards").text
    await owner.move(f"/claims/{claim['id']}", "accepted")


async def test_a_question_goes_back_and_forth_by_mail(world: World) -> None:
    steward = await world.set_up()
    await confirmed(world)
    ask = await the_ask(world)
    here = f"/stewardship/asks/{ask.id}"
    await Reader(world, steward).send(here, f"{here}/question", text="Which WordPress?")
    asked = (await Reader(world, steward).open(here)).main.text
    assert "Waits for the asker's answer" in asked
    assert "A question for you" not in asked
    mine = await link_in(world, "ask.question")
    asker = Reader(world, None)
    asked = (await asker.open(mine)).main.text
    assert "Which WordPress?" in asked
    assert "A question for you" in asked
    await asker.send(mine, f"{mine}/answer", text="6.4 we think")
    await asker.send(mine, f"{mine}/change", stuck="It is the newsletter, not the site.")
    seen = await Reader(world, steward).open(here)
    assert "6.4 we think" in seen.main.text
    assert "It is the newsletter" in seen.main.text
    await Reader(world, steward).send(here, f"{here}/decline", text="Ask the union's own people")
    (told,) = [x for x in await letters(world) if x.template == "ask.declined"]
    assert told.values["reason"] == "Ask the union's own people"
    await asker.submit(f"{mine}/answer", {"text": "x"}, status=409)


async def test_two_stewards_publish_one_need(world: World) -> None:
    steward = await world.set_up()
    await confirmed(world)
    ask = await the_ask(world)
    here = f"/stewardship/asks/{ask.id}"
    reader = Reader(world, steward)
    form = {**(await reader.open(here)).form(f"{here}/publish"), **NEED}
    headers = {"Sec-Fetch-Site": "same-origin"}
    answers = await asyncio.gather(
        *(reader.http.post(f"{here}/publish", data=form, headers=headers) for _ in range(2))
    )
    assert sorted(answer.status_code for answer in answers) == [303, 412]
    async with transaction(world.runtime.sessions) as session:
        assert len((await session.exec(select(Need))).all()) == 1
    # Knowingly, a steward makes a second need of the same ask.
    await publish(world, steward, title="And a newsletter")
    async with transaction(world.runtime.sessions) as session:
        assert len((await session.exec(select(Need))).all()) == 2


async def test_only_stewards_see_the_queue_and_nobody_the_address(world: World) -> None:
    steward, person = await world.set_up(), await world.sign_up("person")
    await confirmed(world)
    ask = await the_ask(world)
    here = f"/stewardship/asks/{ask.id}"
    await Reader(world, person).open(here, status=403)
    await Reader(world, person).open("/stewardship/asks", status=403)
    for path in ("/stewardship/asks", here):
        assert ANSWERS["address"] not in (await Reader(world, steward).open(path)).answer.text
    shown = await steward.get(f"/asks/{ask.id}")
    assert ANSWERS["address"] not in str(shown)
    assert shown["suggested_skills"] == ["wordpress"]
    await ask_for_help(world, address="new@forn.example")
    unconfirmed = await the_ask(world)
    await steward.post(f"/asks/{unconfirmed.id}/transitions", {"to": "asked"}, expect=428)
    assert (await steward.ask("GET", f"/asks/{unconfirmed.id}")).status_code == 404
    assert len((await steward.get("/asks"))["items"]) == 1


async def test_what_is_never_confirmed_is_deleted_whole(world: World) -> None:
    await world.set_up()
    await ask_for_help(world)
    with clock.frozen(clock.now() + timedelta(days=6)):
        await tidy_up(world.runtime)
    assert (await the_ask(world)) is not None
    with clock.frozen(clock.now() + timedelta(days=8)):
        await tidy_up(world.runtime)
    async with transaction(world.runtime.sessions) as session:
        for table in (Ask, Letter, MailLink, AskHistory):
            assert (await session.exec(select(table))).all() == []


async def test_what_is_over_forgets_whom_it_came_from(world: World) -> None:
    await world.set_up()
    mine = await confirmed(world, signal="olive.42")
    asker = Reader(world, None)
    await asker.send(mine, f"{mine}/withdraw", reason="My sister mended it")
    with clock.frozen(clock.now() + timedelta(days=31)):
        await tidy_up(world.runtime)
        await asker.open(mine, status=410)
    ask = await the_ask(world)
    assert (ask.address, ask.signal, ask.stuck, ask.organisation_name) == (None, None, "", "")
    async with transaction(world.runtime.sessions) as session:
        assert {row.text for row in (await session.exec(select(AskHistory))).all()} == {""}
        assert (await session.exec(select(Letter))).all() == []


async def test_the_link_becomes_an_account_that_owns_the_organisation(world: World) -> None:
    steward = await world.set_up()
    mine = await confirmed(world)
    need = await publish(world, steward)
    asker = Reader(world, None)
    weak = {"handle": "rosa", "password": "password12"}
    await asker.send(mine, f"{mine}/account", status=422, **weak)
    await asker.send(mine, f"{mine}/account", handle="rosa", password=PASSWORD)
    await Reader(world, None).open(mine, status=410)
    page = await asker.open(f"/needs/{need}/edit")
    assert page.status == 200
    ask = await the_ask(world)
    assert ask.holder_id is None


async def test_no_secret_of_a_link_reaches_the_log(
    world: World, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    await world.set_up()
    with caplog.at_level("DEBUG"):
        mine = await confirmed(world)
        await Reader(world, None).open(mine)
        await Reader(world, None).open(f"{mine}x", status=410)
    token = mine.rpartition("/")[2]
    said = capsys.readouterr()
    assert token not in said.out + said.err + caplog.text
    assert re.fullmatch(r"[\w-]{43}", token)


async def test_by_the_api_too(world: World) -> None:
    steward = await world.set_up()
    body: dict[str, Any] = {**ANSWERS, "language": "en"}
    leaking = {**body, "stuck": "The password is hunter22, please help"}
    refused = await world.stranger().post("/asks", leaking, expect=422)
    assert refused["code"] == "ask_holds_secrets"
    await world.stranger().post("/asks", {**body, "phone": "1"}, expect=422)
    await world.stranger().post("/asks", {**body, "signal": "+34612345678"}, expect=422)
    assert await world.stranger().post("/asks", body, expect=202)
    link = await link_in(world, "ask.confirm")
    await Reader(world, None).send(link, link)
    (waiting,) = (await steward.get("/asks"))["items"]
    first = UUID(waiting["id"])
    headers = {"If-Match": f'"{waiting["version"]}"'}
    fields = {
        "title": waiting["stuck"][:60], "language": "en", "skills_unknown": True,
        "estimate_minutes": 60, "harm_check": {"data": "a", "misuse": "b", "avoidable": "c"},
    }  # fmt: skip
    several = {"needs": [fields, {**fields, "title": "And a newsletter"}]}
    made = await steward.ask("POST", f"/asks/{first}/needs", json=several, headers=headers)
    assert made.status_code == 201, made.text
    assert len(made.json()["needs"]) == 2
    again = await steward.ask("POST", f"/asks/{first}/needs", json=several, headers=headers)
    assert again.status_code == 412


def sender(world: World, address: str, **headers: str) -> httpx.AsyncClient:
    """Somebody who asks from an address."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(world.application, client=(address, 1)),
        base_url=world.runtime.origin,
        headers={"X-Tornallom": "1", **headers},
    )


async def asked(client: httpx.AsyncClient, number: int, forwarded: str = "") -> int:
    """Ask for another address each time; answers the status."""
    body = {**ANSWERS, "language": "en", "address": f"asker{number}@forn.example"}
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    return (await client.post("/api/v1/asks", json=body, headers=headers)).status_code


async def test_a_network_has_its_limit_and_others_theirs(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.set_up()
    monkeypatch.setattr("app.domain.asks.actions.PER_NETWORK_A_DAY", 2)
    flood = sender(world, "2a10:114::9")
    assert [await asked(flood, n) for n in range(3)] == [202, 202, 429]
    assert await asked(sender(world, "2a10:114::200"), 9) == 429, "the same network"
    assert await asked(sender(world, "2a10:115::9"), 10) == 202, "another one"
    assert await asked(flood, 11, "2a10:117::4") == 429, "nobody gets out of it by writing a header"
    with clock.frozen(clock.now() + timedelta(days=1)):
        assert await asked(flood, 12) == 202
    async with transaction(world.runtime.sessions) as session:
        names = [row.name for row in (await session.exec(select(AskCount))).all()]
    assert all(b"2a10" not in name for name in names), "no address is kept, and no network"


async def test_behind_a_proxy_of_ours_networks_are_told_apart(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.set_up()
    monkeypatch.setattr("app.domain.asks.actions.PER_NETWORK_A_DAY", 2)
    trusting = world.application.state.settings.model_copy(
        update={"trusted_proxies": ("127.0.0.1",)}
    )
    proxy = sender(world, "127.0.0.1")
    by = "2a10:114::9"
    assert [await asked(proxy, n, by) for n in range(4)] == [202] * 4, "nobody is named"
    monkeypatch.setattr(world.application.state, "settings", trusting)
    assert [await asked(proxy, 10 + n, by) for n in range(3)] == [202, 202, 429]
    assert await asked(proxy, 20, f"2a10:117::4, {by}") == 429, (
        "the proxy's word counts, at the end"
    )
    assert await asked(proxy, 21, "2a10:115::9") == 202
    assert await asked(sender(world, "2a10:116::1"), 22, by) == 202, "not through the proxy"
    page = Reader(world, None)
    page.http.headers["X-Forwarded-For"] = "2a10:114::9"
    form = {**(await page.open("/ask")).form("/ask"), **ANSWERS, "address": "new@forn.example"}
    with clock.frozen(clock.now() + timedelta(seconds=20)):
        seen = await page.submit("/ask", {**form, "act": "preview"}, status=200)
        await page.submit("/ask", {**seen.form("/ask"), "act": "send"}, status=429)


async def test_two_asks_of_the_same_people_become_one(world: World) -> None:
    steward = await world.set_up()
    first = await confirmed(world)
    kept = await the_ask(world)
    mine = await confirmed(world, stuck="It is me again: the site, and the newsletter too.")
    other = await the_ask(world)
    here = f"/stewardship/asks/{other.id}"
    desk = Reader(world, steward)
    await desk.send(here, f"{here}/merge", into=str(kept.id))
    asker = Reader(world, None)
    assert "goes on there" in (await asker.open(mine)).main.text
    await asker.submit(f"{mine}/suggest", {"text": "x"}, status=409)
    assert "newsletter too" in (await desk.open(f"/stewardship/asks/{kept.id}")).main.text
    assert len((await steward.get("/asks"))["items"]) == 1
    form = {
        **(await desk.open(f"/stewardship/asks/{kept.id}")).form(
            f"/stewardship/asks/{kept.id}/publish"
        ),
        **NEED,
    }
    await desk.submit(f"/stewardship/asks/{kept.id}/publish", form)
    assert "Everybody can see it now" in (await asker.open(first)).main.text
    version = {"If-Match": f'"{other.version + 1}"'}
    for into in (other.id, UUID(int=7)):
        body = {"to": "merged", "into": str(into)}
        answer = await steward.ask(
            "POST", f"/asks/{other.id}/transitions", json=body, headers=version
        )
        assert answer.status_code in {409, 422}, answer.text


async def test_of_two_stewards_at_once_one_decides_and_one_is_told(world: World) -> None:
    steward, second = await world.set_up(), await world.sign_up("second")
    async with transaction(world.runtime.sessions) as session:
        account = await session.get_one(Account, UUID(second.id))
        account.steward = True
    await confirmed(world)
    ask = await the_ask(world)
    here = f"/stewardship/asks/{ask.id}"
    one, two = Reader(world, steward), Reader(world, second)
    publishing = {**(await one.open(here)).form(f"{here}/publish"), **NEED}
    declining = {**(await two.open(here)).form(f"{here}/decline"), "text": "Not for us"}
    headers = {"Sec-Fetch-Site": "same-origin"}
    answers = await asyncio.gather(
        one.http.post(f"{here}/publish", data=publishing, headers=headers),
        two.http.post(f"{here}/decline", data=declining, headers=headers),
    )
    assert sorted(answer.status_code for answer in answers) == [303, 412]
    state = (await the_ask(world)).state
    async with transaction(world.runtime.sessions) as session:
        needs = (await session.exec(select(Need))).all()
    assert len(needs) == (1 if state is AskState.PUBLISHED else 0)
    told = [x.template for x in await letters(world) if x.template.startswith("ask.")]
    assert ("ask.published" in told) != ("ask.declined" in told)

"""Forms: asking for help, logging, confirming; and what is not let through."""

from datetime import timedelta
from typing import Any

import pytest

from app.infra import clock
from tests.factories.world import Json, Person, World
from tests.pages.reading import Page, Reader, parse, target_of

NEED = {
    "title": "Our site was hacked", "body": "We cannot get in.\r\nHelp.", "language": "en",
    "hours": "2,5", "places": "2", "deadline": "2030-03-29", "urgency": "high", "remote": "yes",
    "region": "Athens", "skills": ["wordpress", "postgresql"], "tags": "hacked, old server",
    "kind": "rescue", "stream": "gift", "audience": "public", "link": "https://example.org/",
    "harm_data": "names", "harm_misuse": "police", "harm_avoidable": "partly", "act": "publish",
}  # fmt: skip


@pytest.fixture
async def owner(world: World) -> Person:
    return await world.sign_up("owner")


@pytest.fixture
async def organisation(world: World, owner: Person) -> Json:
    return await world.organisation(owner)


async def empty_form(reader: Reader, organisation: Json) -> dict[str, Any]:
    page = await reader.open(f"/needs/new?organisation={organisation['id']}")
    return dict(page.form("/needs/new"))


async def test_a_need_is_asked_for_by_a_plain_form(
    world: World, owner: Person, organisation: Json
) -> None:
    reader = Reader(world, owner)
    form = await empty_form(reader, organisation)
    assert form["organisation_id"] == organisation["id"]
    posted = await reader.submit("/needs/new", {**form, **NEED})
    assert posted.answer.headers["location"].endswith("?notice=posted")
    need = await world.stranger().get(target_of(posted))
    assert need["state"] == "open"
    assert need["body"] == "We cannot get in.\nHelp."
    assert (need["estimate_minutes"], need["places"], need["deadline"]) == (150, 2, "2030-03-29")
    assert [skill["slug"] for skill in need["skills"]] == ["wordpress", "postgresql"]
    assert need["tags"] == ["hacked", "old server"]
    own = await owner.get(target_of(posted))
    assert own["harm_check"] == {"data": "names", "misuse": "police", "avoidable": "partly"}
    page = await reader.open(posted.answer.headers["location"])
    assert page.main.one("div", role="status").text == "Your need is published."


async def test_a_draft_may_lack_what_publishing_asks_for(
    world: World, owner: Person, organisation: Json
) -> None:
    reader = Reader(world, owner)
    form = await empty_form(reader, organisation)
    short = {**form, "title": "Help us", "act": "draft"}
    saved = await reader.submit("/needs/new", short)
    assert (await owner.get(target_of(saved)))["state"] == "draft"


async def test_a_refused_form_comes_back_with_everything_that_was_written(
    world: World, owner: Person, organisation: Json
) -> None:
    reader = Reader(world, owner)
    form = await empty_form(reader, organisation)
    written = {**form, **NEED, "title": "<No>", "hours": "", "harm_data": "", "harm_misuse": ""}
    written |= {"harm_avoidable": "", "deadline": "29 March", "skills": []}
    first = await reader.submit("/needs/new", {**written, "title": "No"}, status=422)
    alert = first.main.one("div", role="alert")
    assert [a.attributes["href"] for a in alert.all("a")] == ["#title", "#deadline"]
    assert first.main.one("input", id="title").attributes["aria-invalid"] == "true"
    second = await reader.submit("/needs/new", {**written, "deadline": ""}, status=422)
    alert = second.main.one("div", role="alert")
    assert {a.attributes["href"] for a in alert.all("a")} == {"#hours", "#harm_check"}
    back = second.form("/needs/new")
    assert (back["title"], back["body"]) == ("<No>", "We cannot get in.\nHelp.")
    assert (back["urgency"], back["region"]) == ("high", "Athens")
    assert back["tags"] == "hacked, old server"
    assert (await owner.get("/needs?state=any"))["items"] == []


async def test_the_same_form_sent_twice_is_one_need(
    world: World, owner: Person, organisation: Json
) -> None:
    reader = Reader(world, owner)
    form = {**await empty_form(reader, organisation), **NEED}
    first = await reader.submit("/needs/new", form)
    again = await reader.submit("/needs/new", form)
    assert first.answer.headers["location"] == again.answer.headers["location"]
    other = await reader.submit("/needs/new", {**form, "title": "Another need"})
    assert target_of(other) != target_of(first)
    assert len((await owner.get("/needs"))["items"]) == 2


async def test_a_need_of_an_organisation_that_is_not_accepted_waits_for_review(
    world: World, owner: Person
) -> None:
    reader = Reader(world, owner)
    proposed = await reader.send(
        "/organisations/new", "/organisations/new", name="Cuina Popular", summary="We **cook**"
    )
    organisation = await owner.get(target_of(proposed))
    assert organisation["state"] == "proposed"
    form = {**await empty_form(reader, organisation), **NEED}
    linked = await reader.submit("/needs/new", form, status=422)
    assert linked.form("/needs/new")["title"] == NEED["title"]
    posted = await reader.submit("/needs/new", {**form, "link": ""})
    assert (await owner.get(target_of(posted)))["state"] == "review"
    await Reader(world, None).open(f"/organisations/{organisation['id']}", status=404)
    steward = Reader(world, await world.set_up())
    address = f"/organisations/{organisation['id']}"
    await steward.send(address, f"{address}/transitions", to="accepted", reason="welcome")
    assert (await Reader(world, None).open(address)).title == "Cuina Popular"
    # Let in, and not yet known: the stewards read its first need.
    await steward.send(target_of(posted), f"{target_of(posted)}/transitions", to="open")
    assert (await owner.get(target_of(posted)))["state"] == "open"


async def test_a_person_without_an_organisation_is_led_to_add_one(world: World) -> None:
    person = await world.sign_up("person")
    page = await Reader(world, person).open("/needs/new")
    assert page.link("Add your organisation") == "/organisations/new"
    assert page.main.all("form") == []


async def test_nobody_posts_for_an_organisation_of_others(
    world: World, owner: Person, organisation: Json
) -> None:
    person = await world.sign_up("person")
    mine = await world.organisation(person, "Mine")
    reader = Reader(world, person)
    form = {**await empty_form(reader, mine), **NEED, "organisation_id": organisation["id"]}
    refused = await reader.submit("/needs/new", form, status=403)
    assert refused.main.one("div", role="alert").text
    assert (await owner.get("/needs"))["items"] == []


async def test_hours_are_logged_handed_in_and_confirmed_by_forms(
    world: World, owner: Person, organisation: Json
) -> None:
    worker = await world.sign_up("worker")
    need = await world.open_need(owner, organisation, audience="public")
    doing, asking = Reader(world, worker), Reader(world, owner)
    await doing.send(f"/needs/{need['id']}", f"/needs/{need['id']}/claims", note="yes")
    answering = f"/organisations/{organisation['id']}/claims"
    page = await asking.open(answering)
    claim = f"/claims/{page.main.one('article').attributes['id'].removeprefix('claim-')}"
    await asking.send(answering, f"{claim}/transitions", to="accepted")

    log = (await doing.open("/me/claims")).form(f"{claim}/work-logs")
    log |= {"hours": "2", "minutes": "30", "note": "Moved it"}
    await doing.submit(f"{claim}/work-logs", log)
    await doing.submit(f"{claim}/work-logs", log)  # a double click
    extra = (await doing.open("/me/claims")).form(f"{claim}/work-logs")
    await doing.submit(f"{claim}/work-logs", {**extra, "hours": "1", "note": "by mistake"})
    page = await doing.open("/me/claims")
    rows = page.main.one("tbody").all("tr")
    assert len(rows) == 2
    (mistake,) = [row for row in rows if "by mistake" in row.text]
    await doing.send("/me/claims", mistake.one("form").attributes["action"])
    await doing.send("/me/claims", f"{claim}/transitions", to="submitted")

    page = await asking.open(answering)
    suggested = page.form(f"{claim}/confirmation")
    assert (suggested["hours"], suggested["minutes"], suggested["stream"]) == ("2", "30", "gift")
    too_much = {**suggested, "hours": "3"}
    refused = await asking.submit(f"{claim}/confirmation", too_much, status=422)
    assert refused.main.one("div", role="alert").text
    await asking.submit(f"{claim}/confirmation", suggested)
    assert (await worker.get("/me/contributions"))["total_minutes"] == 150
    assert "2 h 30 min confirmed so far" in (await doing.open("/me/claims")).main.text
    again = await asking.submit(f"{claim}/confirmation", suggested, status=409)
    assert again.main.one("div", role="alert").text
    assert (await worker.get("/me/contributions"))["total_minutes"] == 150


async def test_a_claim_is_handed_back_and_a_no_needs_a_word(
    world: World, owner: Person, organisation: Json
) -> None:
    worker, other = await world.sign_up("worker"), await world.sign_up("other")
    need = await world.open_need(owner, organisation, audience="public")
    claims = [await p.post(f"/needs/{need['id']}/claims", {"note": ""}) for p in (worker, other)]
    paths = [f"/claims/{claim['id']}" for claim in claims]
    await Reader(world, worker).send("/me/claims", f"{paths[0]}/transitions", to="withdrawn")
    assert (await worker.get(paths[0]))["state"] == "withdrawn"
    answering = f"/organisations/{organisation['id']}/claims"
    asking = Reader(world, owner)
    await asking.send(answering, f"{paths[1]}/transitions", to="declined", status=422)
    await asking.send(answering, f"{paths[1]}/transitions", to="declined", reason="next time")
    assert "They wrote: next time" in (await Reader(world, other).open("/me/claims")).main.text


async def test_who_does_what_is_for_members_only(
    world: World, owner: Person, organisation: Json
) -> None:
    answering = f"/organisations/{organisation['id']}/claims"
    person = await world.sign_up("person")
    await Reader(world, person).open(answering, status=403)
    anonymous = await Reader(world, None).http.get(answering)
    assert anonymous.headers["location"] == f"/sign-in?next={answering}"
    empty = await Reader(world, owner).open(answering)
    assert empty.main.one("div", class_="empty").all("a")


FOREIGN = [
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "same-site", "Origin": "https://evil.example"},
    {"Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
]


@pytest.mark.parametrize("headers", FOREIGN)
async def test_a_form_from_another_site_is_refused(
    world: World, owner: Person, organisation: Json, headers: dict[str, str]
) -> None:
    reader = Reader(world, owner)
    form = {**await empty_form(reader, organisation), **NEED}
    answer = await reader.http.post("/needs/new", data=form, headers=headers)
    assert answer.status_code == 403
    assert (await owner.get("/needs"))["items"] == []
    good = await reader.submit("/needs/new", form)  # the same form, from our own page
    assert good.status == 303


@pytest.mark.parametrize("token", ["", "0" * 40, "ελληνικά"])
async def test_a_form_without_the_sessions_token_is_refused(
    world: World, owner: Person, organisation: Json, token: str
) -> None:
    reader = Reader(world, owner)
    form = {**await empty_form(reader, organisation), **NEED, "form_token": token}
    await reader.submit("/needs/new", form, status=403)
    assert (await owner.get("/needs"))["items"] == []


async def test_a_token_of_another_session_is_refused(
    world: World, owner: Person, organisation: Json
) -> None:
    reader, person = Reader(world, owner), await world.sign_up("person")
    form = {**await empty_form(reader, organisation), **NEED}
    theirs = (await Reader(world, person).open("/about")).form("/sign-out")["form_token"]
    assert theirs != form["form_token"]
    await reader.submit("/needs/new", {**form, "form_token": theirs}, status=403)


async def test_only_forms_are_read_and_only_text_in_them(world: World, owner: Person) -> None:
    reader = Reader(world, owner)
    token = (await reader.open("/about")).form("/sign-out")["form_token"]
    headers = {"Sec-Fetch-Site": "same-origin"}
    as_json = await reader.http.post("/sign-out", json={"form_token": token}, headers=headers)
    assert as_json.status_code == 415
    for bad in (b"form_token=%00", b"form_token=a&next=%ED%A0%80%00"):
        typed = {**headers, "Content-Type": "application/x-www-form-urlencoded"}
        answer = await reader.http.post("/sign-out", content=bad, headers=typed)
        assert 400 <= answer.status_code < 500
    with_file = await reader.http.post(
        "/sign-out", data={"form_token": token}, files={"file": ("x.txt", b"x")}, headers=headers
    )
    assert with_file.status_code == 400
    many = await reader.http.post(
        "/sign-out", data={f"field{n}": "x" for n in range(500)}, headers=headers
    )
    assert many.status_code == 400
    huge = await reader.http.post("/sign-out", data={"x": "x" * 2_000_000}, headers=headers)
    assert huge.status_code == 413
    assert (await reader.open("/me/claims")).status == 200


async def test_text_that_cannot_be_stored_is_refused_in_addresses_too(world: World) -> None:
    reader = Reader(world, None)
    for path in ("/needs?q=%00", "/organisations?q=a%00b", "/needs?cursor=%00"):
        assert (await reader.http.get(path)).status_code == 400
    assert (await reader.http.get("/needs?q=%F0%9F%A4%9D%ED%A0%80")).status_code < 500


async def test_a_need_begins_and_ends_today_or_later(
    world: World, owner: Person, organisation: Json
) -> None:
    reader = Reader(world, owner)
    page = await reader.open(f"/needs/new?organisation={organisation['id']}")
    form = {**dict(page.form("/needs/new")), **NEED}
    over = (clock.now() - timedelta(days=2)).date().isoformat()
    last = (clock.now() + timedelta(days=1)).date().isoformat()
    assert over < page.main.one("input", id="deadline").attributes["min"] < last
    for name, words in (("deadline", {"deadline": over}), ("starts_on", {"starts_on": over})):
        refused = await reader.submit("/needs/new", {**form, **words}, status=422)
        link = refused.main.one("div", role="alert").one("a", href=f"#{name}")
        assert "This day is over" in link.text
        assert refused.form("/needs/new")[name] == over
    posted = await reader.submit("/needs/new", {**form, "deadline": last})
    path = target_of(posted)
    with clock.moved(timedelta(days=3)):
        later = Reader(world, owner)
        edit = await later.open(f"{path}/edit")
        assert "min" not in edit.main.one("input", id="deadline").attributes
        changed = {**dict(edit.form(f"{path}/edit")), "title": "Our site was hacked twice"}
        await later.submit(f"{path}/edit", changed)
        edit = await later.open(f"{path}/edit")
        other = {**dict(edit.form(f"{path}/edit")), "deadline": over}
        await later.submit(f"{path}/edit", other, status=422)
        assert (await owner.get(path))["title"] == "Our site was hacked twice"
        await owner.move(path, "withdrawn", "found elsewhere")


async def test_what_is_too_large_is_refused_on_a_page_of_ones_own_with_a_way_back(
    world: World, owner: Person, organisation: Json
) -> None:
    need = await world.open_need(owner, organisation)
    reader = Reader(world, owner, "en")
    await reader.send("/about", "/language", language="ca")
    path = f"/needs/{need['id']}"
    token = (await reader.open(path)).form("/sign-out")["form_token"]
    small, huge = {"file": ("a.txt", b"words")}, {"file": ("a.txt", b"x" * 11_000_000)}
    headers = {"Origin": world.runtime.origin, "Accept": "text/html"}
    answers = [
        await reader.http.post(
            f"{path}/files", data={"form_token": token}, files=f, headers=headers
        )
        for f in (small, huge)
    ]
    assert [answer.status_code for answer in answers] == [303, 413]
    page = parse(answers[1].text)
    assert page.one("html").attributes["lang"] == "ca"
    assert "Test instance" in page.one("title").text
    assert page.all("form", action="/sign-out")
    main = page.one("main")
    assert "10 MB" in main.text
    assert main.one("a", href=path).text == "Torna on eres"


async def test_an_unknown_address_speaks_the_chosen_language(world: World, owner: Person) -> None:
    member, stranger = Reader(world, owner, "en"), Reader(world, None, "en")
    await member.send("/about", "/language", language="es")
    await stranger.open("/?lang=el")
    for reader, title in ((member, "No encontrado"), (stranger, "Δεν βρέθηκε")):
        for path in ("/nonexistent", f"/needs/{owner.id}"):
            page = await reader.open(path, status=404)
            assert page.main.one("h1").text == title
            assert title in page.document.one("title").text
            assert "There is" not in page.main.text


def faults(page: Page) -> dict[str, str]:
    """Return what the list of faults says, by the field that it leads to."""
    links = page.main.one("div", role="alert").all("a")
    found = {link.attributes["href"].removeprefix("#"): link.text for link in links}
    assert all(page.main.one(id=name) for name in found)
    return found


async def test_each_fault_names_its_field_and_says_what_fits_it(world: World) -> None:
    asker = Reader(world, None, "en")
    form = dict((await asker.open("/ask")).form("/ask")) | {"act": "preview"}
    wrong = {"stuck": "help", "address": "nobody", "signal": "+30 210 123 4567"}
    refused = await asker.submit("/ask", {**form, **wrong, "organisation_name": " "}, status=422)
    assert faults(refused) == {
        "stuck": "What is stuck? Write at least 10 characters.",
        "address": "Mail address: Write a whole mail address, like name@example.org.",
        "signal": "Signal username: Write a name as Signal makes them, like olive.42. "
        "A phone number is not kept here.",
        "organisation_name": "Who is asking? This is missing. Fill it in.",
    }
    empty = await asker.submit("/ask", {**form, "stuck": "", "address": ""}, status=422)
    assert all(text.endswith(" This is missing. Fill it in.") for text in faults(empty).values())
    assert {"stuck", "address"} <= set(faults(empty))
    greek = await Reader(world, None, "el").submit("/ask", {**form, **wrong}, status=422)
    assert faults(greek)["stuck"].startswith("Πού κόλλησε; Γράψε"), "a question has its mark"
    right = {"stuck": "Our site is gone", "address": "a@example.org", "organisation_name": "We"}
    preview = await asker.submit("/ask", {**form, **right}, status=200)
    assert not preview.main.all("div", role="alert")


async def test_bounds_of_times_are_said_in_hours(
    world: World, owner: Person, organisation: Json
) -> None:
    asking = Reader(world, owner)
    form = {**await empty_form(asking, organisation), **NEED}
    for hours, said in (("10000", "At most 8,784 h."), ("0", "At least 1 min.")):
        refused = await asking.submit("/needs/new", {**form, "hours": hours}, status=422)
        assert faults(refused)["hours"].endswith(f": {said}")
    refused = await asking.submit("/needs/new", {**form, "link": "example"}, status=422)
    assert "a whole web address, like https://example.org" in faults(refused)["link"]
    posted = await asking.submit("/needs/new", {**form, "hours": "8"})

    worker = await world.sign_up("worker")
    need = await owner.get(target_of(posted))
    claim = await worker.post(f"/needs/{need['id']}/claims", {"note": "yes"})
    path = f"/claims/{claim['id']}"
    await owner.move(path, "accepted")
    doing = Reader(world, worker)
    log = dict((await doing.open("/me/claims")).form(f"{path}/work-logs"))
    for hours, said in (("25", "At most 24 h."), ("0", "At least 1 min."), ("-5", "1 h 30")):
        wrong = {**log, "hours": hours, "minutes": "0"}
        refused = await doing.submit(f"{path}/work-logs", wrong, status=422)
        assert said in refused.main.one("div", role="alert").text
    await doing.submit(f"{path}/work-logs", {**log, "hours": "2", "minutes": "0"})
    await worker.move(path, "submitted")
    answering = f"/organisations/{organisation['id']}/claims"
    confirmation = dict((await asking.open(answering)).form(f"{path}/confirmation"))
    for hours, said in (("-5", "1 h 30"), ("3", "At most 2 h.")):
        wrong = {**confirmation, "hours": hours, "minutes": "0"}
        refused = await asking.submit(f"{path}/confirmation", wrong, status=422)
        assert said in refused.main.one("div", role="alert").text
    await asking.submit(f"{path}/confirmation", confirmation)

"""What a need holds, on pages without a script: the form, translations, closing, scopes."""

import pytest

from tests.factories.world import Json, Person, World
from tests.pages.reading import Reader

ALL = ["domains", "keys", "backups", "exit"]


@pytest.fixture
async def owner(world: World) -> Person:
    return await world.sign_up("owner")


@pytest.fixture
async def organisation(world: World, owner: Person) -> Json:
    return await world.organisation(owner)


async def test_the_form_keeps_all_that_a_need_says(
    world: World, owner: Person, organisation: Json
) -> None:
    said = {
        "stream": "paid", "amount": {"minor": 25050, "currency": "EUR"}, "starts_on": "2030-03-01",
        "time_zone": "Europe/Athens", "contacts": [{"kind": "matrix", "value": "@forn:roig.cat"}],
        "priority_days": 3, "recurs_months": 6, "beneficiary": "Upstream", "language": "fa",
        "handover": [{"kind": "keys", "text": "the mailbox", "done": False}],
        "skills": [{"slug": "wordpress", "weight": "must"}], "contact_public": True,
    }  # fmt: skip
    need = await world.draft(owner, organisation, **said)
    address = f"/needs/{need['id']}/edit"
    reader = Reader(world, owner)
    rows = (await reader.open(address)).main
    several: Json = {
        "contact_kind": [
            next(o.attributes["value"] for o in row.all("option") if "selected" in o.attributes)
            for row in rows.all("select", name="contact_kind")
        ],
        "contact_value": [
            row.attributes["value"] for row in rows.all("input", name="contact_value")
        ],
    }
    await reader.send(address, address, title="Another title", **several)
    shown = await owner.get(f"/needs/{need['id']}")
    assert {name: shown[name] for name in said} == said
    assert shown["title"] == "Another title"


async def test_a_form_with_a_phone_number_comes_back_with_the_reason(
    world: World, owner: Person, organisation: Json
) -> None:
    need = await world.draft(owner, organisation)
    address = f"/needs/{need['id']}/edit"
    page = await Reader(world, owner).send(
        address, address, status=422, contact_kind="other", contact_value="+30 210 1234567"
    )
    assert "Phone numbers are not kept here" in page.main.one("p", id="contacts").text


async def test_a_reader_gets_their_language_with_who_translated_it(
    world: World, owner: Person, organisation: Json
) -> None:
    need = await world.open_need(owner, organisation)
    address = f"/needs/{need['id']}"
    await Reader(world, owner).send(
        f"{address}/translate?to=el",
        f"{address}/translate",
        title="Ο ιστότοπός μας",
        body="**Ναι**",
    )
    greek = Reader(world, None, "el")
    page = await greek.open(address)
    heading = page.document.one("h1")
    assert (heading.text, heading.attributes["lang"]) == ("Ο ιστότοπός μας", "el")
    assert "Μετάφραση από English: owner" in page.main.text
    assert "παλιότερη" not in page.main.text
    for listed in ("/needs?q=ιστοτοπος", "/", f"/organisations/{organisation['id']}"):
        (card,) = (await greek.open(listed)).main.all("li", class_="card")
        assert card.one("h3").attributes["lang"] == "el", listed
        assert "Ο ιστότοπός μας" in card.text, listed
        assert "μεταφρασμένο" in card.text, listed
    (card,) = (await Reader(world, None, "nl").open("/needs")).main.all("li", class_="card")
    assert (card.one("h3").text, "vertaald" in card.text) == (need["title"], False)
    original = await greek.open(page.link("Διάβασε το πρωτότυπο"))
    assert original.title == need["title"]
    version = (await owner.get(address))["version"]
    await owner.change(address, {"title": "Other words by now"}, version)
    assert "παλιότερη" in (await greek.open(address)).main.text
    assert (await Reader(world, None, "nl").open(address)).title == "Other words by now"


async def test_closing_asks_who_keeps_it_running_and_that_person_answers(
    world: World, owner: Person, organisation: Json
) -> None:
    worker = await world.sign_up("worker")
    need = await world.open_need(owner, organisation, kind="hosting")
    await world.confirm(owner, await world.submitted_claim(worker, owner, need))
    address = f"/needs/{need['id']}"
    reader = Reader(world, owner)
    closing = (await reader.open(address)).link("Close this need")
    form = (await reader.open(closing)).form(closing)
    fields = {"form_token": form["form_token"]}
    refused = await reader.submit(closing, fields, status=422)
    assert refused.main.one("p", id="maintainer").text
    radios = (await reader.open(closing)).main.all("input", name="maintainer")
    asked = radios[0].attributes["value"]
    left = {**fields, "maintainer": asked, "handed_over": ALL[:2]}
    refused = await reader.submit(closing, left, status=422)
    assert "explain here what is not" in refused.main.text
    await reader.submit(closing, {**left, "handed_over": ALL})
    assert (await owner.get(address))["state"] == "done"
    theirs = Reader(world, worker)
    assert "Will you keep this running?" in (await theirs.open(address)).main.text
    await theirs.send(address, f"{address}/maintenance", agrees="yes")
    public = (await Reader(world, None).open(address)).main.text
    assert "somebody who worked on it" in public
    assert "worker" not in public.replace("somebody who worked", "")


async def test_the_first_days_ask_for_a_tick(
    world: World, owner: Person, organisation: Json
) -> None:
    need = await world.open_need(owner, organisation, priority_days=5)
    worker = Reader(world, await world.sign_up("worker"))
    address, action = f"/needs/{need['id']}", f"/needs/{need['id']}/claims"
    refused = await worker.send(address, action, status=409)
    assert "come back later" in refused.main.text
    await worker.send(address, action, for_me="yes")


async def test_contacts_are_shown_to_who_was_let_in(
    world: World, owner: Person, organisation: Json
) -> None:
    contacts = [{"kind": "email", "value": "canary@forn.example"}]
    need = await world.open_need(owner, organisation, contacts=contacts, instant=True)
    address = f"/needs/{need['id']}"
    worker = Reader(world, await world.sign_up("worker"))
    for reader in (Reader(world, None), worker):
        for path in (address, "/needs", "/", f"/organisations/{organisation['id']}"):
            assert "canary" not in (await reader.open(path)).answer.text
    await worker.send(address, f"{address}/claims")
    assert (await worker.open(address)).link("canary@forn.example") == "mailto:canary@forn.example"


async def test_a_scoping_hour_is_booked_and_its_scope_taken_over(
    world: World, owner: Person, organisation: Json
) -> None:
    need = await world.open_need(owner, organisation, skills=[], skills_unknown=True, instant=True)
    helper = Reader(world, await world.sign_up("helper"))
    address = f"/needs/{need['id']}"
    page = await helper.open(address)
    token = page.main.one("form", id="scoping-form").one("input", name="form_token")
    await helper.submit(
        f"{address}/claims", {"form_token": token.attributes["value"], "kind": "scoping"}
    )
    scope = (await helper.open(address)).link("Propose what it takes")
    await helper.send(scope, scope, hours="5", skills=["wordpress"], note="a weekend")
    owners = Reader(world, owner)
    page = await owners.open((await owners.open(address)).link("Proposed scopes"))
    assert "Proposed by helper" in page.main.text
    action = next(
        form.attributes["action"]
        for form in page.main.all("form")
        if form.attributes["action"].startswith(f"{scope}/")
    )
    await owners.send(scope, action, to="accepted")
    shown = await owner.get(address)
    assert (shown["skills_unknown"], shown["estimate_minutes"]) == (False, 300)

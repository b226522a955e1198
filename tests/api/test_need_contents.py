"""What a need holds beside its words: terms, contacts, priority, translations, scopes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app.infra import clock
from tests.factories.world import Json, Person, World, need_input

CANARY = "canary_forn.4711"
CONTACTS = [{"kind": "signal", "value": CANARY}]
MARCH = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.fixture
async def member(world: World) -> Person:
    return await world.sign_up("member")


@pytest.fixture
async def organisation(world: World, member: Person) -> Json:
    return await world.organisation(member)


async def refusals(member: Person, organisation: Json, **changes: Any) -> list[tuple[str, str]]:
    answer = await member.post("/needs", need_input(organisation, **changes), expect=422)
    return [(error["pointer"], error["code"]) for error in answer["errors"]]


async def test_a_need_says_all_of_its_terms(
    world: World, member: Person, organisation: Json
) -> None:
    said = {
        "stream": "paid", "amount": {"minor": 25050, "currency": "EUR"}, "starts_on": "2030-03-01",
        "deadline": "2030-03-29", "time_zone": "Europe/Athens", "region": "Gràcia, Barcelona",
        "contacts": CONTACTS, "priority_days": 3, "recurs_months": 6,
        "handover": [{"kind": "keys", "text": "the mailbox", "done": False}],
    }  # fmt: skip
    need = await world.open_need(member, organisation, **said)
    assert {name: need[name] for name in said} == said
    zone = {"working_hours": None, "time_zone": "Europe/Madrid"}
    path = f"/organisations/{organisation['id']}"
    await member.change(path, zone, (await member.get(path))["version"])
    # Madrid is an hour ahead in March: the day ends there before it does in UTC.
    assert (await member.get(f"/needs/{need['id']}"))["deadline_at"] == "2030-03-29T23:00:00Z"


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"amount": {"minor": 1, "currency": "EUR"}}, ("/amount", "amount_for_gift")),
        ({"region": "Carrer de Sants 12"}, ("/region", "region_is_address")),
        ({"region": "Oudegracht 4b, Utrecht"}, ("/region", "region_is_address")),
        ({"time_zone": "Europe/Nowhere"}, ("/time_zone", "time_zone_unknown")),
        ({"language": "xx"}, ("/language", "language_unknown")),
        (
            {"starts_on": "2030-03-02", "deadline": "2030-03-01"},
            ("/starts_on", "starts_after_deadline"),
        ),
        ({"contacts": [{"kind": "other", "value": "+30 210 123 4567"}]},
         ("/contacts/0", "contact_is_phone")),
        ({"contacts": [{"kind": "signal", "value": "+306912345678"}]},
         ("/contacts/0", "contact_is_phone")),
        ({"contacts": [{"kind": "email", "value": "nobody"}]},
         ("/contacts/0", "contact_unreadable")),
        ({"handover": [{"kind": "keys"}, {"kind": "keys"}]}, ("/handover", "handover_repeated")),
    ],
)  # fmt: skip
async def test_terms_that_do_not_go_together_are_refused_at_their_place(
    member: Person, organisation: Json, changes: Json, found: tuple[str, str]
) -> None:
    assert await refusals(member, organisation, **changes) == [found]


async def test_paid_work_says_how_much_before_anybody_sees_it(
    world: World, member: Person, organisation: Json
) -> None:
    draft = await world.draft(member, organisation, stream="paid")
    path = f"/needs/{draft['id']}"
    refused = await member.move(path, "review", expect=422)
    assert [error["pointer"] for error in refused["errors"]] == ["/amount"]
    amount = {"amount": {"minor": 100, "currency": "EUR"}}
    await member.change(path, amount, draft["version"])
    assert (await member.move(path, "review"))["state"] == "review"


async def test_how_to_reach_who_asks_is_nowhere_before_acceptance(
    world: World, member: Person, organisation: Json
) -> None:
    need = await world.open_need(member, organisation, contacts=CONTACTS)
    worker, other = await world.sign_up("worker"), await world.sign_up("other")
    claim = await worker.post(f"/needs/{need['id']}/claims")
    await world.work()
    page = f"/needs/{need['id']}"
    for person in (world.stranger(), other, worker):
        shown = await person.get(page)
        assert (shown["contacts"], shown["contacts_hidden"]) == ([], True)
        for answer in (await person.ask("GET", "/needs"), await person.http.get(page)):
            assert CANARY not in answer.text
    assert (await member.get(page))["contacts"] == CONTACTS
    async with world.runtime.engine.connect() as connection:
        for table in ("activities", "federation_events", "deliveries", "need_history"):
            held = f"SELECT count(*) FROM {table} t WHERE t::text LIKE :canary"  # noqa: S608
            found = await connection.execute(text(held), {"canary": f"%{CANARY}%"})
            assert found.scalar_one() == 0, table
    await member.move(f"/claims/{claim['id']}", "accepted")
    assert (await worker.get(page))["contacts"] == CONTACTS
    assert CANARY in (await worker.http.get(page)).text
    assert (await other.get(page))["contacts"] == []


async def test_an_organisation_may_say_that_everybody_sees_its_contacts(
    world: World, member: Person, organisation: Json
) -> None:
    need = await world.open_need(member, organisation, contacts=CONTACTS, contact_public=True)
    shown = await world.stranger().get(f"/needs/{need['id']}")
    assert (shown["contacts"], shown["contacts_hidden"]) == (CONTACTS, False)


async def test_in_the_first_days_those_apply_for_whom_it_is(
    world: World, member: Person, organisation: Json
) -> None:
    first, second = await world.sign_up("first"), await world.sign_up("second")
    with clock.frozen(MARCH):
        need = await world.open_need(member, organisation, priority_days=2, places=2)
        path = f"/needs/{need['id']}/claims"
        assert need["priority_until"] == "2026-03-03T09:00:00Z"
        refused = await first.post(path, expect=409)
        assert refused["code"] == "priority_window"
        claim = await first.post(path, {"for_me": True})
        assert "for_me" not in claim
    with clock.frozen(MARCH + timedelta(days=2)):
        await second.post(path)
    async with world.runtime.engine.connect() as connection:
        for table in ("activities", "claims", "claim_history"):
            kept = f"SELECT string_agg(t::text, '') FROM {table} t"  # noqa: S608
            assert "for_me" not in (await connection.execute(text(kept))).scalar_one()


async def test_a_translation_says_when_it_is_older_than_the_original(
    world: World, member: Person, organisation: Json
) -> None:
    need = await world.open_need(member, organisation)
    path = f"/needs/{need['id']}"
    body = {"title": "Μεταφορά του ιστότοπου", "body": "Δώδεκα σελίδες."}
    shown = await put(member, need, "el", body)
    (translation,) = shown["translations"]
    assert (translation["by"], translation["older"]) == ("member", False)
    assert shown["version"] == need["version"] + 1
    found = await world.stranger().get("/needs", q="ιστότοπου")
    assert [item["id"] for item in found["items"]] == [need["id"]]
    # Other places are other facts, not other words.
    shown = await member.change(path, {"places": 4}, shown["version"])
    assert shown["translations"][0]["older"] is False
    shown = await member.change(path, {"body": "Thirteen pages."}, shown["version"])
    assert shown["translations"][0]["older"] is True
    shown = await put(member, shown, "el", body)
    assert shown["translations"][0]["older"] is False
    headers = {"If-Match": f'"{shown["version"]}"'}
    gone = await member.ask("DELETE", f"{path}/translations/el", headers=headers)
    assert gone.json()["translations"] == []
    assert (await world.stranger().get("/needs", q="ιστότοπου"))["items"] == []
    again = {"If-Match": f'"{gone.json()["version"]}"'}
    refused = await member.ask("DELETE", f"{path}/translations/el", headers=again)
    assert (refused.status_code, refused.json()["code"]) == (404, "translation_not_found")


async def put(person: Person, need: Json, language: str, body: Json, status: int = 200) -> Json:
    path = f"/needs/{need['id']}/translations/{language}"
    headers = {"If-Match": f'"{need["version"]}"'}
    answer = await person.ask("PUT", path, json=body, headers=headers)
    assert answer.status_code == status, answer.text
    found: Json = answer.json()
    return found


async def test_who_works_on_a_need_may_translate_it_and_strangers_not(
    world: World, member: Person, organisation: Json
) -> None:
    need = await world.open_need(member, organisation, instant=True)
    worker, other = await world.sign_up("worker"), await world.sign_up("other")
    body = {"title": "Verhuizing van de site"}
    refused = await put(worker, need, "nl", body, 403)
    assert refused["code"] == "translators_only"
    await worker.post(f"/needs/{need['id']}/claims")
    need = await worker.get(f"/needs/{need['id']}")
    assert need["may_translate"] is True
    assert (await put(worker, need, "en", body, 422))["code"] == "translation_same"
    assert (await put(other, need, "nl", body, 403))["code"] == "translators_only"
    newer = await put(worker, need, "nl", body)
    assert (await put(worker, need, "nl", body, 412))["version"] == newer["version"]


async def test_a_scoping_hour_ends_in_a_scope_that_the_organisation_takes_over(
    world: World, member: Person, organisation: Json
) -> None:
    need = await world.open_need(member, organisation, skills=[], skills_unknown=True)
    assert need["scoping_wanted"] is True
    helper = await world.sign_up("helper")
    path = f"/needs/{need['id']}/scope-proposals"
    scope = {"skills": [{"slug": "wordpress", "weight": "must"}], "estimate_minutes": 300,
             "body": "Twelve pages and a shop."}  # fmt: skip
    refused = await helper.post(path, scope, expect=403)
    assert refused["code"] == "scoping_worker_only"
    claim = await helper.post(f"/needs/{need['id']}/claims", {"kind": "scoping"})
    assert (await helper.post(path, scope, expect=403))["code"] == "scoping_worker_only"
    await member.move(f"/claims/{claim['id']}", "accepted")
    first, second = await helper.post(path, scope), await helper.post(path, scope)
    decide = f"{path}/{first['id']}/transitions"
    assert (await helper.post(decide, {"to": "accepted"}, expect=403))["code"]
    declined = await member.post(decide, {"to": "declined"}, expect=422)
    assert declined["code"] == "reason_required"
    await member.post(decide, {"to": "declined", "reason": "too big"}, expect=200)
    again = await member.post(decide, {"to": "accepted"}, expect=409)
    assert again["code"] == "proposal_decided"
    await member.post(f"{path}/{second['id']}/transitions", {"to": "accepted"}, expect=200)
    shown = await member.get(f"/needs/{need['id']}")
    said = (shown["skills"], shown["estimate_minutes"], shown["body"], shown["skills_unknown"])
    assert said == (scope["skills"], 300, scope["body"], False)
    assert shown["scoping_wanted"] is False
    assert shown["version"] == need["version"] + 1
    assert (await helper.post(path, scope, expect=409))["code"] == "scope_known"
    states = [item["state"] for item in (await helper.get(path))["items"]]
    assert sorted(states) == ["accepted", "declined"]
    other = await world.sign_up("other")
    assert (await other.get(path))["items"] == []


async def test_days_that_are_over_are_refused_where_they_are_said(
    world: World, member: Person, organisation: Json
) -> None:
    with clock.frozen(MARCH):
        over = {"deadline": "2026-02-27", "starts_on": "2026-02-27"}
        assert await refusals(member, organisation, **over) == [
            ("/deadline", "day_over"), ("/starts_on", "day_over"),
        ]  # fmt: skip
        # In Honolulu it is still the last of February.
        near = {"deadline": "2026-02-28", "time_zone": "Pacific/Honolulu"}
        with clock.frozen(MARCH - timedelta(hours=4)):
            assert (await world.draft(member, organisation, **near))["deadline"] == "2026-02-28"
        draft = await world.draft(member, organisation, deadline="2026-03-01")
        path = f"/needs/{draft['id']}"
    with clock.frozen(MARCH + timedelta(days=2)):
        refused = await member.move(path, "review", expect=422)
        found = [(error["pointer"], error["code"]) for error in refused["errors"]]
        assert found == [("/deadline", "day_over")]
        changed = await member.change(path, {"title": "Another title"}, draft["version"])
        assert changed["deadline"] == "2026-03-01"
        back = await member.change(path, {"deadline": "2026-03-02"}, changed["version"], expect=422)
        assert [error["pointer"] for error in back["errors"]] == ["/deadline"]
        mended = await member.change(path, {"deadline": "2026-03-03"}, changed["version"])
        assert mended["deadline"] == "2026-03-03"
        assert (await member.move(path, "review"))["state"] == "review"

"""What an organisation publishes that nobody vouched for is read first; and whose word counts.

Each test lets one side pass and refuses the other from the same set-up.
"""

import asyncio
import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from app.domain.needs.renewing import renewal_link
from app.infra import clock
from app.infra.database import transaction
from app.infra.ids import private_id
from app.models.asks import Ask, AskState
from tests.factories.world import Json, Person, World, need_input


@dataclass
class Stage:
    """An organisation that nobody vouched for, one that is vouched for, and their people."""

    steward: Person
    fresh: Person
    fresh_home: Json
    known: Person
    known_home: Json


@pytest.fixture
async def stage(world: World) -> Stage:
    """Two accepted organisations; the stewards know one of them."""
    fresh, known = await world.sign_up("fresh"), await world.sign_up("known")
    fresh_home = await world.organisation(fresh, "New here", vouched=False)
    known_home = await world.organisation(known, "Old friends")
    return Stage(await world.set_up(), fresh, fresh_home, known, known_home)


async def _in_review(world: World, stage: Stage, **changes: Any) -> Json:
    draft = await world.draft(stage.fresh, stage.fresh_home, **changes)
    return await stage.fresh.move(f"/needs/{draft['id']}", "review")


async def _published(world: World, stage: Stage, **changes: Any) -> Json:
    need = await _in_review(world, stage, **changes)
    return await stage.steward.move(f"/needs/{need['id']}", "open")


async def notices_of(world: World, person: Person) -> list[str]:
    """Return the kinds of what somebody was told by now."""
    await world.work()
    return [item["kind"] for item in (await person.get("/me/notifications"))["items"]]


async def test_accepting_lets_in_and_only_we_know_them_vouches(world: World, stage: Stage) -> None:
    assert (stage.fresh_home["state"], stage.fresh_home["vouched"]) == ("accepted", False)
    assert (stage.known_home["vouched"], stage.known_home["vouched_by"]) == (True, "stewards")
    (vouch,) = (await stage.fresh.get(f"/organisations/{stage.known_home['id']}/vouches"))["items"]
    assert (vouch["handle"], vouch["steward"], vouch["mine"]) == ("steward", True, False)
    stranger = world.stranger()
    hidden = await stranger.ask("GET", f"/organisations/{stage.known_home['id']}/vouches")
    assert hidden.status_code == 401


async def test_a_first_need_is_opened_by_a_steward_only(world: World, stage: Stage) -> None:
    need = await _in_review(world, stage)
    assert need["possible_transitions"] == ["draft", "withdrawn"]
    path = f"/needs/{need['id']}"
    refused = await stage.fresh.move(path, "open", expect=409)
    assert refused["code"] == "review_by_stewards"
    assert (await world.stranger().ask("GET", path)).status_code == 404
    assert "need_review_wanted" in await notices_of(world, stage.steward)

    opened = await stage.steward.move(path, "open")
    assert opened["state"] == "open"
    assert (await world.stranger().ask("GET", path)).status_code == 200
    assert "need_review_passed" in await notices_of(world, stage.fresh)
    # Whoever is vouched for asks nobody.
    assert (await world.open_need(stage.known, stage.known_home))["state"] == "open"


async def test_stewards_read_how_much_waits_for_them(world: World, stage: Stage) -> None:
    where = "/instance/waiting"
    nothing = {"asks": 0, "needs": 0, "organisations": 0, "peers": 0, "reports": 0}
    assert await stage.steward.get(where) == nothing
    need = await _in_review(world, stage)
    await stage.fresh.post("/organisations", {"name": "Another one", "languages": ["ca"]})
    about = {"about": "organisation", "id": stage.known_home["id"], "kind": "other", "words": "?"}
    await stage.fresh.post("/reports", about)
    for state, since in ((AskState.WAITING, clock.now()), (AskState.UNCONFIRMED, None)):
        ask = Ask(id=private_id(), state=state, waiting_since=since, stuck="Our site is down",
                  organisation_name="A food co-op", address="asker@example.org",
                  language="en")  # fmt: skip
        async with transaction(world.runtime.sessions) as session:
            session.add(ask)
    told = {"asks": 1, "needs": 1, "organisations": 1, "peers": 0, "reports": 1}
    assert await stage.steward.get(where) == told
    await stage.steward.move(f"/needs/{need['id']}", "open")
    assert (await stage.steward.get(where))["needs"] == 0
    assert (await stage.known.ask("GET", where)).status_code == 403


async def test_a_steward_sends_back_with_a_reason(world: World, stage: Stage) -> None:
    path = f"/needs/{(await _in_review(world, stage))['id']}"
    silent = await stage.steward.move(path, "draft", expect=422)
    assert silent["code"] == "reason_required"
    back = await stage.steward.move(path, "draft", "Say how many pages.")
    assert (back["state"], back["state_reason"]) == ("draft", "Say how many pages.")
    assert "need_sent_back" in await notices_of(world, stage.fresh)
    # One's own way back needs no reason.
    await stage.fresh.move(path, "review")
    assert (await stage.fresh.move(path, "draft"))["state"] == "draft"


async def test_a_steward_publishes_what_was_read_and_nothing_else(
    world: World, stage: Stage
) -> None:
    read = await _in_review(world, stage)
    path = f"/needs/{read['id']}"
    changed = await stage.fresh.change(path, {"body": "Send money."}, read["version"])
    decision = {"to": "open", "version": read["version"]}
    stale = await stage.steward.post(f"{path}/transitions", decision, expect=412)
    assert stale["code"] == "version_stale"
    decision["version"] = changed["version"]
    opened = await stage.steward.post(f"{path}/transitions", decision, expect=200)
    assert (opened["state"], opened["body"]) == ("open", "Send money.")


async def test_one_need_at_a_time(world: World, stage: Stage) -> None:
    first = await _published(world, stage)
    draft = await world.draft(stage.fresh, stage.fresh_home)
    path = f"/needs/{draft['id']}"
    assert (await stage.fresh.move(path, "review", expect=409))["code"] == "one_need_unvouched"
    await stage.fresh.move(f"/needs/{first['id']}", "paused")
    assert (await stage.fresh.move(path, "review", expect=409))["code"] == "one_need_unvouched"
    await stage.fresh.move(f"/needs/{first['id']}", "withdrawn", "Not needed any more")
    assert (await stage.fresh.move(path, "review"))["state"] == "review"


async def test_two_needs_at_once_are_one(world: World, stage: Stage) -> None:
    drafts = [await world.draft(stage.fresh, stage.fresh_home) for _ in range(4)]
    answers = await asyncio.gather(
        *(
            stage.fresh.ask("POST", f"/needs/{one['id']}/transitions", json={"to": "review"})
            for one in drafts
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]


LINKED = (
    {"body": "Look at https://example.org/x"},
    {"body": "Look at www.example.org"},
    {"body": "Look at example.org/login now"},
    {"body": "[our site](//example.org)"},
    {"title": "See ｈｔｔｐｓ：／／example.org"},
    {"body": "Look at htt\u200bps://example.org"},
    {"link": "https://example.org/"},
    {"beneficiary": "http://example.org"},
    {"contacts": [{"kind": "url", "value": "https://example.org"}], "contact_public": True},
)


@pytest.mark.parametrize("said", LINKED)
async def test_no_links_until_somebody_vouches(world: World, stage: Stage, said: Json) -> None:
    draft = await world.draft(stage.fresh, stage.fresh_home, **said)
    refused = await stage.fresh.move(f"/needs/{draft['id']}", "review", expect=422)
    assert refused["code"] == "links_unvouched"
    assert [fault["pointer"] for fault in refused["errors"]] == [f"/{next(iter(said))}"]
    assert (await world.open_need(stage.known, stage.known_home, **said))["state"] == "open"


async def test_plain_words_and_addresses_for_those_let_in_are_no_links(
    world: World, stage: Stage
) -> None:
    said = {
        "body": "Our wordpress.org theme fails: 3/4 of it. Node.js? E.g. this/that…",
        "contacts": [{"kind": "url", "value": "https://example.org"}],
    }
    assert (await _in_review(world, stage, **said))["state"] == "review"


async def test_words_that_were_read_stay(world: World, stage: Stage) -> None:
    need = await _published(world, stage)
    path = f"/needs/{need['id']}"
    for words in ({"body": "Other words"}, {"title": "Other"}, {"link": "https://example.org/"}):
        refused = await stage.fresh.change(path, words, need["version"], expect=409)
        assert refused["code"] == "words_were_reviewed"
    translation = {"json": {"title": "Klik hier"}, "headers": {"If-Match": f'"{need["version"]}"'}}
    other = await stage.fresh.ask("PUT", f"{path}/translations/nl", **translation)
    assert other.json()["code"] == "words_were_reviewed"
    file = {"file": ("notes.txt", b"Two lines", "text/plain")}
    added = await stage.fresh.ask("POST", "/files", params={"need_id": need["id"]}, files=file)
    assert added.json()["code"] == "words_were_reviewed"
    assert (await stage.fresh.get(path))["body"] == need["body"]

    # What nobody needs to read again is still theirs to change, and the words a steward's.
    changed = await stage.fresh.change(path, {"places": 3}, need["version"])
    mended = await stage.steward.change(path, {"body": "Without a slip"}, changed["version"])
    assert (mended["places"], mended["body"]) == (3, "Without a slip")


async def test_answers_hold_no_links_either(world: World, stage: Stage) -> None:
    need = await _published(world, stage)
    questions = f"/needs/{need['id']}/questions"
    asked = await stage.known.post(questions, {"body": "Where is it?"})
    path = f"{questions}/{asked['id']}/answers"
    refused = await stage.fresh.post(path, {"body": "At https://example.org"}, expect=422)
    assert refused["code"] == "links_unvouched"
    assert (await stage.fresh.post(path, {"body": "On our old server."}))["body"]


async def test_a_change_while_it_waits_brings_no_link(world: World, stage: Stage) -> None:
    need = await _in_review(world, stage)
    path = f"/needs/{need['id']}"
    linked = {"body": "Now at https://example.org"}
    refused = await stage.fresh.change(path, linked, need["version"], expect=422)
    assert refused["code"] == "links_unvouched"
    changed = await stage.fresh.change(path, {"body": "Plain"}, need["version"])
    translation = {"json": {"title": "Zie https://example.org"}}
    headers = {"If-Match": f'"{changed["version"]}"'}
    other = await stage.fresh.ask("PUT", f"{path}/translations/nl", **translation, headers=headers)
    assert other.json()["code"] == "links_unvouched"


async def test_an_import_waits_for_a_steward_too(world: World, stage: Stage) -> None:
    await _import(world, stage.fresh, stage.fresh_home)
    await _import(world, stage.known, stage.known_home)
    states = {}
    for person, home in ((stage.fresh, stage.fresh_home), (stage.known, stage.known_home)):
        found = await person.get("/needs", organisation=home["id"], state="any")
        states[home["name"]] = [need["state"] for need in found["items"]]
    assert states == {"New here": ["review"], "Old friends": ["open"]}


async def test_an_import_changes_no_words_that_were_read(world: World, stage: Stage) -> None:
    await _import(world, stage.fresh, stage.fresh_home)
    found = await stage.fresh.get("/needs", organisation=stage.fresh_home["id"], state="any")
    (need,) = found["items"]
    path = f"/needs/{need['id']}"
    said = {"harm_check": {"data": "none", "misuse": "nobody", "avoidable": "yes"}, "tags": ["x"]}
    await stage.fresh.change(path, said, need["version"])
    await stage.steward.move(path, "open")
    await _import(world, stage.fresh, stage.fresh_home, "Buy at https://example.org")
    assert (await stage.fresh.get(path))["body"] == "Text"


async def test_taking_an_import_back_brings_no_unread_words(world: World, stage: Stage) -> None:
    """Linked words, plain ones over them, a steward's yes, and back: refused. Others go back."""
    bodies = {}
    for person, home in ((stage.fresh, stage.fresh_home), (stage.known, stage.known_home)):
        for body in ("See https://example.org", "Plain"):
            await _import(world, person, home, body)
        found = await person.get("/needs", organisation=home["id"], state="any")
        (need,) = found["items"]
        if need["state"] == "review":
            await stage.steward.move(f"/needs/{need['id']}", "open")
        newest = (await person.get("/imports", organisation_id=home["id"]))["items"][0]
        undone = await person.ask("POST", f"/imports/{newest['id']}/undo")
        assert undone.status_code < 300, undone.text
        await world.work()
        bodies[home["name"]] = (await person.get(f"/needs/{need['id']}"))["body"]
    assert bodies == {"New here": "Plain", "Old friends": "See https://example.org"}


async def _import(world: World, person: Person, home: Json, body: str = "Text") -> None:
    harm = {"data": "none", "misuse": "nobody", "avoidable": "yes"}
    said = {"external_id": "x:1", "title": "A row", "body": body, "language": "en", "tags": ["x"]}
    row = json.dumps({**said, "harm_check": harm}) + "\n"
    files = {"file": ("needs.jsonl", row.encode(), "application/x-ndjson")}
    path = f"/imports?organisation_id={home['id']}"
    headers = {"Idempotency-Key": f"{home['id']}{len(body)}"}
    answer = await person.ask("POST", path, files=files, headers=headers)
    assert answer.status_code == 202, answer.text
    await world.work()


async def test_an_ended_need_comes_back_alone_only(world: World, stage: Stage) -> None:
    """A renewal is no way around: not by hand, and not by the mailed link."""
    old = await _published(world, stage)
    path = f"/needs/{old['id']}"
    async with transaction(world.runtime.sessions) as session:
        await session.execute(text("UPDATE needs SET state = 'expired'"))
        link = await renewal_link(session, UUID(old["id"]))
    other = await _published(world, stage, title="Another one")
    refused = await stage.fresh.post(f"{path}/renewal", expect=409)
    assert refused["code"] == "one_need_unvouched"
    by_link = await world.stranger().http.post(link, data={"act": "renew"})
    assert by_link.status_code == 409
    assert (await stage.steward.get(path))["state"] == "expired"
    await stage.fresh.move(f"/needs/{other['id']}", "withdrawn", "Over")
    assert (await stage.fresh.post(f"{path}/renewal", expect=200))["state"] == "open"


async def test_people_of_two_known_organisations_vouch(world: World, stage: Stage) -> None:
    comrade, partner = await world.sign_up("comrade"), await world.sign_up("partner")
    member = {"handle": "comrade", "role": "member"}
    await stage.known.post(f"/organisations/{stage.known_home['id']}/members", member)
    await world.organisation(partner, "Other friends")
    nobody = await world.sign_up("nobody")
    path = f"/organisations/{stage.fresh_home['id']}/vouches"

    assert (await nobody.post(path, expect=403))["code"] == "vouch_refused"
    assert (await stage.fresh.post(path, expect=409))["code"] == "vouch_for_own"
    assert (await stage.known.post(path, expect=200))["vouched"] is False
    assert (await stage.known.post(path, expect=200))["vouched"] is False  # twice is once
    assert (await comrade.post(path, expect=200))["vouched"] is False  # and so is one house
    second = await partner.post(path, expect=200)
    assert (second["vouched"], second["vouched_by"]) == (True, "members")
    need = await world.open_need(stage.fresh, stage.fresh_home)
    assert "organisation_vouched" in await notices_of(world, stage.fresh)

    missing = await nobody.ask("DELETE", path)
    assert missing.json()["code"] == "vouch_not_found"
    back = await partner.ask("DELETE", path)
    assert back.json()["vouched"] is False
    # What was published stays; what comes next is read first.
    assert (await stage.fresh.get(f"/needs/{need['id']}"))["state"] == "open"
    draft = await world.draft(stage.fresh, stage.fresh_home)
    refused = await stage.fresh.move(f"/needs/{draft['id']}", "review", expect=409)
    assert refused["code"] == "one_need_unvouched"


async def test_whoever_is_not_vouched_for_cannot_vouch(world: World, stage: Stage) -> None:
    """Two new organisations do not lift each other up."""
    other = await world.sign_up("other")
    home = await world.organisation(other, "Also new", vouched=False)
    path = f"/organisations/{home['id']}/vouches"
    assert (await stage.fresh.post(path, expect=403))["code"] == "vouch_refused"
    assert (await stage.known.post(path, expect=200))["vouched"] is False
    assert (await stage.steward.post(path, expect=200))["vouched_by"] == "stewards"


async def test_the_first_confirmed_work_vouches(world: World, stage: Stage) -> None:
    need = await _published(world, stage)
    worker = await world.sign_up("worker")
    claim = await world.submitted_claim(worker, stage.fresh, need)
    await world.work()
    path = f"/organisations/{stage.fresh_home['id']}"
    assert (await stage.fresh.get(path))["vouched"] is False
    await world.confirm(stage.fresh, claim)
    await world.work()
    found = await stage.fresh.get(path)
    assert (found["vouched"], found["vouched_by"]) == (True, "work")
    assert (await world.open_need(stage.fresh, stage.fresh_home))["state"] == "open"


async def test_unknown_fields_and_wrong_versions_are_refused(world: World, stage: Stage) -> None:
    path = f"/needs/{(await _in_review(world, stage))['id']}/transitions"
    wrong = await stage.steward.post(path, {"to": "open", "version": 0}, expect=422)
    assert wrong["errors"][0]["pointer"] == "/version"
    body = {**need_input(stage.fresh_home), "vouched": True}
    assert (await stage.fresh.post("/needs", body, expect=422))["code"] == "validation_failed"

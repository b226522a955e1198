"""Blocks between an organisation and a person: on every path, each side's own, and undone again."""

import asyncio
from dataclasses import dataclass

import pytest

from app.workers import main as workers
from tests.api.test_notifications import letters, proven, put_settings
from tests.api.test_vouching import notices_of
from tests.factories.world import Json, Person, World

PROFILE = {
    "skills": [{"slug": "wordpress", "level": 3}],
    "languages": ["en"],
    "hours_per_week": 10,
    "findable": True,
}


@dataclass
class Stage:
    """Two organisations with a need each, and two workers who fit."""

    owner: Person
    home: Json
    need: Json
    other_need: Json
    blocked: Person
    free: Person


@pytest.fixture
async def stage(world: World) -> Stage:
    """Nobody has blocked anybody yet."""
    owner, neighbour = await world.sign_up("owner"), await world.sign_up("neighbour")
    home, next_door = await world.organisation(owner), await world.organisation(neighbour, "Next")
    need = await world.open_need(owner, home, places=3, title="Ours")
    other = await world.open_need(neighbour, next_door, title="Theirs")
    workers = [await world.sign_up(name) for name in ("blocked", "free")]
    for worker in workers:
        assert (await worker.ask("PUT", "/me/profile", json=PROFILE)).status_code == 200
    return Stage(owner, home, need, other, *workers)


async def _keep_away(stage: Stage) -> None:
    answer = await stage.owner.ask(
        "POST", f"/organisations/{stage.home['id']}/blocks", json={"account_id": stage.blocked.id}
    )
    assert answer.status_code == 204, answer.text


async def _hear_nothing(stage: Stage, person: Person) -> None:
    body = {"organisation_id": stage.home["id"]}
    answer = await person.ask("POST", "/me/blocks", json=body)
    assert answer.status_code == 204, answer.text


async def _titles(person: Person, **filters: str) -> set[str]:
    return {need["title"] for need in (await person.get("/needs", **filters))["items"]}


async def test_who_is_kept_away_cannot_apply_or_ask(world: World, stage: Stage) -> None:
    await _keep_away(stage)
    need, other = f"/needs/{stage.need['id']}", f"/needs/{stage.other_need['id']}"
    for where, body in ((f"{need}/claims", {"note": "me"}), (f"{need}/questions", {"body": "?"})):
        refused = await stage.blocked.post(where, body, expect=403)
        assert refused["code"] == "blocked_by_organisation"
        await stage.free.post(where, body)
    may = (await stage.blocked.get(need))["may_claim"]
    assert (may["allowed"], may["code"]) == (False, "blocked_by_organisation")
    # Elsewhere nothing changes, and nobody else learns of it.
    assert (await stage.blocked.post(f"{other}/claims", {"note": "me"}))["state"] == "applied"
    assert (await stage.free.get(other))["may_claim"]["allowed"] is True

    path = f"/organisations/{stage.home['id']}/blocks"
    undone = await stage.owner.ask("DELETE", f"{path}/{stage.blocked.id}")
    assert undone.status_code == 204
    again = await stage.owner.ask("DELETE", f"{path}/{stage.blocked.id}")
    assert again.json()["code"] == "block_not_found"
    assert (await stage.blocked.post(f"{need}/claims", {"note": "me"}))["state"] == "applied"


async def test_an_instant_need_is_no_way_around(world: World, stage: Stage) -> None:
    need = await world.open_need(stage.owner, stage.home, instant=True, places=2)
    await _keep_away(stage)
    path = f"/needs/{need['id']}/claims"
    refused = await stage.blocked.post(path, {"note": ""}, expect=403)
    assert refused["code"] == "blocked_by_organisation"
    assert (await stage.free.post(path, {"note": ""}))["state"] == "accepted"


async def test_what_is_live_goes_on_without_words(world: World, stage: Stage) -> None:
    claim = await stage.blocked.post(f"/needs/{stage.need['id']}/claims", {"note": "me"})
    messages = f"/claims/{claim['id']}/messages"
    await stage.blocked.post(messages, {"body": "Hello"})
    await _keep_away(stage)
    refused = await stage.blocked.post(messages, {"body": "Hello?"}, expect=403)
    assert refused["code"] == "blocked_by_organisation"
    assert (await stage.owner.post(messages, {"body": "We are sorry."}))["body"]
    declined = await stage.owner.move(f"/claims/{claim['id']}", "declined", "No")
    assert declined["state"] == "declined"


async def test_only_owners_keep_people_away(world: World, stage: Stage) -> None:
    path = f"/organisations/{stage.home['id']}/blocks"
    body = {"account_id": stage.blocked.id}
    refused = await stage.free.post(path, body, expect=403)
    assert refused["code"] == "organisation_owner_required"
    assert (await stage.blocked.ask("GET", path)).status_code == 403
    own = await stage.owner.post(path, {"account_id": stage.owner.id}, expect=409)
    assert own["code"] == "member_already"
    await _keep_away(stage)
    await _keep_away(stage)  # twice is once
    (found,) = (await stage.owner.get(path))["items"]
    assert (found["handle"], found["account_id"]) == ("blocked", stage.blocked.id)


async def test_one_hears_nothing_more_of_whom_one_blocked(world: World, stage: Stage) -> None:
    for person in (stage.blocked, stage.free):
        assert await _titles(person) == {"Ours", "Theirs"}
    await stage.blocked.ask("POST", f"/needs/{stage.need['id']}/dismissal")
    assert len((await stage.blocked.get("/me/dismissals"))["items"]) == 1
    await _hear_nothing(stage, stage.blocked)
    person = stage.blocked
    assert await _titles(person) == {"Theirs"}
    assert await _titles(person, q="ours") == set()
    assert await _titles(person, state="any") == {"Theirs"}
    assert await _titles(person, organisation=stage.home["id"]) == set()
    assert (await person.get("/me/dismissals"))["items"] == []
    assert (await person.get("/needs/facets"))["skill"] == {"wordpress": 1}
    board = (await person.get("/me/matches"))["items"]
    assert [match["need"]["title"] for match in board] == ["Theirs"]
    assert await _titles(stage.free) == {"Ours", "Theirs"}

    refused = await person.post(f"/needs/{stage.need['id']}/claims", {"note": ""}, expect=403)
    assert refused["code"] == "organisation_blocked"
    (own,) = (await person.get("/me/blocks"))["items"]
    assert own["organisation_id"] == stage.home["id"]
    assert (await stage.owner.get(f"/organisations/{stage.home['id']}/blocks"))["items"] == []
    gone = await person.ask("DELETE", f"/me/blocks/{stage.home['id']}")
    assert gone.status_code == 204
    assert await _titles(person) == {"Ours", "Theirs"}


async def test_who_blocked_is_neither_shown_nor_invited_nor_written_to(
    world: World, stage: Stage
) -> None:
    claim = await stage.blocked.post(f"/needs/{stage.need['id']}/claims", {"note": "me"})
    fresh = await world.open_need(stage.owner, stage.home, title="Another")
    path = f"/needs/{fresh['id']}"
    found = (await stage.owner.get(f"{path}/matches"))["items"]
    assert {match["worker"]["handle"] for match in found} == {"blocked", "free"}
    await _hear_nothing(stage, stage.blocked)

    found = (await stage.owner.get(f"{path}/matches"))["items"]
    assert {match["worker"]["handle"] for match in found} == {"free"}
    invited = {"account_id": stage.blocked.id}
    hidden = await stage.owner.post(f"{path}/invitations", invited, expect=404)
    assert hidden["code"] == "worker_not_found"
    await stage.owner.ask("POST", f"{path}/invitations", json={"account_id": stage.free.id})
    message = f"/claims/{claim['id']}/messages"
    refused = await stage.owner.post(message, {"body": "Please!"}, expect=403)
    assert refused["code"] == "blocked_by_person"
    assert "need_worker_invited" in await notices_of(world, stage.free)
    assert "need_worker_invited" not in await notices_of(world, stage.blocked)


async def test_a_letter_that_waits_about_it_is_dropped(
    world: World, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Block, then deliver what was queued before: dropped. Whoever did not block gets theirs."""
    people = [await proven(world, name) for name in ("first", "second")]
    for person in people:
        assert (await person.ask("PUT", "/me/profile", json=PROFILE)).status_code == 200
        mail = {**(await person.get("/me/notification-settings"))["mail"], "matches": "at_once"}
        assert (await put_settings(person, {"mail": mail})).status_code == 200
        path = f"/needs/{stage.need['id']}/invitations"
        answer = await stage.owner.ask("POST", path, json={"account_id": person.id})
        assert answer.status_code < 300, answer.text
    with monkeypatch.context() as patch:
        patch.setattr(workers, "CHORES", {"react": workers.CHORES["react_to_activities"]})
        await world.work()
    before = {name: len(letters(world, name)) for name in ("first", "second")}
    await _hear_nothing(stage, people[0])
    await world.work()
    sent = {name: len(letters(world, name)) - known for name, known in before.items()}
    assert sent == {"first": 0, "second": 1}
    assert stage.need["title"] in letters(world, "second")[-1]


async def test_a_block_and_an_application_at_once(world: World, stage: Stage) -> None:
    """Either the application comes first and stands, or the block does and refuses it."""
    for _ in range(4):
        need = await world.open_need(stage.owner, stage.home)
        path = f"/organisations/{stage.home['id']}/blocks"
        applied, _ = await asyncio.gather(
            stage.blocked.ask("POST", f"/needs/{need['id']}/claims", json={"note": ""}),
            stage.owner.ask("POST", path, json={"account_id": stage.blocked.id}),
        )
        assert applied.status_code in {201, 403}
        late = await stage.blocked.ask("POST", f"/needs/{need['id']}/claims", json={"note": ""})
        assert late.json()["code"] == "blocked_by_organisation"
        await stage.owner.ask("DELETE", f"{path}/{stage.blocked.id}")
        if applied.status_code == 201:
            claim = applied.json()["id"]
            await stage.blocked.move(f"/claims/{claim}", "withdrawn")

"""The end of a need: what is handed over, who keeps it running, what comes after."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.infra import clock
from tests.factories.world import Json, Person, World

MARCH_ENDS = datetime(2026, 3, 31, 12, tzinfo=UTC)
ALL = ["domains", "keys", "backups", "exit"]


@pytest.fixture
async def member(world: World) -> Person:
    return await world.sign_up("member")


@pytest.fixture
async def organisation(world: World, member: Person) -> Json:
    return await world.organisation(member)


@pytest.fixture
async def worker(world: World) -> Person:
    return await world.sign_up("worker")


async def built(world: World, member: Person, organisation: Json, worker: Person) -> Json:
    """Return a need where something was built and the work is confirmed."""
    need = await world.open_need(member, organisation, kind="rescue")
    claim = await world.submitted_claim(worker, member, need)
    await world.confirm(member, claim)
    shown = await member.get(f"/needs/{need['id']}")
    return {**shown, "claim_id": claim["id"]}


async def test_what_was_built_is_closed_by_its_members_and_not_by_itself(
    world: World, member: Person, organisation: Json, worker: Person
) -> None:
    need = await built(world, member, organisation, worker)
    path = f"/needs/{need['id']}"
    assert (need["state"], need["asks_closing"], need["handover_open"]) == ("open", True, ALL)
    refused = await member.move(path, "done", expect=422)
    assert refused["code"] == "closing_asks"
    refused = await member.post(f"{path}/closing", {}, expect=422)
    assert [error["pointer"] for error in refused["errors"]] == ["/maintainer"]
    body = {"maintainer": "organisation", "handed_over": ["domains", "keys"]}
    refused = await member.post(f"{path}/closing", body, expect=422)
    assert refused["code"] == "handover_open"
    assert (await member.get(path))["handover_open"] == ALL  # a refusal changes nothing
    refused = await worker.post(f"{path}/closing", body, expect=403)
    closed = await member.post(
        f"{path}/closing", body | {"handover_note": "No backups: it is static."}, expect=200
    )
    assert (closed["state"], closed["maintainer"]["kind"]) == ("done", "organisation")
    assert closed["handover_note"] == "No backups: it is static."
    assert (await worker.get(path))["handover_note"] == ""


async def test_a_worker_keeps_it_running_only_by_their_own_yes(
    world: World, member: Person, organisation: Json, worker: Person
) -> None:
    need = await built(world, member, organisation, worker)
    path = f"/needs/{need['id']}"
    body = {"maintainer": "worker", "claim_id": need["claim_id"], "handed_over": ALL}
    stray = {**body, "claim_id": need["id"]}
    refused = await member.post(f"{path}/closing", stray, expect=422)
    assert refused["code"] == "maintainer_not_worker"
    closed = await member.post(f"{path}/closing", body, expect=200)
    assert (closed["state"], closed["maintainer"]["agreed"]) == ("done", False)
    assert (await world.stranger().get(path))["maintainer"] is None
    refused = await member.post(f"{path}/maintenance", {"agrees": True}, expect=403)
    assert refused["code"] == "maintenance_not_asked"
    assert (await worker.get(path))["maintainer"]["mine"] is True
    await worker.post(f"{path}/maintenance", {"agrees": True}, expect=200)
    public = (await world.stranger().get(path))["maintainer"]
    assert public == {"kind": "worker", "agreed": True, "name": None, "mine": False}
    await worker.post(f"{path}/maintenance", {"agrees": False}, expect=200)
    assert (await member.get(path))["maintainer"] is None
    later = await member.post(f"{path}/closing", {"maintainer": "organisation"}, expect=200)
    assert later["maintainer"]["kind"] == "organisation"


async def test_where_nobody_keeps_it_running_the_care_is_drafted_and_comes_again(
    world: World, member: Person, organisation: Json, worker: Person
) -> None:
    with clock.frozen(MARCH_ENDS):
        need = await built(world, member, organisation, worker)
        path = f"/needs/{need['id']}"
        body = {"maintainer": "nobody", "handed_over": ALL, "recurs_months": 1}
        await member.post(f"{path}/closing", body, expect=200)
        await member.post(f"{path}/closing", body, expect=200)  # asked twice, drafted once
        (care,) = await drafts(member, organisation)
        assert (care["care_of"], care["recurs_months"]) == (need["id"], 1)
        assert care["title"] == f"Care for: {need['title']}"
        care = await member.change(
            f"/needs/{care['id']}", {"estimate_minutes": 60}, care["version"]
        )
        for to in ("review", "open"):
            await member.move(f"/needs/{care['id']}", to)
        claim = await world.submitted_claim(worker, member, care)
        await world.confirm(member, claim)
        await world.work()
        assert (await member.get(f"/needs/{care['id']}"))["state"] == "done"
        await member.move(f"/needs/{care['id']}", "archived")
        await world.work()
        (again,) = await drafts(member, organisation)
        said = (again["care_of"], again["starts_on"], again["estimate_minutes"], again["title"])
        assert said == (care["id"], "2026-04-30", 60, care["title"])


async def drafts(member: Person, organisation: Json) -> list[Json]:
    asked = {"organisation": organisation["id"], "state": "draft"}
    found: list[Json] = (await member.get("/needs", **asked))["items"]
    return found


async def test_a_closed_need_with_no_worker_or_several_the_workers_cannot_be(
    world: World, member: Person, organisation: Json, worker: Person
) -> None:
    """No confirmed work and no reason, no end; and one maintainer at most, whoever races."""
    idle = await world.open_need(member, organisation)
    path = f"/needs/{idle['id']}"
    assert (await member.move(path, "done", expect=422))["code"] == "done_without_work"
    body = {"closed_without_work": True}
    assert (await member.post(f"{path}/closing", body, expect=422))["code"] == "reason_required"
    closed = await member.post(f"{path}/closing", body | {"reason": "we moved"}, expect=200)
    assert (closed["state"], closed["closed_without_work"]) == ("done", True)
    need = await built(world, member, organisation, worker)
    path = f"/needs/{need['id']}/closing"
    refused = await member.post(path, body | {"reason": "x"}, expect=409)
    assert refused["code"] == "work_was_confirmed"
    asks = [
        {"maintainer": "worker", "claim_id": need["claim_id"], "handed_over": ALL},
        {"maintainer": "organisation", "handed_over": ALL},
        {"maintainer": "nobody", "handed_over": ALL},
    ]
    await asyncio.gather(*(member.ask("POST", path, json=ask) for ask in asks * 3))
    shown = await member.get(f"/needs/{need['id']}")
    assert shown["state"] == "done"
    assert shown["maintainer"]["kind"] in {"worker", "organisation", "nobody"}
    assert len(await drafts(member, organisation)) <= 1
    named = "UPDATE needs SET maintainer = 'organisation', maintainer_id = :worker WHERE id = :id"
    with pytest.raises(IntegrityError, match="one_named_maintainer"):
        async with world.runtime.engine.begin() as connection:
            await connection.execute(text(named), {"worker": worker.id, "id": need["id"]})


async def test_history_tells_the_parties_who_and_why(
    world: World, member: Person, organisation: Json, worker: Person
) -> None:
    need = await world.open_need(member, organisation)
    path = f"/needs/{need['id']}"
    await worker.post(f"{path}/claims")
    await member.move(path, "paused", "the kitchen burnt down")
    own = (await member.get(f"{path}/history"))["items"]
    assert [move["to_state"] for move in own] == ["draft", "review", "open", "paused"]
    last = own[-1]
    assert (last["from_state"], last["by"], last["reason"]) == (
        "open", "member", "the kitchen burnt down",
    )  # fmt: skip
    assert last["request_id"]
    seen = (await worker.get(f"{path}/history"))["items"]
    assert [(move["to_state"], move["reason"]) for move in seen] == [
        ("open", ""), ("paused", "the kitchen burnt down"),
    ]  # fmt: skip
    public = (await world.stranger().get(f"{path}/history"))["items"]
    assert [(move["to_state"], move["reason"], move["by"]) for move in public] == [
        ("open", "", None), ("paused", "", None),
    ]  # fmt: skip


async def test_a_need_that_is_still_wanted_is_open_again(
    world: World, member: Person, organisation: Json
) -> None:
    with clock.frozen(MARCH_ENDS):
        need = await world.open_need(member, organisation, deadline="2026-04-01")
        path = f"/needs/{need['id']}"
        renewed = await member.post(f"{path}/renewal", expect=200)
    assert (renewed["state"], renewed["version"]) == ("open", need["version"] + 1)
    assert renewed["deadline"] == "2026-04-01"
    async with world.runtime.engine.begin() as connection:
        await connection.execute(text("UPDATE needs SET state = 'expired'"))
    with clock.frozen(MARCH_ENDS + timedelta(days=2)):
        renewed = await member.post(f"{path}/renewal", expect=200)
    assert (renewed["state"], renewed["deadline"]) == ("open", None)
    await member.move(path, "withdrawn", "found elsewhere")
    refused = await member.post(f"{path}/renewal", expect=409)
    assert refused["code"] == "not_renewable"


async def test_places_are_never_fewer_than_who_holds_them(
    world: World, member: Person, organisation: Json, worker: Person
) -> None:
    need = await world.open_need(member, organisation, places=3, instant=True)
    second = await world.sign_up("second")
    for person in (worker, second):
        await person.post(f"/needs/{need['id']}/claims")
    path = f"/needs/{need['id']}"
    version = (await member.get(path))["version"]
    refused = await member.change(path, {"places": 1}, version, expect=409)
    assert (refused["code"], "2" in refused["detail"]) == ("places_below_taken", True)
    assert (await member.change(path, {"places": 2}, version))["places"] == 2

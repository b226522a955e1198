"""One intent has one effect: answers are kept under their key, in the transaction of the effect."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import text

from app.infra import clock
from app.workers.activity import tidy_up
from tests.conftest import Services, _administer
from tests.factories.world import Json, Person, World, need_input


@pytest.fixture
async def owner(world: World) -> Person:
    return await world.sign_up("owner")


@pytest.fixture
async def organisation(world: World, owner: Person) -> Json:
    return await world.organisation(owner)


async def post(who: Person, path: str, body: Json, key: str) -> tuple[int, Json, bool]:
    answer = await who.ask("POST", path, json=body, headers={"Idempotency-Key": key})
    return answer.status_code, answer.json(), "idempotent-replayed" in answer.headers


async def count(world: World, table: str) -> int:
    async with world.runtime.engine.connect() as connection:
        return int((await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one())  # noqa: S608


async def test_the_same_request_gets_the_same_answer(
    world: World, owner: Person, organisation: Json
) -> None:
    body = need_input(organisation)
    answer = await owner.ask("POST", "/needs", json=body, headers={"Idempotency-Key": '"a"'})
    again = await owner.ask("POST", "/needs", json=body, headers={"Idempotency-Key": "a"})
    assert (answer.status_code, again.status_code) == (201, 201)
    assert answer.content == again.content
    for name in ("location", "etag", "content-type"):
        assert answer.headers[name] == again.headers[name]
    assert "idempotent-replayed" not in answer.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert await count(world, "needs") == 1


async def test_another_body_under_the_same_key_is_refused(
    world: World, owner: Person, organisation: Json
) -> None:
    body = need_input(organisation)
    assert (await post(owner, "/needs", body, "k"))[0] == 201
    status, problem, _ = await post(owner, "/needs", {**body, "title": "Another"}, "k")
    assert (status, problem["code"]) == (422, "idempotency_key_reused")
    assert await count(world, "needs") == 1


async def test_a_key_belongs_to_its_asker_and_its_address(
    world: World, owner: Person, organisation: Json
) -> None:
    other = await world.sign_up("other")
    theirs = await world.organisation(other, "Elsewhere")
    mine = await post(owner, "/needs", need_input(organisation), "k")
    yours = await post(other, "/needs", need_input(theirs), "k")
    assert (mine[0], yours[0], yours[2]) == (201, 201, False)
    assert mine[1]["id"] != yours[1]["id"]
    # Somebody who guesses key and body of another learns nothing of the answer.
    status, problem, replayed = await post(other, "/needs", need_input(organisation), "k2")
    assert (status, problem["code"], replayed) == (403, "membership_required", False)
    elsewhere = await post(owner, f"/needs/{mine[1]['id']}/transitions", {"to": "review"}, "k")
    assert (elsewhere[0], elsewhere[2]) == (200, False)


async def test_a_refusal_is_not_kept(world: World, owner: Person, organisation: Json) -> None:
    """What was refused had no effect, so the same key may try again once the reason is gone."""
    worker = await world.sign_up("worker")
    need = await world.draft(owner, organisation)
    path = f"/needs/{need['id']}/claims"
    assert (await post(worker, path, {}, "k"))[0] == 404
    await owner.move(f"/needs/{need['id']}", "review")
    await owner.move(f"/needs/{need['id']}", "open")
    assert (await post(worker, path, {}, "k"))[0] == 201
    assert (await post(worker, path, {}, "k"))[2]


async def test_a_kept_answer_is_given_even_when_the_state_moved_on(
    world: World, owner: Person, organisation: Json
) -> None:
    worker = await world.sign_up("worker")
    need = await world.open_need(owner, organisation)
    path = f"/needs/{need['id']}/claims"
    first = await post(worker, path, {"note": "hello"}, "k")
    await worker.move(f"/claims/{first[1]['id']}", "withdrawn")
    again = await post(worker, path, {"note": "hello"}, "k")
    assert (again[0], again[1], again[2]) == (201, first[1], True)
    assert (await post(worker, path, {"note": "hello"}, "k2"))[0] == 201


async def test_a_key_is_forgotten_after_a_day(
    world: World, owner: Person, organisation: Json
) -> None:
    body = need_input(organisation)
    first = await post(owner, "/needs", body, "k")
    with clock.moved(timedelta(hours=23)):
        assert (await post(owner, "/needs", body, "k"))[2]
    with clock.moved(timedelta(hours=25)):
        later = await post(owner, "/needs", body, "k")
        assert (later[0], later[2]) == (201, False)
        assert later[1]["id"] != first[1]["id"]
    assert await count(world, "idempotency_keys") == 1
    with clock.moved(timedelta(hours=72)):
        await tidy_up(world.runtime)
    assert await count(world, "idempotency_keys") == 0


@pytest.mark.parametrize("key", ["", '""', "k" * 256, "tab\tkey", "café"])
async def test_keys_that_are_none_are_refused(owner: Person, organisation: Json, key: str) -> None:
    headers = {b"Idempotency-Key": key.encode("latin-1")}
    body = need_input(organisation)
    answer = await owner.ask("POST", "/needs", json=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_invalid")


async def test_answers_with_secrets_are_not_kept(world: World, owner: Person) -> None:
    for path, body in (
        ("/me/tokens", {"name": "tool", "scopes": ["needs:read"]}),
        ("/sessions", {"handle": "owner", "password": "verd oliva 41"}),
        ("/accounts", {"handle": "somebody", "password": "verd oliva 41"}),
    ):
        assert (await post(owner, path, body, "k"))[0] == 201
    assert await count(world, "idempotency_keys") == 0


BREAK = """
CREATE FUNCTION test_refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = 'check_violation'; END $$
"""
BREAK_AT_COMMIT = """
CREATE CONSTRAINT TRIGGER test_refuse AFTER INSERT ON needs DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION test_refuse()
"""


@pytest.fixture
async def broken_commit(database: Services) -> AsyncIterator[None]:
    """A constraint that lets every statement pass and refuses at the end."""
    await _administer(database.owner_url, BREAK, BREAK_AT_COMMIT)
    yield
    await _administer(database.owner_url, "DROP FUNCTION IF EXISTS test_refuse() CASCADE")


async def test_a_commit_that_fails_is_told_and_keeps_no_answer(
    world: World,
    owner: Person,
    organisation: Json,
    broken_commit: None,
    database: Services,
) -> None:
    body = need_input(organisation)
    status, problem, _ = await post(owner, "/needs", body, "k")
    assert (status, problem["code"]) == (500, "internal")
    assert await count(world, "needs") == await count(world, "idempotency_keys") == 0
    assert await count(world, "activities WHERE verb = 'need.drafted'") == 0
    await _administer(database.owner_url, "DROP FUNCTION test_refuse() CASCADE")
    status, _, replayed = await post(owner, "/needs", body, "k")
    assert (status, replayed) == (201, False)
    assert await count(world, "needs") == 1

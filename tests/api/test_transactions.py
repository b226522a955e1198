"""One request is one transaction, and it ends before the answer leaves (decision 0001)."""

import pytest
from sqlalchemy.exc import IntegrityError

from app.infra.database import DatabaseSession
from tests.factories.world import PASSWORD, World

NEW = {"handle": "newcomer", "password": PASSWORD}


async def test_a_failed_commit_is_told_and_leaves_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.set_up()
    person = world.stranger()

    async def refuse(_: DatabaseSession) -> None:
        # As a deferred constraint does: every statement went well, and the end does not.
        raise IntegrityError("COMMIT", {}, RuntimeError("deferred"))

    with monkeypatch.context() as broken:
        broken.setattr(DatabaseSession, "commit", refuse)
        answer = await person.ask("POST", "/accounts", json=NEW)
    assert answer.status_code >= 400, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert "set-cookie" not in answer.headers
    # The handle is free: nothing of the first try was kept.
    person.me = await person.post("/accounts", NEW)


async def test_the_same_request_goes_through_when_the_commit_does(world: World) -> None:
    await world.set_up()
    person = world.stranger()
    answer = await person.ask("POST", "/accounts", json=NEW)
    assert answer.status_code == 201
    assert "set-cookie" in answer.headers

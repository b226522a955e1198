"""The main job by API: from a draft to a confirmed contribution in the ledger."""

import pytest

from tests.factories.world import World


async def test_a_need_becomes_a_confirmed_contribution(world: World) -> None:
    owner = await world.sign_up("owner")
    worker = await world.sign_up("worker")
    organisation = await world.organisation(owner)

    need = await world.open_need(owner, organisation)
    assert need["state"] == "open"
    listed = await world.stranger().get("/needs")
    assert [item["id"] for item in listed["items"]] == [need["id"]]

    claim = await world.submitted_claim(worker, owner, need, minutes=90)
    assert claim["state"] == "submitted"
    assert claim["minutes_logged"] == 90
    confirmed = await world.confirm(owner, claim, minutes=85, stream="gift")
    assert confirmed["claim"]["state"] == "confirmed"
    assert confirmed["claim"]["confirmation"]["minutes"] == 85
    assert [move["to"] for move in confirmed["claim"]["history"]] == [
        "applied", "accepted", "active", "submitted", "confirmed",
    ]  # fmt: skip

    after = await owner.get(f"/needs/{need['id']}")
    assert (after["state"], after["taken"]) == ("done", 1)
    mine = await worker.get("/me/contributions")
    assert (mine["total_minutes"], mine["by_stream"]) == (85, {"gift": 85})
    assert mine["items"][0]["need_title"] == need["title"]

    (brief,) = (await owner.get("/books"))["items"]
    book = await owner.get(f"/books/{brief['id']}")
    assert book["sums"] == {"minute": 0}
    assert book["total_minutes"] == 85
    assert book["workers"][0]["handle"] == "worker"
    assert book["workers"][0]["share_percent"] == "100.0"
    (entry,) = (await owner.get(f"/books/{brief['id']}/entries"))["items"]
    assert (entry["minutes"], entry["recorded_by"]) == (85, "owner")


async def test_the_book_is_read_by_worker_owners_and_owners_only(world: World) -> None:
    owner = await world.sign_up("owner")
    worker = await world.sign_up("worker")
    organisation = await world.organisation(owner)
    need = await world.open_need(owner, organisation)
    await world.confirm(owner, await world.submitted_claim(worker, owner, need))
    (brief,) = (await owner.get("/books"))["items"]
    book = f"/books/{brief['id']}"

    assert (await worker.ask("GET", book)).status_code == 404
    members = f"/organisations/{organisation['id']}/members"
    await owner.post(members, {"handle": "worker", "role": "member", "worker_owner": False})
    assert (await worker.ask("GET", book)).json()["code"] == "book_forbidden"
    await owner.ask("PATCH", f"{members}/{worker.id}", json={"worker_owner": True})
    assert (await worker.get(book))["total_minutes"] == 90


async def test_nobody_confirms_their_own_work(world: World) -> None:
    owner = await world.sign_up("owner")
    other = await world.sign_up("other")
    organisation = await world.organisation(owner)
    await owner.post(
        f"/organisations/{organisation['id']}/members",
        {"handle": "other", "role": "owner", "worker_owner": False},
    )
    need = await world.open_need(owner, organisation)
    claim = await world.submitted_claim(owner, other, need)

    path = f"/claims/{claim['id']}/confirmation"
    refused = await owner.post(path, {"minutes": 60}, expect=403, key="one")
    assert refused["code"] == "confirmation_own"
    assert (
        await owner.post(f"/claims/{claim['id']}/transitions", {"to": "confirmed"}, expect=409)
    )["code"] == "transition_impossible"
    await other.post(path, {"minutes": 60}, key="two")
    assert (await owner.get("/me/contributions"))["total_minutes"] == 60


async def test_a_confirmation_wants_a_key_and_is_posted_once(world: World) -> None:
    owner = await world.sign_up("owner")
    worker = await world.sign_up("worker")
    need = await world.open_need(owner, await world.organisation(owner))
    claim = await world.submitted_claim(worker, owner, need)
    path, body = f"/claims/{claim['id']}/confirmation", {"minutes": 90}

    assert (await owner.post(path, body, expect=400))["code"] == "idempotency_key_required"
    first = await owner.ask("POST", path, json=body, headers={"Idempotency-Key": '"k1"'})
    again = await owner.ask("POST", path, json=body, headers={"Idempotency-Key": "k1"})
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    other = await owner.ask("POST", path, json={"minutes": 80}, headers={"Idempotency-Key": "k1"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert (await owner.post(path, body, expect=409, key="k2"))["code"] == "confirmation_state"
    # Somebody else's request under the same key is their own.
    assert (await worker.post(path, body, expect=403, key="k1"))["code"] == "confirmation_own"
    assert (await worker.get("/me/contributions"))["total_minutes"] == 90


@pytest.mark.parametrize("minutes", [0, 91, -5, 2**40])
async def test_no_more_than_logged_is_confirmed(world: World, minutes: int) -> None:
    owner = await world.sign_up("owner")
    worker = await world.sign_up("worker")
    need = await world.open_need(owner, await world.organisation(owner))
    claim = await world.submitted_claim(worker, owner, need, minutes=90)
    path = f"/claims/{claim['id']}/confirmation"

    assert (await owner.post(path, {"minutes": minutes}, expect=422, key="x"))["errors"]
    await owner.post(path, {"minutes": 90}, key="y")


async def test_the_workers_react_and_nothing_stays_waiting(world: World) -> None:
    owner = await world.sign_up("owner")
    await world.open_need(owner, await world.organisation(owner))
    await world.work()
    async with world.runtime.engine.connect() as connection:
        rows = await connection.exec_driver_sql("SELECT verb, pending FROM activities")
        states = {row.verb: row.pending for row in rows}
    assert states["need.published"] is False
    assert not any(states.values())


async def test_members_see_all_their_claims_in_one_list(world: World) -> None:
    owner = await world.sign_up("owner")
    worker = await world.sign_up("worker")
    organisation = await world.organisation(owner)
    path = f"/organisations/{organisation['id']}/claims"
    one = await world.open_need(owner, organisation)
    two = await world.open_need(owner, organisation, title="Mend the newsletter")
    submitted = await world.submitted_claim(worker, owner, one)
    await worker.post(f"/needs/{two['id']}/claims")

    listed = await owner.get(path)
    assert [claim["state"] for claim in listed["items"]] == ["applied", "submitted"]
    (waiting,) = (await owner.get(path, state=["submitted", "disputed"]))["items"]
    assert (waiting["id"], waiting["may_confirm"]) == (submitted["id"], True)
    assert (await worker.ask("GET", path)).json()["code"] == "organisation_members_only"
    assert (await world.stranger().ask("GET", path)).status_code == 401

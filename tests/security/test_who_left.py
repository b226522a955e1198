"""Who was removed speaks for nobody any more: their offers fall, and those who stay go on."""

from secrets import token_hex
from uuid import UUID

import pytest

from app.infra import clock
from tests.factories.disputing import House, house_of
from tests.factories.world import Json, Person, World


@pytest.fixture
async def coop(world: World) -> House:
    return await house_of(world, owners=2)


LEFT = """
    INSERT INTO book_statuses (status_id, book_id, account_id, status, since, recorded_at)
    SELECT gen_random_uuid(), id, :person, 'left', CAST(:now AS timestamptz)::date, :now FROM books
"""


async def left(house: House, person: Person) -> None:
    """Write down what the end of an exit does; how one leaves is told elsewhere."""
    await house.run(LEFT, person=UUID(person.id), now=clock.now())


async def remove(house: House, person: Person) -> None:
    path = f"/organisations/{house.organisation['id']}/members/{person.id}"
    await left(house, person)
    answer = await house.owner.ask("DELETE", path)
    assert answer.status_code == 204, answer.text


async def offer(person: Person, dispute: Json, minutes: int, *, expect: int = 200) -> Json:
    path = f"/disputes/{dispute['id']}/offers"
    return await person.post(path, {"minutes": minutes}, expect=expect, key=token_hex(8))


async def test_whoever_began_a_dispute_and_left_speaks_for_the_book_no_more(coop: House) -> None:
    gone, worker = coop.owners[0], coop.worker
    dispute = await coop.dispute(gone)
    path = f"/disputes/{dispute['id']}"
    await offer(gone, dispute, 60)
    await remove(coop, gone)
    refused = await offer(worker, dispute, 60, expect=409)
    assert refused["code"] == "dispute_offer_gone"
    assert await coop.held() == (0, 90)
    assert (await gone.ask("GET", path)).status_code == 404
    await offer(gone, dispute, 60, expect=404)
    for route in ("panel", "withdrawal"):
        await gone.post(f"{path}/{route}", expect=404)
    assert (await gone.get("/me/disputes"))["items"] == []
    # The owners answer now, and it goes on.
    mine = (await coop.owner.get("/me/disputes"))["items"]
    assert [(one["id"], one["my_side"]) for one in mine] == [(dispute["id"], "book")]
    assert mine[0]["may"] == ["offer", "panel", "withdraw"]
    assert (await coop.owners[1].get("/me/disputes"))["items"] == []
    await offer(worker, dispute, 50)
    await offer(coop.owner, dispute, 60)
    ended = await offer(worker, dispute, 60)
    assert (ended["state"], ended["final_minutes"]) == ("closed", 60)
    wrote = await coop.rows("SELECT recorded_by::text FROM entries WHERE kind = 'ruling'")
    assert wrote[0][0] == coop.owner.id
    await coop.sound()


async def test_whoever_began_it_may_agree_as_long_as_they_are_there(coop: House) -> None:
    stays = coop.owners[0]
    dispute = await coop.dispute(stays)
    assert (await stays.get(f"/disputes/{dispute['id']}"))["my_side"] == "book"
    await offer(stays, dispute, 60)
    assert (await coop.owner.get("/me/disputes"))["items"] == []
    assert (await offer(coop.worker, dispute, 60))["state"] == "closed"


async def test_owners_let_be_what_somebody_began_who_left(coop: House) -> None:
    gone = coop.owners[0]
    dispute = await coop.dispute(gone)
    withdrawal = f"/disputes/{dispute['id']}/withdrawal"
    await coop.owner.post(withdrawal, expect=403)
    await remove(coop, gone)
    ended = await coop.owner.post(withdrawal, expect=200, key="after")
    assert (ended["state"], ended["final_minutes"]) == ("closed", 90)
    assert await coop.held() == (90, 0)


async def test_the_worker_who_left_keeps_their_own_side(coop: House) -> None:
    dispute = await coop.dispute(coop.worker)
    await offer(coop.worker, dispute, 30)
    await remove(coop, coop.worker)
    seen = await coop.worker.get(f"/disputes/{dispute['id']}")
    assert (seen["my_side"], seen["may"]) == ("worker", ["offer", "panel", "withdraw"])
    ended = await offer(coop.owner, dispute, 30)
    assert (ended["state"], ended["final_minutes"]) == ("closed", 30)


async def test_whoever_wrote_it_and_keeps_the_book_no_more_answers_for_nothing(
    coop: House,
) -> None:
    keeper, worker = coop.owners[0], coop.worker
    slip = {"worker": "worker", "worked_on": "2026-03-02", "minutes": 30, "stream": "livelihood"}
    book = (await coop.dispute(worker))["book_id"]
    made = await keeper.post(f"/books/{book}/slips", {"slips": [slip]}, key="slip")
    dispute = await coop.dispute(worker, made["entry_ids"][0])
    await offer(keeper, dispute, 20)
    await left(coop, keeper)
    await coop.run(
        "UPDATE memberships SET worker_owner = false WHERE account_id = :id", id=keeper.id
    )
    assert (await offer(worker, dispute, 20, expect=409))["code"] == "dispute_offer_gone"
    await offer(keeper, dispute, 10, expect=404)
    await offer(coop.owner, dispute, 20)
    assert (await offer(worker, dispute, 20))["final_minutes"] == 20


async def test_where_nobody_is_left_to_answer_others_decide(world: World) -> None:
    """The one owner is the worker: a panel of those outside the case is drawn."""
    coop = await house_of(world, owners=4)
    gone, worker = coop.owners[0], coop.worker
    members = f"/organisations/{coop.organisation['id']}/members"
    dispute = await coop.dispute(gone)
    await coop.run(
        "UPDATE memberships SET role = 'owner' WHERE account_id = :worker",
        "UPDATE memberships SET role = 'member' WHERE account_id = :owner",
        worker=worker.id, owner=coop.owner.id,
    )  # fmt: skip
    await left(coop, gone)
    assert (await worker.ask("DELETE", f"{members}/{gone.id}")).status_code == 204
    panel = await worker.post(f"/disputes/{dispute['id']}/panel", expect=200)
    assert panel["seats_wanted"] == 0
    first, second, *_ = await coop.judges(dispute)
    body, path = {"minutes": 45, "reason": "Half"}, f"/disputes/{dispute['id']}/judgements"
    await first.post(path, body, expect=200)
    ended = await second.post(path, body, expect=200)
    assert (ended["state"], ended["final_minutes"]) == ("closed", 45)


async def test_the_offer_of_who_is_no_member_any_more_cannot_be_accepted(world: World) -> None:
    owner, worker = await world.sign_up("owner"), await world.sign_up("worker")
    gone, stays = await world.sign_up("gone"), await world.sign_up("stays")
    organisation = await world.organisation(owner)
    members = f"/organisations/{organisation['id']}/members"
    for handle in ("gone", "stays"):
        await owner.post(members, {"handle": handle, "role": "member"}, key=handle)
    need = await world.open_need(owner, organisation, places=2)
    claim = await world.submitted_claim(worker, owner, need, 90)
    path = f"/claims/{claim['id']}"
    await owner.move(path, "disputed", "Nothing was done")
    settle = f"{path}/settlement"
    await gone.post(settle, {"minutes": 90}, expect=200)
    assert (await owner.ask("DELETE", f"{members}/{gone.id}")).status_code == 204
    refused = await worker.post(settle, {"minutes": 90}, expect=409, key="1")
    assert refused["code"] == "settlement_offer_gone"
    await gone.post(settle, {"minutes": 80}, expect=404, key="2")
    assert (await worker.get("/me/contributions"))["total_minutes"] == 0
    # The other side may say the same anew, and the worker anything else.
    await worker.post(settle, {"minutes": 70}, expect=200, key="3")
    await stays.post(settle, {"minutes": 90}, expect=200, key="4")
    ended = await worker.post(settle, {"minutes": 90}, expect=200, key="5")
    assert ended["state"] == "confirmed"
    assert (await worker.get("/me/contributions"))["total_minutes"] == 90


async def test_the_opening_of_who_keeps_the_book_no_more_is_written_anew(world: World) -> None:
    coop = await house_of(world, owners=2)
    gone, keeper = coop.owners
    book = (await coop.owner.get("/books"))["items"][0]["id"]
    path = f"/books/{book}/opening"
    line = {"worker": "mate1", "stream": "livelihood", "minutes": 6000}
    said = {"on": "2026-01-01", "minutes": [line], "capital": [], "reserve": 0}
    written = await gone.post(path, said, key="o1")
    await remove(coop, gone)
    body = {"version": written["version"]}
    refused = await keeper.post(f"{path}/confirmation", body, expect=409, key="c1")
    assert refused["code"] == "opening_preparer_gone"
    anew = await coop.owner.post(path, said, key="o2")
    body = {"version": anew["version"]}
    await keeper.post(f"{path}/confirmation", body, key="c2")
    wrote = await coop.rows("SELECT recorded_by::text FROM entries WHERE kind = 'opening'")
    assert wrote[0][0] == coop.owner.id
    await coop.sound()

"""A receipt from elsewhere counts once, over all books, accounts and moments."""

import asyncio
from dataclasses import dataclass
from secrets import token_hex
from uuid import UUID

import pytest

from app.infra import clock
from app.infra.database import transaction
from app.infra.ids import private_id
from app.models.receipts import Receipt, ReceiptSource
from tests.factories import books
from tests.factories.world import Json, Person, World

TRIES = 5


@dataclass
class Two:
    """Two co-operatives in which one person works."""

    coop: books.Cooperative
    elsewhere: books.Issuer
    paths: tuple[str, str]

    async def offer(self, path: str, receipt: Receipt, by: Person, expect: int = 201) -> Json:
        """Offer a receipt to a book."""
        body = {"receipt_id": str(receipt.id)}
        return await by.post(f"{path}/receipts", body, key=token_hex(8), expect=expect)

    async def take(self, path: str, receipt: Receipt, expect: int = 200) -> Json:
        """Take it in."""
        decision = f"{path}/receipts/{receipt.id}/decision"
        return await self.coop.owner.post(decision, {"take": True}, expect=expect)

    async def totals(self) -> tuple[int, int]:
        """Return what stands in the two books."""
        first, second = [await self.coop.owner.get(path) for path in self.paths]
        return first["total_minutes"], second["total_minutes"]

    async def copy(self, receipt: Receipt, person: Person) -> Receipt:
        """Keep the same document as somebody else's, brought and proven."""
        row = {"id": private_id(), "account_id": UUID(person.id), "proven_at": clock.now()}
        brought = Receipt(**{**receipt.model_dump(), "source": ReceiptSource.SHOWN, **row})
        async with transaction(self.coop.world.runtime.sessions) as session:
            session.add(brought)
        return brought


@pytest.fixture
async def two(world: World) -> Two:
    coop = await books.cooperative(world)
    other = await world.organisation(coop.owner, name="Second House")
    home = f"/organisations/{other['id']}"
    member = {"handle": "worker", "role": "member", "worker_owner": False}
    await coop.owner.post(f"{home}/members", member)
    second = await coop.owner.post(f"{home}/ownership", {"currency": "EUR"}, key=token_hex(8))
    return Two(coop, books.issuer(world), (coop.path, f"/books/{second['id']}"))


async def test_one_book_at_a_time_whoever_brings_it(two: Two) -> None:
    first, second = two.paths
    worker = two.coop.worker
    receipt = await two.elsewhere.receipt(worker, 600)
    await two.offer(second, receipt, worker)
    await two.offer(first, receipt, worker)
    await two.take(first, receipt)
    assert (await two.take(second, receipt, 409))["code"] == "receipt_in_other_book"
    twin = await two.coop.world.sign_up("twin")
    for book in (await two.coop.owner.get("/books"))["items"]:
        member = {"handle": "twin", "role": "member", "worker_owner": False}
        members = f"/organisations/{book['organisation']['id']}/members"
        await two.coop.owner.post(members, member)
    brought = await two.copy(receipt, twin)
    refused = await two.offer(second, brought, twin, 409)
    assert refused["code"] == "receipt_in_other_book"
    await two.offer(first, brought, twin)
    assert (await two.take(first, brought, 409))["code"] == "receipt_in_book"
    assert await two.totals() == (600, 0)
    # Another receipt of the same person is another matter.
    await two.offer(second, (more := await two.elsewhere.receipt(worker, 60)), worker)
    await two.take(second, more)
    assert await two.totals() == (600, 60)


async def test_what_was_taken_back_is_free_for_the_right_book(two: Two) -> None:
    first, second = two.paths
    worker, owner = two.coop.worker, two.coop.owner
    receipt = await two.elsewhere.receipt(worker, 600)
    for path in two.paths:
        await two.offer(path, receipt, worker)
    await two.take(first, receipt)
    (entry,) = (await owner.get(f"{first}/entries"))["items"]
    said = {"minutes": 100, "reason": "Most of it was for the others"}
    path = f"/entries/{entry['entry_id']}/correction"
    anew = (await owner.post(path, said, key=token_hex(8)))["entry_ids"][-1]
    assert (await two.take(second, receipt, 409))["code"] == "receipt_in_other_book"
    # In dispute: it may come back.
    dispute = await worker.post(f"/entries/{anew}/disputes", {"reason": "All of it"}, key="d")
    assert (await two.take(second, receipt, 409))["code"] == "receipt_in_other_book"
    await worker.post(f"/disputes/{dispute['id']}/withdrawal", expect=200)
    said = {"minutes": 0, "reason": "All of it was for the others"}
    await owner.post(f"/entries/{anew}/correction", said, key=token_hex(8))
    await two.take(second, receipt)
    assert await two.totals() == (0, 600)


async def test_of_two_books_at_the_same_moment_one_takes_it(two: Two) -> None:
    for number in range(1, TRIES + 1):
        on = f"2026-02-0{number}"
        receipt = await two.elsewhere.receipt(two.coop.worker, 100, on=on)
        for path in two.paths:
            await two.offer(path, receipt, two.coop.worker)
        answers = await asyncio.gather(
            *(
                two.coop.owner.ask(
                    "POST", f"{path}/receipts/{receipt.id}/decision", json={"take": True}
                )
                for path in two.paths
            )
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        (refused,) = [answer.json() for answer in answers if answer.status_code == 409]
        assert refused["code"] == "receipt_in_other_book"
        assert sum(await two.totals()) == number * 100

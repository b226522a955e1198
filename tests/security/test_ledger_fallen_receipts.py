"""A receipt that its issuer takes back or replaces while the entry that stands on it is disputed.

Whichever comes first, its minutes are counted once at most and never below zero.
"""

from datetime import timedelta
from secrets import token_hex

import pytest

from app.domain.access import SYSTEM
from app.domain.activity.actions import record
from app.domain.administration.invariants import count_violations
from app.infra import clock
from app.infra.database import transaction
from app.models.receipts import Receipt, ReceiptState
from tests.factories import books
from tests.factories.world import World

SAID = 120


async def _taken(coop: books.Cooperative, receipt: Receipt) -> None:
    offers = f"{coop.path}/receipts"
    await coop.worker.post(offers, {"receipt_id": str(receipt.id)}, key=token_hex(8))
    await coop.keeper.post(f"{offers}/{receipt.id}/decision", {"take": True}, expect=200)


async def _agree(coop: books.Cooperative, dispute: str, minutes: int) -> None:
    for person in (coop.worker, coop.keeper):
        body = {"minutes": minutes}
        await person.post(f"/disputes/{dispute}/offers", body, expect=200, key=token_hex(8))


async def _fell(coop: books.Cooperative, receipt: Receipt, newer: Receipt | None) -> None:
    """Let the issuer take a receipt back, or say that another one replaces it."""
    async with transaction(coop.world.runtime.sessions) as session:
        kept = await session.get_one(Receipt, receipt.id)
        kept.state = ReceiptState.REPLACED if newer else ReceiptState.REVOKED
        kept.replaced_by = newer.url if newer else None
        verb, about = "receipt.replaced" if newer else "receipt.revoked", newer or receipt
        record(session, SYSTEM, verb, about.id, receipt_id=str(about.id))
    await coop.world.work()


async def _sound(coop: books.Cooperative) -> None:
    async with transaction(coop.world.runtime.sessions) as session:
        wrong = await count_violations(session)
    assert {name: count for name, count in wrong.items() if count} == {}


# What the dispute leaves of 120 minutes, what the newer receipt says (none: taken back), and what
# stands in the end: never more than both allow.
ENDS = [
    (SAID, None, 0),
    (60, None, 0),
    (0, None, 0),
    (SAID, 90, 90),
    (60, 45, 45),
    (60, 90, 0),  # longer than what was ruled: it is offered, and people decide
    (0, 45, 0),
]


@pytest.mark.parametrize("first", ["the receipt falls", "the dispute ends"])
async def test_its_minutes_are_counted_once_at_most(world: World, first: str) -> None:
    coop = await books.cooperative(world)
    elsewhere = books.issuer(world)
    for number, (ruled, says, left) in enumerate(ENDS, 1):
        before = (await coop.minutes()).get("worker", 0)
        on = f"2026-03-{number:02}"
        receipt = await elsewhere.receipt(coop.worker, SAID, on=on)
        await _taken(coop, receipt)
        newer = (
            await elsewhere.receipt(coop.worker, says, on=on, replaces=receipt.url)
            if says
            else None
        )
        dispute = await _dispute_newest(coop)
        if first == "the receipt falls":
            await _fell(coop, receipt, newer)
            assert (await coop.minutes())["worker"] == before, "it waits in suspense"
            await _agree(coop, dispute, ruled)
            await world.work()
        else:
            await _agree(coop, dispute, ruled)
            await _fell(coop, receipt, newer)
        assert (await coop.minutes())["worker"] == before + left, (ruled, says)
        await _fell(coop, receipt, newer)  # the news may come twice
        assert (await coop.minutes())["worker"] == before + left, (ruled, says)
    await _sound(coop)


async def _dispute_newest(coop: books.Cooperative) -> str:
    entries = (await coop.owner.get(f"{coop.path}/entries", limit=1))["items"]
    path, body = f"/entries/{entries[0]['entry_id']}/disputes", {"reason": "Half of that"}
    return str((await coop.keeper.post(path, body, key=token_hex(8)))["id"])


async def test_the_newer_one_waits_for_the_dispute_about_the_older_one(world: World) -> None:
    """Taken before anybody heard that it replaces one: both would count once the dispute ends."""
    coop = await books.cooperative(world)
    elsewhere = books.issuer(world)
    older = await elsewhere.receipt(coop.worker, SAID)
    await _taken(coop, older)
    dispute = await _dispute_newest(coop)
    newer = await elsewhere.receipt(coop.worker, 90, replaces=older.url)
    await coop.worker.post(f"{coop.path}/receipts", {"receipt_id": str(newer.id)}, key="n")
    path = f"{coop.path}/receipts/{newer.id}/decision"
    refused = await coop.keeper.post(path, {"take": True}, expect=409)
    assert refused["code"] == "receipt_before_disputed"
    await _fell(coop, older, newer)
    assert (await coop.keeper.post(path, {"take": True}, expect=409))["code"] == refused["code"]
    await coop.keeper.post(f"/disputes/{dispute}/withdrawal", expect=200)
    await world.work()
    assert await coop.minutes() == {"worker": 90}
    done = await coop.keeper.post(path, {"take": True}, expect=409)
    assert done["code"] == "receipt_decided"
    await _sound(coop)


async def test_a_panels_word_waits_for_its_appeal_before_the_receipt_is_followed(
    world: World,
) -> None:
    """Until nobody can appeal any more, what was ruled stands; then the receipt is gone too."""
    coop = await books.cooperative(world)
    judges = [await world.sign_up(f"judge{number}") for number in range(3)]
    members = f"/organisations/{coop.organisation['id']}/members"
    for number in range(3):
        body = {"handle": f"judge{number}", "role": "member", "worker_owner": True}
        await coop.owner.post(members, body)
    founders = {"account_ids": [each.id for each in (coop.keeper, *judges)],
                "since": "2026-01-01"}  # fmt: skip
    await coop.owner.post(f"{coop.path}/founders", founders, key="f")
    receipt = await books.issuer(world).receipt(coop.worker, SAID)
    await _taken(coop, receipt)
    dispute = await _dispute_newest(coop)
    await coop.keeper.post(f"/disputes/{dispute}/panel", expect=200)
    for judge in judges[:2]:
        body = {"minutes": 60, "reason": "As it looks"}
        await judge.post(f"/disputes/{dispute}/judgements", body, expect=200)
    await _fell(coop, receipt, None)
    assert await coop.minutes() == {"worker": 60}
    with clock.moved(timedelta(days=15)):
        await world.work()
    assert await coop.minutes() == {"worker": 0}
    await _sound(coop)

"""T3 of the ledger paper: standing with a disputed entry, and the vote, to the minute."""

from datetime import date, timedelta
from uuid import UUID

from app.domain.access import SYSTEM
from app.domain.ledger.posting import NewEntry, post_entry
from app.domain.ledger.rules import Side
from app.infra import clock
from app.infra.database import transaction
from app.models.ledger import MINUTE, EntryKind, LedgerAccountKind, WorkStream
from tests.factories.governing import Cooperative, cooperative, noon
from tests.factories.world import Person, World

TODAY = date(2026, 3, 15)
DISPUTED = 8 * 60 + 30
WORKER, SUSPENSE = LedgerAccountKind.WORKER, LedgerAccountKind.SUSPENSE
RECEIVER = LedgerAccountKind.ORGANISATION


async def _post(coop: Cooperative, kind: EntryKind, moves: dict[LedgerAccountKind, int]) -> None:
    """Move minutes of the disputed entry of today between Z's accounts, as a dispute does."""
    z, home = UUID(coop.people["z"].id), UUID(coop.organisation["id"])
    sides = [
        Side(where, home if where == RECEIVER else z, WorkStream.LIVELIHOOD, MINUTE, minutes)
        for where, minutes in moves.items()
    ]
    new = NewEntry(kind, TODAY, UUID(coop.owner.id))
    async with transaction(coop.world.runtime.sessions) as session:
        await post_entry(session, SYSTEM, UUID(coop.book_id), new, sides)


async def _hours(coop: Cooperative, z: Person) -> tuple[int, int, bool]:
    found = await z.get(f"{coop.path}/standing")
    return found["minutes"], found["recent_minutes"], found["eligible"]


async def test_t3_a_disputed_entry_decides_about_the_right_to_ask(world: World) -> None:
    with clock.frozen(noon(TODAY)):
        coop = await cooperative(world, owners="abcdefghi", members=("z",))
        z = coop.people["z"]
        await coop.begin_probation(z, "2025-03-15")
        await coop.slips(z, 305 * 60, TODAY - timedelta(days=200))
        await coop.slips(z, 300 * 60 - DISPUTED, TODAY - timedelta(days=1))
        await coop.slips(z, DISPUTED, TODAY)
        assert await _hours(coop, z) == (605 * 60, 300 * 60, True)
        await _post(coop, EntryKind.DISPUTE, {WORKER: -DISPUTED, SUSPENSE: DISPUTED})
        assert await _hours(coop, z) == (596 * 60 + 30, 291 * 60 + 30, False)
        assert (await z.post(f"{coop.path}/admissions", key="1", expect=409))["code"] == (
            "standing_missing"
        )
        cut = {SUSPENSE: -DISPUTED, WORKER: 480, RECEIVER: 30}
        await _post(coop, EntryKind.RULING, cut)
        assert await _hours(coop, z) == (604 * 60 + 30, 299 * 60 + 30, False)
        await _post(coop, EntryKind.RULING, {WORKER: 30, RECEIVER: -30})
        assert await _hours(coop, z) == (605 * 60, 300 * 60, True)
        await z.post(f"{coop.path}/admissions", key="2")
        (ask,) = (await coop.owner.get(f"{coop.path}/admissions"))["items"]
        decision = await coop.motion(coop.owner, "admission", ask["id"], days=1)
        said = {"a": "yes", "b": "yes", "c": "yes", "d": "yes", "e": "no", "f": "no"}
        for name, choice in {**said, "g": "abstain"}.items():
            await coop.vote(coop.people[name], decision, choice)
    with clock.frozen(noon(TODAY + timedelta(days=1))):
        await world.work()
        closed = await coop.owner.get(f"/decisions/{decision['id']}")
        assert closed["count"] == {"roll": 9, "yes": 4, "no": 2, "abstain": 1}
        assert (closed["outcome"]["passed"], closed["outcome"]["refused"]) == (True, None)
        people = (await coop.owner.get(f"{coop.path}/people"))["items"]
        assert next(one["status"] for one in people if one["handle"] == "zzz") == "worker_owner"

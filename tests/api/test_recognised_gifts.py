"""What was recognised of a gift goes and comes with it: the account says what standing says."""

from datetime import date, timedelta
from secrets import token_hex
from typing import Any

from sqlalchemy import text

from app.domain.administration.invariants import count_violations
from app.infra import clock
from app.infra.database import transaction
from tests.factories.governing import Cooperative, cooperative, noon
from tests.factories.world import World

TODAY = date(2026, 3, 15)
GIFT = 300


async def _rows(world: World, statement: str, **values: object) -> list[tuple[Any, ...]]:
    async with transaction(world.runtime.sessions) as session:
        return [tuple(row) for row in await session.execute(text(statement), values)]


async def _standing(coop: Cooperative) -> int:
    """What Z's account of standing says; it is what counts toward admission."""
    rows = await _rows(
        coop.world,
        "SELECT amount FROM balances JOIN ledger_accounts ON id = account_id "
        "WHERE kind = 'standing' AND holder_id = CAST(:z AS uuid)",
        z=coop.people["z"].id,
    )
    counted = (await coop.people["z"].get(f"{coop.path}/standing"))["minutes"]
    assert [(counted,)] == rows
    return int(counted)


async def _recognised(coop: Cooperative, days: int) -> list[str]:
    """Let three of Z's gifts be recognised, one a day."""
    a, b, z = (coop.people[name] for name in "abz")
    gifts: list[str] = []
    for back in range(days):
        gifts += await coop.slips(z, GIFT, TODAY - timedelta(days=back), stream="gift")
    body = {"account_id": z.id, "entry_ids": gifts}
    asked = await z.post(f"{coop.path}/conversions", body, key=token_hex(8))
    await a.post(f"/conversions/{asked['id']}/signatures", key=token_hex(8), expect=200)
    decision = await coop.motion(a, "conversion", asked["id"])
    for person in (a, b):
        await coop.vote(person, decision, "yes")
    return gifts


async def test_what_is_recognised_follows_its_gift(world: World) -> None:
    with clock.frozen(noon(TODAY)):
        coop = await cooperative(world, members=("z",))
        b, z = coop.people["b"], coop.people["z"]
        await coop.begin_probation(z, "2025-03-15")
        corrected, cut, upheld = await _recognised(coop, 3)
        assert await _standing(coop) == 3 * GIFT
        # Corrected: the gift is another entry now, and nobody has decided about that one.
        body = {"minutes": 100, "reason": "It was less"}
        done = await b.post(f"/entries/{corrected}/correction", body, key="c")
        assert await _standing(coop) == 2 * GIFT
        free = (await z.get(f"{coop.path}/gifts"))["items"]
        assert [one["entry_id"] for one in free] == [done["entry_ids"][1]]
        # Disputed: nothing of it counts until it is decided, and then what is left of it.
        disputes = {}
        for number, entry in enumerate((cut, upheld), 1):
            reason = {"reason": "Was it so long?"}
            disputes[entry] = await b.post(f"/entries/{entry}/disputes", reason, key=token_hex(8))
            assert await _standing(coop) == (2 - number) * GIFT
        for person in (z, b):
            offer = f"/disputes/{disputes[cut]['id']}/offers"
            await person.post(offer, {"minutes": 40}, expect=200)
        assert await _standing(coop) == 40
        await b.post(f"/disputes/{disputes[upheld]['id']}/withdrawal", expect=200)
        assert await _standing(coop) == 40 + GIFT
        # Each of these entries names the gift and its cause, and nothing else was touched.
        named = await _rows(
            world,
            "SELECT cause.kind, sum(p.amount) FROM entries e JOIN entry_links USING (entry_id) "
            "JOIN entries cause ON cause.entry_id = linked_entry_id AND cause.kind <> 'slip' "
            "JOIN postings p ON p.entry_id = e.entry_id JOIN ledger_accounts a "
            "ON a.id = p.account_id AND a.holder_id = CAST(:z AS uuid) "
            "GROUP BY cause.kind ORDER BY cause.kind",
            z=z.id,
        )
        assert named == [
            ("correction", -GIFT),
            ("dispute", -2 * GIFT),
            ("ruling", 40 + GIFT),
        ]
        async with transaction(world.runtime.sessions) as session:
            assert set((await count_violations(session)).values()) == {0}


async def test_a_gift_that_nobody_recognised_brings_no_standing(world: World) -> None:
    with clock.frozen(noon(TODAY)):
        coop = await cooperative(world, members=("z",))
        b, z = coop.people["b"], coop.people["z"]
        await coop.begin_probation(z, "2025-03-15")
        (gift,) = await coop.slips(z, GIFT, TODAY, stream="gift")
        dispute = await b.post(f"/entries/{gift}/disputes", {"reason": "Was it?"}, key="d")
        await b.post(f"/disputes/{dispute['id']}/withdrawal", expect=200)
        assert (await z.get(f"{coop.path}/standing"))["minutes"] == 0
        assert await _rows(world, "SELECT 1 FROM entries WHERE kind = 'conversion'") == []

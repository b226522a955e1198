"""The doctor's invariants find what was planted, and nothing on a sound instance."""

import pytest

from app.domain.administration.invariants import count_violations
from app.infra.database import transaction
from tests.conftest import Services, _administer
from tests.factories.world import World

UNGUARDED = "ALTER TABLE {0} DISABLE TRIGGER USER; {1}; ALTER TABLE {0} ENABLE TRIGGER USER"
PLANTED = [
    (
        "every need counts the places that claims hold",
        "UPDATE needs SET taken = 0",
    ),
    (
        "every balance is the sum of its postings",
        "UPDATE balances SET amount = amount + 1",
    ),
    (
        "every entry sums to zero in each unit",
        UNGUARDED.format("postings", "UPDATE postings SET amount = amount + 7 WHERE amount > 0"),
    ),
    (
        "every entry has all its postings",
        UNGUARDED.format("postings", "DELETE FROM postings WHERE amount > 0"),
    ),
    (
        "every confirmed claim has its entry",
        UNGUARDED.format("entries", "UPDATE entries SET claim_id = NULL"),
    ),
    (
        "the entries of every claim sum to what was confirmed of it, once",
        "UPDATE claims SET confirmed_minutes = 1",
    ),
    (
        "every entry has its cause",
        UNGUARDED.format("entries", "UPDATE entries SET claim_id = NULL"),
    ),
    ("every claim is where its history left it", "UPDATE claims SET state = 'lapsed'"),
    (
        "every move of a claim begins where the last one ended",
        UNGUARDED.format(
            "claim_history", "UPDATE claim_history SET from_state = 'lapsed' WHERE id > 1"
        ),
    ),
    (
        "every move of a claim is one that the table allows",
        UNGUARDED.format(
            "claim_history", "UPDATE claim_history SET to_state = 'applied' WHERE id > 1"
        ),
    ),
    (
        "a claim is before a panel exactly while one is open",
        "UPDATE claims SET state = 'panel_review'",
    ),
    (
        "nobody judges their own work",
        UNGUARDED.format(
            "entries", "UPDATE entries SET recorded_by = (SELECT account_id FROM claims LIMIT 1)"
        ),
    ),
    (
        "hours are in the book only of claims that were confirmed",
        "UPDATE claims SET state = 'submitted'",
    ),
]


@pytest.mark.parametrize(("name", "harm"), PLANTED, ids=[name for name, _ in PLANTED])
async def test_what_breaks_an_invariant_is_counted(
    world: World, database: Services, name: str, harm: str
) -> None:
    owner, worker = await world.sign_up("owner"), await world.sign_up("worker")
    need = await world.open_need(owner, await world.organisation(owner))
    await world.confirm(owner, await world.submitted_claim(worker, owner, need))
    async with transaction(world.runtime.sessions) as session:
        assert set((await count_violations(session)).values()) == {0}
    await _administer(database.owner_url, *harm.split("; "))
    async with transaction(world.runtime.sessions) as session:
        assert (await count_violations(session))[name] > 0

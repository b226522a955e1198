"""Two accounts with one mail address are one person, by every road of disputes and decisions."""

from secrets import token_hex

import pytest

from tests.factories.disputing import House, house_of
from tests.factories.persons import ADDRESS, FRIEND, TWIN, move_to, prove
from tests.factories.world import Json, Person, World


@pytest.fixture
async def coop(world: World) -> House:
    return await house_of(world)


async def offered(coop: House, dispute: Json, *people: Person) -> list[int]:
    """Let people offer the same in turn; return what each was answered."""
    path = f"/disputes/{dispute['id']}/offers"
    return [(await one.ask("POST", path, json={"minutes": 80})).status_code for one in people]


@pytest.mark.parametrize("address", [FRIEND, TWIN])
async def test_no_second_account_speaks_for_the_book_or_agrees_with_the_first(
    coop: House, address: str
) -> None:
    other = coop.owners[0]
    await move_to(coop.worker, ADDRESS)
    await move_to(other, address)
    dispute = await coop.dispute(other)
    if address == FRIEND:
        assert await offered(coop, dispute, other, coop.worker) == [200, 200]
        assert await coop.held() == (80, 0)
        return
    # The worker disputes, from whichever account: whoever wrote it down answers for the book.
    assert await offered(coop, dispute, other, coop.worker) == [403, 200]
    assert await coop.held() == (0, 90)
    seen = await other.get(f"/disputes/{dispute['id']}")
    assert (seen["my_side"], seen["may"]) == (None, ["withdraw"])
    assert await offered(coop, dispute, coop.owner) == [200]
    assert await coop.held() == (80, 0)
    await coop.sound()


async def test_an_offer_is_no_agreement_once_both_sides_are_one(coop: House) -> None:
    other = coop.owners[0]
    await move_to(coop.worker, ADDRESS)
    dispute = await coop.dispute(other)
    assert await offered(coop, dispute, other) == [200]
    await move_to(other, TWIN)
    assert await offered(coop, dispute, coop.worker) == [200]
    assert await coop.held() == (0, 90), "nobody agrees with themselves"
    assert await offered(coop, dispute, coop.owner) == [200]
    assert await coop.held() == (80, 0)
    # Nor does the same person dispute it anew from the other account.
    assert (await coop.dispute(coop.worker, expect=409))["code"] == "dispute_had"


async def test_what_a_second_account_lets_stand_its_first_recorder_answers_for(
    coop: House,
) -> None:
    other = coop.owners[0]
    await move_to(coop.worker, ADDRESS)
    await move_to(other, TWIN)
    dispute = await coop.dispute(other)
    await other.post(f"/disputes/{dispute['id']}/withdrawal", expect=200)
    assert await coop.held() == (90, 0)
    (row,) = await coop.rows("SELECT recorded_by::text FROM entries WHERE kind = 'ruling'")
    assert row[0] == coop.owner.id


# Whose address the second account has, whether that account proved it, and who is on the roll.
ROLLS = [(FRIEND, False, 2), (TWIN, False, 1), (TWIN, True, 2)]


async def before_the_assembly(coop: House, opponent: Person) -> tuple[Json, str, Json]:
    """Return a dispute that no panel can decide, and where and how it is put to the vote."""
    dispute = await coop.dispute(opponent)
    path = f"/disputes/{dispute['id']}"
    await coop.worker.post(f"{path}/panel", expect=200)
    await coop.worker.post(f"{path}/reappeal", {"reason": "Nobody is left"}, expect=200)
    motion = {"subject": "appeal", "subject_id": dispute["id"], "minutes": 80}
    return dispute, f"/books/{dispute['book_id']}/decisions", motion


@pytest.mark.parametrize(("address", "proves", "roll"), ROLLS)
async def test_a_partys_other_account_puts_no_figures_and_has_no_vote(
    world: World, address: str, proves: bool, roll: int
) -> None:
    """Whoever proved the address that a party wrote down keeps the vote, but puts no figures."""
    coop = await house_of(world, owners=3)
    opponent, other, third = coop.owners
    await move_to(coop.worker, ADDRESS)
    await move_to(other, address)
    if proves:
        await prove(world, other, address)
    dispute, decisions, motion = await before_the_assembly(coop, opponent)
    if address == TWIN:
        for party in (other, coop.worker, opponent):
            refused = await party.post(decisions, motion, key=token_hex(8), expect=403)
            assert refused["code"] == "decision_party"
        tasks = (await other.get(f"/books/{dispute['book_id']}/tasks"))["items"]
        assert "appeal" not in {one["code"] for one in tasks}
    putter = third if address == TWIN else other
    decision = await putter.post(decisions, motion, key=token_hex(8))
    assert decision["count"]["roll"] == roll
    vote, yes = f"/decisions/{decision['id']}/votes", {"choice": "yes"}
    answer = await other.post(vote, yes, key=token_hex(8), expect=200 if roll == 2 else 403)
    assert roll == 2 or answer["code"] == "elector_required"
    done = await third.post(vote, yes, key=token_hex(8), expect=200)
    assert (done["outcome"]["passed"], await coop.held()) == (True, (80, 0))
    await coop.sound()


async def test_where_only_a_partys_accounts_are_left_they_can_still_agree(world: World) -> None:
    coop = await house_of(world, owners=2)
    opponent, other = coop.owners
    await move_to(coop.worker, ADDRESS)
    await move_to(other, TWIN)
    dispute, decisions, motion = await before_the_assembly(coop, opponent)
    refused = await other.post(decisions, motion, key=token_hex(8), expect=409)
    assert refused["code"] == "decision_roll_empty"
    assert "can still agree" in refused["detail"]
    assert await offered(coop, dispute, coop.worker, opponent) == [200, 200]
    assert await coop.held() == (80, 0)

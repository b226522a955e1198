"""Two accounts with one mail address are one person, by every road of disputes and decisions."""

import pytest

from tests.factories.disputing import House, house_of
from tests.factories.world import PASSWORD, Json, Person, World

ADDRESS = "one@example.org"
# The same address as people write it; what comes before the sign is compared without its case.
FRIEND, TWIN = "friend@example.org", ADDRESS.upper()


@pytest.fixture
async def coop(world: World) -> House:
    return await house_of(world)


async def move_to(person: Person, address: str | None) -> None:
    """Change one's address, as the page of settings does."""
    body = {"email": address, "current_password": PASSWORD}
    answer = await person.ask("PATCH", "/me", json=body)
    assert answer.status_code == 200, answer.text


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

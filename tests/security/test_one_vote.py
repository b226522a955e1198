"""One person has one vote and one standing, and signs for one side, by whichever account."""

from datetime import date, timedelta
from secrets import token_hex
from typing import Any

import pytest

from app.infra import clock
from tests.factories import periods
from tests.factories.governing import Cooperative, cooperative, noon
from tests.factories.persons import ADDRESS, FRIEND, TWIN, move_to, prove
from tests.factories.world import Person, World

TODAY = date(2026, 3, 2)
BOTH = pytest.mark.parametrize("address", [FRIEND, TWIN])


async def answered(person: Person, path: str, body: dict[str, Any] | None = None) -> str:
    """What a request comes to: done, or the code of the refusal."""
    answer = await person.ask(
        "POST", path, json=body or {}, headers={"Idempotency-Key": token_hex(8)}
    )
    return "done" if answer.is_success else str(answer.json()["code"])


async def voting(coop: Cooperative) -> str:
    """Put somebody's gift to the vote; return where to vote."""
    z = coop.people["z"]
    gift = await coop.slips(z, 60, TODAY, stream="gift")
    body = {"account_id": z.id, "entry_ids": gift}
    asked = await z.post(f"{coop.path}/conversions", body, key=token_hex(8))
    await coop.owner.post(f"/conversions/{asked['id']}/signatures", key=token_hex(8), expect=200)
    decision = await coop.motion(coop.owner, "conversion", asked["id"])
    return f"/decisions/{decision['id']}/votes"


@BOTH
async def test_nobody_signs_for_the_other_side_of_their_own_matter(
    world: World, address: str
) -> None:
    with clock.frozen(noon(TODAY)):
        coop = await cooperative(world)
        b, c = coop.people["b"], coop.people["c"]
        one, two = (
            await coop.slips(b, 60, TODAY, stream="gift"),
            await coop.slips(b, 60, TODAY - timedelta(days=1), stream="gift"),
        )
        await move_to(b, ADDRESS)
        await move_to(c, address)
        asked = await b.post(
            f"{coop.path}/conversions", {"account_id": b.id, "entry_ids": one}, key="b"
        )
        training = {"name": "Safety", "done_on": TODAY.isoformat()}
        others = {"account_id": b.id, "entry_ids": two}
        seen = [
            await answered(c, f"/conversions/{asked['id']}/signatures"),
            await answered(c, f"{coop.path}/conversions", others),
            await answered(c, f"{coop.path}/people/{b.id}/trainings", training),
        ]
        left = await b.post(f"{coop.path}/exits", key="leave")
        exit_at = f"/exits/{left['id']}"
        schedule = {"instalments": 1, "interval_months": 1, "first_due_on": TODAY.isoformat()}
        seen += [
            await answered(c, f"{exit_at}/schedule", schedule),
            await answered(c, f"{exit_at}/payouts", {"paid_on": TODAY.isoformat()}),
            str((await c.get(exit_at))["may_pay"]),
        ]
    # Of the last two: nothing is on the account, which is said to whoever may pay.
    assert seen == (
        ["done", "done", "done", "done", "payout_done", "True"]
        if address == FRIEND
        else ["conversion_side"] * 2 + ["training_own"] + ["exit_side"] * 2 + ["False"]
    )


@BOTH
async def test_nobody_answers_their_own_objection_or_takes_a_period_back_twice(
    world: World, address: str
) -> None:
    made = await periods.cooperative(world, "anna", "berta", "carles")
    anna, berta = made.members["anna"], made.members["berta"]
    await made.give(made.id_of("anna"), 600)
    period = await made.draw_up(await made.open(periods.LAST, 1000, periods.FIRST))
    path = f"/periods/{period['id']}"
    said = await anna.post(f"{path}/objections", {"text": "It was more"}, key="o")
    await move_to(anna, ADDRESS)
    await move_to(berta, address)
    kept = {"kept": True, "answer": "It is in the next one"}
    seen = [await answered(berta, f"/period-objections/{said['id']}/answer", kept)]
    for person in (anna, berta):
        now = await made.owner.get(path)
        back = {"to": "reopened", "version": now["version"], "reason": "A slip is missing"}
        seen.append(await answered(person, f"{path}/transitions", back))
        if person is anna:
            await made.draw_up(await made.owner.get(path))
    assert seen == (
        ["done", "done", "done"]
        if address == FRIEND
        else ["period_answer_own", "done", "period_reopened_before"]
    )


# What the second and the third account of the roll have for an address, who of them proves it, and
# what becomes of their votes, in this order.
VOTES = [
    ((ADDRESS, FRIEND), "", ["done", "done"]),
    ((None, None), "", ["done", "done"]),
    ((ADDRESS, TWIN), "", ["vote_unproven", "vote_unproven"]),
    ((ADDRESS, TWIN), "b", ["done", "vote_unproven"]),
    ((ADDRESS, TWIN), "c", ["vote_unproven", "done"]),
    ((ADDRESS, TWIN), "bc", ["done", "vote_same_person"]),
]


@pytest.mark.parametrize(("addresses", "proving", "votes"), VOTES)
async def test_one_person_has_one_vote_and_nobody_takes_it_from_another(
    world: World, addresses: tuple[str | None, str | None], proving: str, votes: list[str]
) -> None:
    with clock.frozen(noon(TODAY)):
        coop = await cooperative(world, owners=("a", "b", "c", "d", "e"), members=("z",))
        await coop.begin_probation(coop.people["z"], TODAY.isoformat())
        for name, address in zip("bc", addresses, strict=True):
            if address is not None:
                await move_to(coop.people[name], address)
            if name in proving and address is not None:
                await prove(world, coop.people[name], address)
        path = await voting(coop)
        yes = {"choice": "yes"}
        assert [await answered(coop.people[name], path, yes) for name in "bc"] == votes


async def test_whoever_proves_the_address_or_gives_another_votes(world: World) -> None:
    """Somebody else's account with one's address stands in the way until one proves it."""
    with clock.frozen(noon(TODAY)):
        coop = await cooperative(world, owners=("a", "b", "c", "d", "e"), members=("z",))
        await coop.begin_probation(coop.people["z"], TODAY.isoformat())
        b, c = coop.people["b"], coop.people["c"]
        path, yes = await voting(coop), {"choice": "yes"}
        await move_to(b, ADDRESS)
        await move_to(c, TWIN)
        refused = await c.post(path, yes, key="one", expect=403)
        assert (refused["code"], "prove" in refused["detail"]) == ("vote_unproven", True)
        await prove(world, b, ADDRESS)
        assert await answered(b, path, yes) == "done"
        assert await answered(c, path, yes) == "vote_unproven"
        await move_to(c, FRIEND)
        seen = await c.post(path, {"choice": "no"}, key="two", expect=200)
        assert (seen["count"]["yes"], seen["count"]["no"]) == (1, 1)


# Whose address the newcomer has, who of the two proves it, and whether there is a place for them.
STANDINGS = [
    (FRIEND, "", "done"),
    (TWIN, "", "standing_same_person"),
    (TWIN, "b", "standing_same_person"),
    (TWIN, "bz", "standing_same_person"),
    (TWIN, "z", "done"),
]


@pytest.mark.parametrize(("address", "proving", "expected"), STANDINGS)
async def test_one_person_has_one_standing_in_a_book(
    world: World, address: str, proving: str, expected: str
) -> None:
    with clock.frozen(noon(TODAY)):
        coop = await cooperative(world, owners=("a", "b"), members=("z",))
        b, z = coop.people["b"], coop.people["z"]
        for person, name, mail in ((b, "b", ADDRESS), (z, "z", address)):
            await move_to(person, mail)
            if name in proving:
                await prove(world, person, mail)
        begun = {"handle": "zzz", "since": TODAY.isoformat()}
        assert await answered(coop.owner, f"{coop.path}/probations", begun) == expected


async def test_nobody_asks_for_a_place_that_another_account_of_theirs_has(world: World) -> None:
    with clock.frozen(noon(TODAY)):
        coop = await cooperative(world, owners=("a", "b"), members=("z",))
        b, z = coop.people["b"], coop.people["z"]
        await coop.begin_probation(z, "2025-03-02")
        await coop.slips(z, 305 * 60, TODAY - timedelta(days=200))
        await coop.slips(z, 300 * 60, TODAY)
        await move_to(b, ADDRESS)
        await move_to(z, TWIN)
        path, words = f"{coop.path}/admissions", {"words": "A year with you"}
        assert await answered(z, path, words) == "standing_same_person"
        await move_to(z, None)
        assert await answered(z, path, words) == "done"
        (ask,) = (await coop.owner.get(path))["items"]
        decision = await coop.motion(coop.owner, "admission", ask["id"])
        # What changes while all vote is seen when it would take effect.
        await move_to(z, TWIN)
        await coop.vote(coop.owner, decision, "yes")
        done = await coop.vote(b, decision, "yes")
        assert done["outcome"]["refused"] == "standing_same_person"

"""Work across instances: hours, changes, disputes, ends of every kind, and what is written."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlmodel import select

from app.domain.claims import remote
from app.domain.claims.remote import Stands
from app.infra import clock
from app.infra.database import transaction
from app.models.activity import Activity
from app.models.agreements import Agreement
from app.models.claims import ClaimState
from app.workers.clocks import turn_clocks
from tests.factories.helping import bodies, claim_of, helping
from tests.factories.instances import Pair
from tests.factories.world import PASSWORD, Person

ASKED_AFTER, LAPSED_AFTER = timedelta(days=4), timedelta(days=12)


async def sign_in(person: Person) -> None:
    """Sign in anew: a session ends when its person is away for long."""
    await person.post("/sessions", {"handle": person.me["account"]["handle"], "password": PASSWORD})


async def test_changes_are_asked_for_and_the_hours_handed_in_again(old_friends: Pair) -> None:
    helped = await helping(old_friends)
    here, there = await helped.handed_in(90)
    await helped.owner.move(f"/claims/{there['id']}", "changes_requested", "Was it not 60?")
    await old_friends.work()
    mine = await helped.theirs(here)
    assert mine["state"] == "changes_requested"
    assert mine["history"][-1]["reason"] == "Was it not 60?"

    logs = (await helped.worker.get(f"/claims/{here['id']}/work-logs"))["items"]
    path = f"/claims/{here['id']}/work-logs/{logs[0]['id']}"
    assert (await helped.worker.ask("DELETE", path)).status_code == 204
    await helped.log(here, 60, "counted again")
    await helped.worker.move(f"/claims/{here['id']}", "submitted")
    await old_friends.work()
    there = await helped.guest_claim()
    assert (there["state"], there["minutes_logged"]) == ("submitted", 60)
    await helped.north.confirm(helped.owner, there, 60)
    await old_friends.work()
    assert (await helped.theirs(here))["state"] == "confirmed"
    await helped.sound()


async def test_a_dispute_waits_for_people_and_nobody_is_drawn(old_friends: Pair) -> None:
    helped = await helping(old_friends)
    here, there = await helped.handed_in(90)
    await helped.owner.move(f"/claims/{there['id']}", "disputed", "This was not done")
    await old_friends.work()
    mine, there = await helped.theirs(here), await helped.guest_claim()
    assert mine["state"] == there["state"] == "disputed"
    assert mine["history"][-1]["reason"] == "This was not done"
    for claim in (mine, there):
        assert "panel_review" not in claim["possible_transitions"]
        assert claim["may_settle"] is False
    refused = await helped.owner.ask(
        "POST", f"/claims/{there['id']}/settlement", json={"minutes": 30}
    )
    assert refused.json()["code"] == "settlement_elsewhere"
    with clock.moved(timedelta(days=40)):
        await helped.north.work()
    assert (await helped.guest_claim())["state"] == "disputed"

    await helped.north.confirm(helped.owner, there, 90)  # the organisation gives in
    await old_friends.work()
    assert (await helped.theirs(here))["state"] == "confirmed"
    await helped.sound()


async def test_a_worker_disputes_what_was_confirmed_and_the_book_follows(
    old_friends: Pair,
) -> None:
    helped = await helping(old_friends)
    here, there = await helped.handed_in(90)
    await helped.north.confirm(helped.owner, there, 30)
    await old_friends.work()
    await helped.worker.move(f"/claims/{here['id']}", "disputed", "It was 90")
    await old_friends.work()
    there = await helped.guest_claim()
    assert there["state"] == "disputed"
    await helped.north.confirm(helped.owner, there, 90)
    await old_friends.work()
    assert (await helped.theirs(here))["state"] == "confirmed"
    (book,) = (await helped.owner.get("/books"))["items"]
    whole = await helped.owner.get(f"/books/{book['id']}")
    assert (whole["total_minutes"], whole["sums"]) == (90, {"minute": 0})
    await helped.sound()


@pytest.mark.parametrize("when", ["waiting", "accepted"])
async def test_a_worker_takes_the_offer_back_and_the_place_is_free(
    old_friends: Pair, when: str
) -> None:
    helped = await helping(old_friends)
    if when == "accepted":
        here, _ = await helped.accepted()
    else:
        here = await helped.apply()
        await old_friends.work()
    await helped.worker.move(f"/claims/{here['id']}", "withdrawn", "No time")
    await old_friends.work()
    assert (await helped.guest_claim())["state"] == "withdrawn"
    need = await helped.owner.get(f"/needs/{helped.need['id']}")
    assert need["taken"] == 0
    again = await helped.apply()
    await old_friends.work()
    assert again["state"] == "applied"
    assert [claim["state"] for claim in await helped.guest_claims()] == ["withdrawn", "applied"]
    await helped.sound()


async def test_an_accept_that_crosses_an_undo_gives_nothing(old_friends: Pair) -> None:
    helped = await helping(old_friends)
    here = await helped.apply()
    await old_friends.work()
    there = await helped.guest_claim()
    await helped.owner.move(f"/claims/{there['id']}", "accepted")
    await helped.worker.move(f"/claims/{here['id']}", "withdrawn")
    await old_friends.work()
    assert (await helped.theirs(here))["state"] == "withdrawn"
    assert (await helped.guest_claim())["state"] == "withdrawn"
    assert (await helped.owner.get(f"/needs/{helped.need['id']}"))["taken"] == 0
    await helped.sound()


async def test_an_organisation_lets_a_worker_go_while_hours_are_on_their_way(
    old_friends: Pair,
) -> None:
    helped = await helping(old_friends)
    here, there = await helped.accepted()
    await helped.log(here)
    await helped.worker.move(f"/claims/{here['id']}", "submitted")
    await helped.owner.move(f"/claims/{there['id']}", "released", "It is done already")
    await old_friends.work()
    mine, there = await helped.theirs(here), await helped.guest_claim()
    assert mine["state"] == there["state"] == "released"
    assert mine["history"][-1]["reason"] == "It is done already"
    await helped.sound()


async def test_a_silent_worker_is_asked_there_and_lapses_by_the_owners_clock(
    old_friends: Pair,
) -> None:
    helped = await helping(old_friends)
    here, _ = await helped.accepted()
    with clock.moved(ASKED_AFTER):
        await old_friends.work()
    kinds = {notice["kind"] for notice in (await helped.worker.get("/me/notifications"))["items"]}
    assert "claim_start_asked" in kinds
    assert (await helped.theirs(here))["state"] == "accepted"
    with clock.moved(LAPSED_AFTER):
        await helped.south.work()  # which decides nothing here
        assert (await claim_of(helped.south, here["id"])).state == "accepted"
        await old_friends.work()
    assert (await helped.theirs(here))["state"] == "lapsed"
    await helped.sound()


async def test_a_sign_of_life_here_keeps_the_place_there(old_friends: Pair) -> None:
    helped = await helping(old_friends)
    here, there = await helped.accepted()
    with clock.moved(ASKED_AFTER):
        await helped.worker.post(f"/claims/{here['id']}/heartbeat", expect=200)
        await old_friends.work()
    with clock.moved(LAPSED_AFTER):
        await old_friends.work()
    assert (await claim_of(helped.north, there["id"])).state == "accepted"


async def test_a_worker_is_asked_for_a_sign_of_life_once_a_day_at_most(old_friends: Pair) -> None:
    helped = await helping(old_friends)
    here, _ = await helped.accepted()

    async def ask(version: int) -> list[str]:
        stands = Stands(version, ClaimState.ACCEPTED, asked_until=clock.now() + timedelta(days=3))
        async with transaction(helped.south.runtime.sessions) as session:
            agreement = await session.get_one(Agreement, UUID(here["id"]))
            await remote.apply_stands(session, agreement, stands)
            said = select(Activity.verb).where(Activity.object_id == UUID(here["id"]))
            return list((await session.exec(said)).all())

    for version in (101, 102, 103):
        assert (await ask(version)).count("claim.start_asked") == 1
    with clock.moved(timedelta(days=1)):
        assert (await ask(104)).count("claim.start_asked") == 2


async def test_an_offer_that_nobody_answers_ends_on_both_sides(old_friends: Pair) -> None:
    helped = await helping(old_friends)
    here = await helped.apply()
    await old_friends.work()
    there = await helped.guest_claim()
    with clock.moved(timedelta(days=31)):
        await turn_clocks(helped.south.runtime)
        await sign_in(helped.owner)
        late = await helped.owner.ask(
            "POST", f"/claims/{there['id']}/transitions", json={"to": "accepted", "reason": ""}
        )
        assert late.json()["code"] == "offer_over"
        await old_friends.work()  # north hears that it was taken back
    await sign_in(helped.owner)
    assert (await helped.theirs(here))["state"] == "expired"
    assert (await claim_of(helped.north, there["id"])).state == "withdrawn"
    await helped.sound()


async def test_the_two_sides_write_to_each_other_and_nobody_else_reads(
    old_friends: Pair,
) -> None:
    helped = await helping(old_friends)
    early = await helped.apply()
    refused = await helped.worker.ask(
        "POST", f"/claims/{early['id']}/messages", json={"body": "Hello?"}
    )
    assert refused.json()["code"] == "thread_after_yes"
    await old_friends.work()
    there = await helped.guest_claim()
    await helped.owner.move(f"/claims/{there['id']}", "accepted")
    await old_friends.work()

    ours, theirs = f"/claims/{early['id']}/messages", f"/claims/{there['id']}/messages"
    await helped.worker.post(ours, {"body": "Where is the <server>?\nAnd the key?"})
    await old_friends.work()
    await helped.owner.post(theirs, {"body": "In the cellar & locked"})
    await old_friends.work()
    for person, path in ((helped.worker, ours), (helped.owner, theirs)):
        said = [(m["side"], m["body"]) for m in (await person.get(path))["items"]]
        assert said == [
            ("organisation", "In the cellar & locked"),
            ("worker", "Where is the <server>?\nAnd the key?"),
        ]
    log = await helped.south.stranger().ask("GET", ours)
    assert log.status_code == 401
    message = (await helped.worker.get(ours))["items"][1]
    gone = await helped.worker.ask("DELETE", f"{ours}/{message['id']}")
    assert gone.json()["code"] == "message_sent_away"
    assert b"In the cellar" in await bodies(helped.south)

"""What the other side may not do, and what survives when the two do not talk for a while."""

from datetime import timedelta
from typing import Any

import pytest

from app.domain.claims import conversation
from app.infra import clock
from app.infra.ids import public_id
from tests.factories.helping import Helping, bodies, helping
from tests.factories.instances import Pair, say
from tests.factories.world import Json


def agreement(helped: Helping, **changes: Any) -> Json:
    """Return an agreement of north as north could say it."""
    address = f"{helped.north.origin}/agreements/{public_id()}"
    return {
        "type": "Agreement",
        "id": address,
        "version": 9,
        "status": "accepted",
        "attributedTo": f"{helped.north.origin}/actor",
        "stipulates": {
            "type": "Commitment",
            "satisfies": f"{helped.north.origin}/needs/{helped.need['id']}#primary",
            "provider": f"{helped.south.origin}/members/{public_id()}",
        },
        "updated": "2026-11-20T10:00:00Z",
        **changes,
    }


async def test_only_what_was_sent_to_them_can_be_answered(old_friends: Pair) -> None:
    helped = await helping(old_friends)
    here = await helped.apply()
    await old_friends.work()
    north, south = helped.north, helped.south
    never = f"{south.origin}/offers/{public_id()}"
    result = agreement(helped)
    assert await say(north, south, "Accept", never, result=result) == "state-conflict"
    assert await say(north, south, "Reject", never) == "state-conflict"
    offer = await offer_of(helped)
    assert await say(north, south, "Accept", offer, result=result) == "actor-not-authorized"
    elsewhere = agreement(helped, id="https://third.example/agreements/1")
    assert await say(north, south, "Accept", offer, result=elsewhere) == "actor-not-authorized"
    assert await say(south, north, "Undo", "https://third.example/offers/1") != ""
    await old_friends.work()
    assert (await helped.theirs(here))["state"] == "applied"


async def offer_of(helped: Helping) -> str:
    """Return the address of the offer for the need."""
    said = await bodies(helped.south)
    (offer,) = {
        each.split(b'"id":"')[1].split(b'"')[0].decode()
        for each in said.split(b"\n")
        if b'"Offer"' in each and helped.need["id"].encode() in each and b"/offers/" in each
    }
    return offer


async def test_nobody_speaks_of_what_is_not_theirs(old_friends: Pair) -> None:
    helped = await helping(old_friends)
    here, there = await helped.accepted()
    north, south = helped.north, helped.south
    stolen = agreement(helped, id=f"{south.origin}/agreements/{public_id()}", status="completed")
    assert await say(north, south, "Update", stolen) == "actor-not-authorized"
    foreign = agreement(helped, attributedTo=f"{south.origin}/actor")
    assert await say(north, south, "Update", foreign) == "actor-not-authorized"
    unknown = agreement(helped, status="cancelled")
    assert await say(north, south, "Update", unknown) == ""  # its Accept may be on the way
    report = {
        "type": "Document",
        "id": f"{south.origin}/reports/{public_id()}",
        "name": "Work report",
        "version": 3,
        "status": "submitted",
        "attributedTo": f"{south.origin}/actor",
        "context": unknown["id"],
        "fulfills": f"{unknown['id']}#primary",
        "provider": unknown["stipulates"]["provider"],
        "updated": "2026-11-20T10:00:00Z",
    }
    assert await say(south, north, "Create", report) == "object-does-not-exist"
    await old_friends.work()
    assert (await helped.theirs(here))["state"] == "accepted"
    assert (await helped.guest_claim())["state"] == "accepted"
    assert there["minutes_logged"] == 0


@pytest.mark.parametrize("fault", ["another", "hidden", "over", "endless", "foreign"])
async def test_an_offer_for_what_one_may_not_have_is_refused_alike(
    old_friends: Pair, fault: str
) -> None:
    helped = await helping(old_friends)
    hidden = await helped.north.open_need(
        helped.owner, helped.organisation, audience="instance", title="Only here"
    )
    need = {"hidden": hidden["id"], "another": str(public_id())}.get(fault, helped.need["id"])
    end = {"over": "2020-01-01T00:00:00Z", "endless": "2999-01-01T00:00:00Z"}
    member = helped.north if fault == "foreign" else helped.south
    offered = {
        "type": "Agreement",
        "stipulates": {
            "type": "Commitment",
            "satisfies": f"{helped.north.origin}/needs/{need}#primary",
            "provider": f"{member.origin}/members/{public_id()}",
        },
    }
    code = await say(
        helped.south, helped.north, "Offer", offered, endTime=end.get(fault, "2026-12-30T00:00:00Z")
    )
    expected = {"over": "rule", "endless": "rule", "foreign": "actor-not-authorized"}
    assert code == expected.get(fault, "object-does-not-exist")
    assert await helped.guest_claims() == []


async def test_what_the_rules_refuse_is_told_to_the_member(old_friends: Pair) -> None:
    helped = await helping(old_friends)
    here = await helped.apply()
    now = await helped.owner.get(f"/needs/{helped.need['id']}")
    await helped.owner.change(f"/needs/{now['id']}", {"audience": "instance"}, now["version"])
    await old_friends.work()
    mine = await helped.theirs(here)
    assert mine["state"] == "declined"
    assert mine["history"][-1]["reason"] == "elsewhere.object_does_not_exist"
    page = await helped.worker.http.get(f"/claims/{here['id']}", headers={"Accept": "text/html"})
    assert "not there any more" in page.text


async def test_suspended_in_the_middle_and_resumed(peers: Pair) -> None:
    """What is open needs people meanwhile; afterwards each side says again how it stands."""
    helped = await helping(peers)
    here, there = await helped.accepted()
    assert helped.north.steward is not None
    path = f"/peers/{(await helped.north.peer())['id']}"
    await helped.north.steward.move(path, "suspended")
    await helped.log(here, 90)
    await helped.worker.move(f"/claims/{here['id']}", "submitted")
    await peers.work()
    there, mine = await helped.guest_claim(), await helped.theirs(here)
    assert there["elsewhere"]["exchanging"] is False
    assert mine["elsewhere"]["exchanging"] is False
    assert (there["state"], mine["state"]) == ("accepted", "submitted")
    page = await helped.owner.http.get(
        f"/organisations/{helped.organisation['id']}/claims", headers={"Accept": "text/html"}
    )
    assert "Needs people" in page.text
    refused = await helped.worker.ask(
        "POST", f"/claims/{here['id']}/messages", json={"body": "Are you there?"}
    )
    assert refused.json()["code"] == "instances_apart"

    await helped.north.steward.move(path, "active")
    await peers.work()
    there, mine = await helped.guest_claim(), await helped.theirs(here)
    assert (there["state"], there["minutes_logged"]) == ("submitted", 90)
    assert there["elsewhere"]["exchanging"] is True
    await helped.north.confirm(helped.owner, there, 90)
    await peers.work()
    assert (await helped.theirs(here))["state"] == "confirmed"
    await helped.sound()


async def test_one_person_elsewhere_has_one_place_of_a_need(old_friends: Pair) -> None:
    helped = await helping(old_friends, places=3)
    member = f"{helped.south.origin}/members/{public_id()}"
    for provider in (member, member, f"{member}2"):
        offered = {
            "type": "Agreement",
            "stipulates": {
                "type": "Commitment",
                "satisfies": f"{helped.north.origin}/needs/{helped.need['id']}#primary",
                "provider": provider,
            },
        }
        offer = f"{helped.south.origin}/offers/{public_id()}"
        end = "2026-12-30T00:00:00Z"
        said = await say(helped.south, helped.north, "Offer", offered, id=offer, endTime=end)
        assert said == ""
        await helped.north.work()
    assert len(await helped.guest_claims()) == 2


async def test_letters_from_elsewhere_are_taken_up_to_a_number_a_day(
    old_friends: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "LETTERS_A_DAY", 2)
    helped = await helping(old_friends)
    here, there = await helped.accepted()
    for number in range(3):
        await helped.worker.post(f"/claims/{here['id']}/messages", {"body": f"Letter {number}"})
    await old_friends.work()
    path = f"/claims/{there['id']}/messages"
    letters = [each["body"] for each in (await helped.owner.get(path))["items"]]
    assert letters == ["Letter 1", "Letter 0"]
    with clock.moved(timedelta(hours=25)):
        await helped.worker.post(f"/claims/{here['id']}/messages", {"body": "Tomorrow"})
        await old_friends.work()
        letters = [each["body"] for each in (await helped.owner.get(path))["items"]]
    assert letters[0] == "Tomorrow"

"""A guest's account stands for one claim: it is taken in nowhere, and can be kept away."""

from tests.factories.helping import claim_of, helping
from tests.factories.instances import Pair
from tests.factories.world import Json, Person


async def thread(person: Person, claim: Json) -> list[str]:
    """Return what a party reads in a claim's thread."""
    found = await person.get(f"/claims/{claim['id']}/messages")
    return [item["body"] for item in found["items"]]


async def test_whom_an_organisation_blocked_is_not_heard_from_elsewhere(old_friends: Pair) -> None:
    helped = await helping(old_friends)
    here, there = await helped.accepted()
    await helped.worker.post(f"/claims/{here['id']}/messages", {"body": "See you on Monday."})
    await old_friends.work()
    assert await thread(helped.owner, there) == ["See you on Monday."]

    guest = (await claim_of(helped.north, there["id"])).account_id
    path = f"/organisations/{helped.organisation['id']}/blocks"
    blocked = await helped.owner.ask("POST", path, json={"account_id": str(guest)})
    assert blocked.status_code == 204
    await helped.worker.post(f"/claims/{here['id']}/messages", {"body": "I know where you are."})
    await old_friends.work()
    assert await thread(helped.owner, there) == ["See you on Monday."]


async def test_no_guest_becomes_a_member(old_friends: Pair) -> None:
    helped = await helping(old_friends)
    _, there = await helped.accepted()
    body = {"handle": there["worker"]["handle"], "role": "member"}
    path = f"/organisations/{helped.organisation['id']}/members"
    refused = await helped.owner.post(path, body, expect=422)
    assert refused["code"] == "member_handle_unknown"

"""A fediverse server made of Fedify and an instance of ours, live on loopback."""

import pytest

from tests.factories.world import Json
from tests.interop.conftest import Meeting


async def shared_need(meeting: Meeting, **changes: object) -> Json:
    owner = await meeting.ours.sign_up(f"owner{len(meeting.ours.people)}")
    organisation = await meeting.ours.organisation(owner, f"Forn {len(meeting.ours.people)}")
    return await meeting.ours.open_need(owner, organisation, audience="public", **changes)


@pytest.mark.parametrize("way", ["handle", "actor", "origin"])
async def test_fedify_finds_us_and_our_keys(meeting: Meeting, way: str) -> None:
    ours = meeting.ours.origin
    what = {"handle": meeting.handle, "actor": f"{ours}/actor", "origin": ours}[way]
    found = await meeting.lookup(what)
    assert (found["type"], found["id"]) == ("Application", f"{ours}/actor")
    assert (found["preferredUsername"], found["name"]) == ("needs", "ours")
    assert found["inboxId"] == found["endpoints"]["sharedInbox"] == f"{ours}/inbox"

    rsa = found["publicKey"]
    assert (rsa["id"], rsa["ownerId"]) == (f"{ours}/actor#main-key", f"{ours}/actor")
    assert rsa["algorithm"] == "RSASSA-PKCS1-v1_5"
    ed25519 = found["assertionMethods"][-1]
    assert (ed25519["type"], ed25519["algorithm"]) == ("Multikey", "Ed25519")
    identity = await meeting.ours.identity()
    assert (ed25519["id"], ed25519["controllerId"]) == (identity.signer.key_id, f"{ours}/actor")


async def test_fedify_reads_our_nodeinfo(meeting: Meeting) -> None:
    info = await meeting.fedify.ask("nodeInfo", url=meeting.ours.origin)
    assert (info["software"]["name"], info["protocols"]) == ("tornallom", ["activitypub"])
    assert info["usage"]["users"] == {}


async def test_fedify_reads_a_need_as_a_proposal(meeting: Meeting) -> None:
    need = await shared_need(meeting, estimate_minutes=90, title="Two people to lift a piano")
    url = f"{meeting.ours.origin}/needs/{need['id']}"
    found = await meeting.lookup(url)
    assert (found["type"], found["id"], found["url"]) == ("Proposal", url, url)
    assert (found["name"], found["purpose"]) == ("Two people to lift a piano", "request")
    assert found["attributionId"] == f"{meeting.ours.origin}/actor"
    intent = found["publishes"]
    assert (intent["type"], intent["id"]) == ("Intent", f"{url}#primary")
    assert intent["action"] == "deliverService"
    assert intent["resourceConformsTo"].endswith("/skills#wordpress")
    assert intent["resourceQuantity"] == {
        "type": "Measure", "unit": "hour", "numericalValue": "1.5",
    }  # fmt: skip

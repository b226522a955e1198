"""A peer that none of us wrote: Fedify's actor and reading, npm's signatures, our profile."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from app.federation.wire.context import NATIVE_CONTEXT, PEER_RELATIONSHIP
from app.infra import clock
from app.models.needs import NeedState
from tests.conftest import Services, make_settings
from tests.factories.instances import Instance, proposal, serving, tombstone
from tests.factories.world import Json
from tests.federation.conftest import free_socket, make_database_apart
from tests.interop.javascript import Script, running_script
from tests.interop.recorder import kind_of

EPOCH = "e-0123456789ab"


def moment(**later: int) -> str:
    """Write a moment from now as the wire does."""
    return (clock.now() + timedelta(**later)).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Neighbours:
    """An instance of ours and its peer."""

    ours: Instance
    script: Script
    origin: str
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    @property
    def actor(self) -> str:
        """The peer's actor."""
        return f"{self.origin}/actor"

    async def say(self, kind: str, about: Any, **changes: Any) -> Json:
        """Let the peer say something; answers how it was taken and what was said."""
        content = {
            "@context": NATIVE_CONTEXT,
            "id": f"{self.origin}/activities/{next(self.numbers)}",
            "type": kind,
            "actor": self.actor,
            "to": f"{self.ours.origin}/actor",
            "published": moment(),
            "object": about,
            **changes,
        }
        inbox = f"{self.ours.origin}/inbox"
        answer: Json = await self.script.ask("say", content=content, inbox=inbox)
        assert answer["status"] == 202, answer["text"]
        await self.ours.work()
        return content

    async def heard(self, *kinds: str) -> list[Json]:
        """Let our instance work; answers the newest of each of these kinds that has arrived."""
        await self.ours.work()
        assert await self.script.ask("refused") == []
        found = {kind_of(each["said"]): each for each in await self.script.ask("arrived")}
        assert {*kinds} <= found.keys(), found.keys()
        return [found[kind] for kind in kinds]


@pytest.fixture(scope="module")
async def neighbours(
    node: Path, servers: Services, worker_id: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Neighbours]:
    """Both, once our stewards have proposed to be peers and the other has agreed."""
    services = await make_database_apart(servers, f"tornallom_test_{worker_id}_neighbours")
    listening = free_socket()
    origin = f"http://127.0.0.1:{listening.getsockname()[1]}"
    async with running_script(node, "peer.mjs") as script:
        theirs = (await script.ask("start"))["origin"]
        settings = make_settings(
            services, tmp_path_factory.mktemp("ours"), base_url=origin, dev_peers=(theirs,)
        )
        async with serving(settings, "ours", listening) as ours:
            both = Neighbours(ours, script, theirs)
            assert ours.steward is not None
            await ours.steward.post("/peers", {"origin": theirs})
            (offer,) = await both.heard("Offer Relationship")
            assert offer["read"]["object"]["relationshipId"] == PEER_RELATIONSHIP
            assert offer["read"]["object"]["objectId"] == both.actor
            assert (await ours.peer())["state"] == "proposed"
            await both.say("Accept", offer["read"]["id"], epoch=EPOCH)
            assert (await ours.peer())["state"] == "active"
            yield both


async def test_its_needs_are_shown_changed_and_taken_back(neighbours: Neighbours) -> None:
    need = proposal(neighbours.origin, 1)
    await neighbours.say("Create", need)
    (mirror,) = await neighbours.ours.mirrored()
    assert (mirror.origin_url, mirror.title) == (need["id"], need["name"])
    await neighbours.say("Update", {**need, "version": 2, "name": "Three people to lift it"})
    (mirror,) = await neighbours.ours.mirrored()
    assert mirror.title == "Three people to lift it"
    await neighbours.say("Delete", tombstone(neighbours.origin, 1, version=3))
    assert {need.state for need in await neighbours.ours.mirrored()} <= {NeedState.WITHDRAWN}


async def test_its_member_helps_here_and_gets_a_receipt(neighbours: Neighbours) -> None:
    ours = neighbours.ours
    owner = await ours.sign_up("owner")
    organisation = await ours.organisation(owner)
    need = await ours.open_need(owner, organisation, audience="peers")
    (create,) = await neighbours.heard("Create Proposal")
    intent = create["read"]["object"]["publishes"]
    assert (create["read"]["object"]["type"], intent["type"]) == ("Proposal", "Intent")

    member = f"{neighbours.origin}/members/ana"
    hours = {"hasUnit": "hour", "hasNumericalValue": "2"}
    commitment = {
        "type": "Commitment", "satisfies": intent["id"], "provider": member,
        "resourceQuantity": hours,
    }  # fmt: skip
    offer = await neighbours.say(
        "Offer", {"type": "Agreement", "stipulates": commitment}, endTime=moment(days=9)
    )
    (claim,) = (await owner.get(f"/needs/{need['id']}/claims"))["items"]
    await owner.move(f"/claims/{claim['id']}", "accepted")
    (accept,) = await neighbours.heard("Accept Agreement")
    assert accept["read"]["objectId"] == offer["id"]
    agreement = accept["read"]["result"]
    assert (agreement["type"], agreement["stipulates"]["satisfies"]) == ("Agreement", intent["id"])

    day = {"type": "Document", "startTime": moment(days=-1), "effortQuantity": hours}
    report = {
        "type": "Document", "id": f"{neighbours.origin}/reports/1", "name": "Work report",
        "version": 1, "status": "submitted", "attributedTo": neighbours.actor,
        "context": agreement["id"], "action": "deliverService",
        "fulfills": f"{agreement['id']}#primary", "provider": member, "updated": moment(),
        "effortQuantity": hours, "attachment": [day],
    }  # fmt: skip
    await neighbours.say("Create", report)
    claim = await owner.get(f"/claims/{claim['id']}")
    assert (claim["state"], claim["minutes_logged"]) == ("submitted", 120)
    await ours.confirm(owner, claim, 120)
    agreed, confirmed = await neighbours.heard("Update Agreement", "Create Receipt")
    assert agreed["read"]["object"]["id"] == agreement["id"]
    assert agreed["said"]["object"]["status"] == "completed"
    assert confirmed["read"]["object"]["contextIds"] == [agreement["id"]]
    credential = confirmed["said"]["object"]["credential"]
    assert credential["credentialSubject"]["id"] == member
    assert credential["credentialSubject"]["hours"] == "2"


async def test_what_it_says_of_others_is_refused(neighbours: Neighbours) -> None:
    inbox = f"{neighbours.ours.origin}/inbox"
    before = await neighbours.ours.stored()
    for content in (
        {"type": "Create", "object": proposal(neighbours.ours.origin, 7)},
        {"type": "Accept", "object": f"{neighbours.ours.origin}/offers/7"},
    ):
        said = {
            "@context": NATIVE_CONTEXT, "id": f"{neighbours.origin}/activities/never",
            "actor": neighbours.actor, "to": f"{neighbours.ours.origin}/actor",
            "published": moment(), "epoch": EPOCH, **content,
        }  # fmt: skip
        answer = await neighbours.script.ask("say", content=said, inbox=inbox)
        assert answer["status"] in {403, 409}, answer
    assert await neighbours.ours.stored() == before

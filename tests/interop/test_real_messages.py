"""What two instances of ours really said to each other, judged by the programs of others.

One story between two instances brings every kind of message with it: a handshake, a need, help
that is offered, accepted, reported and confirmed with a receipt, refused, taken back.
"""

import json
from collections.abc import AsyncIterator
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlmodel import col, select

from app.federation.wire.context import ACTIVITY_JSON, ACTIVITY_STREAMS
from app.federation.wire.receipts import OWN_CONTEXT_FILE, RECEIPT_CONTEXT
from app.infra import clock, signatures
from app.infra.public_signatures import sign_rfc9421
from app.infra.signatures import HttpMessage
from app.models.federation import FederationEvent
from tests.conftest import Services
from tests.factories.helping import helping
from tests.factories.instances import PLAIN, Instance, Letter, Pair, send
from tests.factories.vectors import read_vectors
from tests.factories.world import Json
from tests.federation.conftest import make_database_apart, running
from tests.interop.javascript import Script, running_script, to_base64
from tests.interop.recorder import Heard, kind_of, record

KINDS = {
    "Offer Relationship", "Accept", "Create Proposal", "Update Proposal", "Delete Tombstone",
    "Offer Agreement", "Accept Agreement", "Reject", "Undo", "Update Agreement",
    "Create Document", "Update Document", "Create Receipt",
}  # fmt: skip
NUMBERS = count(1)
NEEDED: Json = {
    "tag": signatures.TAG,
    "params": ["created", "keyid", "alg", "expires", "nonce", "tag"],
    "fields": [*signatures.WITH_BODY],
    "maxAge": 300,
}


@dataclass
class Story:
    """Two instances, and all they said: as it stood on the wire, and by its kind."""

    pair: Pair
    heard: list[Heard]
    said: dict[str, tuple[Instance, Json]]


async def live(pair: Pair) -> None:
    """Let everything happen that two instances say to each other."""
    first = await helping(pair, places=2)
    _, there = await first.handed_in(135)
    await pair.north.confirm(first.owner, there, 120)
    await pair.work()

    second = await helping(pair)
    await second.apply(note="I would like to")
    await pair.work()
    await second.owner.move(f"/claims/{(await second.guest_claim())['id']}", "declined", "not now")
    await pair.work()

    third = await helping(pair)
    here, _ = await third.accepted()
    await third.worker.move(f"/claims/{here['id']}", "withdrawn", "I fell ill")
    await pair.work()
    await third.owner.move(f"/needs/{third.need['id']}", "withdrawn", "solved")
    await pair.work()


async def all_said(instance: Instance) -> list[Json]:
    """Return every message that an instance has written, in order."""
    async with instance.runtime.sessions() as session:
        written = select(FederationEvent.body).order_by(col(FederationEvent.id))
        return [json.loads(body) for body in (await session.exec(written)).all()]


@pytest.fixture(scope="module")
async def story(
    servers: Services, worker_id: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Story]:
    """Two instances that have lived through it all."""
    name = f"tornallom_test_{worker_id}_story"
    north, south = [await make_database_apart(servers, f"{name}_{number}") for number in (1, 2)]
    async with running(north, south, tmp_path_factory.mktemp("story")) as pair:
        heard = [record(instance) for instance in (pair.north, pair.south)]
        await pair.shake_hands()
        await live(pair)
        said = {
            kind_of(each): (instance, each)
            for instance in (pair.south, pair.north)
            for each in await all_said(instance)
        }
        yield Story(pair, [each for one in heard for each in one], said)


async def test_the_story_holds_every_kind_of_message(story: Story) -> None:
    assert story.said.keys() == KINDS


async def public_pem(instance: Instance) -> str:
    key = (await instance.identity()).public_key
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


async def test_what_stood_on_the_wire_holds_for_another_verifier(
    story: Story, http_signatures: Script
) -> None:
    pems = {each.origin: await public_pem(each) for each in (story.pair.north, story.pair.south)}

    async def holds(heard: Heard, **changes: object) -> bool:
        seen = {**heard.told(), **changes}
        key_id = heard.key_id
        asked: Json = {
            "message": {name: seen[name] for name in ("method", "url", "lines")},
            "body": seen["body"],
            "key": {"pem": pems[key_id.partition("/actor")[0]], "alg": "ed25519", "id": key_id},
            "needed": NEEDED,
            "now": heard.at,
        }
        return bool(await http_signatures.ask("verify", **asked))

    letters = [heard for heard in story.heard if heard.url.endswith("/inbox")]
    assert len(letters) >= len(KINDS)
    assert {heard.key_id.partition("/actor")[0] for heard in letters} == pems.keys()
    for heard in letters:
        assert await holds(heard), heard
    heard, other = letters[0], letters[-1]
    assert not await holds(heard, body=to_base64(heard.body + b" "))
    assert not await holds(heard, url=heard.url.replace("/inbox", "/outbox"))
    assert not await holds(heard, method="PUT")
    assert not await holds(heard, lines=other.told()["lines"])
    for name in ("content-type", "content-digest", "signature", "signature-input"):
        less = [line for line in heard.lines if line[0] != name]
        assert len(less) < len(heard.lines)
        assert not await holds(heard, lines=less)


@pytest.fixture(scope="module")
async def fedify(node: Path) -> AsyncIterator[Script]:
    """A fediverse server made of Fedify, over plain http."""
    async with running_script(node, "fedify.mjs") as script:
        yield script


@pytest.fixture(scope="module")
async def theirs(fedify: Script) -> Json:
    """Where Fedify listens."""
    found: Json = await fedify.ask("start")
    return found


async def posted(sender: Instance, said: Json, inbox: str) -> Letter:
    """Sign a message as we sign for the fediverse."""
    identity, body = await sender.identity(), json.dumps(said).encode()
    message = HttpMessage("POST", inbox, [("Content-Type", ACTIVITY_JSON)], body)
    headers = sign_rfc9421(identity.rsa_signer, message, now=clock.now())
    return Letter("POST", inbox, headers, body)


async def read_by_fedify(story: Story, fedify: Script, theirs: Json, kind: str) -> Json:
    """Bring a message to Fedify's inbox; answers what its listener was given."""
    sender, said = story.said[kind]
    said = {**said, "id": f"{said['id']}-{next(NUMBERS)}"}  # what it knows it passes over
    await fedify.ask("arrived")
    answer = await send(await posted(sender, said, f"{theirs['origin']}/inbox"))
    assert answer.status_code == 202, (answer.text, await fedify.ask("failures"))
    (read,) = await fedify.ask("arrived")
    assert read["type"] == said["type"]
    assert (read["id"], read["actorId"]) == (said["id"], said["actor"])
    result: Json = read
    return result


@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_fedify_accepts_and_understands(
    story: Story, fedify: Script, theirs: Json, kind: str
) -> None:
    said = story.said[kind][1]
    read = await read_by_fedify(story, fedify, theirs, kind)
    about = said["object"]
    if not isinstance(about, dict):
        assert read["objectId"] == about
    else:
        assert read["object"]["type"] == about["type"]
        assert read["object"].get("id") == about.get("id")


async def test_fedify_sees_what_is_asked_offered_and_agreed(
    story: Story, fedify: Script, theirs: Json
) -> None:
    need = story.said["Update Proposal"][1]["object"]
    read = (await read_by_fedify(story, fedify, theirs, "Update Proposal"))["object"]
    assert (read["name"], read["purpose"]) == (need["name"], "request")
    intent = read["publishes"]
    assert (intent["id"], intent["action"]) == (need["publishes"]["id"], "deliverService")
    assert intent["resourceConformsTo"] == need["publishes"]["resourceConformsTo"]
    hours = {"type": "Measure", "unit": "hour", "numericalValue": "4"}
    assert intent["resourceQuantity"] == hours

    offer = story.said["Offer Agreement"][1]["object"]["stipulates"]
    read = (await read_by_fedify(story, fedify, theirs, "Offer Agreement"))["object"]
    assert read["stipulates"] == {
        "type": "Commitment", "satisfies": offer["satisfies"], "resourceQuantity": hours,
    }  # fmt: skip

    agreed = story.said["Accept Agreement"][1]["result"]
    read = (await read_by_fedify(story, fedify, theirs, "Accept Agreement"))["result"]
    assert (read["type"], read["id"]) == ("Agreement", agreed["id"])
    assert read["attributionId"] == agreed["attributedTo"]
    assert read["stipulates"]["satisfies"] == agreed["stipulates"]["satisfies"]

    report = story.said["Update Document"][1]["object"]
    read = (await read_by_fedify(story, fedify, theirs, "Update Document"))["object"]
    assert (read["name"], read["contextIds"]) == ("Work report", [report["context"]])

    offered = story.said["Offer Relationship"][1]["object"]
    read = (await read_by_fedify(story, fedify, theirs, "Offer Relationship"))["object"]
    assert (read["subjectId"], read["objectId"]) == (offered["subject"], offered["object"])
    assert read["relationshipId"] == offered["relationship"]


async def test_fedify_refuses_what_was_altered(story: Story, fedify: Script, theirs: Json) -> None:
    sender, said = story.said["Create Proposal"]
    inbox = f"{theirs['origin']}/inbox"
    said = {**said, "id": f"{said['id']}-{next(NUMBERS)}"}
    letter = await posted(sender, said, inbox)
    body = letter.body.replace(b'"Create"', b'"Delete"')
    other = story.pair.south if sender is story.pair.north else story.pair.north
    refused = [
        replace(letter, body=body),
        replace(letter, headers={**letter.headers, "Signature": "sig1=:AAAA:"}),
        replace(letter, headers={"Content-Type": ACTIVITY_JSON}),
        await posted(other, said, inbox),
    ]
    for by in (timedelta(hours=-3), timedelta(hours=3)):
        with clock.moved(by):
            refused.append(await posted(sender, said, inbox))
    await fedify.ask("arrived")
    for each in refused:
        answer = await send(each)
        assert answer.status_code == 401, answer.text
    assert await fedify.ask("arrived") == []
    assert (await send(letter)).status_code == 202
    assert len(await fedify.ask("arrived")) == 1


async def documents_of(story: Story) -> Json:
    """Return what a verifier is handed: our actor as it is served, and our context's file."""
    north = story.pair.north.origin
    async with httpx.AsyncClient(trust_env=False, verify=PLAIN) as client:
        actor = (await client.get(f"{north}/actor")).json()
    assert actor["@context"][0] == ACTIVITY_STREAMS
    return {actor["id"]: actor, RECEIPT_CONTEXT[1]: json.loads(OWN_CONTEXT_FILE.read_text())}


async def test_an_issued_receipt_holds_for_other_verifiers(
    story: Story, credentials: Script
) -> None:
    receipt = story.said["Create Receipt"][1]["object"]["credential"]
    documents = await documents_of(story)
    whole = await credentials.ask("verifyCredential", credential=receipt, documents=documents)
    assert whole == {"verified": True, "why": []}
    proof = await credentials.ask("verifyByFedify", document=receipt, documents=documents)
    assert proof["verified"] is True

    assert receipt["credentialSubject"]["hours"] == "2"
    more = deepcopy(receipt)
    more["credentialSubject"]["hours"] = "20"
    whole = await credentials.ask("verifyCredential", credential=more, documents=documents)
    assert whole["verified"] is False


async def test_the_sample_file_of_ours_holds_and_its_forgeries_do_not(credentials: Script) -> None:
    sample = read_vectors("contribution-receipt.json")
    (method,) = sample["keys"]["items"]
    issuer = method["controller"]
    actor = {
        "@context": [
            ACTIVITY_STREAMS,
            "https://www.w3.org/ns/did/v1",
            "https://w3id.org/security/multikey/v1",
        ],
        "id": issuer,
        "assertionMethod": [method],
    }
    documents = {issuer: actor, RECEIPT_CONTEXT[1]: json.loads(OWN_CONTEXT_FILE.read_text())}
    whole = await credentials.ask(
        "verifyCredential", credential=sample["receipt"], documents=documents
    )
    assert whole == {"verified": True, "why": []}
    assert len(sample["tampered"]) > 10
    for name, forged in sample["tampered"].items():
        whole = await credentials.ask("verifyCredential", credential=forged, documents=documents)
        assert whole["verified"] is False, name

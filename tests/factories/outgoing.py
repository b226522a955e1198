"""Every input of the application that can make it call another server, each as it is used."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlmodel import delete, select, update

from app.federation import sync
from app.federation.peers import introductions
from app.federation.peers.actions import new_peer
from app.federation.peers.discovery import Discovered, ShownKey
from app.federation.peers.identity import our_identity
from app.federation.wire.context import ACTIVITY_JSON, PEER_RELATIONSHIP, PROFILE
from app.federation.witnesses.offering import ask_all
from app.infra import clock
from app.infra.database import transaction
from app.infra.keys import encode_multikey
from app.infra.signatures import Signer
from app.models.federation import (
    Delivery,
    DeliveryState,
    FederationEvent,
    Peer,
    PeerInbox,
    PeerOutbox,
    PeerState,
)
from app.models.followers import PublicDelivery, PublicPost, RemoteServer
from app.models.webhooks import WebhookDelivery
from app.workers.federation import deliver_messages
from app.workers.followers import deliver_notes
from app.workers.webhooks import send_webhooks
from tests.factories.fediverse import KEY, cavage_headers
from tests.factories.instances import activity, sign
from tests.factories.internet import Internet, answer
from tests.factories.receipts import signed, unsigned
from tests.factories.world import Json, Person, World

STRANGERS_WAIT = timedelta(minutes=6)


@dataclass
class Outside:
    """An instance on an internet of its own, and what its inputs stand on."""

    world: World
    internet: Internet
    steward: Person
    owner: Person
    organisation: Json
    webhook: Json
    peer: Peer
    # The one harmless server that a document comes from.
    host: str = "peer.example"
    hosts: int = 0
    strangers: int = 0

    async def attempt(self, name: str, url: str) -> str:
        """Give an address to an input; answers all that its giver can see of it."""
        self.internet.forget()
        return await INPUTS[name](self, url)

    def new_host(self, *answers: Sequence[str]) -> str:
        """Return a name that nobody has asked for, with what it leads to, time by time."""
        self.hosts += 1
        host = f"h{self.hosts}.example"
        self.internet.names[host] = list(answers)
        return host


async def outside_of(world: World, monkeypatch: pytest.MonkeyPatch) -> Outside:
    """Give an instance an internet, an organisation and a peer."""
    internet = Internet()
    internet.stand_in(monkeypatch)
    world.runtime.shared["outbound_policy"] = internet.policy()
    steward = await world.set_up()
    owner = await world.sign_up("owner")
    organisation = await world.organisation(owner)
    key = Ed25519PrivateKey.generate().public_key()
    origin = "https://stored.example"
    shown = ShownKey(f"{origin}/actor#ed25519-key", key.public_bytes_raw())
    found = Discovered(origin, f"{origin}/actor", f"{origin}/inbox", (shown,), "", "")
    async with transaction(world.runtime.sessions) as session:
        peer = await new_peer(session, found, shown)
        peer.state = PeerState.ACTIVE
        event = FederationEvent(
            activity_id=f"{world.runtime.origin}/activities/1", activity_type="Create", body=b"{}"
        )
        session.add(event)
        await session.flush()
        session.add(Delivery(peer_id=peer.id, event_id=event.id or 0))
    hook = {"url": "https://hook.example/", "events": ["need.published"]}
    added = await owner.post("/webhooks", {**hook, "organisation_id": organisation["id"]})
    return Outside(world, internet, steward, owner, organisation, added["webhook"], peer)


async def steward_proposes(outside: Outside, url: str) -> str:
    """A steward types the address of an instance."""
    typed = url.removesuffix("/")
    return _seen(await outside.steward.ask("POST", "/peers", json={"origin": typed}))


async def steward_looks(outside: Outside, url: str) -> str:
    """A steward looks who answers at an address, before anything is asked."""
    body = {"origin": url.removesuffix("/")}
    return _seen(await outside.steward.ask("POST", "/peers/introductions", json=body))


async def peer_describes_itself(outside: Outside, url: str) -> str:
    """What a peer says of itself is read again, where its origin is stored."""
    await _store(outside, origin=url.removesuffix("/"))
    async with transaction(outside.world.runtime.sessions) as session:
        peer = (await session.exec(select(Peer))).one()
    await introductions.describe(outside.world.runtime, peer)
    async with transaction(outside.world.runtime.sessions) as session:
        said = (await session.exec(select(Peer))).one()
        return json.dumps([said.software, said.languages, said.open_needs])


async def steward_asks_again(outside: Outside, url: str) -> str:
    """A steward proposes anew to an instance whose address is stored."""
    await _store(outside, origin=url.removesuffix("/"), state=PeerState.ENDED)
    path = f"/peers/{outside.peer.id}/transitions"
    return _seen(await outside.steward.ask("POST", path, json={"to": "proposed"}))


async def stranger_names_a_key(outside: Outside, url: str) -> str:
    """A stranger's proposal says under which address its key is to be found."""
    origin = url.removesuffix("/")
    offered = {
        "type": "Relationship",
        "subject": f"{origin}/actor",
        "relationship": PEER_RELATIONSHIP,
        "object": f"{outside.world.runtime.origin}/actor",
        "profile": PROFILE,
        "epoch": "e-1234",
    }
    said = activity(origin, "Offer", offered, to=f"{outside.world.runtime.origin}/actor")
    outside.strangers += 1
    # How often strangers may try is not what is looked at here.
    with clock.moved(STRANGERS_WAIT * outside.strangers):
        return await _post(outside, f"{origin}/actor#ed25519-key", said)


async def _post(outside: Outside, key_id: str, said: Json) -> str:
    """Post to our inbox under any key id at all, also one that cannot be signed for."""
    inbox = f"{outside.world.runtime.origin}/inbox"
    async with transaction(outside.world.runtime.sessions) as session:
        ours = await our_identity(session, outside.world.runtime)
    signer = Signer(Ed25519PrivateKey.generate(), "KEYID")
    letter = sign(replace(ours, signer=signer), inbox, json.dumps(said).encode())
    quoted = key_id.replace("\\", "\\\\").replace('"', '\\"')
    headers = [
        (name.encode(), value.replace("KEYID", quoted).encode())
        for name, value in letter.headers.items()
    ]
    http = outside.world.stranger().http
    return _seen(await http.post(inbox, content=letter.body, headers=headers))


async def organisation_adds_a_callback(outside: Outside, url: str) -> str:
    """An organisation says where its tools are told; then something happens."""
    path = f"/webhooks/{outside.webhook['id']}"
    body = {"url": url, "events": ["need.published"]}
    version = {"If-Match": f'"{outside.webhook["version"]}"'}
    changed = await outside.owner.ask("PUT", path, json=body, headers=version)
    if changed.status_code != 200:
        new = {**body, "organisation_id": outside.organisation["id"]}
        added = await outside.owner.ask("POST", "/webhooks", json=new)
        assert _seen(added) == _seen(changed)
        return _seen(changed)
    outside.webhook = changed.json()
    async with transaction(outside.world.runtime.sessions) as session:
        await session.execute(delete(WebhookDelivery))  # what else waits for this callback
    await outside.owner.post(f"{path}/tests", expect=202)
    await send_webhooks(outside.world.runtime)
    (entry,) = (await outside.owner.get(f"{path}/deliveries"))["items"]
    return json.dumps([entry["last_status"], entry["last_error"]])


async def peer_has_an_inbox(outside: Outside, url: str) -> str:
    """A peer's inbox is stored, and mail waits for it."""
    await _store(outside, inbox_url=f"{url}inbox")
    async with transaction(outside.world.runtime.sessions) as session:
        await session.execute(update(Delivery).values(state=DeliveryState.PENDING))
    await deliver_messages(outside.world.runtime)
    lane = await _lane(outside)
    return json.dumps([lane.failures, lane.last_failure])


async def peer_has_a_log(outside: Outside, url: str) -> str:
    """A peer's log is read, where its origin is stored."""
    await _store(outside, origin=url.removesuffix("/"))
    applied = await sync.pull(outside.world.runtime, outside.peer.id)
    async with transaction(outside.world.runtime.sessions) as session:
        lane = await session.get(PeerInbox, outside.peer.id)
        assert lane is not None
        return json.dumps([applied, lane.pull_failures])


async def peer_is_a_witness(outside: Outside, url: str) -> str:
    """A peer is asked what it holds of our log, where its origin is stored."""
    await _store(outside, origin=url.removesuffix("/"))
    return json.dumps(await ask_all(outside.world.runtime))


async def actor_names_an_inbox(outside: Outside, url: str) -> str:
    """An instance's own description says where it is written to."""
    origin = f"https://{outside.host}"
    key = encode_multikey(Ed25519PrivateKey.generate().public_key())
    document = {
        "id": f"{origin}/actor",
        "type": "Application",
        "inbox": f"{url}inbox",
        "assertionMethod": [
            {
                "id": f"{origin}/actor#ed25519-key",
                "type": "Multikey",
                "controller": f"{origin}/actor",
                "publicKeyMultibase": key,
            }
        ],
    }
    body = json.dumps(document).encode()
    outside.internet.serve = lambda _: answer(200, body, content_type=ACTIVITY_JSON)
    return _seen(await outside.steward.ask("POST", "/peers", json={"origin": origin}))


async def stranger_follows(outside: Outside, url: str) -> str:
    """A Follow says where its actor is to be found."""
    ours = outside.world.runtime.origin
    said = {
        "type": "Follow",
        "id": f"{url}follows/1",
        "actor": f"{url}users/ana",
        "object": f"{ours}/actor",
    }
    body = json.dumps(said).encode()
    # A header cannot carry everything that a body can.
    named = f"{url}users/ana#main-key".encode("ascii", "replace").decode()
    key_id = named.replace('"', "?").replace("\\", "?")
    outside.strangers += 1
    with clock.moved(STRANGERS_WAIT * outside.strangers):
        headers = cavage_headers(KEY, key_id, f"{ours}/inbox", body)
        lines = [(name.encode(), value.encode()) for name, value in headers.items()]
        http = outside.world.stranger().http
        return _seen(await http.post("/inbox", content=body, headers=lines))


async def follower_has_an_inbox(outside: Outside, url: str) -> str:
    """A follower's inbox is stored, and a post waits for it."""
    origin = "https://follower.example"
    inbox = f"{url}inbox"
    async with transaction(outside.world.runtime.sessions) as session:
        await session.execute(delete(RemoteServer))
        session.add(RemoteServer(origin=origin))
        post = PublicPost(activity_type="Create", body=b"{}")
        session.add(post)
        await session.flush()
        session.add(PublicDelivery(post_id=post.id or 0, origin=origin, inbox_url=inbox))
    await deliver_notes(outside.world.runtime)
    async with transaction(outside.world.runtime.sessions) as session:
        server = await session.get(RemoteServer, origin)
        assert server is not None
        return json.dumps([server.failures, server.last_failure])


async def person_brings_a_receipt(outside: Outside, url: str) -> str:
    """Somebody's file says that it was signed elsewhere."""
    origin = url.removesuffix("/")
    receipt = json.loads(json.dumps(signed(unsigned())).replace("https://north.example", "ORIGIN"))
    file = json.loads(json.dumps(receipt).replace("ORIGIN", json.dumps(origin)[1:-1]))
    outside.strangers += 1
    # How often strangers are asked is not what is looked at here.
    with clock.moved(STRANGERS_WAIT * outside.strangers):
        return _seen(await outside.owner.ask("POST", "/me/receipts", json={"document": file}))


async def _store(outside: Outside, **values: Any) -> None:
    """Write what is stored of the peer, as if it had been there all along."""
    origin = "https://stored.example"
    every = {"origin": origin, "inbox_url": f"{origin}/inbox", "state": PeerState.ACTIVE}
    past = clock.now() - timedelta(hours=1)
    async with transaction(outside.world.runtime.sessions) as session:
        await session.execute(update(Peer).values(**{**every, **values}))
        await session.execute(
            update(PeerOutbox).values(failures=0, next_attempt_at=past, leased_until=past)
        )
        await session.execute(update(PeerInbox).values(pull_failures=0, pull_after=past))


async def _lane(outside: Outside) -> PeerOutbox:
    async with transaction(outside.world.runtime.sessions) as session:
        return (await session.exec(select(PeerOutbox))).one()


def _seen(response: httpx.Response) -> str:
    """What the asker can see, but for the number of the request."""
    document = response.json()
    document.pop("instance", None)
    return json.dumps([response.status_code, document])


Input = Callable[[Outside, str], Awaitable[str]]
INPUTS: dict[str, Input] = {
    "steward's proposal": steward_proposes,
    "steward's second proposal": steward_asks_again,
    "stranger's key id": stranger_names_a_key,
    "organisation's callback": organisation_adds_a_callback,
    "peer's inbox": peer_has_an_inbox,
    "peer's log": peer_has_a_log,
    "peer's witness": peer_is_a_witness,
    "actor's inbox": actor_names_an_inbox,
    "stranger's actor": stranger_follows,
    "follower's inbox": follower_has_an_inbox,
    "receipt's issuer": person_brings_a_receipt,
    "steward's look": steward_looks,
    "peer's description": peer_describes_itself,
}

"""Keys over time: rotation, theft, re-installation, and what strangers cannot do to them."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import delete
from sqlmodel import select

from app.federation.peers import discovery
from app.federation.peers.identity import Identity, our_identity
from app.federation.peers.own_keys import new_key, open_key
from app.federation.receipts.issuers import keys_of_issuer
from app.federation.receipts.known_keys import finder
from app.federation.receipts.reading import ReceiptRefusedError
from app.infra import clock, http_client, keys
from app.infra.database import transaction
from app.infra.http_client import Answer, OutboundError, Outgoing
from app.infra.signatures import Signer
from app.models.federation import ActorFetch, KeyState, Peer, SeenNonce
from tests.factories.instances import Instance, Letter, Pair, activity, send, sign
from tests.factories.world import Json

IN_FLIGHT = 50
# The neutral element, as a Multikey: under it a signature that nobody made holds.
SMALL_ORDER = "z6MkeXATEjyXENzBXBxgC5EHk2JE5aqd7qMGGtDpLUH1e2Sj"


class Asked:
    """How often an actor was fetched, whoever caused it."""

    def __init__(self) -> None:
        self.actors = 0


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Count the fetches of actors."""
    count, real = Asked(), http_client.fetch

    async def call(client: Any, outgoing: Outgoing, **limits: Any) -> Answer:
        count.actors += outgoing.url.endswith("/actor")
        return await real(client, outgoing, **limits)

    monkeypatch.setattr("app.federation.peers.discovery.fetch", call)
    return count


def signed(pair: Pair, by: Identity, said: Json, seq: int | None = None) -> Letter:
    number = None if seq is None else f'{seq};epoch="{by.epoch}"'
    return sign(by, f"{pair.south.origin}/inbox", json.dumps(said).encode(), seq=number)


async def statuses(letters: list[Letter]) -> set[int]:
    return {(await send(letter)).status_code for letter in letters}


async def to_south(pair: Pair) -> Identity:
    """Return who north is to south: its next key as soon as south takes it."""
    runtime = pair.north.runtime
    async with transaction(runtime.sessions) as session:
        peer = (await session.exec(select(Peer))).one()
        return await our_identity(session, runtime, peer.id)


async def valid_at(instance: Instance, key_id: str, moment: Any) -> list[bytes]:
    """Return the keys by which a receipt of that moment would be checked."""
    issuer = key_id.partition("#")[0]
    async with transaction(instance.runtime.sessions) as session:
        known = await keys_of_issuer(session, instance.runtime, issuer)
    assert known
    try:
        return [k.public_bytes_raw() for k in finder(known)(issuer, key_id, moment)]
    except ReceiptRefusedError:
        return []


async def shown(instance: Instance, path: str = "/actor") -> Json:
    headers = {"Accept": "application/activity+json"}
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{instance.origin}{path}", headers=headers)
    result: Json = answer.json()
    return result


async def listed(instance: Instance) -> list[str]:
    methods = (await shown(instance))["assertionMethod"]
    return [method["id"].partition("#")[2] for method in methods]


async def rotate(instance: Instance) -> str:
    assert instance.steward is not None
    row = await instance.steward.post("/instance/keys", {})
    assert row["state"] == "next"
    name: str = row["name"]
    return name


async def test_fifty_messages_in_flight_survive_a_rotation(peers: Pair, asked: Asked) -> None:
    north, south = peers.north, peers.south
    old = await north.identity()
    before = clock.now()
    sent = [signed(peers, old, peers.create(n), n) for n in range(1, IN_FLIGHT + 1)]
    assert await statuses(sent[:20]) == {202}

    fresh = await rotate(north)
    assert await listed(north) == ["ed25519-key", fresh]
    assert (await to_south(peers)).signer.key_id == old.signer.key_id
    asked.actors = 0
    await north.work()  # the announcement goes out, south takes it, the key comes into use
    assert await listed(north) == [fresh, "ed25519-key"]
    new = await to_south(peers)
    assert new.signer.key_id.endswith(f"#{fresh}")
    assert await statuses(sent[20:]) == {202}
    later = [signed(peers, new, peers.create(n), n) for n in range(51, 61)]
    assert await statuses(later) == {202}
    await south.work()
    assert len(await south.mirrored()) == 60
    assert asked.actors == 1
    assert (await south.peer())["state"] == "active"
    assert (await south.peer())["fingerprint"] == keys.fingerprint(new.public_key)

    with clock.moved(timedelta(days=29)):
        assert await statuses([signed(peers, old, peers.create(61))]) == {202}
    with clock.moved(timedelta(days=31)):
        await north.work()
        assert await listed(north) == [fresh]
        assert await statuses([signed(peers, old, peers.create(62))]) == {401}
        assert await statuses([signed(peers, new, peers.create(63))]) == {202}
        first, second = (await shown(north, "/actor/keys"))["items"]
    assert first["id"].endswith("#ed25519-key")
    assert "expires" in first
    assert "expires" not in second
    raw = old.public_key.public_bytes_raw()
    for instance in (north, south):
        assert await valid_at(instance, old.signer.key_id, before) == [raw]
        far = clock.now() + timedelta(days=40)
        assert await valid_at(instance, old.signer.key_id, far) == []


async def test_a_peer_that_is_away_gets_the_announcement_from_the_old_key(
    peers: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    north, south = peers.north, peers.south
    old = await north.identity()
    fresh = await rotate(north)
    with unreachable(monkeypatch, south.origin):
        await north.work()
        assert (await to_south(peers)).signer.key_id == old.signer.key_id
        with clock.moved(timedelta(hours=23)):
            await north.work()
            assert await listed(north) == ["ed25519-key", fresh]
        with clock.moved(timedelta(hours=25)):
            await north.work()
            assert await listed(north) == [fresh, "ed25519-key"]
    with clock.moved(timedelta(days=3)):
        # What the new key signs reaches south before the announcement: it stops and asks people.
        new = await to_south(peers)
        assert new.signer.key_id.endswith(f"#{fresh}")
        assert await statuses([signed(peers, new, peers.create(1))]) == {403}
        assert (await south.peer())["state"] == "key_changed"
        await peers.work()
        assert (await south.peer())["state"] == "active"
        assert await statuses([signed(peers, new, peers.create(2))]) == {202}


@contextmanager
def unreachable(monkeypatch: pytest.MonkeyPatch, origin: str) -> Iterator[None]:
    """Let no delivery to an origin through."""
    real = http_client.call

    async def call(client: Any, outgoing: Outgoing, **limits: Any) -> Answer:
        if outgoing.url.startswith(origin):
            raise OutboundError("away")
        return await real(client, outgoing, **limits)

    with monkeypatch.context() as patch:
        patch.setattr("app.federation.delivery.call", call)
        yield


async def test_a_stolen_key_is_refused_and_what_it_signed_before_holds(peers: Pair) -> None:
    north, south = peers.north, peers.south
    assert north.steward is not None
    assert south.steward is not None
    thief = await north.identity()
    earlier = clock.now()
    assert await statuses([signed(peers, thief, peers.create(1))]) == {202}

    # With the key alone a thief cannot bring a key of their own: the origin does not show it.
    own = Ed25519PrivateKey.generate()
    key_id = f"{north.origin}/actor#ed25519-mine"
    document = await shown(north)
    document.pop("@context")
    document["assertionMethod"].append(
        {"id": key_id, "type": "Multikey", "controller": f"{north.origin}/actor",
         "publicKeyMultibase": keys.encode_multikey(own.public_key())}
    )  # fmt: skip
    update = activity(north.origin, "Update", document)
    assert await statuses([signed(peers, thief, update)]) == {202}
    mine = replace(thief, signer=Signer(own, key_id))
    assert await statuses([signed(peers, mine, peers.create(2))]) == {401}

    await north.steward.move("/instance/keys/ed25519-key", "revoked")
    await north.work()
    before = await south.stored()
    answer = await send(signed(peers, thief, peers.create(3)))
    assert answer.status_code == 401
    assert await south.stored() == before
    assert await listed(north) != ["ed25519-key"]
    raw = thief.public_key.public_bytes_raw()
    for instance in (north, south):
        assert await valid_at(instance, thief.signer.key_id, earlier) == [raw]
        assert await valid_at(instance, thief.signer.key_id, clock.now()) == []

    # Nobody vouches for the key in its place: both communities look and approve.
    seen = await south.peer()
    current = await north.identity()
    assert seen["state"] == "key_changed"
    assert seen["candidate_fingerprint"] == keys.fingerprint(current.public_key)
    assert await statuses([signed(peers, current, peers.create(4))]) == {403}
    await south.steward.move(f"/peers/{seen['id']}", "proposed")
    await peers.work()
    there = await north.peer()
    assert there["state"] == "requested"
    await north.steward.move(f"/peers/{there['id']}", "active")
    await peers.work()
    assert (await south.peer())["state"] == "active"
    assert await statuses([signed(peers, current, peers.create(5))]) == {202}
    assert await statuses([signed(peers, thief, peers.create(6))]) == {401}


async def test_an_old_key_that_is_stolen_after_a_rotation_stops_nothing(peers: Pair) -> None:
    north, south = peers.north, peers.south
    assert north.steward is not None
    thief = await north.identity()
    await rotate(north)
    await north.work()
    assert await statuses([signed(peers, thief, peers.create(1))]) == {202}
    await north.steward.move("/instance/keys/ed25519-key", "revoked")
    await north.work()
    assert await statuses([signed(peers, thief, peers.create(2))]) == {401}
    assert (await south.peer())["state"] == "active"
    assert await statuses([signed(peers, await north.identity(), peers.create(3))]) == {202}
    again = await north.steward.ask(
        "POST", "/instance/keys/ed25519-key/transitions", json={"to": "revoked"}
    )
    assert (again.status_code, again.json()["code"]) == (409, "key_revoked_already")


async def test_a_key_for_which_nobody_vouches_stops_the_peer_until_somebody_does(
    peers: Pair, asked: Asked
) -> None:
    north, south = peers.north, peers.south
    old = await north.identity()
    runtime = north.runtime
    async with transaction(runtime.sessions) as session:
        row = new_key(runtime, "ed25519-new", old.epoch, state=KeyState.NEXT, current_at=None)
        session.add(row)
        await session.flush()
        new = replace(old, signer=Signer(open_key(runtime, row), f"{old.actor_url}#{row.name}"))
    # South asked just now, when they met.
    async with transaction(south.runtime.sessions) as session:
        await session.execute(delete(ActorFetch))
    # That it is listed is no reason yet.
    assert await statuses([signed(peers, old, peers.create(1))]) == {202}
    asked.actors = 0
    flood = [signed(peers, new, peers.create(n)) for n in range(2, 12)]
    assert await statuses(flood) == {403}
    assert asked.actors == 1
    assert (await south.peer())["state"] == "key_changed"
    assert await statuses([signed(peers, old, peers.create(20))]) == {403}
    await south.work()
    assert len(await south.mirrored()) == 0

    document = await shown(north)
    document.pop("@context")
    update = activity(north.origin, "Update", document)
    assert await statuses([signed(peers, new, update)]) == {403}
    assert await statuses([signed(peers, old, update)]) == {202}
    assert (await south.peer())["state"] == "active"
    assert await statuses([signed(peers, new, peers.create(21))]) == {202}


async def test_key_ids_that_strangers_name_leave_nothing_behind(
    old_friends: Pair, asked: Asked
) -> None:
    south = old_friends.south
    north = await old_friends.north.identity()
    before = await south.stored()
    poison = [
        replace(north, signer=Signer(Ed25519PrivateKey.generate(), f"{north.actor_url}#{n}"))
        for n in range(10)
    ]
    letters = [signed(old_friends, each, old_friends.create(1)) for each in poison]
    assert await statuses(letters) == {401}
    assert asked.actors <= 1
    assert await south.stored() == before
    assert await statuses([signed(old_friends, north, old_friends.create(1))]) == {202}


async def test_one_nonce_on_many_workers_is_taken_once_and_forgotten(old_friends: Pair) -> None:
    letter = await old_friends.letter(old_friends.create(1))
    answers = await asyncio.gather(*(send(letter) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [202, *[401] * 7]
    south = old_friends.south.runtime
    with clock.moved(timedelta(minutes=16)):
        await old_friends.south.work()
    async with south.sessions() as session:
        assert (await session.exec(select(SeenNonce))).all() == []


def actor_of(origin: str, **method: Any) -> Json:
    key = keys.encode_multikey(Ed25519PrivateKey.generate().public_key())
    own = {"id": f"{origin}/actor#k", "controller": f"{origin}/actor", "publicKeyMultibase": key}
    return {
        "id": f"{origin}/actor",
        "type": "Application",
        "inbox": f"{origin}/inbox",
        "assertionMethod": [{"type": "Multikey", **own, **method}],
    }


STRANGE = "https://strange.example"
ACTORS: dict[str, tuple[str, Json]] = {
    "a page": ("text/html", actor_of(STRANGE)),
    "an upload": ("application/octet-stream", actor_of(STRANGE)),
    "of another id": ("application/activity+json", {**actor_of(STRANGE), "id": f"{STRANGE}/a"}),
    "an inbox elsewhere": (
        "application/activity+json", {**actor_of(STRANGE), "inbox": "https://x.example/inbox"}
    ),
    "a key of somebody else": (
        "application/activity+json", actor_of(STRANGE, controller="https://x.example/actor")
    ),
    "a key that lives elsewhere": (
        "application/activity+json", actor_of(STRANGE, id="https://x.example/actor#k")
    ),
    "a key without an address of its own": (
        "application/activity+json", actor_of(STRANGE, id=f"{STRANGE}/actor")
    ),
    "a key of small order": (
        "application/activity+json", actor_of(STRANGE, publicKeyMultibase=SMALL_ORDER)
    ),
    "a revoked key": (
        "application/activity+json", actor_of(STRANGE, revoked="2026-01-01T00:00:00Z")
    ),
    "a key that ended": (
        "application/activity+json", actor_of(STRANGE, expires="2026-01-01T00:00:00Z")
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ["sound", *ACTORS])
async def test_a_key_document_that_is_not_sound_is_refused(
    old_friends: Pair, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    sound = ("application/activity+json", actor_of(STRANGE))
    media_type, document = ACTORS.get(name, sound)

    async def call(*_: Any, **__: Any) -> Answer:
        lines = (("content-type", media_type),)
        return Answer(200, lines, json.dumps(document).encode())

    monkeypatch.setattr("app.federation.peers.discovery.fetch", call)
    if name == "sound":
        found = await discovery.discover(old_friends.south.runtime, STRANGE)
        assert found.keys[0].key_id == f"{STRANGE}/actor#k"
        return
    with pytest.raises(discovery.NotFoundAsPeerError):
        await discovery.discover(old_friends.south.runtime, STRANGE)

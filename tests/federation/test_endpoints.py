"""The addresses that peers call: who we are, what a need is, and our log of what we sent."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from app.federation.peers.epochs import NOTICED_AGAIN_AFTER
from app.federation.peers.identity import Identity, our_identity
from app.federation.wire.context import ACTIVITY_JSON, NATIVE_CONTEXT, OWN_TERMS, shared_terms
from app.infra import clock, keys
from app.infra.signatures import (
    HttpAnswer,
    HttpMessage,
    SignatureRefusedError,
    Signer,
    verify_answer,
)
from app.models.federation import InstanceKey
from tests.factories.instances import Instance, Pair
from tests.factories.world import Json, World

COMMON = "https://w3id.org/fep/c180#"
OURS = "https://ns.tornallom.example/mutual-aid#"


async def get(url: str, headers: dict[str, str] | None = None) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.get(url, headers=headers or {})


async def signed_get(
    identity: Identity, url: str, **headers: str
) -> tuple[httpx.Response, HttpMessage]:
    asked = HttpMessage("GET", url, [("Accept", ACTIVITY_JSON)])
    signed = {**identity.sign(asked), **headers}
    answer = await get(url, signed)
    return answer, HttpMessage("GET", url, list(signed.items()))


async def need_on(instance: Instance, **changes: Any) -> Json:
    owner = await instance.sign_up("owner")
    return await instance.open_need(owner, await instance.organisation(owner), **changes)


async def test_the_actor_says_who_we_are_with_a_key_that_reads_back(old_friends: Pair) -> None:
    north = old_friends.north
    answer = await get(f"{north.origin}/actor", {"Accept": ACTIVITY_JSON})
    actor = answer.json()
    assert answer.headers["content-type"] == ACTIVITY_JSON
    assert (actor["id"], actor["type"]) == (f"{north.origin}/actor", "Application")
    assert actor["inbox"] == actor["endpoints"]["sharedInbox"] == f"{north.origin}/inbox"
    (method,) = actor["assertionMethod"]
    assert (method["controller"], method["type"]) == (actor["id"], "Multikey")
    shown = keys.decode_multikey(method["publicKeyMultibase"])
    assert shown == (await north.identity()).public_key
    seen = (await old_friends.south.peer())["fingerprint"]
    assert seen == keys.fingerprint(shown)
    assert "private" not in answer.text


async def test_the_private_key_is_sealed_and_only_its_owner_reads_the_key_file(
    old_friends: Pair,
) -> None:
    runtime = old_friends.north.runtime
    raw = (await old_friends.north.identity()).signer.private_key.private_bytes_raw()
    async with runtime.sessions() as session:
        row = await session.get(InstanceKey, "ed25519-key")
    assert row is not None
    assert raw not in row.sealed_private_key
    assert (runtime.data_dir / "instance.key").stat().st_mode & 0o777 == 0o600


async def test_the_actor_shows_an_rsa_key_to_the_rest_of_the_fediverse(old_friends: Pair) -> None:
    north = old_friends.north
    shown = (await get(f"{north.origin}/actor")).json()["publicKey"]
    ours = (await north.identity()).rsa_signer
    assert shown["id"] == ours.key_id == f"{north.origin}/actor#main-key"
    assert shown["owner"] == f"{north.origin}/actor"
    key = load_pem_public_key(shown["publicKeyPem"].encode())
    assert isinstance(key, RSAPublicKey)
    assert key.key_size == 2048
    key.verify(ours.private_key.sign(b"x", PKCS1v15(), SHA256()), b"x", PKCS1v15(), SHA256())
    async with north.runtime.sessions() as session:
        row = await session.get(InstanceKey, "main-key")
    assert row is not None
    secret = ours.private_key.private_numbers().d.to_bytes(256, "big")
    assert secret[:32] not in row.sealed_private_key


async def test_all_keys_are_listed_for_who_checks_old_signatures(old_friends: Pair) -> None:
    north = old_friends.north
    answer = await get(f"{north.origin}/actor/keys")
    assert answer.headers["content-type"] == "application/activity+json"
    (only,) = answer.json()["items"]
    assert only == (await get(f"{north.origin}/actor")).json()["assertionMethod"][0]
    assert answer.json()["totalItems"] == 1


async def test_the_key_is_made_once_however_many_begin_together(world: World) -> None:
    runtime = world.runtime

    async def begin() -> bytes:
        async with runtime.sessions() as session:
            # Never committed: the key must last all the same.
            found = await our_identity(session, runtime)
            runtime.shared.pop("federation.identity", None)
            return found.public_key.public_bytes_raw()

    first = await asyncio.gather(*(begin() for _ in range(4)))
    assert {*first, await begin()} == {first[0]}


async def test_an_instance_that_is_put_back_with_its_key_file_is_the_same(
    world: World, tmp_path: Path
) -> None:
    """The drill of a restore: the database and the key file, in another folder."""

    async def identity_in(folder: Path) -> Identity:
        runtime = replace(world.runtime, data_dir=folder, shared={})
        async with runtime.sessions() as session:
            return await our_identity(session, runtime)

    before = await identity_in(world.runtime.data_dir)
    restored = tmp_path / "restored"
    restored.mkdir()
    (restored / "instance.key").write_bytes((world.runtime.data_dir / "instance.key").read_bytes())
    after = await identity_in(restored)
    assert after.public_key == before.public_key
    assert after.rsa_signer.private_key.public_key() == before.rsa_signer.private_key.public_key()
    with pytest.raises(keys.SealBrokenError):
        await identity_in(tmp_path / "without")


async def test_webfinger_leads_to_the_actor(old_friends: Pair) -> None:
    north = old_friends.north
    host = north.origin.removeprefix("http://")
    for resource in (f"acct:needs@{host}", north.origin, f"{north.origin}/actor"):
        found = await get(f"{north.origin}/.well-known/webfinger?resource={resource}")
        assert found.headers["content-type"] == "application/jrd+json"
        assert found.json()["subject"] == f"acct:needs@{host}"
        assert found.json()["links"][0]["href"] == f"{north.origin}/actor"
    other = await get(f"{north.origin}/.well-known/webfinger?resource=acct:ana@{host}")
    assert other.status_code == 404


async def test_nodeinfo_counts_needs_and_no_people(old_friends: Pair) -> None:
    north = old_friends.north
    links = (await get(f"{north.origin}/.well-known/nodeinfo")).json()["links"]
    info = (await get(links[0]["href"])).json()
    assert info["software"]["name"] == "tornallom"
    assert info["protocols"] == ["activitypub"]
    assert info["usage"]["users"] == {}
    assert info["metadata"]["nodeName"] == "north"


async def test_a_needs_address_is_a_page_for_people_and_a_proposal_for_peers(
    peers: Pair,
) -> None:
    need = await need_on(peers.north, audience="public")
    url = f"{peers.north.origin}/needs/{need['id']}"
    page = await get(url, {"Accept": "text/html,application/xhtml+xml"})
    assert page.headers["content-type"].startswith("text/html")
    document = await get(url, {"Accept": 'application/ld+json; profile="x", text/html;q=0.1'})
    assert document.headers["content-type"] == ACTIVITY_JSON
    assert "Signature" in document.headers["vary"]
    proposal = document.json()
    assert (proposal["type"], proposal["id"], proposal["name"]) == ("Proposal", url, need["title"])
    assert proposal["publishes"]["resourceQuantity"] == {
        "hasUnit": "hour",
        "hasNumericalValue": "4",
    }
    assert "harm" not in document.text


async def test_a_need_for_peers_exists_only_for_them(peers: Pair) -> None:
    need = await need_on(peers.north, audience="peers")
    url = f"{peers.north.origin}/needs/{need['id']}"
    unsigned = await get(url, {"Accept": ACTIVITY_JSON})
    missing = await get(f"{peers.north.origin}/needs/{'0' * 8}-0000-4000-8000-{'0' * 12}",
                        {"Accept": ACTIVITY_JSON})  # fmt: skip
    assert unsigned.status_code == missing.status_code == 404
    assert unsigned.json()["type"] == missing.json()["type"] == COMMON + "object-does-not-exist"
    assert unsigned.json()["detail"] == missing.json()["detail"]
    answer, _ = await signed_get(await peers.south.identity(), url)
    assert answer.json()["id"] == url
    assert "no-store" in answer.headers["cache-control"]

    named = await peers.north.open_need(
        peers.north.people[-1],
        {"id": need["organisation"]["id"]},
        audience="named_peers",
        audience_peers=[],
    )
    hidden, _ = await signed_get(
        await peers.south.identity(), f"{peers.north.origin}/needs/{named['id']}"
    )
    assert hidden.status_code == 404


async def test_a_withdrawn_need_is_gone(peers: Pair) -> None:
    need = await need_on(peers.north, audience="public")
    await peers.north.people[-1].move(f"/needs/{need['id']}", "withdrawn", "solved")
    answer = await get(f"{peers.north.origin}/needs/{need['id']}", {"Accept": ACTIVITY_JSON})
    assert answer.status_code == 410


async def test_the_log_is_signed_for_its_reader_and_only_an_active_peer_reads_it(
    peers: Pair,
) -> None:
    need = await need_on(peers.north, audience="public")
    await peers.north.work()
    north, south = await peers.north.identity(), await peers.south.identity()
    url = f"{peers.north.origin}/fed/v1/log?after=0&limit=200"
    answer, asked = await signed_get(south, url)
    page = answer.json()
    assert (page["epoch"], page["last"]) == (north.epoch, 1)
    assert page["items"][0]["body"]["object"]["name"] == need["title"]

    signed = HttpAnswer(200, answer.headers.multi_items(), answer.content, asked)
    now = clock.now()
    verify_answer(signed, north.public_key, north.signer.key_id, now=now)
    for forged in (
        replace(signed, body=answer.content.replace(b"Move", b"Lose")),
        replace(signed, request=replace(asked, url=url.replace("after=0", "after=1"))),
    ):
        with pytest.raises(SignatureRefusedError):
            verify_answer(forged, north.public_key, north.signer.key_id, now=now)

    assert (await get(url)).json()["type"] == OURS + "signature-missing"
    stranger = replace(south, signer=Signer(Ed25519PrivateKey.generate(), "http://127.0.0.1:9/k"))
    assert (await signed_get(stranger, url))[0].json()["type"] == OURS + "not-peer"
    thief = replace(south, signer=Signer(Ed25519PrivateKey.generate(), south.signer.key_id))
    assert (await signed_get(thief, url))[0].json()["type"] == OURS + "signature-invalid"
    misdirected, _ = await signed_get(south, url, Host="east.example")
    assert misdirected.status_code == 421

    await peers.north.steward.move(f"/peers/{(await peers.north.peer())['id']}", "suspended")  # type: ignore[union-attr]
    assert (await signed_get(south, url))[0].json()["type"] == OURS + "peer-suspended"


async def test_a_request_to_the_log_cannot_be_replayed(peers: Pair) -> None:
    url = f"{peers.north.origin}/fed/v1/log?after=0&limit=200"
    south = await peers.south.identity()
    headers = south.sign(HttpMessage("GET", url, []))
    assert (await get(url, headers)).status_code == 200
    again = await get(url, headers)
    assert (again.status_code, again.json()["type"]) == (401, OURS + "signature-invalid")


async def test_reading_the_log_acknowledges_what_came_before(peers: Pair) -> None:
    await need_on(peers.north, audience="public")
    await peers.north.write_mail()
    assert (await peers.north.peer())["waiting"] == 1
    south = await peers.south.identity()
    answer, _ = await signed_get(south, f"{peers.north.origin}/fed/v1/log?after=1&limit=200")
    assert answer.json()["items"] == []
    assert (await peers.north.peer())["waiting"] == 0


async def test_numbers_that_we_never_gave_make_us_count_anew_once_in_a_while(peers: Pair) -> None:
    """A restored instance finds out so; a peer that plays with it costs us little."""
    south = await peers.south.identity()

    async def epoch_after(number: int, counted_in: str = "") -> str:
        said = f"&epoch={counted_in}" if counted_in else ""
        url = f"{peers.north.origin}/fed/v1/log?after={number}&limit=200{said}"
        return str((await signed_get(south, url))[0].json()["epoch"])

    first = await epoch_after(0)
    second = await epoch_after(900, first)
    assert second != first
    assert {await epoch_after(number, second) for number in (901, 902, 903)} == {second}
    with clock.moved(NOTICED_AGAIN_AFTER):
        assert await epoch_after(904, second) not in {first, second}


def test_every_message_of_ours_is_json_with_our_context() -> None:
    folder = Path(__file__).parent.parent / "vectors"
    vector = json.loads((folder / "context-native.json").read_text("utf-8"))
    # The vector's context is ours under its own namespace, without the terms that we add.
    assert vector == [NATIVE_CONTEXT[0], shared_terms("https://ns.example/mutual-aid")]
    assert NATIVE_CONTEXT[1].keys() - vector[1].keys() == OWN_TERMS.keys()

"""Receipts between two real instances: sent, kept, corrected, taken back, and whose they are."""

import json
from copy import deepcopy
from typing import Any
from uuid import UUID

import httpx
from sqlmodel import col, delete, select

from app.domain.access import SYSTEM
from app.domain.activity.actions import record
from app.domain.claims import queries as claim_queries
from app.domain.claims.rules import verdict_of
from app.domain.ledger.actions import Ruling, conclude
from app.federation.receipts.issuing import send_again
from app.infra.database import transaction
from app.infra.ids import private_id, public_id
from app.infra.keys import load_public_key
from app.infra.signatures import HttpMessage
from app.models.federation import FederationEvent
from app.models.ledger import ReceiptOffer
from app.models.receipts import Receipt
from tests.factories.books import issuer
from tests.factories.helping import CANARY, Helping, bodies, helping
from tests.factories.instances import Instance, Pair, send, sign
from tests.factories.world import Json, Person

HOURS = 210


async def confirmed(pair: Pair) -> tuple[Helping, Json, Json]:
    """Return work of south that north has confirmed, as both have it."""
    helped = await helping(pair)
    here, there = await helped.handed_in(HOURS)
    await pair.north.confirm(helped.owner, there, HOURS)
    await pair.work()
    return helped, here, there


async def listed(person: Person) -> list[Json]:
    items: list[Json] = (await person.get("/me/receipts"))["items"]
    return items


async def conclude_there(helped: Helping, there: Json, minutes: int) -> None:
    """Let north decide a dispute, by the verb that ends every panel."""
    async with transaction(helped.north.runtime.sessions) as session:
        view = await claim_queries.lock_claim_for(session, SYSTEM, UUID(there["id"]))
        ruling = Ruling(verdict_of(minutes, HOURS), UUID(helped.owner.id))
        await conclude(session, SYSTEM, view, ruling)
    await helped.pair.work()


async def told(instance: Instance, kind: str) -> list[Json]:
    """Return what an instance has said of a kind about receipts, oldest first."""
    async with instance.runtime.sessions() as session:
        statement = (
            select(FederationEvent.body)
            .where(
                FederationEvent.activity_type == kind,
                col(FederationEvent.object_url).contains("/receipts/"),
            )
            .order_by(col(FederationEvent.id))
        )
        return [json.loads(body) for body in (await session.exec(statement)).all()]


async def rows(instance: Instance) -> list[Receipt]:
    async with instance.runtime.sessions() as session:
        return list((await session.exec(select(Receipt).order_by(col(Receipt.created_at)))).all())


async def signed_get(reader: Instance, url: str) -> httpx.Response:
    headers = {"Accept": "application/activity+json"}
    lines = list(headers.items())
    signed = (await reader.identity()).sign(HttpMessage("GET", url, lines))
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.get(url, headers={**headers, **signed})


async def test_a_receipt_arrives_is_corrected_and_taken_back(old_friends: Pair) -> None:
    helped, here, there = await confirmed(old_friends)
    north, south, worker = helped.north, helped.south, helped.worker
    (got,) = await listed(worker)
    assert (got["source"], got["state"], got["minutes"]) == ("received", "valid", HOURS)
    assert got["issuer"] == f"{north.origin}/actor"
    checked = await worker.get(f"/receipts/{got['id']}/verification")
    assert (checked["code"], checked["valid"]) == ("valid", True)
    assert (await helped.theirs(here))["state"] == "confirmed"

    # Stored whole with the issuer's key, under the pseudonym of this claim and no other name.
    kept = next(row for row in await rows(south) if row.url == got["url"])
    assert load_public_key(kept.public_key) == (await north.identity()).public_key
    issued = next(row for row in await rows(north) if row.url == got["url"])
    assert issued.document == kept.document
    assert issued.account_id is None
    assert kept.subject.startswith(f"{south.origin}/members/")
    assert worker.id not in kept.document.decode()
    assert CANARY.encode().lower() not in (await bodies(north)).lower()

    # Readable at its address by the peer that is party, and by nobody else.
    assert (await signed_get(south, got["url"])).content == kept.document
    assert (await signed_get(north, got["url"])).status_code in {403, 404}
    async with httpx.AsyncClient(trust_env=False) as client:
        for accept in ("application/activity+json", "application/json"):
            unsigned = await client.get(got["url"], headers={"Accept": accept})
            assert unsigned.status_code in {401, 404}
    missing = f"{north.origin}/receipts/{private_id()}"
    assert (await signed_get(south, missing)).status_code == 404

    # Other hours: north settles on less.
    await worker.move(f"/claims/{here['id']}", "disputed", "not all of it")
    await old_friends.work()
    await conclude_there(helped, there, 120)
    new, old = await listed(worker)
    assert (new["minutes"], new["state"]) == (120, "valid")
    assert (old["state"], old["replaced_by"]) == ("replaced", new["url"])
    assert (await helped.theirs(here))["state"] == "confirmed"

    # Lost there, it comes again when the two hear each other anew, or on being asked.
    async with transaction(south.runtime.sessions) as session:
        await session.execute(delete(Receipt).where(col(Receipt.url) == new["url"]))
    async with transaction(north.runtime.sessions) as session:
        record(session, SYSTEM, "peer.activated", issued.peer_id or private_id())
    await old_friends.work()
    again, _ = await listed(worker)
    assert {**again, "id": new["id"]} == new
    async with transaction(north.runtime.sessions) as session:
        await send_again(session, north.runtime, issued.claim_id or private_id())
    await old_friends.work()
    assert await listed(worker) == [again, old]

    # Nothing at all: taken back.
    await worker.move(f"/claims/{here['id']}", "disputed", "none of it")
    await old_friends.work()
    await conclude_there(helped, there, 0)
    assert [each["state"] for each in await listed(worker)] == ["revoked", "replaced"]
    assert (await signed_get(south, new["url"])).status_code == 410
    gone = await worker.ask("GET", f"/receipts/{again['id']}")
    assert (gone.status_code, gone.json()["code"]) == (410, "receipt_revoked")


async def test_what_a_peer_forges_is_refused_and_leaves_nothing(old_friends: Pair) -> None:
    helped, _, _ = await confirmed(old_friends)
    north, south = helped.north, helped.south
    good = (await told(north, "Create"))[-1]
    before = len(await rows(south))

    async def say(**changes: Any) -> int:
        said = {**deepcopy(good), "id": f"{north.origin}/activities/{public_id()}"}
        about = said["object"]
        for path, value in changes.items():
            place: Any = about if path != "to" else said
            *steps, last = path.split("__")
            for step in steps:
                place = place[step]
            place[last] = value
        body = json.dumps(said).encode()
        return (await send(sign(await north.identity(), f"{south.origin}/inbox", body))).status_code

    other = f"{north.origin}/receipts/{private_id()}"
    assert await say(credential__credentialSubject__hours="35") == 422
    assert await say(credential__issuer=f"{south.origin}/actor") == 422
    assert await say(credential__proof__created="2026-01-01T00:00:00Z") == 422
    assert await say(credential={"id": good["object"]["id"]}) == 422
    assert await say(id=other) == 403
    assert await say(attributedTo=f"{south.origin}/actor") == 403
    assert await say(context=f"{north.origin}/agreements/{private_id()}") == 404
    assert await say(to=f"{north.origin}/actor") == 422
    assert len(await rows(south)) == before
    # The same, unaltered, is taken, and is no news.
    assert await say() == 202
    await old_friends.work()
    assert len(await rows(south)) == before
    # One takes back only what is one's own.
    tombstone = {"type": "Tombstone", "formerType": "Document", "deleted": "2026-11-20T12:00:00Z"}
    gone = {**good, "type": "Delete", "id": f"{north.origin}/activities/{public_id()}"}
    gone["object"] = {**tombstone, "id": f"{south.origin}/receipts/{private_id()}"}
    body = json.dumps(gone).encode()
    answer = await send(sign(await north.identity(), f"{south.origin}/inbox", body))
    assert answer.status_code == 403


async def test_whose_it_is_is_proven_by_a_code_and_by_nothing_less(old_friends: Pair) -> None:
    helped, _, _ = await confirmed(old_friends)
    north, worker = helped.north, helped.worker
    # She moves: another account, at the other instance.
    number = len(north.people)
    moved, thief = await north.sign_up(f"moved{number}"), await north.sign_up(f"thief{number}")

    plain = await worker.post("/me/receipts/bundle", expect=200)
    (item,) = (await moved.post("/me/receipts", {"document": plain}, expect=200))["items"]
    assert (item["new"], item["receipt"]["proven"]) == (True, False)

    code = (await moved.post("/me/receipts/codes"))["code"]
    wish = {"code": code, "reader": north.origin}
    signed = await worker.post("/me/receipts/bundle", wish, expect=200)
    assert CANARY.lower() not in json.dumps(signed).lower()

    # A stolen file is of no use to another account, nor with another code in it.
    stolen = await thief.post("/me/receipts", {"document": signed}, expect=422)
    assert stolen["code"] == "receipt_code_invalid"
    own = (await thief.post("/me/receipts/codes"))["code"]
    forged = {**signed, "proof": {**signed["proof"], "challenge": own}}
    assert (await thief.post("/me/receipts", {"document": forged}, expect=422))["code"] == (
        "receipt_tampered"
    )
    assert await listed(thief) == []

    (item,) = (await moved.post("/me/receipts", {"document": signed}, expect=200))["items"]
    assert (item["new"], item["receipt"]["proven"]) == (False, True)
    (shown,) = await listed(moved)
    assert (shown["source"], shown["state"], shown["minutes"]) == ("shown", "valid", HOURS)
    # Shown, and in no book.
    assert (await moved.get("/me/contributions"))["total_minutes"] == 0
    answer = await moved.ask("DELETE", f"/receipts/{shown['id']}")
    assert answer.status_code == 204
    assert await listed(moved) == []


async def test_what_was_confirmed_here_is_not_taken_again_by_its_receipt(old_friends: Pair) -> None:
    """A guest's hours stand in the book that confirmed them: their receipt adds nothing to it."""
    helped, _, _ = await confirmed(old_friends)
    north, owner = helped.north, helped.owner
    moved = await north.sign_up(f"back{len(north.people)}")
    home = f"/organisations/{helped.organisation['id']}"
    member = {"handle": moved.me["account"]["handle"], "role": "member", "worker_owner": False}
    await owner.post(f"{home}/members", member)
    book = await owner.post(f"{home}/ownership", {"currency": "EUR"}, key=private_id().hex)
    offers = f"/books/{book['id']}/receipts"
    before = (await owner.get(f"/books/{book['id']}"))["total_minutes"]

    code = (await moved.post("/me/receipts/codes"))["code"]
    wish = {"code": code, "reader": north.origin}
    signed = await helped.worker.post("/me/receipts/bundle", wish, expect=200)
    (item,) = (await moved.post("/me/receipts", {"document": signed}, expect=200))["items"]
    assert (item["receipt"]["source"], item["receipt"]["proven"]) == ("shown", True)
    body = {"receipt_id": item["receipt"]["id"]}
    refused = await moved.post(offers, body, expect=409, key=private_id().hex)
    assert refused["code"] == "receipt_of_here"
    # One that was offered before this was refused is not taken either.
    offer = ReceiptOffer(
        book_id=UUID(book["id"]), receipt_id=UUID(body["receipt_id"]), account_id=UUID(moved.id)
    )
    async with transaction(north.runtime.sessions) as session:
        session.add(offer)
    decision = f"{offers}/{body['receipt_id']}/decision"
    refused = await owner.post(decision, {"take": True}, expect=409)
    assert refused["code"] == "receipt_of_here"
    assert (await owner.get(f"/books/{book['id']}"))["total_minutes"] == before == HOURS

    elsewhere = await issuer(north).receipt(moved, 60)
    await moved.post(offers, {"receipt_id": str(elsewhere.id)}, key=private_id().hex)
    await owner.post(f"{offers}/{elsewhere.id}/decision", {"take": True}, expect=200)
    assert (await owner.get(f"/books/{book['id']}"))["total_minutes"] == before + 60


async def test_a_strangers_key_is_asked_for_once_and_a_missing_one_is_said(pair: Pair) -> None:
    north, south = pair.north, pair.south
    owner, worker = await north.sign_up("owner"), await north.sign_up("worker")
    need = await north.open_need(owner, await north.organisation(owner))
    await north.confirm(owner, await north.submitted_claim(worker, owner, need))
    await north.work()
    (receipt,) = (await worker.post("/me/receipts/bundle", expect=200))["verifiableCredential"]
    person = await south.sign_up("person")

    far = json.loads(json.dumps(receipt).replace(north.origin, "https://nowhere.example"))
    forged = {**receipt, "validFrom": "2026-01-01T00:00:00Z"}
    brought = await person.post("/me/receipts", {"document": [receipt, far, forged]}, expect=200)
    codes = [item["code"] for item in brought["items"]]
    assert codes == ["", "no_key", "tampered"]
    assert "could not be fetched" in brought["items"][1]["message"]
    (shown,) = await listed(person)
    assert (shown["proven"], shown["issuer"]) == (False, f"{north.origin}/actor")
    # The key came with it and stays: it verifies when its issuer is no more.
    assert north.server is not None
    checked = await person.get(f"/receipts/{shown['id']}/verification")
    assert checked["code"] == "valid"

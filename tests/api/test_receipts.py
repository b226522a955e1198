"""Receipts over the API: they follow confirmations, exactly, and tell nobody who the person is."""

import asyncio
import json
from datetime import timedelta
from typing import Any

from sqlmodel import select

from app.federation.receipts.issuing import settle_receipt
from app.infra import clock
from app.infra.canonical import canonical_json
from app.infra.data_integrity import Expected, verify
from app.infra.database import transaction
from app.infra.keys import load_public_key
from app.models.receipts import Receipt
from tests.factories.world import Json, Person, World

HOURS = 210


class Cast:
    """A worker with confirmed work of three and a half hours."""

    worker: Person
    member: Person
    claim: Json

    @classmethod
    async def of(cls, world: World) -> "Cast":
        cast = cls()
        cast.worker, cast.member = await world.sign_up("mireia"), await world.sign_up("jordi")
        organisation = await world.organisation(cast.member)
        need = await world.open_need(cast.member, organisation)
        cast.claim = await world.submitted_claim(cast.worker, cast.member, need, HOURS)
        await world.confirm(cast.member, cast.claim, HOURS)
        await world.work()
        return cast

    async def receipts(self) -> list[Json]:
        found: list[Json] = (await self.worker.get("/me/receipts"))["items"]
        return found

    async def settle(self, minutes: int) -> None:
        """Dispute what stands and agree on something else."""
        path = f"/claims/{self.claim['id']}"
        await self.worker.move(path, "disputed", "not all of it")
        for side in (self.worker, self.member):
            await side.post(f"{path}/settlement", {"minutes": minutes}, expect=200)


async def rows(world: World) -> list[Receipt]:
    async with world.runtime.sessions() as session:
        return list((await session.exec(select(Receipt).order_by("created_at"))).all())


async def test_other_hours_replace_the_receipt(world: World) -> None:
    cast = await Cast.of(world)
    (first,) = await cast.receipts()
    await cast.settle(120)
    await world.work()
    new, old = await cast.receipts()
    assert (new["state"], new["minutes"]) == ("valid", 120)
    assert (old["state"], old["replaced_by"]) == ("replaced", new["url"])
    document = (await cast.worker.get(f"/receipts/{new['id']}"))["document"]
    assert document["replaces"] == first["url"]
    before = (await cast.worker.get(f"/receipts/{old['id']}"))["document"]
    # The same opaque person, or nobody could see that the two belong together.
    assert before["credentialSubject"]["id"] == document["credentialSubject"]["id"]
    checked = await cast.worker.get(f"/receipts/{old['id']}/verification")
    assert (checked["code"], checked["valid"]) == ("replaced", False)
    notices = (await cast.worker.get("/me/notifications"))["items"]
    assert "A receipt of yours was corrected" in [notice["title"] for notice in notices]


async def test_receipts_of_one_second_are_listed_newest_first_over_pages(world: World) -> None:
    cast = await Cast.of(world)
    # A receipt says its moment to the second: these say the same one.
    second = clock.now().replace(microsecond=0) + timedelta(seconds=2)
    for part, minutes in enumerate((120, 90, 60, 45), start=1):
        with clock.frozen(second + timedelta(milliseconds=part)):
            await cast.settle(minutes)
            await world.work()
    listed: list[int] = []
    path = "/me/receipts?limit=2"
    while True:
        page = await cast.worker.get(path)
        listed += [receipt["minutes"] for receipt in page["items"]]
        if page["next_cursor"] is None:
            break
        path = f"/me/receipts?limit=2&cursor={page['next_cursor']}"
    assert listed == [45, 60, 90, 120, HOURS]


async def test_what_is_rejected_takes_it_back_and_answers_gone(world: World) -> None:
    cast = await Cast.of(world)
    await cast.settle(0)
    await world.work()
    (revoked,) = await cast.receipts()
    assert revoked["state"] == "revoked"
    answer = await cast.worker.ask("GET", f"/receipts/{revoked['id']}")
    assert (answer.status_code, answer.json()["code"]) == (410, "receipt_revoked")
    stranger = await world.sign_up("stranger")
    assert (await stranger.ask("GET", f"/receipts/{revoked['id']}")).status_code == 404
    checked = await cast.worker.get(f"/receipts/{revoked['id']}/verification")
    assert (checked["code"], checked["valid"]) == ("revoked", False)


async def test_a_confirmation_is_followed_by_one_receipt_that_verifies_and_names_nobody(
    world: World,
) -> None:
    cast = await Cast.of(world)
    (listed,) = await cast.receipts()
    assert (listed["minutes"], listed["state"], listed["source"]) == (HOURS, "valid", "issued")
    assert listed["organisation"] == "Forn Roig"
    whole = await cast.worker.get(f"/receipts/{listed['id']}")
    document = whole["document"]
    origin = world.runtime.origin
    assert document["@context"] == [
        "https://www.w3.org/ns/credentials/v2",
        "https://ns.tornallom.example/mutual-aid/v1",
    ]
    assert document["type"] == ["VerifiableCredential", "ContributionReceipt"]
    assert document["issuer"] == f"{origin}/actor"
    assert document["id"] == whole["url"] == f"{origin}/receipts/{listed['id']}"
    subject = document["credentialSubject"]
    assert subject["hours"] == "3.5"
    assert subject["workedOn"] == "2026-03-02"
    (row,) = await rows(world)
    key = load_public_key(row.public_key)
    verify(document, lambda *_: [key], Expected(clock.now()))
    assert row.document == canonical_json(document)

    account = cast.worker.me["account"]
    (row,) = await rows(world)
    told = row.document.decode()
    for secret in (cast.worker.id, account["handle"], account["display_name"], "done", "Twelve"):
        assert secret not in told, secret
    subject = json.loads(told)["credentialSubject"]["id"]
    assert subject.startswith(f"{world.runtime.origin}/members/")
    assert (await world.stranger().http.get(subject)).status_code == 404

    (before,) = await rows(world)

    async def again() -> None:
        async with transaction(world.runtime.sessions) as session:
            await settle_receipt(session, world.runtime, before.claim_id or before.id)

    await asyncio.gather(*(again() for _ in range(5)))
    (after,) = await rows(world)
    assert after.document == before.document
    assert len(await cast.receipts()) == 1


async def test_it_is_read_by_its_two_sides_and_stays_as_it_was_signed(world: World) -> None:
    cast = await Cast.of(world)
    (listed,) = await cast.receipts()
    path = f"/receipts/{listed['id']}"
    assert (await cast.member.ask("GET", path)).status_code == 200
    assert (await world.stranger().ask("GET", path)).status_code == 401
    other = await world.sign_up("other")
    assert world.steward is not None
    for nobody in (other, world.steward):
        hidden = await nobody.ask("GET", path)
        missing = await nobody.ask("GET", f"/receipts/{'0' * 8}-0000-4000-8000-{'0' * 12}")
        assert hidden.status_code == missing.status_code == 404
        assert hidden.json()["code"] == missing.json()["code"]

    (listed,) = await cast.receipts()
    answer = await cast.worker.ask("DELETE", f"/receipts/{listed['id']}")
    assert (answer.status_code, answer.json()["code"]) == (409, "receipt_stays")

    (listed,) = await cast.receipts()
    good = await cast.worker.get(f"/receipts/{listed['id']}/verification")
    assert (good["code"], good["valid"]) == ("valid", True)
    async with transaction(world.runtime.sessions) as session:
        row = (await session.exec(select(Receipt))).one()
        row.document = row.document.replace(b'"hours":"3.5"', b'"hours":"35"')
    bad = await cast.worker.get(f"/receipts/{listed['id']}/verification")
    assert (bad["code"], bad["valid"]) == ("tampered", False)
    assert "changed after it was signed" in bad["message"]


async def test_files_come_back_as_known_and_are_judged_one_by_one(world: World) -> None:
    cast = await Cast.of(world)
    bundle = await cast.worker.post("/me/receipts/bundle", expect=200)
    assert [each["id"] for each in bundle["verifiableCredential"]] == [
        (await cast.receipts())[0]["url"]
    ]
    brought = await cast.worker.post("/me/receipts", {"document": bundle}, expect=200)
    (item,) = brought["items"]
    assert (item["new"], item["code"], item["receipt"]["source"]) == (False, "", "issued")

    bundle = await cast.worker.post("/me/receipts/bundle", expect=200)
    thief = await world.sign_up("thief")
    for file in (bundle, bundle["verifiableCredential"], bundle["verifiableCredential"][0]):
        answer = await thief.post("/me/receipts", {"document": file}, expect=200)
        assert [item["code"] for item in answer["items"]] == ["of_another"]
    assert (await thief.get("/me/receipts"))["items"] == []

    (listed,) = await cast.receipts()
    good = (await cast.worker.get(f"/receipts/{listed['id']}"))["document"]
    subject = good["credentialSubject"]
    files: dict[str, Any] = {
        "tampered": {**good, "credentialSubject": {**subject, "hours": "35"}},
        "no_proof": {key: value for key, value in good.items() if key != "proof"},
        "other_kind": {"hello": "world"},
        "shape": {**good, "note": "A field that nobody reads"},
        "origin": {**good, "id": "https://elsewhere.example/receipts/1"},
    }
    for code, file in files.items():
        answer = await cast.worker.post("/me/receipts", {"document": file}, expect=200)
        (item,) = answer["items"]
        assert item["code"] == code, item
        assert item["receipt"] is None
        assert len(item["message"]) > 20


async def test_a_code_is_good_once_for_a_day_and_for_one_reader(world: World) -> None:
    cast = await Cast.of(world)
    origin = world.runtime.origin

    async def signed() -> Json:
        given = await cast.worker.post("/me/receipts/codes")
        wish = {"code": given["code"], "reader": origin}
        return await cast.worker.post("/me/receipts/bundle", wish, expect=200)

    first, second = await signed(), await signed()
    await cast.worker.post("/me/receipts", {"document": first}, expect=200)
    again = await cast.worker.post("/me/receipts", {"document": first}, expect=422)
    assert again["code"] == "receipt_code_invalid"
    other = await world.sign_up("other")
    stolen = await other.post("/me/receipts", {"document": second}, expect=422)
    assert stolen["code"] == "receipt_code_invalid"
    with clock.moved(timedelta(hours=25)):
        late = await cast.worker.post("/me/receipts", {"document": second}, expect=422)
    assert late["code"] == "receipt_code_invalid"

    given = await cast.worker.post("/me/receipts/codes")
    wish = {"code": given["code"], "reader": "https://other.example"}
    bundle = await cast.worker.post("/me/receipts/bundle", wish, expect=200)
    answer = await cast.worker.post("/me/receipts", {"document": bundle}, expect=422)
    assert answer["code"] == "receipt_made_for_another"
    bad = await cast.worker.post(
        "/me/receipts/bundle", {"code": "x", "reader": "http://a b"}, expect=422
    )
    assert bad["code"] == "receipt_reader_invalid"


async def test_a_dispute_alone_or_the_same_hours_leave_it_as_it_is(world: World) -> None:
    cast = await Cast.of(world)
    path = f"/claims/{cast.claim['id']}"
    await cast.worker.move(path, "disputed", "not all of it")
    await world.work()
    (standing,) = await cast.receipts()
    assert standing["state"] == "valid"

    (before,) = await rows(world)
    for side in (cast.worker, cast.member):
        await side.post(f"{path}/settlement", {"minutes": HOURS}, expect=200)
    await world.work()
    (after,) = await rows(world)
    assert (after.document, after.state) == (before.document, "valid")

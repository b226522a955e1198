"""What can be signed and cannot be: dates, hours, addresses. It spoils nothing for others."""

import json

from sqlmodel import col, select

from app.federation.wire.documents import part_to_wire
from app.infra.data_integrity import sign as sign_document
from app.infra.ids import private_id, public_id
from app.models.activity import Activity
from app.models.federation import FederationEvent, IncomingMessage
from tests.factories.helping import Helping, helping
from tests.factories.instances import Instance, Pair, say
from tests.factories.world import Json
from tests.federation.test_receipts import confirmed, told

ENDS_OF_TIME = (
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59-14:00",
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
)
ADDRESS_MAX = 500


async def failed(instance: Instance) -> list[str]:
    """Return what an instance could not do of what follows from its activities."""
    async with instance.runtime.sessions() as session:
        found = select(Activity.last_error).where(col(Activity.last_error).is_not(None))
        return [str(error) for error in (await session.exec(found)).all()]


async def lists_of(instance: Instance) -> list[int]:
    """Read every list of needs that anybody can, and each need's page."""
    reader = instance.stranger()
    pages = ["/", "/needs", "/needs.atom", "/needs.json", "/api/v1/needs"]
    pages += [f"/needs/{need.id}" for need in await instance.mirrored()]
    return [(await reader.http.get(page)).status_code for page in pages]


async def test_a_date_at_the_end_of_time_takes_no_list_down(old_friends: Pair) -> None:
    south = old_friends.south
    for number, moment in enumerate(ENDS_OF_TIME, 700):
        for field in ("published", "updated"):
            answer = await old_friends.tell(old_friends.create(number, **{field: moment}))
            assert answer.status_code == 400, (field, moment)
        await old_friends.tell(old_friends.create(number, endTime=moment))
    await old_friends.work()
    assert set(await lists_of(south)) == {200}


async def test_nobody_stands_first_by_a_date_to_come(old_friends: Pair) -> None:
    later = "2099-01-01T00:00:00Z"
    said = old_friends.create(710, published=later, updated=later, name="First for ever")
    assert (await old_friends.tell(said)).status_code == 202
    await old_friends.tell(old_friends.create(711, name="Published as it is"))
    await old_friends.work()
    shown = {need.title: need for need in await old_friends.south.mirrored()}
    first = shown["First for ever"]
    assert first.published_at is not None
    assert first.published_at <= first.created_at
    assert first.updated_at <= first.created_at
    published = shown["Published as it is"].published_at
    assert published is not None
    assert published.isoformat().startswith("2026-11-20T09:00:00")


async def forged_receipt(helped: Helping, field: str, value: str) -> str:
    """Let north sign a receipt with something impossible in it; answers the problem's code."""
    north = helped.north
    good = (await told(north, "Create"))[-1]
    ours = await north.identity()
    document = json.loads(json.dumps(good["object"]["credential"]))
    document.pop("proof")
    document["id"] = f"{north.origin}/receipts/{private_id()}"
    place = document if field in document else document["credentialSubject"]
    place[field] = value
    options = {
        "created": "2026-11-20T10:00:00Z",
        "verificationMethod": ours.signer.key_id,
        "proofPurpose": "assertionMethod",
    }
    credential = sign_document(document, ours.signer.private_key, options)
    about = {**good["object"], "id": document["id"], "credential": credential}
    return await say(north, helped.south, "Create", about)


async def test_no_receipt_locks_its_owner_out_of_all(old_friends: Pair) -> None:
    helped, _, _ = await confirmed(old_friends)
    for field, value in (
        ("workedOn", "2026-02-31"),
        ("workedOn", "0000-00-00"),
        ("validFrom", "9999-12-31T23:59:59Z"),
        ("validFrom", "2027-01-01T00:00:00Z"),
        ("validFrom", "0001-01-01T00:00:00Z"),
        ("hours", "999999"),
        ("hours", "8784.0167"),
    ):
        assert await forged_receipt(helped, field, value) == "rule", (field, value)
    await old_friends.work()
    for page in ("/me/receipts", "/api/v1/me/receipts"):
        assert (await helped.worker.http.get(page)).status_code == 200
    # The same with nothing impossible in it is taken.
    assert await forged_receipt(helped, "workedOn", "2026-11-19") == ""


async def report(helped: Helping, days: list[tuple[str, str]], path: str = "") -> str:
    """Let south say what its member worked, as it likes; answers the problem's code."""
    north, south = helped.north, helped.south
    about_it = [e for e in await accepts_of(south) if helped.need["id"] in json.dumps(e)]
    result = about_it[-1]["result"]
    agreement, provider = result["id"], result["stipulates"]["provider"]
    about = {
        "type": "Document",
        "id": f"{south.origin}/reports/{path or public_id()}",
        "name": "Work report",
        "version": 1,
        "status": "submitted",
        "attributedTo": f"{south.origin}/actor",
        "context": agreement,
        "fulfills": f"{agreement}#primary",
        "provider": provider,
        "updated": "2026-11-20T10:00:00Z",
        "attachment": [
            {
                "type": "Document",
                "startTime": f"{day}T00:00:00Z",
                "effortQuantity": {"hasUnit": "hour", "hasNumericalValue": hours},
            }
            for day, hours in days
        ],
    }
    return await say(south, north, "Create", about)


async def accepts_of(south: Instance) -> list[Json]:
    """Return what an instance was told of its offers."""
    async with south.runtime.sessions() as session:
        found = select(IncomingMessage.body).where(IncomingMessage.activity_type == "Accept")
        bodies = [json.loads(body) for body in (await session.exec(found)).all()]
    return [each for each in bodies if "result" in each]


async def test_only_days_that_could_be_are_handed_in(old_friends: Pair) -> None:
    helped = await helping(old_friends)
    await helped.accepted()
    impossible = (
        [("2026-11-01", "24"), ("2026-11-01", "1")],
        [("2999-11-01", "1")],
        [("2026-12-24", "1")],
        [("1970-01-02", "1")],
    )
    for days in impossible:
        assert await report(helped, days) == "rule", days
    room = ADDRESS_MAX - len(f"{helped.south.origin}/reports/")
    good = [("2026-11-01", "2"), ("2026-11-02", "3")]
    assert await report(helped, good, "a" * room) == "rule"
    assert await report(helped, good) == ""
    await old_friends.work()
    assert (await helped.guest_claim())["state"] == "submitted"
    assert await failed(helped.north) == []


async def test_an_address_without_room_stops_nothing_of_ours(old_friends: Pair) -> None:
    north, south = old_friends.north, old_friends.south
    long = f"{north.origin}/needs/".ljust(ADDRESS_MAX, "a")
    assert (await old_friends.tell(old_friends.create(720, id=long))).status_code == 422
    helped = await helping(old_friends)
    await helped.apply()
    await old_friends.work()
    offer = next(e for e in await offers_of(south) if helped.need["id"] in json.dumps(e))
    result = {
        "type": "Agreement",
        "id": f"{north.origin}/agreements/".ljust(ADDRESS_MAX, "a"),
        "version": 1,
        "status": "accepted",
        "attributedTo": f"{north.origin}/actor",
        "stipulates": offer["object"]["stipulates"],
        "updated": "2026-11-20T10:00:00Z",
    }
    assert await say(north, south, "Accept", offer["id"], result=result) == "rule"
    result["id"] = f"{north.origin}/agreements/1"
    assert await say(north, south, "Accept", offer["id"], result=result) == ""


async def offers_of(south: Instance) -> list[Json]:
    """Return the offers that an instance has sent."""
    async with south.runtime.sessions() as session:
        found = select(FederationEvent.body).where(FederationEvent.activity_type == "Offer")
        bodies = [json.loads(body) for body in (await session.exec(found)).all()]
    return [each for each in bodies if each["object"]["type"] == "Agreement"]


async def test_no_name_of_a_peer_turns_what_stewards_read(old_friends: Pair) -> None:
    north, south = old_friends.north, old_friends.south
    described = part_to_wire((await north.identity()).actor("gro.dlot\u202e \u2066Old Town\u200b"))
    assert await say(north, south, "Update", described) == ""
    await old_friends.work()
    assert (await south.peer())["name"] == "gro.dlot Old Town"

"""How work enters a book by other roads than a claim, and how entries are corrected."""

from secrets import token_hex
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.domain.access import SYSTEM
from app.domain.activity.actions import record
from app.domain.administration.invariants import count_violations
from app.infra.database import transaction
from app.models.receipts import Receipt, ReceiptState
from tests.factories.books import Cooperative, cooperative, issuer
from tests.factories.world import Json, Person, World


@pytest.fixture
async def coop(world: World) -> Cooperative:
    return await cooperative(world)


async def sound(world: World) -> None:
    """Nothing that must be true of the database is broken."""
    async with transaction(world.runtime.sessions) as session:
        broken = {name: count for name, count in (await count_violations(session)).items() if count}
    assert broken == {}


async def count(world: World, statement: str) -> int:
    async with transaction(world.runtime.sessions) as session:
        return int((await session.execute(text(statement))).scalar_one())


async def test_worker_ownership_is_switched_on_once_by_a_lead(world: World) -> None:
    owner, member = await world.sign_up("owner"), await world.sign_up("member")
    organisation = await world.organisation(owner)
    path = f"/organisations/{organisation['id']}"
    await owner.post(f"{path}/members", {"handle": "member", "role": "member"})
    refused = await member.post(f"{path}/ownership", {}, expect=403, key="a")
    assert refused["code"] == "book_forbidden"
    odd = await owner.post(f"{path}/ownership", {"currency": "JPY"}, expect=422, key="b")
    assert odd["errors"][0]["code"] == "currency_unknown"
    assert (await owner.get("/books"))["items"] == []
    book = await owner.post(f"{path}/ownership", {"currency": "CHF"}, key="c")
    assert (book["currency"], bool(book["ownership_since"])) == ("CHF", True)
    again = await owner.post(f"{path}/ownership", {"currency": "EUR"}, expect=409, key="d")
    assert again["code"] == "ownership_on"
    assert (await owner.get("/books"))["items"] == [book]


async def test_the_roads_are_closed_while_ownership_is_off(world: World) -> None:
    owner, worker = await world.sign_up("owner"), await world.sign_up("worker")
    organisation = await world.organisation(owner)
    need = await world.open_need(owner, organisation)
    await world.confirm(owner, await world.submitted_claim(worker, owner, need))
    (book,) = (await owner.get("/books"))["items"]
    slip = {"worker": "worker", "worked_on": "2026-03-02", "minutes": 60, "stream": "gift"}
    path = f"/books/{book['id']}"
    for target, body in (
        (f"{path}/slips", {"slips": [slip]}),
        (f"{path}/opening", {"on": "2026-01-01", "reserve": 1}),
    ):
        refused = await owner.post(target, body, expect=409, key=token_hex(4))
        assert refused["code"] == "ownership_needed"


async def test_slips_enter_whole_or_not_at_all(coop: Cooperative) -> None:
    good = coop.slip()
    wrong = {
        0: ("worker", "slip_own", coop.slip("keeper")),
        1: ("worker", "slip_worker_unknown", coop.slip("nobody")),
        3: ("worked_on", "slip_in_future", coop.slip(worked_on="2999-01-01")),
        4: ("worked_on", "slip_too_old", coop.slip(worked_on="1999-01-01")),
    }
    await coop.world.sign_up("nobody")  # somebody here, but not of this book
    slips = [wrong[n][2] if n in wrong else good for n in range(5)]
    refused = await coop.write(*slips, expect=422)
    assert refused["code"] == "slips_refused"
    told = [(error["pointer"], error["code"]) for error in refused["errors"]]
    assert told == [(f"/slips/{n}/{field}", code) for n, (field, code, _) in wrong.items()]
    assert await count(coop.world, "SELECT count(*) FROM entries") == 0
    entered = await coop.write(good, coop.slip("owner", 30))
    assert entered["count"] == len(entered["entry_ids"]) == 2
    assert await coop.minutes() == {"worker": 90, "owner": 30}
    await sound(coop.world)
    # Whose work it is hears of it, and whoever wrote it down does not.
    await coop.world.work()
    heard = {
        name: [notice["kind"] for notice in (await person.get("/me/notifications"))["items"]]
        for name, person in (
            ("worker", coop.worker),
            ("owner", coop.owner),
            ("keeper", coop.keeper),
        )
    }
    assert "book_slips_written" in heard["worker"]
    assert "book_slips_written" in heard["owner"]
    assert "book_slips_written" not in heard["keeper"]


async def test_a_slip_is_entered_once_and_a_day_has_24_hours(coop: Cooperative) -> None:
    slip = coop.slip(minutes=1000, note="no. 7")
    await coop.write(slip)
    for slips, field, code in (
        ([slip], "note", "slip_again"),
        ([coop.slip(minutes=10), coop.slip(minutes=431)], "minutes", "slip_day_full"),
    ):
        refused = await coop.write(*slips, expect=422)
        last = f"/slips/{len(slips) - 1}/{field}"
        assert [(e["pointer"], e["code"]) for e in refused["errors"]] == [(last, code)]
    twice = coop.slip(minutes=10)
    assert (await coop.write(twice, twice, expect=422))["errors"][0]["code"] == "slip_again"
    await coop.write(coop.slip(minutes=440))
    assert await coop.minutes() == {"worker": 1440}


OPENING = {
    "on": "2026-01-01",
    "minutes": [
        {"worker": "worker", "stream": "gift", "minutes": 600},
        {"worker": "owner", "stream": "care", "minutes": 60},
        {"worker": "keeper", "stream": "care", "minutes": 30},
    ],
    "capital": [{"worker": "owner", "amount": 250_000}, {"worker": "keeper", "amount": -1_000}],
    "reserve": 500_000,
}


async def test_an_opening_is_the_word_of_two_people_and_entered_once(coop: Cooperative) -> None:
    path = f"{coop.path}/opening"
    assert (await coop.owner.ask("GET", path)).json()["code"] == "opening_not_found"
    first = await coop.owner.post(path, {"on": "2026-01-01", "reserve": 5}, key="1")
    written = await coop.owner.post(path, OPENING, key="2")
    assert (first["version"], written["version"]) == (1, 2)
    assert (written["total_minutes"], written["net_worth"]) == (690, 749_000)
    confirm = f"{path}/confirmation"
    own = await coop.owner.post(confirm, {"version": 2}, expect=403, key="3")
    assert own["code"] == "opening_own"
    stale = await coop.keeper.post(confirm, {"version": 1}, expect=412, key="4")
    assert stale["code"] == "opening_stale"
    assert await count(coop.world, "SELECT count(*) FROM entries") == 0
    await coop.keeper.post(confirm, {"version": 2}, key="5")
    assert await coop.minutes() == {"worker": 600, "owner": 60, "keeper": 30}
    assert (await coop.owner.get(coop.path))["sums"] == {"minute": 0, "EUR": 0}
    own_lines = "SELECT count(*) FROM entries WHERE recorded_by = '{}'"
    assert await count(coop.world, own_lines.format(coop.owner.id)) == 2, "keeper's own lines"
    batches = "SELECT count(DISTINCT batch_id) FROM entries"
    assert await count(coop.world, batches) == 1
    for target, body in ((confirm, {"version": 3}), (path, OPENING)):
        late = await coop.keeper.post(target, body, expect=409, key=token_hex(4))
        assert late["code"] == "opening_confirmed"
    await sound(coop.world)


async def test_an_opening_with_one_bad_line_is_not_kept(coop: Cooperative) -> None:
    line = {"worker": "worker", "stream": "gift", "minutes": 1}
    said = {"on": "2026-01-01", "minutes": [line, line, {**line, "worker": "nobody"}]}
    refused = await coop.owner.post(f"{coop.path}/opening", said, expect=422, key="1")
    told = [(error["pointer"], error["code"]) for error in refused["errors"]]
    assert told == [
        ("/minutes/1/worker", "opening_twice"),
        ("/minutes/2/worker", "slip_worker_unknown"),
    ]
    empty = await coop.owner.post(f"{coop.path}/opening", {"on": "2026-01-01"}, expect=422, key="2")
    assert empty["errors"][0]["code"] == "opening_empty"


async def correct(
    person: Person, entry_id: str, minutes: int, expect: int = 201, **said: str
) -> Json:
    body = {"minutes": minutes, "reason": "It was written wrongly", **said}
    path = f"/entries/{entry_id}/correction"
    return await person.post(path, body, expect=expect, key=token_hex(8))


async def test_a_correction_takes_back_and_says_what_is_true(coop: Cooperative) -> None:
    (entry,) = (await coop.write(coop.slip(minutes=600)))["entry_ids"]
    for person, minutes, said, status, code in (
        (coop.worker, 0, {}, 403, "book_forbidden"),
        (coop.owner, 600, {}, 422, "correction_minutes"),
        (coop.owner, 0, {"worker": "nobody"}, 422, "correction_worker"),
        (coop.owner, 0, {"worker": "owner"}, 403, "correction_own"),
    ):
        assert (await correct(person, entry, minutes, status, **said))["code"] == code
    done = await correct(coop.owner, entry, 0, worker="keeper")
    assert len(done["entry_ids"]) == 2
    assert await coop.minutes() == {"keeper": 600, "worker": 0}
    assert (await correct(coop.owner, entry, 0, 409))["code"] == "entry_corrected"
    (back, given) = done["entry_ids"]
    assert (await correct(coop.owner, back, 0, 409))["code"] == "entry_not_correctable"
    assert (await correct(coop.keeper, given, 10, 403))["code"] == "correction_own"
    kept = (await correct(coop.owner, given, 200))["entry_ids"]
    assert await coop.minutes() == {"keeper": 200, "worker": 0}
    # The keeper may always take back all of what is their own.
    await correct(coop.keeper, kept[-1], 0)
    assert await coop.minutes() == {"keeper": 0, "worker": 0}
    notes = (
        "SELECT count(*) FROM entries JOIN entry_notes n USING (entry_id) "
        "WHERE note_hash = sha256(n.salt || convert_to(n.text, 'UTF8'))"
    )
    assert await count(coop.world, notes) == 6
    await sound(coop.world)


async def test_what_is_disputed_is_not_corrected_meanwhile(coop: Cooperative) -> None:
    first, second = (await coop.write(coop.slip(minutes=60), coop.slip(minutes=90)))["entry_ids"]
    reason = {"reason": "I was there for longer"}
    await coop.worker.post(f"/entries/{first}/disputes", reason, key="dispute")
    assert (await correct(coop.owner, first, 0, 409))["code"] == "entry_disputed"
    await correct(coop.owner, second, 30)  # the control
    await sound(coop.world)


async def test_a_claims_entry_is_corrected_with_its_claim_and_receipt(coop: Cooperative) -> None:
    need = await coop.world.open_need(coop.owner, coop.organisation)
    claim = await coop.world.submitted_claim(coop.worker, coop.owner, need)
    entry = (await coop.world.confirm(coop.owner, claim))["entry"]["entry_id"]
    await coop.world.work()
    await correct(coop.keeper, entry, 30, worker="owner")
    await coop.world.work()
    seen = await coop.worker.get(f"/claims/{claim['id']}")
    assert (seen["state"], seen["confirmation"]["minutes"]) == ("confirmed", 30)
    receipts = (await coop.worker.get("/me/receipts"))["items"]
    assert {(each["state"], each["minutes"]) for each in receipts} == {
        ("replaced", 90),
        ("valid", 30),
    }
    assert await coop.minutes() == {"owner": 60, "worker": 30}
    await sound(coop.world)


async def test_two_accounts_with_one_address_are_one_person(world: World) -> None:
    coop = await cooperative(world)
    twin = await world.sign_up("twin", email="worker@example.org")
    members = f"/organisations/{coop.organisation['id']}/members"
    await coop.owner.post(members, {"handle": "twin", "role": "member", "worker_owner": True})
    need = await world.open_need(coop.owner, coop.organisation)
    claim = await world.submitted_claim(coop.worker, coop.owner, need)
    await coop.write(coop.slip(), by=twin)  # the control: so far they are two
    async with transaction(world.runtime.sessions) as session:
        changed = "UPDATE accounts SET email = 'Worker@Example.org' WHERE handle = 'worker'"
        await session.execute(text(changed))
    refused = await coop.write(coop.slip(), by=twin, expect=422)
    assert refused["errors"][0]["code"] == "slip_own"
    path = f"/claims/{claim['id']}/confirmation"
    own = await twin.post(path, {"minutes": 90}, expect=403, key="k")
    assert own["code"] == "confirmation_own"
    assert (await world.confirm(coop.owner, claim))["claim"]["state"] == "confirmed"
    receipt = await issuer(world).receipt(coop.worker)
    await coop.worker.post(f"{coop.path}/receipts", {"receipt_id": str(receipt.id)}, key="o")
    decision = f"{coop.path}/receipts/{receipt.id}/decision"
    assert (await twin.post(decision, {"take": True}, expect=403))["code"] == "receipt_own"


async def test_a_receipt_from_elsewhere_enters_once_by_another_hand(coop: Cooperative) -> None:
    elsewhere = issuer(coop.world)
    receipt = await elsewhere.receipt(coop.worker)
    offers, body = f"{coop.path}/receipts", {"receipt_id": str(receipt.id)}
    decision = f"{offers}/{receipt.id}/decision"
    stolen = await coop.keeper.post(offers, body, expect=409, key="1")
    assert stolen["code"] == "receipt_not_yours"
    early = await coop.keeper.post(decision, {"take": True}, expect=404)
    assert early["code"] == "receipt_offer_not_found"
    await coop.worker.post(offers, body, key="2")
    assert (await coop.worker.post(offers, body, expect=409, key="3"))["code"] == "receipt_offered"
    (waiting,) = (await coop.keeper.get(offers))["items"]
    assert (waiting["worker"], waiting["minutes"], waiting["stream"]) == ("worker", 120, "gift")
    taken = await coop.keeper.post(decision, {"take": True}, expect=200)
    assert taken["state"] == "taken"
    twice = await coop.owner.post(decision, {"take": True}, expect=409)
    assert twice["code"] == "receipt_decided"
    assert await coop.minutes() == {"worker": 120}
    entries = (await coop.owner.get(f"{coop.path}/entries"))["items"]
    assert [(e["kind"], e["worked_on"], e["recorded_by"]) for e in entries] == [
        ("receipt", "2026-03-01", entries[0]["recorded_by"])
    ]
    stays = await coop.worker.ask("DELETE", f"/receipts/{receipt.id}")
    assert stays.json()["code"] == "receipt_stays"
    await sound(coop.world)


async def test_receipts_that_prove_nothing_stay_out(coop: Cooperative) -> None:
    elsewhere = issuer(coop.world)
    cases: dict[str, dict[str, Any]] = {
        "receipt_no_longer_valid": {"state": ReceiptState.REVOKED},
        "receipt_not_proven": {"source": "shown"},
        "receipt_of_here": {"source": "issued"},
    }
    for code, row in cases.items():
        receipt = await elsewhere.receipt(coop.worker, **row)
        body = {"receipt_id": str(receipt.id)}
        refused = await coop.worker.post(f"{coop.path}/receipts", body, expect=409, key=code)
        assert refused["code"] == code
    forged = await elsewhere.receipt(coop.worker, 60, public_key=bytes(range(32)))
    longer = await elsewhere.receipt(coop.worker, 60)
    async with transaction(coop.world.runtime.sessions) as session:
        (await session.get_one(Receipt, longer.id)).minutes = 6000
    for receipt in (forged, longer):
        offered = {"receipt_id": str(receipt.id)}
        await coop.worker.post(f"{coop.path}/receipts", offered, key=token_hex(8))
        decision = f"{coop.path}/receipts/{receipt.id}/decision"
        refused = await coop.keeper.post(decision, {"take": True}, expect=409)
        assert refused["code"] == "receipt_not_proven_by_key"
    decision = f"{coop.path}/receipts/{forged.id}/decision"
    no = {"take": False, "reason": "We know nothing of them"}
    declined = await coop.keeper.post(decision, no, expect=200)
    assert (declined["state"], declined["reason"]) == ("declined", "We know nothing of them")
    assert await coop.minutes() == {}


async def fell(coop: Cooperative, receipt: Receipt, state: ReceiptState, verb: str) -> None:
    """Let the issuer take a receipt back, as its message would."""
    async with transaction(coop.world.runtime.sessions) as session:
        kept = await session.get_one(Receipt, receipt.id)
        kept.state = state
        record(session, SYSTEM, verb, receipt.id, receipt_id=str(receipt.id))
    await coop.world.work()


async def take(coop: Cooperative, receipt: Receipt) -> None:
    offers = f"{coop.path}/receipts"
    await coop.worker.post(offers, {"receipt_id": str(receipt.id)}, key=token_hex(8))
    await coop.keeper.post(f"{offers}/{receipt.id}/decision", {"take": True}, expect=200)


async def test_what_its_issuer_takes_back_leaves_the_book_once(coop: Cooperative) -> None:
    receipt = await issuer(coop.world).receipt(coop.worker)
    await take(coop, receipt)
    for _ in range(2):
        await fell(coop, receipt, ReceiptState.REVOKED, "receipt.revoked")
    assert await coop.minutes() == {"worker": 0}
    assert await count(coop.world, "SELECT count(*) FROM entries") == 2
    await sound(coop.world)


@pytest.mark.parametrize(("minutes", "counted"), [(60, 60), (600, 0)])
async def test_a_shorter_receipt_follows_and_a_longer_one_is_asked_about(
    coop: Cooperative, minutes: int, counted: int
) -> None:
    elsewhere = issuer(coop.world)
    receipt = await elsewhere.receipt(coop.worker)
    await take(coop, receipt)
    newer = await elsewhere.receipt(coop.worker, minutes, replaces=receipt.url)
    async with transaction(coop.world.runtime.sessions) as session:
        old = await session.get_one(Receipt, receipt.id)
        old.state, old.replaced_by = ReceiptState.REPLACED, newer.url
    await fell(coop, newer, ReceiptState.VALID, "receipt.replaced")
    assert await coop.minutes() == {"worker": counted}
    offers = {
        each["receipt_id"]: each["state"]
        for each in (await coop.keeper.get(f"{coop.path}/receipts"))["items"]
    }
    assert offers[str(newer.id)] == ("taken" if counted else "offered")
    await sound(coop.world)


async def test_a_ring_of_two_is_listed_and_others_are_not(coop: Cooperative) -> None:
    await coop.write(coop.slip("owner", 300), by=coop.keeper)
    await coop.write(coop.slip("keeper", 240), by=coop.owner)
    await coop.write(coop.slip("worker", 500), by=coop.owner)
    await coop.write(coop.slip("owner", 60), by=coop.keeper)
    (pair,) = (await coop.keeper.get(f"{coop.path}/pairs"))["items"]
    assert {pair["first"], pair["second"]} == {"owner", "keeper"}
    assert (pair["mutual_minutes"], pair["whole_minutes"], pair["entries"]) == (600, 600, 3)
    assert (pair["share_percent"], pair["stands_out"]) == ("100.0", True)


async def refusal(world: World, values: Json, *statements: str) -> str:
    """Run statements in a transaction of their own; answers why it was refused."""
    try:
        async with transaction(world.runtime.sessions) as session:
            for statement in statements:
                await session.execute(text(statement), values)
    except DBAPIError as error:
        return str(error)
    return ""


async def test_the_database_refuses_credit_to_whoever_records_it(coop: Cooperative) -> None:
    (entry,) = (await coop.write(coop.slip()))["entry_ids"]
    copy = (
        "INSERT INTO entries (entry_id, book_id, kind, worked_on, booked_on, recorded_by, "
        "recorded_at, posting_count, batch_id) SELECT :new, book_id, kind, worked_on, booked_on, "
        ":by, recorded_at, posting_count, batch_id FROM entries WHERE entry_id = :old"
    )
    lines = (
        "INSERT INTO postings SELECT :new, account_id, unit, amount FROM postings "
        "WHERE entry_id = :old"
    )
    for number, (person, refused) in enumerate(((coop.worker, True), (coop.owner, False))):
        values = {"new": UUID(int=number), "old": UUID(entry), "by": UUID(person.id)}
        why = await refusal(coop.world, values, copy, lines)
        assert ("credits whoever recorded it" in why) == refused, "the control stands: by another"

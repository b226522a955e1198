"""What people tried on the book and its check, and what has to come of it."""

import base64
import copy
import hashlib
import json
from collections.abc import Callable
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text

from app import verifier, verifier_book
from app.domain.access import SYSTEM
from app.domain.activity.actions import record
from app.domain.ledger.export import export_book
from app.infra import clock, notes
from app.infra.database import transaction
from app.infra.ids import private_id
from app.infra.notes import SignatureKind
from app.models.receipts import Receipt, ReceiptState
from app.workers.checkpoints import keep_log
from tests.factories import books, disputing
from tests.factories.periods import AFTER_OBJECTIONS, FIRST, LAST, Cooperative, cooperative
from tests.factories.world import Json, World

WITNESS = Ed25519PrivateKey.from_private_bytes(bytes([9]) * 32)
WITNESS_NAME = "south.example/ledger"


def _balances(file: Json) -> list[Json]:
    kept: list[Json] = [each for each in file["balances"] if each["kind"] == "capital"]
    return kept


def _swap_holders(file: Json) -> None:
    one, other = _balances(file)[:2]
    one["holder"], other["holder"] = other["holder"], one["holder"]


def _say_twice(file: Json) -> None:
    file["balances"].insert(0, {**_balances(file)[0], "amount": 10**9})


def _show_twice(file: Json) -> None:
    (statement,) = file["statements"].values()
    statement["lines"].insert(0, {**statement["lines"][0], "amount": 10**9})


def _show_another_period(file: Json) -> None:
    (statement,) = file["statements"].values()
    file["statements"]["00000000-0000-4000-8000-000000000000"] = statement


# Each leaves every leaf, every sum and every statement that was looked at as it is.
FORGERIES: dict[str, Callable[[Json], None]] = {
    "balances of two people swapped": _swap_holders,
    "a balance told twice": _say_twice,
    "a line of a statement told twice": _show_twice,
    "a statement of a period that is none": _show_another_period,
}


async def test_what_an_export_shows_is_what_its_entries_say(world: World) -> None:
    made = await cooperative(world, "anna", "berta")
    await made.give(made.id_of("anna"), 6000)
    await made.give(made.id_of("berta"), 1200)
    export = await _closed(made)
    kept = verifier.read_checkpoint(export["log"]["checkpoints"][-1])
    outside = verifier.Outside(kept=[kept])
    assert verifier.verify(export, outside).problems == []
    for name, forge in FORGERIES.items():
        forged = copy.deepcopy(export)
        forge(forged)
        assert verifier.verify(forged, outside).code == verifier.BROKEN, name

    # Somebody who has the database closed the same days twice, or under rules that were replaced.
    placed = [(each["position"], each["body"]) for each in export["records"]]
    by_kind = {body["type"]: body for _, body in placed}
    again = {**by_kind["lock"], "number": 2, "previous_root": by_kind["lock"]["root"]}
    newer = {**by_kind["policy"], "id": str(private_id()), "number": 2}
    for added, said in ((again, "does not follow on"), (newer, "under other rules")):
        more = [*placed, (len(placed), added)]
        found = list(verifier_book.check_periods(export["book"], more, export["statements"]))
        assert any(said in problem for problem in found), found


async def test_what_vouches_for_nothing_proves_nothing(world: World) -> None:
    made = await cooperative(world, "anna")
    await made.give(made.id_of("anna"), 6000)
    export = await _exported(made)
    log = export["log"]
    # A witness that was first asked when the log was empty, and one that never was one.
    nothing = base64.b64encode(hashlib.sha256(b"").digest()).decode()
    empty = f"{log['origin']}\n0\n{nothing}\n"
    line = notes.cosign(empty, WITNESS_NAME, WITNESS, 1_700_000_000)
    public = WITNESS.public_key().public_bytes_raw()
    key = notes.NoteKey(WITNESS_NAME, SignatureKind.COSIGNATURE, public).written()
    kept = verifier.read_checkpoint(notes.Note(empty, (line,)).written())
    report = verifier.verify(export, verifier.Outside([verifier.read_key(key)], [kept]))
    assert report.problems == []
    assert report.code == verifier.UNPROVEN
    assert "PROVES LITTLE" in verifier.words(report)
    # The instance's own key is not a witness of the instance.
    own = verifier.Outside([verifier.read_key(log["keys"][0])])
    assert verifier.verify(export, own).code == verifier.BROKEN
    # Whoever runs two logs shows the other one: its name and the book's stand in the answer.
    newest = verifier.read_checkpoint(log["checkpoints"][-1])
    report = verifier.verify(export, verifier.Outside(kept=[newest]))
    assert report.code == verifier.HOLDS
    assert log["origin"] in verifier.words(report)
    assert export["book"]["id"] in verifier.words(report)


async def test_a_file_that_makes_the_check_stumble_does_not_hold(world: World) -> None:
    made = await cooperative(world, "anna")
    await made.give(made.id_of("anna"), 6000)
    export = await _exported(made)
    stumbling: tuple[Callable[[Json], object], ...] = (
        lambda file: file["records"][0].update(position=2**70),
        lambda file: file["records"][0]["body"].update(book=None),
        lambda file: file["balances"].append({**file["balances"][0], "amount": None}),
    )
    for forge in stumbling:
        forged = copy.deepcopy(export)
        forge(forged)
        assert verifier.verify(forged, verifier.Outside()).code == verifier.BROKEN


async def _closed(made: Cooperative) -> Json:
    async with transaction(made.world.runtime.sessions) as session:
        for kind, ids in (
            ("status", "status_id FROM book_statuses"),
            ("policy", "id FROM policies"),
        ):
            waiting = f"INSERT INTO log_pending (kind, subject) SELECT '{kind}', {ids}"
            await session.execute(text(f"{waiting} ON CONFLICT DO NOTHING"))
    locked = await made.close(await made.open(LAST, 1_000_001, FIRST))
    assert locked["state"] == "locked"
    return await _exported(made)


async def _exported(made: Cooperative) -> Json:
    runtime = made.world.runtime
    await keep_log(runtime)
    async with transaction(runtime.sessions) as session:
        pieces = [piece async for piece in export_book(session, made.book_id, runtime.origin)]
    read: Json = json.loads("".join(pieces))
    return read


async def _slip(coop: books.Cooperative, minutes: int, worker: str = "worker") -> str:
    (entry,) = (await coop.write(coop.slip(worker, minutes), by=coop.owner))["entry_ids"]
    return str(entry)


async def test_two_friends_do_not_make_a_day_longer(world: World) -> None:
    """By agreeing on more in a dispute, or by correcting slips into somebody else's."""
    coop = await books.cooperative(world)
    first, second = await _slip(coop, 1000), await _slip(coop, 100)
    disputed = await coop.worker.post(
        f"/entries/{second}/disputes", {"reason": "It was longer"}, key="d"
    )
    path = f"/disputes/{disputed['id']}/offers"
    too_long = await coop.worker.post(path, {"minutes": 441}, expect=422)
    assert too_long["code"] == "dispute_minutes"
    await coop.worker.post(path, {"minutes": 440}, expect=200)
    done = await coop.owner.post(path, {"minutes": 440}, expect=200)
    assert done["final_minutes"] == 440
    assert await coop.minutes() == {"worker": 1440}
    await _slip(coop, 500, "keeper")
    body = {"minutes": 0, "reason": "Theirs", "worker": "keeper"}
    correction = f"/entries/{first}/correction"
    refused = await coop.owner.post(correction, body, expect=422, key="c")
    assert refused["code"] == "correction_day"
    await coop.owner.post(correction, {**body, "minutes": 60}, key="e")
    assert await coop.minutes() == {"worker": 500, "keeper": 1440}


async def test_a_receipt_and_the_one_that_it_replaces_do_not_both_count(world: World) -> None:
    """The shorter one was offered and taken before the news of the longer one's end came."""
    coop = await books.cooperative(world)
    elsewhere = books.issuer(world)
    longer = await elsewhere.receipt(coop.worker, 120)
    shorter = await elsewhere.receipt(coop.worker, 60, replaces=longer.url)
    for receipt in (longer, shorter):
        path, body = f"{coop.path}/receipts", {"receipt_id": str(receipt.id)}
        await coop.worker.post(path, body, key=str(receipt.id))
        await coop.keeper.post(f"{path}/{receipt.id}/decision", {"take": True}, expect=200)
    async with transaction(world.runtime.sessions) as session:
        old = await session.get_one(Receipt, longer.id)
        old.state, old.replaced_by = ReceiptState.REPLACED, shorter.url
        record(session, SYSTEM, "receipt.replaced", shorter.id, receipt_id=str(shorter.id))
    await world.work()
    assert await coop.minutes() == {"worker": 60}


async def test_nobody_votes_on_an_appeal_that_they_are_a_side_of(world: World) -> None:
    """The worker disputes; so whoever confirmed speaks for the book, and has no vote (R13)."""
    house = await disputing.house_of(world)
    dispute = await house.dispute(house.worker)
    await house.owner.post(f"/disputes/{dispute['id']}/panel", expect=200)
    body = {"minutes": 20, "reason": "As it looks"}
    for judge in (await house.judges(dispute))[:2]:
        await judge.post(f"/disputes/{dispute['id']}/judgements", body, expect=200)
    await house.worker.post(f"/disputes/{dispute['id']}/reappeal", {"reason": "No"}, expect=200)
    # The one who confirmed is a worker-owner too, and so is the worker.
    status = (
        "INSERT INTO book_statuses (status_id, book_id, account_id, status, since, recorded_at) "
        "SELECT gen_random_uuid(), id, :who, 'worker_owner', "
        "CAST(CAST(:at AS timestamptz) AS date) - 30, "
        "CAST(:at AS timestamptz) FROM books"
    )
    await house.run(status, who=UUID(house.owner.id), at=clock.now())
    motion = {"subject": "appeal", "subject_id": dispute["id"], "minutes": 80}
    path = f"/books/{dispute['book_id']}/decisions"
    for number, party in enumerate((house.owner, house.worker)):
        refused = await party.post(path, motion, key=f"m{number}", expect=403)
        assert refused["code"] == "decision_party"
    decision = await house.owners[0].post(path, motion, key="motion")
    ((size,),) = await house.rows("SELECT roll_size FROM decisions")
    assert size == len(house.owners)
    vote, yes = f"/decisions/{decision['id']}/votes", {"choice": "yes"}
    for number, party in enumerate((house.owner, house.worker)):
        refused = await party.post(vote, yes, key=f"p{number}", expect=403)
        assert refused["code"] == "elector_required"
    for number, person in enumerate(house.owners):
        if (await house.minutes()) == 0:
            await person.post(vote, yes, key=f"v{number}", expect=200)
    assert await house.held() == (80, 0)
    (ruled,) = await house.rows(
        "SELECT recorded_by::text FROM entries WHERE decision_id = :id", id=decision["id"]
    )
    assert ruled[0] == house.owners[0].id, "whoever put it to the vote answers for it (R15)"


async def test_two_accounts_of_one_person_are_one_signature(world: World) -> None:
    made = await cooperative(world, "anna", "twin", "carles")
    await made.give(made.id_of("anna"), 6000)
    drafted = await made.draw_up(await made.open(LAST, 1000, FIRST))
    with clock.moved(AFTER_OBJECTIONS):
        await made.sign_in_again()
        await made.sign(drafted, "anna")
        async with transaction(world.runtime.sessions) as session:
            same = "UPDATE accounts SET email = 'Anna@Example.org' WHERE handle IN ('anna', 'twin')"
            await session.execute(text(same))
        refused = await made.sign(drafted, "twin", expect=409)
        assert refused["code"] == "period_signed_already"
        await made.sign(drafted, "carles")
        await world.work()
        assert (await made.owner.get(f"/periods/{drafted['id']}"))["state"] == "locked"

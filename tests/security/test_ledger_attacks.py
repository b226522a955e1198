"""What people tried on the book and its check, and what has to come of it."""

import base64
import copy
import hashlib
import json
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text

from app import verifier, verifier_book
from app.domain.ledger.export import export_book
from app.infra import notes
from app.infra.database import transaction
from app.infra.ids import private_id
from app.infra.notes import SignatureKind
from app.workers.checkpoints import keep_log
from tests.factories.periods import FIRST, LAST, Cooperative, cooperative
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

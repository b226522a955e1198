"""`ledger export | verify | key`: from a running instance's book to a file that anybody checks."""

import json
import shutil
import zipfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.infra import notes
from app.infra.notes import NoteKey, SignatureKind
from tests.conftest import Services
from tests.contracts.tree import ROOT
from tests.factories.desk import Desk
from tests.factories.world import Json, World

WITNESS = Ed25519PrivateKey.from_private_bytes(bytes([9]) * 32)
KEY = NoteKey(
    "south.example/ledger", SignatureKind.COSIGNATURE, WITNESS.public_key().public_bytes_raw()
)


@pytest.fixture
async def desk(world: World, database: Services, tmp_path: Path) -> Desk:
    owner, worker = await world.sign_up("owner"), await world.sign_up("worker")
    organisation = await world.organisation(owner)
    for minutes in (90, 45):
        need = await world.open_need(owner, organisation)
        claim = await world.submitted_claim(worker, owner, need)
        await world.confirm(owner, claim, minutes)
    await world.work()
    made = Desk(world, database, tmp_path)
    made.slug = organisation["slug"]
    code, said = await made.run("ledger", "export", organisation["slug"], "book.json")
    assert code == 0, said
    return made


async def test_a_book_is_written_and_checked(desk: Desk) -> None:
    export: Json = json.loads((desk.folder / "book.json").read_text("utf-8"))
    assert [each["body"]["type"] for each in export["records"]].count("entry") == 2
    assert sum(each["amount"] for each in export["balances"]) == 135
    code, said = await desk.run("ledger", "verify", "book.json")
    assert code == 3, said
    assert "PROVES LITTLE: 2 entries" in said
    note = notes.read_note(export["log"]["checkpoints"][-1])
    line = notes.cosign(note.text, KEY.name, WITNESS, 1_790_000_000)
    kept = desk.save("kept.txt", note.with_signatures([line]).written())
    code, said = await desk.run(
        "ledger", "verify", "book.json", "--witness", KEY.written(), "--checkpoint", kept, "--json"
    )
    found: Json = json.loads(said)
    assert (code, found["code"], found["entries_proven"]) == (0, 0, 2), said
    export["records"][0]["body"]["worked_on"] = "2026-03-01"
    changed = desk.save("changed.json", export)
    code, said = await desk.run("ledger", "verify", changed, "--checkpoint", kept)
    assert code == 1
    assert "DOES NOT HOLD" in said
    assert "is not what the log took up" in said
    code, said = await desk.run("ledger", "verify", kept)
    assert code == 2
    assert "CANNOT BE READ" in said
    # An older export is a checkpoint that was kept; the same file is its own.
    code, said = await desk.run("ledger", "verify", "book.json", "--checkpoint", "book.json")
    assert code == 0, said


async def test_a_command_that_was_not_told_the_port_names_the_log_right(desk: Desk) -> None:
    code, said = await desk.run("ledger", "export", desk.slug, "other.json", TORNALLOM_PORT="8999")
    assert code == 0, said
    code, said = await desk.run("ledger", "verify", "other.json")
    assert code == 3, said


async def test_periods_are_listed_without_a_doorbell_of_ones_own(desk: Desk) -> None:
    code, said = await desk.run("ledger", "periods", desk.slug, "--json")
    assert code == 0, said
    assert json.loads(said)["periods"] == []
    code, said = await desk.run("ledger", "preview", desk.slug, "1")
    assert code == 1, said
    assert "redis_url" not in said


async def test_an_organisation_is_taken_along_without_a_doorbell(desk: Desk) -> None:
    """No address of Valkey is set here, and none is needed to write an archive."""
    code, said = await desk.run("export", "organisation", desk.slug, "all.zip")
    assert code == 0, said
    with zipfile.ZipFile(desk.folder / "all.zip") as archive:
        assert {"needs.jsonl", "claims.jsonl"} <= set(archive.namelist())
    code, said = await desk.run("export", "organisation", "nobody", "none.zip")
    assert code == 1
    assert "no organisation" in said
    assert not list(desk.folder.glob("*none.zip*"))


async def test_the_check_runs_without_the_project(desk: Desk) -> None:
    """Two files, copied somewhere: what a member can read is what runs."""
    for name in ("verifier.py", "verifier_book.py"):
        shutil.copy(ROOT / "app" / name, desk.folder)
    code, said = await desk.run("book.json", program=("verifier.py",))
    assert code == 3, said
    assert "PROVES LITTLE" in said
    code, said = await desk.run("verifier.py", program=("verifier.py",))
    assert code == 2
    code, said = await desk.run("book.json", "--witness", KEY.written(), program=("verifier.py",))
    assert code == 1
    assert "Nothing here bears the signature of the witness south.example/ledger" in said
    text = "".join(
        (ROOT / "app" / name).read_text() for name in ("verifier.py", "verifier_book.py")
    )
    assert text.count("from app") == text.count("import app") + 1  # each other, and nothing else


async def test_the_keys_are_printed_for_readers_and_peers(desk: Desk) -> None:
    code, said = await desk.run("ledger", "key", "--json")
    assert code == 0, said
    found = {name: notes.read_key(text) for name, text in json.loads(said).items()}
    assert found["log"].public_key == found["witness"].public_key
    assert (found["log"].kind, found["witness"].kind) == (
        SignatureKind.NOTE,
        SignatureKind.COSIGNATURE,
    )
    export: Json = json.loads((desk.folder / "book.json").read_text("utf-8"))
    assert export["log"]["keys"] == [found["log"].written()]
    code, said = await desk.run("ledger", "export", "nobody", "other.json")
    assert code == 1
    assert "no book" in said

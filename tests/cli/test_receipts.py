"""`receipts verify`: what people see who hold a file and a key and nothing else."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.contracts.tree import ROOT
from tests.factories import receipts
from tests.factories.receipts import keys_document, sample_key, signed, unsigned
from tests.factories.world import Json

# No socket leaves the process: what it says, it says from the files alone.
NO_NETWORK = """
import socket, sys
def refuse(*_, **__): raise AssertionError("asked the network")
socket.socket.connect = refuse
socket.create_connection = refuse
socket.getaddrinfo = refuse
from app.cli.main import run
sys.exit(run(sys.argv[1:]))
"""


def verify(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run the command in a folder and return how it ended and what it said."""
    kept = {name: value for name, value in os.environ.items() if "TORNALLOM" not in name}
    command = [sys.executable, "-c", NO_NETWORK, "receipts", "verify", *arguments]
    environment = {**kept, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def save(folder: Path, name: str, document: Any) -> str:
    (folder / name).write_text(json.dumps(document))
    return name


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(tmp_path, "good.json", signed(unsigned()))
    save(tmp_path, "bad.json", receipts.tampered()["ten times the hours"])
    save(tmp_path, "north.json", keys_document(sample_key()))
    return tmp_path


def test_the_words_and_the_ends_of_the_command(folder: Path) -> None:
    code, said = verify(folder, "good.json", "--keys", "north.json")
    assert code == 0, said
    assert "good.json: holds. Old Town Movers (https://north.example) confirmed 3 h 30 min" in said
    assert "taken back since" in said
    code, said = verify(folder, "bad.json", "good.json", "--keys", "north.json")
    assert code == 1
    assert "bad.json: DOES NOT HOLD." in said
    assert "changed after it was signed" in said
    assert "good.json: holds." in said
    code, said = verify(folder, "good.json")
    assert code == 2
    assert "cannot be decided" in said
    assert "--keys" in said


def test_keys_beside_the_file_and_several_receipts_in_one(folder: Path) -> None:
    (folder / "north.json").rename(folder / "keys.json")
    first = signed(unsigned())
    later = signed(unsigned(id="https://north.example/receipts/2", replaces=first["id"]))
    save(folder, "both.json", [first, later])
    code, said = verify(folder, "both.json", "--json")
    found: Json = json.loads(said)
    assert code == 0
    assert [each["code"] for each in found["receipts"]] == ["replaced", "valid"]


def test_what_is_no_receipt_or_no_file(folder: Path) -> None:
    (folder / "twice.json").write_text('{"type": 1, "type": 2}')
    code, said = verify(folder, "twice.json", "missing.json", "--keys", "north.json")
    assert code == 2
    assert "read in two ways" in said
    assert "There is no such file" in said
    code, said = verify(folder, "good.json", "--keys", "bad.json")
    assert code == 1
    assert "holds no Ed25519 key" in said

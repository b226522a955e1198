"""Check an export of a co-operative's book, offline.

    python3 verifier.py BOOK.json --witness KEY --checkpoint KEPT.txt

This file and verifier_book.py beside it need Python 3.11 and the package `cryptography`, and
nothing else of this project. docs/ledger-export.md describes the file that they read.

Whoever runs the server can write every byte of the export, and has its key: a file that agrees with
itself proves that nobody made a slip, and no more. What they cannot make is what others hold: the
signature of a witness (another instance), whose key you got from that witness, and a checkpoint or
an older export that you kept. Below the newest state that these hold, whatever was changed, left
out, added, moved or swapped since is found; above it nothing is certain until a witness has signed.
"""

import argparse
import base64
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

try:
    from app import verifier_book as sums
except ImportError:  # copied out of the project: both files lie side by side
    import verifier_book as sums  # type: ignore[import-not-found,no-redef]

Json = dict[str, Any]
Log = tuple[Json, dict[int, bytes]]
FORMAT = "tornallom-ledger-1"
LEAF_BYTES, MARK_BYTES = 40, 8
WHOLE_INSTANCE = bytes(16)
FORKED = "A public fork was declared on"
HOLDS, BROKEN, UNREADABLE, UNPROVEN, FORGED = 0, 1, 2, 3, -1
PROVEN = """\
  {entries} entries are below what they vouch for: since then nothing of these was changed, left
  out, added or moved."""
NEWER = "  {entries} are newer: until a witness signs again, they can be rewritten unnoticed."
UNANCHORED = """\
  Whoever runs the server could have written all of this anew and signed it. Only what others
  hold proves that nobody did. Name the key of a witness with --witness, as you got it from that
  witness and not from this file, or with --checkpoint a checkpoint or an older export that you
  kept yourself."""


class UnreadableError(Exception):
    """This is not what it should be, so nothing can be said about it."""


@dataclass
class Report:
    """What is wrong, what is worth knowing, and how far something outside vouches."""

    problems: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    anchors: list[str] = field(default_factory=list)
    size: int = 0
    proven: int = 0  # leaves below the newest state that something outside vouches for
    entries: int = 0
    entries_proven: int = 0
    periods: int = 0

    def wrong(self, what: str) -> None:
        """Note something that does not hold, once."""
        if what not in self.problems:
            self.problems.append(what)

    def anchor(self, checkpoint: "Checkpoint", who: str) -> None:
        """Note a state that somebody outside vouches for."""
        self.anchors.append(f"{who}: {checkpoint.size} leaves")
        self.proven = max(self.proven, checkpoint.size)

    @property
    def code(self) -> int:
        """How the command ends."""
        # What was signed before anything was in the book vouches for nothing of it.
        proven = self.proven and self.entries_proven >= min(self.entries, 1)
        return BROKEN if self.problems else HOLDS if proven else UNPROVEN


def mark(owner: bytes, position: int) -> bytes:
    """The first eight bytes of a leaf: whose it is, told to who knows the book's id."""
    place = position.to_bytes(8, "big")
    return sums.sha256(b"tornallom log mark v1\n" + owner + place)[:MARK_BYTES]


# ── 1. Checkpoints: signed notes of C2SP, and the signatures of witnesses under them ──────────────
@dataclass
class Key:
    """A verifier key: name, way of signing (1 the log, 4 a witness), and the public key."""

    name: str
    key_id: bytes
    kind: int
    public: bytes


@dataclass
class Checkpoint:
    """A state of a log: its name, how many leaves, the root over them, and who signed."""

    text: str
    origin: str
    size: int
    root: bytes
    signatures: list[tuple[str, bytes]]


def read_key(text: str) -> Key:
    try:
        name, key_id, material = text.strip().split("+", 2)
        raw = base64.b64decode(material, validate=True)
        key = Key(name, bytes.fromhex(key_id), raw[0], raw[1:])
    except (ValueError, IndexError) as error:
        raise UnreadableError(f"not a verifier key: {text}") from error
    if len(raw) != 33 or sums.sha256(name.encode() + b"\n" + raw)[:4] != key.key_id:
        raise UnreadableError(f"a damaged verifier key: {text}")
    return key


def read_checkpoint(note: str) -> Checkpoint:
    try:
        text, _, lines = note.rpartition("\n\n")
        origin, size, root = text.split("\n")[:3]
        signatures = []
        for line in lines.splitlines():
            _, name, encoded = line.split(" ")
            signatures.append((name, base64.b64decode(encoded, validate=True)))
        return Checkpoint(text + "\n", origin, int(size), base64.b64decode(root), signatures)
    except ValueError as error:
        raise UnreadableError("not a signed checkpoint") from error


def signed_by(checkpoint: Checkpoint, key: Key) -> int | None:
    """When a key signed (0 where it does not say when); None where it did not, or FORGED."""
    newest = None
    for name, raw in checkpoint.signatures:
        if name != key.name or raw[:4] != key.key_id:
            continue
        seconds, signature, text = 0, raw[4:], checkpoint.text
        if key.kind == 4:
            seconds, signature = int.from_bytes(raw[4:12], "big"), raw[12:]
            text = f"cosignature/v1\ntime {seconds}\n{text}"
        try:
            Ed25519PublicKey.from_public_bytes(key.public).verify(signature, text.encode())
        except InvalidSignature:
            return FORGED  # one forged line makes the whole note worthless
        newest = max(newest or 0, seconds)
    return newest


# ── 2. What is in the log is in the file, and nothing else ────────────────────────────────────────
def check_log(export: Json, leaves: list[bytes], report: Report) -> list[tuple[int, Json]]:
    """Hold every record against its leaf, and every leaf of this book against its record."""
    owner = bytes.fromhex(export["book"]["id"].replace("-", ""))
    found: dict[int, Json] = {}
    for record in export["records"]:
        position, body = record["position"], record["body"]
        if body.get("book") != (None if body["type"] == "fork" else export["book"]["id"]):
            report.wrong(f"The {body['type']} {body['id']} is of another book.")
        if position is None:
            continue
        whose = owner if body.get("book") else WHOLE_INSTANCE
        leaf = mark(whose, position) + sums.sha256(sums.canonical(body))
        if position in found or leaves[position : position + 1] != [leaf]:
            report.wrong(f"The {body['type']} {body['id']} is not what the log took up.")
        found[position] = body
    for position, leaf in enumerate(leaves):
        marks = (mark(owner, position), mark(WHOLE_INSTANCE, position))
        if leaf[:MARK_BYTES] in marks and position not in found:
            report.wrong(f"What the log took up for this book at place {position} is left out.")
    return sorted(found.items(), key=lambda one: one[0])


def check_waiting(export: Json, logged: list[tuple[int, Json]], report: Report) -> list[Json]:
    """Nothing stands there twice; what has no place in the log yet is newer than what has."""
    names = Counter((each["body"]["type"], each["body"]["id"]) for each in export["records"])
    for (kind, its_id), count in names.items():
        if count > 1:
            report.wrong(f"The {kind} {its_id} is in the file {count} times.")
    waiting = [each["body"] for each in export["records"] if each["position"] is None]
    times: list[str] = [body["recorded_at"] for _, body in logged if body["type"] == "entry"]
    newest = datetime.fromisoformat(max(times, default="1970-01-01T00:00:00Z"))
    for body in waiting:
        told = datetime.fromisoformat(body.get("recorded_at", "9999-01-01T00:00:00Z"))
        if body["type"] == "entry" and newest - told > timedelta(hours=1):
            report.wrong(f"The entry {body['id']} says it is old, and the log never took it up.")
    report.remarks += [f"{len(waiting)} records have no place in the log yet."] if waiting else []
    return waiting


# ── 3. What somebody outside holds ────────────────────────────────────────────────────────────────
@dataclass
class Outside:
    """What the reader brings along: keys of witnesses, and checkpoints that were kept."""

    witnesses: list[Key] = field(default_factory=list)
    kept: list[Checkpoint] = field(default_factory=list)
    books: list[str] = field(default_factory=list)  # of older exports


def check_forks(forks: list[Json], roots: dict[int, bytes], report: Report) -> None:
    """A public fork goes on from a state of this very log."""
    for fork in forks:
        report.remarks.append(f"{FORKED} {fork['declared_at']}; the log was {fork['continues']}.")
        if roots.get(fork["common"]["size"], b"").hex() != fork["common"]["root"]:
            report.wrong("A public fork goes on from a state that this log never had.")


def check_outside(log: Log, inside: list[Checkpoint], outside: Outside, report: Report) -> None:
    """Hold the log against the states that others signed or kept."""
    export, roots = log
    keys = [read_key(text) for text in export["log"]["keys"]]
    for checkpoint in inside:
        sound = any(signed_by(checkpoint, key) not in {None, FORGED} for key in keys)
        if agrees(checkpoint, export, roots, report) and not sound:
            report.wrong(f"The checkpoint of {checkpoint.size} leaves has no sound signature.")
    for checkpoint in outside.kept:
        if agrees(checkpoint, export, roots, report):
            report.anchor(checkpoint, "You kept a checkpoint")
    if any(book != export["book"]["id"] for book in outside.books):
        report.wrong("The older export is of another book: this one was begun anew.")
    for name in sorted({key.name for key in outside.witnesses}):
        _check_witness(name, outside, [*inside, *outside.kept], log, report)


def _check_witness(
    name: str, outside: Outside, states: list[Checkpoint], log: Log, report: Report
) -> None:
    """Hold the log against all that a witness signed, by whichever of its keys."""
    keys = [key for key in outside.witnesses if key.name == name]
    if any(key.kind != 4 for key in keys):
        report.wrong(f"{name} is the key of a log, and not of a witness.")
    found = [(signed_by(each, key), each) for each in states for key in keys]
    signed = [(each.size, when, each) for when, each in found if when not in {None, FORGED}]
    for size in {each.size for when, each in found if when == FORGED}:
        report.wrong(f"{name} never signed the checkpoint of {size} leaves that bears its name.")
    if not signed:
        report.wrong(f"Nothing here bears the signature of the witness {name}.")
        return
    holding = [each for each in signed if agrees(each[2], *log, report)]
    if len(holding) == len(signed):
        _, when, newest = max(holding, key=lambda each: (each[0], each[1] or 0))
        day = datetime.fromtimestamp(when or 0, UTC).strftime("%Y-%m-%d %H:%M UTC")
        report.anchor(newest, f"{name} signed on {day}")


def agrees(checkpoint: Checkpoint, export: Json, roots: dict[int, bytes], report: Report) -> bool:
    """Whether the log of the file is the one of this checkpoint, grown on."""
    forks = [each["body"] for each in export["records"] if each["body"]["type"] == "fork"]
    forks = [fork for fork in forks if fork["continues"] == checkpoint.origin]
    if checkpoint.origin != export["log"]["origin"] and not forks:
        report.wrong(f"A checkpoint is of another log: {checkpoint.origin}.")
    elif roots.get(checkpoint.size) == checkpoint.root:
        return True
    elif any(checkpoint.size > fork["common"]["size"] for fork in forks):
        report.wrong(
            f"{FORKED} {forks[0]['declared_at']}: the log goes on from an older state, and some of "
            f"the {checkpoint.size} leaves of a checkpoint were given up."
        )
    elif checkpoint.size not in roots:
        report.wrong(
            f"A checkpoint is of {checkpoint.size} leaves, and the log of this file has "
            f"{report.size}: leaves were cut off, or the file is older than the checkpoint."
        )
    else:
        report.wrong(f"History was rewritten below the checkpoint of {checkpoint.size} leaves.")
    return False


# ── 4. All of it, and what to say of it ───────────────────────────────────────────────────────────
def verify(export: Json, outside: Outside) -> Report:
    """Check a whole export against what the reader brought along."""
    report = Report()
    try:
        raw = base64.b64decode(export["log"]["leaves"], validate=True)
        leaves = [raw[at : at + LEAF_BYTES] for at in range(0, len(raw), LEAF_BYTES)]
        if export["format"] != FORMAT or len(raw) % LEAF_BYTES:
            raise UnreadableError(f"this check reads {FORMAT}")
        report.size = len(leaves)
        inside = [read_checkpoint(note) for note in export["log"]["checkpoints"]]
        forks = [one["body"] for one in export["records"] if one["body"]["type"] == "fork"]
        sizes = {each.size for each in (*inside, *outside.kept)}
        roots = sums.roots_at(leaves, sizes | {fork["common"]["size"] for fork in forks})
        logged = check_log(export, leaves, report)
        waiting = check_waiting(export, logged, report)
        check_forks(forks, roots, report)
        check_outside((export, roots), inside, outside, report)
        _check_book(export, logged, waiting, report)
        whose = f"This is the book {export['book']['id']} in the log {export['log']['origin']}"
        report.remarks.append(f"{whose}. Is it yours? Others may well have signed another one.")
    except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError) as error:
        # A file that this program cannot follow is never one that holds.
        report.wrong(f"The file is not built as it should be ({type(error).__name__}: {error}).")
    return report


def _check_book(
    export: Json, logged: list[tuple[int, Json]], waiting: list[Json], report: Report
) -> None:
    book, after = export["book"], report.size
    placed = [*logged, *((after + at, body) for at, body in enumerate(waiting))]
    entries = [body for _, body in placed if body["type"] == "entry"]
    report.entries = len(entries)
    report.entries_proven = sum(
        body["type"] == "entry" for place, body in logged if place < report.proven
    )
    report.periods = sum(body["type"] == "lock" for _, body in placed)
    report.problems += sums.check_entries(book, entries)
    report.problems += sums.check_balances(entries, export["balances"])
    report.problems += sums.check_decisions(placed)
    report.problems += sums.check_periods(book, placed, export["statements"])
    report.problems += sums.check_receipts(entries, export["receipts"])


def read_json(raw: bytes) -> Any:
    """Read JSON in which each name stands once in its object, and numbers are whole."""
    return json.loads(raw, object_pairs_hook=_once, parse_float=int, parse_constant=int)


def _once(pairs: list[tuple[str, Any]]) -> Json:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise UnreadableError("a name stands twice")
    return found


def words(report: Report) -> str:
    """Say in plain words what was found."""
    lines = [f"DOES NOT HOLD: {problem}" for problem in report.problems]
    counted = f"{report.entries} entries and {report.periods} locked periods"
    if report.problems:
        lines.append("Do not rely on these figures. Show this to your co-operative.")
    elif report.code == HOLDS:
        lines.append(f"HOLDS: {counted} were computed once more and are right.")
        lines += [f"  {anchor}." for anchor in report.anchors]
        lines.append(PROVEN.format(entries=report.entries_proven))
        if report.entries > report.entries_proven:
            lines.append(NEWER.format(entries=report.entries - report.entries_proven))
    else:
        lines.append(f"AGREES WITH ITSELF, WHICH PROVES LITTLE: {counted} add up.\n{UNANCHORED}")
    lines += [f"  Note: {remark}" for remark in report.remarks]
    return "\n".join(lines)


def read_file(path: Path) -> Json:
    """Read an export."""
    try:
        value = read_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UnreadableError(f"{path} cannot be read as JSON ({type(error).__name__})") from error
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise UnreadableError(f"{path} is not an export of a book ({FORMAT})")
    return value


def read_outside(witnesses: Sequence[str], kept: Sequence[Path]) -> Outside:
    """Read what the reader brought: keys, or files of keys; checkpoints, or older exports."""
    outside = Outside()
    for each in witnesses:
        text = Path(each).read_text("utf-8") if Path(each).is_file() else each
        outside.witnesses += [read_key(line) for line in text.split()]
    for path in kept:
        try:
            text = path.read_bytes().decode()
        except (OSError, UnicodeError) as error:
            raise UnreadableError(f"{path} cannot be read ({type(error).__name__})") from error
        if text.lstrip().startswith("{"):
            older = read_file(path)
            outside.books.append(older["book"]["id"])
            outside.kept += [read_checkpoint(note) for note in older["log"]["checkpoints"]]
        else:
            outside.kept.append(read_checkpoint(text))
    return outside


def main(arguments: Sequence[str] | None = None) -> int:
    """Run as a command: 0 holds, 1 does not, 2 cannot be read, 3 nothing outside was named."""
    parser = argparse.ArgumentParser(description="Check an export of a co-operative's book.")
    parser.add_argument("file", type=Path, help="the export")
    parser.add_argument("--witness", action="append", default=[], metavar="KEY")
    parser.add_argument("--checkpoint", action="append", default=[], type=Path, metavar="FILE")
    named = parser.parse_args(arguments)
    try:
        report = verify(read_file(named.file), read_outside(named.witness, named.checkpoint))
    except UnreadableError as error:
        sys.stderr.write(f"CANNOT BE READ: {error}.\n")
        return UNREADABLE
    sys.stdout.write(f"{words(report)}\n")
    return report.code


if __name__ == "__main__":
    sys.exit(main())

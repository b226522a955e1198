"""Check an export of a co-operative's book, offline.

    python3 verifier.py BOOK.json --witness KEY --checkpoint KEPT.txt

This file and verifier_book.py beside it need Python 3.11 and the package `cryptography`, and
nothing else of this project: copy them, read them, change them. docs/ledger-export.md describes
the file that they read, so that you can write another check.

What the check can prove. Whoever runs the server can write every byte of the export, and has the
key by which the server signs. So a file that agrees with itself proves that nobody made a slip,
and no more. What it cannot make is what others hold: the signature of a witness (another
instance), whose key you got from that witness, and a checkpoint that you kept yourself, or an
older export. Give the check one of these. Below the newest state that they hold, everything that
was changed, left out, added, moved or swapped since then is found; above it, nothing is certain
until a witness has signed again.
"""

import argparse
import base64
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
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
UnreadableError = sums.UnreadableError
FORMAT = "tornallom-ledger-1"
LEAF_BYTES, MARK_BYTES = 40, 8
WHOLE_INSTANCE = bytes(16)
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

    @property
    def code(self) -> int:
        """How the command ends."""
        if self.problems:
            return BROKEN
        # What was signed before anything was in the book vouches for nothing of it.
        return HOLDS if self.proven and self.entries_proven >= min(self.entries, 1) else UNPROVEN


def mark(owner: bytes, position: int) -> bytes:
    """The first eight bytes of a leaf: whose it is, told to who knows the book's id."""
    place = position.to_bytes(8, "big")
    return sums.sha256(b"tornallom log mark v1\n" + owner + place)[:MARK_BYTES]


# ── 1. Checkpoints: signed notes of C2SP, and the signatures of witnesses under them ─────────


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


# ── 2. What is in the log is in the file, and nothing else ───────────────────────────────────


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
    newest = max(times, default="")
    for body in waiting:
        told = body.get("recorded_at", "")
        if body["type"] == "entry" and told and newest and _hours(told, newest) > 1:
            report.wrong(f"The entry {body['id']} says it is old, and the log never took it up.")
    if waiting:
        report.remarks.append(f"{len(waiting)} records have no place in the log yet.")
    report.remarks += [
        f"A public fork was declared on {body['declared_at']}; the log was {body['continues']}."
        for _, body in logged
        if body["type"] == "fork"
    ]
    return waiting


def _hours(earlier: str, later: str) -> float:
    both = (datetime.fromisoformat(each) for each in (later, earlier))
    return (next(both) - next(both)).total_seconds() / 3600


# ── 3. What somebody outside holds ───────────────────────────────────────────────────────────


@dataclass
class Outside:
    """What the reader brings along: keys of witnesses, and checkpoints that were kept."""

    witnesses: list[Key] = field(default_factory=list)
    kept: list[Checkpoint] = field(default_factory=list)
    books: list[str] = field(default_factory=list)  # of older exports


def check_outside(
    export: Json,
    roots: dict[int, bytes],
    inside: list[Checkpoint],
    outside: Outside,
    report: Report,
) -> None:
    """Hold the log against the states that others signed or kept."""
    keys = [read_key(text) for text in export["log"]["keys"]]
    for checkpoint in inside:
        sound = any(signed_by(checkpoint, key) not in {None, FORGED} for key in keys)
        if agrees(checkpoint, export, roots, report) and not sound:
            report.wrong(f"The checkpoint of {checkpoint.size} leaves has no sound signature.")
    for checkpoint in outside.kept:
        if agrees(checkpoint, export, roots, report):
            _anchor(report, checkpoint, "You kept a checkpoint")
    if any(book != export["book"]["id"] for book in outside.books):
        report.wrong("The older export is of another book: this one was begun anew.")
    for name in sorted({key.name for key in outside.witnesses}):
        _check_witness(name, outside, [*inside, *outside.kept], (export, roots), report)


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
        _anchor(report, newest, f"{name} signed on {day}")


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
            f"A public fork was declared on {forks[0]['declared_at']}: the log goes on from an "
            f"older state, and some of the {checkpoint.size} leaves of a checkpoint were given up."
        )
    elif checkpoint.size not in roots:
        report.wrong(
            f"A checkpoint is of {checkpoint.size} leaves, and the log of this file has "
            f"{report.size}: leaves were cut off, or the file is older than the checkpoint."
        )
    else:
        report.wrong(f"History was rewritten below the checkpoint of {checkpoint.size} leaves.")
    return False


def _anchor(report: Report, checkpoint: Checkpoint, who: str) -> None:
    report.anchors.append(f"{who}: {checkpoint.size} leaves")
    report.proven = max(report.proven, checkpoint.size)


# ── 4. All of it, and what to say of it ──────────────────────────────────────────────────────


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
        states = [*inside, *outside.kept]
        roots = sums.roots_at(leaves, {each.size for each in states})
        logged = check_log(export, leaves, report)
        waiting = check_waiting(export, logged, report)
        check_outside(export, roots, inside, outside, report)
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
    report.problems += sums.check_periods(book, placed, export["statements"])
    report.problems += sums.check_receipts(entries, export["receipts"])


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
        value = sums.read_json(path.read_bytes())
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

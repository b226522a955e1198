"""How a log asks a witness to sign (C2SP tlog-witness), and how it tells of a public fork.

`add-checkpoint` is C2SP's, byte for byte: the size that the proof begins at, the proof, an empty
line, the signed checkpoint. What a fork says is JSON.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, StringConstraints

from app.federation.wire.documents import Document, Moment
from app.federation.wire.manifest import Hash
from app.federation.wire.problems import MALFORMED, RefusedError
from app.infra.notes import HASH_BYTES, Note, NoteRefusedError, read_note

ADD_PATH = "/fed/v1/witness/add-checkpoint"
LOGS_PATH = "/fed/v1/witness/logs"
TEXT = "text/plain; charset=utf-8"
SIZE_TEXT = "text/x.tlog.size"
REQUEST_BYTES_MAX = 32_768
# A proof names at most two hashes for each doubling of a log.
PROOF_MAX = 63
CHECKPOINTS_LISTED_MAX = 100
SIZE_MAX = 2**53 - 1
_OLD = re.compile(r"old (0|[1-9][0-9]{0,15})")
LogName = Annotated[str, StringConstraints(min_length=3, max_length=300)]
Size = Annotated[int, Field(ge=0, le=SIZE_MAX)]
KeyText = Annotated[str, StringConstraints(min_length=10, max_length=400)]
Keys = Annotated[tuple[KeyText, ...], Field(min_length=1, max_length=20)]


@dataclass(frozen=True)
class AddCheckpoint:
    """What a log offers: its checkpoint, and the proof from the tree of `old_size` leaves."""

    old_size: int
    proof: Sequence[bytes]
    note: Note

    def written(self) -> bytes:
        """As the body of the request."""
        lines = [f"old {self.old_size}", *(base64.b64encode(one).decode() for one in self.proof)]
        return "".join(f"{line}\n" for line in [*lines, ""]).encode() + self.note.written().encode()


def read_add_checkpoint(body: bytes) -> AddCheckpoint:
    """Read the request strictly; nothing of it is proven yet."""
    if len(body) > REQUEST_BYTES_MAX:
        raise RefusedError(MALFORMED, "longer than a checkpoint and its proof")
    head, gap, rest = body.partition(b"\n\n")
    try:
        first, *proof = head.decode("ascii").split("\n")
        note = read_note(rest)
        hashes = [_hash(line) for line in proof]
    except (UnicodeError, NoteRefusedError, binascii.Error, ValueError) as error:
        raise RefusedError(MALFORMED, str(error)[:200]) from error
    old = _OLD.fullmatch(first)
    if old is None or not gap or len(hashes) > PROOF_MAX:
        raise RefusedError(MALFORMED, "old size, proof, an empty line, the checkpoint")
    return AddCheckpoint(int(old[1]), hashes, note)


def _hash(line: str) -> bytes:
    raw = base64.b64decode(line, validate=True)
    if len(raw) != HASH_BYTES:
        message = "a hash has 32 bytes"
        raise ValueError(message)
    return raw


class HeldTree(Document):
    """A tree of a log; the root is in hexadecimal."""

    size: Size
    root: Hash


class ForkDeclaration(Document):
    """A log says in public that it goes on from an older tree, under another name.

    `parted` is a tree of the log before that the reader has signed: whatever it signed up to there
    still holds, and the new log has to grow out of it.
    """

    continues: LogName
    parted: HeldTree
    abandoned: HeldTree
    declared: Moment
    reason: Annotated[str, StringConstraints(max_length=2000)] = ""


class LogIntroduction(Document):
    """An instance tells a witness the name of its log and the keys that sign it."""

    origin: LogName
    keys: Keys
    fork: ForkDeclaration | None = None


class WitnessIntroduction(Document):
    """A witness answers with its own name and keys, and what it holds of that log."""

    witness: LogName
    keys: Keys
    size: Size = 0


class SignedCheckpoint(Document):
    """A checkpoint that a witness signed, as it stands: the note with all its signatures."""

    origin: LogName
    size: Size
    root: Hash
    signed: Moment
    note: Annotated[str, StringConstraints(max_length=16_384)]


class SignedCheckpoints(Document):
    """What a witness signed of the logs of one instance, the newest first."""

    witness: LogName
    keys: Keys
    items: Annotated[tuple[SignedCheckpoint, ...], Field(max_length=CHECKPOINTS_LISTED_MAX)] = ()

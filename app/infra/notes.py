"""Signed notes, checkpoints and cosignatures, as C2SP writes them.

- https://c2sp.org/signed-note: text, an empty line, and a line per signature;
- https://c2sp.org/tlog-checkpoint: origin, size and root of a log as the text of a note;
- https://c2sp.org/tlog-cosignature: cosignature/v1, a witness's dated signature on a checkpoint.

Ed25519 only. Whose key it is that signed is the reader's to know: a key that comes together with
the note proves nothing.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from app.infra.keys import KEY_BYTES, KeyRefusedError, load_public_key

NOTE_BYTES_MAX = 16_384
SIGNATURES_MAX = 64
HASH_BYTES = 32
KEY_ID_BYTES = 4
SIGNATURE_BYTES = 64
TIMESTAMP_BYTES = 8
TIMESTAMP_MAX = 2**63 - 1
NAME_MAX = 300
CHECKPOINT_LINES = 3
SIZE = re.compile(r"0|[1-9][0-9]{0,17}")
KEY_ID = re.compile(r"[0-9a-f]{8}")
DASH = "\N{EM DASH} "


class NoteRefusedError(ValueError):
    """This is no note, no checkpoint, or not signed by the key that was asked about."""


class SignatureKind(IntEnum):
    """The byte by which a key id tells what is signed, and how."""

    NOTE = 0x01  # the text itself
    COSIGNATURE = 0x04  # "cosignature/v1", a time and the text


@dataclass(frozen=True)
class NoteKey:
    """A public key with the name and the way of signing under which it is known."""

    name: str
    kind: SignatureKind
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes that stand before each signature of this key."""
        known_as = self.name.encode() + b"\n" + bytes([self.kind])
        return hashlib.sha256(known_as + self.public_key).digest()[:KEY_ID_BYTES]

    def written(self) -> str:
        """As a verifier key (vkey): name, key id and key, to be handed from person to person."""
        material = base64.b64encode(bytes([self.kind]) + self.public_key).decode()
        return f"{self.name}+{self.key_id.hex()}+{material}"


@dataclass(frozen=True)
class NoteSignature:
    """A line under a note: who says to have signed it, and the signature."""

    name: str
    key_id: bytes
    value: bytes

    def written(self) -> str:
        """As the line stands in the note."""
        return f"{DASH}{self.name} {base64.b64encode(self.key_id + self.value).decode()}\n"


@dataclass(frozen=True)
class Note:
    """A text, with its last line end, and the signatures under it; none is checked yet."""

    text: str
    signatures: tuple[NoteSignature, ...]

    def written(self) -> str:
        """The note as it is sent and stored."""
        return self.text + "\n" + "".join(one.written() for one in self.signatures)

    def with_signatures(self, more: Iterable[NoteSignature]) -> "Note":
        """The same text with further signatures; a line that is there already stays once."""
        return Note(self.text, tuple(dict.fromkeys((*self.signatures, *more))))


@dataclass(frozen=True)
class Checkpoint:
    """The state of a log: how many leaves, and the root over them."""

    origin: str
    size: int
    root: bytes

    def written(self) -> str:
        """The text of the note; we write no further lines."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def read_key(text: str) -> NoteKey:
    """Read a verifier key; refuses a damaged one and what could verify what nobody signed."""
    parts = text.strip().split("+", 2)
    if len(parts) != 3 or not is_name(parts[0]) or not KEY_ID.fullmatch(parts[1]):
        raise NoteRefusedError("not a verifier key: name+id+key")
    material = _from_base64(parts[2])
    if len(material) != 1 + KEY_BYTES or material[0] not in set(SignatureKind):
        raise NoteRefusedError("not an Ed25519 verifier key for notes or cosignatures")
    try:
        load_public_key(material[1:])
    except KeyRefusedError as error:
        raise NoteRefusedError(str(error)) from error
    key = NoteKey(parts[0], SignatureKind(material[0]), material[1:])
    if key.key_id.hex() != parts[1]:
        raise NoteRefusedError("the id of this verifier key is not that of its name and key")
    return key


def read_note(raw: str | bytes) -> Note:
    """Read a note; nothing is believed of it until a signature was checked."""
    text = _as_text(raw)
    body, gap, lines = text.rpartition("\n\n")
    if not gap or not body or not lines.endswith("\n"):
        raise NoteRefusedError("not a signed note: text, an empty line, signatures")
    signatures = tuple(_read_signature(line) for line in lines[:-1].split("\n"))
    if len(signatures) > SIGNATURES_MAX:
        raise NoteRefusedError("more signatures than a note may have")
    return Note(body + "\n", signatures)


def read_checkpoint(text: str) -> Checkpoint:
    """Read the text of a note as a checkpoint; further lines of other logs are let be."""
    lines = text.split("\n")
    if len(lines) < CHECKPOINT_LINES + 1 or lines[-1] or not all(lines[:-1]):
        raise NoteRefusedError("not a checkpoint: origin, size and root, a line each")
    root = _from_base64(lines[2])
    if not SIZE.fullmatch(lines[1]) or len(root) != HASH_BYTES:
        raise NoteRefusedError("not a checkpoint: the size or the root is no such thing")
    return Checkpoint(lines[0], int(lines[1]), root)


def sign(text: str, name: str, private_key: Ed25519PrivateKey) -> NoteSignature:
    """Sign a text as the one who wrote it: a log its own checkpoint."""
    key = NoteKey(name, SignatureKind.NOTE, private_key.public_key().public_bytes_raw())
    _check_signable(text, name)
    return NoteSignature(name, key.key_id, private_key.sign(text.encode()))


def cosign(text: str, name: str, private_key: Ed25519PrivateKey, seconds: int) -> NoteSignature:
    """Sign somebody's checkpoint as a witness, saying when (seconds since 1970).

    It states that this is the largest tree of that log that the witness saw, and that it grew
    out of all that it saw before: so check that first.
    """
    _check_signable(text, name)
    if not 0 <= seconds <= TIMESTAMP_MAX:
        raise NoteRefusedError("no such time")
    read_checkpoint(text)
    key = NoteKey(name, SignatureKind.COSIGNATURE, private_key.public_key().public_bytes_raw())
    stamp = seconds.to_bytes(TIMESTAMP_BYTES, "big")
    return NoteSignature(name, key.key_id, stamp + private_key.sign(_dated(text, seconds)))


def check(note: Note, key: NoteKey) -> int | None:
    """Refuse unless this key signed the note; a witness's answer is when it did, in seconds.

    A line that names the key and does not hold refuses the whole note, as the format asks. Of
    several cosignatures of one witness the newest counts.
    """
    lines = [one for one in note.signatures if one.name == key.name and one.key_id == key.key_id]
    if not lines:
        raise NoteRefusedError(f"not signed by {key.name}")
    times = [_check_line(note.text, key, one.value) for one in lines]
    return max((time for time in times if time is not None), default=None)


def is_signed_by(note: Note, key: NoteKey) -> bool:
    """Whether this key signed the note."""
    try:
        check(note, key)
    except NoteRefusedError:
        return False
    return True


def is_name(name: str) -> bool:
    """Whether this may stand as the name of a key: no spaces, no plus, no control characters."""
    sound = not any(sign.isspace() or sign == "+" or ord(sign) < 0x20 for sign in name)
    return 0 < len(name) <= NAME_MAX and sound


def _check_line(text: str, key: NoteKey, value: bytes) -> int | None:
    seconds = None
    signed = text.encode()
    if key.kind is SignatureKind.COSIGNATURE:
        seconds = int.from_bytes(value[:TIMESTAMP_BYTES], "big")
        value = value[TIMESTAMP_BYTES:]
        signed = _dated(text, seconds)
    if len(value) != SIGNATURE_BYTES or (seconds or 0) > TIMESTAMP_MAX:
        raise NoteRefusedError(f"the signature of {key.name} is damaged")
    try:
        Ed25519PublicKey.from_public_bytes(key.public_key).verify(value, signed)
    except (InvalidSignature, ValueError) as error:
        raise NoteRefusedError(f"the signature of {key.name} does not hold") from error
    return seconds


def _dated(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def _check_signable(text: str, name: str) -> None:
    if not text.endswith("\n") or "\n\n" in text or text == "\n" or not is_name(name):
        raise NoteRefusedError("this text or this name cannot stand in a note")
    _as_text(text)


def _as_text(raw: str | bytes) -> str:
    try:
        encoded = raw if isinstance(raw, bytes) else raw.encode()
        text = encoded.decode()
    except UnicodeError as error:
        raise NoteRefusedError("a note is UTF-8") from error
    if len(encoded) > NOTE_BYTES_MAX:
        raise NoteRefusedError("longer than a note may be")
    if any(ord(sign) < 0x20 and sign != "\n" for sign in text):
        raise NoteRefusedError("a note has no control characters")
    return text


def _read_signature(line: str) -> NoteSignature:
    name, gap, encoded = line.removeprefix(DASH).partition(" ")
    if not line.startswith(DASH) or not gap or not is_name(name):
        raise NoteRefusedError("not a signature line: dash, name, signature")
    raw = _from_base64(encoded)
    if len(raw) <= KEY_ID_BYTES:
        raise NoteRefusedError("a signature is longer than the id of its key")
    return NoteSignature(name, raw[:KEY_ID_BYTES], raw[KEY_ID_BYTES:])


def _from_base64(text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteRefusedError("not base64") from error
    if base64.b64encode(raw).decode() != text:  # loose bits at the end: one value, one spelling
        raise NoteRefusedError("not the one spelling of this in base64")
    return raw

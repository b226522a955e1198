"""Signed notes, checkpoints and cosignatures of C2SP: published examples and refusals."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.infra import notes
from app.infra.notes import Checkpoint, NoteKey, NoteRefusedError, SignatureKind

# The example of golang.org/x/mod/sumdb/note, which defined the format.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETERS_SECRET = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
SIGNED = (
    TEXT
    + "\n\N{EM DASH} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXg"
    "KvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
# The example of c2sp.org/tlog-cosignature; its keys were never published.
COSIGNED = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "\N{EM DASH} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URY"
    "N7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "\N{EM DASH} witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZC"
    "B9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
)
LOG = Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32)
WITNESS = Ed25519PrivateKey.from_private_bytes(bytes([2]) * 32)
CHECKPOINT = Checkpoint("north.example/ledger", 7, bytes(range(32))).written()


def _key(private: Ed25519PrivateKey, name: str, kind: SignatureKind) -> NoteKey:
    return NoteKey(name, kind, private.public_key().public_bytes_raw())


LOG_KEY = _key(LOG, "north.example/ledger", SignatureKind.NOTE)
WITNESS_KEY = _key(WITNESS, "south.example/witness", SignatureKind.COSIGNATURE)


def _witnessed(seconds: int = 1_700_000_000) -> notes.Note:
    note = notes.Note(CHECKPOINT, (notes.sign(CHECKPOINT, LOG_KEY.name, LOG),))
    return note.with_signatures([notes.cosign(CHECKPOINT, WITNESS_KEY.name, WITNESS, seconds)])


def test_the_reference_note_is_read_and_made_byte_for_byte() -> None:
    key = notes.read_key(PETER)
    assert (key.name, key.key_id.hex(), key.written()) == ("PeterNeumann", "c74f20a3", PETER)
    note = notes.read_note(SIGNED)
    assert note.text == TEXT
    assert notes.check(note, key) is None
    private = Ed25519PrivateKey.from_private_bytes(base64.b64decode(PETERS_SECRET)[1:])
    assert notes.Note(TEXT, (notes.sign(TEXT, "PeterNeumann", private),)).written() == SIGNED


def test_the_standards_cosigned_checkpoint_is_read() -> None:
    note = notes.read_note(COSIGNED)
    assert note.written() == COSIGNED
    checkpoint = notes.read_checkpoint(note.text)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.written() == note.text
    log, witness = note.signatures
    assert (len(log.value), len(witness.value)) == (64, 72)
    assert int.from_bytes(witness.value[:8], "big") == 1679315147


def test_a_cosignature_says_what_the_standard_says() -> None:
    note = notes.read_note(_witnessed(1_679_315_147).written())
    assert notes.check(note, WITNESS_KEY) == 1_679_315_147
    assert notes.check(note, LOG_KEY) is None
    # Checked once more by hand, as the standard words it.
    line = note.signatures[1]
    signed = b"cosignature/v1\ntime 1679315147\n" + CHECKPOINT.encode()
    WITNESS.public_key().verify(line.value[8:], signed)
    assert notes.read_key(WITNESS_KEY.written()) == WITNESS_KEY


def test_the_newest_of_several_cosignatures_counts_and_none_stands_twice() -> None:
    later = notes.cosign(CHECKPOINT, WITNESS_KEY.name, WITNESS, 1_800_000_000)
    note = _witnessed().with_signatures([later]).with_signatures([later])
    assert len(note.signatures) == 3
    assert notes.check(note, WITNESS_KEY) == 1_800_000_000


@pytest.mark.parametrize("at", range(0, len(PETER), 3))
def test_a_damaged_verifier_key_is_refused(at: int) -> None:
    changed = PETER[:at] + chr(ord(PETER[at]) + 1) + PETER[at + 1 :]
    for text in (changed, PETER[:at]):
        with pytest.raises(NoteRefusedError):
            notes.read_key(text)


def test_a_key_that_anybody_can_sign_for_is_refused() -> None:
    weak = NoteKey("a.example", SignatureKind.NOTE, bytes([1]) + bytes(31))
    with pytest.raises(NoteRefusedError, match="large order"):
        notes.read_key(weak.written())


@pytest.mark.parametrize(
    "raw",
    [
        TEXT,
        SIGNED[:-1],
        SIGNED.replace("\N{EM DASH} ", "-- "),
        SIGNED.replace("PeterNeumann x08", "Peter Neumann x08"),
        SIGNED.replace("nAM=\n", "nAM\n"),
        SIGNED.replace("nAM=\n", "nAN=\n"),
        SIGNED.replace("\n\n", "\n\n\n"),
        SIGNED.replace("crypto", "crypto\t"),
        SIGNED + "\n",
        "\n" + SIGNED.partition("\n\n")[2],
        TEXT + "\n\N{EM DASH} PeterNeumann AAAA\n",
        SIGNED.encode() + b"\xff\n",
        "a" * 20_000 + SIGNED,
        SIGNED + SIGNED.partition("\n\n")[2] * 64,
        "\ud800" + SIGNED,
    ],
)
def test_what_is_no_note_is_refused(raw: str | bytes) -> None:
    with pytest.raises(NoteRefusedError):
        notes.check(notes.read_note(raw), notes.read_key(PETER))


@pytest.mark.parametrize(
    "text",
    [
        CHECKPOINT.replace("\n7\n", "\n07\n"),
        CHECKPOINT.replace("\n7\n", "\n-7\n"),
        CHECKPOINT.replace("\n7\n", "\n٧\n"),
        CHECKPOINT.replace("\n7\n", "\n1234567890123456789\n"),
        CHECKPOINT.replace("\n7\n", "\n\n"),
        CHECKPOINT[:-1],
        CHECKPOINT.rpartition("\n")[0].rpartition("\n")[0] + "\nAAAA\n",
        "a\n1\n",
        "",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NoteRefusedError):
        notes.read_checkpoint(text)


def test_lines_of_other_logs_are_let_be() -> None:
    assert notes.read_checkpoint(CHECKPOINT + "more\n").size == 7
    assert notes.read_checkpoint(Checkpoint("a.example", 0, bytes(32)).written()).size == 0


def test_a_changed_text_or_time_or_key_is_refused() -> None:
    note = _witnessed()
    changed = notes.Note(note.text.replace("\n7\n", "\n8\n"), note.signatures)
    line = note.signatures[1]
    moved = notes.NoteSignature(line.name, line.key_id, bytes(8) + line.value[8:])
    other = _key(LOG, WITNESS_KEY.name, SignatureKind.COSIGNATURE)
    as_note = _key(WITNESS, WITNESS_KEY.name, SignatureKind.NOTE)
    assert notes.is_signed_by(note, WITNESS_KEY)
    assert not notes.is_signed_by(changed, WITNESS_KEY)
    assert not notes.is_signed_by(changed, LOG_KEY)
    assert not notes.is_signed_by(notes.Note(note.text, (moved,)), WITNESS_KEY)
    assert not notes.is_signed_by(note, other)
    assert not notes.is_signed_by(note, as_note)


def test_one_bad_line_of_a_known_key_refuses_the_note() -> None:
    note = _witnessed()
    forged = notes.NoteSignature(LOG_KEY.name, LOG_KEY.key_id, bytes(64))
    assert not notes.is_signed_by(note.with_signatures([forged]), LOG_KEY)
    stranger = notes.NoteSignature("c.example", bytes(4), bytes(64))
    assert notes.is_signed_by(note.with_signatures([stranger]), LOG_KEY)
    short = notes.NoteSignature(WITNESS_KEY.name, WITNESS_KEY.key_id, bytes(10))
    assert not notes.is_signed_by(note.with_signatures([short]), WITNESS_KEY)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u2003b", "a" * 301])
def test_a_name_that_cannot_stand_in_a_note_is_refused(name: str) -> None:
    with pytest.raises(NoteRefusedError):
        notes.sign(CHECKPOINT, name, LOG)


@pytest.mark.parametrize("text", ["", "\n", "a", "a\n\nb\n", "a\tb\n", "a\r\n"])
def test_a_text_that_cannot_stand_in_a_note_is_not_signed(text: str) -> None:
    with pytest.raises(NoteRefusedError):
        notes.sign(text, "a.example", LOG)


def test_a_witness_signs_checkpoints_and_possible_times_only() -> None:
    with pytest.raises(NoteRefusedError):
        notes.cosign(TEXT, WITNESS_KEY.name, WITNESS, 1)
    for seconds in (-1, 2**63):
        with pytest.raises(NoteRefusedError):
            notes.cosign(CHECKPOINT, WITNESS_KEY.name, WITNESS, seconds)

"""Keys: which are refused, how they are written, and how secrets rest on disk."""

import stat
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app.infra import keys

PRIME = 2**255 - 19
SIGN = 1 << 255
# RFC 9421 test-key-ed25519, and the same as a Multikey made by an independent encoder.
GOOD = bytes.fromhex("26b40b8f93fff3d897112f7ebc582b232dbd72517d082fe83cfb30ddce43d1bb")
SMALL_ORDER = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "0000000000000000000000000000000000000000000000000000000000000080",
]


def test_a_sound_key_is_read() -> None:
    assert keys.load_public_key(GOOD).public_bytes_raw() == GOOD


@pytest.mark.parametrize("text", SMALL_ORDER)
def test_the_eight_points_of_small_order_are_refused(text: str) -> None:
    with pytest.raises(keys.KeyRefusedError):
        keys.load_public_key(bytes.fromhex(text))


def test_the_danger_is_real() -> None:
    # One signature that nobody made, good for every message, under a key we refuse.
    identity = bytes.fromhex(SMALL_ORDER[1])
    forged = identity + bytes(32)
    for message in (b"pay", b"do not pay"):
        Ed25519PublicKey.from_public_bytes(identity).verify(forged, message)


@pytest.mark.parametrize("y", [PRIME, PRIME + 1, PRIME + 18, 2**255 - 1])
@pytest.mark.parametrize("sign", [0, SIGN])
def test_other_spellings_of_a_point_are_refused(y: int, sign: int) -> None:
    with pytest.raises(keys.KeyRefusedError):
        keys.load_public_key((y | sign).to_bytes(32, "little"))


def test_bytes_that_are_no_point_are_refused() -> None:
    refused = 0
    for y in range(2, 42):
        try:
            keys.load_public_key(y.to_bytes(32, "little"))
        except keys.KeyRefusedError:
            refused += 1
    assert 0 < refused < 40  # about half of all numbers are the height of a point


@pytest.mark.parametrize("raw", [b"", GOOD[:31], GOOD + b"\0"])
def test_a_wrong_length_is_refused(raw: bytes) -> None:
    with pytest.raises(keys.KeyRefusedError):
        keys.load_public_key(raw)


def test_a_multikey_reads_back() -> None:
    text = keys.encode_multikey(keys.load_public_key(GOOD))
    assert text.startswith("z6Mk")
    assert keys.decode_multikey(text).public_bytes_raw() == GOOD


@pytest.mark.parametrize(
    "text",
    ["", "z", "zz", "z6Mk0OIl", "u7QEmtAuPk__z2JcRL368WCsjLb1yUX0IL-g8-zDdzkPRuw", "z" + "2" * 80],
)
def test_what_is_no_ed25519_multikey_is_refused(text: str) -> None:
    with pytest.raises(keys.KeyRefusedError):
        keys.decode_multikey(text)


def test_a_small_order_multikey_is_refused() -> None:
    weak = Ed25519PublicKey.from_public_bytes(bytes.fromhex(SMALL_ORDER[1]))
    with pytest.raises(keys.KeyRefusedError):
        keys.decode_multikey(keys.encode_multikey(weak))


def test_a_fingerprint_is_ten_groups_that_differ_between_keys() -> None:
    one = keys.fingerprint(keys.load_public_key(GOOD))
    other = keys.fingerprint(keys.new_private_key().public_key())
    assert len(one.split()) == 10
    assert all(len(group) == 4 for group in one.split())
    assert one != other


def test_the_key_file_is_made_once_and_only_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "new" / "secret.key"
    key = keys.load_or_create_key_file(path)
    assert keys.load_or_create_key_file(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_processes_that_start_together_agree_on_one_key_file(tmp_path: Path) -> None:
    found: list[bytes] = []
    barrier = threading.Barrier(8)

    def start() -> None:
        barrier.wait()
        found.append(keys.load_or_create_key_file(tmp_path / "secret.key"))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_a_damaged_key_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    path.write_bytes(b"short")
    with pytest.raises(keys.SealBrokenError):
        keys.load_or_create_key_file(path)


def test_a_sealed_secret_opens_only_with_its_key_and_purpose() -> None:
    key, other = bytes(32), bytes(31) + b"\1"
    sealed = keys.seal(key, b"secret", purpose="instance-key")
    assert b"secret" not in sealed
    assert keys.unseal(key, sealed, purpose="instance-key") == b"secret"
    for wrong_key, wrong_sealed, purpose in (
        (other, sealed, "instance-key"),
        (key, sealed, "something-else"),
        (key, sealed[:-1] + bytes([sealed[-1] ^ 1]), "instance-key"),
        (key, b"", "instance-key"),
    ):
        with pytest.raises(keys.SealBrokenError):
            keys.unseal(wrong_key, wrong_sealed, purpose=purpose)

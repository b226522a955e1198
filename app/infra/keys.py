"""Keys: how they are made, written, compared by people, and kept at rest.

Ed25519 between peers; RSA only for what the rest of the fediverse reads.
"""

import hashlib
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
RSA_BITS = 2048
RSA_EXPONENT = 65_537
NONCE_BYTES = 12
FINGERPRINT_BYTES = 20
MULTIKEY_TEXT_MAX = 64
MULTIKEY_ED25519 = b"\xed\x01"
FIELD_PRIME = 2**255 - 19
SIGN_BIT = 1 << 255
# The y coordinates of the eight points of small order. A signature under such a key verifies
# for almost any message, and the primitives we use accept the keys.
SMALL_ORDER_Y = frozenset(
    {
        0,
        1,
        FIELD_PRIME - 1,
        0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7,
        0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
    }
)
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


class KeyRefusedError(ValueError):
    """These bytes are no key that we would trust a signature of."""


class SealBrokenError(ValueError):
    """A sealed value does not open with this key file: another file, or altered bytes."""


def new_private_key() -> Ed25519PrivateKey:
    """Make a fresh signing key."""
    return Ed25519PrivateKey.generate()


def load_private_key(raw: bytes) -> Ed25519PrivateKey:
    """Read a private key from its 32 bytes."""
    return Ed25519PrivateKey.from_private_bytes(raw)


def load_public_key(raw: bytes) -> Ed25519PublicKey:
    """Read a foreign public key; refuses what could verify a signature that nobody made."""
    if len(raw) != KEY_BYTES:
        message = "an Ed25519 key has 32 bytes"
        raise KeyRefusedError(message)
    y = int.from_bytes(raw, "little") & ~SIGN_BIT
    if y >= FIELD_PRIME or y in SMALL_ORDER_Y or not _on_curve(y):
        message = "not a canonical point of large order"
        raise KeyRefusedError(message)
    return Ed25519PublicKey.from_public_bytes(raw)


def _on_curve(y: int) -> bool:
    """Whether some x satisfies -x² + y² = 1 + d·x²·y² (Euler's criterion on x²)."""
    d = -121665 * pow(121666, -1, FIELD_PRIME) % FIELD_PRIME
    x_squared = (y * y - 1) * pow(d * y * y + 1, -1, FIELD_PRIME) % FIELD_PRIME
    return x_squared == 0 or pow(x_squared, (FIELD_PRIME - 1) // 2, FIELD_PRIME) == 1


def encode_multikey(public_key: Ed25519PublicKey) -> str:
    """Write a public key as a Multikey (FEP-521a): base58btc over the multicodec prefix."""
    return "z" + encode_base58(MULTIKEY_ED25519 + public_key.public_bytes_raw())


def decode_multikey(text: str) -> Ed25519PublicKey:
    """Read a Multikey; anything but a sound Ed25519 key is refused."""
    if not text.startswith("z") or len(text) > MULTIKEY_TEXT_MAX:
        message = "not a base58 Multikey"
        raise KeyRefusedError(message)
    raw = decode_base58(text[1:])
    if not raw.startswith(MULTIKEY_ED25519):
        message = "not an Ed25519 Multikey"
        raise KeyRefusedError(message)
    return load_public_key(raw.removeprefix(MULTIKEY_ED25519))


def fingerprint(public_key: Ed25519PublicKey) -> str:
    """Forty hexadecimal figures in groups of four, to be read out over another channel."""
    digest = hashlib.sha256(public_key.public_bytes_raw()).hexdigest()[: FINGERPRINT_BYTES * 2]
    return " ".join(digest[at : at + 4] for at in range(0, len(digest), 4))


def new_rsa_key() -> bytes:
    """Make a fresh RSA key, as PKCS #8; takes a while, so it belongs in a thread."""
    return rsa.generate_private_key(public_exponent=RSA_EXPONENT, key_size=RSA_BITS).private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def load_rsa_key(raw: bytes) -> rsa.RSAPrivateKey:
    """Read an RSA private key of our own; its seal has shown that nobody altered it."""
    key = serialization.load_der_private_key(
        raw, password=None, unsafe_skip_rsa_key_validation=True
    )
    if not isinstance(key, rsa.RSAPrivateKey):
        message = "not an RSA key"
        raise KeyRefusedError(message)
    return key


def rsa_public_bytes(key: rsa.RSAPrivateKey) -> bytes:
    """Return the public half, as it is stored."""
    return key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def rsa_pem(public_key: bytes) -> str:
    """Write a stored RSA public key as the rest of the fediverse reads it."""
    return (
        serialization.load_der_public_key(public_key)
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode("ascii")
    )


def load_or_create_key_file(path: Path) -> bytes:
    """Return the 32 bytes that seal secrets at rest; made once, readable by the owner only.

    Safe when several processes start together: the file appears whole or not at all.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)  # fails when another process was first; then theirs counts
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        message = f"{path} must hold {KEY_BYTES} bytes"
        raise SealBrokenError(message)
    return key


def seal(key: bytes, secret: bytes, *, purpose: str) -> bytes:
    """Encrypt a secret for the database; `purpose` ties it to its place."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, secret, purpose.encode())


def unseal(key: bytes, sealed: bytes, *, purpose: str) -> bytes:
    """Open what seal() made; raises SealBrokenError for another key, purpose or altered bytes."""
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], purpose.encode())
    except (InvalidTag, ValueError) as error:
        message = "a sealed secret does not open with this instance's key file"
        raise SealBrokenError(message) from error


def encode_base58(raw: bytes) -> str:
    """Write bytes in the alphabet of Bitcoin, which `z` announces in a multibase text."""
    number = int.from_bytes(raw, "big")
    text = ""
    while number:
        number, figure = divmod(number, 58)
        text = BASE58[figure] + text
    return "1" * (len(raw) - len(raw.lstrip(b"\0"))) + text


def decode_base58(text: str) -> bytes:
    """Read what `encode_base58` wrote, without the `z`."""
    number = 0
    for character in text:
        figure = BASE58.find(character)
        if figure < 0:
            message = "not base58"
            raise KeyRefusedError(message)
        number = number * 58 + figure
    zeros = len(text) - len(text.lstrip("1"))
    return b"\0" * zeros + number.to_bytes((number.bit_length() + 7) // 8, "big")

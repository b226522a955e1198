"""Keys that receipts are checked by, and which of them was good when a proof was made.

A key that was replaced or revoked still verifies what it signed before: the question is always
"was it valid at proof.created".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app.federation.receipts.reading import FindKeys, ReceiptRefusedError
from app.infra.data_integrity import ProofError, read_moment
from app.infra.keys import KeyRefusedError, decode_multikey, load_public_key

KEYS_MAX = 200
_LISTS = ("items", "orderedItems", "assertionMethod", "keys")


@dataclass(frozen=True)
class KnownKey:
    """A key of an issuer; `until` is when it ended, whether it was replaced or revoked."""

    issuer: str
    key_id: str
    public_key: bytes
    until: datetime | None = None
    revoked: bool = False


def finder(known: Iterable[KnownKey]) -> FindKeys:
    """Return the lookup that a reader asks for the keys that were valid at a moment."""
    keys = list(known)

    def find(issuer: str, key_id: str, created: datetime) -> Sequence[Ed25519PublicKey]:
        named = [key for key in keys if (key.issuer, key.key_id) == (issuer, key_id)]
        if not named:
            raise ReceiptRefusedError("no_key", key_id)
        good = [key for key in named if key.until is None or created < key.until]
        if not good:
            revoked = any(key.revoked for key in named)
            raise ReceiptRefusedError("key_revoked" if revoked else "key_ended", key_id)
        return [load_public_key(key.public_key) for key in good]

    return find


def keys_in(document: Any) -> Sequence[KnownKey]:
    """Read the keys of a saved actor, of a list of keys (`/actor/keys`), or of several of them.

    Keys that we would not trust are left out; what is then missing is said as a missing key.
    """
    found: list[KnownKey] = []
    waiting = [document]
    while waiting and len(found) < KEYS_MAX:
        item = waiting.pop()
        if isinstance(item, list):
            waiting.extend(item[:KEYS_MAX])
        elif isinstance(item, dict):
            waiting.extend(item[name] for name in _LISTS if name in item)
            key = _key(item)
            if key is not None:
                found.append(key)
    return found


def _key(item: dict[str, Any]) -> KnownKey | None:
    texts = [item.get(name) for name in ("controller", "id", "publicKeyMultibase")]
    controller, key_id, multibase = texts
    if not (isinstance(controller, str) and isinstance(key_id, str) and isinstance(multibase, str)):
        return None
    if item.get("type") != "Multikey" or key_id.partition("#")[0] != controller:
        return None
    try:
        raw = decode_multikey(multibase).public_bytes_raw()
        ends = [
            read_moment(item[name])
            for name in ("expires", "revoked")
            if isinstance(item.get(name), str)
        ]
    except (KeyRefusedError, ProofError):
        return None
    return KnownKey(controller, key_id, raw, min(ends, default=None), bool(item.get("revoked")))

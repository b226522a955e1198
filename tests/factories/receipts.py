"""A receipt that is the same on every machine, and what a forger would make of it.

The file `tests/vectors/contribution-receipt.json` holds all of it for other implementations.
"""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.federation.wire.receipts import RECEIPT_CONTEXT, RECEIPT_TYPE
from app.infra.data_integrity import sign
from app.infra.keys import decode_base58, encode_multikey, load_private_key
from tests.factories.vectors import read_vectors
from tests.factories.world import Json

ISSUER = "https://north.example/actor"
KEY_ID = f"{ISSUER}#ed25519-key"
SUBJECT = "https://south.example/members/0b8f6f0e-6f1c-4b7e-9d8e-2a4f1c3d5e6f"
CREATED = "2026-11-20T10:00:00Z"


def sample_key() -> Ed25519PrivateKey:
    """Return W3C's test key."""
    pair = read_vectors("eddsa-jcs-2022.json")["keyPair"]
    return load_private_key(decode_base58(pair["privateKeyMultibase"][1:])[2:])


def keys_document(key: Ed25519PrivateKey, **ends: str) -> Json:
    """Return what the issuer serves at /actor/keys."""
    method = {
        "id": KEY_ID,
        "type": "Multikey",
        "controller": ISSUER,
        "publicKeyMultibase": encode_multikey(key.public_key()),
        **ends,
    }
    return {"id": f"{ISSUER}/keys", "type": "Collection", "attributedTo": ISSUER, "items": [method]}


def unsigned(**changes: Any) -> Json:
    """Return what the sample says, before it is signed."""
    return {
        "@context": RECEIPT_CONTEXT,
        "id": "https://north.example/receipts/0192f0c4-7d1e-4b0a-9c55-2f6b8a1e4d10",
        "type": RECEIPT_TYPE,
        "issuer": ISSUER,
        "validFrom": CREATED,
        "credentialSubject": {
            "id": SUBJECT,
            "fulfills": "https://north.example/agreements/77#primary",
            "need": "https://north.example/needs/42",
            "hours": "3.5",
            "stream": "gift",
            "workedOn": "2026-11-19",
            "organisation": "Old Town Movers",
        },
        **changes,
    }


def signed(document: Json, key: Ed25519PrivateKey | None = None, **options: str) -> Json:
    """Sign a document as the issuer would."""
    said = {
        "created": CREATED,
        "verificationMethod": KEY_ID,
        "proofPurpose": "assertionMethod",
        **options,
    }
    return sign(document, key or sample_key(), said)


def _subject(**changes: Any) -> Callable[[Json], Any]:
    return lambda document: document["credentialSubject"].update(changes)


def _proof(**changes: Any) -> Callable[[Json], Any]:
    return lambda document: document["proof"].update(changes)


# What a forger changes in the signed file, and the code of the refusal.
TAMPERED: dict[str, tuple[Callable[[Json], Any], str]] = {
    "ten times the hours": (_subject(hours="35"), "tampered"),
    "another worker": (_subject(id="https://south.example/members/2"), "tampered"),
    "another need": (_subject(need="https://north.example/needs/43"), "tampered"),
    "another agreement": (_subject(fulfills="https://north.example/agreements/78"), "tampered"),
    "another organisation": (_subject(organisation="Another"), "tampered"),
    "another day": (_subject(workedOn="2026-11-18"), "tampered"),
    "another stream": (_subject(stream="livelihood"), "tampered"),
    "a later date": (lambda d: d.update(validFrom="2026-11-21T10:00:00Z"), "tampered"),
    "another id": (lambda d: d.update(id="https://north.example/receipts/2"), "tampered"),
    "a replacement": (lambda d: d.update(replaces="https://north.example/receipts/3"), "tampered"),
    "an organisation less": (lambda d: d["credentialSubject"].pop("organisation"), "tampered"),
    "an earlier proof": (_proof(created="2026-11-19T10:00:00Z"), "tampered"),
    "an end": (_proof(expires="2030-01-01T00:00:00Z"), "tampered"),
    "another signature": (_proof(proofValue="z" + "2" * 87), "shape"),
}


def tampered() -> dict[str, Json]:
    """Return the sample after each change."""
    found = {}
    for name, (change, _) in TAMPERED.items():
        document = deepcopy(signed(unsigned()))
        change(document)
        found[name] = document
    return found


def vectors() -> Json:
    """Return all that another implementation needs to judge our receipts."""
    return {
        "source": "Tornallom; W3C's test key of vc-di-eddsa. TEST KEYS ONLY",
        "keys": keys_document(sample_key()),
        "receipt": signed(unsigned()),
        "tampered": tampered(),
    }

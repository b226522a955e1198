"""Data Integrity proofs: the published vectors byte for byte, and nothing odd accepted."""

import json
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from app.infra.data_integrity import Expected, ProofError, sign, verify
from app.infra.keys import decode_base58, decode_multikey, encode_base58, load_private_key
from tests.contracts.tree import ROOT

VECTORS = json.loads((ROOT / "tests/vectors/eddsa-jcs-2022.json").read_text())
SAMPLE = json.loads((ROOT / "tests/vectors/sample-contribution-receipt.json").read_text())
NOW = datetime(2026, 11, 21, tzinfo=UTC)
EXPECTED = Expected(NOW)
KEY = load_private_key(bytes(range(32)))
METHOD = "https://north.example/actor#ed25519-key"
OPTIONS = {
    "created": "2026-11-20T10:00:00Z",
    "verificationMethod": METHOD,
    "proofPurpose": "assertionMethod",
}
CONTEXT = ["https://www.w3.org/ns/credentials/v2", "https://ns.tornallom.example/v1"]
DOCUMENT = {
    "@context": CONTEXT,
    "id": "https://north.example/receipts/1",
    "credentialSubject": {"id": "https://north.example/members/1", "hours": "3.5"},
}


def private_key() -> Ed25519PrivateKey:
    raw = decode_base58(VECTORS["keyPair"]["privateKeyMultibase"][1:])
    assert raw[:2] == b"\x80\x26"  # the multicodec of an Ed25519 private key
    return load_private_key(raw[2:])


def only(public_key: Ed25519PublicKey) -> Any:
    return lambda method, created: [public_key]


def resigned(signed: dict[str, Any]) -> dict[str, Any]:
    """Sign a vector's document anew, with its own options."""
    made = ("type", "cryptosuite", "@context", "proofValue")
    options = {key: value for key, value in signed["proof"].items() if key not in made}
    return sign(signed, private_key(), options)


@pytest.mark.parametrize(
    "signed", [VECTORS["w3c_signed"], VECTORS["fep8b32"]["signed"], SAMPLE["receipt"]]
)
def test_a_vector_is_signed_byte_for_byte_and_verified(signed: dict[str, Any]) -> None:
    assert resigned(signed) == signed
    key = decode_multikey(VECTORS["keyPair"]["publicKeyMultibase"])
    proof = verify(signed, only(key), EXPECTED)
    assert proof.verification_method == signed["proof"]["verificationMethod"]


def test_the_vectors_private_and_public_key_belong_together() -> None:
    public = decode_multikey(VECTORS["keyPair"]["publicKeyMultibase"])
    assert private_key().public_key() == public


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(min_size=1), plain, max_size=5), st.binary(min_size=32, max_size=32))
def test_what_is_signed_verifies_and_with_another_key_does_not(
    content: dict[str, Any], seed: bytes
) -> None:
    key = load_private_key(seed)
    document = {**content, "@context": CONTEXT}
    document.pop("proof", None)
    signed = json.loads(json.dumps(sign(document, key, OPTIONS)))
    assert verify(signed, only(key.public_key()), EXPECTED).created == NOW - timedelta(hours=14)
    other = Ed25519PrivateKey.generate().public_key()
    with pytest.raises(ProofError, match="tampered"):
        verify(signed, only(other), EXPECTED)


def altered(*path: str, to: Any) -> dict[str, Any]:
    signed: Any = deepcopy(sign(DOCUMENT, KEY, OPTIONS))
    place = signed
    for step in path[:-1]:
        place = place[step]
    if to is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return dict(signed)


VALUE = sign(DOCUMENT, KEY, OPTIONS)["proof"]["proofValue"]
TAMPERED: dict[str, tuple[dict[str, Any], str]] = {
    "hours": (altered("credentialSubject", "hours", to="35"), "tampered"),
    "hours as a number": (altered("credentialSubject", "hours", to=35), "tampered"),
    "subject": (altered("credentialSubject", "id", to="https://x.example/1"), "tampered"),
    "id": (altered("id", to="https://north.example/receipts/2"), "tampered"),
    "a field more": (altered("note", to="paid"), "tampered"),
    "a field less": (altered("id", to=...), "tampered"),
    "an empty subject": (altered("credentialSubject", to={}), "tampered"),
    "no proof": (altered("proof", to=...), "no_proof"),
    "proof null": (altered("proof", to=None), "no_proof"),
    "two proofs": (altered("proof", to=[altered("id", to=1)["proof"]] * 2), "not_one_proof"),
    "proof text": (altered("proof", to="z"), "not_one_proof"),
    "other type": (altered("proof", "type", to="Ed25519Signature2020"), "wrong_suite"),
    "other suite": (altered("proof", "cryptosuite", to="eddsa-rdfc-2022"), "wrong_suite"),
    "suite as a list": (altered("proof", "cryptosuite", to=["eddsa-jcs-2022"]), "bad_option"),
    "purpose": (altered("proof", "proofPurpose", to="authentication"), "wrong_purpose"),
    "no purpose": (altered("proof", "proofPurpose", to=...), "missing_option"),
    "no created": (altered("proof", "created", to=...), "missing_option"),
    "created earlier": (altered("proof", "created", to="2026-11-19T10:00:00Z"), "tampered"),
    "created later": (altered("proof", "created", to="2027-11-20T10:00:00Z"), "from_the_future"),
    "created no moment": (altered("proof", "created", to="yesterday"), "bad_moment"),
    "created without a zone": (altered("proof", "created", to="2026-11-20T10:00:00"), "bad_moment"),
    "created on no day": (altered("proof", "created", to="2026-02-30T10:00:00Z"), "bad_moment"),
    "created with a leap second": (
        altered("proof", "created", to="2026-11-20T10:00:60Z"),
        "bad_moment",
    ),
    "created in year 1": (altered("proof", "created", to="0001-01-01T00:00:00+14:00"), "bad_mom"),
    "expires added": (altered("proof", "expires", to="2027-11-20T10:00:00Z"), "tampered"),
    "expires past": (altered("proof", "expires", to="2026-11-20T10:00:01Z"), "expired"),
    "expires no moment": (altered("proof", "expires", to="never"), "bad_moment"),
    "method": (altered("proof", "verificationMethod", to=METHOD + "2"), "tampered"),
    "method object": (altered("proof", "verificationMethod", to={"id": METHOD}), "bad_option"),
    "no method": (altered("proof", "verificationMethod", to=...), "missing_option"),
    "other context": (altered("@context", to=["https://x.example"]), "other_context"),
    "context turned": (altered("@context", to=CONTEXT[::-1]), "other_context"),
    "context only outside": (altered("proof", "@context", to=...), "other_context"),
    "context only inside": (altered("@context", to=...), "other_context"),
    "context shortened in both": (
        {
            **altered("@context", to=CONTEXT[:1]),
            "proof": altered("proof", "@context", to=CONTEXT[:1])["proof"],
        },
        "tampered",
    ),
    "unknown option": (altered("proof", "nonce", to="1"), "unknown_option"),
    "id in the proof": (altered("proof", "id", to="urn:1"), "unknown_option"),
    "previous proof": (altered("proof", "previousProof", to="urn:1"), "unknown_option"),
    "challenge": (altered("proof", "challenge", to="1"), "made_for_another"),
    "domain": (altered("proof", "domain", to="https://x.example"), "made_for_another"),
    "no value": (altered("proof", "proofValue", to=...), "missing_option"),
    "empty value": (altered("proof", "proofValue", to=""), "bad_value"),
    "value without z": (altered("proof", "proofValue", to=VALUE[1:]), "bad_value"),
    "value as base64url": (altered("proof", "proofValue", to="u" + VALUE[1:]), "bad_value"),
    "value cut": (altered("proof", "proofValue", to=VALUE[:-1]), "bad_value"),
    "value longer": (altered("proof", "proofValue", to=VALUE + "1"), "bad_value"),
    "value far too long": (altered("proof", "proofValue", to="z" + "1" * 500), "bad_option"),
    "value not base58": (altered("proof", "proofValue", to="z0OIl"), "bad_value"),
    "value with a zero before": (altered("proof", "proofValue", to="z1" + VALUE[1:]), "bad_value"),
    "NaN": (altered("credentialSubject", "hours", to=float("nan")), "not_canonical"),
    "a huge integer": (altered("credentialSubject", "hours", to=2**60), "not_canonical"),
    "a lone surrogate": (altered("id", to="\ud800"), "not_canonical"),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_a_tampered_document_is_refused(name: str) -> None:
    document, code = TAMPERED[name]
    key = KEY.public_key()
    verify(sign(DOCUMENT, KEY, OPTIONS), only(key), EXPECTED)
    with pytest.raises(ProofError, match=code):
        verify(document, only(key), EXPECTED)


def test_more_than_forty_ways_of_tampering_are_tried() -> None:
    assert len(TAMPERED) > 40


def test_every_bit_of_a_signature_counts() -> None:
    good = decode_base58(VALUE[1:])
    for bit in range(0, 512, 7):
        raw = bytearray(good)
        raw[bit // 8] ^= 1 << bit % 8
        document = altered("proof", "proofValue", to="z" + encode_base58(bytes(raw)))
        with pytest.raises(ProofError):
            verify(document, only(KEY.public_key()), EXPECTED)


def test_a_proof_for_somebody_holds_only_for_them() -> None:
    options = {**OPTIONS, "proofPurpose": "authentication", "challenge": "c1", "domain": "d1"}
    signed = sign(DOCUMENT, KEY, options)
    right = Expected(NOW, "authentication", "c1", "d1")
    verify(signed, only(KEY.public_key()), right)
    for wrong in (
        Expected(NOW),
        Expected(NOW, "authentication"),
        Expected(NOW, "authentication", "c2", "d1"),
        Expected(NOW, "authentication", "c1", "d2"),
    ):
        with pytest.raises(ProofError):
            verify(signed, only(KEY.public_key()), wrong)


def test_a_proof_may_expire_later_and_then_has_expired() -> None:
    signed = sign(DOCUMENT, KEY, {**OPTIONS, "expires": "2026-11-22T00:00:00Z"})
    verify(signed, only(KEY.public_key()), EXPECTED)
    with pytest.raises(ProofError, match="expired"):
        verify(signed, only(KEY.public_key()), Expected(NOW + timedelta(days=1)))


def test_the_finder_is_told_when_the_proof_was_made() -> None:
    asked = []

    def find(method: str, created: datetime) -> list[Ed25519PublicKey]:
        asked.append((method, created))
        return [KEY.public_key()]

    verify(sign(DOCUMENT, KEY, OPTIONS), find, EXPECTED)
    assert asked == [(METHOD, datetime(2026, 11, 20, 10, tzinfo=UTC))]

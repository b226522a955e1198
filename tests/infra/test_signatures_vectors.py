"""The official vectors of RFC 9421 appendix B and the one of our own profile, both ways."""

import base64
from datetime import timedelta
from typing import Any

import pytest
from http_message_signatures import HTTPMessageVerifier, InvalidSignature, algorithms
from http_message_signatures.resolvers import MappingKeyResolver

from app.infra import keys, signatures
from tests.factories.vectors import (
    PROFILE,
    PROFILE_KEY_ID,
    PROFILE_NONCE,
    PROFILE_SENT,
    RFC,
    profile_message,
    profile_private_key,
    vector_message,
)
from tests.infra import signature_oracle as oracle

ALGORITHMS = {
    "rsa-pss-sha512": algorithms.RSA_PSS_SHA512,
    "ecdsa-p256-sha256": algorithms.ECDSA_P256_SHA256,
    "hmac-sha256": algorithms.HMAC_SHA256,
    "ed25519": algorithms.ED25519,
}


class Message:
    """A vector's message in the form that the library reads."""

    def __init__(self, vector: dict[str, Any]) -> None:
        message = vector_message(vector)
        self.lines = message.lines
        self.headers = signatures._Lines([*message.lines, *message.signature_lines])
        self.method, self.url, self.status = message.method, message.url, message.status
        if message.status:
            self.status_code = message.status


def library_accepts(vector: dict[str, Any]) -> bool:
    key = RFC["keys"][vector["keyid"]]
    secret = base64.b64decode(key["base64"]) if "base64" in key else key["public_pem"].encode()

    class Verifier(HTTPMessageVerifier):
        def validate_created_and_expires(self, sig_input: Any, max_age: Any = None) -> None:
            """The vectors are years old."""

    verifier = Verifier(
        signature_algorithm=ALGORITHMS[vector["alg"]],
        key_resolver=MappingKeyResolver(public_keys={vector["keyid"]: secret}, private_keys={}),
    )
    try:
        verifier.verify(Message(vector), max_age=None)
    except InvalidSignature:
        return False
    return True


def oracle_accepts(vector: dict[str, Any]) -> bool:
    message = Message(vector)
    base = oracle.signature_base(
        vector["signature_input"],
        vector["label"],
        message.lines,
        method=message.method,
        url=message.url,
        status=message.status,
    )
    if vector["signature_base"] is not None:
        assert base == vector["signature_base"]
    raw = base64.b64decode(vector["signature"].split("=:", 1)[1].rstrip(":"))
    return oracle.verify(vector["alg"], RFC["keys"][vector["keyid"]], base, raw)


def test_there_are_thirteen_vectors() -> None:
    assert len(RFC["vectors"]) == 13
    assert [vector["valid"] for vector in RFC["vectors"]].count(False) == 2


@pytest.mark.parametrize("vector", RFC["vectors"], ids=lambda vector: vector["id"])
def test_the_library_agrees_with_the_vector(vector: dict[str, Any]) -> None:
    assert library_accepts(vector) is vector["valid"]


@pytest.mark.parametrize("vector", RFC["vectors"], ids=lambda vector: vector["id"])
def test_the_oracle_agrees_with_the_vector(vector: dict[str, Any]) -> None:
    assert oracle_accepts(vector) is vector["valid"]


def test_signing_b26_again_gives_the_printed_signature() -> None:
    vector = next(vector for vector in RFC["vectors"] if vector["id"] == "B.2.6")
    raw = oracle.sign_ed25519(
        RFC["keys"]["test-key-ed25519"]["private_pem"], vector["signature_base"]
    )
    assert vector["signature"] == f"sig-b26=:{base64.b64encode(raw).decode()}:"


def test_the_profile_vector_verifies() -> None:
    proven = signatures.verify_request(
        profile_message(),
        profile_private_key().public_key(),
        PROFILE_KEY_ID,
        now=PROFILE_SENT + timedelta(seconds=20),
    )
    assert (proven.key_id, proven.nonce) == (PROFILE_KEY_ID, PROFILE_NONCE)
    assert proven.expires - proven.created == timedelta(minutes=5)


def test_signing_the_profile_message_gives_the_vector_byte_for_byte() -> None:
    signed = signatures.sign_request(
        signatures.Signer(profile_private_key(), PROFILE_KEY_ID),
        profile_message([("Content-Type", "application/activity+json")]),
        nonce=PROFILE_NONCE,
        now=PROFILE_SENT,
    )
    for name in ("Signature", "Signature-Input", "Content-Digest"):
        assert signed[name] == PROFILE["headers"][name]


def test_the_oracle_agrees_with_the_profile_vector() -> None:
    base = oracle.signature_base(
        PROFILE["headers"]["Signature-Input"],
        "sig1",
        list(PROFILE["headers"].items()),
        method="POST",
        url=PROFILE["url"],
    )
    assert base == PROFILE["signature_base"]
    assert oracle.content_digest(PROFILE["body"].encode()) == PROFILE["headers"]["Content-Digest"]
    raw = oracle.sign_ed25519(RFC["keys"]["test-key-ed25519"]["private_pem"], base)
    assert PROFILE["headers"]["Signature"] == f"sig1=:{base64.b64encode(raw).decode()}:"


def test_the_vectors_key_survives_being_written_as_a_multikey() -> None:
    public_key = profile_private_key().public_key()
    assert keys.decode_multikey(keys.encode_multikey(public_key)) == public_key

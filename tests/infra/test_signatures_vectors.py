"""The official vectors of RFC 9421 appendix B and the one of our own profile, both ways."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from http_message_signatures import HTTPMessageVerifier, InvalidSignature, algorithms
from http_message_signatures.resolvers import MappingKeyResolver

from app.infra import keys, signatures
from tests.infra import signature_oracle as oracle

VECTORS_FOLDER = Path(__file__).parent.parent / "vectors"
RFC = json.loads((VECTORS_FOLDER / "rfc9421-appendix-b.json").read_text("utf-8"))
PROFILE = json.loads((VECTORS_FOLDER / "profile-offer-agreement.json").read_text("utf-8"))
ALGORITHMS = {
    "rsa-pss-sha512": algorithms.RSA_PSS_SHA512,
    "ecdsa-p256-sha256": algorithms.ECDSA_P256_SHA256,
    "hmac-sha256": algorithms.HMAC_SHA256,
    "ed25519": algorithms.ED25519,
}
PROFILE_SENT = datetime.fromtimestamp(1795168800, UTC)
PROFILE_KEY_ID = "https://south.example/actor#ed25519-key"
PROFILE_NONCE = "0192f0c4-7d1e-7b0a-9c55-2f6b8a1e4d10"


class Message:
    """A vector's message in the form that the library reads."""

    def __init__(self, vector: dict[str, Any]) -> None:
        message = vector["message"]
        if isinstance(message, str):
            message = RFC["messages"][message]
        self.lines = [(str(name), str(value)) for name, value in message["headers"]]
        self.headers = signatures._Lines(
            [
                *self.lines,
                ("Signature-Input", vector["signature_input"]),
                ("Signature", vector["signature"]),
            ]
        )
        self.method, self.url, self.status = "GET", "https://example.com/", 0
        if "status_line" in message:
            self.status = self.status_code = int(message["status_line"].split()[1])
        else:
            self.method, target, _ = message["request_line"].split()
            host = dict(self.lines)["Host"]
            self.url = f"https://{host}{target}"


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


def profile_private_key() -> Ed25519PrivateKey:
    pem = RFC["keys"]["test-key-ed25519"]["private_pem"].encode()
    return cast("Ed25519PrivateKey", load_pem_private_key(pem, None))


def profile_message(lines: list[tuple[str, str]] | None = None) -> signatures.HttpMessage:
    return signatures.HttpMessage(
        method=PROFILE["method"],
        url=PROFILE["url"],
        header_lines=lines or list(PROFILE["headers"].items()),
        body=PROFILE["body"].encode(),
    )


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

"""Signatures of the fediverse: requests of a real server hold, and each with one thing wrong fails.

The requests in tests/vectors/fedify-signed-requests.json were signed by Fedify 2.3.6.
"""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)

from app.infra import cavage
from app.infra.keys import KeyRefusedError
from app.infra.public_signatures import (
    is_tagged_for_peers,
    load_rsa_public_key,
    read_claim,
    sign_cavage,
    sign_rfc9421,
    verify,
)
from app.infra.signatures import HttpMessage, RsaSigner, SignatureRefusedError, Signer, sign_request
from tests.infra import signature_oracle as oracle

VECTORS = json.loads((Path("tests/vectors/fedify-signed-requests.json")).read_text())
KEY_ID = "https://north.example/actor#main-key"
MADE_AT = datetime(2026, 11, 20, 10, 38, 25, tzinfo=UTC)
POSTS = [each for each in VECTORS["requests"] if each["method"] == "POST"]
OURS = RsaSigner(generate_private_key(65537, 2048), KEY_ID)
OUR_KEY = OURS.private_key.public_key()
BODY = b'{"a":1}'
TO_SIGN = HttpMessage(
    "POST", "https://south.example/inbox?x=1", [("Content-Type", "application/activity+json")], BODY
)
Change = Callable[[HttpMessage], HttpMessage]


def fedify_key() -> RSAPublicKey:
    key = load_der_public_key(base64.b64decode(VECTORS["public_key_spki_der_base64"]))
    assert isinstance(key, RSAPublicKey)
    return key


def message_of(vector: dict[str, Any]) -> HttpMessage:
    lines = list(vector["headers"].items())
    return HttpMessage(vector["method"], vector["url"], lines, vector["body"].encode())


def signed(sign: Any, message: HttpMessage = TO_SIGN, now: datetime = MADE_AT) -> HttpMessage:
    return replace(message, header_lines=list(sign(OURS, message, now=now).items()))


def with_line(name: str, value: str) -> Change:
    return lambda m: replace(
        m,
        header_lines=[(k, value if k.lower() == name else v) for k, v in m.header_lines],
    )


def without(name: str) -> Change:
    return lambda m: replace(
        m, header_lines=[(k, v) for k, v in m.header_lines if k.lower() != name]
    )


def twice(name: str) -> Change:
    return lambda m: replace(
        m,
        header_lines=[
            *m.header_lines,
            *((k, v) for k, v in m.header_lines if k.lower() == name),
        ],
    )


@pytest.mark.parametrize("vector", VECTORS["requests"], ids=lambda v: f"{v['spec']}-{v['method']}")
def test_requests_of_a_real_server_hold(vector: dict[str, Any]) -> None:
    message, key = message_of(vector), fedify_key()
    assert read_claim(message.header_lines).key_id == KEY_ID
    verify(message, key, KEY_ID, now=MADE_AT)
    for moved in (timedelta(minutes=-59), timedelta(minutes=59)):
        verify(message, key, KEY_ID, now=MADE_AT + moved)
    for moved in (timedelta(minutes=-61), timedelta(minutes=61)):
        with pytest.raises(SignatureRefusedError) as refused:
            verify(message, key, KEY_ID, now=MADE_AT + moved)
        assert refused.value.reason == "clock"


WRONG: dict[str, Change] = {
    "body": lambda m: replace(m, body=b'{"a":9}'),
    "path": lambda m: replace(m, url="https://south.example/other?x=1"),
    "host": lambda m: with_line("host", "east.example")(
        replace(m, url="https://east.example/inbox?x=1")
    ),
    "method": lambda m: replace(m, method="PUT"),
    "no signature": without("signature"),
    "signature twice": twice("signature"),
    "date twice": twice("date"),
    "date": with_line("date", "Fri, 20 Nov 2026 10:38:26 GMT"),
    "no date": without("date"),
    "digest": lambda m: with_line("content-digest", "sha-256=:AAAA:")(
        with_line("digest", "SHA-256=AAAA")(m)
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("vector", POSTS, ids=lambda v: v["spec"])
def test_one_wrong_thing_is_enough(vector: dict[str, Any], wrong: str) -> None:
    message = WRONG[wrong](message_of(vector))
    with pytest.raises(SignatureRefusedError):
        verify(message, fedify_key(), KEY_ID, now=MADE_AT)


@pytest.mark.parametrize("url", ["https://south.example/inbox", "https://south.example/inbox?x=1"])
@pytest.mark.parametrize("sign", [sign_rfc9421, sign_cavage])
def test_what_we_sign_holds_and_not_under_another_key(sign: Any, url: str) -> None:
    message = signed(sign, replace(TO_SIGN, url=url))
    verify(message, OUR_KEY, KEY_ID, now=MADE_AT)
    other = generate_private_key(65537, 2048).public_key()
    with pytest.raises(SignatureRefusedError):
        verify(message, other, KEY_ID, now=MADE_AT)
    with pytest.raises(SignatureRefusedError):
        verify(message, OUR_KEY, f"{KEY_ID}-2", now=MADE_AT)
    with pytest.raises(SignatureRefusedError):
        verify(message, Ed25519PrivateKey.generate().public_key(), KEY_ID, now=MADE_AT)


def test_the_oracle_agrees_with_what_we_sign() -> None:
    """A second reading of both standards, independent of the code under test."""
    headers = dict(signed(sign_rfc9421).header_lines)
    base = oracle.signature_base(
        headers["Signature-Input"],
        "sig1",
        list(headers.items()),
        method="POST",
        url=TO_SIGN.url,
    )
    raw = base64.b64decode(headers["Signature"].removeprefix("sig1=:").removesuffix(":"))
    OUR_KEY.verify(raw, base.encode(), PKCS1v15(), SHA256())
    assert headers["Content-Digest"] == oracle.content_digest(BODY)

    headers = dict(signed(sign_cavage).header_lines)
    said = dict(part.split("=", 1) for part in headers["Signature"].split(","))
    base = (
        "(request-target): post /inbox?x=1\nhost: south.example\n"
        f"date: Fri, 20 Nov 2026 10:38:25 GMT\ndigest: {headers['Digest']}\n"
        "content-type: application/activity+json"
    )
    raw = base64.b64decode(said["signature"].strip('"'))
    OUR_KEY.verify(raw, base.encode(), PKCS1v15(), SHA256())


@pytest.mark.parametrize("left_out", ["(request-target)", "host", "date", "digest"])
def test_cavage_must_cover_what_makes_a_request(
    left_out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    covered = tuple(name for name in cavage.SIGNED_BY_US if name != left_out)
    monkeypatch.setattr(cavage, "SIGNED_BY_US", covered)
    with pytest.raises(SignatureRefusedError):
        verify(signed(sign_cavage), OUR_KEY, KEY_ID, now=MADE_AT)


@pytest.mark.parametrize("left_out", ["@method", "@target-uri"])
def test_rfc9421_must_cover_what_makes_a_request(
    left_out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("@method", "@target-uri", "content-type", "content-digest")
    covered = tuple(name for name in names if name != left_out)
    monkeypatch.setattr("app.infra.public_signatures.WITH_BODY", covered)
    with pytest.raises(SignatureRefusedError):
        verify(signed(sign_rfc9421), OUR_KEY, KEY_ID, now=MADE_AT)


def test_a_long_life_or_a_past_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.infra.public_signatures.LIFETIME", timedelta(hours=12))
    verify(signed(sign_rfc9421), OUR_KEY, KEY_ID, now=MADE_AT)
    monkeypatch.setattr("app.infra.public_signatures.LIFETIME", timedelta(hours=12, seconds=1))
    with pytest.raises(SignatureRefusedError):
        verify(signed(sign_rfc9421), OUR_KEY, KEY_ID, now=MADE_AT)
    monkeypatch.setattr("app.infra.public_signatures.LIFETIME", timedelta(minutes=5))
    with pytest.raises(SignatureRefusedError) as refused:
        verify(signed(sign_rfc9421), OUR_KEY, KEY_ID, now=MADE_AT + timedelta(minutes=6))
    assert refused.value.reason == "clock"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "keyId",
        'keyId="x"',
        'keyId="x",keyId="y",signature="AAAA"',
        'keyId="x",signature="not base64!"',
        'keyId="x",algorithm="rsa-sha512",headers="host date digest",signature="AA=="',
        'keyId="x",headers="(request-target) host date digest (created)",signature="AA=="',
        'keyId="x",headers="(request-target) host date digest x-missing",signature="AA=="',
        'keyId="' + "x" * 9000 + '",signature="AA=="',
    ],
)
def test_odd_signature_headers_are_refused_and_never_fail(header: str) -> None:
    message = with_line("signature", header)(signed(sign_cavage))
    with pytest.raises(SignatureRefusedError):
        verify(message, OUR_KEY, "x", now=MADE_AT)


def test_a_message_for_peers_is_told_apart() -> None:
    signer = Signer(Ed25519PrivateKey.generate(), "https://north.example/actor#ed25519-key")
    native = sign_request(signer, TO_SIGN, nonce="n" * 16, now=MADE_AT)
    assert is_tagged_for_peers(list(native.items()))
    assert not is_tagged_for_peers(signed(sign_rfc9421).header_lines)
    assert not is_tagged_for_peers(signed(sign_cavage).header_lines)
    assert not is_tagged_for_peers([("Signature-Input", "((((")])


def test_weak_or_odd_keys_are_refused() -> None:
    def pem(bits: int) -> str:
        public = generate_private_key(65537, bits).public_key()
        return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    assert load_rsa_public_key(pem(2048)).key_size == 2048
    ed25519 = Ed25519PrivateKey.generate().public_key()
    other = ed25519.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    for refused in (pem(1024), other, "", "-----BEGIN PUBLIC KEY-----", "é", "x" * 5000):
        with pytest.raises(KeyRefusedError):
            load_rsa_public_key(refused)

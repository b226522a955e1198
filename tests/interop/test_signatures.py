"""RFC 9421 and RFC 9530 as another implementation reads and writes them.

The vectors hold in three programs: the library behind our wrapper and the small oracle
(`tests/infra/test_signatures_vectors.py`), and here the npm package http-message-signatures.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from app.infra import clock, signatures
from app.infra.ids import public_id
from app.infra.signatures import (
    HttpAnswer,
    HttpMessage,
    SignatureRefusedError,
    Signer,
    sign_answer,
    sign_request,
    verify_answer,
    verify_request,
)
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
from tests.factories.world import Json
from tests.interop.javascript import Script, to_base64

KEY_ID = "https://north.example/actor#ed25519-key"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
ACTIVITY = ("Content-Type", "application/activity+json")
NEEDED: Json = {
    "tag": signatures.TAG,
    "params": ["created", "keyid", "alg", "expires", "nonce", "tag"],
    "maxAge": 300,
}
MESSAGES = {
    "a message": HttpMessage("POST", "https://south.example/inbox", [ACTIVITY], b'{"a":1}'),
    "a numbered message": HttpMessage(
        "POST",
        "https://south.example/inbox",
        [ACTIVITY, ("Ma-Seq", '118;epoch="e-01aa"')],
        b'{"a":1}',
    ),
    "a message in other alphabets": HttpMessage(
        "POST", "https://south.example/inbox", [ACTIVITY], '{"a":"Καλημέρα, Núria 🎹"}'.encode()
    ),
    "an empty body": HttpMessage("POST", "https://south.example/inbox", [ACTIVITY]),
    "a long body": HttpMessage("POST", "https://south.example/inbox", [ACTIVITY], b"x" * 262_144),
    "a question": HttpMessage(
        "GET", "https://south.example/fed/v1/log?after=0&limit=200", [("Accept", ACTIVITY[1])]
    ),
    "a question with odd characters": HttpMessage(
        "GET", "https://south.example:8443/needs/%E2%82%AC?x=a%20b&y=%2F", []
    ),
}


def secret_of(key: Ed25519PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_of(key: Ed25519PrivateKey) -> str:
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem.decode()


def told(message: HttpMessage, headers: dict[str, str] | None = None) -> Json:
    """Write a message so that the other program reads it."""
    lines = list(headers.items()) if headers is not None else list(message.header_lines)
    return {"method": message.method, "url": message.url, "lines": lines}


def fields_of(message: HttpMessage) -> list[str]:
    required = signatures.WITH_BODY if message.method == "POST" else signatures.WITHOUT_BODY
    sent = {name.lower() for name, _ in message.header_lines}
    return [*required, *(name for name in signatures.SIGNED_WHEN_SENT if name in sent)]


async def accepts(
    script: Script, message: HttpMessage, headers: dict[str, str], **changes: Any
) -> bool:
    """Whether the npm package accepts a request under our profile."""
    body = {"body": to_base64(message.body)} if message.method == "POST" else {}
    asked: Json = {
        "message": told(message, headers),
        "key": {"pem": public_of(KEY), "alg": "ed25519", "id": KEY_ID},
        "needed": {**NEEDED, "fields": fields_of(message)},
        "now": int(clock.now().timestamp()),
        **body,
        **changes,
    }
    held: bool = await script.ask("verify", **asked)
    return held


def signed(message: HttpMessage) -> dict[str, str]:
    return sign_request(Signer(KEY, KEY_ID), message, nonce=str(public_id()), now=clock.now())


async def signed_by_other(script: Script, message: HttpMessage) -> dict[str, str]:
    now = int(clock.now().timestamp())
    body = {"body": to_base64(message.body)} if message.method == "POST" else {}
    params = {
        "created": now, "expires": now + 300, "nonce": str(public_id()), "tag": signatures.TAG,
    }  # fmt: skip
    headers: dict[str, str] = await script.ask(
        "sign",
        message=told(message),
        key={"pem": secret_of(KEY), "alg": "ed25519", "id": KEY_ID},
        fields=fields_of(message),
        params=params,
        **body,
    )
    return headers


@pytest.mark.parametrize("vector", RFC["vectors"], ids=lambda vector: vector["id"])
async def test_a_vector_of_the_standard(http_signatures: Script, vector: Json) -> None:
    message = vector_message(vector)
    key = RFC["keys"][vector["keyid"]]
    secret = {"base64": key["base64"]} if "base64" in key else {"pem": key["public_pem"]}
    held = await http_signatures.ask(
        "verify",
        message={
            "method": message.method,
            "url": message.url,
            "status": message.status,
            "lines": [*message.lines, *message.signature_lines],
        },
        key={**secret, "alg": vector["alg"], "id": vector["keyid"]},
    )
    assert held is vector["valid"]


async def test_the_vector_of_our_profile_is_read_by_the_other(http_signatures: Script) -> None:
    key = {"pem": public_of(profile_private_key()), "alg": "ed25519", "id": PROFILE_KEY_ID}
    message, headers = profile_message(), dict(PROFILE["headers"])
    late = int((PROFILE_SENT + timedelta(seconds=301)).timestamp())
    for now, expected in ((int(PROFILE_SENT.timestamp()) + 20, True), (late, False)):
        assert await accepts(http_signatures, message, headers, key=key, now=now) is expected
    other = replace(message, body=message.body.replace(b'"hour"', b'"year"'))
    now = int(PROFILE_SENT.timestamp()) + 20
    assert not await accepts(http_signatures, other, headers, key=key, now=now)


async def test_the_vector_of_our_profile_is_written_by_the_other(http_signatures: Script) -> None:
    sent = int(PROFILE_SENT.timestamp())
    message = profile_message([ACTIVITY])
    headers = await http_signatures.ask(
        "sign",
        message=told(message),
        key={"pem": secret_of(profile_private_key()), "alg": "ed25519", "id": PROFILE_KEY_ID},
        fields=fields_of(message),
        params={"created": sent, "expires": sent + 300, "nonce": PROFILE_NONCE, "tag": "ma-fed"},
        body=to_base64(message.body),
    )
    assert {name.lower(): value for name, value in headers.items()} == {
        name.lower(): PROFILE["headers"][name]
        for name in ("Content-Type", "Content-Digest", "Signature-Input", "Signature")
    }


@pytest.mark.parametrize("name", MESSAGES)
async def test_what_we_sign_the_other_accepts(http_signatures: Script, name: str) -> None:
    message = MESSAGES[name]
    headers = signed(message)
    assert await accepts(http_signatures, message, headers)
    assert not await accepts(http_signatures, replace(message, url=message.url + "x"), headers)
    if message.method == "POST":
        assert not await accepts(
            http_signatures, replace(message, body=message.body + b" "), headers
        )


@pytest.mark.parametrize("name", MESSAGES)
async def test_what_the_other_signs_we_accept(http_signatures: Script, name: str) -> None:
    message = MESSAGES[name]
    headers = await signed_by_other(http_signatures, message)
    arrived = replace(message, header_lines=list(headers.items()))
    proven = verify_request(arrived, KEY.public_key(), KEY_ID, now=clock.now())
    assert proven.key_id == KEY_ID
    elsewhere = replace(arrived, url=message.url + "x")
    with pytest.raises(SignatureRefusedError):
        verify_request(elsewhere, KEY.public_key(), KEY_ID, now=clock.now())


async def test_an_answer_is_bound_to_its_request_for_both(http_signatures: Script) -> None:
    question = MESSAGES["a question"]
    asked = replace(question, header_lines=list(signed(question).items()))
    answer = HttpAnswer(200, [ACTIVITY], b'{"items":[]}', asked)
    headers = sign_answer(Signer(KEY, KEY_ID), answer, nonce=str(public_id()), now=clock.now())
    ours = replace(answer, header_lines=list(headers.items()))
    verify_answer(ours, KEY.public_key(), KEY_ID, now=clock.now())
    other = replace(question, header_lines=list(signed(question).items()))
    for request, expected in ((asked, True), (other, False)):
        held = await http_signatures.ask(
            "verify",
            message={"status": 200, "lines": list(headers.items())},
            request=told(request),
            key={"pem": public_of(KEY), "alg": "ed25519", "id": KEY_ID},
            needed={**NEEDED, "fields": ["@status", "content-type", "content-digest"]},
            body=to_base64(answer.body),
            now=int(clock.now().timestamp()),
        )
        assert held is expected

"""Our policy over RFC 9421: what is accepted, and each way in which it could be got round."""

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from http_message_signatures import HTTPMessageSigner
from http_message_signatures.algorithms import ED25519
from http_message_signatures.resolvers import MappingKeyResolver

from app.infra.signatures import (
    HttpAnswer,
    HttpMessage,
    SignatureRefusedError,
    Signer,
    read_claimed,
    sign_answer,
    sign_request,
    target_uri,
    verify_answer,
    verify_request,
)
from tests.infra.signature_oracle import content_digest

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
KEY_ID = "https://south.example/actor#ed25519-key"
SIGNER = Signer(KEY, KEY_ID)
URL = "https://north.example/inbox"
NONCE = "0192f0c4-7d1e-7b0a-9c55-2f6b8a1e4d10"
BODY = b'{"type":"Create","id":"https://south.example/a/1"}'
JSON = "application/activity+json"


@dataclass(frozen=True)
class Sent:
    """A signed message that mutations can alter part by part."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes
    extra: tuple[tuple[str, str], ...] = ()

    def message(self) -> HttpMessage:
        return HttpMessage(self.method, self.url, [*self.headers.items(), *self.extra], self.body)

    def with_header(self, name: str, value: str) -> "Sent":
        return replace(self, headers={**self.headers, name: value})

    def without_header(self, name: str) -> "Sent":
        return replace(self, headers={k: v for k, v in self.headers.items() if k != name})

    def edited(self, name: str, pattern: str, by: str) -> "Sent":
        edited = re.sub(pattern, by, self.headers[name], count=1)
        assert edited != self.headers[name]
        return self.with_header(name, edited)


def sent(*, method: str = "POST", now: datetime = NOW, ma_seq: str | None = None) -> Sent:
    lines = [("Content-Type", JSON)] if method == "POST" else []
    if ma_seq is not None:
        lines.append(("Ma-Seq", ma_seq))
    body = BODY if method == "POST" else b""
    url = URL if method == "POST" else "https://north.example/fed/v1/log?after=7"
    headers = sign_request(SIGNER, HttpMessage(method, url, lines, body), nonce=NONCE, now=now)
    return Sent(method, url, headers, body)


def signed_otherwise(
    *,
    components: tuple[str, ...] = ("@method", "@target-uri", "content-type", "content-digest"),
    key: Ed25519PrivateKey = KEY,
    key_id: str = KEY_ID,
    lifetime: timedelta = timedelta(seconds=300),
    nonce: str | None = NONCE,
    tag: str | None = "ma-fed",
    include_alg: bool = True,
    expires: bool = True,
) -> Sent:
    """Sign soundly in the standard's eyes, but not by our policy."""
    headers = {"Content-Type": JSON, "Content-Digest": content_digest(BODY)}
    signer = HTTPMessageSigner(
        signature_algorithm=ED25519,
        key_resolver=MappingKeyResolver(public_keys={}, private_keys={key_id: key}),
    )
    signer.sign(
        Drawn("POST", URL, headers),
        key_id=key_id,
        created=NOW,
        expires=NOW + lifetime if expires else None,
        nonce=nonce,
        label="sig1",
        tag=tag,
        include_alg=include_alg,
        covered_component_ids=components,
        use_existing_digest=True,
    )
    return Sent("POST", URL, headers, BODY)


class Drawn:
    def __init__(self, method: str, url: str, headers: dict[str, str]) -> None:
        self.method, self.url, self.headers = method, url, headers


def verify(message: Sent, *, now: datetime = NOW) -> str:
    return verify_request(message.message(), KEY.public_key(), KEY_ID, now=now).nonce


def refusal(message: Sent, *, now: datetime = NOW) -> str:
    with pytest.raises(SignatureRefusedError) as refused:
        verify(message, now=now)
    return refused.value.reason


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_we_sign_verifies(method: str) -> None:
    assert verify(sent(method=method)) == NONCE


def test_sequence_is_signed_when_sent() -> None:
    good = sent(ma_seq='7;epoch="e-1"')
    assert verify(good) == NONCE
    assert refusal(good.with_header("Ma-Seq", '8;epoch="e-1"')) == "invalid"
    assert refusal(good.without_header("Ma-Seq")) == "invalid"
    # A sequence that nobody signed must not be believed either.
    assert refusal(sent().with_header("Ma-Seq", "7")) == "invalid"


def test_a_good_message_signed_by_hand_is_the_control_of_the_policy_tests() -> None:
    assert verify(signed_otherwise()) == NONCE


def swap_signature_byte(message: Sent) -> Sent:
    raw = bytearray(base64.b64decode(message.headers["Signature"][6:-1]))
    raw[10] ^= 1
    return message.with_header("Signature", f"sig1=:{base64.b64encode(raw).decode()}:")


INPUT = "Signature-Input"
MUTATIONS: dict[str, Callable[[Sent], Sent]] = {
    "body altered": lambda m: replace(m, body=m.body.replace(b"Create", b"Delete")),
    "body longer": lambda m: replace(m, body=m.body + b" "),
    "body empty": lambda m: replace(m, body=b""),
    "body and digest altered": lambda m: replace(
        m, body=b"{}", headers={**m.headers, "Content-Digest": content_digest(b"{}")}
    ),
    "digest of sha-512 only": lambda m: m.with_header("Content-Digest", "sha-512=:AAAA:"),
    "digest missing": lambda m: m.without_header("Content-Digest"),
    "digest twice": lambda m: replace(m, extra=(("Content-Digest", m.headers["Content-Digest"]),)),
    "method": lambda m: replace(m, method="GET", body=b""),
    "method put": lambda m: replace(m, method="PUT"),
    "method lower case": lambda m: replace(m, method="post"),
    "other host": lambda m: replace(m, url="https://east.example/inbox"),
    "host upper case": lambda m: replace(m, url="https://NORTH.example/inbox"),
    "port spelled out": lambda m: replace(m, url="https://north.example:443/inbox"),
    "scheme": lambda m: replace(m, url="http://north.example/inbox"),
    "other path": lambda m: replace(m, url="https://north.example/outbox"),
    "path with a query": lambda m: replace(m, url=URL + "?a=1"),
    "path with a slash more": lambda m: replace(m, url=URL + "/"),
    "media type": lambda m: m.with_header("Content-Type", "application/json"),
    "media type twice": lambda m: replace(m, extra=(("Content-Type", JSON),)),
    "signature altered": swap_signature_byte,
    "signature empty": lambda m: m.with_header("Signature", "sig1=::"),
    "signature not base64": lambda m: m.with_header("Signature", "sig1=:!!:"),
    "signature of another label": lambda m: m.edited("Signature", "sig1", "sig2"),
    "signature header twice": lambda m: replace(m, extra=(("Signature", m.headers["Signature"]),)),
    "created later": lambda m: m.edited(INPUT, r"created=\d+", "created=1795168801"),
    "expires later": lambda m: m.edited(INPUT, r"expires=\d+", "expires=1999999999"),
    "expires removed": lambda m: m.edited(INPUT, r";expires=\d+", ""),
    "nonce altered": lambda m: m.edited(INPUT, "0192f0c4", "0192f0c5"),
    "nonce removed": lambda m: m.edited(INPUT, r';nonce="[^"]*"', ""),
    "key id altered": lambda m: m.edited(INPUT, "south", "north"),
    "algorithm swapped": lambda m: m.edited(INPUT, '"ed25519"', '"rsa-v1_5-sha256"'),
    "algorithm hmac": lambda m: m.edited(INPUT, '"ed25519"', '"hmac-sha256"'),
    "algorithm removed": lambda m: m.edited(INPUT, ';alg="ed25519"', ""),
    "digest no longer covered": lambda m: m.edited(INPUT, ' "content-digest"', ""),
    "target no longer covered": lambda m: m.edited(INPUT, ' "@target-uri"', ""),
    "component twice": lambda m: m.edited(INPUT, '"@method"', '"@method" "@method"'),
    "component with a parameter": lambda m: m.edited(
        INPUT, '"content-digest"', '"content-digest";bs'
    ),
    "parameter twice": lambda m: m.edited(INPUT, "$", ';tag="ma-fed"'),
    "unknown parameter": lambda m: m.edited(INPUT, "$", ";x=1"),
    "not a list": lambda m: m.with_header(INPUT, 'sig1="x";tag="ma-fed";keyid="k"'),
    "label twice": lambda m: replace(m, extra=((INPUT, m.headers[INPUT]),)),
    "second bad signature with our tag": lambda m: replace(
        m,
        extra=(
            (INPUT, m.headers[INPUT].replace("sig1", "sig2", 1)),
            ("Signature", "sig2=:AAAA:"),
        ),
    ),
    "second good signature with our tag": lambda m: replace(
        m,
        extra=(
            (INPUT, m.headers[INPUT].replace("sig1", "sig2", 1)),
            ("Signature", m.headers["Signature"].replace("sig1", "sig2", 1)),
        ),
    ),
    "line break smuggled": lambda m: m.with_header("Content-Type", JSON + "\nx: y"),
    "not ascii": lambda m: m.with_header(INPUT, m.headers[INPUT] + "é"),
    "far too long": lambda m: m.with_header(INPUT, m.headers[INPUT] + ";x=1" * 4000),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutated_message_is_refused(name: str) -> None:
    good = sent()
    assert verify(good) == NONCE
    assert refusal(MUTATIONS[name](good)) in {"invalid", "missing"}


def test_there_are_at_least_thirty_mutations() -> None:
    assert len(MUTATIONS) >= 30


@pytest.mark.parametrize(
    "broken",
    [
        {"components": ("@method", "@target-uri", "content-type")},
        {"components": ("@method", "@target-uri", "content-digest")},
        {"components": ("@method", "@authority", "content-type", "content-digest")},
        {"components": ("@target-uri", "content-type", "content-digest")},
        {"components": ("@method", "@path", "content-type", "content-digest")},
        {"components": ()},
        {"lifetime": timedelta(seconds=301)},
        {"lifetime": timedelta(seconds=0)},
        {"nonce": None},
        {"nonce": "short"},
        {"nonce": "x" * 65},
        {"include_alg": False},
        {"expires": False},
        {"key": OTHER_KEY},
        {"key_id": "https://east.example/actor#ed25519-key"},
    ],
    ids=lambda broken: re.sub(r" object at 0x\w+", "", str(broken)),
)
def test_a_signature_that_holds_but_is_weaker_than_our_policy_is_refused(broken: dict) -> None:  # type: ignore[type-arg]
    assert refusal(signed_otherwise(**broken)) == "invalid"


def test_no_signature_and_a_signature_for_something_else_are_told_as_missing() -> None:
    assert refusal(sent().without_header("Signature")) == "missing"
    assert refusal(sent().without_header("Signature-Input")) == "missing"
    assert refusal(signed_otherwise(tag=None)) == "missing"
    assert refusal(signed_otherwise(tag="other")) == "missing"


def test_a_signature_for_something_else_beside_ours_is_ignored() -> None:
    good = sent()
    other = signed_otherwise(tag="other")
    extra = tuple(
        (name, other.headers[name].replace("sig1", "proxy", 1))
        for name in ("Signature", "Signature-Input")
    )
    assert verify(replace(good, extra=extra)) == NONCE


@pytest.mark.parametrize(
    ("seconds", "accepted"), [(-61, False), (-60, True), (0, True), (300, True), (301, False)]
)
def test_times_are_told_apart_from_forgeries(seconds: int, accepted: bool) -> None:
    later = NOW + timedelta(seconds=seconds)
    if accepted:
        assert verify(sent(), now=later) == NONCE
    else:
        assert refusal(sent(), now=later) == "clock"
        # Only the key's holder learns that the clock is the trouble.
        assert refusal(swap_signature_byte(sent()), now=later) == "invalid"


def test_a_get_must_not_carry_a_body() -> None:
    assert refusal(replace(sent(method="GET"), body=b"{}")) == "invalid"


def test_the_key_id_is_read_before_anything_is_proven() -> None:
    assert read_claimed(sent().message().header_lines).key_id == KEY_ID
    forged = swap_signature_byte(sent())
    assert read_claimed(forged.message().header_lines).key_id == KEY_ID


def test_the_target_is_built_from_the_configured_origin() -> None:
    assert target_uri("https://north.example", "/inbox") == URL
    assert target_uri("https://north.example", "/a%2Fb", "x=%41") == (
        "https://north.example/a%2Fb?x=%41"
    )


def answered(request: HttpMessage, body: bytes = b'{"items":[]}') -> HttpAnswer:
    lines = [("Content-Type", JSON)]
    headers = sign_answer(SIGNER, HttpAnswer(200, lines, body, request), nonce=NONCE, now=NOW)
    return HttpAnswer(200, list(headers.items()), body, request)


def test_an_answer_is_bound_to_its_request_status_and_body() -> None:
    request = sent(method="GET").message()
    good = answered(request)
    assert verify_answer(good, KEY.public_key(), KEY_ID, now=NOW).nonce == NONCE
    other_request = replace(request, url="https://north.example/fed/v1/log?after=8")
    again = sent(method="GET", now=NOW + timedelta(seconds=1)).message()
    for altered in (
        replace(good, body=b'{"items":[1]}'),
        replace(good, status_code=201),
        replace(good, request=other_request),
        replace(good, request=again),
        replace(good, header_lines=[("Content-Type", JSON)]),
    ):
        with pytest.raises(SignatureRefusedError):
            verify_answer(altered, KEY.public_key(), KEY_ID, now=NOW)
    with pytest.raises(SignatureRefusedError):
        verify_answer(good, OTHER_KEY.public_key(), KEY_ID, now=NOW)

"""HTTP message signatures between instances: RFC 9421 and RFC 9530 under one fixed policy.

Everything that the standard leaves open is closed here, so that no caller can choose weakly:
Ed25519 only, `alg` present, tag `ma-fed`, method, full target address, media type and body
digest covered, at most five minutes old, a nonce. Replays are the caller's to remember.

The target address is always our own configured origin and the path as it arrived: never the
Host or X-Forwarded headers, which the sender or a proxy may choose.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import http_sf
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from http_message_signatures import (
    HTTPMessageSignaturesException,
    HTTPMessageSigner,
    HTTPMessageVerifier,
    VerifyResult,
)
from http_message_signatures.algorithms import ED25519
from http_message_signatures.resolvers import MappingKeyResolver

TAG = "ma-fed"
LABEL = "sig1"
ALGORITHM = "ed25519"
LIFETIME = timedelta(seconds=300)
AGE_MAX = timedelta(seconds=300)
AHEAD_MAX = timedelta(seconds=60)
WITH_BODY: tuple[str, ...] = ("@method", "@target-uri", "content-type", "content-digest")
WITHOUT_BODY: tuple[str, ...] = ("@method", "@target-uri")
OF_ANSWER = (
    "@status",
    "content-type",
    "content-digest",
    '"@method";req',
    '"@target-uri";req',
    '"signature";req',
)
SIGNED_WHEN_SENT = ("ma-seq", "ma-sync")
# Two lines of these would be read in two ways by two programs.
SINGLE_LINES = frozenset(
    {"content-type", "content-digest", "content-length", "host", *SIGNED_WHEN_SENT}
)
SIGNATURE_HEADERS_MAX = 8_192
LABELS_MAX = 4
NONCE_LENGTHS = range(16, 65)

HeaderLines = Sequence[tuple[str, str]]


class SignatureRefusedError(Exception):
    """A message is not proven to come from the holder of the key.

    `reason`: there is no signature of ours on it, it does not hold, or it holds but its times
    do not fit our clock.
    """

    def __init__(
        self,
        reason: Literal["missing", "invalid", "clock"],
        detail: str,
        *,
        ahead: timedelta | None = None,
    ) -> None:
        """`detail` is for the log; `ahead` how far a proven sender's clock is before ours."""
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.ahead = ahead


@dataclass(frozen=True)
class HttpMessage:
    """A request as it is signed: what is on the wire, and the address it is meant for."""

    method: str
    url: str
    header_lines: HeaderLines
    body: bytes = b""

    @property
    def headers(self) -> "_Lines":
        """The name the signature library reads."""
        return _Lines(self.header_lines)


@dataclass(frozen=True)
class HttpAnswer:
    """An answer as it is signed, bound to the request that it answers."""

    status_code: int
    header_lines: HeaderLines
    body: bytes
    request: HttpMessage

    @property
    def headers(self) -> "_Lines":
        """The name the signature library reads."""
        return _Lines(self.header_lines)


@dataclass(frozen=True)
class Signer:
    """Who signs: a private key and the address under which its public half is found."""

    private_key: Ed25519PrivateKey
    key_id: str


@dataclass(frozen=True)
class RsaSigner:
    """Who signs what leaves for the rest of the fediverse, which knows no Ed25519."""

    private_key: RSAPrivateKey
    key_id: str


@dataclass(frozen=True)
class Claimed:
    """What a signature says of itself, before anything is proven; good for finding the key."""

    key_id: str


@dataclass(frozen=True)
class Proven:
    """A signature that holds, with what the caller has yet to check: that the nonce is new."""

    key_id: str
    nonce: str
    created: datetime
    expires: datetime


class _Lines:
    """Header lines in their order, repeated names kept apart, as the library wants to read them."""

    def __init__(self, lines: HeaderLines) -> None:
        self._lines = lines

    def items(self) -> Iterable[tuple[str, str]]:
        return self._lines


class Drawn:
    """A message being signed: the library writes into these headers."""

    def __init__(self, method: str, url: str, headers: dict[str, str]) -> None:
        self.method = method
        self.url = url
        self.headers = headers


class _DrawnAnswer:
    def __init__(self, status_code: int, headers: dict[str, str], request: HttpMessage) -> None:
        self.status_code = status_code
        self.headers = headers
        self.request = request


class UntimedVerifier(HTTPMessageVerifier):
    """The library's verifier without its clock."""

    def validate_created_and_expires(
        self,
        sig_input: Any,
        max_age: timedelta | None = None,
    ) -> None:
        """Leave times to each policy: by our clock, and only after the signature holds."""


def target_uri(origin: str, raw_path: str, raw_query: str = "") -> str:
    """Return the address that a request to us must have been signed for."""
    return f"{origin}{raw_path}?{raw_query}" if raw_query else f"{origin}{raw_path}"


def sign_request(
    signer: Signer, message: HttpMessage, *, nonce: str, now: datetime
) -> dict[str, str]:
    """Return all headers to send: those of the message, its digest and its signature."""
    headers = single_headers(message.header_lines)
    components = WITHOUT_BODY
    if message.method == "POST":
        components = WITH_BODY
    sent = {name.lower() for name in headers}
    components += tuple(name for name in SIGNED_WHEN_SENT if name in sent)
    drawn = Drawn(message.method, message.url, headers)
    body = message.body if message.method == "POST" else None
    _sign(signer, drawn, components, body, (nonce, now))
    return headers


def sign_answer(signer: Signer, answer: HttpAnswer, *, nonce: str, now: datetime) -> dict[str, str]:
    """Return the headers of an answer, signed together with the request that it answers."""
    headers = single_headers(answer.header_lines)
    drawn = _DrawnAnswer(answer.status_code, headers, answer.request)
    _sign(signer, drawn, OF_ANSWER, answer.body, (nonce, now))
    return headers


def read_claimed(header_lines: HeaderLines) -> Claimed:
    """Find the key that a message says it is signed with; nothing is proven by this."""
    names = [name.lower() for name, _ in header_lines]
    if "signature" not in names or "signature-input" not in names:
        detail = "no Signature or Signature-Input header"
        raise SignatureRefusedError("missing", detail)
    inputs = parse_dictionary(header_lines, "signature-input")
    ours = [params for _, params in inputs.values() if params.get("tag") == TAG]
    if not ours:
        raise SignatureRefusedError("missing", f"no signature with tag {TAG}")
    key_id = ours[0].get("keyid")
    if len(ours) > 1 or not isinstance(key_id, str) or not key_id:
        raise SignatureRefusedError("invalid", "not exactly one signature that names its key")
    return Claimed(key_id)


def verify_request(
    message: HttpMessage, public_key: Ed25519PublicKey, key_id: str, *, now: datetime
) -> Proven:
    """Prove that the holder of the key sent this message, to this address, just now."""
    if message.method not in {"GET", "POST"}:
        raise SignatureRefusedError("invalid", "method")
    if message.method == "GET" and message.body:
        raise SignatureRefusedError("invalid", "GET with a body")
    required = WITH_BODY if message.method == "POST" else WITHOUT_BODY
    present = {name.lower() for name, _ in message.header_lines}
    required += tuple(name for name in SIGNED_WHEN_SENT if name in present)
    return _verify(message, public_key, key_id, required, now=now)


def verify_answer(
    answer: HttpAnswer, public_key: Ed25519PublicKey, key_id: str, *, now: datetime
) -> Proven:
    """Prove that the holder of the key gave this answer to this very request."""
    return _verify(answer, public_key, key_id, OF_ANSWER, now=now)


def _sign(
    signer: Signer,
    drawn: Drawn | _DrawnAnswer,
    components: Sequence[str],
    body: bytes | None,
    once: tuple[str, datetime],
) -> None:
    nonce, now = once
    HTTPMessageSigner(
        signature_algorithm=ED25519,
        key_resolver=MappingKeyResolver(
            public_keys={}, private_keys={signer.key_id: signer.private_key}
        ),
    ).sign(
        drawn,
        key_id=signer.key_id,
        created=now,
        expires=now + LIFETIME,
        nonce=nonce,
        label=LABEL,
        tag=TAG,
        covered_component_ids=components,
        body=body,
    )


def _verify(
    message: HttpMessage | HttpAnswer,
    public_key: Ed25519PublicKey,
    key_id: str,
    required: Sequence[str],
    *,
    now: datetime,
) -> Proven:
    if read_claimed(message.header_lines).key_id != key_id:
        raise SignatureRefusedError("invalid", "another key id")
    single_headers(message.header_lines, only=SINGLE_LINES)
    verifier = UntimedVerifier(
        signature_algorithm=ED25519,
        key_resolver=MappingKeyResolver(public_keys={key_id: public_key}, private_keys={}),
    )
    body = None if isinstance(message, HttpMessage) and message.method == "GET" else message.body
    try:
        results = verifier.verify(
            message, max_age=None, expect_tag=TAG, require_components=required, body=body
        )
    except HTTPMessageSignaturesException as error:
        raise SignatureRefusedError("invalid", str(error)) from error
    if len(results) != 1:
        raise SignatureRefusedError("invalid", "not exactly one signature")
    return _checked(results[0], now)


def _checked(result: VerifyResult, now: datetime) -> Proven:
    """Apply what the library leaves open to a signature that holds."""
    params = result.parameters
    nonce = params.get("nonce")
    if params.get("alg") != ALGORITHM or not isinstance(nonce, str):
        raise SignatureRefusedError("invalid", "alg or nonce is missing")
    if len(nonce) not in NONCE_LENGTHS:
        raise SignatureRefusedError("invalid", "length of the nonce")
    digest = result.covered_components.get('"content-digest"')
    if digest is not None and "sha-256" not in digest:
        raise SignatureRefusedError("invalid", "the digest is not sha-256")
    if "created" not in params or "expires" not in params:
        raise SignatureRefusedError("invalid", "created or expires is missing")
    created = moment_of(params["created"])
    expires = moment_of(params["expires"])
    _check_times(created, expires, now)
    return Proven(key_id=str(params["keyid"]), nonce=nonce, created=created, expires=expires)


def _check_times(created: datetime, expires: datetime, now: datetime) -> None:
    if not created < expires <= created + LIFETIME:
        raise SignatureRefusedError("invalid", "expires later than five minutes after created")
    if created < now - AGE_MAX or created > now + AHEAD_MAX or expires < now:
        detail = f"created {created.isoformat()}"
        raise SignatureRefusedError("clock", detail, ahead=created - now)


def moment_of(value: int | str) -> datetime:
    """Read a time of a signature."""
    try:
        return datetime.fromtimestamp(int(value), tz=UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise SignatureRefusedError("invalid", "a time that is none") from error


def single_headers(lines: HeaderLines, only: frozenset[str] | None = None) -> dict[str, str]:
    """Return the headers by name; refuses repeated lines (of the names in `only`, when given)."""
    headers: dict[str, str] = {}
    seen: set[str] = set()
    for name, value in lines:
        lowered = name.lower()
        if lowered in seen and (only is None or lowered in only):
            raise SignatureRefusedError("invalid", f"header {lowered} twice")
        seen.add(lowered)
        headers[name] = value
    return headers


def parse_dictionary(lines: HeaderLines, wanted: str) -> dict[str, tuple[Any, dict[str, Any]]]:
    """Read a header of structured fields: by label the value and its parameters."""
    text = ", ".join(value for name, value in lines if name.lower() == wanted)
    if len(text) > SIGNATURE_HEADERS_MAX:
        raise SignatureRefusedError("invalid", f"{wanted} is too long")
    try:
        parsed: Any = http_sf.parse(
            text.encode("ascii"), tltype="dictionary", on_duplicate_key=_refuse_twice
        )
    except (ValueError, TypeError, UnicodeError) as error:
        raise SignatureRefusedError("invalid", f"{wanted} is malformed") from error
    if len(parsed) > LABELS_MAX:
        raise SignatureRefusedError("invalid", "too many signatures")
    return dict(parsed)


def _refuse_twice(key: str, context: str) -> None:
    raise SignatureRefusedError("invalid", f"{key} twice in one {context}")

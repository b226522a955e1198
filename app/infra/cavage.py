"""Signatures as most of the fediverse still makes them: draft-cavage-http-signatures-12.

RSA with SHA-256 only, and only on the public surface: nothing here proves a peer. The draft signs
neither a tag nor a nonce; what makes a request of it is what we demand to be covered.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from app.infra.signatures import (
    SIGNATURE_HEADERS_MAX,
    HeaderLines,
    HttpMessage,
    SignatureRefusedError,
    single_headers,
)

TARGET = "(request-target)"
WITHOUT_BODY = (TARGET, "host", "date")
WITH_BODY = (*WITHOUT_BODY, "digest")
SIGNED_BY_US = (*WITH_BODY, "content-type")
# "hs2019" leaves the algorithm to the key; with an RSA key everybody means this one by it.
ALGORITHMS = frozenset({"", "rsa-sha256", "hs2019"})
COMPONENTS_MAX = 20
SINGLE_LINES = frozenset({"host", "date", "digest", "signature", "content-type", "content-length"})
_PARAMETER = re.compile(r'\s*([A-Za-z]+)=(?:"([^"\\]*)"|([0-9]+))\s*(?:,|$)')


def read_parameters(lines: HeaderLines) -> dict[str, str]:
    """Read what a Signature header says; a parameter that comes twice is refused."""
    single_headers(lines, only=SINGLE_LINES)
    text = _value(lines, "signature")
    if len(text) > SIGNATURE_HEADERS_MAX:
        raise SignatureRefusedError("invalid", "the Signature header is too long")
    parameters: dict[str, str] = {}
    at = 0
    while at < len(text):
        found = _PARAMETER.match(text, at)
        if found is None or found[1] in parameters:
            raise SignatureRefusedError("invalid", "the Signature header is malformed")
        parameters[found[1]] = found[2] if found[2] is not None else found[3]
        at = found.end()
    if not parameters.get("keyId") or not parameters.get("signature"):
        raise SignatureRefusedError("missing", "no keyId or no signature")
    return parameters


def verify(message: HttpMessage, public_key: RSAPublicKey) -> datetime:
    """Prove that the key's holder sent this message to this address; answers the date it says.

    Whether that date is near enough is the caller's to decide.
    """
    covered = check_covered(message)
    parameters = read_parameters(message.header_lines)
    signature = _unbase64(parameters["signature"])
    if not any(_holds(public_key, signature, base) for base in _signature_bases(message, covered)):
        raise SignatureRefusedError("invalid", "the signature does not hold")
    return date_of(message.header_lines)


def check_covered(message: HttpMessage) -> list[str]:
    """Check what needs no key: algorithm, coverage, the body's digest; answers what is covered."""
    parameters = read_parameters(message.header_lines)
    if parameters.get("algorithm", "").lower() not in ALGORITHMS:
        raise SignatureRefusedError("invalid", "algorithm")
    covered = parameters.get("headers", "").lower().split()
    required = WITHOUT_BODY if message.method == "GET" else WITH_BODY
    if not set(required) <= set(covered) or len(covered) > COMPONENTS_MAX:
        raise SignatureRefusedError("invalid", "not everything that must be covered is")
    if message.method != "GET":
        check_digest(_value(message.header_lines, "digest"), message.body)
    return covered


def check_digest(said: str, body: bytes) -> None:
    """Compare a Digest header (RFC 3230) with the body; any SHA-256 in it must be the body's."""
    values = [part.strip().partition("=") for part in said.split(",")]
    found = [value for name, _, value in values if name.lower() == "sha-256"]
    computed = base64.b64encode(hashlib.sha256(body).digest()).decode()
    if not found or not all(hmac.compare_digest(value, computed) for value in found):
        raise SignatureRefusedError("invalid", "the digest is not the body's")


def date_of(lines: HeaderLines) -> datetime:
    """Read the Date header."""
    try:
        date = parsedate_to_datetime(_value(lines, "date"))
    except (ValueError, TypeError, OverflowError) as error:
        raise SignatureRefusedError("invalid", "the date is none") from error
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)


def sign(
    private_key: RSAPrivateKey, key_id: str, message: HttpMessage, *, now: datetime
) -> dict[str, str]:
    """Return all headers to send: those of the message, host, date, digest of a body, signature."""
    headers = {
        **single_headers(message.header_lines),
        "Host": urlsplit(message.url).netloc,
        "Date": format_datetime(now.astimezone(UTC), usegmt=True),
    }
    signed: tuple[str, ...] = WITHOUT_BODY
    if message.method != "GET":
        digest = base64.b64encode(hashlib.sha256(message.body).digest()).decode()
        headers["Digest"] = f"SHA-256={digest}"
        signed = SIGNED_BY_US
    drawn = HttpMessage(message.method, message.url, list(headers.items()), message.body)
    base = next(_signature_bases(drawn, signed))
    signature = base64.b64encode(private_key.sign(base, PKCS1v15(), SHA256())).decode()
    covered = " ".join(signed)
    headers["Signature"] = (
        f'keyId="{key_id}",algorithm="rsa-sha256",headers="{covered}",signature="{signature}"'
    )
    return headers


def _signature_bases(message: HttpMessage, covered: Sequence[str]) -> Iterator[bytes]:
    """Write what may have been signed: with the query, and as some software does, without it."""
    parts = urlsplit(message.url)
    with_query = f"{parts.path}?{parts.query}" if parts.query else parts.path
    for path in dict.fromkeys((with_query, parts.path)):
        target = f"{message.method.lower()} {path}"
        yield "\n".join(_component(message, name, target) for name in covered).encode()


def _component(message: HttpMessage, name: str, target: str) -> str:
    if name == TARGET:
        return f"{name}: {target}"
    if name.startswith("("):
        raise SignatureRefusedError("invalid", f"a component that we do not know: {name[:20]}")
    values = [value.strip() for key, value in message.header_lines if key.lower() == name]
    if not values:
        raise SignatureRefusedError("invalid", "a covered header is not there")
    return f"{name}: {', '.join(values)}"


def _holds(public_key: RSAPublicKey, signature: bytes, base: bytes) -> bool:
    try:
        public_key.verify(signature, base, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def _unbase64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise SignatureRefusedError("invalid", "the signature is not base64") from error


def _value(lines: HeaderLines, wanted: str) -> str:
    return next((value for name, value in lines if name.lower() == wanted), "")

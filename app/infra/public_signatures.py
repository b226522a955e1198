"""Signatures of servers that are no peers: RFC 9421 as ActivityPub software makes it, or cavage.

A second policy beside the one for peers (app.infra.signatures), weaker where the fediverse is: RSA
is taken too, an hour of skew, no nonce. What stays closed: the key alone decides the algorithm, the
method, the target address and the body's digest are covered, one signature a message.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from http_message_signatures import HTTPMessageSignaturesException, HTTPMessageSigner
from http_message_signatures.algorithms import ED25519, RSA_V1_5_SHA256
from http_message_signatures.resolvers import MappingKeyResolver

from app.infra import cavage
from app.infra.keys import KeyRefusedError
from app.infra.signatures import (
    LABEL,
    LIFETIME,
    TAG,
    WITH_BODY,
    Drawn,
    HeaderLines,
    HttpMessage,
    RsaSigner,
    SignatureRefusedError,
    UntimedVerifier,
    moment_of,
    parse_dictionary,
    single_headers,
)

SKEW_MAX = timedelta(hours=1)
LIFETIME_MAX = timedelta(hours=12)
COVERED: tuple[str, ...] = ("@method", "@target-uri")
SINGLE_LINES = cavage.SINGLE_LINES | {"content-digest"}
RSA_BITS = range(2048, 8193)
RSA_EXPONENTS = range(3, 2**32)
PEM_CHARACTERS_MAX = 4_096
Scheme = Literal["rfc9421", "cavage"]
PublicKey = Ed25519PublicKey | RSAPublicKey


@dataclass(frozen=True)
class Claim:
    """What a signature says of itself before anything is proven."""

    key_id: str
    scheme: Scheme


def load_rsa_public_key(pem: str) -> RSAPublicKey:
    """Read a foreign RSA key; refuses what is too weak to prove or too large to be worth it."""
    if len(pem) > PEM_CHARACTERS_MAX:
        raise KeyRefusedError("too long for a key")
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnicodeError, UnsupportedAlgorithm) as error:
        raise KeyRefusedError("not a public key in PEM") from error
    if not isinstance(key, RSAPublicKey) or key.key_size not in RSA_BITS:
        raise KeyRefusedError("not an RSA key of 2048 to 8192 bits")
    if key.public_numbers().e not in RSA_EXPONENTS:
        raise KeyRefusedError("an exponent that nobody uses")
    return key


def is_tagged_for_peers(header_lines: HeaderLines) -> bool:
    """Whether a signature says that it follows the policy for peers."""
    if not any(name.lower() == "signature-input" for name, _ in header_lines):
        return False
    try:
        inputs = parse_dictionary(header_lines, "signature-input")
    except SignatureRefusedError:
        return False
    return any(parameters.get("tag") == TAG for _, parameters in inputs.values())


def read_claim(header_lines: HeaderLines) -> Claim:
    """Find the key that a message says it is signed with; nothing is proven by this."""
    names = {name.lower() for name, _ in header_lines}
    if "signature" not in names:
        raise SignatureRefusedError("missing", "no Signature header")
    single_headers(header_lines, only=SINGLE_LINES)
    if "signature-input" not in names:
        return Claim(cavage.read_parameters(header_lines)["keyId"], "cavage")
    inputs = parse_dictionary(header_lines, "signature-input")
    if len(inputs) != 1:
        raise SignatureRefusedError("invalid", "not exactly one signature")
    ((_, parameters),) = inputs.values()
    key_id = parameters.get("keyid")
    if not isinstance(key_id, str) or not key_id:
        raise SignatureRefusedError("invalid", "a signature that does not name its key")
    return Claim(key_id, "rfc9421")


def check_unproven(message: HttpMessage, *, now: datetime) -> Claim:
    """Check all of a signature that needs no key, so that nobody is asked for one in vain."""
    claim = read_claim(message.header_lines)
    if claim.scheme == "cavage":
        cavage.check_covered(message)
        _check_near(cavage.date_of(message.header_lines), now)
        return claim
    ((components, parameters),) = parse_dictionary(message.header_lines, "signature-input").values()
    names = {name for name, _ in components} if isinstance(components, list) else set()
    required = COVERED if message.method == "GET" else (*COVERED, "content-digest")
    if not set(required) <= names:
        raise SignatureRefusedError("invalid", "not everything that must be covered is")
    if message.method != "GET":
        _check_digest(message)
    _check_times(parameters, now)
    return claim


def verify(message: HttpMessage, public_key: PublicKey, key_id: str, *, now: datetime) -> None:
    """Prove that the holder of the key sent this message to this address, about now."""
    claim = read_claim(message.header_lines)
    if claim.key_id != key_id:
        raise SignatureRefusedError("invalid", "another key id")
    if claim.scheme == "rfc9421":
        _verify_rfc9421(message, public_key, key_id, now)
        return
    if not isinstance(public_key, RSAPublicKey):
        raise SignatureRefusedError("invalid", "draft-cavage is RSA only here")
    _check_near(cavage.verify(message, public_key), now)


def sign_rfc9421(signer: RsaSigner, message: HttpMessage, *, now: datetime) -> dict[str, str]:
    """Return all headers to send for a POST, signed by RFC 9421 with RSA.

    Raises SignatureRefusedError for an address that cannot be signed for.
    """
    drawn = Drawn(message.method, message.url, single_headers(message.header_lines))
    signing = HTTPMessageSigner(
        signature_algorithm=RSA_V1_5_SHA256,
        key_resolver=MappingKeyResolver(
            public_keys={}, private_keys={signer.key_id: signer.private_key}
        ),
    )
    try:
        signing.sign(
            drawn,
            key_id=signer.key_id,
            created=now,
            expires=now + LIFETIME,
            label=LABEL,
            covered_component_ids=WITH_BODY,
            body=message.body,
        )
    except (HTTPMessageSignaturesException, ValueError) as error:
        raise SignatureRefusedError("invalid", str(error)) from error
    return drawn.headers


def sign_cavage(signer: RsaSigner, message: HttpMessage, *, now: datetime) -> dict[str, str]:
    """Return all headers to send for a POST, signed as older software understands it."""
    return cavage.sign(signer.private_key, signer.key_id, message, now=now)


def _verify_rfc9421(
    message: HttpMessage, public_key: PublicKey, key_id: str, now: datetime
) -> None:
    rsa = isinstance(public_key, RSAPublicKey)
    verifier = UntimedVerifier(
        signature_algorithm=RSA_V1_5_SHA256 if rsa else ED25519,
        key_resolver=MappingKeyResolver(public_keys={key_id: public_key}, private_keys={}),
    )
    with_body = message.method != "GET"
    try:
        (result,) = verifier.verify(
            message,
            max_age=None,
            require_components=(*COVERED, "content-digest") if with_body else COVERED,
            body=message.body if with_body else None,
        )
    except (HTTPMessageSignaturesException, ValueError) as error:
        raise SignatureRefusedError("invalid", str(error)) from error
    digest = result.covered_components.get('"content-digest"')
    if digest is not None and "sha-256" not in digest:
        raise SignatureRefusedError("invalid", "the digest is not sha-256")
    _check_times(result.parameters, now)


def _check_digest(message: HttpMessage) -> None:
    digests = parse_dictionary(message.header_lines, "content-digest")
    said = digests.get("sha-256", (b"", {}))[0]
    computed = hashlib.sha256(message.body).digest()
    if not isinstance(said, bytes) or not hmac.compare_digest(said, computed):
        raise SignatureRefusedError("invalid", "the digest is not the body's")


def _check_times(parameters: dict[str, Any], now: datetime) -> None:
    if "created" not in parameters:
        raise SignatureRefusedError("invalid", "created is missing")
    created = moment_of(parameters["created"])
    if "expires" in parameters:
        expires = moment_of(parameters["expires"])
        if not created < expires <= created + LIFETIME_MAX:
            raise SignatureRefusedError("invalid", "expires later than twelve hours")
        if expires < now:
            raise SignatureRefusedError("clock", f"expired {expires.isoformat()}")
    _check_near(created, now)


def _check_near(said: datetime, now: datetime) -> None:
    if abs(now - said) > SKEW_MAX:
        raise SignatureRefusedError("clock", f"made at {said.isoformat()}")

"""Signatures inside a document: W3C Data Integrity with the suite `eddsa-jcs-2022`.

A proof signs SHA-256(JCS(proof without its value)) followed by SHA-256(JCS(document without its
proof)), so its own options are signed too (W3C vc-di-eddsa §3.3, FEP-8b32). The standard leaves
open which options a reader looks at; here all of them are, and unknown ones are refused.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from app.infra.canonical import NotCanonicalError, canonical_json
from app.infra.keys import KeyRefusedError, decode_base58, encode_base58

PROOF_TYPE = "DataIntegrityProof"
CRYPTOSUITE = "eddsa-jcs-2022"
ASSERTION = "assertionMethod"
AUTHENTICATION = "authentication"
SIGNATURE_BYTES = 64
PROOF_VALUE_MAX = 100
OPTION_MAX = 500
# How far the signer's clock may be ahead of ours.
AHEAD_MAX = timedelta(minutes=5)
_REQUIRED = frozenset(
    {"type", "cryptosuite", "created", "verificationMethod", "proofPurpose", "proofValue"}
)
_KNOWN = _REQUIRED | {"@context", "expires", "challenge", "domain"}
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)")


class ProofError(ValueError):
    """A proof does not show what it should; `code` names why."""

    def __init__(self, code: str, detail: str = "") -> None:
        """`code` is such as tampered, wrong_suite, expired, unknown_option."""
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code


@dataclass(frozen=True)
class Expected:
    """What a reader asks of a proof beside that it holds: what for, when it is read, for whom."""

    now: datetime
    purpose: str = ASSERTION
    challenge: str | None = None
    domain: str | None = None


@dataclass(frozen=True)
class Proof:
    """A proof that holds: under which key, since when."""

    verification_method: str
    created: datetime
    public_key: Ed25519PublicKey


FindKeys = Callable[[str, datetime], Sequence[Ed25519PublicKey]]


def sign(
    document: dict[str, Any], private_key: Ed25519PrivateKey, options: dict[str, str]
) -> dict[str, Any]:
    """Return the document with a proof; `options` are those beside type, suite and @context."""
    unsigned = {key: value for key, value in document.items() if key != "proof"}
    proof: dict[str, Any] = {"type": PROOF_TYPE, "cryptosuite": CRYPTOSUITE, **options}
    if "@context" in unsigned:
        proof["@context"] = unsigned["@context"]
    signature = private_key.sign(_hashed(unsigned, proof))
    return {**unsigned, "proof": {**proof, "proofValue": "z" + encode_base58(signature)}}


def verify(document: dict[str, Any], find_keys: FindKeys, expected: Expected) -> Proof:
    """Prove that a document is as its signer left it, or raise ProofError.

    `find_keys(verification method, created)` answers the keys that were valid then; several, where
    an issuer was installed anew.
    """
    unsigned = {key: value for key, value in document.items() if key != "proof"}
    proof = _options(document)
    created = _check_options(proof, expected)
    _check_context(unsigned, proof)
    signature = _signature(proof)
    signed = _hashed(unsigned, {k: v for k, v in proof.items() if k != "proofValue"})
    for public_key in find_keys(proof["verificationMethod"], created):
        try:
            public_key.verify(signature, signed)
        except InvalidSignature:
            continue
        return Proof(proof["verificationMethod"], created, public_key)
    raise ProofError("tampered")


def read_moment(text: str) -> datetime:
    """Read a moment of XML Schema's dateTimeStamp; one without a zone is none."""
    if not _MOMENT.fullmatch(text):
        raise ProofError("bad_moment", text[:40])
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ProofError("bad_moment", text[:40]) from None


def _hashed(unsigned: dict[str, Any], options: dict[str, Any]) -> bytes:
    try:
        parts = canonical_json(options), canonical_json(unsigned)
    except NotCanonicalError as error:
        raise ProofError("not_canonical", str(error)) from error
    return b"".join(hashlib.sha256(part).digest() for part in parts)


def _options(document: dict[str, Any]) -> dict[str, Any]:
    proof = document.get("proof")
    if proof is None:
        raise ProofError("no_proof")
    if not isinstance(proof, dict):  # a list of proofs would have to be judged one by one
        raise ProofError("not_one_proof")
    if unknown := proof.keys() - _KNOWN:
        raise ProofError("unknown_option", ", ".join(sorted(unknown))[:100])
    if missing := _REQUIRED - proof.keys():
        raise ProofError("missing_option", ", ".join(sorted(missing)))
    for name, value in proof.items():
        if name != "@context" and not (isinstance(value, str) and len(value) <= OPTION_MAX):
            raise ProofError("bad_option", name)
    return proof


def _check_options(proof: dict[str, Any], expected: Expected) -> datetime:
    if proof["type"] != PROOF_TYPE or proof["cryptosuite"] != CRYPTOSUITE:
        raise ProofError("wrong_suite", f"{proof['type']} {proof['cryptosuite']}"[:100])
    if proof["proofPurpose"] != expected.purpose:
        raise ProofError("wrong_purpose", proof["proofPurpose"][:60])
    for name in ("challenge", "domain"):
        if proof.get(name) != getattr(expected, name):
            raise ProofError("made_for_another", name)
    created = read_moment(proof["created"])
    if created > expected.now + AHEAD_MAX:
        raise ProofError("from_the_future", proof["created"])
    if "expires" in proof and read_moment(proof["expires"]) <= expected.now:
        raise ProofError("expired", proof["expires"])
    return created


def _check_context(unsigned: dict[str, Any], proof: dict[str, Any]) -> None:
    """The terms that were signed are those that are read: the proof repeats them, exactly."""
    if unsigned.get("@context") != proof.get("@context"):
        raise ProofError("other_context")


def _signature(proof: dict[str, Any]) -> bytes:
    text = proof["proofValue"]
    if not text.startswith("z") or len(text) > PROOF_VALUE_MAX:
        raise ProofError("bad_value")
    try:
        signature = decode_base58(text[1:])
    except KeyRefusedError:
        raise ProofError("bad_value") from None
    if len(signature) != SIGNATURE_BYTES:
        raise ProofError("bad_value", "length")
    return signature

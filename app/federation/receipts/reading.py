"""Reading a receipt and proving it, from the file alone; no database and no network.

Everything in the file is looked at: its shape, its origins, every option of its proof. What is odd
is refused with a code that has a sentence for people (`error.receipt_<code>`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import ValidationError

from app.domain.receipts.rules import Signed, minutes_of_hours
from app.federation.wire.addresses import AddressError, origin_of
from app.federation.wire.documents import EARLIEST
from app.federation.wire.limits import ITEMS_MAX, LimitError, check_limits
from app.federation.wire.receipts import BUNDLE_TYPE, RECEIPT_TYPE, Bundle, Credential
from app.infra.canonical import NotCanonicalError, canonical_json
from app.infra.data_integrity import (
    AHEAD_MAX,
    AUTHENTICATION,
    Expected,
    Proof,
    ProofError,
    read_moment,
    verify,
)
from app.infra.strict_json import StrictJsonError, parse_json

Read = TypeVar("Read", Credential, Bundle)
FILE_BYTES_MAX = 4 * 1024 * 1024
# (issuer's actor, verification method, moment of the proof) → the keys that were valid then.
FindKeys = Callable[[str, str, datetime], Sequence[Ed25519PublicKey]]
# What the proof refuses, in the words that people are told.
_PROOF_CODES = {
    "tampered": "tampered",
    "expired": "expired",
    "from_the_future": "from_the_future",
    "made_for_another": "made_for_another",
    "no_proof": "no_proof",
    "wrong_suite": "wrong_suite",
    "not_canonical": "unreadable",
}


class ReceiptRefusedError(Exception):
    """A file is no receipt that we believe; `code` names why."""

    def __init__(self, code: str, detail: str = "") -> None:
        """`code` is of unreadable, shape, origin, no_key, tampered and so on."""
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail


@dataclass(frozen=True)
class ReadBundle:
    """A bundle whose own signature holds: who speaks for its holder, and what is in it."""

    holder: str
    receipts: list[Any]


def read_file(raw: bytes) -> Any:
    """Read a file as JSON that has one meaning only."""
    if len(raw) > FILE_BYTES_MAX:
        raise ReceiptRefusedError("too_large")
    try:
        return parse_json(raw.removeprefix(b"\xef\xbb\xbf"), nodes_max=100_000)
    except StrictJsonError as error:
        raise ReceiptRefusedError("unreadable", error.code) from error


def is_bundle(document: Any) -> bool:
    """Whether a file holds several receipts in one signed frame."""
    return isinstance(document, dict) and document.get("type") == BUNDLE_TYPE


def is_receipt(document: Any) -> bool:
    """Whether a document says that it is a receipt."""
    return isinstance(document, dict) and document.get("type") == RECEIPT_TYPE


def receipts_in(document: Any) -> list[Any]:
    """Return the receipts of a file: one, a list of them, or those of a bundle."""
    found = document.get("verifiableCredential") if is_bundle(document) else document
    if isinstance(found, list):
        return found
    return [found]


def verify_receipt(document: Any, find_keys: FindKeys, now: datetime) -> Signed:
    """Prove one receipt, or raise ReceiptRefusedError."""
    credential = _read(Credential, document, RECEIPT_TYPE)
    subject = credential.credentialSubject
    _check_origins(
        credential.issuer, credential.id, subject.need, subject.fulfills, credential.replaces
    )
    if credential.replaces == credential.id:
        raise ReceiptRefusedError("shape", "replaces itself")
    minutes = minutes_of_hours(subject.hours)
    if minutes is None:
        raise ReceiptRefusedError("shape", "hours")
    proof = _prove(document, credential.issuer, find_keys, Expected(now))
    issued_at = _issued(credential.validFrom, now)
    return Signed(
        url=credential.id,
        issuer=credential.issuer,
        key_id=proof.verification_method,
        public_key=proof.public_key.public_bytes_raw(),
        document=canonical_json(document),
        subject=subject.id,
        agreement=subject.fulfills,
        need=subject.need,
        minutes=minutes,
        issued_at=issued_at,
        replaces=credential.replaces,
        organisation=subject.organisation or "",
    )


def verify_bundle(
    document: Any, find_keys: FindKeys, now: datetime, *, challenge: str | None, domain: str | None
) -> ReadBundle:
    """Prove the frame of a bundle: its holder's instance made it for this code and this reader."""
    bundle = _read(Bundle, document, BUNDLE_TYPE)
    _check_origins(bundle.holder, bundle.id)
    expected = Expected(now, AUTHENTICATION, challenge, domain)
    _prove(document, bundle.holder, find_keys, expected)
    return ReadBundle(bundle.holder, list(bundle.verifiableCredential))


def _read(kind: type[Read], document: Any, expected: list[str]) -> Read:
    if not isinstance(document, dict) or document.get("type") != expected:
        raise ReceiptRefusedError("other_kind")
    if "proof" not in document:
        raise ReceiptRefusedError("no_proof")
    try:
        for part in _parts(document):
            check_limits(part)
        return kind.model_validate(document)
    except LimitError as error:
        raise ReceiptRefusedError("shape", str(error)) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ReceiptRefusedError("shape", f"{where}: {first['type']}") from error


def _parts(document: dict[str, Any]) -> list[Any]:
    """A bundle may hold more than a message may: its receipts are looked at one by one."""
    inside = document.get("verifiableCredential")
    if not isinstance(inside, list) or len(inside) <= ITEMS_MAX:
        return [document]
    return [{**document, "verifiableCredential": []}, *inside]


def _check_origins(issuer: str, *addresses: str | None) -> None:
    """An issuer speaks of its own: nothing of another origin can be confirmed or replaced."""
    if issuer != f"{origin_of(issuer)}/actor":
        raise ReceiptRefusedError("origin", "issuer")
    for address in addresses:
        if address is not None and origin_of(address) != origin_of(issuer):
            raise ReceiptRefusedError("origin", address)


def _prove(document: dict[str, Any], issuer: str, find_keys: FindKeys, expected: Expected) -> Proof:
    def find(method: str, created: datetime) -> Sequence[Ed25519PublicKey]:
        try:
            own = method.partition("#")[0] == issuer and origin_of(method) == origin_of(issuer)
        except AddressError:
            own = False
        if not own:
            raise ReceiptRefusedError("origin", "key")
        return find_keys(issuer, method, created)

    try:
        return verify(document, find, expected)
    except ProofError as error:
        raise ReceiptRefusedError(_PROOF_CODES.get(error.code, "shape"), str(error)) from error
    except NotCanonicalError as error:
        raise ReceiptRefusedError("unreadable", str(error)) from error


def _issued(text: str, now: datetime) -> datetime:
    try:
        moment = read_moment(text)
    except ProofError as error:
        raise ReceiptRefusedError("shape", str(error)) from error
    if moment < EARLIEST:
        raise ReceiptRefusedError("shape", "before there were any")
    if moment > now + AHEAD_MAX:
        raise ReceiptRefusedError("from_the_future", text)
    return moment

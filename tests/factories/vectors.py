"""The vectors of standards and of our own profile, as they stand in tests/vectors."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from app.infra.signatures import HttpMessage

FOLDER = Path(__file__).parent.parent / "vectors"


def read_vectors(name: str) -> Any:
    """Return what a file of vectors holds."""
    return json.loads((FOLDER / name).read_text("utf-8"))


RFC = read_vectors("rfc9421-appendix-b.json")
PROFILE = read_vectors("profile-offer-agreement.json")
PROFILE_SENT = datetime.fromtimestamp(1795168800, UTC)
PROFILE_KEY_ID = "https://south.example/actor#ed25519-key"
PROFILE_NONCE = "0192f0c4-7d1e-7b0a-9c55-2f6b8a1e4d10"


@dataclass(frozen=True)
class VectorMessage:
    """A message of the standard's appendix: a request, or an answer when it has a status."""

    method: str
    url: str
    status: int
    lines: list[tuple[str, str]]
    signature_lines: list[tuple[str, str]]


def vector_message(vector: dict[str, Any]) -> VectorMessage:
    """Return the message that a vector of RFC 9421 signs."""
    message = vector["message"]
    if isinstance(message, str):
        message = RFC["messages"][message]
    lines = [(str(name), str(value)) for name, value in message["headers"]]
    method, url, status = "GET", "https://example.com/", 0
    if "status_line" in message:
        status = int(message["status_line"].split()[1])
    else:
        method, target, _ = message["request_line"].split()
        url = f"https://{dict(lines)['Host']}{target}"
    signed = [("Signature-Input", vector["signature_input"]), ("Signature", vector["signature"])]
    return VectorMessage(method, url, status, lines, signed)


def profile_private_key() -> Ed25519PrivateKey:
    """Return the key that the standard published for tests."""
    pem = RFC["keys"]["test-key-ed25519"]["private_pem"].encode()
    return cast("Ed25519PrivateKey", load_pem_private_key(pem, None))


def profile_message(lines: list[tuple[str, str]] | None = None) -> HttpMessage:
    """Return the message of our profile's vector, signed unless other header lines are given."""
    return HttpMessage(
        method=PROFILE["method"],
        url=PROFILE["url"],
        header_lines=lines or list(PROFILE["headers"].items()),
        body=PROFILE["body"].encode(),
    )

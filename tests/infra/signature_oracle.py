"""A second, deliberately small implementation of RFC 9421, for comparing with the library.

It knows the vectors' algorithms and components and no policy at all: never use it elsewhere.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, unquote_plus, urlsplit

import http_sf
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    load_pem_private_key,
    load_pem_public_key,
)

Headers = Sequence[tuple[str, str]]


def signature_base(
    signature_input: str, label: str, headers: Headers, *, method: str, url: str, status: int = 0
) -> str:
    """Build the text that is signed."""
    parsed: Any = http_sf.parse(signature_input.encode(), tltype="dictionary")
    components, params = parsed[label]
    lines = []
    for name, component_params in components:
        value = _component(name, component_params, headers, method=method, url=url, status=status)
        lines.append(f"{http_sf.ser((name, component_params))}: {value}")
    lines.append(f'"@signature-params": {http_sf.ser([(components, params)])}')
    return "\n".join(lines)


def _component(
    name: str,
    params: dict[str, Any],
    headers: Headers,
    *,
    method: str,
    url: str,
    status: int,
) -> str:
    parts = urlsplit(url)
    derived = {
        "@method": method,
        "@target-uri": url,
        "@authority": parts.netloc.lower(),
        "@path": parts.path,
        "@query": f"?{parts.query}",
        "@status": str(status),
    }
    if name == "@query-param":
        pairs = dict(pair.split("=", 1) for pair in parts.query.split("&"))
        return quote(unquote_plus(pairs[params["name"]]), safe="*")
    if name in derived:
        return derived[name]
    return ", ".join(value.strip() for key, value in headers if key.lower() == name)


def verify(alg: str, key: dict[str, Any], base: str, signature: bytes) -> bool:
    """Whether the signature holds for the base under one of the standard's algorithms."""
    if alg == "hmac-sha256":
        secret = base64.b64decode(key["base64"])
        return hmac.compare_digest(hmac.digest(secret, base.encode(), "sha256"), signature)
    public: Any = load_pem_public_key(key["public_pem"].encode())
    try:
        _verify_public(public, base.encode(), signature)
    except InvalidSignature:
        return False
    return True


def _verify_public(public: Any, base: bytes, signature: bytes) -> None:
    if isinstance(public, ed25519.Ed25519PublicKey):
        public.verify(signature, base)
    elif isinstance(public, rsa.RSAPublicKey):
        pss = padding.PSS(mgf=padding.MGF1(hashes.SHA512()), salt_length=64)
        public.verify(signature, base, pss, hashes.SHA512())
    else:
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        public.verify(encode_dss_signature(r, s), base, ec.ECDSA(hashes.SHA256()))


def sign_ed25519(private_pem: str, base: str) -> bytes:
    """Sign with a vector's Ed25519 key: the one algorithm whose answer is always the same."""
    private = load_pem_private_key(private_pem.encode(), None)
    assert isinstance(private, ed25519.Ed25519PrivateKey)
    return private.sign(base.encode())


def content_digest(body: bytes) -> str:
    """RFC 9530 with sha-256."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"

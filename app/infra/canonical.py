"""RFC 8785: one spelling of a JSON value, so that hashes and signatures can be compared."""

import hashlib
from typing import Any

import rfc8785


class NotCanonicalError(ValueError):
    """No canonical form: an integer beyond 2^53, NaN, a lone surrogate, a foreign type."""


def canonical_json(value: Any) -> bytes:
    """Write a JSON value in its one canonical spelling."""
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as error:
        raise NotCanonicalError(str(error)) from error


def canonical_hash(value: Any) -> bytes:
    """SHA-256 over the canonical spelling: equal content gives equal hashes."""
    return hashlib.sha256(canonical_json(value)).digest()

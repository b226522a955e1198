"""Identifiers, made here and nowhere else, so that the database needs no function for them.

Version 7 says when it was made, so it is only for public listings; people, claims, tokens
and ballots get random version 4.
"""

import secrets
from uuid import UUID

import uuid_utils


def public_id() -> UUID:
    """Return a time-ordered id (RFC 9562 version 7) for something whose time is public."""
    return UUID(bytes=uuid_utils.uuid7().bytes)


def private_id() -> UUID:
    """Return a random id (RFC 9562 version 4) that tells nothing."""
    return UUID(bytes=secrets.token_bytes(16), version=4)


def secret_token() -> str:
    """Return 256 random bits as URL-safe text, for sessions and single-use links."""
    return secrets.token_urlsafe(32)

"""Passwords as argon2id (RFC 9106) through pwdlib, off the event loop."""

import asyncio

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

# OWASP's floor for argon2id: 19 MiB, two passes; a sign-in costs about 30 ms of one core.
_hasher = PasswordHash((Argon2Hasher(time_cost=2, memory_cost=19_456, parallelism=1),))
_decoy = _hasher.hash("nobody has this password")


async def hash_password(password: str) -> str:
    """Return the encoded hash to store."""
    return await asyncio.to_thread(_hasher.hash, password)


async def verify_password(password: str, encoded: str | None) -> bool:
    """Say whether it fits; works as long for an account that does not exist (`encoded` None)."""
    fits = await asyncio.to_thread(_hasher.verify, password, encoded or _decoy)
    return fits and encoded is not None

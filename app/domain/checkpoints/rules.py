"""What a leaf of the log is made of, and when a checkpoint is due. Pure.

The log is one for the whole instance, and an export of a book shows all of its leaves, so that
nobody can leave one out. Whose a leaf is must be plain to members of that book and to nobody else:
therefore a leaf begins with a mark that only who knows the book's id (random, told to members
only) can tell from any other eight bytes.
"""

import hashlib
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

MARK_BYTES = 8
LEAF_BYTES = MARK_BYTES + 32
MARK_DOMAIN = b"tornallom log mark v1\n"
WHOLE_INSTANCE = UUID(int=0)
# Without a lock, what came in stays without a checkpoint for no longer: the blind spot.
CHECKPOINT_EVERY = timedelta(minutes=10)
LOG_PATH = "/ledger"


def leaf_data(book_id: UUID | None, position: int, body: bytes) -> bytes:
    """The forty bytes that RFC 6962 hashes into a leaf: the mark and the hash of the body."""
    return mark_of(book_id, position) + hashlib.sha256(body).digest()


def mark_of(book_id: UUID | None, position: int) -> bytes:
    """By what members of a book know its leaves; each place has another one."""
    owner = (book_id or WHOLE_INSTANCE).bytes
    place = position.to_bytes(8, "big")
    return hashlib.sha256(MARK_DOMAIN + owner + place).digest()[:MARK_BYTES]


def origin_of(origin: str) -> str:
    """The name of an instance's log, and of the key that signs for it (a URL without scheme)."""
    return urlsplit(origin).netloc + LOG_PATH


def is_checkpoint_due(now: datetime, last: datetime | None, *, fresh: int, locks: int) -> bool:
    """Whether to sign now: at once for a lock and for the first leaf, else every ten minutes."""
    if not fresh:
        return False
    return last is None or locks > 0 or now - last >= CHECKPOINT_EVERY

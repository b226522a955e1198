"""What a witness may sign, and when a ledger may not grow; pure.

A tree of a log is its size and its root (RFC 6962). A witness signs a tree only if it grew out of
the one it saw last (C2SP tlog-witness); a log goes on only if it holds every tree of it that
others hold.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.infra.merkle import EMPTY_ROOT, ProofRefusedError, check_consistency
from app.models.witnesses import FreezeReason

LOG_PATH = "ledger"
SALT_BYTES = 16
REASON_CHARACTERS_MIN = 20
_FORK = re.compile(r"/fork-([1-9][0-9]{0,5})")


@dataclass(frozen=True)
class Tree:
    """A state of a log: how many leaves, and the root over them."""

    size: int
    root: bytes


NO_TREE = Tree(0, EMPTY_ROOT)


class Answer(StrEnum):
    """What a witness says to a checkpoint that is offered to it."""

    SIGNED = "signed"
    # The client began its proof elsewhere: it is told what we hold.
    ELSEWHERE = "elsewhere"
    UNREADABLE = "unreadable"
    # Another root for a size that we have signed: two histories under one name.
    CONTRADICTS = "contradicts"
    # The proof does not lead from what we hold to what is offered.
    UNPROVEN = "unproven"


def answer_to(
    seen: Tree, offered: Tree, old_size: int, proof: Sequence[bytes], before: bytes | None = None
) -> Answer:
    """Decide what to say to a checkpoint; `before` is the root that we signed for that size."""
    if old_size > offered.size or (offered.size == 0 and offered.root != EMPTY_ROOT):
        return Answer.UNREADABLE
    known = seen.root if offered.size == seen.size else before
    if known is not None and known != offered.root:
        return Answer.CONTRADICTS
    if old_size != seen.size:
        return Answer.ELSEWHERE
    try:
        check_consistency((seen.size, seen.root), (offered.size, offered.root), proof)
    except ProofRefusedError:
        return Answer.UNPROVEN
    return Answer.SIGNED


def why_frozen(held: Tree, our_size: int, our_root: bytes | None) -> FreezeReason | None:
    """Say why a log must not grow that somebody holds a tree of; None when it may.

    `our_root` is the root over our own first `held.size` leaves, where we have as many.
    """
    if held.size > our_size:
        return FreezeReason.BEHIND
    return None if our_root == held.root else FreezeReason.DIFFERS


def host_of(origin: str) -> str:
    """Return the host and port of an instance's address: what names of its keys begin with."""
    return origin.partition("://")[2]


def first_log_of(host: str) -> str:
    """Return the name of an instance's log before any fork."""
    return f"{host}/{LOG_PATH}"


def witness_of(host: str) -> str:
    """Return the name of the key by which an instance signs, its own log and those of peers."""
    return first_log_of(host)


def log_after(host: str, forks: int) -> str:
    """Return the name of an instance's log after so many public forks.

    Under a name a log only grows: what was rewound goes on under the next name.
    """
    name = first_log_of(host)
    return f"{name}/fork-{forks}" if forks else name


def forks_of(host: str, origin: str) -> int:
    """Return after how many public forks an instance's log has this name; -1 when it is none."""
    first = first_log_of(host)
    if origin == first:
        return 0
    found = _FORK.fullmatch(origin.removeprefix(first)) if origin.startswith(first) else None
    return int(found[1]) if found else -1


def is_log_of(host: str, origin: str) -> bool:
    """Whether a log of this name can be that instance's."""
    return forks_of(host, origin) >= 0


def reason_hash(salt: bytes, words: str) -> bytes:
    """Return what the log keeps of a reason: it can be erased, and the log stays as it is."""
    return hashlib.sha256(salt + words.encode()).digest()

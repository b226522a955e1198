"""`Ma-Sync: seq=118, count=42, digest=:…:`: what its sender says that the reader should hold of it.

A dictionary of structured fields (RFC 9651), covered by the signature of the request that carries
it. It holds once the reader has the messages up to `seq`. On a GET, which has no `Ma-Seq`, it also
says in which `epoch` is counted. A peer that does not send it is compared once a day only.
"""

import base64
import re
from typing import Any

import http_sf

from app.federation.rules import EMPTY_DIGEST, Holding, Tally

SYNC_HEADER = "Ma-Sync"
NUMBER_MAX = 10**15 - 1  # RFC 9651 §3.3.1
_EPOCH = re.compile(r"e-[0-9a-z]{4,32}")


class TallyError(ValueError):
    """A header that is there and cannot be read."""


def write_tally(tally: Tally) -> str:
    """Write the header's value."""
    held = tally.holding
    digest = base64.b64encode(held.digest).decode()
    written = f"seq={tally.seq}, count={held.count}, digest=:{digest}:"
    return f'{written}, epoch="{tally.epoch}"' if tally.epoch else written


def read_tally(text: str) -> Tally | None:
    """Read the header's value; None when there is none. Members that we do not know are ignored."""
    if not text:
        return None
    try:
        found: Any = http_sf.parse(
            text.encode("ascii"), tltype="dictionary", on_duplicate_key=_refuse_twice
        )
        seq, count, digest = (found[name][0] for name in ("seq", "count", "digest"))
        epoch = found["epoch"][0] if "epoch" in found else ""
    except (ValueError, TypeError, KeyError, UnicodeError) as error:
        raise TallyError("unreadable") from error
    if not (_is_number(seq) and _is_number(count)):
        raise TallyError("a number")
    if not isinstance(digest, bytes) or len(digest) != len(EMPTY_DIGEST):
        raise TallyError("the digest")
    if not isinstance(epoch, str) or (epoch and _EPOCH.fullmatch(epoch) is None):
        raise TallyError("the epoch")
    return Tally(seq, Holding(count, digest), epoch)


def _is_number(value: Any) -> bool:
    return type(value) is int and 0 <= value <= NUMBER_MAX


def _refuse_twice(key: str, context: str) -> None:
    raise TallyError(f"{key} twice in one {context}")

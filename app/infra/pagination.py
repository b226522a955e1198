"""Keyset pages: an opaque cursor holds the last row's sort values, so inserts shift nothing."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from app.errors import InvalidError

LIMIT_MAX = 100
LIMIT_DEFAULT = 20
CURSOR_MAX_LENGTH = 512

Item = TypeVar("Item")


@dataclass(frozen=True)
class Page(Generic[Item]):
    """Some items and the cursor of the page after them, if there is one."""

    items: Sequence[Item]
    next_cursor: str | None


def encode_cursor(*values: object) -> str:
    """Pack sort values into a cursor."""
    raw = json.dumps([None if value is None else str(value) for value in values]).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode_cursor(cursor: str, size: int) -> list[str | None]:
    """Unpack `size` sort values, or say that this is no cursor of ours."""
    if len(cursor) > CURSOR_MAX_LENGTH:
        raise InvalidError("cursor_invalid")
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        raise InvalidError("cursor_invalid") from None
    texts = isinstance(values, list) and all(v is None or isinstance(v, str) for v in values)
    if not texts or len(values) != size or any(v and "\x00" in v for v in values):
        raise InvalidError("cursor_invalid")
    return list(values)


def cut_page(rows: Sequence[Item], limit: int, cursor_of: Callable[[Item], str]) -> Page[Item]:
    """Make a page of rows fetched with `limit + 1`: the extra one only says that more follows."""
    if len(rows) <= limit:
        return Page(rows, None)
    kept = rows[:limit]
    return Page(kept, cursor_of(kept[-1]))

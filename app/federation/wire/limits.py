"""What no message between peers may exceed, whatever its type (04-federation §4.8)."""

from typing import Any

from app.federation.wire.context import FORBIDDEN_KEYS

BODY_BYTES_MAX = 262_144
DEPTH_MAX = 32
NODES_MAX = 2_000
TEXT_CHARACTERS_MAX = 65_536
ITEMS_MAX = 256
INTEGER_MAX = 2**53 - 1


class LimitError(ValueError):
    """A value that no peer of this profile sends."""


def check_limits(value: Any) -> None:
    """Refuse floats, huge numbers, texts and lists, and keys that restructure JSON-LD."""
    stack, nodes = [value], 0
    while stack:
        item = stack.pop()
        nodes += 1
        if nodes > NODES_MAX:
            raise LimitError("too many values")
        if isinstance(item, dict):
            _check_keys(item)
            stack.extend(item.values())
        elif isinstance(item, list):
            if len(item) > ITEMS_MAX:
                raise LimitError("a list is too long")
            stack.extend(item)
        else:
            _check_scalar(item)


def _check_keys(item: dict[str, Any]) -> None:
    if FORBIDDEN_KEYS & item.keys():
        raise LimitError("a key that could change the meaning")
    if any(len(key) > ITEMS_MAX for key in item):
        raise LimitError("a key is too long")


def _check_scalar(item: Any) -> None:
    if isinstance(item, float):
        raise LimitError("a fraction: quantities are texts")
    if isinstance(item, int) and abs(item) > INTEGER_MAX:
        raise LimitError("an integer beyond 2^53")
    if isinstance(item, str) and len(item) > TEXT_CHARACTERS_MAX:
        raise LimitError("a text is too long")

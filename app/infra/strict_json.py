"""JSON as we accept it: nothing that two parsers could read in two ways.

Python's `json.loads` keeps the last of duplicate keys, reads NaN, numbers of any length and
lone surrogates, and dies of recursion on deep input. All of these are refused here, each by
name, before anything else looks at the data. Limits: nesting 32, integers within 64 bits,
20,000 values; NUL has no place in PostgreSQL text.
"""

import json
import math
import re
from typing import Any

DEPTH_MAX = 32
INTEGER_MAX = 2**63 - 1
NODES_MAX = 20_000


class StrictJsonError(ValueError):
    """What was sent is not JSON that we read; `code` names why."""

    def __init__(self, code: str) -> None:
        """`code` is one of not_utf8, syntax, too_deep, duplicate_key, not_finite and so on."""
        super().__init__(code)
        self.code = code


def parse_json(raw: bytes, *, depth_max: int = DEPTH_MAX, nodes_max: int = NODES_MAX) -> Any:
    """Return the value of one JSON text (RFC 8259), or raise StrictJsonError."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise StrictJsonError("not_utf8") from error
    _check_depth(raw, depth_max)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_refuse_constant,
            parse_int=_integer,
            parse_float=_float,
        )
    except StrictJsonError:
        raise
    except (ValueError, RecursionError) as error:
        raise StrictJsonError("syntax") from error
    check_values(value, nodes_max=nodes_max)
    return value


def check_text(text: str) -> None:
    """Refuse what PostgreSQL cannot store or UTF-8 cannot say."""
    if "\x00" in text:
        raise StrictJsonError("nul_character")
    if _SURROGATE.search(text):
        raise StrictJsonError("lone_surrogate")


def check_values(value: Any, *, nodes_max: int = NODES_MAX) -> None:
    """Refuse bad text anywhere in a value, and values with too many parts."""
    stack, nodes = [value], 0
    while stack:
        nodes += 1
        if nodes > nodes_max:
            raise StrictJsonError("too_many_values")
        item = stack.pop()
        if isinstance(item, str):
            check_text(item)
        elif isinstance(item, dict):
            stack.extend(item.keys())
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)


# Possessive: what could be given back is remembered, and that was a hundred times the text.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")


def _check_depth(raw: bytes, depth_max: int) -> None:
    """Count brackets outside strings, before the recursive parser sees them."""
    depth = 0
    for bracket in re.finditer(rb"[\[\]{}]", _STRING.sub(b"", raw)):
        depth += 1 if bracket[0] in b"[{" else -1
        if depth > depth_max:
            raise StrictJsonError("too_deep")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise StrictJsonError("duplicate_key")
    return result


def _refuse_constant(_: str) -> float:
    raise StrictJsonError("not_finite")


def _integer(digits: str) -> int:
    if len(digits) > 20 or abs(int(digits)) > INTEGER_MAX:
        raise StrictJsonError("integer_too_large")
    return int(digits)


def _float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise StrictJsonError("not_finite")
    return number

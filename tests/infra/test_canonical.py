"""RFC 8785: equal content, equal bytes; what has no canonical form is refused."""

import json
from pathlib import Path

import pytest

from app.infra.canonical import NotCanonicalError, canonical_hash, canonical_json

CONTEXT = Path(__file__).parent.parent / "vectors" / "context-native.json"


def test_keys_are_sorted_by_utf16_units_and_spaces_are_gone() -> None:
    value = {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\x80": 6, "\u00f6": 7}
    assert canonical_json(value).decode() == (
        '{"\\r":2,"1":4,"\x80":6,"\u00f6":7,"\u20ac":1,"\U0001f600":5,"\ufb33":3}'
    )


def test_spelling_does_not_change_the_hash_but_content_does() -> None:
    one = json.loads('{"a": [1, 2.0], "b": "\\u00e9"}')
    same = json.loads('{"b":"\u00e9","a":[1.0,2]}')
    assert canonical_hash(one) == canonical_hash(same)
    assert canonical_hash(one) != canonical_hash({**one, "c": None})
    context = json.loads(CONTEXT.read_text("utf-8"))
    assert canonical_hash(context) == canonical_hash(json.loads(canonical_json(context)))


@pytest.mark.parametrize("value", [2**53, float("nan"), "\ud800", {1: 2}, object()])
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(NotCanonicalError):
        canonical_json(value)

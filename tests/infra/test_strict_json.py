"""JSON as we accept it: what the standard library agrees on, and nothing two readers dispute."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.infra.strict_json import (
    DEPTH_MAX,
    INTEGER_MAX,
    NODES_MAX,
    StrictJsonError,
    check_values,
    parse_json,
)

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
INTEGERS = st.integers(-INTEGER_MAX, INTEGER_MAX)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | INTEGERS | FLOATS | TEXTS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=20,
)


def refusal(raw: bytes) -> str:
    """Return the code of the refusal; fails when it was read."""
    with pytest.raises(StrictJsonError) as caught:
        parse_json(raw)
    return caught.value.code


@given(VALUES, st.booleans())
def test_what_the_standard_library_writes_is_read_alike(value: Any, ascii_only: bool) -> None:
    raw = json.dumps(value, ensure_ascii=ascii_only).encode()
    assert parse_json(raw) == value


@given(st.binary(max_size=200))
def test_bytes_are_read_or_refused_by_name_and_never_break(raw: bytes) -> None:
    try:
        value = parse_json(raw)
    except StrictJsonError as error:
        assert error.code  # noqa: PT017 - both ways are right
    else:
        assert value == json.loads(raw)


@given(st.text(alphabet='[]{}",:\\0123456789eE+-.nulltruefalseNaInfity \n', max_size=60))
def test_near_json_is_read_as_the_standard_library_does_or_refused(text: str) -> None:
    try:
        value = parse_json(text.encode())
    except StrictJsonError:
        return
    assert value == json.loads(text)


@given(VALUES.filter(lambda v: isinstance(v, dict) and v))
def test_a_key_twice_is_refused_wherever_it_stands(value: dict[str, Any]) -> None:
    first = json.dumps(next(iter(value)))
    raw = json.dumps(value)[:-1] + f", {first}: 1}}"
    assert refusal(raw.encode()) == "duplicate_key"
    assert refusal(f'{{"outer": [{raw}]}}'.encode()) == "duplicate_key"


@given(st.sampled_from(["\\u0000", "\\ud800", "\\udfff", "\\udc00\\ud800", "\\uD834"]), TEXTS)
def test_text_that_no_column_holds_is_refused(escape: str, beside: str) -> None:
    text = json.dumps(beside)[1:-1]
    for raw in (f'"{text}{escape}"', f'{{"{escape}{text}": 1}}', f'[[{{"a": "{escape}"}}]]'):
        assert refusal(raw.encode()) in {"nul_character", "lone_surrogate"}


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert parse_json(b'"\\ud83d\\ude00"') == "\U0001f600"


@given(st.integers(1, 2000), st.sampled_from(["[", '{"a":']))
def test_nesting_has_an_end(depth: int, opening: str) -> None:
    closing = "]" if opening == "[" else "}"
    raw = (opening * depth + "1" + closing * depth).encode()
    if depth > DEPTH_MAX:
        assert refusal(raw) == "too_deep"
    else:
        assert parse_json(raw) is not None
    assert refusal(opening.encode() * (DEPTH_MAX + depth)) == "too_deep"


@given(TEXTS)
def test_brackets_in_texts_do_not_count(text: str) -> None:
    value = ["[" * 50 + text + '\\"{', "]" * 50]
    assert parse_json(json.dumps(value).encode()) == value


@given(st.integers(INTEGER_MAX + 1) | st.integers(max_value=-INTEGER_MAX - 1) | st.just(10**5000))
def test_integers_beyond_64_bits_are_refused(number: int) -> None:
    digits = f"{'-' if number < 0 else ''}1{'0' * 5000}" if number == 10**5000 else str(number)
    assert refusal(digits.encode()) == "integer_too_large"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"NaN", "not_finite"),
        (b"-Infinity", "not_finite"),
        (b"1e999", "not_finite"),
        (b"-1" + b"0" * 400 + b".5", "not_finite"),
        (b"", "syntax"),
        (b"\xef\xbb\xbf1", "syntax"),
        (b"1 2", "syntax"),
        (b"'a'", "syntax"),
        (b"[1,]", "syntax"),
        (b"// one", "syntax"),
        (b'"a\nb"', "syntax"),
        (b"01", "syntax"),
        (b'"caf\xe9"', "not_utf8"),
        (b'"\xed\xa0\x80"', "not_utf8"),
        ('{"a": 1}'.encode("utf-16"), "not_utf8"),
        (b"[" * 100_000, "too_deep"),
    ],
)  # fmt: skip
def test_each_refusal_has_its_name(raw: bytes, code: str) -> None:
    assert refusal(raw) == code


def test_the_number_of_values_has_an_end() -> None:
    check_values([0] * (NODES_MAX - 1))
    with pytest.raises(StrictJsonError, match="too_many_values"):
        check_values([0] * NODES_MAX)
    assert refusal(json.dumps([0] * NODES_MAX).encode()) == "too_many_values"


@given(FLOATS)
def test_numbers_stay_what_they_are(number: float) -> None:
    read = parse_json(repr(number).encode())
    assert math.copysign(1, read) == math.copysign(1, number)
    assert read == number

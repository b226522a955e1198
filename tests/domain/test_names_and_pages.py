"""Addresses made of names, cursors, folded texts and passwords, as properties."""

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.identity.rules import password_weakness
from app.domain.organisations.rules import SLUG_LENGTH_MAX, free_slug, slug_of
from app.errors import InvalidError
from app.infra.pagination import cut_page, decode_cursor, encode_cursor
from app.infra.text import fold, words
from app.models.base import SLUG_PATTERN


@given(st.text(max_size=200))
def test_a_slug_is_an_address_or_nothing(name: str) -> None:
    slug = slug_of(name)
    assert slug == "" or re.fullmatch(SLUG_PATTERN, slug)
    assert len(slug) <= SLUG_LENGTH_MAX


@given(st.text(max_size=90), st.integers(0, 12))
def test_a_free_slug_is_free(name: str, others: int) -> None:
    taken: set[str] = set()
    for _ in range(others):
        taken.add(free_slug(name, taken))
    assert len(taken) == others
    assert all(re.fullmatch(SLUG_PATTERN, slug) for slug in taken)
    assert all(len(slug) <= SLUG_LENGTH_MAX for slug in taken)


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Gra Lliure, torradors", "gra-lliure-torradors"),
        ("Κοινωνικό Ιατρείο Αθήνας", "koinoniko-iatreio-athinas"),
        ("Col·lectiu L·l", "collectiu-ll"),
        ("Straße & Øst", "strasse-and-ost"),
        ("Ευ Ζην", "ev-zin"),
        ("日本", ""),
    ],
)
def test_names_are_written_as_people_would(name: str, slug: str) -> None:
    assert slug_of(name) == slug


# As long as what our cursors hold, moments and ids: longer ones are refused.
@given(st.lists(st.none() | st.text(max_size=6).filter(lambda t: "\0" not in t), max_size=4))
def test_a_cursor_brings_back_what_was_put_in(values: list[str | None]) -> None:
    assert decode_cursor(encode_cursor(*values), len(values)) == values


@given(st.text(max_size=600), st.integers(0, 3))
def test_no_cursor_breaks_the_list(cursor: str, size: int) -> None:
    with contextlib.suppress(InvalidError):
        assert len(decode_cursor(cursor, size)) == size


@given(st.lists(st.integers(), max_size=30), st.integers(1, 10))
def test_pages_lose_and_double_nothing(rows: list[int], limit: int) -> None:
    collected: list[int] = []
    start = 0
    while True:
        page = cut_page(rows[start : start + limit + 1], limit, lambda _: "more")
        assert len(page.items) <= limit
        collected += page.items
        if page.next_cursor is None:
            break
        start += limit
    assert collected == rows


@given(st.text(max_size=200))
def test_folding_twice_changes_nothing_more(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert all(word == fold(word) for word in words(text))


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("short", "password_too_short"),
        ("aaaaaaaaaaaaaa", "password_too_common"),
        ("password1234", "password_too_common"),
        ("qwerty12345678", "password_too_common"),
        ("my name is marta 9", "password_too_common"),
        ("torna jornals amb mi", None),
        ("κωδικός σαν τραγούδι", None),
    ],
)
def test_guessable_passwords_are_refused(password: str, code: str | None) -> None:
    assert password_weakness(password, "marta", 10) == code

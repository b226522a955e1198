"""Whose request it is: read from the end, and only as far as proxies of ours say so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.infra.proxies import client_address, networks_of
from app.settings import Settings

OURS = networks_of(["127.0.0.1", "192.0.2.0/24", "fd00::/8"])
ADDRESSES = st.ip_addresses(v=4).map(str) | st.ip_addresses(v=6).map(str)


@pytest.mark.parametrize(
    ("direct", "forwarded", "found"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),  # a stranger writes what they like
        ("127.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("127.0.0.1", ["198.51.100.1, 203.0.113.9"], "203.0.113.9"),  # the first one is a lie
        ("127.0.0.1", ["198.51.100.1", "203.0.113.9"], "203.0.113.9"),  # in a header of its own
        ("127.0.0.1", ["203.0.113.9, 192.0.2.7"], "203.0.113.9"),  # two proxies of ours
        ("127.0.0.1", ["198.51.100.1, 203.0.113.9, 192.0.2.7"], "203.0.113.9"),
        ("::ffff:127.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("fd00::1", ["2001:db8::7"], "2001:db8::7"),
        ("127.0.0.1", ["[2001:db8::7]"], "2001:db8::7"),
        ("127.0.0.1", [], None),
        ("127.0.0.1", ["192.0.2.1"], None),
        ("127.0.0.1", ["203.0.113.9, nonsense"], None),
        ("127.0.0.1", ["203.0.113.9,"], None),
        (None, ["203.0.113.9"], None),
        ("testclient", ["203.0.113.9"], None),
    ],
)
def test_it_is_read_from_the_end(direct: str | None, forwarded: list[str], found: str) -> None:
    address = client_address(direct, forwarded, OURS)
    assert (str(address) if address else None) == found


@given(ADDRESSES, st.lists(st.text(max_size=40) | ADDRESSES, max_size=5))
def test_what_comes_to_us_directly_is_who_asks_whatever_it_says(
    direct: str, forwarded: list[str]
) -> None:
    told = client_address(direct, forwarded, ())
    silent = client_address(direct, [], ())
    assert told == silent is not None


@given(ADDRESSES, st.lists(st.text(max_size=40) | ADDRESSES, max_size=5))
def test_what_is_written_before_our_proxys_word_changes_nothing(
    real: str, forged: list[str]
) -> None:
    plain = client_address("127.0.0.1", [real], OURS)
    if plain is not None:  # otherwise one of ours asks for itself
        assert client_address("127.0.0.1", [*forged, real], OURS) == plain


@pytest.mark.parametrize("wrong", ["example.org", "192.0.2.1/24", "0.0.0.0/0", "::/0", ""])
def test_a_setting_that_trusts_nobody_or_everybody_is_refused(wrong: str) -> None:
    with pytest.raises(ValidationError):
        Settings(trusted_proxies=(wrong,))

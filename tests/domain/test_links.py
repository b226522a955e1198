"""What counts as a link where nobody vouched: dressed up or not, and no plain words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.infra.text import links_in

WORDS = st.text(st.characters(whitelist_categories=("L", "N", "Zs"), whitelist_characters=",!?'"))
LINKS = st.sampled_from(
    (
        "https://example.org", "http://example.org/x", "HTTPS://EXAMPLE.ORG", "www.example.org",
        "mailto:somebody@example.org", "xmpp://example.org", "example.org/login",
        "example.org:8443/login", "[words](//example.org)", "[words](example.org)",
        "<a href=//example.org>",
    )
)  # fmt: skip
# What stands in a word without being seen: zero-width marks, soft hyphens, directions.
UNSEEN = st.sampled_from(("\u200b", "\u200d", "\u2060", "\u00ad", "\u202e", "\ufeff"))


@given(before=WORDS, link=LINKS, after=WORDS)
def test_a_link_is_found_wherever_it_stands(before: str, link: str, after: str) -> None:
    assert links_in(f"{before} {link} {after}")
    assert links_in(f"{before}\n{link}\n{after}")


@given(link=LINKS, unseen=UNSEEN, data=st.data())
def test_no_unseen_letter_hides_a_link(link: str, unseen: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(link)))
    assert links_in(link[:at] + unseen + link[at:])


@given(link=st.sampled_from(("https://example.org", "www.example.org")))
def test_wide_letters_are_letters(link: str) -> None:
    wide = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in link)
    assert links_in(wide)


@given(WORDS)
def test_plain_words_are_no_link(text: str) -> None:
    assert not links_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "Our wordpress.org theme, Node.js and ASP.NET; 3/4 of it and/or more.",
        "Write to us: we answer. Time: 10:30. Ratio 1:2.",
        "Η σελίδα μας (forn-roig.cat) δεν ανοίγει· βοήθεια!",
        "A list: [ ] done, [x] open (mostly)",
    ],
)
def test_names_of_things_are_no_link(text: str) -> None:
    assert not links_in(text)

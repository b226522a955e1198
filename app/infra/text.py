"""Text folded for searching, so that letters compare equal however they are accented or cased.

And whether a text leads elsewhere.
"""

import re
import unicodedata

_ELA_GEMINADA = re.compile(r"l[\u00b7\u2027.\u2022]l")
# What a browser opens, or a reader types: an address with its scheme, www., a host with a path, and
# the two ways in which Markdown hides an address behind words.
_LINKS = re.compile(
    r"[a-z][a-z0-9+.-]{1,15}:\s?//|\b(?:mailto|tel|sms|magnet|javascript|data):\S|\bwww\s?\.\s?\w|"
    r"\w[\w-]*(?:\.[\w-]+)*\.[a-z]{2,24}(?::\d+)?/|\]\s?\(|^\s*\[[^\]]+\]:|<a\s",
    re.IGNORECASE | re.MULTILINE,
)
_WORD = re.compile(r"[^\W_]+")


def fold(text: str) -> str:
    """Drop case, accents, Greek's final sigma and Catalan's l·l."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(c for c in decomposed if not unicodedata.combining(c)).casefold()
    return _ELA_GEMINADA.sub("ll", bare.replace("ς", "σ"))


def words(text: str) -> list[str]:
    """Return the folded words of a text."""
    return _WORD.findall(fold(text))


def links_in(text: str) -> bool:
    """Say whether a text holds a link, however it is dressed up."""
    plain = unicodedata.normalize("NFKC", text)
    shown = "".join(letter for letter in plain if unicodedata.category(letter) != "Cf")
    return bool(_LINKS.search(shown))

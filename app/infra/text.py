"""Text folded for searching: letters compare equal however they are accented or cased."""

import re
import unicodedata

_ELA_GEMINADA = re.compile(r"l[\u00b7\u2027.\u2022]l")
_WORD = re.compile(r"[^\W_]+")


def fold(text: str) -> str:
    """Drop case, accents, Greek's final sigma and Catalan's l·l."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(c for c in decomposed if not unicodedata.combining(c)).casefold()
    return _ELA_GEMINADA.sub("ll", bare.replace("ς", "σ"))


def words(text: str) -> list[str]:
    """Return the folded words of a text."""
    return _WORD.findall(fold(text))

"""Every text exists in five languages, is used, and every text that is asked for exists."""

import re

import pytest

from tests.contracts.tree import ROOT
from tools import catalogue

CATALOGUES = catalogue.read_all()
IDS = set(CATALOGUES["en"])
SOURCE = catalogue.source_text(ROOT)
# Calls that take an id as their first or second argument, in Python, templates and TypeScript.
ASKED = re.compile(
    r"""\b(?:translate|translate_plural|t|tn|_t|plural)\(\s*(?:[a-z_.]+\s*,\s*)?["'`]([a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+)["'`]"""
)
# Every error that people may see has its sentence under error.<code>.
ERROR_CODE = re.compile(
    r"""\b(?:NotFound|Forbidden|Unauthenticated|Conflict|Invalid|Malformed|Gone|Limited|Stale|PreconditionRequired|TooLarge|Unsupported|Misdirected|Upstream|Unavailable|App)Error\(\s*["']([a-z0-9_.]+)["']"""
)


def test_five_languages_have_the_same_ids_placeholders_and_forms() -> None:
    assert catalogue.faults(CATALOGUES) == []


def test_every_text_that_is_asked_for_exists() -> None:
    asked = set(ASKED.findall(SOURCE))
    assert sorted(asked - IDS) == []


def test_every_error_has_its_sentence() -> None:
    codes = {f"error.{code}" for code in ERROR_CODE.findall(SOURCE)}
    assert codes
    assert sorted(codes - IDS) == []


def test_no_page_shows_an_unfilled_place() -> None:
    """Type checks see to it in the workspace; templates are read here."""
    bare = re.compile(r"""\b_\(\s*["']([a-z][a-z0-9_.]+)["']\s*\)""")
    asked = {
        found: page.name
        for page in (ROOT / "app/pages/templates").glob("*.html")
        for found in bare.findall(page.read_text())
    }
    assert len(asked) > 100
    texts = CATALOGUES["en"]
    assert {n: p for n, p in asked.items() if "{" in str(texts.get(n, ""))} == {}


def test_no_text_is_left_over() -> None:
    assert catalogue.unused(IDS, SOURCE) == []


# Words that docs/glossary.md excludes, and the formal address.
UNWANTED = {
    "en": r"\b(?:users?|tickets?|gigs?|talents?|organization\w*)\b",
    "el": r"χρήστ|χρηστ|\bεισιτήρι",
    "ca": r"\b(?:usuari\w*|usuàri\w*|vostès?|tiquets?|instànci\w*)\b",
    "nl": r"\b(?:gebruikers?|uw|tickets?|instanties?)\b",
    "es": r"\b(?:usuari[oa]s?|usted(?:es)?|tickets?|instancias?)\b",
}


@pytest.mark.parametrize("language", list(UNWANTED))
def test_no_text_says_a_word_we_do_not_use(language: str) -> None:
    unwanted = re.compile(UNWANTED[language], re.IGNORECASE)
    texts = {
        name: text if isinstance(text, str) else " ".join(text)
        for name, text in CATALOGUES[language].items()
    }
    assert {name: text for name, text in texts.items() if unwanted.search(text)} == {}


def test_translations_are_translations() -> None:
    """A long sentence that is the same in Greek or Dutch as in English was forgotten."""
    same = {
        f"{language}: {name}"
        for language in ("el", "ca", "nl", "es")
        for name, text in CATALOGUES[language].items()
        if text == CATALOGUES["en"][name] and isinstance(text, str) and len(text.split()) > 4
    }
    assert same == set()

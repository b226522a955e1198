"""Every text exists in five languages, is used, and every text that is asked for exists."""

import re

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


def test_no_text_is_left_over() -> None:
    assert catalogue.unused(IDS, SOURCE) == []


def test_no_text_says_a_word_we_do_not_use() -> None:
    unwanted = re.compile(r"\b(?:users?|tickets?|gigs?|talents?|organization)\b", re.IGNORECASE)
    english = {
        name: text if isinstance(text, str) else " ".join(text)
        for name, text in CATALOGUES["en"].items()
    }
    assert {name: text for name, text in english.items() if unwanted.search(text)} == {}


def test_translations_are_translations() -> None:
    """A long sentence that is the same in Greek or Dutch as in English was forgotten."""
    same = {
        f"{language}: {name}"
        for language in ("el", "ca", "nl", "es")
        for name, text in CATALOGUES[language].items()
        if text == CATALOGUES["en"][name] and isinstance(text, str) and len(text.split()) > 4
    }
    assert same == set()

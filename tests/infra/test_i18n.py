"""Texts: fallbacks, plurals, negotiation and the way dates and figures are written."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.infra import i18n

SOURCE = r"""
msgid ""
msgstr ""
"Language: ca\n"

# a translator's remark
msgid "need.title"
msgstr "Una \"necessitat\"\n"
"amb dues línies"

#, fuzzy
msgid "need.guess"
msgstr "potser"

msgid "need.count"
msgid_plural "need.count"
msgstr[0] "{n} necessitat"
msgstr[1] "{n} necessitats"

#~ msgid "need.old"
#~ msgstr "vell"
"""


def test_a_catalogue_is_read_without_its_header_guesses_and_leftovers() -> None:
    assert i18n.parse_catalogue(SOURCE) == {
        "need.title": 'Una "necessitat"\namb dues línies',
        "need.count": ("{n} necessitat", "{n} necessitats"),
    }


@pytest.fixture
def sparse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Catalogues in which each text exists in some languages only."""
    texts: dict[str, dict[str, i18n.Text]] = {
        "en": {"a": "en a {name}", "b": "en b", "c": ("{n} thing", "{n} things")},
        "es": {"b": "es b"},
        "ca": {"a": "ca a {name}"},
        "el": {"c": ("{n} πράγμα", "{n} πράγματα")},
        "nl": {},
    }
    monkeypatch.setattr(i18n, "_catalogue", texts.__getitem__)


@pytest.mark.usefixtures("sparse")
@pytest.mark.parametrize(
    ("language", "message_id", "expected"),
    [
        ("ca", "a", ("ca a {name}", "ca")),
        ("ca", "b", ("es b", "es")),
        ("gl", "b", ("es b", "es")),
        ("nl", "b", ("en b", "en")),
        ("xx", "b", ("en b", "en")),
        ("el", "unknown.id", ("unknown.id", "en")),
    ],
)
def test_a_missing_text_comes_from_the_next_language_and_says_which(
    language: str, message_id: str, expected: tuple[str, str]
) -> None:
    assert i18n.lookup(language, message_id) == expected


@pytest.mark.usefixtures("sparse")
def test_placeholders_are_filled_by_name_and_never_evaluated() -> None:
    assert i18n.translate("ca", "a", name="{b.__class__}") == "ca a {b.__class__}"
    assert i18n.translate("ca", "a") == "ca a {name}"


def test_a_sentence_ends_with_one_full_stop() -> None:
    """Greek shortens its hours with a full stop, and so do many names."""
    spoken = i18n.translate("el", "page.claim.offer_worker", time=i18n.format_minutes("el", 120))
    assert spoken.endswith("2 ώ.")
    assert not spoken.endswith("..")
    assert i18n.translate("en", "page.claim.offer_worker", time="2 h").endswith("2 h.")


@pytest.mark.usefixtures("sparse")
@pytest.mark.parametrize(
    ("n", "expected"),
    [(0, "0 πράγματα"), (1, "1 πράγμα"), (2, "2 πράγματα"), (1500, "1.500 πράγματα")],
)
def test_a_plural_has_its_form_and_writes_its_number(n: int, expected: str) -> None:
    assert i18n.translate_plural("el", "c", n) == expected


@pytest.mark.parametrize(
    ("header", "preferred", "expected"),
    [
        (None, None, "en"),
        ("", "el", "el"),
        ("fr, nl-BE;q=0.4, es;q=0.7", None, "es"),
        ("gl, en;q=0.9", None, "es"),
        ("ca-valencia", None, "ca"),
        ("de;q=1, *;q=0.1", None, "en"),
        ("el;q=0, nl;q=0.1", None, "nl"),
        ("es;q=NaN, nl;q=0.1", None, "nl"),
        ("en", "xx", "en"),
    ],
)
def test_the_language_is_the_persons_choice_or_what_the_browser_asks(
    header: str | None, preferred: str | None, expected: str
) -> None:
    assert i18n.negotiate(header, preferred) == expected


@given(st.text(max_size=300))
def test_no_header_breaks_the_negotiation(header: str) -> None:
    assert i18n.negotiate(header) in i18n.LANGUAGES


def test_moments_are_shown_in_the_readers_zone_and_tongue() -> None:
    # The night on which Greece puts its clocks forward.
    moment = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert i18n.format_datetime("en", moment, "Europe/Athens") == "29 Mar 2026, 04:30"
    assert i18n.format_datetime("el", moment, "Europe/Amsterdam") == "29 Μαρ 2026, 03:30"
    assert i18n.format_datetime("ca", moment) == "29 de març de 2026, 01:30"
    with pytest.raises(ValueError, match="without a zone"):
        i18n.format_datetime("en", moment.replace(tzinfo=None))


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [(0, "0 min"), (59, "59 min"), (120, "2 u"), (60_150, "1.002 u 30 min")],
)
def test_minutes_are_shown_as_hours(minutes: int, expected: str) -> None:
    assert i18n.format_minutes("nl", minutes) == expected


@pytest.mark.parametrize(
    ("language", "minor", "currency", "expected"),
    [
        ("en", 1000001, "EUR", "€10,000.01"),
        ("el", -178679, "EUR", "\u22121.786,79\N{NO-BREAK SPACE}€"),
        ("nl", 5, "EUR", "€\N{NO-BREAK SPACE}0,05"),
        ("en", 1224, "JPY", "JP¥1,224"),
    ],
)
def test_money_is_shown_to_the_cent(
    language: str, minor: int, currency: str, expected: str
) -> None:
    assert i18n.format_money(language, minor, currency) == expected


def test_every_language_of_the_list_has_a_name_and_loads() -> None:
    assert set(i18n.NATIVE_NAMES) == set(i18n.LANGUAGES)
    assert i18n.load_all() >= len(i18n.LANGUAGES)


def test_a_client_gets_every_text_of_its_prefixes() -> None:
    chosen = i18n.catalogue("gl", ["format.duration."])
    assert chosen["format.duration.hours"] == "{hours} h"
    assert all(name.startswith("format.duration.") for name in chosen)

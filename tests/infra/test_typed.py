"""What people type as money and time: understood by their language, or refused, never guessed."""

import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.ledger.rules import CURRENCIES
from app.domain.policies.document import Policy
from app.infra.i18n import LANGUAGES, format_minutes, format_money, format_number
from app.infra.typed import Unit, read_minutes, read_money, write_minutes, write_money
from app.pages.policy_form import form_of, read_form
from tests.contracts.tree import read

LANGUAGE = st.sampled_from(LANGUAGES)
UNITS: tuple[Unit, ...] = ("hours", "minutes")
MINOR = st.integers(-(10**12), 10**12)


@given(LANGUAGE, st.sampled_from(CURRENCIES), MINOR)
def test_money_as_shown_is_read_back_the_same(language: str, currency: str, minor: int) -> None:
    assert read_money(language, format_money(language, minor, currency), currency) == minor
    # What stands in a field that was filled in is read back in any language.
    assert read_money("el", write_money(language, minor, currency), currency) == minor
    assert read_money("en", write_money(language, minor, currency), currency) == minor


@given(LANGUAGE, st.integers(0, 10**9), st.sampled_from(UNITS))
def test_time_as_shown_is_read_back_the_same(language: str, minutes: int, bare: Unit) -> None:
    assert read_minutes(language, format_minutes(language, minutes), bare) == minutes
    assert read_minutes(language, write_minutes(minutes), bare) == minutes


@given(LANGUAGE, st.integers(0, 10**8))
def test_a_number_as_shown_is_as_many_hours(language: str, hours: int) -> None:
    assert read_minutes(language, format_number(language, hours), "hours") == hours * 60


@given(LANGUAGE, st.text(alphabet="0123456789.,:-+ hm€'λ", max_size=12))
def test_whatever_is_typed_is_an_amount_or_none(language: str, text: str) -> None:
    money = read_money(language, text, "EUR")
    if money is not None:
        assert read_money(language, format_money(language, money, "EUR"), "EUR") == money
    time = read_minutes(language, text, "hours")
    assert time is None or time >= 0


@pytest.mark.parametrize(
    ("text", "languages"),
    [
        ("1250,50", "en el nl es ca"),
        ("1250.5", "en el nl es ca"),
        ("1.250,50", "en el nl es ca"),
        ("1,250.50", "en el nl es ca"),
        ("1 250,50", "en el nl es ca"),
        ("1 250.50", "en el nl es ca"),
        ("1\u202f250,50 €", "en el nl es ca"),
        ("€ 1.250,5", "en el nl es ca"),
        ("EUR 1250,5", "en el nl es ca"),
        ("1250,5 eur", "en el nl es ca"),
        ("+1250.50", "en el nl es ca"),
    ],
)
def test_one_amount_in_many_spellings(text: str, languages: str) -> None:
    for language in languages.split():
        assert read_money(language, text, "EUR") == 125050, language


@pytest.mark.parametrize(
    ("language", "text", "minor"),
    [
        ("el", "1.250", 125000),
        ("nl", "12.250", 1225000),
        ("en", "1,250", 125000),
        ("en", "1,250,000", 125000000),
        ("es", "1.250.000", 125000000),
        ("ca", "-12.000", -1200000),
        ("en", "\u221212,000.01", -1200001),
        ("nl", "€ -12,50", -1250),
        # What has three figures after the mark of fractions can be meant in two ways.
        ("el", "1,250", None),
        ("en", "1.250", None),
        ("en", "12,50,00", None),
        ("nl", "0.250", None),
        ("en", "12 50", None),
        ("en", "1250.505", None),
        ("en", "1.250.50", None),
        ("en", "1,25.50", None),
        ("en", "--1", None),
        ("en", "-€-1", None),
        ("en", "$ 5", None),
        ("en", "1250.", None),
        ("en", ".5", None),
        ("en", "", None),
        ("en", "much", None),
        ("en", "1e3", None),
        ("en", "9" * 14, None),
        ("en", "٣", None),
    ],
)
def test_thousands_by_language(language: str, text: str, minor: int | None) -> None:
    assert read_money(language, text, "EUR") == minor


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("1:30", 90),
        ("1 h 30", 90),
        ("1h30", 90),
        ("1 h 30 min", 90),
        ("1 hour 30 minutes", 90),
        ("1,5", 90),
        ("1.5", 90),
        ("1.5 h", 90),
        ("1,25", 75),
        ("90 min", 90),
        ("90'", None),
        ("2h", 120),
        ("2 u", 120),
        ("2 uur", 120),
        ("2 uur 15 minuten", 135),
        ("2 ώρες 15 λεπτά", 135),
        ("2 ΩΡΕΣ", 120),
        ("1 ώρα", 60),
        ("2 hores", 120),
        ("2 horas 5 minutos", 125),
        ("45 min", 45),
        ("45 λ.", 45),
        ("2", 120),
        ("0", 0),
        ("0:00", 0),
        ("100:30", 6030),
        # An hour and a half, or 1 h 50? An hour and three tenths, or 1 h 30?
        ("1.50", None),
        ("1.30", None),
        ("1:60", None),
        ("1:5", None),
        ("1 h 90", None),
        ("1.5:30", None),
        ("1 30", None),
        ("-1", None),
        ("", None),
        ("an hour", None),
        ("1 d", None),
    ],
)
def test_one_time_in_many_spellings(text: str, minutes: int | None) -> None:
    for language in LANGUAGES:
        assert read_minutes(language, text, "hours") == minutes, language


def test_a_number_without_a_unit_is_what_its_label_says() -> None:
    assert read_minutes("en", "90", "hours") == 5400
    assert read_minutes("en", "90", "minutes") == 90
    assert read_minutes("en", "1.5", "minutes") is None
    assert read_minutes("en", "1.5 h", "minutes") == 90
    assert read_minutes("en", "1,250", "hours") == 75000
    assert read_minutes("nl", "1,250", "hours") is None


def test_the_workspace_is_held_to_what_is_read_here() -> None:
    # frontend/tests/typed.test.ts reads the same table with the readers of the workspace.
    cases = json.loads(read("tests/vectors/figures.json"))
    assert cases["money"] == [
        [language, currency, text, read_money(language, text, currency)]
        for language, currency, text, _ in cases["money"]
    ]
    assert cases["hours"] == [
        [language, text, read_minutes(language, text, "hours")]
        for language, text, _ in cases["hours"]
    ]
    for text, share in cases["shares"]:
        policy, _ = read_form(form_of(Policy(), members_share=text), "en")
        assert (policy and policy.members_share) == (share and Fraction(share)), text

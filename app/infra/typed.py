"""Amounts and times as people type them: one reader for all forms, by the language of the reader.

What can be meant in two ways is refused instead of guessed: a figure of a ledger is never changed
again. What `i18n` writes (`format_money`, `format_minutes`) is always read back the same.
"""

import re
import unicodedata
from decimal import Decimal
from functools import cache
from typing import Literal

from babel.numbers import get_currency_precision, get_currency_symbol

from app.infra.i18n import (
    MINUTES_PER_HOUR,
    decimal_mark,
    format_money,
    locale_of,
)

LENGTH_MAX = 40
DIGITS_MAX = 13
GROUP = 3
Unit = Literal["hours", "minutes"]

_MINUS = "-\u2212\u2013"
_SPACES = re.compile(r"[\s\u00a0\u2009\u202f'\u2019]+")
_DIGITS = re.compile(r"\d+", re.ASCII)
# Words for units in the languages of the catalogue, without accents, with one letter sigma.
_HOURS = "h|hs|hr|hrs|hour|hours|u|uur|uren|ω|ωρ|ωρα|ωρεσ|hora|horas|hores"
_MINUTES = "m|min|mins|minute|minutes|minuut|minuten|λ|λεπ|λεπτο|λεπτα|minuto|minutos|minut|minuts"
_CLOCK = re.compile(r"(\d[\d.,]*?):([0-5]\d)(?:\s*(?:" + _HOURS + r")\.?)?", re.ASCII)
_WORDS = re.compile(
    rf"(?:(?P<hours>[\d.,]+)\s*(?:{_HOURS})\.?)?"
    rf"\s*(?:(?P<minutes>\d{{1,4}})\s*(?:(?P<unit>{_MINUTES})\.?)?)?",
    re.ASCII,
)
# Two decimals of an hour that nobody takes for minutes: 1.25 is an hour and a quarter.
_QUARTERS = frozenset({"00", "25", "75"})


def read_money(language: str, text: str, currency: str) -> int | None:
    """Return an amount in minor units; None for what is none, or can be meant in two ways.

    A mark with three figures after it parts thousands where the language does so; elsewhere it is
    refused. "1.250,50" and "1,250.50" can only mean one thing, in any language.
    """
    said = unicodedata.normalize("NFKC", text).strip()
    if len(said) > LENGTH_MAX:
        return None
    sign, said = _sign(said)
    said = _without_currency(language, said, currency)
    inner, said = _sign(said)
    number = _number(language, said)
    places = get_currency_precision(currency)
    if number is None or len(number[1]) > places or (sign and inner):
        return None
    whole, part = number
    minor = int(whole + part.ljust(places, "0"))
    return -minor if "-" in (sign, inner) else minor


def write_money(language: str, minor: int, currency: str) -> str:
    """Write an amount as somebody would type it into a form: without groups, without currency."""
    places = get_currency_precision(currency)
    plain = f"{abs(Decimal(minor).scaleb(-places)):.{places}f}"
    return ("-" if minor < 0 else "") + plain.replace(".", decimal_mark(language))


def example_money(language: str, currency: str) -> str:
    """Return an amount with a group and a part, as this language writes it."""
    return format_money(language, 125050, currency)


def read_minutes(language: str, text: str, bare: Unit) -> int | None:
    """Return a length of time in minutes; None for what is none, or can be meant in two ways.

    `bare` is what a number without a unit means: the label of its field says so. "1:30",
    "1 h 30", "1 h 30 min", "1.5", "1,5" and "90 min" are one and the same.
    """
    said = _plain_words(text)
    if not said or len(said) > LENGTH_MAX:
        return None
    clock = _CLOCK.fullmatch(said)
    if clock:
        return _whole_hours(language, clock[1], int(clock[2]))
    words = _WORDS.fullmatch(_joined(said))
    if words is None or not (words["hours"] or words["unit"]):
        return _bare(language, said, bare)
    return _with_units(language, words["hours"], words["minutes"])


def write_minutes(minutes: int) -> str:
    """Write a length of time as somebody would type it into a form."""
    return f"{minutes // MINUTES_PER_HOUR}:{minutes % MINUTES_PER_HOUR:02}"


def _with_units(language: str, hours: str | None, minutes: str | None) -> int | None:
    if hours is None:
        return int(minutes or 0)
    if minutes is None:
        return _hours(language, hours)
    fits = int(minutes) < MINUTES_PER_HOUR
    return _whole_hours(language, hours, int(minutes)) if fits else None


def _bare(language: str, said: str, bare: Unit) -> int | None:
    if bare == "hours":
        return _hours(language, said)
    number = _number(language, said)
    return int(number[0]) if number and not number[1] else None


def _hours(language: str, said: str) -> int | None:
    number = _number(language, said)
    if number is None:
        return None
    whole, part = number
    if len(part) > 1 and part not in _QUARTERS:
        return None
    minutes = Decimal(f"{whole}.{part or 0}") * MINUTES_PER_HOUR
    return int(minutes)


def _whole_hours(language: str, said: str, minutes: int) -> int | None:
    number = _number(language, said)
    if number is None or number[1]:
        return None
    return int(number[0]) * MINUTES_PER_HOUR + minutes


def _plain_words(text: str) -> str:
    """Return the text in small letters without accents, so that units are found in it."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(each for each in parts if not unicodedata.combining(each)).strip()


def _joined(said: str) -> str:
    """Close the gaps between groups of figures: "1 250 h" says what "1250 h" says."""
    return re.sub(r"(?<=\d)[\s'\u2019](?=\d{3}(?!\d))", "", said)


def _sign(said: str) -> tuple[str, str]:
    if said[:1] and said[0] in _MINUS:
        return "-", said[1:].strip()
    return ("+", said[1:].strip()) if said[:1] == "+" else ("", said)


@cache
def _names(language: str, currency: str) -> tuple[str, ...]:
    symbol = str(get_currency_symbol(currency, locale=locale_of(language)))
    own = str(get_currency_symbol(currency, locale="en"))
    return tuple(name.casefold() for name in dict.fromkeys((symbol, own, currency)))


def _without_currency(language: str, said: str, currency: str) -> str:
    for name in _names(language, currency):
        folded = said.casefold()
        if folded.startswith(name):
            return said[len(name) :].strip()
        if folded.endswith(name):
            return said[: -len(name)].strip()
    return said


def _number(language: str, said: str) -> tuple[str, str] | None:
    """Return the figures before and after the decimal mark; None where it is no number."""
    pieces = _SPACES.split(said)
    if len(pieces) > 1:
        # Groups with gaps between them: what has a mark beside is their part.
        whole, mark, part = _last_piece(pieces[-1])
        return _checked([*pieces[:-1], whole], part, bool(mark))
    marks = [each for each in said if each in ".,"]
    if len(marks) == 1:
        return _one_mark(language, said, marks[0])
    if len(set(marks)) > 1:
        whole, _, part = said.rpartition(marks[-1])
        return _checked(whole.split(marks[0]), part, True)
    return _checked(said.split(marks[0]) if marks else [said], "", False)


def _one_mark(language: str, said: str, mark: str) -> tuple[str, str] | None:
    whole, _, part = said.partition(mark)
    if len(part) != GROUP:
        return _checked([whole], part, True)
    # Three figures are a group of thousands, unless the language begins fractions so.
    return None if mark == decimal_mark(language) else _checked([whole, part], "", False)


def _last_piece(piece: str) -> tuple[str, str, str]:
    for mark in ",.":
        if mark in piece:
            return piece.partition(mark)
    return piece, "", ""


def _checked(groups: list[str], part: str, marked: bool) -> tuple[str, str] | None:
    """Return the figures where all groups but the first have three, and a mark has some after."""
    figures = [*groups, *([part] if marked else [])]
    if not all(_DIGITS.fullmatch(each) for each in figures):
        return None
    several = len(groups) > 1
    if several and (
        any(len(each) != GROUP for each in groups[1:])
        or len(groups[0]) > GROUP
        or groups[0].startswith("0")
    ):
        return None
    whole = "".join(groups)
    return (whole, part) if len(whole) <= DIGITS_MAX else None

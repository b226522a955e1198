"""Texts that people see: one gettext catalogue per language, read straight from the .po files.

Ids are keyed (`need.claim.button`), texts are whole sentences with named {placeholders}. The
catalogues are parsed once per process; nothing compiled is committed. A text that a language
lacks is taken from the next language of its fallback chain.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date as babel_format_date
from babel.dates import get_day_names
from babel.numbers import (
    format_currency,
    format_decimal,
    format_percent,
    get_currency_name,
    get_currency_precision,
    get_decimal_symbol,
)

LANGUAGES = ("en", "el", "ca", "nl", "es")
DEFAULT_LANGUAGE = "en"
# People who read one of these read the next one better than English.
FALLBACKS: Mapping[str, tuple[str, ...]] = {
    "en": ("en",),
    "el": ("el", "en"),
    "ca": ("ca", "es", "en"),
    "nl": ("nl", "en"),
    "es": ("es", "en"),
    "gl": ("es", "en"),
    "oc": ("ca", "es", "en"),
    "ast": ("es", "en"),
}
NATIVE_NAMES: Mapping[str, str] = {
    "en": "English",
    "el": "Ελληνικά",
    "ca": "Català",
    "nl": "Nederlands",
    "es": "Español",
}
LOCALES_FOLDER = Path(__file__).resolve().parent.parent / "locales"
MINUTES_PER_HOUR = 60

Text = str | tuple[str, str]

_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}(\.?)")
_PO_LINE = re.compile(r'^(?:(msgid|msgid_plural|msgstr(?:\[\d\])?)\s+)?"(.*)"$')
_ESCAPE = re.compile(r'\\(["\\nt])')
_ESCAPED = {'"': '"', "\\": "\\", "n": "\n", "t": "\t"}


def _unescape(quoted: str) -> str:
    return _ESCAPE.sub(lambda found: _ESCAPED[found[1]], quoted)


def _entry_fields(block: str) -> dict[str, str]:
    """Return the keywords of one entry; empty for an obsolete or a fuzzy one."""
    fields: dict[str, str] = {}
    keyword = ""
    for line in block.splitlines():
        if line.startswith("#,") and "fuzzy" in line:
            return {}
        found = _PO_LINE.match(line)
        if found is None:
            continue
        if found[1]:
            keyword = found[1]
            fields[keyword] = ""
        fields[keyword] += _unescape(found[2])
    return fields


def parse_catalogue(source: str) -> dict[str, Text]:
    """Read the part of the PO format that we and the usual editors write."""
    messages: dict[str, Text] = {}
    for block in source.split("\n\n"):
        fields = _entry_fields(block)
        message_id = fields.get("msgid")
        if not message_id:
            continue
        if "msgid_plural" in fields:
            messages[message_id] = (fields["msgstr[0]"], fields["msgstr[1]"])
        elif fields["msgstr"]:
            messages[message_id] = fields["msgstr"]
    return messages


@cache
def _catalogue(language: str) -> dict[str, Text]:
    return parse_catalogue((LOCALES_FOLDER / f"{language}.po").read_text(encoding="utf-8"))


def load_all() -> int:
    """Parse every catalogue now, so that the first request does not pay for it."""
    return sum(len(_catalogue(language)) for language in LANGUAGES)


def fallbacks(language: str) -> tuple[str, ...]:
    """Return the languages to try for a reader of `language`, best first."""
    return FALLBACKS.get(language, (DEFAULT_LANGUAGE,))


def lookup(language: str, message_id: str) -> tuple[Text, str]:
    """Return a text and the language it is really in; an unknown id stands for itself."""
    for candidate in fallbacks(language):
        text = _catalogue(candidate).get(message_id)
        if text is not None:
            return text, candidate
    return message_id, DEFAULT_LANGUAGE


def exists(message_id: str) -> bool:
    return message_id in _catalogue(DEFAULT_LANGUAGE)


def _fill(text: str, params: Mapping[str, object]) -> str:
    """Fill the named places; a value that ends in a full stop ("4 ώ.") takes that of the sentence.

    Not str.format: a translator's "{n.__class__}" must stay text.
    """

    def filled(found: re.Match[str]) -> str:
        value = str(params.get(found[1], f"{{{found[1]}}}"))
        return value + ("" if value.endswith(".") else found[2])

    return _PLACEHOLDER.sub(filled, text)


def translate(language: str, message_id: str, /, **params: object) -> str:
    """Return the sentence in `language`, or in the nearest language that has it."""
    text, _ = lookup(language, message_id)
    return _fill(text if isinstance(text, str) else text[1], params)


def translate_plural(language: str, message_id: str, n: int, /, **params: object) -> str:
    """Return the sentence that fits `n`; {n} is written the way the language writes numbers."""
    text, spoken = lookup(language, message_id)
    chosen = text if isinstance(text, str) else text[0 if n == 1 else 1]
    return _fill(chosen, {"n": format_number(spoken, n), **params})


def negotiate(accept_language: str | None, preferred: str | None = None) -> str:
    """Choose one of LANGUAGES: the person's own choice, else what the browser asks for."""
    if preferred in LANGUAGES:
        return str(preferred)
    for tag in _accepted(accept_language or ""):
        primary = tag.split("-")[0]
        if primary in FALLBACKS:
            return FALLBACKS[primary][0]
    return DEFAULT_LANGUAGE


def _accepted(header: str) -> list[str]:
    """Return the tags of an Accept-Language header, best first; nonsense counts as unwanted."""
    weighted: list[tuple[float, str]] = []
    for part in header[:1000].lower().split(","):
        tag, _, quality = part.strip().partition(";")
        weight = _quality(quality)
        if tag and weight > 0:
            weighted.append((weight, tag.strip()))
    return [tag for _, tag in sorted(weighted, key=lambda pair: -pair[0])]


def _quality(parameter: str) -> float:
    if not parameter.strip():
        return 1.0
    found = re.fullmatch(r"\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*", parameter)
    return min(float(found[1]), 1.0) if found else 0.0


def catalogue(language: str, prefixes: Iterable[str] = ("",)) -> dict[str, str | list[str]]:
    """Return every text whose id starts with one of the prefixes, fallbacks filled in."""
    wanted = tuple(prefixes)
    chosen: dict[str, str | list[str]] = {}
    for message_id in sorted(_catalogue(DEFAULT_LANGUAGE)):
        if message_id.startswith(wanted):
            text, _ = lookup(language, message_id)
            chosen[message_id] = text if isinstance(text, str) else list(text)
    return chosen


def catalogue_json(language: str, prefixes: Iterable[str] = ("",)) -> str:
    return json.dumps(catalogue(language, prefixes), ensure_ascii=False, separators=(",", ":"))


@cache
def _languages() -> frozenset[str]:
    """The codes of ISO 639 that the CLDR has a name for: others could only be shown as letters."""
    return frozenset(Locale("en").languages)


def language_known(code: str) -> bool:
    """Say whether a language tag is of a language that we can name."""
    return code.split("-", maxsplit=1)[0] in _languages()


@cache
def locale_of(language: str) -> Locale:
    """Return the conventions of a language: marks of numbers, names of months and currencies."""
    # British forms: "29 Mar 2026" and not "Mar 29, 2026".
    return Locale.parse("en_GB" if language == "en" else fallbacks(language)[0])


def format_date(language: str, value: date) -> str:
    """Write a day with its month by name: figures alone are read in two ways."""
    # CLDR's short Catalan form drops the second "de" that everybody says.
    pattern = "d MMM 'de' y" if locale_of(language).language == "ca" else "d MMM y"
    return str(babel_format_date(value, format=pattern, locale=locale_of(language)))


def format_month(language: str, value: date, *, year: bool = False) -> str:
    """Write a month by its name, with its year where the reader needs it."""
    pattern = "LLLL y" if year else "LLL"
    return str(babel_format_date(value, format=pattern, locale=locale_of(language)))


def format_datetime(language: str, value: datetime, zone: str = "UTC") -> str:
    """Write an aware moment in the reader's zone, 24-hour clock."""
    if value.tzinfo is None:
        message = "a moment without a zone cannot be shown"
        raise ValueError(message)
    local = value.astimezone(ZoneInfo(zone))
    return f"{format_date(language, local.date())}, {local:%H:%M}"


def format_datetime_named(language: str, value: datetime, zone: str) -> str:
    """Write an aware moment in a zone and name the zone: what hangs on it is never guessed."""
    return f"{format_datetime(language, value, zone)} ({zone.replace('_', ' ')})"


def day_names(language: str, width: Literal["wide", "abbreviated"]) -> list[str]:
    """Return the days of the week, Monday first."""
    names = get_day_names(width, context="stand-alone", locale=locale_of(language))
    return [str(names[day]) for day in range(7)]


def format_number(language: str, value: float | Decimal) -> str:
    return str(format_decimal(value, locale=locale_of(language)))


def format_share(language: str, value: float | Decimal) -> str:
    """Write a share of one as a percentage with at most one decimal."""
    return str(format_percent(value, format="#,##0.#%", locale=locale_of(language)))


def decimal_mark(language: str) -> str:
    """Return what parts whole numbers from their fractions."""
    return str(get_decimal_symbol(locale_of(language)))


def currency_name(language: str, currency: str) -> str:
    """Return a currency's own name in a language."""
    return str(get_currency_name(currency, locale=locale_of(language)))


def format_money(language: str, minor: int, currency: str) -> str:
    """Write minor units (cents) as money, the way the language does; below zero with a minus."""
    amount = Decimal(minor).scaleb(-get_currency_precision(currency))
    shown = str(format_currency(abs(amount), currency, locale=locale_of(language)))
    return f"\u2212{shown}" if minor < 0 else shown


def format_minutes(language: str, minutes: int) -> str:
    """Write a duration in hours and minutes: 150 is "2 h 30 min"; below zero with a minus."""
    if minutes < 0:
        return f"\u2212{format_minutes(language, -minutes)}"
    hours, rest = divmod(minutes, MINUTES_PER_HOUR)
    if hours == 0:
        return translate(language, "format.duration.minutes", minutes=rest)
    shown = format_number(language, hours)
    if rest == 0:
        return translate(language, "format.duration.hours", hours=shown)
    return translate(language, "format.duration.both", hours=shown, minutes=rest)

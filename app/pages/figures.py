"""Amounts and times of a form: read by the reader's language, with what to write where that fails.

On every page a time without a unit is in hours, and its label says so.
"""

from collections.abc import Sequence

from app.errors import FieldError, InvalidError
from app.infra.i18n import currency_name
from app.infra.typed import example_money, read_minutes, read_money, write_money
from app.pages.forms import Form

EXAMPLE = 125050


def currency_choices(language: str, codes: Sequence[str]) -> list[tuple[str, str]]:
    """Return currencies by their code and name, for a list to choose from."""
    return [(code, f"{code} \u2013 {currency_name(language, code)}") for code in codes]


def amount_words(language: str, currency: str) -> dict[str, str]:
    """Return how an amount is written: the two examples of hints and of refusals."""
    return {
        "plain": write_money(language, EXAMPLE, currency),
        "example": example_money(language, currency),
    }


def amount_fault(place: str, language: str, currency: str) -> FieldError:
    """Return what is said about an amount that cannot be read for certain."""
    return FieldError(f"/{place}", "amount_unreadable", amount_words(language, currency))


def amount_of(form: Form, name: str, language: str, currency: str) -> int:
    """Return an amount in minor units; 422 where it cannot be read for certain."""
    minor = read_money(language, form.value(name), currency)
    if minor is None:
        fault = amount_fault(name, language, currency)
        raise InvalidError("form_unreadable", errors=[fault])
    return minor


def minutes_of(form: Form, name: str, language: str) -> int:
    """Return a time in minutes; 422 where it cannot be read for certain."""
    minutes = read_minutes(language, form.value(name), "hours")
    if minutes is None:
        raise InvalidError("form_unreadable", errors=[time_fault(name)])
    return minutes


def time_fault(place: str) -> FieldError:
    """Return what is said about a time that cannot be read for certain."""
    return FieldError(f"/{place}", "time_unreadable")

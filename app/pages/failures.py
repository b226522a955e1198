"""A refusal as sentences beside the fields they are about, in the reader's language."""

from collections.abc import Iterable, Mapping

from pydantic import ValidationError

from app.domain.access import Denied
from app.errors import AppError, FieldError
from app.infra import i18n
from app.pages.figures import amount_fault
from app.pages.forms import Form, Problem

# Where a field of the domain has another name in the form, or is one of several there.
# Objects whose parts are fields of their own in the form.
GROUPS = frozenset({"clocks"})
RENAMED = {"estimate_minutes": "hours", "worked_on": "worked_on"}
# Times are minutes inside, and hours and minutes to whoever fills in a box.
TIMES = frozenset({"estimate_minutes", "minutes", "recent_minutes", "minimum", "cap"})
BOUNDS = {
    "less_than_equal": ("le", "error.field.time_at_most"),
    "less_than": ("lt", "error.field.time_at_most"),
    "greater_than_equal": ("ge", "error.field.time_at_least"),
    "greater_than": ("gt", "error.field.time_at_least"),
    "confirmation_minutes": ("logged", "error.field.time_at_most"),
    "settlement_minutes": ("logged", "error.field.time_at_most"),
    "dispute_minutes": ("most", "error.field.time_at_most"),
    "day_overfull": ("left", "error.field.time_at_most"),
    "scoping_overfull": ("left", "error.field.time_at_most"),
}
# What a field wants that reads only certain words.
WANTED = {
    **dict.fromkeys(("address", "email"), "error.field.wants_mail"),
    **dict.fromkeys(("link", "site", "website", "url", "origin"), "error.field.wants_web"),
    "handle": "error.field.wants_handle",
    "signal": "error.field.wants_signal",
    "time_zone": "error.field.time_zone_unknown",
}
EMPTY_CODES = frozenset({"string_too_short", "string_pattern_mismatch", "too_short"})


def sentence(language: str, error: AppError) -> str:
    """Return the sentence of a refusal, the general one of its kind when it has none of its own."""
    for message_id in (f"error.{error.code}", f"error.kind.{error.kind}"):
        if i18n.exists(message_id):
            return i18n.translate(language, message_id, **error.params)
    return i18n.translate(language, "error.kind.internal")


def reason(language: str, denied: Denied) -> str:
    """Return the sentence of a policy's no."""
    return i18n.translate(language, f"error.{denied.code}", **denied.params)


def refused(form: Form, language: str, error: AppError) -> Form:
    """Return the form with what the domain found wrong."""
    found = [_problem(language, item, form) for item in error.errors]
    return Form(form.sent, found or [Problem(None, sentence(language, error))])


def invalid(form: Form, language: str, error: ValidationError) -> Form:
    """Return the form with what its shape lacks; never repeats what was sent."""
    found = []
    for item in error.errors(include_input=False, include_url=False)[:20]:
        numbers = {k: v for k, v in item.get("ctx", {}).items() if isinstance(v, int | float)}
        place = "/".join(str(part) for part in item["loc"])
        # Texts that are tidied before they are measured are "values" to Pydantic, lists are lists.
        text = item["type"] in {"too_short", "too_long"} and item["ctx"]["field_type"] == "Value"
        code = f"string_{item['type']}" if text else item["type"]
        found.append(_problem(language, FieldError(f"/{place}", code, numbers), form))
    return Form(form.sent, found)


def _problem(language: str, item: FieldError, form: Form) -> Problem:
    path = item.pointer.lstrip("/?").split("/")
    name = path[-1 if path[0] in GROUPS else 0].split(".")[0]
    if path == ["amount", "minor"] and item.code == "int_parsing":
        item = amount_fault("amount", language, "EUR")
    shown = RENAMED.get(name, name)
    empty = shown in form.sent and not "".join(form.values(shown)).strip()
    if empty and item.code in EMPTY_CODES:
        item = FieldError(item.pointer, "missing")
    said = _said_of(language, path[-1].split(".")[0], item)
    return Problem(shown or None, said or _field_text(language, item.code, item.params))


def _said_of(language: str, name: str, item: FieldError) -> str:
    """Return the sentence that fits this kind of field, where it has one of its own."""
    if name in TIMES and item.code in BOUNDS:
        bound, message_id = BOUNDS[item.code]
        time = i18n.format_minutes(language, int(item.params[bound]))
        return i18n.translate(language, message_id, time=time)
    if name in TIMES and item.code in {"int_parsing", "int_type", "int_from_float"}:
        return i18n.translate(language, "error.field.time_unreadable")
    if name in WANTED and item.code == "string_pattern_mismatch":
        return i18n.translate(language, WANTED[name])
    if item.code == "string_too_short" and item.params.get("min_length") == 1:
        return i18n.translate(language, "error.field.missing")
    return ""


def _field_text(language: str, code: str, params: Mapping[str, object]) -> str:
    # What has no words for its field alone says why the whole was refused.
    for message_id in (f"error.field.{code}", f"error.{code}"):
        if i18n.exists(message_id):
            return i18n.translate(language, message_id, **params)
    return i18n.translate(language, "error.field.invalid")


def choices(language: str, prefix: str, values: Iterable[str]) -> list[tuple[str, str]]:
    """Return values with their names, for a list to choose from."""
    return [(value, i18n.translate(language, f"{prefix}.{value}")) for value in values]

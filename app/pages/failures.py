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
    found = [_problem(language, item) for item in error.errors]
    return Form(form.sent, found or [Problem(None, sentence(language, error))])


def invalid(form: Form, language: str, error: ValidationError) -> Form:
    """Return the form with what its shape lacks; never repeats what was sent."""
    found = []
    for item in error.errors(include_input=False, include_url=False)[:20]:
        numbers = {k: v for k, v in item.get("ctx", {}).items() if isinstance(v, int | float)}
        place = "/".join(str(part) for part in item["loc"])
        found.append(_problem(language, FieldError(f"/{place}", item["type"], numbers)))
    return Form(form.sent, found)


def _problem(language: str, item: FieldError) -> Problem:
    path = item.pointer.lstrip("/?").split("/")
    name = path[-1 if path[0] in GROUPS else 0].split(".")[0]
    if path == ["amount", "minor"] and item.code == "int_parsing":
        item = amount_fault("amount", language, "EUR")
    return Problem(RENAMED.get(name, name) or None, _field_text(language, item.code, item.params))


def _field_text(language: str, code: str, params: Mapping[str, object]) -> str:
    # What has no words for its field alone says why the whole was refused.
    for message_id in (f"error.field.{code}", f"error.{code}"):
        if i18n.exists(message_id):
            return i18n.translate(language, message_id, **params)
    return i18n.translate(language, "error.field.invalid")


def choices(language: str, prefix: str, values: Iterable[str]) -> list[tuple[str, str]]:
    """Return values with their names, for a list to choose from."""
    return [(value, i18n.translate(language, f"{prefix}.{value}")) for value in values]

"""The parts of a score in words, the same on pages, in answers and in letters."""

from app.domain.matching.rules import Reason
from app.infra.i18n import exists, format_minutes, translate, translate_plural


def reason_text(language: str, reason: Reason) -> str:
    """Say a reason in words; a count chooses between one and several by itself."""
    message = f"match.{reason.code}"
    params: dict[str, int | str] = dict(reason.params)
    if reason.code.startswith("new_") and params["n"]:
        message = f"match.age_{reason.code.removeprefix('new_')}"  # today has words of its own
    if "language" in params:
        name = f"language.{params['language']}"
        params["language"] = translate(language, name) if exists(name) else params["language"]
    for part in ("free", "asked"):
        if isinstance(minutes := params.pop(f"{part}_minutes", None), int):
            params[part] = format_minutes(language, minutes)
    count = params.pop("n", None)
    if isinstance(count, int) and not (reason.code.startswith("new_") and count == 0):
        return translate_plural(language, message, count, **params)
    return translate(language, message, **params)

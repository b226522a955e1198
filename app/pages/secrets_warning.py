"""A second look before something is written where others read it: a hint, never a refusal.

In public a telephone number or an address is found too; between two who work together those are
what one writes, and only passwords and keys are asked about.
"""

from collections.abc import Mapping
from dataclasses import replace

from app.infra.i18n import translate
from app.infra.secrets_in_text import SecretKind, find_secrets
from app.pages.dependencies import Visit
from app.pages.forms import Form, Problem


def warned(
    visit: Visit, form: Form, texts: Mapping[str, str], *, private: bool = False, before: str = ""
) -> Form | None:
    """Return the form with what was found in it; None where nothing was, or it shall stay.

    What stood there `before` was kept knowingly already.
    """
    if "yes" in form.values("keep"):
        return None
    found = [
        (name, finding.kind.value, finding.text)
        for name, text in texts.items()
        for finding in find_secrets(text)
        if (finding.kind is SecretKind.PASSWORD or not private) and finding.text not in before
    ]
    if not found:
        return None
    said = translate(visit.language, "page.secrets.look")
    return replace(form, problems=[Problem(found[0][0], said)], found=found)

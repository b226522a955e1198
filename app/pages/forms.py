"""A form as the reader sent it: its values come back, its faults stand beside their fields."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from app.errors import InvalidError

DIGITS_MAX = 9


class Problem(NamedTuple):
    """One sentence about what did not hold, and the field it is about.

    In the list of all faults it may have to say more: which of several rows it means.
    """

    field: str | None
    text: str
    listed: str = ""


class SentFile(NamedTuple):
    """A file that came with a form."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Form:
    """The values to show in a form and what was wrong with them."""

    sent: Mapping[str, Sequence[str]] = field(default_factory=dict)
    problems: Sequence[Problem] = ()
    file: SentFile | None = None
    # What in it should perhaps not be read by others: the field, the kind and the piece itself.
    found: Sequence[tuple[str, str, str]] = ()

    def value(self, name: str) -> str:
        """Return the one value of a field, empty when there is none."""
        values = self.sent.get(name, ())
        return values[0] if values else ""

    def number(self, name: str) -> int:
        """Return a number that a form of ours carries; anything else was tampered with."""
        value = self.value(name)
        if not value.isascii() or not value.isdigit() or len(value) > DIGITS_MAX:
            raise InvalidError("form_unreadable")
        return int(value)

    def values(self, name: str) -> Sequence[str]:
        """Return all values of a field with several."""
        return self.sent.get(name, ())

    def fault(self, name: str) -> str:
        """Return the sentence that belongs beside a field."""
        return next((problem.text for problem in self.problems if problem.field == name), "")

    def fingerprint(self) -> str:
        """Return what tells this form from another: the same one sent twice has the same."""
        raw = json.dumps({name: list(values) for name, values in sorted(self.sent.items())})
        digest = hashlib.sha256(raw.encode())
        if self.file is not None:
            digest.update(self.file.name.encode(errors="replace") + b"\n" + self.file.content)
        return digest.hexdigest()

    def with_values(self, **values: str) -> "Form":
        """Return the form with some fields filled in where nothing was sent."""
        filled = {name: [value] for name, value in values.items() if value}
        return replace(self, sent={**filled, **self.sent})

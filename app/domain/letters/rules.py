"""What a letter is made of. Pure."""

import hashlib
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID


@dataclass(frozen=True)
class Draft:
    """A letter to be written.

    `template` names the texts `letter.<template>.subject`, `.text` (paragraphs, an empty line
    between), optionally `.button` (the words of the link in `values["link"]`) and `.why` (why the
    reader gets this). `values` fill the placeholders of the texts; those under "link" and
    "stop_link" are addresses of this instance. `key`, where given, makes a second letter of the
    same key nothing. `list_name` is the List-Id, and what one unsubscribes from.
    """

    address: str
    template: str
    values: dict[str, Any] = field(default_factory=dict)
    language: str = "en"
    list_name: str = "instance"
    account_id: UUID | None = None
    key: str | None = None


def hash_of(token: str) -> bytes:
    """Return what is kept of a link's secret (256 random bits need no salt)."""
    return hashlib.sha256(token.encode()).digest()

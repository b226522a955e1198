"""What a need holds beside its words: money, ways to be reached, what changes hands at its end.

Shapes only; the tables stand in needs.py.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import StringConstraints, model_validator
from pydantic_core import PydanticCustomError
from sqlmodel import Field

from app.models.base import Fields, Line, Text

AMOUNT_MAX = 10**12
_DIGITS_OF_A_PHONE = 7
_PHONE = re.compile(r"^(?:tel:)?\+?[\d\s().\-/]{7,}$", re.IGNORECASE)
_DIGITS = re.compile(r"\d")


class Amount(Fields):
    """Money for the whole work of one person, in the currency's smallest unit."""

    minor: Annotated[int, Field(ge=1, le=AMOUNT_MAX)]
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


class ContactKind(StrEnum):
    """How an organisation is reached."""

    EMAIL = "email"
    SIGNAL = "signal"
    MATRIX = "matrix"
    XMPP = "xmpp"
    URL = "url"
    OTHER = "other"


CONTACT_PATTERNS = {
    ContactKind.EMAIL: re.compile(r"^[^\s@<>\"]{1,64}@[^\s@<>\"]{1,180}\.[^\s@<>\".]{2,60}$"),
    # A username as Signal makes them; its phone numbers are not for us to keep.
    ContactKind.SIGNAL: re.compile(
        r"^(?:[A-Za-z_][A-Za-z0-9_]{2,31}\.\d{2,9}|https://signal\.me/#eu/[A-Za-z0-9_-]{10,100})$"
    ),
    ContactKind.MATRIX: re.compile(r"^[@#][^\s:]{1,120}:[A-Za-z0-9.\-:\[\]]{1,120}$"),
    ContactKind.XMPP: re.compile(r"^[^\s@<>\"]{1,64}@[^\s@<>\"]{1,180}$"),
    ContactKind.URL: re.compile(r"^https?://[^\s<>\"\\]{1,280}$"),
}


def looks_like_phone(value: str) -> bool:
    """Say whether a text is a phone number and nothing else."""
    return bool(_PHONE.match(value)) and len(_DIGITS.findall(value)) >= _DIGITS_OF_A_PHONE


class Contact(Fields):
    """One way to reach an organisation; a phone number is none."""

    kind: ContactKind
    value: Annotated[Line, StringConstraints(min_length=2, max_length=300)]

    @model_validator(mode="after")
    def _reachable(self) -> "Contact":
        if looks_like_phone(self.value):
            code, said = "contact_is_phone", "a phone number is not kept here"
            raise PydanticCustomError(code, said)
        pattern = CONTACT_PATTERNS.get(self.kind)
        if pattern is not None and not pattern.match(self.value):
            code, said = "contact_unreadable", "not a way of this kind"
            raise PydanticCustomError(code, said)
        return self


class HandoverKind(StrEnum):
    """What changes hands when something was built."""

    DOMAINS = "domains"
    KEYS = "keys"
    BACKUPS = "backups"
    EXIT = "exit"
    OTHER = "other"


class HandoverItem(Fields):
    """A line of the checklist."""

    kind: HandoverKind
    text: Annotated[Line, StringConstraints(max_length=300)] = ""
    done: bool = False


class Maintainer(StrEnum):
    """Who keeps what was built."""

    WORKER = "worker"
    ORGANISATION = "organisation"
    NOBODY = "nobody"


class TranslationFields(Fields):
    """A need's words in another language; `human` unless a program wrote them."""

    title: Annotated[Line, StringConstraints(min_length=3, max_length=200)]
    body: Annotated[Text, StringConstraints(max_length=20_000)] = ""
    human: bool = True


class ClosingFields(Fields):
    """What closing a need asks: what is handed over, and who keeps it running."""

    maintainer: Maintainer | None = None
    claim_id: UUID | None = None
    handed_over: Annotated[list[HandoverKind], Field(max_length=5)] = []
    handover_note: Annotated[Text, StringConstraints(max_length=2000)] = ""
    recurs_months: Annotated[int, Field(ge=1, le=24)] | None = None
    closed_without_work: bool = False
    reason: Annotated[Text, StringConstraints(max_length=2000)] = ""


class ProposalState(StrEnum):
    """What became of a proposed scope."""

    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    DECLINED = "declined"


__all__ = [
    "Amount", "ClosingFields", "Contact", "ContactKind", "HandoverItem", "HandoverKind",
    "Maintainer", "ProposalState", "TranslationFields", "looks_like_phone",
]  # fmt: skip


# From how few to how many days a need may set each of its clocks.
CLOCK_BOUNDS: Mapping[str, tuple[int, int]] = {
    "start_days": (1, 14),
    "heartbeat_days": (3, 30),
    "answer_days": (1, 5),
    "confirm_days": (7, 14),
    "renewal_days": (14, 120),
}


def _days_of(name: str) -> Any:
    least, most = CLOCK_BOUNDS[name]
    return Field(ge=least, le=most)


class ClockFields(Fields):
    """What an organisation sets of a need's clocks, in days; nothing set is the usual time.

    The bounds are promises to the other side: nobody loses a place overnight, and no answer or
    confirmation may be put off further than the clocks of every need allow.
    """

    start_days: Annotated[int, _days_of("start_days")] | None = None
    heartbeat_days: Annotated[int, _days_of("heartbeat_days")] | None = None
    answer_days: Annotated[int, _days_of("answer_days")] | None = None
    confirm_days: Annotated[int, _days_of("confirm_days")] | None = None
    renewal_days: Annotated[int, _days_of("renewal_days")] | None = None

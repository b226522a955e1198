"""Rules of receipts: hours as a text, and what a verified receipt says. Pure."""

import json
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

MINUTES_PER_HOUR = 60
# Four figures tell every whole minute apart, and what is written is read back exactly.
HOURS_STEP = Decimal("0.0001")


@dataclass(frozen=True)
class Signed:
    """A receipt whose signature holds, with the key that shows it."""

    url: str
    issuer: str
    key_id: str
    public_key: bytes
    document: bytes
    subject: str
    agreement: str
    need: str
    minutes: int
    issued_at: datetime
    replaces: str | None
    organisation: str = ""


@dataclass(frozen=True)
class Content:
    """What a receipt says beside its minutes, as people read it."""

    organisation: str
    need: str
    stream: str
    worked_on: date | None
    issuer: str


def content_of(document: bytes) -> Content:
    """Read a document that we have verified and keep."""
    whole = json.loads(document)
    subject = whole["credentialSubject"]
    day = subject.get("workedOn")
    return Content(
        organisation=subject.get("organisation", ""),
        need=subject["need"],
        stream=subject.get("stream", ""),
        worked_on=date.fromisoformat(day) if day else None,
        issuer=whole["issuer"],
    )


def sentence_of(code: str) -> str:
    """Return the id of the sentence that tells people how a receipt stands."""
    if code in {"valid", "replaced", "revoked"}:
        return f"receipt.result.{code}"
    return f"error.receipt_{code}"


def hours_text(minutes: int) -> str:
    """Write minutes as hours: "3.5"; thirds of an hour with four figures."""
    hours = (Decimal(minutes) / MINUTES_PER_HOUR).quantize(HOURS_STEP, ROUND_HALF_UP)
    return f"{hours.normalize():f}"


def minutes_of_hours(text: str) -> int | None:
    """Read what `hours_text` wrote; None for a text that it would not write."""
    minutes = int((Decimal(text) * MINUTES_PER_HOUR).quantize(Decimal(1), ROUND_HALF_UP))
    return minutes if minutes > 0 and hours_text(minutes) == text else None

"""What all documents share."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
)

from app.federation.wire.addresses import Address
from app.federation.wire.context import NATIVE_CONTEXT


def _spelled(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _showable(moment: datetime) -> datetime:
    """Refuse what is no moment of ours: at the ends of the calendar no clock can show it."""
    if not EARLIEST <= moment <= LATEST:
        raise ValueError("out of time")
    return moment


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("out of time") from None


EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
_Spelled = PlainSerializer(_spelled, return_type=str)
Moment = Annotated[AwareDatetime, AfterValidator(_showable), _Spelled]
# Only its day is looked at, and people may write any.
LastMoment = Annotated[AwareDatetime, AfterValidator(_in_utc), _Spelled]
Version = Annotated[int, Field(ge=1, le=2**31 - 1)]


class Document(BaseModel):
    """Part of a message: immutable; fields that this version does not know are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=False, populate_by_name=True)


class Message(Document):
    """A whole message: who says it, under which address it can be referred to."""

    context: list[Any] = Field(alias="@context")
    id: Address
    type: str
    actor: Address


def to_wire(document: Message) -> dict[str, Any]:
    """Return a message as JSON, with the constant context first and no empty fields."""
    written = document.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {**written, "@context": NATIVE_CONTEXT}


def part_to_wire(document: Document) -> dict[str, Any]:
    """Return a part of a message as JSON, without empty fields."""
    return document.model_dump(mode="json", by_alias=True, exclude_none=True)

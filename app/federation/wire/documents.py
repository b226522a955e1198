"""What all documents share."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer

from app.federation.wire.addresses import Address
from app.federation.wire.context import NATIVE_CONTEXT


def _spelled(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


Moment = Annotated[AwareDatetime, PlainSerializer(_spelled, return_type=str)]
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

"""Shapes of receipts."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StringConstraints

from app.api.schemas.base import Body, Shape
from app.domain.receipts.rules import content_of
from app.models.receipts import Receipt, ReceiptSource, ReceiptState


class ReceiptShape(Shape):
    """A receipt: who confirmed how much, when, and whether that stands."""

    id: UUID
    url: str
    issuer: str
    organisation: str
    need: str
    minutes: int
    stream: str
    worked_on: date | None
    issued_at: datetime
    source: ReceiptSource
    state: ReceiptState
    replaces: str | None
    replaced_by: str | None
    proven: bool = Field(
        description="Of one that was brought: its holder's instance said whose it is."
    )

    @classmethod
    def values_of(cls, receipt: Receipt) -> dict[str, Any]:
        """Read a receipt and the document in it."""
        said = content_of(receipt.document)
        return {
            **receipt.model_dump(),
            "organisation": said.organisation,
            "need": said.need,
            "stream": said.stream,
            "worked_on": said.worked_on,
            "proven": receipt.source != ReceiptSource.SHOWN or receipt.proven_at is not None,
        }

    @classmethod
    def of(cls, receipt: Receipt) -> "ReceiptShape":
        """Show a receipt."""
        return cls.model_validate(cls.values_of(receipt))


class ReceiptWhole(ReceiptShape):
    """A receipt with the signed document itself."""

    document: dict[str, Any]


class ReceiptImport(Body):
    """A file as it was saved: a receipt, a list of them, or a bundle."""

    document: dict[str, Any] | list[dict[str, Any]]


class BroughtShape(Shape):
    """What became of one receipt in a file; `code` is empty when it was kept or known."""

    receipt: ReceiptShape | None
    new: bool
    code: str
    message: str


class ReceiptImportResult(Shape):
    """What became of each receipt in a file, in its order."""

    items: list[BroughtShape]


class ReceiptCodeShape(Shape):
    """A one-time code to carry to one's other instance."""

    code: str
    expires_at: datetime


class BundleWish(Body):
    """For whom a bundle is made: a code of another instance, and that instance; or nobody."""

    code: Annotated[str, StringConstraints(max_length=200)] = ""
    reader: Annotated[str, StringConstraints(max_length=300)] = ""


class ReceiptCheck(Shape):
    """How a receipt stands when it is looked at anew."""

    code: Annotated[str, Field(description="`valid`, `replaced`, `revoked`, or why it is not.")]
    valid: bool
    message: str
    at: datetime

"""A receipt as it travels and as people keep it: a W3C Verifiable Credential 2.0, and a bundle.

Unlike in messages, fields that this version does not know are refused: a signature over what nobody
reads would lend it weight. `@context` holds addresses only and never an object, which other
verifiers compare by identity; nothing is ever fetched from these addresses.
"""

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from app.federation.wire.addresses import Address
from app.federation.wire.context import NAMESPACE
from app.federation.wire.documents import Document, Message, Moment

CREDENTIALS_V2 = "https://www.w3.org/ns/credentials/v2"
OWN_CONTEXT_URL = f"{NAMESPACE}/v1"
OWN_CONTEXT_FILE = Path(__file__).with_name("mutual-aid-v1.jsonld")
RECEIPT_CONTEXT = [CREDENTIALS_V2, OWN_CONTEXT_URL]
RECEIPT_TYPE = ["VerifiableCredential", "ContributionReceipt"]
BUNDLE_TYPE = ["VerifiablePresentation"]
CREDENTIAL_JSON = "application/vc"
BUNDLE_MAX = 1_000

MomentText = Annotated[str, StringConstraints(max_length=40)]
Hours = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,5})(\.[0-9]{1,4})?$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Stream = Literal["livelihood", "gift", "care", "governance"]


def _a_day(text: str) -> str:
    date.fromisoformat(text)
    return text


Day = Annotated[
    str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"), AfterValidator(_a_day)
]


def _exactly(expected: list[str]) -> AfterValidator:
    def check(value: list[str]) -> list[str]:
        if value != expected:
            raise ValueError("another list")
        return value

    return AfterValidator(check)


class Strict(BaseModel):
    """Part of a signed document: exactly these fields, nothing read as something else."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Subject(Strict):
    """What was confirmed, of whom: an opaque id, never a name."""

    id: Address
    fulfills: Address
    need: Address
    hours: Hours
    stream: Stream | None = None
    workedOn: Day | None = None  # noqa: N815 - as the other terms are spelled
    organisation: Name | None = None


class Credential(Strict):
    """A receipt of contributed work."""

    context: Annotated[list[str], _exactly(RECEIPT_CONTEXT)] = Field(alias="@context")
    id: Address
    type: Annotated[list[str], _exactly(RECEIPT_TYPE)]
    issuer: Address
    validFrom: MomentText  # noqa: N815
    replaces: Address | None = None
    credentialSubject: Subject  # noqa: N815
    proof: dict[str, Any]


class Bundle(Strict):
    """All receipts of one person, signed by the instance that knows whose they are."""

    context: Annotated[list[str], _exactly([CREDENTIALS_V2])] = Field(alias="@context")
    id: Address
    type: Annotated[list[str], _exactly(BUNDLE_TYPE)]
    holder: Address
    verifiableCredential: Annotated[  # noqa: N815
        list[dict[str, Any]], Field(max_length=BUNDLE_MAX)
    ]
    proof: dict[str, Any]


class ReceiptDocument(Document):
    """A receipt inside a message; `credential` is the signed document, whole."""

    type: Literal["Document"] = "Document"
    id: Address
    attributedTo: Address  # noqa: N815
    context: Address
    credential: dict[str, Any]


class CreateReceipt(Message):
    """The issuer confirms the hours of an agreement with us (FEP-0837's confirmation)."""

    type: Literal["Create"] = "Create"
    to: Address
    published: Moment
    object: ReceiptDocument


class ReceiptTombstone(Document):
    """A receipt that its issuer no longer stands by."""

    type: Literal["Tombstone"] = "Tombstone"
    formerType: Literal["Document"] = "Document"  # noqa: N815
    id: Address
    deleted: Moment


class DeleteReceipt(Message):
    """The issuer takes a receipt back, and puts none in its place."""

    type: Literal["Delete"] = "Delete"
    to: Address
    published: Moment
    object: ReceiptTombstone

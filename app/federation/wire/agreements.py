"""A claim that two instances share: offer, agreement, work report (FEP-0837, ValueFlows).

The need's instance owns the Agreement, the worker's instance the work report. Both are versioned:
a reader goes by the newest it has seen, in whatever order they arrive. A report is a Document with
the properties of an EconomicEvent, because readers refuse embedded types that they do not know.
"""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from app.federation.wire.addresses import Address
from app.federation.wire.documents import Document, Message, Moment, Version
from app.federation.wire.needs import Quantity, Token

# Written as HTML a text can be several times as long as it was typed.
NOTE_CHARACTERS_MAX = 24_000
REASON_CHARACTERS_MAX = 12_000
CONTACT_CHARACTERS_MAX = 3000
LETTER_CHARACTERS_MAX = 50_000
DAYS_MAX = 250
CONTACTS_MAX = 5
PRIMARY = "#primary"
Reason = Annotated[str, StringConstraints(max_length=REASON_CHARACTERS_MAX)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=80)]
AgreementStatus = Literal[
    "accepted", "active", "submitted", "changes_requested", "disputed", "completed", "cancelled",
    "lapsed",
]  # fmt: skip
# Said again, the first, the second and the fourth mean: still on it.
ReportStatus = Literal["accepted", "active", "submitted", "changes_requested", "disputed"]


class Commitment(Document):
    """Who would do it (an address that says nothing of anybody), and for which need.

    `name` is there only if the person wants to be called by it, in this agreement.
    """

    type: Literal["Commitment"] = "Commitment"
    id: Address | None = None
    satisfies: Address
    provider: Address
    resourceQuantity: Quantity | None = None  # noqa: N815 - the vocabulary's own spelling
    name: Name | None = None


class ProposedAgreement(Document):
    """What is offered; it gets its address from the instance that accepts it."""

    type: Literal["Agreement"] = "Agreement"
    stipulates: Commitment
    content: Annotated[str, StringConstraints(max_length=NOTE_CHARACTERS_MAX)] | None = None


class ContactNote(Document):
    """A way to reach the organisation, for the accepted person alone."""

    type: Literal["Note"] = "Note"
    name: Token
    content: Annotated[str, StringConstraints(min_length=1, max_length=CONTACT_CHARACTERS_MAX)]


class Agreement(Document):
    """How an agreement stands, by the word of the instance where the need lives.

    `inReplyTo` is the work report that it has heard of, with its version behind `#v`. `endTime`
    asks for a sign of life until then. `effortQuantity` is what was confirmed.
    """

    type: Literal["Agreement"] = "Agreement"
    id: Address
    version: Version
    status: AgreementStatus
    attributedTo: Address  # noqa: N815
    stipulates: Commitment
    updated: Moment
    content: Reason | None = None
    endTime: Moment | None = None  # noqa: N815
    effortQuantity: Quantity | None = None  # noqa: N815
    inReplyTo: Address | None = None  # noqa: N815
    attachment: Annotated[tuple[ContactNote, ...], Field(max_length=CONTACTS_MAX)] = ()


class WorkedDay(Document):
    """Work of a day."""

    type: Literal["Document"] = "Document"
    startTime: Moment  # noqa: N815
    effortQuantity: Quantity  # noqa: N815
    content: Reason | None = None


class WorkReport(Document):
    """What the worker has done, by the word of their own instance; all of it each time."""

    type: Literal["Document"] = "Document"
    id: Address
    name: Literal["Work report"] = "Work report"
    version: Version
    status: ReportStatus
    attributedTo: Address  # noqa: N815
    context: Address
    action: Literal["deliverService"] = "deliverService"
    fulfills: Address
    provider: Address
    updated: Moment
    effortQuantity: Quantity | None = None  # noqa: N815
    content: Reason | None = None
    attachment: Annotated[tuple[WorkedDay, ...], Field(max_length=DAYS_MAX)] = ()


class Letter(Document):
    """What one side of an accepted agreement writes to the other; private to the two."""

    type: Literal["Note"] = "Note"
    id: Address
    context: Address
    attributedTo: Address  # noqa: N815
    published: Moment
    content: Annotated[str, StringConstraints(min_length=1, max_length=LETTER_CHARACTERS_MAX)]


class OfferAgreement(Message):
    """Somebody here would do it; nobody may accept after `endTime`."""

    type: Literal["Offer"] = "Offer"
    to: Address
    published: Moment
    endTime: Moment  # noqa: N815
    object: ProposedAgreement


class AcceptAgreement(Message):
    """The organisation said yes: the same message however often the Offer comes."""

    type: Literal["Accept"] = "Accept"
    to: Address
    published: Moment
    object: Address
    result: Agreement


class RejectAgreement(Message):
    """No to an Offer, or to a work report: then `result` says how the agreement stands.

    `name` is a short code where a rule says no, `content` what people wrote.
    """

    type: Literal["Reject"] = "Reject"
    to: Address
    published: Moment
    object: Address
    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{0,39}$")] | None = None
    content: Reason | None = None
    result: Agreement | None = None


class UndoOffer(Message):
    """The worker takes the offer back, accepted or not."""

    type: Literal["Undo"] = "Undo"
    to: Address
    published: Moment
    object: Address


class UpdateAgreement(Message):
    """The owner says how the agreement stands by now."""

    type: Literal["Update"] = "Update"
    to: Address
    published: Moment
    object: Agreement


class CreateReport(Message):
    """The worker's instance reports for the first time."""

    type: Literal["Create"] = "Create"
    to: Address
    published: Moment
    object: WorkReport


class CreateLetter(Message):
    """A side writes to the other."""

    type: Literal["Create"] = "Create"
    to: Address
    published: Moment
    object: Letter


class UpdateReport(Message):
    """The worker's instance says what the report is by now."""

    type: Literal["Update"] = "Update"
    to: Address
    published: Moment
    object: WorkReport

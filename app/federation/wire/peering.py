"""The handshake: two instances agree to be peers, each by an act of its own stewards."""

from typing import Annotated, Literal

from pydantic import StringConstraints

from app.federation.wire.addresses import Address
from app.federation.wire.documents import Document, Message, Moment

EPOCH_PATTERN = r"^e-[0-9a-z]{4,32}$"
Epoch = Annotated[str, StringConstraints(pattern=EPOCH_PATTERN)]


class Relationship(Document):
    """What is offered: that subject and object be peers under a profile."""

    type: Literal["Relationship"] = "Relationship"
    subject: Address
    relationship: Address
    object: Address
    profile: Annotated[str, StringConstraints(max_length=40)]
    epoch: Epoch
    # What their community asks of its peers, in words for people.
    policy: Address | None = None


class OfferPeering(Message):
    """Our stewards approved, and ask theirs."""

    type: Literal["Offer"] = "Offer"
    to: Address
    published: Moment
    object: Relationship


class AcceptPeering(Message):
    """Their stewards approved as well: we are peers from now on."""

    type: Literal["Accept"] = "Accept"
    to: Address
    published: Moment
    object: Address
    epoch: Epoch


class RejectPeering(Message):
    """No, thank you."""

    type: Literal["Reject"] = "Reject"
    to: Address
    published: Moment
    object: Address


class UndoPeering(Message):
    """The sender takes back its own Offer or Accept: we are peers no longer."""

    type: Literal["Undo"] = "Undo"
    to: Address
    published: Moment
    object: Address

"""The instance actor: who we say we are, and which key speaks for us."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from app.federation.wire.addresses import Address
from app.federation.wire.context import ACTIVITY_STREAMS, CONTROLLER, MULTIKEY, SECURITY
from app.federation.wire.documents import Document, Message, Moment

PREFERRED_NAME = "needs"
# The first key of every instance; later ones have fragments of their own.
KEY_FRAGMENT = "ed25519-key"
RSA_FRAGMENT = "main-key"
RFC9421 = "https://datatracker.ietf.org/doc/html/rfc9421"
ED25519_CAPABILITY = f"{RFC9421}#name-eddsa-using-curve-edwards25"
Name = Annotated[str, StringConstraints(max_length=200)]


class Multikey(Document):
    """A public key (FEP-521a), with its end (Controlled Identifiers 1.0 §2.2)."""

    id: Address
    type: Literal["Multikey"] = "Multikey"
    controller: Address
    publicKeyMultibase: Annotated[str, StringConstraints(max_length=1000)]  # noqa: N815
    expires: Moment | None = None
    revoked: Moment | None = None


class RsaKey(Document):
    """The key that the rest of the fediverse knows; no peer is proven by it."""

    id: Address
    owner: Address
    publicKeyPem: Annotated[str, StringConstraints(max_length=4000)]  # noqa: N815


class Capability(Document):
    """Something the software can do (FEP-844e)."""

    href: Annotated[str, StringConstraints(max_length=300)]
    name: Name = ""


class Generator(Document):
    """The software behind an actor."""

    type: Literal["Application"] = "Application"
    name: Name = ""
    implements: Annotated[tuple[Capability, ...], Field(max_length=50)] = ()


class Endpoints(Document):
    """The one inbox of the instance, under its other name."""

    sharedInbox: Address | None = None  # noqa: N815


class Actor(Document):
    """An instance, as it describes itself."""

    id: Address
    type: Literal["Application", "Service"] = "Application"
    preferredUsername: Name = PREFERRED_NAME  # noqa: N815
    name: Name = ""
    inbox: Address
    outbox: Address | None = None
    followers: Address | None = None
    url: Address | None = None
    endpoints: Endpoints | None = None
    generator: Generator | None = None
    publicKey: RsaKey | None = None  # noqa: N815
    assertionMethod: Annotated[tuple[Multikey, ...], Field(min_length=1, max_length=8)]  # noqa: N815


class KeyList(Document):
    """Every key of an instance, those that sign no more included: what they signed holds."""

    id: Address
    type: Literal["Collection"] = "Collection"
    attributedTo: Address  # noqa: N815
    totalItems: int  # noqa: N815
    items: tuple[Multikey, ...]


class UpdateActor(Message):
    """Our keys change: signed by a key that is accepted already, it vouches for the new one.

    A key that is listed as revoked revokes itself with it.
    """

    type: Literal["Update"] = "Update"
    to: Address
    published: Moment
    object: Actor


def actor_to_wire(actor: Actor) -> dict[str, Any]:
    """Return the actor document with its context."""
    written = actor.model_dump(mode="json", exclude_none=True)
    return {"@context": [ACTIVITY_STREAMS, SECURITY, CONTROLLER, MULTIKEY], **written}


def key_list_to_wire(key_list: KeyList) -> dict[str, Any]:
    """Return the list of keys with its context."""
    written = key_list.model_dump(mode="json", exclude_none=True)
    return {"@context": [ACTIVITY_STREAMS, MULTIKEY], **written}

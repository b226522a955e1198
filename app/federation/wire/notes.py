"""What followers read of our public needs: plain ActivityStreams, no term of our own.

A Note has an address of its own beside the need's Proposal: software that does not know Proposals
shows it, and no address is served with two types.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from app.federation.wire.addresses import Address
from app.federation.wire.context import ACTIVITY_STREAMS, PUBLIC
from app.federation.wire.documents import Document, Moment

PROPOSAL_REL = "https://w3id.org/valueflows/ont/vf#Proposal"
PROPOSAL_MEDIA_TYPE = f'application/ld+json; profile="{ACTIVITY_STREAMS}"'
Content = Annotated[str, StringConstraints(max_length=60_000)]
Audience = Annotated[tuple[str, ...], Field(max_length=2)]


class ProposalLink(Document):
    """Where software that understands Proposals finds the need itself."""

    type: Literal["Link"] = "Link"
    rel: str = PROPOSAL_REL
    mediaType: str = PROPOSAL_MEDIA_TYPE  # noqa: N815
    href: Address


class Note(Document):
    """A public need, told in words."""

    type: Literal["Note"] = "Note"
    id: Address
    attributedTo: Address  # noqa: N815
    content: Content
    contentMap: dict[str, Content]  # noqa: N815
    url: Address
    published: Moment
    updated: Moment | None = None
    tag: tuple[ProposalLink, ...]
    to: Audience = (PUBLIC,)
    cc: Audience


class GoneNote(Document):
    """That a need is no longer public."""

    type: Literal["Tombstone"] = "Tombstone"
    formerType: Literal["Note"] = "Note"  # noqa: N815
    id: Address
    deleted: Moment


class _Post(Document):
    id: str
    actor: Address
    to: Audience = (PUBLIC,)
    cc: Audience = ()


class CreateNote(_Post):
    """A need became public."""

    type: Literal["Create"] = "Create"
    published: Moment
    object: Note


class UpdateNote(_Post):
    """A public need changed."""

    type: Literal["Update"] = "Update"
    object: Note


class DeleteNote(_Post):
    """A need is no longer public."""

    type: Literal["Delete"] = "Delete"
    object: GoneNote


class FollowRef(Document):
    """The Follow that is answered, as it was sent."""

    type: Literal["Follow"] = "Follow"
    id: Address
    actor: Address
    object: Address


class AcceptFollow(_Post):
    """The answer to a Follow."""

    type: Literal["Accept"] = "Accept"
    to: Audience
    object: FollowRef


def public_to_wire(document: Document) -> dict[str, Any]:
    """Return a document of the public surface as JSON, with the context that everybody knows."""
    written = document.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {"@context": ACTIVITY_STREAMS, **written}

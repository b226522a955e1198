"""The manifest: everything that one peer should hold of us, by address, version and content."""

from typing import Annotated

from pydantic import Field, StringConstraints

from app.federation.rules import Holding, Page
from app.federation.wire.addresses import Address
from app.federation.wire.documents import Document, Version
from app.federation.wire.peering import Epoch

MANIFEST_ITEMS_MAX = 1000
MANIFEST_MEMBERS = 4
Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class ManifestItem(Document):
    """An object: the SHA-256 is that of its canonical JSON (RFC 8785) without `@context`."""

    id: Address
    version: Version
    sha256: Hash


class ManifestPage(Document):
    """Objects after an address, in the order of bytes; the frame is that of the whole manifest."""

    epoch: Epoch
    seq: Annotated[int, Field(ge=0)]
    count: Annotated[int, Field(ge=0)]
    digest: Hash
    items: Annotated[tuple[ManifestItem, ...], Field(max_length=MANIFEST_ITEMS_MAX)] = ()

    def as_rules_read_it(self) -> Page:
        """Return the page as the rules of convergence take it."""
        objects = [(item.id, item.version, bytes.fromhex(item.sha256)) for item in self.items]
        holding = Holding(self.count, bytes.fromhex(self.digest))
        return Page(self.epoch, self.seq, holding, objects)

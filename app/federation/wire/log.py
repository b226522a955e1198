"""The log of one peer: everything we sent it, in order, to be read again after a gap."""

from typing import Annotated, Any

from pydantic import Field

from app.federation.wire.documents import Document
from app.federation.wire.peering import Epoch

LOG_ITEMS_MAX = 200


class LogItem(Document):
    """One message with its place in the sequence; `body` is the message itself."""

    seq: Annotated[int, Field(ge=1)]
    body: dict[str, Any]


class LogPage(Document):
    """Messages after a place; empty when there are no more.

    From `oldest` on the log is whole. Of what came before only some messages may be left, and the
    manifest tells what became of the objects that the others were about.
    """

    epoch: Epoch
    last: Annotated[int, Field(ge=0)]
    oldest: Annotated[int, Field(ge=1)] = 1
    items: Annotated[tuple[LogItem, ...], Field(max_length=LOG_ITEMS_MAX)] = ()

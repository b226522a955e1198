"""What a kind of message needs to be accepted: its document, from whom, its checks, its effect.

A new kind of document is a file in wire/ (how it is spelled), one in handlers/ (what it does, with
its ENTRIES) and a name in the registry.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from sqlmodel.ext.asyncio.session import AsyncSession

from app.federation.verification import VerifiedMessage
from app.federation.wire.documents import Message
from app.federation.wire.problems import MALFORMED, RefusedError
from app.infra.runtime import Runtime
from app.models.federation import Peer, PeerState


@dataclass(frozen=True)
class Step:
    """What checking or applying a message needs to know beside the message."""

    session: AsyncSession
    runtime: Runtime
    peer: Peer
    epoch: str
    # The hash of the object as it was sent, when there is one.
    sha256: bytes = b""

    @property
    def our_actor(self) -> str:
        """The address under which peers know us."""
        return f"{self.runtime.origin}/actor"


Check = Callable[[Step, VerifiedMessage, Any], Awaitable[None]]
Apply = Callable[[Step, Any], Awaitable[bool]]
# A batch of (epoch, document) of one peer; answers what the session must hold meanwhile.
Load = Callable[[AsyncSession, Peer, Sequence[tuple[str, Any]]], Awaitable[list[object]]]
Unusable = Callable[[Step, dict[str, Any]], Awaitable[None]]
Mine = Callable[[Step, dict[str, Any]], Awaitable[bool]]


@dataclass(frozen=True)
class Entry:
    """A kind of message.

    `check` runs while the sender waits and refuses what may not be stored; `apply` runs later, in
    order, and answers whether anything changed. `load` brings what a batch will ask for into the
    session in few statements. `mine` tells apart messages that look alike: an answer names only
    the address of what it answers; of several entries the first that says yes takes the message.
    """

    kind: tuple[str, str]
    document: type[Message]
    states: frozenset[PeerState]
    check: Check
    apply: Apply
    # Sent again by a peer that lost our answer: applied again, to give the same answer.
    repeatable: bool = False
    load: Load | None = None
    mine: Mine | None = None
    # Remembers the content of what we cannot take, so that both sides still agree on what was sent.
    unusable: Unusable | None = None

    def read(self, activity: dict[str, Any]) -> Any:  # the entry's own document class
        """Read the message as its document, or refuse its shape."""
        try:
            return self.document.model_validate(activity)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise RefusedError(MALFORMED, f"{where}: {first['type']}") from error

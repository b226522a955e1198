"""Everything that we accept from peers, on one screen."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from sqlmodel.ext.asyncio.session import AsyncSession

from app.federation.handlers import needs, peering
from app.federation.verification import VerifiedMessage
from app.federation.wire.documents import Message
from app.federation.wire.needs import CreateNeed, DeleteNeed, UpdateNeed
from app.federation.wire.peering import AcceptPeering, OfferPeering, RejectPeering, UndoPeering
from app.federation.wire.problems import MALFORMED, UNSUPPORTED_TYPE, RefusedError
from app.infra.runtime import Runtime
from app.models.federation import Peer, PeerState

S = PeerState
NOT_BLOCKED = frozenset(S) - {S.BLOCKED}
ANSWERABLE = frozenset({S.PROPOSED, S.ACTIVE, S.SUSPENDED})
OFFERABLE = frozenset({S.NONE, S.PROPOSED, S.REQUESTED, S.ACTIVE, S.ENDED})


@dataclass(frozen=True)
class Step:
    """What applying a message needs to know beside the message."""

    session: AsyncSession
    runtime: Runtime
    peer: Peer
    epoch: str


Check = Callable[[VerifiedMessage, Any, str], None]
Apply = Callable[[Step, Any], Awaitable[bool]]


@dataclass(frozen=True)
class Entry:
    """A kind of message: its document, from whom, what is checked, what it does."""

    document: type[Message]
    states: frozenset[PeerState]
    check: Check
    apply: Apply
    # Sent again by a peer that lost our answer: applied again, to give the same answer.
    repeatable: bool = False

    def read(self, activity: dict[str, Any]) -> Any:  # the entry's own document class
        """Read the message as its document, or refuse its shape."""
        try:
            return self.document.model_validate(activity)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise RefusedError(MALFORMED, f"{where}: {first['type']}") from error


def _handshake(apply: Callable[..., Awaitable[None]]) -> Apply:
    async def step(at: Step, document: Any) -> bool:
        await apply(at.session, at.runtime, at.peer, document)
        return True

    return step


def _need(apply: Callable[..., Awaitable[bool]]) -> Apply:
    async def step(at: Step, document: Any) -> bool:
        return await apply(at.session, at.peer, document, at.epoch)

    return step


ABOUT_NEEDS = (CreateNeed, UpdateNeed, DeleteNeed)
_ACTIVE = frozenset({S.ACTIVE})
REGISTRY: Mapping[tuple[str, str], Entry] = {
    ("Offer", "Relationship"): Entry(
        OfferPeering,
        OFFERABLE,
        peering.check_offer,
        _handshake(peering.apply_offer),
        repeatable=True,
    ),
    ("Accept", ""): Entry(
        AcceptPeering, ANSWERABLE, peering.check_accept, _handshake(peering.apply_accept)
    ),
    ("Reject", ""): Entry(
        RejectPeering, ANSWERABLE, peering.check_reject, _handshake(peering.apply_reject)
    ),
    ("Undo", ""): Entry(
        UndoPeering, NOT_BLOCKED, peering.check_undo, _handshake(peering.apply_undo)
    ),
    ("Create", "Proposal"): Entry(CreateNeed, _ACTIVE, needs.check_need, _need(needs.apply_need)),
    ("Update", "Proposal"): Entry(UpdateNeed, _ACTIVE, needs.check_need, _need(needs.apply_need)),
    ("Delete", "Tombstone"): Entry(
        DeleteNeed, _ACTIVE, needs.check_deletion, _need(needs.apply_deletion)
    ),
}


def entry_for(activity: dict[str, Any]) -> Entry:
    """Find what we do with a message, by its type and the type of its object."""
    about = activity.get("object")
    kind = about.get("type", "") if isinstance(about, dict) else ""
    found = REGISTRY.get((str(activity.get("type")), kind if isinstance(kind, str) else "?"))
    if found is None:
        raise RefusedError(UNSUPPORTED_TYPE, f"{activity.get('type')} of {kind}"[:80])
    return found


async def load_needs(
    session: AsyncSession, peer: Peer, read: Sequence[tuple[str, Entry, Any]]
) -> list[object]:
    """Load what a batch of messages about needs will ask for, in a few statements."""
    about = [(epoch, said.object.id) for epoch, _, said in read if isinstance(said, ABOUT_NEEDS)]
    return await needs.load(session, peer, about)

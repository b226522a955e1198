"""Everything that we accept from peers: the entries of all handlers, by type and object."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from app.federation.entries import Entry, Step
from app.federation.handlers import actors, agreements, needs, peering, receipts
from app.federation.wire.problems import UNSUPPORTED_TYPE, RefusedError
from app.models.federation import Peer

# Of entries of the same kind the first that says "mine" takes a message; peering takes the rest.
HANDLERS = (actors, receipts, needs, agreements, peering)


def _by_kind(entries: Sequence[Entry]) -> Mapping[tuple[str, str], Sequence[Entry]]:
    found: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        found.setdefault(entry.kind, []).append(entry)
    return found


REGISTRY = _by_kind([entry for handler in HANDLERS for entry in handler.ENTRIES])


def kind_of(activity: dict[str, Any]) -> tuple[str, str]:
    """Return the type of a message and of its object; a mere address has none."""
    about = activity.get("object")
    kind = about.get("type", "") if isinstance(about, dict) else ""
    return str(activity.get("type")), kind if isinstance(kind, str) else "?"


async def entry_for(at: Step, activity: dict[str, Any]) -> Entry:
    """Find what we do with a message, or refuse a kind that we do not know."""
    kind = kind_of(activity)
    for entry in REGISTRY.get(kind, ()):
        if entry.mine is None or await entry.mine(at, activity):
            return entry
    raise RefusedError(UNSUPPORTED_TYPE, f"{kind[0]} of {kind[1]}"[:80])


async def load_together(
    session: AsyncSession, peer: Peer, read: Sequence[tuple[str, Entry, Any]]
) -> list[object]:
    """Load what a batch of messages will ask for, in a few statements per kind of thing."""
    held: list[object] = []
    for load in {entry.load: None for _, entry, _ in read if entry.load}:
        about = [(epoch, document) for epoch, entry, document in read if entry.load is load]
        held += await load(session, peer, about)
    return held


async def remember_unusable(at: Step, activity: dict[str, Any]) -> None:
    """Let the handlers remember a message that we refuse or that failed."""
    for entry in REGISTRY.get(kind_of(activity), ()):
        if entry.unusable is not None:
            await entry.unusable(at, activity)
            return

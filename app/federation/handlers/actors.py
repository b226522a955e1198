"""A peer tells that its keys change."""

from app.federation.entries import Entry, Step
from app.federation.peers.succession import take_word
from app.federation.verification import VerifiedMessage
from app.federation.wire.actors import UpdateActor
from app.federation.wire.problems import NOT_AUTHORISED, RefusedError
from app.models.base import one_line
from app.models.federation import PeerState

# Whoever has a key with us may change it; while another key waits for people, this can settle it.
WITH_A_KEY = frozenset(PeerState) - {PeerState.NONE, PeerState.ENDED, PeerState.BLOCKED}


async def check_update(at: Step, verified: VerifiedMessage, document: UpdateActor) -> None:
    """Take the word while the sender waits: our 202 tells it that the new key is accepted."""
    if document.object.id != verified.peer.actor_url:
        raise RefusedError(NOT_AUTHORISED, "speaks of another actor")
    await take_word(at.session, at.runtime, verified.peer, document.object, verified.key_id)


async def apply_update(at: Step, document: UpdateActor) -> bool:
    """Keep what it says of its name; the keys were taken when it arrived."""
    name = one_line(document.object.name)
    if not name or name == at.peer.name:
        return False
    at.peer.name = name
    return True


ENTRIES = (
    Entry(("Update", "Application"), UpdateActor, WITH_A_KEY, check_update, apply_update),
    Entry(("Update", "Service"), UpdateActor, WITH_A_KEY, check_update, apply_update),
)

"""Which of our needs a peer may know of; pure."""

from collections.abc import Mapping

from app.federation.wire.needs import Status
from app.models.federation import Peer
from app.models.needs import Audience, Need, NeedState

SHARED_STATES: Mapping[NeedState, Status] = {
    NeedState.OPEN: "open",
    NeedState.PAUSED: "paused",
    NeedState.IN_PROGRESS: "in_progress",
    NeedState.DONE: "done",
}


def is_visible(need: Need, peer: Peer, *, in_any_state: bool = False) -> bool:
    """Whether a peer may know of a need of ours."""
    if need.state not in SHARED_STATES and not in_any_state:
        return False
    if need.audience == Audience.NAMED_PEERS:
        return str(peer.id) in need.audience_peers
    return need.audience in {Audience.PEERS, Audience.PUBLIC}

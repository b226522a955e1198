"""Where two instances can stand with each other, and who may move it; pure.

none ─ we propose → proposed ─ they accept → active
  └─ they propose → requested ─ our stewards approve → active
active ⇄ suspended; any → ended or blocked; another key shown → key_changed
"""

from app.models.federation import PeerState

State = PeerState

# What our stewards may do. To approve a changed key is to propose anew: both sides decide again.
BY_STEWARDS: dict[State, frozenset[State]] = {
    State.NONE: frozenset({State.PROPOSED, State.BLOCKED}),
    State.PROPOSED: frozenset({State.ENDED, State.BLOCKED}),
    State.REQUESTED: frozenset({State.ACTIVE, State.ENDED, State.BLOCKED}),
    State.ACTIVE: frozenset({State.SUSPENDED, State.ENDED, State.BLOCKED}),
    State.SUSPENDED: frozenset({State.ACTIVE, State.ENDED, State.BLOCKED}),
    State.KEY_CHANGED: frozenset({State.PROPOSED, State.ENDED, State.BLOCKED}),
    State.ENDED: frozenset({State.PROPOSED, State.BLOCKED}),
    State.BLOCKED: frozenset({State.ENDED}),
}
# What a verified message, or a key that no longer fits, may do.
BY_THEM: dict[State, frozenset[State]] = {
    State.NONE: frozenset({State.REQUESTED}),
    State.PROPOSED: frozenset({State.ACTIVE, State.ENDED, State.KEY_CHANGED}),
    State.REQUESTED: frozenset({State.REQUESTED, State.ENDED}),
    # An Offer of an active peer: its stewards want both sides to decide anew.
    State.ACTIVE: frozenset({State.REQUESTED, State.ENDED, State.KEY_CHANGED}),
    State.SUSPENDED: frozenset({State.ENDED, State.KEY_CHANGED}),
    State.KEY_CHANGED: frozenset({State.ENDED}),
    State.ENDED: frozenset({State.REQUESTED}),
    State.BLOCKED: frozenset(),
}

for _moves in (BY_STEWARDS, BY_THEM):
    if set(_moves) != set(State):
        raise AssertionError("a state of a peer without a row")


def stewards_may(state: PeerState) -> list[PeerState]:
    """List the states our stewards can choose next, in the order of the enum."""
    return [target for target in State if target in BY_STEWARDS[state]]


def they_may(state: PeerState, target: PeerState) -> bool:
    """Whether a message of theirs may move us there."""
    return target in BY_THEM[state]

"""Who may introduce themselves: strangers share a few looks at actors, and no network takes all.

An instance that we don't know says where its actor is, and nothing of it is proven before we have
looked there. So each look is one that anybody can cause, by naming any origin. What is counted here
is kept in this process only: it tells of networks, and need not outlive a minute.
"""

from collections import deque
from datetime import datetime, timedelta
from typing import Any

from app.federation.peers.discovery import may_fetch
from app.infra import clock
from app.infra.database import transaction
from app.infra.runtime import Runtime
from app.models.federation import FetchCause

# Two instances on one machine, and each may try once more.
PER_NETWORK_MAX = 4
WITHIN = timedelta(minutes=5)
_COUNTS = "federation.introductions"


class Introductions:
    """When each network last had us look at a stranger's actor."""

    def __init__(self) -> None:
        """Remember nobody yet."""
        self._looks: dict[str, deque[datetime]] = {}

    def has_share(self, network: str, now: datetime) -> bool:
        """Say whether a network may still have us look."""
        self._forget(now)
        return len(self._looks.get(network, ())) < PER_NETWORK_MAX

    def count(self, network: str, now: datetime) -> None:
        """Count a look for a network."""
        self._looks.setdefault(network, deque()).append(now)

    def _forget(self, now: datetime) -> None:
        """Keep only the last minutes; what is later than now was written by a clock set back."""
        for network, looks in list(self._looks.items()):
            kept = deque(at for at in looks if now - WITHIN < at <= now)
            if kept:
                self._looks[network] = kept
            else:
                del self._looks[network]


async def may_introduce(runtime: Runtime, origin: str, network: str | None) -> bool:
    """Whether we look at a stranger's actor now; None is a network that tells nothing."""
    counts, now = _introductions(runtime), clock.now()
    if network is not None and not counts.has_share(network, now):
        return False
    async with transaction(runtime.sessions) as apart:
        taken = await may_fetch(apart, origin, FetchCause.INTRODUCED)
    if taken and network is not None:
        counts.count(network, now)
    return taken


def _introductions(runtime: Runtime) -> Introductions:
    found: Any = runtime.shared.get(_COUNTS)
    if isinstance(found, Introductions):
        return found
    counts = Introductions()
    runtime.shared[_COUNTS] = counts
    return counts

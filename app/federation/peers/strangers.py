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

    def take(self, network: str, now: datetime) -> bool:
        """Take a look of a network's share, at once: many may ask while one is looked up."""
        self._forget(now)
        looks = self._looks.setdefault(network, deque())
        if len(looks) >= PER_NETWORK_MAX:
            return False
        looks.append(now)
        return True

    def give_back(self, network: str, now: datetime) -> None:
        """Undo what was taken at a moment: nobody looked."""
        looks = self._looks.get(network, deque())
        if now in looks:
            looks.remove(now)

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
    if network is not None and not counts.take(network, now):
        return False
    async with transaction(runtime.sessions) as apart:
        looks = await may_fetch(apart, origin, FetchCause.INTRODUCED)
    if network is not None and not looks:
        counts.give_back(network, now)
    return looks


def _introductions(runtime: Runtime) -> Introductions:
    found: Any = runtime.shared.get(_COUNTS)
    if isinstance(found, Introductions):
        return found
    counts = Introductions()
    runtime.shared[_COUNTS] = counts
    return counts

"""What one peer may use of us: requests, and bytes of a day; counted for all processes together.

Counted once a signature holds, so that nobody can use up another's budget by naming it, and in a
transaction of its own, so that a message that is refused is counted as well. A bucket of tokens:
a burst may come at once, and then so many a minute.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text

from app.federation.wire.problems import RATE_LIMIT, RefusedError
from app.infra import clock
from app.infra.database import transaction
from app.infra.runtime import Runtime

# Long enough that a lane which waited sends a good part of a batch, not a message at a time.
RETRY_SECONDS = 30
_BUDGET = "federation.budget"


@dataclass(frozen=True)
class Budget:
    """The limits of every peer (04-federation §4.8)."""

    requests_per_minute: int = 120
    burst: int = 240
    bytes_per_day: int = 64 * 1_048_576


# A row written by a clock that was ahead of ours by more than this is a clock's mistake: without
# forgetting it, a peer would be kept out until we are there.
_AHEAD_SECONDS = 60
# One statement: the row is locked for its own short transaction only.
_LEFT = """LEAST(:burst, b.tokens + :rate * CASE
        WHEN excluded.refilled_at < b.refilled_at - make_interval(secs => :ahead) THEN 86400
        ELSE GREATEST(EXTRACT(EPOCH FROM excluded.refilled_at - b.refilled_at), 0) END)"""
_SPEND = text(f"""
    INSERT INTO peer_budgets AS b (peer_id, tokens, refilled_at, day, bytes)
    VALUES (:peer_id, CAST(:burst AS float8) - :requests, :now, :day, :bytes)
    ON CONFLICT (peer_id) DO UPDATE SET
        tokens = {_LEFT} - :requests,
        refilled_at = excluded.refilled_at,
        day = excluded.day,
        bytes = excluded.bytes + CASE WHEN b.day = excluded.day THEN b.bytes ELSE 0 END
    WHERE {_LEFT} >= :requests
        AND (b.day <> excluded.day OR b.bytes + excluded.bytes <= :bytes_max)
    RETURNING tokens
""")  # noqa: S608 - both halves are written here
_BYTES = text("SELECT bytes FROM peer_budgets WHERE peer_id = :peer_id AND day = :day")


def budget_of(runtime: Runtime) -> Budget:
    """Return the limits of this process."""
    found = runtime.shared.get(_BUDGET)
    return found if isinstance(found, Budget) else Budget()


def set_budget(runtime: Runtime, budget: Budget) -> None:
    """Let this process count by other limits."""
    runtime.shared[_BUDGET] = budget


async def spend(runtime: Runtime, peer_id: UUID, size: int, *, requests: int = 1) -> None:
    """Count a request of a peer and what it brought, or refuse it; others are not touched."""
    budget, now = budget_of(runtime), clock.now()
    values = {
        "peer_id": peer_id,
        "burst": budget.burst,
        "rate": budget.requests_per_minute / 60,
        "requests": requests,
        "ahead": _AHEAD_SECONDS,
        "now": now,
        "day": now.date(),
        "bytes": size,
        "bytes_max": budget.bytes_per_day,
    }
    async with transaction(runtime.sessions) as apart:
        # A crash may forget the last moment's count; nobody waits for the disk for that.
        await apart.execute(text("SET LOCAL synchronous_commit TO off"))
        if (await apart.execute(_SPEND, values)).first() is not None:
            return
        today = {"peer_id": peer_id, "day": now.date()}
        used = (await apart.execute(_BYTES, today)).scalar_one_or_none() or 0
    if used + size <= budget.bytes_per_day:
        raise RefusedError(RATE_LIMIT, "requests", retry_after_seconds=RETRY_SECONDS)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    wait = int((midnight - now).total_seconds()) + 1
    raise RefusedError(RATE_LIMIT, "bytes of the day", retry_after_seconds=wait)


async def take_in(runtime: Runtime, peer_id: UUID, size: int) -> None:
    """Count what we fetched of a peer ourselves: it fills the same day's measure."""
    await spend(runtime, peer_id, size, requests=0)

"""Measure matching beside its floors: both walks, the batch, and what a half-life costs.

    python3 -m bench.matching --database URL [--needs 10000] [--workers 10000] [--rounds 5]
                              [--half-lives] [--batch] [--json]

Fills an empty, migrated database by seed (bursts; skills go with their language) unless it is full
already. The floor of a walk is what the design calls naive done well: everything in numpy arrays
in this process, one sparse product for one worker. It imports nothing of `app`, scores by a code of
its own and is the oracle: every answer is compared with it first, and no figure is printed when
one differs. Then the two take turns.
"""

import argparse
import asyncio
import json
import random
import resource
import statistics
import time
from typing import Any
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.matching import batch, facts, queries, rules, walks
from app.infra.database import make_engine, make_sessions
from bench.matching_floor import Floor, fill

BEST = 20
ASKERS = 25


def main() -> int:
    """Measure and tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--database", required=True)
    parser.add_argument("--needs", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--half-lives", action="store_true")
    parser.add_argument("--batch", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    told = asyncio.run(_measure(options))
    print(json.dumps(told) if options.json else "\n".join(f"{k}: {v}" for k, v in told.items()))
    return 0


async def _measure(options: argparse.Namespace) -> dict[str, Any]:
    await fill(options.database, options.needs, options.workers)
    engine = make_engine(options.database, statement_timeout_ms=600_000)
    told: dict[str, Any] = {"needs": options.needs, "workers": options.workers}
    async with make_sessions(engine)() as session:
        moment = facts.moment_now()
        floor = await Floor.read(options.database, moment.now)
        dice = random.Random(1)
        people = dice.sample(floor.account_ids, ASKERS)
        needs = dice.sample(floor.need_ids, ASKERS)
        told["differ"] = await _differ(session, floor, people, needs)
        if not told["differ"]:
            told |= await _walks(session, floor, people, needs, options.rounds)
            if options.half_lives:
                told |= await _half_lives(session, people)
            if options.batch:
                told |= await _batch(session, floor)
    await engine.dispose()
    return told


async def _needs_of(session: AsyncSession, person: UUID) -> list[tuple[UUID, int]]:
    found = await queries.best_needs(session, Actor(account_id=person), BEST)
    session.expunge_all()
    return [(match.need.id, match.score.points) for match in found]


async def _workers_of(session: AsyncSession, need: UUID) -> list[tuple[UUID, int]]:
    steward = Actor(account_id=UUID(int=1), steward=True)
    found = await queries.best_workers(session, steward, need, BEST)
    session.expunge_all()
    return [(match.account.id, match.score.points) for match in found]


async def _differ(
    session: AsyncSession, floor: Floor, people: list[UUID], needs: list[UUID]
) -> int:
    wrong = 0
    for person in people:
        wrong += await _needs_of(session, person) != floor.needs_of(person, BEST)
    for need in needs:
        wrong += await _workers_of(session, need) != floor.workers_of(need, BEST)
    return wrong


async def _walks(
    session: AsyncSession, floor: Floor, people: list[UUID], needs: list[UUID], rounds: int
) -> dict[str, Any]:
    times: dict[str, list[float]] = {name: [] for name in ("a", "b", "c", "d")}
    for _ in range(rounds):
        for person, need in zip(people, needs, strict=True):
            begun = time.perf_counter()
            await _needs_of(session, person)
            times["a"].append(time.perf_counter() - begun)
            begun = time.perf_counter()
            floor.needs_of(person, BEST)
            times["b"].append(time.perf_counter() - begun)
            begun = time.perf_counter()
            await _workers_of(session, need)
            times["c"].append(time.perf_counter() - begun)
            begun = time.perf_counter()
            floor.workers_of(need, BEST)
            times["d"].append(time.perf_counter() - begun)
    return {
        "needs of a worker, ms": _told(times["a"]),
        "floor in numpy, ms": _told(times["b"]),
        "workers of a need, ms": _told(times["c"]),
        "its floor, ms": _told(times["d"]),
    }


def _told(seconds: list[float]) -> dict[str, float]:
    found = sorted(seconds)
    return {
        "p50": round(1000 * statistics.median(found), 2),
        "p95": round(1000 * found[int(len(found) * 0.95)], 2),
        "max": round(1000 * found[-1], 2),
    }


async def _half_lives(session: AsyncSession, people: list[UUID]) -> dict[str, Any]:
    """Walk with other half-lives, as the bound would allow; the default stands in rules.py."""
    told = {}
    for days in (7, 30, 90, 365):
        times = []
        with _half_life(days):
            for person in people:
                begun = time.perf_counter()
                await _needs_of(session, person)
                times.append(time.perf_counter() - begun)
        told[f"needs of a worker, half-life {days} days, ms"] = _told(times)
    return told


class _half_life:  # noqa: N801 - a context manager, used as a verb
    """Put another half-life in the place of ours for a while."""

    def __init__(self, days: int) -> None:
        """`days` until half remains."""
        self.days = days

    def __enter__(self) -> None:
        """Change it in the rules and in the statement."""
        old = rules.HALF_LIFE_DAYS
        self.kept = (walks.NEEDS, walks.EDGES, rules.WHOLE, rules.freshness)
        sql = str(walks.NEEDS.text)
        for figure in (4, 3, 2, 1):
            sql = sql.replace(f" {figure * old} ", f" <{figure}> ")
        sql = sql.replace(f"/ {4 * old}", "/ <4>").replace(f"ELSE {old}", "ELSE <1>")
        for figure in (4, 3, 2, 1):
            sql = sql.replace(f"<{figure}>", str(figure * self.days))
        walks.EDGES = (*(2 * 2**n for n in range(12) if 2 * 2**n < 2 * self.days),
                       2 * self.days, None)  # fmt: skip
        queries.NEEDS = walks._statement(sql, walks.NEEDS._bindparams)  # type: ignore[attr-defined]  # noqa: SLF001
        rules.WHOLE = 4 * self.days
        rules.freshness = lambda age, _=0: self.kept[3](age, self.days)  # type: ignore[assignment]

    def __exit__(self, *_: object) -> None:
        """Put ours back."""
        queries.NEEDS, walks.EDGES, rules.WHOLE, rules.freshness = self.kept  # type: ignore[attr-defined]


async def _batch(session: AsyncSession, floor: Floor) -> dict[str, Any]:
    """All boards; a sample of them is compared with the oracle."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.perf_counter()
    sample = set(random.Random(2).sample(floor.account_ids, 200))
    kept, count = {}, 0
    async for account_id, board in batch.boards(session, BEST):
        count += 1
        if account_id in sample:
            kept[account_id] = board
    seconds = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wrong = sum(kept.get(one, []) != floor.needs_of(one, BEST) for one in sample)
    return {
        "batch, boards": count,
        "batch, s": round(seconds, 2),
        "batch, of 200 differ": wrong,
        "batch, memory added at its peak, MB": (after - before) // 1024,
    }


if __name__ == "__main__":
    raise SystemExit(main())

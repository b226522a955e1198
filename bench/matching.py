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
import contextlib
import importlib
import json
import random
import resource
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from app.domain.access import Actor
from app.domain.matching import batch, facts, queries, rules, walks
from app.infra.database import make_engine, make_sessions
from bench.matching_floor import Floor, fill

BEST = 20
ASKERS = 25
HALF_LIVES = (7, 30, 90, 365)


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
                told |= await _half_lives(session, floor, people, options.rounds)
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
    watch = _Watch(await session.scalar(text("SELECT pg_backend_pid()")) or 0)
    for _ in range(rounds):
        for person, need in zip(people, needs, strict=True):
            with watch.on("needs of a worker"):
                await _needs_of(session, person)
            with watch.on("its floor in numpy"):
                floor.needs_of(person, BEST)
            with watch.on("workers of a need"):
                await _workers_of(session, need)
            with watch.on("their floor in numpy"):
                floor.workers_of(need, BEST)
    return watch.told()


class _Watch:
    """Time by the clock, and what two processors really worked: ours and the database's.

    The second says something on a busy machine as well; where the database runs elsewhere only
    our own part is seen.
    """

    def __init__(self, backend: int) -> None:
        """`backend` is the process that answers our connection."""
        self.schedule = Path(f"/proc/{backend}/schedstat")
        self.times: dict[str, list[tuple[float, float]]] = {}

    def _worked(self) -> float:
        try:
            theirs = int(self.schedule.read_text().split()[0]) / 1e9
        except OSError:
            theirs = 0.0
        return time.process_time() + theirs

    @contextlib.contextmanager
    def on(self, name: str) -> Iterator[None]:
        """Watch one go."""
        begun, worked = time.perf_counter(), self._worked()
        yield
        took = time.perf_counter() - begun, self._worked() - worked
        self.times.setdefault(name, []).append(took)

    def told(self) -> dict[str, Any]:
        """Tell both, in milliseconds."""
        found: dict[str, Any] = {}
        for name, pairs in self.times.items():
            found[f"{name}, ms"] = _told([pair[0] for pair in pairs])
            found[f"{name}, ms of CPU"] = _told([pair[1] for pair in pairs])
        return found


def _told(seconds: list[float]) -> dict[str, float]:
    found = sorted(seconds)
    return {
        "p50": round(1000 * statistics.median(found), 2),
        "p95": round(1000 * found[int(len(found) * 0.95)], 2),
        "max": round(1000 * found[-1], 2),
    }


async def _half_lives(
    session: AsyncSession, floor: Floor, people: list[UUID], rounds: int
) -> dict[str, Any]:
    """Walk with other half-lives, as the bound would allow; the default stands in rules.py."""
    told: dict[str, Any] = {}
    for days in HALF_LIVES:
        with _half_life(days):
            wrong, times = 0, []
            for person in people * rounds:
                begun = time.perf_counter()
                found = await _needs_of(session, person)
                times.append(time.perf_counter() - begun)
                wrong += found != floor.needs_of(person, BEST, days)
        name = f"needs of a worker, half-life {days} days"
        told |= {f"{name}, differ": wrong} if wrong else {f"{name}, ms": _told(times)}
    return told


@contextlib.contextmanager
def _half_life(days: int) -> Iterator[None]:
    """Put another half-life in the place of ours for a while: its statements are made anew."""
    ours = rules.HALF_LIFE_DAYS
    try:
        _age_by(days)
        yield
    finally:
        _age_by(ours)


def _age_by(days: int) -> None:
    rules.HALF_LIFE_DAYS, rules.WHOLE = days, 4 * days
    rules.freshness.__defaults__ = (days,)
    importlib.reload(walks)
    importlib.reload(queries)


async def _batch(session: AsyncSession, floor: Floor) -> dict[str, Any]:
    """All boards; a sample of them is compared with the oracle."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun, worked = time.perf_counter(), time.process_time()
    sample = set(random.Random(2).sample(floor.account_ids, 200))
    kept, count = {}, 0
    async for account_id, board in batch.boards(session, BEST):
        count += 1
        if account_id in sample:
            kept[account_id] = board
    seconds = time.perf_counter() - begun
    worked = time.process_time() - worked
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wrong = sum(kept.get(one, []) != floor.needs_of(one, BEST) for one in sample)
    return {
        "batch, boards": count,
        "batch, s": round(seconds, 2),
        "batch, s of our CPU": round(worked, 2),
        "batch, of 200 differ": wrong,
        "batch, memory added at its peak, MB": (after - before) // 1024,
    }


if __name__ == "__main__":
    raise SystemExit(main())

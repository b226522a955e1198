"""A worker with nothing to do does nothing, though chores follow each other in circles."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from app.infra.runtime import Runtime
from app.workers import main
from tests.factories.world import World

ROUNDS = 2_000


@pytest.mark.parametrize("moved", [0, 3])
async def test_chores_run_as_often_as_something_moves(
    world: World, monkeypatch: pytest.MonkeyPatch, moved: int
) -> None:
    runs: Counter[str] = Counter()

    def chore(name: str) -> Callable[[Runtime], Awaitable[int]]:
        async def run(_: Runtime) -> int:
            runs[name] += 1
            await asyncio.sleep(0)
            return int(name == "react_to_activities" and runs[name] <= moved)

        return run

    async def no_doorbell(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(main, "CHORES", {name: chore(name) for name in main.CHORES})
    monkeypatch.setattr(main, "_listen", no_doorbell)
    for name in ("tidy_up", "describe_peers"):
        monkeypatch.setattr(main, name, chore(name))
    worker = asyncio.create_task(main.run_workers(world.runtime, redis_url="", sweep_seconds=3_600))
    for _ in range(ROUNDS):
        await asyncio.sleep(0)
    worker.cancel()
    with pytest.raises(asyncio.CancelledError):
        await worker
    assert set(main.CHORES) < set(runs)
    # What moved rings those who follow, and they ring nobody for nothing.
    assert max(runs.values()) <= 2 + moved
    assert runs["send_webhooks"] == (2 if moved else 1)

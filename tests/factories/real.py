"""Real requests for help from public projects: a folder beside the project, not part of it."""

import json
from pathlib import Path

import pytest

from app.workers.administration import run_jobs
from tests.factories.world import Json, World

REAL_NEEDS = Path(__file__).resolve().parents[3] / "shared" / "data" / "needs.jsonl"
COUNT = 968


def real_needs() -> list[Json]:
    """Return the rows of the file; without it, skip and say what was not looked at."""
    if not REAL_NEEDS.is_file():
        pytest.skip(
            f"THE {COUNT} REAL NEEDS WERE NOT CHECKED: put the folder `shared` with"
            " data/needs.jsonl beside the project"
        )
    rows = [json.loads(line) for line in REAL_NEEDS.read_text("utf-8").splitlines()]
    assert len(rows) == COUNT
    return rows


async def import_real_needs(world: World) -> Json:
    """Import the file as a steward does; return the job that did it."""
    steward = await world.set_up()
    answer = await steward.ask(
        "POST",
        "/imports",
        files={"file": (REAL_NEEDS.name, REAL_NEEDS.read_bytes(), "application/jsonl")},
        headers={"Idempotency-Key": "real-needs"},
    )
    assert answer.status_code == 202, answer.text
    assert await run_jobs(world.runtime) == 1
    return await steward.get(answer.headers["location"].removeprefix("/api/v1"))

"""The benches stand on data and peers made by hand: here they are seen to measure what is served.

No figure is judged. `bench.run` compares each answer with its floor's first, and stops where they
differ, where a race ends with other than three claims, or where an altered message is taken.
"""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

from tests.factories.processes import free_port

PROJECT = Path(__file__).parents[2]
FEW = ("--rounds", "1", "--needs", "300", "--requests", "8", "--json")


async def test_both_sides_say_the_same_before_anything_is_measured() -> None:
    ports = ("--port", str(free_port()), "--floor-port", str(free_port()))
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "bench.run", *FEW, *ports],
        capture_output=True,
        text=True,
        check=False,
        cwd=PROJECT,
        env={n: v for n, v in os.environ.items() if not n.startswith("TORNALLOM_")},
        timeout=150,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert [each["operation"].partition(",")[0] for each in told["operations"]] == [
        "list", "list", "list", "claim", "inbox",
    ]  # fmt: skip
    assert all(each["product_per_second"] > 0 for each in told["operations"])

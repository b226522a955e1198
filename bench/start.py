"""How long until the service answers, beside the floor: a bare Starlette under uvicorn.

    python3 -m bench.start [--rounds 5] [--port 21800] [--json]

Each round starts both, one after the other, and asks until /livez answers. The product runs on a
data folder that was made before, with its PostgreSQL, Valkey and worker: the second start.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
BARE = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
app = Starlette(routes=[Route("/livez", lambda _: PlainTextResponse("ok"))])
uvicorn.run(app, port=int(sys.argv[1]), log_level="error")
"""
PATIENCE_SECONDS = 300.0


def main() -> int:
    """Measure and tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--port", type=int, default=21800)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tornallom-bench-") as folder:
        first = measure(product(options.port, folder), options.port)
        rounds = [
            (
                measure([sys.executable, "-c", BARE, str(options.port)], options.port),
                measure(product(options.port, folder), options.port),
            )
            for _ in range(options.rounds)
        ]
    told = summary(first, rounds)
    print(json.dumps(told) if options.json else table(told))
    return 0


def product(port: int, folder: str) -> list[str]:
    """Return the command as an operator gives it, launcher included."""
    launcher = ["python3", "-m", "app", "serve"]
    return [*launcher, "--port", str(port), "--data-dir", str(Path(folder) / "data")]


def measure(command: list[str], port: int) -> tuple[float, float]:
    """Return the seconds until the first answer, and the memory then resident in MB."""
    begun = time.perf_counter()
    with running(command) as process:
        wait_for_answer(process, f"http://127.0.0.1:{port}/livez")
        return time.perf_counter() - begun, resident(process.pid)


@contextmanager
def running(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server and stop it as an operator would."""
    with subprocess.Popen(  # noqa: S603 - our own commands
        command, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def wait_for_answer(process: subprocess.Popen[bytes], address: str) -> None:
    """Ask every few milliseconds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server ended; start it by hand to see why"
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310 - our own
                assert answer.status == 200
                return
        except OSError:
            time.sleep(0.005)
    message = f"{address} did not answer"
    raise TimeoutError(message)


def resident(pid: int) -> float:
    """Return what a process keeps in memory, in MB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def summary(
    first: tuple[float, float], rounds: list[tuple[tuple[float, float], tuple[float, float]]]
) -> dict[str, float]:
    """Put the medians together."""
    floor = [reference[0] for reference, _ in rounds]
    ours = [own[0] for _, own in rounds]
    return {
        "rounds": len(rounds),
        "first_start_seconds": round(first[0], 2),
        "floor_seconds": round(statistics.median(floor), 2),
        "floor_megabytes": round(statistics.median(r[1] for r, _ in rounds)),
        "second_start_seconds": round(statistics.median(ours), 2),
        "second_start_seconds_min": round(min(ours), 2),
        "second_start_seconds_max": round(max(ours), 2),
        "second_start_megabytes": round(statistics.median(own[1] for _, own in rounds)),
        "ratio": round(statistics.median(ours) / statistics.median(floor), 1),
    }


def table(told: dict[str, float]) -> str:
    """Say it in lines."""
    return "\n".join(f"{name:<26}{value}" for name, value in told.items())


if __name__ == "__main__":
    sys.exit(main())

"""Measure the product beside its floors, on data made by seed.

    python3 -m bench.run [--rounds 5] [--needs 10000] [--port 26500] [--json]

Starts a PostgreSQL and a Valkey of its own. Both sides are one process on the same database; their
answers are compared first, and no ratio is printed when they differ. Only ratios count: they are
taken within a round, the two sides one after the other. `python3 -m bench.start` measures starts.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.infra import migrate
from app.infra.embedded import start_postgres, start_valkey
from bench.letters import Sender, letter, make_senders
from bench.load import Answers, ask, drive, request
from bench.seed import instant_need, seed
from bench.start import PROJECT, wait_for_answer

LISTS = {
    "list, no filter": "/api/v1/needs",
    "list, language and skill": "/api/v1/needs?language=el&skill=translation",
    "list, two words of text": "/api/v1/needs?q=bakery%20radio&sort=soonest",
}
CLAIMANTS, PLACES, CONNECTIONS = 200, 3, 8
# So many peers that none comes near what the product takes from one in a minute.
SENDERS, LETTERS = 20, 200


@dataclass
class Operation:
    """Rates of both sides, round by round."""

    name: str
    floor: list[float] = field(default_factory=list)
    product: list[float] = field(default_factory=list)

    def told(self) -> dict[str, object]:
        """Say it as data."""
        ratios = [own / reference for own, reference in zip(self.product, self.floor, strict=True)]
        return {
            "operation": self.name,
            "floor_per_second": round(statistics.median(self.floor), 1),
            "product_per_second": round(statistics.median(self.product), 1),
            "ratio": round(statistics.median(ratios), 3),
            "ratio_min": round(min(ratios), 3),
            "ratio_max": round(max(ratios), 3),
            "rounds": len(ratios),
        }


@dataclass
class Bench:
    """Where both sides listen, on which database, and who claims."""

    url: str
    product: int
    floor: int
    workers: Sequence[tuple[str, str]]
    senders: Sequence[Sender]

    @property
    def inbox(self) -> str:
        """What messages are addressed and signed for."""
        return f"http://127.0.0.1:{self.product}/inbox"


def main() -> int:
    """Measure and tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--needs", type=int, default=10_000)
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--port", type=int, default=26_500)
    parser.add_argument("--floor-port", type=int, help="next to the product's, if not said")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    ports = options.port, options.floor_port or options.port + 1
    with tempfile.TemporaryDirectory(prefix="tornallom-bench-") as folder, ExitStack() as stack:
        bench = _begin(stack, Path(folder), options.needs, ports)
        found = asyncio.run(_measure(bench, options.rounds, options.requests))
    told = [operation.told() for operation in found]
    print(json.dumps({"needs": options.needs, "operations": told}) if options.json else table(told))
    return 0


def _begin(stack: ExitStack, folder: Path, needs: int, ports: tuple[int, int]) -> Bench:
    postgres = stack.enter_context(start_postgres(folder / "data"))
    valkey = stack.enter_context(start_valkey(folder / "data"))
    postgres.ensure_database("bench")
    url, owner = postgres.url("bench", role="app"), postgres.url("bench", role="owner")
    asyncio.run(migrate.upgrade(owner))
    workers = asyncio.run(seed(owner, needs, CLAIMANTS))
    senders = asyncio.run(make_senders(owner, SENDERS))
    settings = {
        "TORNALLOM_DATABASE_URL": url,
        "TORNALLOM_DATABASE_OWNER_URL": owner,
        "TORNALLOM_REDIS_URL": valkey.url(),
        "TORNALLOM_DATA_DIR": str(folder / "data"),
        "TORNALLOM_NO_BOOTSTRAP": "1",
        "TORNALLOM_LOG_LEVEL": "WARNING",
    }
    serve = ["-m", "app", "serve", "--no-worker", "--no-workspace", "--port", str(ports[0])]
    stack.enter_context(_running([sys.executable, *serve], settings, ports[0]))
    bench = Bench(owner, *ports, workers, senders)
    _start_floor(stack, url, bench)
    return bench


def _start_floor(stack: ExitStack, url: str, bench: Bench) -> None:
    """Start the floor; what a stranger is told of claiming is a constant, learnt beforehand."""
    _, body = asyncio.run(ask(bench.product, request("GET", "/api/v1/needs?limit=1")))
    keys = {
        f"{sender.origin}/actor#key": sender.key.public_key().public_bytes_raw().hex()
        for sender in bench.senders
    }
    settings = {
        "BENCH_DATABASE_URL": url,
        "BENCH_MAY_CLAIM": json.dumps(json.loads(body)["items"][0]["may_claim"]),
        "BENCH_KEYS": json.dumps(keys),
        "BENCH_INBOX": bench.inbox,
    }
    words = [sys.executable, "-m", "uvicorn", "bench.floor:application"]
    quiet = ["--port", str(bench.floor), "--no-access-log", "--log-level", "error"]
    stack.enter_context(_running([*words, *quiet], settings, bench.floor))


@contextmanager
def _running(command: list[str], settings: dict[str, str], port: int) -> Iterator[None]:
    with subprocess.Popen(  # noqa: S603 - our own commands
        command, cwd=PROJECT, env={**os.environ, **settings}, stdout=subprocess.DEVNULL
    ) as process:
        try:
            wait_for_answer(process, f"http://127.0.0.1:{port}/livez")
            yield
        finally:
            process.terminate()
            process.wait()


async def _measure(bench: Bench, rounds: int, requests: int) -> list[Operation]:
    found = [Operation(name) for name in LISTS]
    for operation in found:
        await _compare(bench, LISTS[operation.name])
    race = Operation(f"claim, {CLAIMANTS} at once on {PLACES} places")
    inbox = Operation("inbox, verify and store")
    await _refuse_tampered(bench)
    for _ in range(rounds):
        for operation in found:
            asked = [request("GET", LISTS[operation.name])] * requests
            for port, rates in ((bench.floor, operation.floor), (bench.product, operation.product)):
                answers = await drive(port, asked, CONNECTIONS)
                assert set(answers.statuses) == {200}, answers.statuses
                rates.append(answers.rate)
        race.floor.append((await _race(bench, bench.floor)).rate)
        race.product.append((await _race(bench, bench.product)).rate)
        inbox.floor.append((await _deliver(bench, bench.floor)).rate)
        inbox.product.append((await _deliver(bench, bench.product)).rate)
    return [*found, race, inbox]


async def _compare(bench: Bench, target: str) -> None:
    """Both sides must say the same before anything is measured."""
    floor = await ask(bench.floor, request("GET", target))
    product = await ask(bench.product, request("GET", target))
    assert floor[0] == product[0] == 200, (target, floor[0], product[0])
    theirs, ours = json.loads(floor[1]), json.loads(product[1])
    assert theirs["items"], f"{target} finds nothing to compare"
    ours.pop("total_estimate")  # the floor does not guess how many there are
    for side in (theirs, ours):  # a cursor is its maker's own
        side["next_cursor"] = side["next_cursor"] is not None
    different = _difference(theirs, ours)
    assert not different, f"{target}: the two sides answer differently: {different}"


def _difference(theirs: Any, ours: Any, at: str = "") -> str:
    """Return the first place at which two answers differ."""
    if isinstance(theirs, dict) and isinstance(ours, dict) and theirs.keys() == ours.keys():
        return next((d for k in theirs if (d := _difference(theirs[k], ours[k], f"{at}/{k}"))), "")
    if isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        pairs = enumerate(zip(theirs, ours, strict=True))
        return next((d for n, (a, b) in pairs if (d := _difference(a, b, f"{at}/{n}"))), "")
    return "" if theirs == ours else f"{at}: {theirs!r:.300} and {ours!r:.300}"


async def _race(bench: Bench, port: int) -> Answers:
    """200 people claim one need at once; exactly three may have it, on either side."""
    need = await instant_need(bench.url, PLACES)
    asked = [
        request(
            "POST",
            f"/api/v1/needs/{need}/claims",
            [f"Authorization: Bearer {token}", f"X-Worker: {account}"],
            b"{}",
        )
        for account, token in bench.workers
    ]
    answers = await drive(port, asked, CLAIMANTS)
    assert answers.statuses == {201: PLACES, 409: CLAIMANTS - PLACES}, answers.statuses
    return answers


async def _deliver(bench: Bench, port: int) -> Answers:
    """Signed messages of many peers; each must be accepted."""
    answers = await drive(port, [_mail(bench, n) for n in range(LETTERS)], CONNECTIONS)
    assert answers.statuses == {202: LETTERS}, answers.statuses
    return answers


def _mail(bench: Bench, number: int) -> bytes:
    headers, body = letter(bench.senders[number % SENDERS], bench.inbox)
    return request("POST", "/inbox", [*headers, f"Host: 127.0.0.1:{bench.product}"], body)


async def _refuse_tampered(bench: Bench) -> None:
    """A side that takes an altered message has nothing to be measured for."""
    for port in (bench.floor, bench.product):
        status, _ = await ask(port, _mail(bench, 0).replace(b"piano", b"table"))
        assert status == 401, f"port {port} answered {status} to an altered message"


def table(told: Sequence[dict[str, object]]) -> str:
    """Say it in lines."""
    lines = [f"{'operation':<36}{'floor/s':>10}{'product/s':>11}{'ratio':>8}  (min-max, n)"]
    for row in told:
        span = f"({row['ratio_min']}-{row['ratio_max']}, {row['rounds']})"
        rates = f"{row['floor_per_second']:>10}{row['product_per_second']:>11}"
        lines.append(f"{row['operation']:<36}{rates}{row['ratio']:>8}  {span}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())

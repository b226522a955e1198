"""Real processes of the service, started as an operator would, to be raced and killed."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

PROJECT = Path(__file__).resolve().parents[2]
PORTS = range(26_000, 27_000)
START_SECONDS = 60.0


def wait_until(happened: Callable[[], bool], seconds: float = START_SECONDS) -> None:
    """Look again and again until it happened, or fail when it takes too long."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def free_port() -> int:
    """Find a port that nobody listens on."""
    for port in random.sample(PORTS, 200):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    message = "no free port"
    raise AssertionError(message)


class Process:
    """`python -m app …` in a process of its own, with its log in a file."""

    def __init__(self, words: list[str], settings: Mapping[str, str], log: Path) -> None:
        """Start it; `settings` are TORNALLOM_* without the prefix."""
        self.log = log
        kept = {k: v for k, v in os.environ.items() if not k.startswith("TORNALLOM_")}
        given = {f"TORNALLOM_{name}": value for name, value in settings.items()}
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app", *words],
                cwd=PROJECT,
                env={**kept, **given, "TORNALLOM_NO_BOOTSTRAP": "1", "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def kill(self) -> None:
        """End it at once, with kill -9."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Ask it to end, as an operator does, and insist after a while."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.kill()

    def said(self) -> str:
        """Return everything it wrote."""
        return self.log.read_text("utf-8", "replace")

    def __enter__(self) -> Self:
        """Give the process itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it, whatever happened."""
        self.stop()


class Api(Process):
    """An API process without a worker."""

    def __init__(self, settings: Mapping[str, str], folder: Path, port: int | None = None) -> None:
        """Start it on a port of its own; ready once it answers."""
        self.port = port or free_port()
        words = ["serve", "--no-worker", "--no-workspace", "--port", str(self.port)]
        super().__init__(words, settings, folder / f"api-{self.port}.log")

    @property
    def origin(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def wait(self) -> Self:
        """Wait until it answers."""
        wait_until(self._answers)
        return self

    def _answers(self) -> bool:
        assert self.process.poll() is None, f"it ended:\n{self.said()[-2000:]}"
        try:
            return httpx.get(f"{self.origin}/livez", timeout=5).status_code == 200
        except httpx.TransportError:
            return False


@contextmanager
def api_processes(settings: Mapping[str, str], folder: Path, count: int) -> Iterator[list[Api]]:
    """Some API processes beside each other on one database."""
    started: list[Api] = []
    try:
        started += [Api(settings, folder) for _ in range(count)]
        yield [api.wait() for api in started]
    finally:
        for api in started:
            api.stop()


@asynccontextmanager
async def callers(apis: list[Api]) -> AsyncIterator[list[httpx.AsyncClient]]:
    """One client for each process, with room for many requests at once."""
    # Shorter than the server's own: a connection that it is just closing must not be used again.
    limits = httpx.Limits(max_connections=400, max_keepalive_connections=400, keepalive_expiry=2)
    clients = [
        httpx.AsyncClient(base_url=f"{a.origin}/api/v1", limits=limits, timeout=60) for a in apis
    ]
    try:
        yield clients
    finally:
        for client in clients:
            await client.aclose()

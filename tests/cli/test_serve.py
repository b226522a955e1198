"""`serve` with nothing given: it starts what it needs, heals it, and takes all of it along."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.infra.embedded_help import children_of, is_gone, kill, wait_for

START_SECONDS = 120


class Service:
    """A `serve` of its own, in a folder of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.log = folder / "serve.log"
        environment = {k: v for k, v in os.environ.items() if not k.startswith("TORNALLOM_")}
        command = [sys.executable, "-m", "app", "serve", "--port", str(self.port)]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [*command, "--data-dir", str(folder / "data"), *arguments],
                env={**environment, "TORNALLOM_NO_BOOTSTRAP": "1"},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def said(self) -> str:
        return self.log.read_text("utf-8", "replace")

    def ready(self) -> bool:
        assert self.process.poll() is None, self.said
        try:
            answer = httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=20)
        except httpx.TransportError:
            return False
        return answer.is_success

    def wait(self) -> "Service":
        wait_for(self.ready, START_SECONDS)
        return self

    def servers(self) -> dict[str, int]:
        """Its PostgreSQL and its Valkey, by name."""
        # A server may rewrite its command line; the program it runs stays.
        return {
            Path(f"/proc/{pid}/exe").readlink().name: pid for pid in children_of(self.process.pid)
        }


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    started: list[Service] = []

    def start(*arguments: str) -> Service:
        started.append(Service(tmp_path, *arguments))
        return started[-1]

    yield start
    for service in started:
        if service.process.poll() is None:
            service.process.send_signal(signal.SIGTERM)
            service.process.wait(60)


def test_it_starts_heals_and_stops_everything(serve: Callable[..., Service]) -> None:
    service = serve().wait()
    assert re.search(
        r"setup_link='http://127\.0\.0\.1:\d+/app/setup\?token=[\w-]{40,}'", service.said
    )
    assert f"Tornallom answers at http://127.0.0.1:{service.port}" in service.said
    assert httpx.get(f"http://127.0.0.1:{service.port}/").is_success

    first = service.servers()
    assert set(first) == {"postgres", "valkey-server"}
    kill(*first.values())
    wait_for(lambda: all(map(is_gone, first.values())))
    wait_for(lambda: "Valkey had ended and was started again." in service.said)
    service.wait()
    second = service.servers()
    assert set(second) == set(first)
    assert not set(second.values()) & set(first.values())

    service.process.send_signal(signal.SIGTERM)
    assert service.process.wait(60) == 0
    assert service.said.rstrip().endswith("Stopped.")
    assert all(map(is_gone, second.values()))


def test_killed_it_takes_its_servers_along_and_starts_again(
    serve: Callable[..., Service],
) -> None:
    service = serve("--no-worker").wait()
    servers = service.servers()
    service.process.kill()
    service.process.wait()
    wait_for(lambda: all(map(is_gone, servers.values())))
    begun = time.monotonic()
    again = serve("--no-worker").wait()
    assert again.said.count("The database is at the newest schema.") == 1  # only the first time
    assert time.monotonic() - begun < START_SECONDS


def test_a_taken_port_is_told_before_anything_starts(
    serve: Callable[..., Service], tmp_path: Path
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        service = serve("--port", port)
        assert service.process.wait(60) == 1
    assert f"Cannot listen on 127.0.0.1:{port}" in service.said
    assert "Traceback" not in service.said
    assert not (tmp_path / "data").exists()

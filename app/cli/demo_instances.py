"""Two real instances for the demo: two databases, two ports, two keys, each `serve` of its own."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from app.cli.demo_tap import Tap
from app.cli.demo_world import NORTH_NAME, SOUTH_NAME
from app.cli.output import CommandError
from app.infra.embedded import (
    EmbeddedPostgres,
    EmbeddedValkey,
    children,
    start_postgres,
    start_valkey,
)

if TYPE_CHECKING:
    from app.infra.runtime import Runtime

PROJECT = Path(__file__).resolve().parents[2]
START_SECONDS_MAX = 90.0
STOP_STEPS = ((signal.SIGTERM, 25.0), (signal.SIGINT, 3.0))
PORTS = (8801, 8802)
NORTH_HOST = "127.0.0.1"
# Cookies do not tell ports apart: on another loopback address one browser can be signed in to
# both. Only Linux has the whole of 127/8.
SOUTH_HOST = "127.0.0.2" if sys.platform == "linux" else "127.0.0.1"


@dataclass
class Instance:
    """One running instance."""

    name: str
    origin: str
    log: Path
    process: "subprocess.Popen[bytes]"
    settings: Mapping[str, str]

    def runtime(self) -> "Runtime":
        """Return tools of our own on its database."""
        from app.infra.runtime import make_runtime

        return make_runtime(
            database_url=self.settings["DATABASE_URL"],
            redis_url=self.settings["REDIS_URL"],
            origin=self.origin,
            data_dir=Path(self.settings["DATA_DIR"]),
            pool_size=2,
        )

    def setup_token(self) -> str:
        """Return the one-time token, from the log, where its steward finds it too."""
        for line in reversed(self.log.read_text("utf-8").splitlines()):
            with_link = json.loads(line).get("setup_link") if line.startswith("{") else None
            if with_link:
                return str(with_link).rpartition("token=")[2]
        message = f"{self.name} logged no set-up link; see {self.log}."
        raise CommandError(message)


@dataclass
class TwoInstances:
    """North and south, and what goes over the wire to the south."""

    north: Instance
    south: Instance
    tap: Tap


@asynccontextmanager
async def two_instances(folder: Path) -> AsyncIterator[TwoInstances]:
    """Start both, wait until they answer, and stop them at the end."""
    with ExitStack() as stack:
        north_place = stack.enter_context(_listen(NORTH_HOST, PORTS[0]))
        south_place = stack.enter_context(_listen(SOUTH_HOST, PORTS[1]))
        inner_place = stack.enter_context(_listen("127.0.0.1", 0))
        origins = [
            f"http://{host}:{port}" for host, port in map(_address, (north_place, south_place))
        ]
        inner_port = _address(inner_place)[1]
        north_port = _address(north_place)[1]
        for place in (north_place, inner_place):
            place.close()  # for the instance itself to take
        postgres = stack.enter_context(start_postgres(folder))
        valkey = stack.enter_context(start_valkey(folder))
        shared = _Shared(folder, postgres, valkey, origins)
        north = stack.enter_context(shared.run("north", NORTH_NAME, 0, north_port))
        south = stack.enter_context(shared.run("south", SOUTH_NAME, 1, inner_port))
        async with Tap(south_place, inner_port) as tap:
            await asyncio.gather(_until_ready(north), _until_ready(south))
            yield TwoInstances(north, south, tap)


def _address(place: socket.socket) -> tuple[str, int]:
    host, port = place.getsockname()[:2]
    return str(host), int(port)


@contextmanager
def _listen(host: str, port: int) -> Iterator[socket.socket]:
    """Listen at a port, or at any free one when it is taken."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as place:
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            place.bind((host, port))
        except OSError:
            place.bind((host, 0))
        place.listen(256)
        yield place


@dataclass
class _Shared:
    """What both stand on."""

    folder: Path
    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey
    origins: list[str]

    @contextmanager
    def run(self, name: str, shown: str, number: int, port: int) -> Iterator[Instance]:
        """Run `serve` as a process of its own."""
        self.postgres.ensure_database(name)
        data_dir = self.folder / name
        data_dir.mkdir(exist_ok=True)
        log = data_dir / "serve.log"
        settings = {
            "DATABASE_URL": self.postgres.url(name),
            "DATABASE_OWNER_URL": self.postgres.url(name, "owner"),
            "REDIS_URL": self.valkey.url(number),
            "DATA_DIR": str(data_dir),
            "INSTANCE_NAME": shown,
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "BASE_URL": self.origins[number],
            "DEV_PEERS": json.dumps([self.origins[1 - number]]),
            "LOG_LEVEL": "WARNING",
            "LOG_JSON": "true",
            "SWEEP_SECONDS": "1",
            "NO_BOOTSTRAP": "1",
        }
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - our own program
                [*_tied_to_us(), sys.executable, "-m", "app", "serve", "--no-workspace"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=PROJECT,
                env=_environment(settings),
                start_new_session=True,  # Ctrl-C is for us; we stop them
            )
        try:
            yield Instance(shown, self.origins[number], log, process, settings)
        finally:
            children.stop(process, STOP_STEPS)


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Keep the surroundings, and none of the operator's own settings of an instance."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("TORNALLOM_", "_TORNALLOM"))}
    return {**kept, **{f"TORNALLOM_{name}": value for name, value in settings.items()}}


def _tied_to_us() -> list[str]:
    """Return the words before a command that end it when we end, however that happens."""
    if sys.platform != "linux":
        return []
    script = Path(children.__file__).with_name("die_with_parent.py")
    return [sys.executable, "-I", "-S", str(script), str(os.getpid()), str(int(signal.SIGTERM))]


async def _until_ready(instance: Instance) -> None:
    deadline = time.monotonic() + START_SECONDS_MAX
    async with httpx.AsyncClient(trust_env=False) as client:
        while time.monotonic() < deadline:
            if instance.process.poll() is not None:
                break
            try:
                answer = await client.get(f"{instance.origin}/readyz", timeout=5)
            except httpx.HTTPError:
                await asyncio.sleep(0.1)
                continue
            if answer.status_code == httpx.codes.OK:
                return
            await asyncio.sleep(0.1)
    tail = children.log_tail(instance.log)
    message = f"The instance {instance.name} did not start; its log ends with:\n{tail}"
    raise CommandError(message)

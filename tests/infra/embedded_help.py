"""What the tests of both embedded servers share: accounts, folders, parents to kill."""

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from app.infra.embedded.binaries import postgres_binary, valkey_binary

PROJECT = Path(__file__).resolve().parents[2]
AS_ROOT = os.geteuid() == 0
# As root both ways of running are tried; an ordinary person can only be themselves.
ACCOUNTS = ["root", "nobody"] if AS_ROOT else ["ourselves"]


@dataclass
class World:
    """One account's interpreter, code and folder."""

    account: str
    folder: Path
    command: list[str]
    environment: dict[str, str]
    parents: list["Parent"] = field(default_factory=list)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def parent(self, kind: str, folder: Path | None = None) -> "Parent":
        made = Parent(self, kind, folder or self.data)
        self.parents.append(made)
        return made


class Parent:
    """A process that started a server, and talks."""

    def __init__(self, world: World, kind: str, folder: Path) -> None:
        self.process = subprocess.Popen(
            [*world.command, "-m", "tests.infra.embedded_parent", str(folder), kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=world.environment["CODE"],
            env=world.environment,
        )

    def hear(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the parent died"
        told: dict[str, Any] = json.loads(line)
        return told

    def ask(self, words: str) -> dict[str, Any]:
        assert self.process.stdin is not None
        print(words, file=self.process.stdin, flush=True)
        return self.hear()

    def kill(self) -> None:
        self.process.kill()
        self.close()

    def close(self) -> None:
        with suppress(OSError, ValueError):  # its pipes may be broken, or closed already
            self.process.communicate("", timeout=60)
        self.process.wait()


def code_for_everyone() -> Iterator[Path]:
    """Copy what the servers need to where any account may read it."""
    folder = Path(tempfile.mkdtemp(prefix="tornallom-code-"))
    for part in ("app/infra/embedded", "tests/infra"):
        shutil.copytree(PROJECT / part, folder / part)
    for package in ("app", "app/infra", "tests"):
        (folder / package / "__init__.py").touch()
    for inside in (postgres_binary("postgres").parents[2], valkey_binary().parents[2]):
        shutil.copytree(inside, folder / inside.name)
        libraries = inside.with_name(f"{inside.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, folder / libraries.name)
    subprocess.run(["chmod", "-R", "a+rX", str(folder)], check=True)  # noqa: S607
    yield folder
    shutil.rmtree(folder)


def make_world(account: str, code: Path) -> Iterator[World]:
    folder = Path(tempfile.mkdtemp(prefix="tnl-"))
    environment = {"PATH": os.environ["PATH"], "CODE": str(code), "PYTHONPATH": str(code)}
    command = [sys.executable]
    if account == "nobody":
        entry = pwd.getpwnam("nobody")
        os.chown(folder, entry.pw_uid, entry.pw_gid)
        words = ["setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups"]
        command = [*words, _interpreter_for(words)]
    world = World(account, folder, command, environment)
    yield world
    for parent in world.parents:
        parent.close()
    shutil.rmtree(folder)


def _interpreter_for(words: list[str]) -> str:
    """Find a Python that another account may run (root's own may stand below /root)."""
    # setpriv still has root's rights when it starts the program, which then must not need them.
    fits = "sys.version_info >= (3, 11) and os.access(sys.executable, os.X_OK)"
    probe = ["-c", f"import os, sys; sys.exit(not ({fits}))"]
    for name in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        if subprocess.run([*words, name, *probe], check=False, capture_output=True).returncode == 0:
            return name
    pytest.skip("no Python >= 3.11 on this machine may be run by the account `nobody`")


def wait_for(happened: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def is_gone(pid: int) -> bool:
    """Whether a process has ended; a zombie has."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state == "Z"


def children_of(parent: int) -> list[int]:
    """List the processes that a process started."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(path.read_text("utf-8").rpartition(")")[2].split()[1]) == parent:
                found.append(int(path.parent.name))
    return found


def kill(*pids: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def psql(url: str, statements: str) -> str:
    """Run SQL with the embedded client; raises what the server says."""
    done = subprocess.run(
        [str(postgres_binary("psql")), "-X", "-qAt", "-v", "ON_ERROR_STOP=1", url],
        input=statements,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return done.stdout.strip()

